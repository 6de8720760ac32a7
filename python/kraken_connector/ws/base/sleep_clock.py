"""A clock for deadlines that others keep: it goes on while this machine sleeps."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["SleepClock"]


class SleepClock:
    """Monotonic seconds that include the time during which the machine slept.

    The monotonic clock of some systems stands still while they sleep (`CLOCK_MONOTONIC` of Linux),
    the wall clock does not. So whenever the wall clock gets ahead of the monotonic clock, the
    difference counts as time that has passed. A wall clock that is set forward looks the same: its
    jump counts too. A wall clock that is set back changes nothing.

    Args:
        monotonic: seconds of a clock that never goes back.
        wall_ns: nanoseconds since the epoch.
    """

    #: Seconds that the wall clock must get ahead before it counts; reading two clocks takes time.
    TOLERANCE = 0.1

    def __init__(self, monotonic: Callable[[], float], wall_ns: Callable[[], int]) -> None:
        self._monotonic = monotonic
        self._wall_ns = wall_ns
        self._slept = 0.0
        self._last = -math.inf
        self._offset: float | None = None

    def now(self) -> float:
        """Return the time in seconds, later than all that were returned before."""
        monotonic = self._monotonic()
        offset = self._wall_ns() / 1e9 - monotonic
        jump = 0.0 if self._offset is None else offset - self._offset
        if jump > self.TOLERANCE:
            self._slept += jump
        if self._offset is None or jump < 0 or jump > self.TOLERANCE:
            self._offset = offset
        self._last = max(monotonic + self._slept, math.nextafter(self._last, math.inf))
        return self._last
