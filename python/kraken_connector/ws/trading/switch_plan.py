"""Dead man's switch: when to renew the exchange's timer, and when that is late. It has no clock."""

from __future__ import annotations

from math import inf

from .exchange_timer import ExchangeTimer

__all__ = ["SwitchPlan"]


class SwitchPlan:
    """What a dead man's switch has to do next, and which events it reports.

    The timer is renewed after a third of the timeout, and late when two thirds have passed since it
    was last proved to run. While it is to run, it counts as armed only if replies prove that it
    runs; while it is to be off, it counts as armed until they prove that it is off, or until it has
    expired. Times are seconds.

    Attributes:
        timer: the possible states of the exchange's timer.
        wanted: the wanted value of the timer; 0 turns it off, `None` leaves it as it is.
        has_failed: whether the last request failed.
    """

    #: Shortest and longest pause after a failed request, seconds.
    PAUSES = (0.1, 1.0)
    #: Longest wait for the first reply, seconds; doubled after each missing reply.
    PATIENCE = 2.0

    def __init__(self) -> None:
        self.timer = ExchangeTimer()
        self.wanted: int | None = None
        self._timeout = self._unanswered = 0
        self._next = -inf
        self._alarm = inf
        self._ends = inf
        self.has_failed = False
        self._is_late = self._is_reported = self._is_granted = False

    @property
    def pause(self) -> float:
        """Seconds to wait after a failed request."""
        least, most = self.PAUSES
        return min(max(self._timeout / 24, least), most)

    @property
    def patience(self) -> float:
        """Seconds to wait for a reply.

        A reply that takes seconds is usually lost, but an engine under load replies late: so each
        wait is longer than the last one, up to a third of the timeout.
        """
        return min(self.PATIENCE * (1 << self._unanswered), max(self._timeout / 3, 1.0))

    def due(self, now: float) -> float:
        """Return when to send a request for `wanted` seconds; infinity if none is needed."""
        if self.wanted is None or (self.wanted == 0 and self.timer.is_off):
            return inf
        return self._next

    @property
    def next_event(self) -> float:
        """When the next `late` or `expired` event is due."""
        return min(self._alarm, self._ends)

    def is_armed(self, now: float) -> bool:
        """Return whether orders will be cancelled unless the timer is renewed."""
        return self.timer.may_run(now) if self.wanted == 0 else self.timer.runs(now)

    def is_late(self, now: float) -> bool:
        """Return whether two thirds of the timeout have passed without a confirmation."""
        return self._is_late or now >= self._alarm

    def seconds_left(self, now: float) -> float:
        """Return the seconds until orders may be cancelled; infinity while the timer is off."""
        if self.timer.known_at == -inf:
            return inf
        return self.timer.earliest - now

    def is_confirmed(self, since: float) -> bool:
        """Return whether a request that was sent after `since` has set the timer."""
        return self._is_granted and self.timer.known_at >= since

    def events(self, now: float) -> list[str]:
        """Return the events since the last call: `off`, `late`, `expired`, `armed`."""
        events: list[str] = []
        if not self.wanted:
            self._is_reported = False
            return events
        if self._is_reported and self.timer.is_off:
            events.append("off")
        if now >= self._alarm:
            self._alarm, self._is_late = inf, True
            events.append("late")
        if now >= self._ends:
            self._ends = inf
            events.append("expired")
        if events:
            self._is_reported = False
        if not self._is_reported and not self._is_late and self.timer.runs(now):
            self._is_reported = True
            events.append("armed")
        return events

    def want(self, seconds: int | None, now: float) -> None:
        """Change the wanted value of the timer; a request is due at once."""
        if seconds == self.wanted:
            return
        self.wanted = seconds
        self._next = -inf
        if not seconds:
            self._is_late = False
            self._alarm = self._ends = inf
            return
        self._timeout = seconds
        if self._alarm == inf:
            self._alarm = now + seconds * 2 / 3

    def answered(self, sent: float, now: float, requested: int, granted: float) -> None:
        """Record the reply to a request, including requests of the user.

        `requested` and `granted` are the timer's values in request and reply, 0 if it is off.
        """
        self.timer.answered(sent, now, granted)
        self._unanswered = 0
        if sent == self.timer.known_at:
            self._is_granted = granted > 0
        if not self.wanted:
            self._alarm = self._ends = inf
        elif self.timer.runs(now):
            start, self._ends = self.timer.known_at, self.timer.earliest
            self._alarm = start + (self._ends - start) * 2 / 3
            self._is_late = False
        elif self.timer.is_off:
            self._ends = inf
        self._plan(sent, now, requested, granted)

    def _plan(self, sent: float, now: float, requested: int, granted: float) -> None:
        if self.wanted is None:
            return
        if requested == self.wanted:
            if bool(granted) != bool(requested):
                self.failed(now)
                return
            # Earlier if a pending request may undo it: as soon as none can.
            rest = requested / 3 if requested else inf
            self._next = min(sent + rest, self.timer.pending_until(granted))
            self.has_failed = False
        elif granted < self.wanted:
            self.hasten()

    def failed(self, now: float) -> None:
        """Record that a request failed; the next one is due after `pause`."""
        self._next, self.has_failed = now + self.pause, True

    def unanswered(self) -> None:
        """Record that the wait for a reply timed out."""
        self._unanswered = min(self._unanswered + 1, 10)

    def hasten(self) -> None:
        """Send the next request at once."""
        self._next = -inf

    def reconsider(self) -> None:
        """Send the next request at once if the last one failed; the situation has changed."""
        if self.has_failed:
            self.hasten()
