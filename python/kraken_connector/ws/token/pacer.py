"""When the next token may be fetched from the REST API."""

from __future__ import annotations

from ...exceptions import TokenAcquisitionError
from ...refusals import classify, throttled_until
from ..base.pacing import Pacer

__all__ = ["TokenPacer"]

#: Calls in a burst, and calls per second. The REST counter of the lowest tier allows 15 and decays
#: by 0.33 per second (docs.kraken.com, guide "Spot REST rate limits"); a call costs 1. The rest is
#: left for the user's own calls with the same key.
CALL_BURST = 10
CALL_RATE = 0.3

#: Pauses in seconds after 1, 2, 3, ... failed calls or refused tokens in a row.
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
#: Seconds without a refusal after which a token counts as good and earlier failures are forgotten.
PROVED = 60.0

#: `EGeneral:Temporary lockout` lasts about 15 minutes, and calls extend it (Kraken's SDK).
LOCKOUT = 900.0
#: Calls above the rate limit count too (guide "Spot REST rate limits"); after 3 s there is room for
#: one call, if no other program uses the key.
RATE_PAUSE = 5.0
#: First pause after a permission error of the key; doubles up to `LOCKOUT`, as many calls with a
#: wrong key lead to a lockout (page "API Errors").
PERMISSION_PAUSE = 60.0

_LOCKED_OUT = "egeneral:temporary lockout"
_TOO_MANY_REQUESTS = 429


class TokenPacer:
    """Spaces the token calls of one API key, to stay clear of lockouts.

    It has no clock: `now` is in monotonic seconds.

    Attributes:
        reason: why the last call failed or the last token was refused, empty after a success.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._calls = Pacer(CALL_RATE, CALL_BURST)
        self._failures = 0
        self._doublings = -1
        self._not_before = 0.0
        #: Time of the first token since the last failure or refusal.
        self._good_since: float | None = None

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may be made."""
        return max(0.0, self._calls.next_permit(now) - now, self._not_before - now)

    def calling(self, now: float) -> None:
        """Record that a call is made; allowed only when `wait` returns 0."""
        self._calls.take(now)

    def succeeded(self, now: float) -> None:
        """Record that a token was fetched; the exchange may still refuse it."""
        self.reason = ""
        if self._good_since is None:
            self._good_since = now

    def refused(self, now: float) -> None:
        """Record that the exchange refused a token.

        Several connections may report refusals at once. They count as one, unless a token was
        fetched in between.
        """
        if self._good_since is not None:
            self._count_failure(now, "the exchange refused the last one")

    def failed(self, now: float, wall_time: float, error: Exception) -> None:
        """Record that a call failed; only a `TokenAcquisitionError` is shown in full."""
        if not isinstance(error, TokenAcquisitionError):
            self._count_failure(now, type(error).__name__)
            return
        self._count_failure(now, error.error)
        self._pause(now, error.retry_after or 0.0)
        for text in error.errors or (error.venue_error or "",):
            self._pause(now, self._least_pause(text, error.status, wall_time))

    def _least_pause(self, text: str, status: int | None, wall_time: float) -> float:
        """Return the seconds that an error requires before the next call."""
        folded = text.lower()
        kind = classify(text).kind
        if folded.startswith(_LOCKED_OUT):
            return LOCKOUT
        if kind == "permission":
            self._doublings = min(self._doublings + 1, 4)
            return min(PERMISSION_PAUSE * 2.0**self._doublings, LOCKOUT)
        if (until := throttled_until(text)) is not None:
            return min(until - wall_time, LOCKOUT)
        if kind == "rate" or status == _TOO_MANY_REQUESTS:
            return RATE_PAUSE
        return 0.0

    def _count_failure(self, now: float, reason: str) -> None:
        if self._good_since is not None and now - self._good_since >= PROVED:
            self._failures, self._doublings = 0, -1
        self._good_since = None
        self.reason = reason
        self._pause(now, PAUSES[min(self._failures, len(PAUSES) - 1)])
        self._failures += 1

    def _pause(self, now: float, seconds: float) -> None:
        self._not_before = max(self._not_before, now + seconds)
