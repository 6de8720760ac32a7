"""What the answers of the exchange prove about its timer that cancels all orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ExchangeTimer"]

INF = float("inf")


@dataclass(slots=True)
class _Setting:
    """Requests for one number of seconds, any of which may be the last that took effect.

    Attributes:
        seconds: what they set the timer to; 0 turns it off.
        since: the earliest time at which one of them can have taken effect.
        until: the latest time at which one of them can have taken effect, or still can.
    """

    seconds: float
    since: float
    until: float


class ExchangeTimer:
    """What is known about the timer of `cancel_all_orders_after`; it has no clock.

    The request that took effect last decides, and which one that is need not be known: requests and
    replies get lost, and messages of one WebSocket connection can overtake each other on their way
    to the engine (docs.kraken.com, "FIX API introduction"). So every request stays in consideration
    until another one is answered that was sent when the first could not take effect any more.

    A request takes effect between the moment it was sent and the moment its answer came. One that
    has no answer takes effect until a time that the caller states, or never. Times are seconds, and
    no two of them are equal.
    """

    def __init__(self) -> None:
        #: When the last of the answered requests was sent: whatever decides came into effect later.
        self.known_at = -INF
        self._settings = {0.0: _Setting(0.0, -INF, -INF)}
        self._pending: _Setting | None = None

    # What happens.

    def sent(self, now: float, seconds: float) -> None:
        """Note that a request leaves now; `over` must follow."""
        self._pending = _Setting(seconds, now, INF)

    def answered(self, sent: float, now: float, seconds: float) -> None:
        """Note the answer to a request, by whomever it was sent.

        Args:
            sent: when the request was sent.
            now: when its answer came.
            seconds: what the answer says: after how many seconds orders end, 0 if the timer is off.
        """
        self.known_at = max(self.known_at, sent)
        passed = [key for key, one in self._settings.items() if one.until < self.known_at]
        for key in passed:
            del self._settings[key]
        self.in_doubt(seconds, sent, now)

    def in_doubt(self, seconds: float, since: float, until: float) -> None:
        """Note that a request can have taken effect, or can do so until some time."""
        known = self._settings.get(seconds)
        if known is None:
            self._settings[seconds] = _Setting(seconds, since, until)
        else:
            known.since = min(known.since, since)
            known.until = max(known.until, until)

    def over(self, until: float | None = None) -> None:
        """Note that nobody waits for the answer to the last `sent` any more.

        Args:
            until: how long it may still take effect; `None` if it was answered, or had no effect.
        """
        pending, self._pending = self._pending, None
        if pending is not None and until is not None:
            self.in_doubt(pending.seconds, pending.since, until)

    # What is known.

    @property
    def is_off(self) -> bool:
        """Whether it is proved to be off."""
        return not any(one.seconds for one in self._considered())

    @property
    def earliest(self) -> float:
        """When orders end at the earliest, if the timer runs; infinity if it is off."""
        return min(
            (max(one.since, self.known_at) + one.seconds for one in self._running()), default=INF
        )

    @property
    def latest(self) -> float:
        """When orders end at the latest, if the timer runs; minus infinity if it is off."""
        return max((one.until + one.seconds for one in self._running()), default=-INF)

    def runs(self, now: float) -> bool:
        """Tell whether the timer is proved to run."""
        return now < self.earliest and all(one.seconds for one in self._considered())

    def may_run(self, now: float) -> bool:
        """Tell whether the timer can be running: it is neither proved to be off nor run out."""
        return now < self.latest

    def doubt_until(self, wanted: float) -> float:
        """Return until when requests can still undo the setting of `wanted`; infinity if none."""
        others = [one.until for one in self._settings.values() if one.seconds != wanted]
        return max(others, default=INF)

    def _considered(self) -> Iterator[_Setting]:
        yield from self._settings.values()
        if self._pending is not None:
            yield self._pending

    def _running(self) -> Iterator[_Setting]:
        return (one for one in self._considered() if one.seconds)
