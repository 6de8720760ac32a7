"""How much arrives: counts per second over the last few seconds."""

from __future__ import annotations

from collections import deque

__all__ = ["RateMeter"]


class RateMeter:
    """Rates of counts that only grow, from a look at them now and then."""

    #: Seconds that a rate is the average of.
    WINDOW = 10.0
    #: Seconds between two looks that are kept.
    STEP = 0.5

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[str, int]]] = deque()

    def look(self, now: float, counts: dict[str, int]) -> None:
        """Note the counts at `now`, monotonic seconds."""
        self._looks.append((now, counts))
        while self._looks[0][0] < now - self.WINDOW:
            self._looks.popleft()

    def is_due(self, now: float) -> bool:
        """Tell whether the last look is long enough ago."""
        return not self._looks or now - self._looks[-1][0] >= self.STEP

    def forget(self) -> None:
        """Begin anew."""
        self._looks.clear()

    def per_second(self, *names: str) -> dict[str, float]:
        """Return the rates of the counts called `names`, 0.0 before the second look."""
        if len(self._looks) < 2:
            return dict.fromkeys(names, 0.0)
        (start, before), (end, after) = self._looks[0], self._looks[-1]
        return {name: (after[name] - before[name]) / (end - start) for name in names}
