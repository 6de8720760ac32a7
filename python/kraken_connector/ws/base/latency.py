"""A histogram of durations, cheap enough to record one for every read."""

from __future__ import annotations

__all__ = ["LatencyHistogram"]

#: Buckets per power of two: a percentile is at most an eighth too large.
_STEPS = 8
#: Enough for all durations of 63 bits, some three hundred years.
_LONGEST_NS = 2**63 - 1
_BUCKETS = 61 * _STEPS


class LatencyHistogram:
    """Counts of durations by size, in buckets that grow by an eighth of a power of two.

    Attributes:
        longest_ns: the longest duration.
    """

    __slots__ = ("_buckets", "longest_ns")

    def __init__(self) -> None:
        self.longest_ns = 0
        self._buckets = [0] * _BUCKETS

    def record(self, duration_ns: int) -> None:
        """Count a duration; a negative one, from clocks that disagree, counts as zero."""
        if duration_ns > self.longest_ns:
            self.longest_ns = duration_ns = min(duration_ns, _LONGEST_NS)
        elif duration_ns < 0:
            duration_ns = 0
        power = duration_ns.bit_length() - 4
        if power > 0:
            self._buckets[power * _STEPS + (duration_ns >> power)] += 1
        else:
            self._buckets[duration_ns] += 1

    def percentile(self, percent: float) -> float | None:
        """Return a percentile in seconds, `None` if nothing was recorded."""
        wanted = sum(self._buckets) * percent / 100
        seen = 0
        for bucket, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return min(_upper_end(bucket), self.longest_ns) / 1e9
        return None

    def summary(self) -> dict[str, float | int | None]:
        """Return `count`, and in seconds `p50`, `p99`, `p99.9` and `max`."""
        count = sum(self._buckets)
        longest = self.longest_ns / 1e9 if count else None
        percentiles = {f"p{percent:g}": self.percentile(percent) for percent in (50, 99, 99.9)}
        return {"count": count, **percentiles, "max": longest}


def _upper_end(bucket: int) -> int:
    power = bucket // _STEPS - 1
    if power <= 0:
        return bucket
    return ((bucket % _STEPS + _STEPS + 1) << power) - 1
