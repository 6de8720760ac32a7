"""Words of market data."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["OHLCDataInterval", "SystemStatus", "TradableAssetPairInfo"]


class OHLCDataInterval(IntEnum):
    """The length of a candle, minutes."""

    ONE_MINUTE = 1
    FIVE_MINUTES = 5
    FIFTEEN_MINUTES = 15
    THIRTY_MINUTES = 30
    ONE_HOUR = 60
    FOUR_HOURS = 240
    ONE_DAY = 1440
    SEVEN_DAYS = 10080
    FIFTEEN_DAYS = 21600
    ONE_WEEK = 10080


class SystemStatus(StrEnum):
    """The state of the exchange."""

    CANCEL_ONLY = "cancel_only"
    MAINTENANCE = "maintenance"
    ONLINE = "online"
    POST_ONLY = "post_only"


class TradableAssetPairInfo(StrEnum):
    """Which fields of a pair are asked for."""

    FEES = "fees"
    INFO = "info"
    LEVERAGE = "leverage"
    MARGIN = "margin"
