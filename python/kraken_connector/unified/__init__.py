"""A client of Kraken's unified WebSocket, `uws.kraken.com`: a preview.

Derivatives are live there; spot is announced for the first quarter of 2027. Parts of the protocol
could not be read, and docs/unified.md lists every guess. Names and behaviour may change.
"""

from __future__ import annotations

from .client import ClientOptions, UnifiedClient
from .constants import (
    ASSET_CLASSES,
    UNIFIED_PRIVATE_URL,
    UNIFIED_PUBLIC_URL,
    AssetClass,
    TickType,
    UnifiedChannel,
)
from .models import (
    DerivativesPosition,
    LedgerEntry,
    LedgersMessage,
    MarginMessage,
    PositionsMessage,
    PreferencesMessage,
)
from .subscribe import (
    BalancesParams,
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    LedgersParams,
    Level3Params,
    MarginParams,
    OHLCParams,
    PositionsParams,
    PreferencesParams,
    TickerParams,
    TradeParams,
    UnifiedParams,
)
from .trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    SetPreferenceParams,
    UnifiedOrderParams,
)

__all__ = [
    "ASSET_CLASSES",
    "UNIFIED_PRIVATE_URL",
    "UNIFIED_PUBLIC_URL",
    "AddOrderParams",
    "AmendOrderParams",
    "AssetClass",
    "BalancesParams",
    "BatchAddParams",
    "BatchCancelParams",
    "BookParams",
    "CancelAllOrdersAfterParams",
    "CancelAllParams",
    "CancelOrderParams",
    "ClientOptions",
    "DerivativesPosition",
    "ExecutionsParams",
    "InstrumentParams",
    "LedgerEntry",
    "LedgersMessage",
    "LedgersParams",
    "Level3Params",
    "MarginMessage",
    "MarginParams",
    "OHLCParams",
    "PositionsMessage",
    "PositionsParams",
    "PreferencesMessage",
    "PreferencesParams",
    "SetPreferenceParams",
    "TickType",
    "TickerParams",
    "TradeParams",
    "UnifiedChannel",
    "UnifiedClient",
    "UnifiedOrderParams",
    "UnifiedParams",
]
