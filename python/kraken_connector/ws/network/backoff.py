"""Whether and when to connect again, and how often this process may connect at all."""

from __future__ import annotations

import random
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from websockets.exceptions import InvalidProxyStatus, InvalidStatus

from ...exceptions import ConnectFailed, ConnectionLost
from ...network import longest_pause
from ..constants import CONNECT_LIMIT, CONNECT_WINDOW

__all__ = [
    "ConnectBudget",
    "connect_budget",
    "connect_failed",
    "delays",
    "gentle",
    "is_final",
    "is_retryable",
]


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

    def give_back(self, start: float) -> None:
        """Forget an attempt that was to be made at a time, and will not be."""
        if self._attempts:
            self._attempts.remove(min(self._attempts, key=lambda other: abs(other - start)))


#: The budget of this process.
connect_budget = ConnectBudget()


#: HTTP statuses of a handshake that another one will not change (Kraken's Rust SDK).
FINAL_STATUSES = frozenset({400, 401, 403, 404})
#: The close code "policy violation", after which Kraken's Rust SDK does not connect again.
POLICY_VIOLATION = 1008


def is_retryable(error: BaseException) -> bool:
    """Tell whether connecting again may help after an attempt or a connection that ended so.

    Not if a certificate is not trusted, if the handshake was refused with HTTP status 400, 401, 403
    or 404, if a package is missing that the proxy needs, or if the exchange closed the connection
    for good.
    """
    if isinstance(error, InvalidStatus):
        return error.response.status_code not in FINAL_STATUSES
    return not (isinstance(error, ssl.SSLCertVerificationError | ImportError) or is_final(error))


def is_final(error: BaseException) -> bool:
    """Tell whether the exchange closed a connection for good."""
    return isinstance(error, ConnectionLost) and error.code == POLICY_VIOLATION


def connect_failed(url: str, attempts: int, error: Exception) -> ConnectFailed:
    """Return the exception for an attempt to connect that ended with an error."""
    failed = ConnectFailed(url, attempts, str(error) or type(error).__name__)
    if isinstance(error, InvalidStatus | InvalidProxyStatus):
        response = error.response
        failed.status = response.status_code
        failed.retry_after = longest_pause(response.headers.get_all("Retry-After"))
    return failed
