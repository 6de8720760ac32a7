"""Figures made from trades: the 24-hour figures of the ticker, and the candles."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Candle lengths in minutes that can be subscribed."""

SNAPSHOT_CANDLES = 20
MINUTE_NS = 60_000_000_000


@dataclass(slots=True)
class Totals:
    """Open, high, low, last in ticks; volume in lots; value in ticks times lots."""

    open: int
    high: int
    low: int
    last: int
    trades: int = 0
    volume: int = 0
    value: int = 0

    @classmethod
    def starting_at(cls, ticks: int) -> Totals:
        """Return totals without a trade."""
        return cls(ticks, ticks, ticks, ticks)

    def add(self, ticks: int, lots: int) -> None:
        """Count one trade."""
        self.high = max(self.high, ticks)
        self.low = min(self.low, ticks)
        self.last = ticks
        self.trades += 1
        self.volume += lots
        self.value += ticks * lots

    @property
    def vwap(self) -> int:
        """Volume-weighted average price in ticks, rounded down."""
        return self.value // self.volume if self.volume else self.last

    @property
    def change(self) -> int:
        """Last price less the opening price, in ticks."""
        return self.last - self.open

    @property
    def change_pct_hundredths(self) -> int:
        """Change in hundredths of a percentage point, rounded half up."""
        return (self.change * 20_000 + self.open) // (2 * self.open)


@dataclass(slots=True)
class Candle:
    """The totals of one interval that began at `begin_ns`."""

    begin_ns: int
    totals: Totals


class CandleSeries:
    """The latest candles of one interval, oldest first; those of the past are made up."""

    def __init__(self, minutes: int, now_ns: int, ticks: int, chance: random.Random) -> None:
        self.minutes = minutes
        self.length_ns = minutes * MINUTE_NS
        self._candles: deque[Candle] = deque(maxlen=SNAPSHOT_CANDLES)
        begin = now_ns - now_ns % self.length_ns - (SNAPSHOT_CANDLES - 1) * self.length_ns
        for number in range(SNAPSHOT_CANDLES):
            candle = Candle(begin + number * self.length_ns, Totals.starting_at(ticks))
            for _ in range(chance.randint(1, 9)):
                candle.totals.add(ticks + chance.randint(-3, 3), chance.randint(1, 10**9))
            self._candles.append(candle)

    def add(self, now_ns: int, ticks: int, lots: int) -> None:
        """Count one trade, in a new candle if a new interval has begun."""
        begin = now_ns - now_ns % self.length_ns
        if self.latest.begin_ns != begin:
            self._candles.append(Candle(begin, Totals.starting_at(ticks)))
        self.latest.totals.add(ticks, lots)

    @property
    def latest(self) -> Candle:
        """The last candle, which the next trade can change."""
        return self._candles[-1]

    def all(self) -> list[Candle]:
        """Return the candles, oldest first."""
        return list(self._candles)
