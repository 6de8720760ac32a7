"""The results of REST calls: frozen, with exact numbers, times in nanoseconds and socket names.

`raw` of each result has what was received, with numbers as `int` and `Decimal`. Fields that this
version does not know are there only; a field of a wrong type raises `RestError`.
"""

from __future__ import annotations

from .account import (
    FeeSchedule,
    FeeTier,
    PairFee,
    RestBalance,
    RestPosition,
    TradeBalance,
    TradeVolume,
)
from .key import ApiKeyInfo
from .market import (
    AssetPair,
    Candle,
    Candles,
    Depth,
    DepthLevel,
    ListedFee,
    PublicTrade,
    PublicTrades,
    ServerTime,
    SystemStatus,
)
from .orders import RestFill, RestOrder
from .placed import RestAmended, RestCanceled, RestPlaced

__all__ = [
    "ApiKeyInfo",
    "AssetPair",
    "Candle",
    "Candles",
    "Depth",
    "DepthLevel",
    "FeeSchedule",
    "FeeTier",
    "ListedFee",
    "PairFee",
    "PublicTrade",
    "PublicTrades",
    "RestAmended",
    "RestBalance",
    "RestCanceled",
    "RestFill",
    "RestOrder",
    "RestPlaced",
    "RestPosition",
    "ServerTime",
    "SystemStatus",
    "TradeBalance",
    "TradeVolume",
]
