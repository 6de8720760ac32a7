"""Durations, counted in buckets: cheap enough to note one for every read."""

from __future__ import annotations

__all__ = ["LatencyHistogram"]

#: Buckets for each power of two: a percentile is at most an eighth too large.
_STEPS = 8


class LatencyHistogram:
    """Counts of durations by size, in buckets that grow by an eighth of a power of two.

    Attributes:
        count: durations noted.
        longest_ns: the longest of them.
    """

    __slots__ = ("_buckets", "count", "longest_ns")

    def __init__(self) -> None:
        self.count = 0
        self.longest_ns = 0
        self._buckets: dict[int, int] = {}

    def note(self, duration_ns: int) -> None:
        """Count a duration; what clocks that disagree make negative counts as zero."""
        if duration_ns < 0:
            duration_ns = 0
        bucket = _bucket(duration_ns)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        if duration_ns > self.longest_ns:
            self.longest_ns = duration_ns

    def percentile(self, percent: float) -> float | None:
        """Return the seconds that `percent` of the durations do not exceed, `None` without any."""
        if not self.count:
            return None
        wanted = self.count * percent / 100
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                break
        return min(_upper_end(bucket), self.longest_ns) / 1e9

    def summary(self) -> dict[str, float | int | None]:
        """Return `count`, and in seconds `p50`, `p99`, `p99.9` and `max`."""
        longest = self.longest_ns / 1e9 if self.count else None
        percentiles = {f"p{percent:g}": self.percentile(percent) for percent in (50, 99, 99.9)}
        return {"count": self.count, **percentiles, "max": longest}


def _bucket(duration_ns: int) -> int:
    power = duration_ns.bit_length() - 4
    if power <= 0:
        return duration_ns
    return (power + 1) * _STEPS + (duration_ns >> power) - _STEPS


def _upper_end(bucket: int) -> int:
    power = bucket // _STEPS - 1
    if power <= 0:
        return bucket
    return ((bucket % _STEPS + _STEPS + 1) << power) - 1
