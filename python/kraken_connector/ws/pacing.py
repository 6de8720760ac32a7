"""How fast requests may leave: a bucket of permits that refills with time."""

from __future__ import annotations

__all__ = ["Pacer"]


class Pacer:
    """A token bucket, with a pause that grows when the exchange says that it was too much.

    Args:
        rate: permits per second.
        burst: permits that may be saved up.
        pause: seconds of the first pause; each further one is twice as long.
        longest: seconds of the longest pause.
    """

    def __init__(
        self, rate: float, burst: int, *, pause: float = 1.0, longest: float = 30.0
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._first_pause = self._pause = pause
        self._longest = longest
        self._permits = float(burst)
        self._counted_at = 0.0
        self._not_before = 0.0

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

    def _refill(self, now: float) -> None:
        if now > self._counted_at:
            gained = (now - self._counted_at) * self._rate
            self._permits = min(self._burst, self._permits + gained)
            self._counted_at = now
