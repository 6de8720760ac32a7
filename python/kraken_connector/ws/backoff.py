"""How long to wait before connecting again, and how often this process may connect at all."""

from __future__ import annotations

import random
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from .constants import CONNECT_LIMIT, CONNECT_WINDOW

__all__ = ["ConnectBudget", "connect_budget", "delays", "gentle", "is_retryable"]


def delays(
    base: float, maximum: float, *, random: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield seconds to wait, doubling from `base` up to `maximum`, for ever.

    Each is shortened by a random part of up to a half, so that clients that lost the exchange at
    the same moment do not come back at the same moment.
    """
    delay = base
    while True:
        capped = min(delay, maximum)
        yield capped * (1 - random() / 2)
        delay = min(delay * 2, maximum)


def gentle(least: float, *, random: Callable[[], float] = random.random) -> float:
    """Return seconds to wait, at least `least` and at most twice that: all come back at once."""
    return least * (1 + random())


class ConnectBudget:
    """Connection attempts within a rolling window, for all clients of a process together.

    The exchange bans an address for ten minutes after about 150 attempts in ten minutes
    (docs.kraken.com, support article "API rate limits"); only its hosts are counted.

    Args:
        limit: attempts within `window`.
        window: seconds.
    """

    def __init__(self, limit: int = CONNECT_LIMIT, window: float = CONNECT_WINDOW) -> None:
        self._limit = limit
        self._window = window
        self._attempts: deque[float] = deque()

    def reserve(self, url: str, now: float) -> float:
        """Count an attempt and return the seconds to wait before making it."""
        host = urlsplit(url).hostname or ""
        if not f".{host}".endswith(".kraken.com"):
            return 0.0
        while self._attempts and self._attempts[0] <= now - self._window:
            self._attempts.popleft()
        start = now
        if len(self._attempts) >= self._limit:
            start = self._attempts[-self._limit] + self._window
        self._attempts.append(start)
        return start - now


#: The budget of this process.
connect_budget = ConnectBudget()


def is_retryable(error: BaseException) -> bool:
    """Tell whether connecting again may help; a certificate that is not trusted stays so."""
    return not isinstance(error, ssl.SSLCertVerificationError)
