"""Dead man's switch: what replies prove about the exchange's timer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

__all__ = ["ExchangeTimer"]


@dataclass(slots=True)
class _Setting:
    """The requests with one number of seconds, any of which may be the last to take effect.

    Attributes:
        seconds: their value of the timer; 0 turns it off.
        since: the earliest time at which one of them can have taken effect.
        until: the latest time at which one of them can have taken effect, or still can.
    """

    seconds: float
    since: float
    until: float


class ExchangeTimer:
    """Possible states of the timer of `cancel_all_orders_after`; it has no clock.

    The timer has the value of the request that took effect last, which need not be the last one
    sent: requests and replies get lost, and messages of one connection can overtake each other on
    the way to the engine (docs.kraken.com, "FIX API introduction"). So each request remains
    possible until the reply to one arrives that was sent when it could not take effect any more.

    A request takes effect between its sending and its reply. One without a reply takes effect
    before a time that the caller states, or never. Times are seconds, and no two are equal.
    """

    def __init__(self) -> None:
        #: When the latest answered request was sent: the timer was set after that.
        self.known_at = -inf
        self._settings = {0.0: _Setting(0.0, -inf, -inf)}
        self._pending: _Setting | None = None

    def sent(self, now: float, seconds: float) -> None:
        """Record that a request is sent; call `over` at its end."""
        self._pending = _Setting(seconds, now, inf)

    def answered(self, sent: float, now: float, seconds: float) -> None:
        """Record the reply to a request, whether or not it was recorded by `sent`.

        `seconds` is the timer's value in the reply, 0 if it is off.
        """
        self.known_at = max(self.known_at, sent)
        passed = [key for key, one in self._settings.items() if one.until < self.known_at]
        for key in passed:
            del self._settings[key]
        self.may_take_effect(seconds, sent, now)

    def may_take_effect(self, seconds: float, since: float, until: float) -> None:
        """Record that a request may take effect between two times."""
        known = self._settings.get(seconds)
        if known is None:
            self._settings[seconds] = _Setting(seconds, since, until)
        else:
            known.since = min(known.since, since)
            known.until = max(known.until, until)

    def over(self, until: float | None = None) -> None:
        """Record that the request of the last `sent` has ended.

        Args:
            until: when it can no longer take effect; `None` if it was answered or had no effect.
        """
        pending, self._pending = self._pending, None
        if pending is not None and until is not None:
            self.may_take_effect(pending.seconds, pending.since, until)

    @property
    def is_off(self) -> bool:
        """Whether the timer is proved to be off."""
        return not any(one.seconds for one in self._possible())

    @property
    def earliest(self) -> float:
        """The earliest time at which orders may be cancelled; infinity if the timer is off."""
        return min(
            (max(one.since, self.known_at) + one.seconds for one in self._running()), default=inf
        )

    @property
    def latest(self) -> float:
        """The latest time at which orders may be cancelled; minus infinity if it is off."""
        return max((one.until + one.seconds for one in self._running()), default=-inf)

    def runs(self, now: float) -> bool:
        """Return whether the timer is proved to run."""
        return now < self.earliest and all(one.seconds for one in self._possible())

    def may_run(self, now: float) -> bool:
        """Return whether the timer may run: it is neither proved to be off nor expired."""
        return now < self.latest

    def pending_until(self, wanted: float) -> float:
        """Return until when a pending request can undo the value `wanted`; infinity if none."""
        others = [one.until for one in self._settings.values() if one.seconds != wanted]
        return max(others, default=inf)

    def _possible(self) -> Iterator[_Setting]:
        yield from self._settings.values()
        if self._pending is not None:
            yield self._pending

    def _running(self) -> Iterator[_Setting]:
        return (one for one in self._possible() if one.seconds)
