"""Channel `ohlc`: candles."""

from __future__ import annotations

from .base import model
from .timestamps import Timestamped, timestamp_ns


@model
class OHLCData(Timestamped):
    """One candle. A candle is final when one with a later `interval_begin` arrives.

    Attributes:
        symbol: currency pair, `BTC/USD`.
        open: first price of the interval.
        high: highest price.
        low: lowest price.
        close: last price.
        vwap: volume-weighted average price.
        trades: number of trades.
        volume: volume in base currency.
        interval: length of the candle in minutes.
        interval_begin: RFC 3339 start of the candle.
        timestamp: RFC 3339 end of the candle (deprecated by the exchange).
    """

    symbol: str
    open: float
    high: float
    low: float
    close: float
    vwap: float
    trades: int
    volume: float
    interval: int
    interval_begin: str
    timestamp: str | None = None

    @property
    def interval_begin_ns(self) -> int | None:
        """`interval_begin` in nanoseconds since the epoch."""
        return timestamp_ns(self.interval_begin)
