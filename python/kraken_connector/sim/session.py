"""One client's conversation, without its socket: requests in, answers out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson

from . import messages, requests
from .allowance import SYMBOLS_PER_CONNECTION
from .encode import timestamp
from .requests import Refused, Request
from .trading import fields

if TYPE_CHECKING:
    from .connection import Connection
    from .server import SimulatedExchange

Option: TypeAlias = int | str | None
Topic: TypeAlias = tuple[str, str | None, Option]
"""Channel, symbol and option."""
Kind: TypeAlias = Literal["data", "answer", "reply", "pong", "heartbeat", "status"]
"""An `answer` is one to a subscribe or unsubscribe; order methods get a `reply`."""

_WARNINGS = {
    "ohlc": ["timestamp is deprecated, use interval_begin"],
    "instrument": ["tick_size is deprecated, use price_increment"],
    "executions": [
        "cancel_reason is deprecated, use reason",
        "stop_price is deprecated, use triggers.price",
        "trigger is deprecated use triggers.reference",
        "triggered_price is deprecated use triggers.last_price",
    ],
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to one client; faults look at it before it leaves.

    Attributes:
        kind: what family of message it is.
        payload: the text of the frame.
        channel: of data and of answers to subscriptions.
        type: `snapshot` or `update`, of data.
        symbol: the pair, where there is one.
        method: of replies.
    """

    kind: Kind
    payload: bytes
    channel: str | None = None
    type: str | None = None
    symbol: str | None = None
    method: str | None = None


@dataclass(eq=False, slots=True)
class Subscription:
    """One symbol of one channel on one connection, or a channel that has no symbols.

    Attributes:
        option: depth, candle interval or event trigger.
        sequence: number of the last message, private channels only.
        left: how many messages reach the client until a fault lets none through.
    """

    session: Session
    channel: str
    symbol: str | None
    option: Option
    params: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0
    left: float = math.inf

    @property
    def topic(self) -> Topic:
        """What all subscriptions to the same messages have in common."""
        return self.channel, self.symbol, self.option

    @property
    def identity(self) -> Topic:
        """What a connection may have only once: candles differ by interval, books not by depth."""
        return self.channel, self.symbol, self.option if self.channel == "ohlc" else None

    def send(self, payload: bytes, kind: Literal["snapshot", "update"]) -> None:
        """Send one channel message to the client."""
        if self.left > 0:
            self.left -= 1
            self.session.send(Outgoing("data", payload, self.channel, kind, self.symbol))

    def next_sequence(self) -> int:
        """Count a message of a private channel."""
        self.sequence += 1
        return self.sequence


