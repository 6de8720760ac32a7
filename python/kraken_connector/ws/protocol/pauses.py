"""Detects that this process did not run for a while, so that received data waited."""

from __future__ import annotations

__all__ = ["PauseWatch"]


class PauseWatch:
    """Detects pauses: a suspended process, or a callback that blocks the event loop.

    It compares two clocks, as the monotonic clock stops while some machines sleep. A wall clock
    that is set forward looks the same, and is reported as a pause too.
    """

    #: Seconds; a longer pause is reported.
    BOUND = 1.0
    #: Seconds between two checks; shorter than `BOUND`, so that no pause is missed.
    INTERVAL = 0.5

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None

    @property
    def due(self) -> float:
        """When to check next, in monotonic seconds."""
        return float("inf") if self._last is None else self._last[0] + self.INTERVAL

    def forget(self) -> None:
        """Start again: the socket is lost, so nothing can arrive."""
        self._last = None

    def check(self, now: float, now_ns: int) -> int | None:
        """Record that the process runs, and return the start of a pause that ended.

        Args:
            now: monotonic seconds.
            now_ns: the wall clock, nanoseconds since the epoch.

        Returns:
            The wall clock's time of the last check if it is too long ago, else `None`.
        """
        last, self._last = self._last, (now, now_ns)
        if last is None or max(now - last[0], (now_ns - last[1]) / 1e9) <= self.BOUND:
            return None
        return last[1]

    def wall_time(self, now: float) -> int:
        """Return the wall clock's time of `now`, by the last check; 0 if there was none."""
        return 0 if self._last is None else self._last[1] + int((now - self._last[0]) * 1e9)
