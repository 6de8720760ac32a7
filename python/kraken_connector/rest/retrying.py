"""When a failed REST call may be repeated.

Source: the error-handling guide of Kraken's SDK, and docs.kraken.com, guide "Spot REST rate
limits", for `Throttled` and the decay. No page says what a gateway's status 5xx means for a call.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import Final

from ..exceptions import RestError
from ..refusals import classify, throttled_until

__all__ = ["Effect", "is_certain", "pause_before_retry"]


class Effect(Enum):
    """What a call does.

    `READ` changes nothing. `REPEATABLE` changes something, and twice has the effect of once: the
    cancels and the dead man's switch. `ONCE` must not be repeated: an order, which two requests
    could place twice.
    """

    READ = "read"
    REPEATABLE = "repeatable"
    ONCE = "once"


#: Pauses in seconds before the first, second, ... repetition.
PAUSES: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
#: Calls above the rate limit count too (guide "Spot REST rate limits").
RATE_PAUSE: Final = 3.0
#: `EAPI:Invalid nonce` is repeated once only, as many lead to a ban.
NONCE_ATTEMPTS: Final = 1

_INVALID_NONCE = "eapi:invalid nonce"


def is_certain(error: RestError) -> bool:
    """Return whether a call that failed certainly had no effect."""
    if not error.was_sent:
        return True
    return bool(error.errors) and all(classify(text).is_certain for text in error.errors)


def pause_before_retry(error: RestError, effect: Effect, attempt: int) -> float | None:
    """Return the seconds to wait before a call is repeated; `None` if it must not be.

    Args:
        error: why it failed.
        effect: what it does.
        attempt: how many repetitions were made.
    """
    if attempt >= len(PAUSES):
        return None
    if effect is Effect.ONCE:
        return None
    if error.errors and error.errors[0].lower().startswith(_INVALID_NONCE):
        return 0.0 if attempt < NONCE_ATTEMPTS else None
    if not error.retryable:
        return None
    if error.kind == "rate" and not error.was_sent:
        return None  # The client refused it: it waits no longer, or is not to wait.
    return max(PAUSES[attempt], error.retry_after or 0.0, _least_pause(error))


def _least_pause(error: RestError) -> float:
    """Return the seconds that an error requires before the next call."""
    for text in error.errors:
        if (until := throttled_until(text)) is not None:
            return until - time.time_ns() / 1e9
        if text.lower().startswith("egeneral:temporary lockout"):
            return float("inf")
    return RATE_PAUSE if error.kind == "rate" else 0.0