class Session:
    """The subscriptions of one connection and the answers to its requests.

    Args:
        exchange: where feeds, tokens, faults and the journal are.
        connection: where messages go.
        number: of the connection, counted from 1.

    Attributes:
        long_form: whether messages have what only some of those on record have. Connections take
            turns.
    """

    def __init__(self, exchange: SimulatedExchange, connection: Connection, number: int) -> None:
        self.exchange = exchange
        self.connection = connection
        self.number = number
        self.long_form = number % 2 == 0
        self.connection_id = exchange.new_connection_id()
        self.subscriptions: dict[Topic, Subscription] = {}
        self._idle_since = asyncio.get_running_loop().time()
        self._tokens_in_use: set[str] = set()
        self._recent: list[int] = []

    def send(self, message: Outgoing) -> None:
        """Send a message, unless a fault has other plans for it."""
        self.exchange.deliver(self, message)

    def greet(self) -> None:
        """Send the system status, as on connect and on every change."""
        system = self.exchange.system
        identity = self.connection_id if self.exchange.shows_connection_ids else None
        coming = self.exchange.upcoming_maintenance
        long_form = bool(coming) or self.long_form
        payload = messages.status(system, identity, coming, long_form=long_form)
        self.send(Outgoing("status", payload, "status", "update"))

    def receive(self, text: str) -> None:
        """Answer one request; of those that come after the connection was lost, only orders."""
        request = Request.read(text, connection=self.number, received_ns=self.exchange.clock())
        if self.connection.closed.is_set() and request.method not in requests.TRADING_METHODS:
            return
        for arriving in self.exchange.faults.arriving(self, request):
            self.take(arriving)

    def take(self, request: Request) -> None:
        """Answer one request that arrived."""
        self.exchange.journal.record(request)
        self.exchange.run_due()
        try:
            self._check_rate(request)
            requests.check_envelope(request)
            self._dispatch(request)
        except Refused as refusal:
            self.refuse(request, refusal)

    def close(self) -> None:
        """Forget all subscriptions."""
        for subscription in self.subscriptions.values():
            self.exchange.registry.remove(subscription)
        self.subscriptions.clear()

    def idle_time(self) -> float:
        """Return for how many seconds there has been no subscription."""
        now = asyncio.get_running_loop().time()
        return 0.0 if self.subscriptions else now - self._idle_since

    def holds_token(self, token: str) -> bool:
        """Tell whether a live private subscription keeps `token` from expiring."""
        private = any(key[0] in requests.TOKEN_CHANNELS for key in self.subscriptions)
        return private and token in self._tokens_in_use

    def _check_rate(self, request: Request) -> None:
        limit = self.exchange.message_limit
        if limit is None:
            return
        since = request.received_ns - 1_000_000_000
        self._recent = [sent for sent in self._recent if sent > since]
        if len(self._recent) >= limit:
            raise Refused(requests.TOO_FAST)
        self._recent.append(request.received_ns)

    def _dispatch(self, request: Request) -> None:
        if request.method == "ping":
            self._pong(request)
        elif request.method == "subscribe":
            self._subscribe(request)
        elif request.method == "unsubscribe":
            self._unsubscribe(request)
        else:
            self._trade(request)

    def _pong(self, request: Request) -> None:
        self.send(Outgoing("pong", self._document(request, {"method": "pong"})))

    def _trade(self, request: Request) -> None:
        """Do what an order method asks for; the reply goes before the reports or after them."""
        requests.check_host(self.connection.host.role, "private")
        if "token" not in request.params:
            raise Refused(requests.NO_TOKEN)
        fields.check(request.method, request.params)
        if not self._accepts_token(request.params["token"]):
            raise Refused(requests.INVALID_TOKEN)
        exchange = self.exchange
        with exchange.stream.waiting() if exchange.reply_first else nullcontext():
            try:
                answers = exchange.desk.answer(request.method, request.params, request.received_ns)
            except Refused as refusal:
                self.refuse(request, refusal)
                return
            for answer in answers:
                self.reply(request, answer)

    def _subscribe(self, request: Request) -> None:
        channel = self._check_channel(request)
        for symbol in request.symbols or (None,):
            try:
                self._subscribe_one(request, channel, symbol)
            except Refused as refusal:
                self.refuse(request, refusal)

    def _subscribe_one(self, request: Request, channel: str, symbol: str | None) -> None:
        option = _option(request, channel)
        subscription = Subscription(self, channel, symbol, option, request.params)
        if refusal := self.exchange.faults.refusal_of(symbol):
            raise Refused(refusal, symbol=symbol)
        self.exchange.feed.check(subscription)
        if subscription.identity in self.subscriptions:
            raise Refused(requests.ALREADY_SUBSCRIBED, symbol=symbol)
        if channel == "level3":
            self._check_level3(subscription)
        if channel in requests.TOKEN_CHANNELS:
            self._tokens_in_use.add(request.params["token"])
        subscription.left = self.exchange.faults.lets_through(channel, symbol)
        ack = Outgoing("answer", self._ack(request, subscription), channel, None, symbol)
        if self.exchange.ack_first:
            self.send(ack)
        self._activate(subscription)
        if not self.exchange.ack_first:
            self.send(ack)

    def _check_level3(self, subscription: Subscription) -> None:
        """Refuse what is over the limits of the channel; the answers name no symbol."""
        if sum(key[0] == "level3" for key in self.subscriptions) >= SYMBOLS_PER_CONNECTION:
            raise Refused(requests.TOO_MANY_SYMBOLS)
        depth, now_ns = int(subscription.option or 0), self.exchange.clock()
        if not self.exchange.level3_allowance.spend(depth, now_ns):
            raise Refused(requests.TOO_MANY_SNAPSHOTS.format(subscription.symbol))

    def _activate(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.identity] = subscription
        self.exchange.registry.add(subscription)
        self.connection.start_heartbeats()
        self.exchange.start(subscription)
        self.exchange.journal.note(
            "subscribed",
            f"{subscription.channel} {subscription.symbol or ''}".strip(),
            connection=self.number,
        )

    def _unsubscribe(self, request: Request) -> None:
        channel = self._check_channel(request)
        for symbol in request.symbols or (None,):
            try:
                self._unsubscribe_one(request, channel, symbol)
            except Refused as refusal:
                self.refuse(request, refusal)

    def _unsubscribe_one(self, request: Request, channel: str, symbol: str | None) -> None:
        option = _option(request, channel)
        wanted = Subscription(self, channel, symbol, option)
        found = self.subscriptions.get(wanted.identity)
        any_option = channel == "book" and "depth" not in request.params
        if found is None or not (any_option or found.option == option):
            raise Refused(requests.SUBSCRIPTION_NOT_FOUND, method="subscribe", symbol=symbol)
        del self.subscriptions[found.identity]
        self._idle_since = asyncio.get_running_loop().time()
        self.exchange.registry.remove(found)
        result = {"channel": channel, "symbol": symbol} | _option_field(channel, found.option)
        self.send(Outgoing("answer", self._success(request, result), channel, None, symbol))
        self.exchange.journal.note(
            "unsubscribed", f"{channel} {symbol or ''}".strip(), connection=self.number
        )

    def _check_channel(self, request: Request) -> str:
        channel = requests.check_subscription(request)
        requests.check_host(self.connection.host.role, requests.role_of(channel))
        needs_token = channel in requests.TOKEN_CHANNELS
        if needs_token and not self._accepts_token(request.params.get("token", "")):
            raise Refused(requests.INVALID_SESSION, channel=channel)
        return channel

    def _accepts_token(self, token: str) -> bool:
        return self.exchange.tokens.accepts(token, in_use=self.holds_token(token))

    def _ack(self, request: Request, subscription: Subscription) -> bytes:
        channel = subscription.channel
        result: dict[str, Any] = {
            "channel": channel,
            "symbol": subscription.symbol,
            "snapshot": request.params.get("snapshot", True),
            "warnings": _WARNINGS.get(channel),
        }
        if channel == "executions":
            result["maxratecount"] = self.exchange.rates.tier.threshold
            result["snap_orders"] = request.params.get("snap_orders", True)
            result["snap_trades"] = request.params.get("snap_trades", False)
        if channel == "level3" and not self.long_form:
            return self._success(request, result)
        return self._success(request, result | _option_field(channel, subscription.option))

    def _success(self, request: Request, result: Mapping[str, Any]) -> bytes:
        given = {key: value for key, value in result.items() if value is not None}
        return self._document(request, {"method": request.method, "result": given, "success": True})

    def refuse(self, request: Request, refusal: Refused) -> None:
        """Answer a request with an error."""
        error = self.exchange.texts.get(refusal.error, refusal.error)
        answer: dict[str, Any] = {
            "error": error,
            "method": refusal.method or request.method or "error",
            "success": False,
        }
        if refusal.symbol is not None:
            answer["symbol"] = refusal.symbol
        if channel := refusal.channel or self._level3(request):
            answer |= {"channel": channel, "status": "error"}
        if request.method in requests.TRADING_METHODS:
            self.reply(request, answer)
        else:
            payload = self._document(request, answer)
            self.send(Outgoing("answer", payload, request.channel, None, refusal.symbol))
        self.exchange.journal.note("refused", error, connection=self.number)

    def reply(self, request: Request, answer: Mapping[str, Any]) -> None:
        """Answer a request of an order method."""
        payload = self._document(request, {"method": request.method, **answer})
        self.send(Outgoing("reply", payload, method=request.method))

    def _level3(self, request: Request) -> str | None:
        """Return the channel that all refusals of level3 name, the wrong host's ones excepted."""
        here = self.connection.host.plays("level3") and request.channel == "level3"
        return request.channel if here else None

    def _document(self, request: Request, answer: Mapping[str, Any]) -> bytes:
        """Return an answer with the request's number and times, keys in alphabetical order."""
        times = {
            "time_in": timestamp(request.received_ns),
            "time_out": timestamp(max(self.exchange.clock(), request.received_ns)),
        }
        number = {} if request.req_id is None else {"req_id": request.req_id}
        return orjson.dumps({**answer, **number, **times}, option=orjson.OPT_SORT_KEYS)


_OPTIONS: dict[str, tuple[str, Option]] = {
    "book": ("depth", 10),
    "level3": ("depth", 10),
    "ohlc": ("interval", 1),
    "ticker": ("event_trigger", "trades"),
}


def _option(request: Request, channel: str) -> Option:
    name, default = _OPTIONS.get(channel, ("", None))
    option: Option = request.params.get(name, default)
    return option


def _option_field(channel: str, option: Option) -> dict[str, Option]:
    name, _ = _OPTIONS.get(channel, ("", None))
    return {name: option} if name else {}
