"""Checks of requests, and the texts that refuse them.

Source: docs.kraken.com, Unified WebSocket. `INFERRED` texts follow the pattern of the printed ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..book import DEPTHS
from ..requests import Refused, Request
from ..statistics import INTERVALS

PUBLIC, PRIVATE = "/v2/public", "/v2/private"
EACH = ("spot", "derivatives")
FUTURES = ("derivatives",)

NOT_VALID = "'params.{}' is not valid for the {} channel"
ALREADY_SUBSCRIBED = "Already subscribed to {} channel"
NOT_AVAILABLE_YET = "Preferences are not available yet, try again later"
UNKNOWN_MARKET = "Unknown 'params.leverage_mode.symbol'"
EXCEEDS_SCHEDULE = "Leverage exceeds the market's margin schedule"
WOULD_LIQUIDATE = "Leverage change would cause liquidation"
INSUFFICIENT_MARGIN = "Insufficient margin for the requested leverage"
OUT_OF_RANGE = "Leverage is outside the permitted range for this market"
REJECTED = "Leverage change rejected"

REQUIRED = "'params.{}' is required"
INVALID = "'params.{}' is not valid"
WRONG_ENDPOINT = "The {} channel is not available on this endpoint"
NO_ORDERS_HERE = "Orders are not available on this endpoint"
NOT_SUBSCRIBED = "Not subscribed to {} channel"
UNKNOWN_CHANNEL = "Unknown 'params.channel'"
INFERRED = frozenset(
    {
        REQUIRED,
        INVALID,
        WRONG_ENDPOINT,
        NO_ORDERS_HERE,
        NOT_SUBSCRIBED,
        UNKNOWN_CHANNEL,
    }
)
"""No page prints these."""

_SUBSCRIBED = ("asset_class", "symbol", "snapshot")
CHANNELS: Mapping[str, tuple[str, tuple[str, ...] | None, frozenset[str]]] = {
    # The path, the accepted asset classes (`None` without the key), and the keys.
    "ticker": (PUBLIC, EACH, frozenset(_SUBSCRIBED)),
    "book": (PUBLIC, EACH, frozenset({*_SUBSCRIBED, "depth"})),
    "level3": (PUBLIC, EACH, frozenset({*_SUBSCRIBED, "depth", "token"})),
    "trade": (PUBLIC, EACH, frozenset(_SUBSCRIBED)),
    "ohlc": (PUBLIC, EACH, frozenset({*_SUBSCRIBED, "interval", "tick_type"})),
    "instrument": (PUBLIC, EACH, frozenset({"asset_class", "snapshot"})),
    "executions": (
        PRIVATE,
        EACH,
        frozenset(
            {
                "asset_class",
                "snap_trades",
                "snap_orders",
                "order_status",
                "ratecounter",
                "token",
                "snapshot_trades",
            }
        ),
    ),
    "positions": (
        PRIVATE,
        FUTURES,
        frozenset({"asset_class", "snapshot", "with_margin", "token"}),
    ),
    "margin": (PRIVATE, FUTURES, frozenset({"asset_class", "token"})),
    "balances": (PRIVATE, None, frozenset({"snapshot", "token"})),
    "ledgers": (PRIVATE, None, frozenset({"token"})),
    "preferences": (PRIVATE, None, frozenset({"token"})),
}
WITH_SYMBOLS = ("ticker", "book", "level3", "trade", "ohlc")
WITH_TOKEN = ("level3", *(name for name, rule in CHANNELS.items() if rule[0] == PRIVATE))
METHODS = (
    "add_order",
    "amend_order",
    "cancel_order",
    "cancel_all",
    "cancel_all_orders_after",
    "batch_add",
    "batch_cancel",
    "set_preference",
)
_CHOICES: Mapping[str, tuple[object, ...]] = {
    "depth": tuple(DEPTHS),
    "interval": tuple(INTERVALS),
    "tick_type": ("trade", "mark", "spot"),
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_channel(request: Request, path: str) -> str:
    """Check a subscribe or unsubscribe, and return the channel.

    Raises:
        Refused: it has an unknown key or value, lacks one, or came to the wrong endpoint.
    """
    channel, params = request.channel, request.params
    if channel is None or channel not in CHANNELS:
        raise Refused(UNKNOWN_CHANNEL)
    where, classes, keys = CHANNELS[channel]
    if path != where:
        raise Refused(WRONG_ENDPOINT.format(channel))
    for name, value in params.items():
        if name != "channel" and name not in keys:
            raise Refused(NOT_VALID.format(name, channel))
        if name in _CHOICES and value not in _CHOICES[name]:
            raise Refused(INVALID.format(name))
    if classes is not None:
        check_class(params, classes)
    if channel in WITH_SYMBOLS and not request.symbols:
        raise Refused(REQUIRED.format("symbol"))
    if channel == "positions" and {"snapshot", "with_margin"} <= params.keys():
        raise Refused(NOT_VALID.format("with_margin", channel))
    return channel


def check_class(params: Mapping[str, Any], classes: tuple[str, ...] = EACH) -> str:
    """Check the asset class of a request, and return it.

    Raises:
        Refused: it is missing or not one of `classes`.
    """
    if "asset_class" not in params:
        raise Refused(REQUIRED.format("asset_class"))
    if params["asset_class"] not in classes:
        raise Refused(INVALID.format("asset_class"))
    return str(params["asset_class"])


def number(params: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number of a request; a quoted one is refused.

    Raises:
        Refused: it is not a number.
    """
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise Refused(INVALID.format(name))
    return Decimal(value)
