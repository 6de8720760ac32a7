"""Retries, logging and the rate limiter of kraken-connector 0.2.0, for `HTTPClient`."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any, Final, Self

import httpx

from .rest.counter import TIERS

__all__ = [
    "AsyncRetryTransport",
    "KrakenTier",
    "RateLimiter",
    "ResilienceConfig",
    "RetryTransport",
    "make_event_hooks",
]

logger = logging.getLogger(__name__)


class KrakenTier(StrEnum):
    """The tier of an account, which sets the rate limit of REST calls."""

    STARTER = "starter"
    INTERMEDIATE = "intermediate"
    PRO = "pro"


@dataclass(slots=True)
class ResilienceConfig:
    """Retries and logging of an `HTTPClient`.

    Only requests without a reply are retried. Those of private calls (POST) are retried only if no
    connection was made: otherwise the exchange may have received them, and a second one would place
    an order twice, or be refused because its nonce was used.

    Args:
        max_retries: how often a request is retried.
        backoff_base: seconds before the first retry; each further pause is twice as long.
        backoff_max: longest pause, seconds.
        retryable_exceptions: exceptions of httpx after which a request is retried.
        enable_logging: whether requests and replies are logged.
        log_level: the level of these messages.
    """

    max_retries: int = 0
    backoff_base: float = 0.5
    backoff_max: float = 30.0
    retryable_exceptions: tuple[type[Exception], ...] = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.PoolTimeout,
    )
    enable_logging: bool = False
    log_level: int = logging.DEBUG


#: Exceptions before the first byte of a request is sent.
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
#: Methods that change nothing (RFC 9110, section 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def _pause(
    config: ResilienceConfig, attempt: int, request: httpx.Request, error: Exception
) -> float | None:
    """Return the seconds before a request is retried; `None` if it must not be.

    Args:
        config: the rules.
        attempt: the number of retries before.
        request: the request.
        error: why it has no reply.
    """
    if attempt >= config.max_retries or not isinstance(error, config.retryable_exceptions):
        return None
    if request.method not in SAFE_METHODS and not isinstance(error, NOT_SENT):
        return None
    seconds = min(config.backoff_base * 2.0**attempt, config.backoff_max)
    logger.warning("%s: retry %d in %.2f s", type(error).__name__, attempt + 1, seconds)
    return seconds


class RetryTransport(httpx.BaseTransport):
    """A transport of `httpx.Client` that retries requests.

    Args:
        wrapped: the transport that sends them.
        config: when they are retried.
    """

    def __init__(self, wrapped: httpx.BaseTransport, config: ResilienceConfig) -> None:
        self._wrapped = wrapped
        self._config = config

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        attempt = 0
        while True:
            try:
                return self._wrapped.handle_request(request)
            except Exception as error:
                if (seconds := _pause(self._config, attempt, request, error)) is None:
                    raise
            time.sleep(seconds)
            attempt += 1

    def close(self) -> None:
        self._wrapped.close()


class AsyncRetryTransport(httpx.AsyncBaseTransport):
    """A transport of `httpx.AsyncClient` that retries requests.

    Args:
        wrapped: the transport that sends them.
        config: when they are retried.
    """

    def __init__(self, wrapped: httpx.AsyncBaseTransport, config: ResilienceConfig) -> None:
        self._wrapped = wrapped
        self._config = config

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attempt = 0
        while True:
            try:
                return await self._wrapped.handle_async_request(request)
            except Exception as error:
                if (seconds := _pause(self._config, attempt, request, error)) is None:
                    raise
            await asyncio.sleep(seconds)
            attempt += 1

    async def aclose(self) -> None:
        await self._wrapped.aclose()


def make_event_hooks(
    config: ResilienceConfig, *, is_async: bool = False
) -> dict[str, list[Callable[[Any], Any]]]:
    """Return the `event_hooks` of an httpx client that log requests and replies.

    Args:
        config: has the level of the messages.
        is_async: whether they are for an `httpx.AsyncClient`.
    """

    def on_request(request: httpx.Request) -> None:
        logger.log(config.log_level, "HTTP %s %s", request.method, _shown(request.url))

    def on_response(response: httpx.Response) -> None:
        request, status = response.request, response.status_code
        logger.log(config.log_level, "HTTP %s %s: %d", request.method, _shown(request.url), status)

    if not is_async:
        return {"request": [on_request], "response": [on_response]}
    return {"request": [_awaitable(on_request)], "response": [_awaitable(on_response)]}


def _awaitable(hook: Callable[[Any], None]) -> Callable[[Any], Any]:
    async def awaitable(item: Any) -> None:
        hook(item)

    return awaitable


def _shown(url: httpx.URL) -> httpx.URL:
    """Return a URL without the user and password of a gateway."""
    return url.copy_with(userinfo=b"") if url.userinfo else url


@dataclass(slots=True)
class RateLimiter:
    """A token bucket with the figures of Kraken's REST rate limit; you say what a call costs.

        limiter = RateLimiter.from_tier(KrakenTier.STARTER)
        with limiter.acquire():
            get_open_orders.sync(client=client)
        async with limiter.async_acquire(cost=2):
            await get_trade_history.asyncio(client=client)

    Threads and tasks can share one; they are served in the order in which they come.

    Args:
        max_tokens: the size of the bucket, which is full at first.
        decay_rate: tokens that are added per second.

    Raises:
        ValueError: one of them is not a positive number.
    """

    max_tokens: float
    decay_rate: float
    _tokens: float = field(init=False, repr=False, compare=False)
    _last_refill: float = field(init=False, repr=False, compare=False)
    _lock: threading.Lock = field(
        init=False, repr=False, compare=False, default_factory=threading.Lock
    )

    def __post_init__(self) -> None:
        for name, value in (("max_tokens", self.max_tokens), ("decay_rate", self.decay_rate)):
            if not 0 < value < inf:
                raise ValueError(f"{name} must be a positive number, not {value!r}")
        self._tokens = self.max_tokens
        self._last_refill = time.monotonic()

    @classmethod
    def from_tier(cls, tier: KrakenTier) -> Self:
        """Return a limiter with the figures of a tier."""
        max_tokens, decay_rate = TIERS[KrakenTier(tier).value]
        return cls(max_tokens, decay_rate)

    @contextmanager
    def acquire(self, cost: float = 1.0) -> Iterator[None]:
        """Wait until there are tokens for a call, and take them.

        Args:
            cost: what the call costs.

        Raises:
            ValueError: the cost is negative or not a number.
        """
        seconds = self._take(cost)
        if seconds > 0:
            try:
                time.sleep(seconds)
            except BaseException:
                self._add(cost)
                raise
            self._add(0.0)
        yield

    @asynccontextmanager
    async def async_acquire(self, cost: float = 1.0) -> AsyncIterator[None]:
        """Wait as `acquire` does, without blocking the event loop."""
        seconds = self._take(cost)
        if seconds > 0:
            try:
                await asyncio.sleep(seconds)
            except BaseException:
                self._add(cost)
                raise
            self._add(0.0)
        yield

    def _take(self, cost: float) -> float:
        """Take tokens, also those still to be added; return the seconds until they are there."""
        if not 0 <= cost < inf:
            raise ValueError(f"cost must be 0 or more, not {cost!r}")
        return max(0.0, -self._add(-cost) / self.decay_rate)

    def _add(self, tokens: float) -> float:
        """Add tokens, and those of the time that has passed; return how many there are."""
        with self._lock:
            now = time.monotonic()
            added = (now - self._last_refill) * self.decay_rate
            self._tokens = min(self.max_tokens, self._tokens + added) + tokens
            self._last_refill = now
            return self._tokens
