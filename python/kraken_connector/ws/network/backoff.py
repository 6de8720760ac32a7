"""Reconnect policy: pauses, retryable errors, and the limit on connection attempts."""

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
    "is_final",
    "is_retryable",
    "spread",
]


def delays(
    base: float, maximum: float, *, random: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield seconds to wait, doubling from `base` up to `maximum`, for ever.

    Each delay is shortened by a random part of at most a half, so that clients that lost the
    exchange at the same moment do not reconnect at the same moment.
    """
    delay = base
    while True:
        capped = min(delay, maximum)
        yield capped * (1 - random() / 2)
        delay = min(delay * 2, maximum)


def spread(least: float, *, random: Callable[[], float] = random.random) -> float:
    """Return random seconds to wait, from `least` to twice that, so that clients spread out."""
    return least * (1 + random())


class ConnectBudget:
    """Limits connection attempts to Kraken within a rolling window, for all clients of a process.

    Kraken bans an address for ten minutes after about 150 attempts in ten minutes (docs.kraken.com,
    support article "API rate limits"). Attempts to other hosts are not counted.

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
        """Uncount an attempt that was reserved for `start` and will not be made."""
        if self._attempts:
            self._attempts.remove(min(self._attempts, key=lambda other: abs(other - start)))


#: The budget of this process.
connect_budget = ConnectBudget()


#: HTTP statuses of a handshake that a retry will not change (Kraken's Rust SDK).
FINAL_STATUSES = frozenset({400, 401, 403, 404})
#: The close code "policy violation", after which Kraken's Rust SDK does not connect again.
POLICY_VIOLATION = 1008


def is_retryable(error: BaseException) -> bool:
    """Return whether to reconnect after an error; the default of `retryable`.

    False for an untrusted certificate, HTTP status 400, 401, 403 or 404 in the handshake, a package
    that the proxy needs and that is not installed, and close code 1008.
    """
    if isinstance(error, InvalidStatus):
        return error.response.status_code not in FINAL_STATUSES
    return not (isinstance(error, ssl.SSLCertVerificationError | ImportError) or is_final(error))


def is_final(error: BaseException) -> bool:
    """Return whether the exchange closed a connection with code 1008."""
    return isinstance(error, ConnectionLost) and error.code == POLICY_VIOLATION


def connect_failed(url: str, attempts: int, error: Exception) -> ConnectFailed:
    """Return the exception for an attempt to connect that ended with an error."""
    failed = ConnectFailed(url, attempts, str(error) or type(error).__name__)
    if isinstance(error, InvalidStatus | InvalidProxyStatus):
        response = error.response
        failed.status = response.status_code
        failed.retry_after = longest_pause(response.headers.get_all("Retry-After"))
    return failed
