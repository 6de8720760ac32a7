"""Endpoints, channels and asset classes of the unified WebSocket, each with its source.

Pages are those of docs.kraken.com, section "Unified WebSocket", read in November 2026. "Inferred"
marks what no page says.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = [
    "ASSET_CLASSES",
    "UNIFIED_PRIVATE_URL",
    "UNIFIED_PUBLIC_URL",
    "AssetClass",
    "TickType",
    "UnifiedChannel",
]


class AssetClass(StrEnum):
    """The market that a request is about. Spot is announced for the first quarter of 2027."""

    SPOT = "spot"
    DERIVATIVES = "derivatives"


class UnifiedChannel(StrEnum):
    """The channels."""

    TICKER = "ticker"
    BOOK = "book"
    LEVEL3 = "level3"
    TRADE = "trade"
    OHLC = "ohlc"
    INSTRUMENT = "instrument"
    EXECUTIONS = "executions"
    BALANCES = "balances"
    POSITIONS = "positions"
    MARGIN = "margin"
    LEDGERS = "ledgers"
    PREFERENCES = "preferences"
    HEARTBEAT = "heartbeat"
    STATUS = "status"


class TickType(StrEnum):
    """The price that candles are made of (page "OHLC")."""

    TRADE = "trade"
    MARK = "mark"
    SPOT = "spot"


#: Page "Unified WebSocket": public channels. That of `level3` is printed on its page.
UNIFIED_PUBLIC_URL: Final = "wss://uws.kraken.com/v2/public"
#: Page "Unified WebSocket": private channels and order entry.
UNIFIED_PRIVATE_URL: Final = "wss://uws.kraken.com/v2/private"

_EACH: Final = (AssetClass.SPOT.value, AssetClass.DERIVATIVES.value)
_DERIVATIVES: Final = (AssetClass.DERIVATIVES.value,)

#: The values of `asset_class` in requests, by channel or method. Requests that are not listed have
#: no such parameter: `balances`, `ledgers` (which refuses it) and `preferences`.
ASSET_CLASSES: Final = MappingProxyType(
    {
        "ticker": _EACH,
        "book": _EACH,
        "level3": _EACH,  # inferred: the table of its page was not read
        "trade": _EACH,
        "ohlc": _EACH,
        "instrument": _EACH,
        "executions": _EACH,
        "positions": _DERIVATIVES,
        "margin": _DERIVATIVES,
        "add_order": _EACH,
        "amend_order": _EACH,
        "cancel_order": _EACH,
        "cancel_all": _EACH,
        "cancel_all_orders_after": _EACH,  # inferred: the table of its page was not read
        "batch_add": _EACH,
        "batch_cancel": _EACH,
        "set_preference": _DERIVATIVES,
    }
)
