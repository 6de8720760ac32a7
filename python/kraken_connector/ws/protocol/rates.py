"""Frames and bytes per second over the last few seconds."""

from __future__ import annotations

from collections import deque

__all__ = ["RateMeter"]


class RateMeter:
    """Computes rates from samples of counters that only grow."""

    #: Seconds over which a rate is averaged.
    WINDOW = 10.0
    #: Seconds between two samples.
    INTERVAL = 0.5

    def __init__(self) -> None:
        self._samples: deque[tuple[float, dict[str, int]]] = deque()

    def add(self, now: float, counts: dict[str, int]) -> None:
        """Add a sample taken at `now`, monotonic seconds."""
        self._samples.append((now, counts))
        while self._samples[0][0] < now - self.WINDOW:
            self._samples.popleft()

    def is_due(self, now: float) -> bool:
        """Return whether the next sample is due."""
        return not self._samples or now - self._samples[-1][0] >= self.INTERVAL

    def forget(self) -> None:
        """Forget all samples."""
        self._samples.clear()

    def per_second(self, *names: str) -> dict[str, float]:
        """Return the rates of the counters `names`, 0.0 before the second sample."""
        if len(self._samples) < 2:
            return dict.fromkeys(names, 0.0)
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return {name: (after[name] - before[name]) / (end - start) for name in names}
