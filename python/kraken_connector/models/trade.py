"""Channel `trade`: public trades."""

from __future__ import annotations

from .base import model
from .timestamps import Timestamped


@model
class TradeData(Timestamped):
    """One trade.

    Attributes:
        symbol: currency pair, `BTC/USD`.
        side: side of the taker, `buy` or `sell`.
        qty: quantity in base currency.
        price: average price of the trade.
        ord_type: order type of the taker, `limit` or `market`.
        trade_id: sequence number, unique per pair.
        timestamp: RFC 3339 time of the exchange; several trades may share one.
    """

    symbol: str
    side: str
    qty: float
    price: float
    ord_type: str
    trade_id: int
    timestamp: str
