"""Client-side limits for subscribe and other messages; orders have `trading/rate_limiter.py`."""

from __future__ import annotations

from collections import deque

from ...models.checks import checked_integer

__all__ = ["Allowance", "Pacer"]


class _Backoff:
    """A pause after a rate-limit error; it doubles with each further one."""

    #: Seconds of the first and of the longest pause.
    FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0

    def __init__(self) -> None:
        self._pause = self.FIRST_PAUSE
        self._not_before = 0.0

    def slow_down(self, now: float) -> float:
        """Begin a pause, in which nothing is permitted.

        Returns:
            Its length in seconds, 0 if a pause is in force already.
        """
        if now < self._not_before:
            return 0.0
        pause = self._pause
        self._not_before = now + pause
        self._pause = min(pause * 2, self.LONGEST_PAUSE)
        return pause

    def recovered(self) -> None:
        """Reset the pause to the shortest: the exchange accepted a request."""
        self._pause = self.FIRST_PAUSE


class Pacer(_Backoff):
    """A token bucket: permits that refill with time.

    Args:
        rate: permits per second.
        burst: permits that may be saved up.
    """

    def __init__(self, rate: float, burst: int) -> None:
        super().__init__()
        self._rate = rate
        self._burst = float(burst)
        self._permits = float(burst)
        self._counted_at = 0.0

    def next_permit(self, now: float) -> float:
        """Return when `take` will succeed: `now` or later."""
        self._refill(now)
        missing = 1.0 - self._permits
        if missing < 1e-9:
            missing = 0.0
        return max(now + missing / self._rate, self._not_before)

    def take(self, now: float) -> bool:
        """Use a permit; return false if there is none."""
        if self.next_permit(now) > now:
            return False
        self._permits -= 1.0
        return True

    def _refill(self, now: float) -> None:
        if now > self._counted_at:
            gained = (now - self._counted_at) * self._rate
            self._permits = min(self._burst, self._permits + gained)
            self._counted_at = now


class Allowance(_Backoff):
    """A limit on the total cost of requests within any second.

    A token bucket would let twice the limit through within a second that follows a quiet one. The
    exchange does not document how it counts, so this adds up the costs of the last second.

    Args:
        limit: the highest total cost within `WINDOW`.
    """

    #: Seconds; a little more than the second that the exchange counts, because messages may arrive
    #: closer together than they were sent.
    WINDOW = 1.1

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = checked_integer("level3_allowance", limit, 1)
        self._spent: deque[tuple[float, int]] = deque()

    def next_time(self, cost: int, now: float) -> float:
        """Return when `cost` may be spent: `now` or later.

        A cost above the limit is allowed once nothing else was spent within the window.
        """
        if not cost:
            return now
        while self._spent and self._spent[0][0] + self.WINDOW <= now:
            self._spent.popleft()
        start = max(now, self._not_before)
        excess = sum(spent for _, spent in self._spent) + cost - self.limit
        for at, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            start = max(start, at + self.WINDOW)
        return start

    def spend(self, cost: int, now: float) -> None:
        """Record a cost."""
        if cost:
            self._spent.append((now, cost))
