"""How fast requests may leave."""

from __future__ import annotations

from collections import deque

from .options import checked_count

__all__ = ["Allowance", "Pacer"]


class _Brake:
    """A pause that grows while the exchange says that it was too much.

    Args:
        pause: seconds of the first pause; each further one is twice as long.
        longest: seconds of the longest pause.
    """

    def __init__(self, pause: float, longest: float) -> None:
        self._first_pause = self._pause = pause
        self._longest = longest
        self._not_before = 0.0

    def slow_down(self, now: float) -> float:
        """Give no permits for a while.

        Returns:
            Seconds of the pause, 0 when it is in force already.
        """
        if now < self._not_before:
            return 0.0
        pause = self._pause
        self._not_before = now + pause
        self._pause = min(pause * 2, self._longest)
        return pause

    def recovered(self) -> None:
        """Begin again with the shortest pause: a request was taken."""
        self._pause = self._first_pause


class Pacer(_Brake):
    """A bucket of permits that refills with time.

    Args:
        rate: permits per second.
        burst: permits that may be saved up.
        pause: seconds of the first pause; each further one is twice as long.
        longest: seconds of the longest pause.
    """

    def __init__(
        self, rate: float, burst: int, *, pause: float = 1.0, longest: float = 30.0
    ) -> None:
        super().__init__(pause, longest)
        self._rate = rate
        self._burst = float(burst)
        self._permits = float(burst)
        self._counted_at = 0.0

    def next_permit(self, now: float) -> float:
        """Return the time at which `take` will succeed: `now` or later."""
        self._refill(now)
        missing = 1.0 - self._permits
        if missing < 1e-9:
            missing = 0.0
        return max(now + missing / self._rate, self._not_before)

    def take(self, now: float) -> bool:
        """Use up one permit, if there is one."""
        if self.next_permit(now) > now:
            return False
        self._permits -= 1.0
        return True

    def _refill(self, now: float) -> None:
        if now > self._counted_at:
            gained = (now - self._counted_at) * self._rate
            self._permits = min(self._burst, self._permits + gained)
            self._counted_at = now


class Allowance(_Brake):
    """What may be spent within any second.

    A bucket that refills would let twice the limit through within the second after a rest, and how
    the exchange counts is not said; so this adds up what was spent lately.

    Args:
        limit: what may be spent within `window`.
        window: seconds; a little more than the second that the exchange counts, as messages may
            arrive closer to each other than they left.
        pause: seconds of the first pause; each further one is twice as long.
        longest: seconds of the longest pause.
    """

    def __init__(
        self, limit: int, *, window: float = 1.1, pause: float = 1.0, longest: float = 30.0
    ) -> None:
        super().__init__(pause, longest)
        self.limit = checked_count("level3_allowance", limit, 1)
        self._window = window
        self._spent: deque[tuple[float, int]] = deque()

    def next_time(self, cost: int, now: float) -> float:
        """Return when `cost` may be spent: `now` or later. More than the limit needs it whole."""
        if not cost:
            return now
        while self._spent and self._spent[0][0] + self._window <= now:
            self._spent.popleft()
        start = max(now, self._not_before)
        excess = sum(spent for _, spent in self._spent) + cost - self.limit
        for at, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            start = max(start, at + self._window)
        return start

    def spend(self, cost: int, now: float) -> None:
        """Note what is spent."""
        if cost:
            self._spent.append((now, cost))
