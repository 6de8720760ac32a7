"""When a dead man's switch must be set again, and when that is late. Times are seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..models._time import timestamp_ns

__all__ = ["SwitchPlan", "maintenance_begins_ns"]

INF = float("inf")


class SwitchPlan:
    """The times of one switch.

    It is set again at a third of the timeout, and late when two thirds have passed since it was
    last known to be set. As the exchange counts from when a request reaches it and this from when
    it was sent, orders never end earlier than this says.

    Args:
        timeout: after how many seconds without a request the exchange cancels all orders.

    Attributes:
        is_armed: whether it was set, and orders will end unless it is set again.
        may_run: whether it may be set, as far as is known; a request without an answer may have
            set it.
        is_late: whether that was noticed, and not yet made good.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.is_armed = False
        self.may_run = False
        self.is_late = False
        self._set_at = INF
        self._next = -INF

    @property
    def interval(self) -> float:
        """Seconds between two requests."""
        return self.timeout / 3

    def due(self) -> float:
        """Return when to send a request."""
        return self._next

    def alarm(self) -> float:
        """Return when it is late; infinity if it was noticed, or nothing is set."""
        return INF if self.is_late else self._set_at + 2 * self.interval

    def patience(self, now: float) -> float:
        """Return how long to wait for an answer: no longer than until there is something to say."""
        ends = (self.interval, self.alarm() - now, self.seconds_left(now))
        return min(seconds for seconds in ends if seconds > 0)

    def seconds_left(self, now: float) -> float:
        """Return after how many seconds orders end; infinity while it is off."""
        return self._set_at + self.timeout - now

    def confirmed(self, sent: float) -> None:
        """Note that a request which was sent then was answered well."""
        self.is_armed, self.may_run, self.is_late = True, True, False
        self._set_at = sent
        self._next = sent + self.interval

    def failed(self, now: float) -> None:
        """Note that a request was not; the next one follows soon."""
        self._next = now + self.interval / 8

    def hurry(self) -> None:
        """Send the next request at once if the last one failed, as something has changed."""
        if self._next != self._set_at + self.interval:
            self.bring_forward()

    def bring_forward(self) -> None:
        """Send the next request at once."""
        self._next = -INF

    def noticed(self) -> None:
        """Note that somebody was told that it is late."""
        self.is_late = True

    def disarmed(self) -> None:
        """Note that the exchange turned it off."""
        self.is_armed = self.may_run = self.is_late = False
        self._set_at, self._next = INF, -INF


def maintenance_begins_ns(announced: Iterable[Any], now_ns: int) -> int | None:
    """Return when announced maintenance begins, `None` if none is ahead.

    What an announcement looks like is not documented. The earliest time in it counts; one without
    any is taken to begin now. One whose times have all passed is over.
    """
    begins = []
    for entry in announced:
        times = [at_ns for text in _texts(entry) if (at_ns := timestamp_ns(text)) is not None]
        if not times:
            begins.append(now_ns)
        elif max(times) > now_ns:
            begins.append(min(times))
    return min(begins, default=None)


def _texts(entry: Any) -> Iterable[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, Mapping):
        for value in entry.values():
            yield from _texts(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _texts(value)
