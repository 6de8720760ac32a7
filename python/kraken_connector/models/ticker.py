"""Channel `ticker`: best bid and offer with rolling 24-hour statistics."""

from __future__ import annotations

from typing import ClassVar

from .base import model
from .timestamps import Timestamped


@model
class TickerData(Timestamped):
    """One pair's ticker.

    With the default trigger `trades` the quotes move only when a trade happens.

    Attributes:
        symbol: currency pair, `BTC/USD`.
        bid: best bid price in quote currency.
        bid_qty: quantity at the best bid in base currency.
        ask: best ask price in quote currency.
        ask_qty: quantity at the best ask in base currency.
        last: price of the last trade; absent when there was none in 24 hours.
        volume: 24-hour volume in base currency.
        vwap: 24-hour volume-weighted average price.
        low: 24-hour low.
        high: 24-hour high.
        change: 24-hour change in quote currency.
        change_pct: 24-hour change in percentage points.
        timestamp: RFC 3339 time of the exchange.
        trades: number of trades in 24 hours (not documented by the exchange, seen since 2026).
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset({"symbol"})

    symbol: str
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    last: float
    volume: float
    vwap: float
    low: float
    high: float
    change: float
    change_pct: float
    timestamp: str | None = None
    trades: int | None = None
