"""Message rate and latency."""

from __future__ import annotations

import math
from collections import Counter, deque

from .status import LatencyView

#: Buckets for each doubling of the latency: a quantile is accurate to about 2 %.
_PER_DOUBLING = 16


class Latency:
    """A histogram of durations in nanoseconds, of bounded size."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.largest: int | None = None

    def add(self, ns: int) -> None:
        """Count one duration; a negative one, due to two clocks, counts as the smallest."""
        self._buckets[int(math.log2(ns) * _PER_DOUBLING) if ns > 1 else 0] += 1
        self.count += 1
        if self.largest is None or ns > self.largest:
            self.largest = ns

    def quantile(self, share: float) -> float | None:
        """Return the duration in ns below which `share` of all are, `None` without any."""
        rest = share * self.count
        for bucket in sorted(self._buckets):
            rest -= self._buckets[bucket]
            if rest <= 0:
                return min(float(2 ** ((bucket + 0.5) / _PER_DOUBLING)), float(self.largest or 0))
        return None

    def view(self) -> LatencyView:
        """Return the present figures."""
        doublings: Counter[int] = Counter()
        for bucket, number in self._buckets.items():
            doublings[bucket // _PER_DOUBLING] += number
        return LatencyView(self.quantile(0.5), self.quantile(0.99), self.largest, dict(doublings))


class Rate:
    """Events per second over the last seconds, from occasional counts.

    Args:
        began: time when the count was zero, seconds of any clock.
        window: seconds over which the rate is measured.
    """

    def __init__(self, began: float, window: float = 3.0) -> None:
        self._window = window
        self._seen = deque([(began, 0)])

    def per_second(self, now: float, total: int) -> float:
        """Add the count at `now` (of the same clock) and return the rate."""
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[1][0] >= self._window:
            self._seen.popleft()
        then, before = self._seen[0]
        return (total - before) / (now - then) if now > then else 0.0
