"""Whether this process took what arrived, or stood still while it piled up."""

from __future__ import annotations

__all__ = ["PauseWatch"]


class PauseWatch:
    """Notices that nobody looked for a while: a suspended process, a callback that hogs the loop.

    Both clocks are looked at, as the monotonic one stands still while some machines sleep. A wall
    clock that is set forward looks the same, and is reported too: nobody can tell.
    """

    #: Seconds; a longer delay of what arrived is reported.
    BOUND = 1.0
    #: Seconds between two looks; every delay of `BOUND` shows in at least one of them.
    INTERVAL = 0.5

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None

    @property
    def due(self) -> float:
        """When to look next, in monotonic seconds."""
        return float("inf") if self._last is None else self._last[0] + self.INTERVAL

    def forget(self) -> None:
        """Begin anew: nothing can arrive now."""
        self._last = None

    def check(self, now: float, now_ns: int) -> int | None:
        """Note that somebody runs.

        Args:
            now: monotonic seconds.
            now_ns: the wall clock, nanoseconds since the epoch.

        Returns:
            The wall clock's time of the last look if that is too long ago, else `None`.
        """
        last, self._last = self._last, (now, now_ns)
        if last is None or max(now - last[0], (now_ns - last[1]) / 1e9) <= self.BOUND:
            return None
        return last[1]
