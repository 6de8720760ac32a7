"""How much arrives: counts per second over the last few seconds."""

from __future__ import annotations

from collections import deque

__all__ = ["RateMeter"]


class RateMeter:
    """Rates of counts that only grow, from a look at them now and then."""

    #: Seconds that a rate is the average of.
    WINDOW = 10.0
    #: Seconds between two looks that are kept.
    INTERVAL = 0.5

    def __init__(self) -> None:
        self._samples: deque[tuple[float, dict[str, int]]] = deque()

    def add(self, now: float, counts: dict[str, int]) -> None:
        """Note the counts at `now`, monotonic seconds."""
        self._samples.append((now, counts))
        while self._samples[0][0] < now - self.WINDOW:
            self._samples.popleft()

    def is_due(self, now: float) -> bool:
        """Tell whether the last look is long enough ago."""
        return not self._samples or now - self._samples[-1][0] >= self.INTERVAL

    def forget(self) -> None:
        """Begin anew."""
        self._samples.clear()

    def per_second(self, *names: str) -> dict[str, float]:
        """Return the rates of the counts called `names`, 0.0 before the second look."""
        if len(self._samples) < 2:
            return dict.fromkeys(names, 0.0)
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return {name: (after[name] - before[name]) / (end - start) for name in names}
