"""A clock for deadlines at the exchange: it also counts time while this machine sleeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf

__all__ = ["SleepClock"]


class SleepClock:
    """Monotonic seconds that include the time during which the machine slept.

    The monotonic clock of some systems stops while they sleep (`CLOCK_MONOTONIC` of Linux); the
    wall clock does not. So when the wall clock gets ahead of the monotonic clock, the difference
    counts as elapsed time. That includes a wall clock that is set forward. A wall clock that is set
    back changes nothing.

    Args:
        monotonic: returns monotonic seconds.
        wall_ns: returns nanoseconds since the epoch.
    """

    #: Seconds by which the wall clock must get ahead: the two clocks are not read at once.
    TOLERANCE = 0.1

    def __init__(self, monotonic: Callable[[], float], wall_ns: Callable[[], int]) -> None:
        self._monotonic = monotonic
        self._wall_ns = wall_ns
        self._slept = 0.0
        self._last = -inf
        self._offset: float | None = None

    def now(self) -> float:
        """Return the time in seconds, always later than the last returned time."""
        monotonic = self._monotonic()
        offset = self._wall_ns() / 1e9 - monotonic
        jump = 0.0 if self._offset is None else offset - self._offset
        if jump > self.TOLERANCE:
            self._slept += jump
        if self._offset is None or jump < 0 or jump > self.TOLERANCE:
            self._offset = offset
        self._last = max(monotonic + self._slept, math.nextafter(self._last, inf))
        return self._last
