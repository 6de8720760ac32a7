"""What an order can be, each with the page of docs.kraken.com that says so.

The enums describe; messages carry plain strings, and a `StrEnum` member equals its string.
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
    """How long an order lives (page "Add Order"); `executions` reports it in upper case."""

    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class TriggerReference(StrEnum):
    """Price that a triggered order watches (page "Add Order")."""

    INDEX = "index"
    LAST = "last"


class PriceType(StrEnum):
    """How a price is meant (page "Add Order")."""

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
