"""Parses requests, and refuses invalid ones with the exchange's error texts.

Recorded texts and shapes are kept exactly. Where no refusal was recorded (a bad depth or interval,
a wrong type), the text follows the pattern of the recorded ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import orjson

from . import level3
from .book import DEPTHS
from .statistics import INTERVALS

Role: TypeAlias = Literal["public", "private", "level3", "all"]
"""The channels that a host serves."""

PUBLIC_CHANNELS = ("ticker", "book", "trade", "ohlc", "instrument")
PRIVATE_CHANNELS = ("executions", "balances")
TOKEN_CHANNELS = (*PRIVATE_CHANNELS, "level3")
TRADING_METHODS = frozenset(
    {
        "add_order",
        "amend_order",
        "edit_order",
        "cancel_order",
        "cancel_all",
        "cancel_all_orders_after",
        "batch_add",
        "batch_cancel",
    }
)

PRIVATE_ELSEWHERE = (
    "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
)
PUBLIC_ELSEWHERE = (
    "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
)
LEVEL3_ELSEWHERE = (
    "Level3 market data subscriptions are unavailable on this endpoint. Try ws-l3.kraken.com"
)
"""No such refusal was recorded; the text follows the other two."""
ALREADY_SUBSCRIBED = "Already subscribed"
SUBSCRIPTION_NOT_FOUND = "Subscription Not Found"
INVALID_SESSION = "ESession:Invalid session"
"""Refuses a token of a subscription; captured."""
INVALID_TOKEN = "EAPI:Invalid token"
"""Refuses a token of an order request; Kraken's SDK."""
PERMISSION_DENIED = "EGeneral:Permission denied"
"""Refuses what the API key is not allowed to do, over REST and over sockets."""
MALFORMED = "Malformed request"
TOO_FAST = "Exceeded msg rate"
NO_TOKEN = "Token(s) not found"
UNSUPPORTED_EVENT = "Unsupported event"
TOO_MANY_SNAPSHOTS = (
    "Rate limit for snapshot requests exceeded, when trying to subscribe to {} level3 snapshot"
)
TOO_MANY_SYMBOLS = "Maximum number of level3 subscriptions exceeded"
"""No such refusal was recorded."""
UNSUPPORTED_PAIR = "Currency pair not supported {}"

_ELSEWHERE: dict[Role, str] = {
    "public": PUBLIC_ELSEWHERE,
    "private": PRIVATE_ELSEWHERE,
    "level3": LEVEL3_ELSEWHERE,
}

_FIELDS: dict[str, frozenset[str]] = {
    "ticker": frozenset({"symbol", "snapshot", "event_trigger"}),
    "book": frozenset({"symbol", "snapshot", "depth"}),
    "trade": frozenset({"symbol", "snapshot"}),
    "ohlc": frozenset({"symbol", "snapshot", "interval"}),
    "instrument": frozenset({"snapshot", "include_tokenized_assets", "execution_venue"}),
    "executions": frozenset(
        {
            "token",
            "snap_orders",
            "snap_trades",
            "order_status",
            "rebased",
            "ratecounter",
            "users",
            "snapshot",
            "snapshot_trades",
        }
    ),
    "balances": frozenset({"token", "snapshot", "rebased", "users"}),
    "level3": frozenset({"symbol", "snapshot", "depth", "token"}),
}


