"""The values of order parameters, each with its page of docs.kraken.com.

Messages have plain strings; a `StrEnum` member equals its string.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "FeePreference",
    "OrderSide",
    "PriceType",
    "STPType",
    "TimeInForce",
    "TriggerReference",
    "WSOrderType",
]


class OrderSide(StrEnum):
    """Side of an order or trade."""

    BUY = "buy"
    SELL = "sell"


class WSOrderType(StrEnum):
    """Order types (page "Add Order")."""

    LIMIT = "limit"
    MARKET = "market"
    ICEBERG = "iceberg"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"
    TRAILING_STOP_LIMIT = "trailing-stop-limit"
    SETTLE_POSITION = "settle-position"


class TimeInForce(StrEnum):
    """How long an order stays in force (page "Add Order"); upper case in `executions`."""

    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class TriggerReference(StrEnum):
    """Price that a triggered order watches (page "Add Order")."""

    INDEX = "index"
    LAST = "last"


class PriceType(StrEnum):
    """Whether a price is a level or an offset (page "Add Order")."""

    STATIC = "static"
    PCT = "pct"
    QUOTE = "quote"


class FeePreference(StrEnum):
    """Currency of the fee (page "Add Order")."""

    BASE = "base"
    QUOTE = "quote"


class STPType(StrEnum):
    """Self-trade prevention (page "Add Order")."""

    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
