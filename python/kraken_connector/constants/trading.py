"""Words of orders."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ConditionalCloseOrderType",
    "OrderFlags",
    "OrderStatus",
    "OrderTrigger",
    "OrderType",
    "SelfTradePreventionStrategy",
    "TimeInForce",
    "Trigger",
    "TypeOrder",
]


class ConditionalCloseOrderType(StrEnum):
    """The type of the order that a fill places."""

    LIMIT = "limit"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"


class OrderFlags(StrEnum):
    """Options of an order, for `oflags`."""

    VOLUME_IN_QUOTE_CURRENCY = "viqc"
    PREFER_FEE_IN_BASE_CURRENCY = "fcib"
    PREFER_FEE_IN_QUOTE_CURRENCY = "fciq"
    NO_MARKET_PRICE_PROTECTION = "nompp"
    POST_ONLY = "post"


class OrderStatus(StrEnum):
    """The status of an order."""

    CANCELED = "canceled"
    CLOSED = "closed"
    EXPIRED = "expired"
    OPEN = "open"
    PENDING = "pending"


class OrderTrigger(StrEnum):
    """The price that triggers an order."""

    INDEX = "index"
    LAST = "last"


class OrderType(StrEnum):
    """The type of an order."""

    LIMIT = "limit"
    MARKET = "market"
    SETTLE_POSITION = "settle-position"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"


class SelfTradePreventionStrategy(StrEnum):
    """Which order is cancelled when an account would trade with itself."""

    CANCEL_BOTH = "cancel-both"
    CANCEL_NEWEST = "cancel-newest"
    CANCEL_OLDEST = "cancel-oldest"


class TimeInForce(StrEnum):
    """How long an order stays in the book."""

    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"


class Trigger(StrEnum):
    """The price that triggers an order."""

    INDEX = "index"
    LAST = "last"


class TypeOrder(StrEnum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"