class Refused(Exception):
    """The request is answered with an error.

    Args:
        error: the exchange's text.
        method: `method` of the answer, if it is not the request's.
        symbol: `symbol` of the answer.
        channel: `channel` of the answer; only private channels have it.
    """

    def __init__(
        self,
        error: str,
        *,
        method: str | None = None,
        symbol: str | None = None,
        channel: str | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.method = method
        self.symbol = symbol
        self.channel = channel


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a client.

    Attributes:
        method: `subscribe`, `ping`, ...; `""` if it is missing.
        params: its object `params`; empty if it is missing. Fractions in requests of the order
            methods are `Decimal`, with the digits of the request.
        req_id: the client's number of the request, if any.
        connection: number of the connection, counted from 1.
        received_ns: when it was received, ns since the epoch.
        raw: the text.
        body: the whole document; empty if it is not a JSON object.
    """

    method: str
    params: Mapping[str, Any]
    req_id: int | None
    connection: int
    received_ns: int
    raw: str
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def channel(self) -> str | None:
        """The requested channel, if any."""
        channel = self.params.get("channel")
        return channel if isinstance(channel, str) else None

    @property
    def symbols(self) -> tuple[str, ...]:
        """The requested symbols, in order."""
        symbols = self.params.get("symbol")
        return tuple(symbols) if isinstance(symbols, list) else ()

    @classmethod
    def read(cls, raw: str, *, connection: int, received_ns: int) -> Request:
        """Parse `raw`, which may be any text."""
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            body = {}
        body = body if isinstance(body, dict) else {}
        if body.get("method") in TRADING_METHODS:
            body = json.loads(raw, parse_float=Decimal)
        method, params, req_id = body.get("method"), body.get("params"), body.get("req_id")
        return cls(
            method if isinstance(method, str) else "",
            params if isinstance(params, dict) else {},
            req_id if isinstance(req_id, int) and not isinstance(req_id, bool) else None,
            connection,
            received_ns,
            raw,
            body,
        )


def check_envelope(request: Request) -> None:
    """Check the request outside its `params`.

    Raises:
        Refused: it is malformed, has an unsupported field or an unknown method.
    """
    body = request.body
    if not request.method or ("req_id" in body and request.req_id is None):
        raise Refused(MALFORMED, method="error")
    allowed = {"method", "req_id"} if request.method == "ping" else {"method", "req_id", "params"}
    symbol = body.get("symbol")
    if stray := [key for key in body if key not in allowed]:
        named = symbol if isinstance(symbol, str) else None
        raise unsupported_field(stray[0], request.method, named)
    if request.method not in TRADING_METHODS | {"ping", "subscribe", "unsubscribe"}:
        raise Refused(UNSUPPORTED_EVENT)
    if "params" in body and not isinstance(body["params"], dict):
        raise Refused(MALFORMED, method="error")


def role_of(channel: str) -> Role:
    """Return the role of the host that serves a channel."""
    if channel == "level3":
        return "level3"
    return "private" if channel in PRIVATE_CHANNELS else "public"


def check_host(served: Role, wanted: Role) -> None:
    """Check that a host serves a role.

    Raises:
        Refused: it does not; the error names the host that does.
    """
    if served not in ("all", wanted):
        raise Refused(_ELSEWHERE[wanted])


def unsupported_field(name: str, method: str, symbol: str | None = None) -> Refused:
    """Return the refusal of an unknown key."""
    return Refused(f"Unsupported field: '{name}' for the given msg type: {method}", symbol=symbol)


def check_subscription(request: Request) -> str:
    """Check the params of a subscribe or unsubscribe and return the channel.

    Raises:
        Refused: unknown channel or field, wrong type, depth, interval or trigger.
    """
    channel = request.channel
    if channel not in _FIELDS:
        raise Refused(UNSUPPORTED_EVENT)
    for name, value in request.params.items():
        if name != "channel" and name not in _FIELDS[channel]:
            raise unsupported_field(name, request.method)
        _check_type(name, value)
        if name == "depth":
            _check_depth(channel, value)
    if "symbol" in _FIELDS[channel] and not request.symbols:
        raise Refused("Symbol field must be an array")
    return channel


def _check_type(name: str, value: object) -> None:
    expected, fits = _TYPES.get(name, ("a boolean", lambda given: isinstance(given, bool)))
    if not fits(value):
        raise Refused(f"{name.capitalize()} field must be {expected}")
    for choice, values, text in _CHOICES:
        if name == choice and value not in values:
            raise Refused(text)


def _check_depth(channel: str, depth: object) -> None:
    depths = level3.DEPTHS if channel == "level3" else DEPTHS
    if depth not in depths:
        raise Refused("Subscription depth not supported")


def _is_symbols(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(symbol, str) for symbol in value)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_TYPES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "symbol": ("an array", _is_symbols),
    "depth": ("a number_integer", _is_integer),
    "interval": ("a number_integer", _is_integer),
    "channel": ("a string", _is_text),
    "event_trigger": ("a string", _is_text),
    "execution_venue": ("a string", _is_text),
    "token": ("a string", _is_text),
    "users": ("a string", _is_text),
}
_CHOICES: tuple[tuple[str, tuple[object, ...], str], ...] = (
    ("interval", INTERVALS, "Subscription ohlc interval not supported"),
    ("event_trigger", ("trades", "bbo"), "Subscription event_trigger not supported"),
    ("users", ("all",), "Subscription users not supported"),
)
