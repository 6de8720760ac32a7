"""When the exchange's timer must be set again, and when that is late. It has no clock."""

from __future__ import annotations

from .exchange_timer import ExchangeTimer

__all__ = ["SwitchPlan"]

INF = float("inf")


class SwitchPlan:
    """What a dead man's switch has to do next, and what its user must be told.

    The timer is set again at a third of the timeout, and late when two thirds have passed since it
    was last known to be set. Each claim is made only with a proof: while the timer is wanted, it
    counts as armed only if it is proved to run; while it is not wanted, it counts as armed until it
    is proved to be off or has run out. Times are seconds.

    Attributes:
        timer: what is known about the exchange's timer.
        wanted: to how many seconds the timer shall be set; 0 turns it off, `None` leaves it alone.
        has_failed: whether the last request did not do what it was for.
    """

    #: Bounds of the pause after a request that failed, seconds.
    PAUSES = (0.1, 1.0)
    #: How long to wait for the first answer, seconds; twice as long after each that did not come.
    PATIENCE = 2.0

    def __init__(self) -> None:
        self.timer = ExchangeTimer()
        self.wanted: int | None = None
        self._timeout = self._unanswered = 0
        self._next = -INF
        self._alarm = INF
        self._ends = INF
        self.has_failed = False
        self._is_late = self._is_told = self._is_granted = False

    # What is to be done.

    @property
    def pause(self) -> float:
        """How long to wait after a request that failed."""
        least, most = self.PAUSES
        return min(max(self._timeout / 24, least), most)

    @property
    def patience(self) -> float:
        """How long to wait for an answer.

        An answer that does not come within seconds is mostly lost, and an engine under load answers
        late: so it is longer each time, up to a third of the timeout.
        """
        return min(self.PATIENCE * (1 << self._unanswered), max(self._timeout / 3, 1.0))

    def due(self, now: float) -> float:
        """Return when to send a request for `wanted` seconds; infinity if none is needed."""
        if self.wanted is None or (self.wanted == 0 and self.timer.is_off):
            return INF
        return self._next

    @property
    def next_news(self) -> float:
        """When it is late, or has run out, unless that is told already."""
        return min(self._alarm, self._ends)

    # What is known.

    def is_armed(self, now: float) -> bool:
        """Tell whether orders end unless the timer is set again; see the class on proofs."""
        return self.timer.may_run(now) if self.wanted == 0 else self.timer.runs(now)

    def is_late(self, now: float) -> bool:
        """Tell whether two thirds of the timeout have passed without a confirmation."""
        return self._is_late or now >= self._alarm

    def seconds_left(self, now: float) -> float:
        """Return after how many seconds orders end at the earliest; infinity while it is off."""
        if self.timer.known_at == -INF:
            return INF
        return self.timer.earliest - now

    def is_confirmed(self, since: float) -> bool:
        """Tell whether the exchange says that the timer runs, in answer to a later request."""
        return self._is_granted and self.timer.known_at >= since

    def news(self, now: float) -> list[str]:
        """Return what happened since the last call: `off`, `late`, `expired`, `armed`."""
        news: list[str] = []
        if not self.wanted:
            self._is_told = False
            return news
        if self._is_told and self.timer.is_off:
            news.append("off")
        if now >= self._alarm:
            self._alarm, self._is_late = INF, True
            news.append("late")
        if now >= self._ends:
            self._ends = INF
            news.append("expired")
        if news:
            self._is_told = False
        if not self._is_told and not self._is_late and self.timer.runs(now):
            self._is_told = True
            news.append("armed")
        return news

    # What happens.

    def want(self, seconds: int | None, now: float) -> None:
        """Change what the timer shall be set to; a request is due at once."""
        if seconds == self.wanted:
            return
        self.wanted = seconds
        self._next = -INF
        if not seconds:
            self._is_late = False
            self._alarm = self._ends = INF
            return
        self._timeout = seconds
        if self._alarm == INF:
            self._alarm = now + seconds * 2 / 3

    def answered(self, sent: float, now: float, asked: int, granted: float) -> None:
        """Note the answer to a request, by whomever it was sent.

        Args:
            sent: when the request was sent.
            now: when the answer came.
            asked: how many seconds the request asked for.
            granted: after how many seconds orders end by the answer, 0 if the timer is off.
        """
        self.timer.answered(sent, now, granted)
        self._unanswered = 0
        if sent == self.timer.known_at:
            self._is_granted = granted > 0
        if not self.wanted:
            self._alarm = self._ends = INF
        elif self.timer.runs(now):
            start, self._ends = self.timer.known_at, self.timer.earliest
            self._alarm = start + (self._ends - start) * 2 / 3
            self._is_late = False
        elif self.timer.is_off:
            self._ends = INF
        self._plan(sent, now, asked, granted)

    def _plan(self, sent: float, now: float, asked: int, granted: float) -> None:
        if self.wanted is None:
            return
        if asked == self.wanted:
            if bool(granted) != bool(asked):
                self.failed(now)
                return
            # Again as soon as no earlier request can undo it any more.
            rest = asked / 3 if asked else INF
            self._next = min(sent + rest, self.timer.doubt_until(granted))
            self.has_failed = False
        elif granted < self.wanted:
            self.hasten()

    def failed(self, now: float) -> None:
        """Note that a request did not do what it was for; the next one follows soon."""
        self._next, self.has_failed = now + self.pause, True

    def unanswered(self) -> None:
        """Note that an answer was not waited for any longer."""
        self._unanswered = min(self._unanswered + 1, 10)

    def hasten(self) -> None:
        """Send the next request at once."""
        self._next = -INF

    def reconsider(self) -> None:
        """Send the next request at once if the last one failed, as something has changed."""
        if self.has_failed:
            self.hasten()
