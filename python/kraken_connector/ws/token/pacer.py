"""When the REST API may be asked for another token."""

from __future__ import annotations

import re

from ...exceptions import TokenAcquisitionError
from ...refusals import classify
from ..base.pacing import Pacer

__all__ = ["TokenPacer"]

#: Calls in a row, and calls per second. The REST counter of the lowest tier holds 15 and loses 0.33
#: per second (docs.kraken.com, guide "Spot REST rate limits"); a call takes 1. The rest is left to
#: the user's own calls with the same key.
CALL_BURST = 10
CALL_RATE = 0.3

#: Seconds to wait after so many tokens in a row that were refused, or calls that failed.
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
#: Seconds without a refusal after which a token has proved good, and earlier trouble is forgotten.
PROVED = 60.0

#: `EGeneral:Temporary lockout` lasts about 15 minutes, and calls prolong it (Kraken's SDK).
LOCKOUT = 900.0
#: Calls beyond the rate limit prolong it (guide "Spot REST rate limits"); after 3 s there is room
#: for one call, if nobody else uses the key.
RATE_PAUSE = 5.0
#: A key that is wrong, or may not fetch tokens, is tried this often, doubling up to `LOCKOUT`: many
#: such calls lead to a lockout (page "API Errors").
PERMISSION_PAUSE = 60.0

_LOCKED_OUT = "egeneral:temporary lockout"
#: `EService: Throttled: <seconds since the epoch>` says when to come back (guide "Spot REST rate
#: limits").
_THROTTLED = re.compile(r"eservice:\s*throttled:\s*(\d{1,12})")
_TOO_MANY_REQUESTS = 429


class TokenPacer:
    """Spaces the calls for tokens of one API key, so that the exchange bans nobody.

    It has no clock: `now` is in monotonic seconds.

    Attributes:
        reason: why the last call or token was of no use, empty if it was.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._calls = Pacer(CALL_RATE, CALL_BURST)
        self._troubles = 0
        self._doublings = -1
        self._not_before = 0.0
        #: When the first of the tokens came that were not refused since.
        self._good_since: float | None = None

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may be made."""
        return max(0.0, self._calls.next_permit(now) - now, self._not_before - now)

    def calling(self, now: float) -> None:
        """Note that a call is made; only when `wait` is 0."""
        self._calls.take(now)

    def succeeded(self, now: float) -> None:
        """Note that a token came. Whether it is any good is not known yet."""
        self.reason = ""
        if self._good_since is None:
            self._good_since = now

    def refused(self, now: float) -> None:
        """Note that the exchange refused a token.

        Several tokens may be refused at a time, each on its own connection: what was fetched before
        the last trouble shows no new one.
        """
        if self._good_since is not None:
            self._trouble(now, "the exchange refused the last one")

    def failed(self, now: float, wall_time: float, error: Exception) -> None:
        """Note that a call brought no token.

        Args:
            now: monotonic seconds.
            wall_time: seconds since the epoch.
            error: what it raised; only a `TokenAcquisitionError` says more than its type.
        """
        if not isinstance(error, TokenAcquisitionError):
            self._trouble(now, type(error).__name__)
            return
        self._trouble(now, error.error)
        self._pause(now, error.retry_after or 0.0)
        for text in error.errors or (error.venue_error or "",):
            self._pause(now, self._least_pause(text, error.status, wall_time))

    def _least_pause(self, text: str, status: int | None, wall_time: float) -> float:
        """Return the seconds for which an error forbids further calls."""
        folded = text.lower()
        kind = classify(text).kind
        if folded.startswith(_LOCKED_OUT):
            return LOCKOUT
        if kind == "permission":
            self._doublings = min(self._doublings + 1, 4)
            return min(PERMISSION_PAUSE * 2.0**self._doublings, LOCKOUT)
        if throttled := _THROTTLED.match(folded):
            return min(int(throttled[1]) - wall_time, LOCKOUT)
        if kind == "rate" or status == _TOO_MANY_REQUESTS:
            return RATE_PAUSE
        return 0.0

    def _trouble(self, now: float, reason: str) -> None:
        if self._good_since is not None and now - self._good_since >= PROVED:
            self._troubles, self._doublings = 0, -1
        self._good_since = None
        self.reason = reason
        self._pause(now, PAUSES[min(self._troubles, len(PAUSES) - 1)])
        self._troubles += 1

    def _pause(self, now: float, seconds: float) -> None:
        self._not_before = max(self._not_before, now + seconds)
