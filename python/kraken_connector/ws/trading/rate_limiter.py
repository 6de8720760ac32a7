"""Applies the trading rate limit: requests are counted, delayed or refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from math import inf, isfinite, isinf
from typing import TypeVar

from ...exceptions import RateLimitExceeded, TradingError
from ...models.checks import check_choice
from ...models.decimals import ZERO, add, subtract
from ...models.trading import TradingParams
from ...refusals import classify
from ..orders import Order
from .rate_counter import Charge, RateCounter

__all__ = ["RateLimiter"]

_T = TypeVar("_T")

POLICIES = ("report", "wait", "refuse")
#: Methods that may be delayed or refused. Cancels reduce risk and the client's count may be too
#: high, so they are only counted.
LIMITED = frozenset({"add_order", "amend_order", "batch_add", "edit_order"})
#: Shortest sleep, seconds; shorter waits are rounding errors.
SHORTEST = 1e-6


class _Queue:
    """The requests that wait for room in the counter of one pair, in the order of the calls.

    Attributes:
        cost: their costs together.
    """

    def __init__(self) -> None:
        self.cost = ZERO
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, cost: Decimal, until: float) -> AsyncIterator[bool]:
        """Wait until this request is the first, and stay it in the block; false at `until`."""
        self.cost = add(self.cost, cost)
        try:
            is_first = await self._is_first(until)
            try:
                yield is_first
            finally:
                if is_first:
                    self._turn.release()
        finally:
            self.cost = subtract(self.cost, cost)

    async def _is_first(self, until: float) -> bool:
        try:
            async with asyncio.timeout_at(until if isfinite(until) else None):
                return await self._turn.acquire()
        except TimeoutError:
            return False


class RateLimiter:
    """Counts every trading request, and delays or refuses those above the rate limit.

    Args:
        counter: the rate counter.
        policy: `report`, `wait` or `refuse`.
        max_wait: longest wait with `wait`, seconds; `None` for no bound.

    Raises:
        TypeError, ValueError: `policy` or `max_wait` is invalid.

    Attributes:
        is_active: whether requests may be delayed or refused.
    """

    def __init__(self, counter: RateCounter, policy: str, max_wait: float | None = None) -> None:
        check_choice("rate_policy", policy, POLICIES)
        max_wait = _checked_wait("rate_max_wait", max_wait)
        self._counter = counter
        self.is_active = policy != "report"
        self._policy = policy
        self._max_wait = 0.0 if policy == "refuse" else max_wait
        self._queues: dict[str, _Queue] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def admit(
        self,
        params: TradingParams,
        numbers: Mapping[str, Decimal] | None = None,
        *,
        recheck: Callable[[], object] = lambda: None,
        max_wait: float | None = None,
    ) -> Charge | None:
        """Wait until there is room for a request, and count it; with `report` do nothing.

        Requests are admitted in the order of the calls. If there is room, this does not suspend.

        Args:
            params: the request.
            numbers: the numbers of an amend that was encoded without them.
            recheck: called after each wait; raises if the request must not be sent any more, since
                its deadline has passed or its order has ended. Nothing is counted then.
            max_wait: longest wait of this request with `wait`, seconds; by default the limiter's.

        Returns:
            The counted charge, to be passed to `watch`; `None` if nothing was counted.

        Raises:
            RateLimitExceeded: there is no room now, within `max_wait`, or ever; raised as soon as
                that is known.
        """
        if not self.is_active or params.METHOD not in LIMITED:
            return None
        charge = self._counter.charge_of(params, numbers)
        # A limited request concerns one pair, or none if its order is unknown.
        for symbol, cost in charge.costs.items():
            queue = self._queue(symbol)
            most = self._max_wait
            if max_wait is not None and self._policy == "wait":
                most = _checked_wait("max_wait", max_wait)
            if self._check(params, symbol, cost, queue.cost, most) > 0 or queue.cost:
                until = asyncio.get_running_loop().time() + most
                async with queue.turn(cost, until) as is_first:
                    if not is_first:
                        raise self._no_room(params, symbol, cost, subtract(queue.cost, cost))
                    return await self._room(params, numbers, symbol, until, recheck)
        self._counter.add(charge)
        return charge

    async def _room(
        self,
        params: TradingParams,
        numbers: Mapping[str, Decimal] | None,
        symbol: str,
        until: float,
        recheck: Callable[[], object],
    ) -> Charge:
        """Wait for room as the first in the queue of a pair, and count the request."""
        now = asyncio.get_running_loop().time
        while True:
            recheck()
            # Computed again, as changing an order gets cheaper with its age.
            charge = self._counter.charge_of(params, numbers)
            cost = charge.costs.get(symbol, ZERO)
            left = max(until - now(), SHORTEST)
            seconds = self._check(params, symbol, cost, ZERO, left)
            if seconds <= 0:
                self._counter.add(charge)
                return charge
            await asyncio.sleep(max(seconds, SHORTEST))

    def withdraw(self, charge: Charge | None) -> None:
        """Uncount a request that was not sent."""
        if charge is not None:
            self._counter.withdraw(charge)

    async def watch(
        self,
        charge: Charge | None,
        answer: Awaitable[_T],
        params: TradingParams,
        numbers: Mapping[str, Decimal] | None = None,
        orders: Sequence[Order] = (),
        *,
        was_sent: Callable[[], bool],
    ) -> _T:
        """Count a request that was sent, and wait for its answer.

        If waiting ends with an exception, including cancellation of the caller, a request that was
        not sent is uncounted.

        Args:
            charge: the result of `admit`.
            answer: returns the reply.
            params: the request, as in `admit`.
            numbers: its numbers, as in `admit`.
            orders: the orders that it places.
            was_sent: returns whether it may have been sent.
        """
        charge = self.count(charge, params, numbers, orders)
        failure: BaseException | None = None
        try:
            return await answer
        except BaseException as error:
            failure = error
            raise
        finally:
            self.end(charge, failure, was_sent=was_sent())

    def count(
        self,
        charge: Charge | None,
        params: TradingParams,
        numbers: Mapping[str, Decimal] | None = None,
        orders: Sequence[Order] = (),
    ) -> Charge:
        """Count a request that was just sent, unless it is counted; arguments as in `watch`."""
        # Computed after sending, so as not to delay it.
        if charge is None:
            charge = self._counter.charge_of(params, numbers)
            self._counter.add(charge)
        charge.orders = orders or charge.orders
        return charge

    def end(self, charge: Charge, failure: BaseException | None, *, was_sent: bool) -> None:
        """Record that a request was answered, or why the wait for the answer ended."""
        if failure is not None and not was_sent:
            self._counter.withdraw(charge)
        exceeded = isinstance(failure, TradingError) and _says_exceeded(failure.venue_error)
        self._counter.on_end(charge, success=failure is None, exceeded=exceeded)

    def _queue(self, symbol: str) -> _Queue:
        """Return the queue of a pair; a new event loop starts with new queues."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._queues = loop, {}
        queue = self._queues.get(symbol)
        if queue is None:
            queue = self._queues[symbol] = _Queue()
        return queue

    def _check(
        self, params: TradingParams, symbol: str, cost: Decimal, before: Decimal, most: float
    ) -> float:
        """Return the seconds until there is room for a request besides the reserve.

        `before` is the cost of the requests before it.

        Raises:
            RateLimitExceeded: it would wait longer than `most` seconds, or for ever.
        """
        seconds = self._seconds(symbol, cost, before)
        if seconds > most or isinf(seconds):
            raise self._no_room(params, symbol, cost, before)
        return seconds

    def _seconds(self, symbol: str, cost: Decimal, before: Decimal) -> float:
        kept = add(cost, self._counter.reserve)
        return self._counter.seconds_until(symbol, kept, before=before)

    def _no_room(
        self, params: TradingParams, symbol: str, cost: Decimal, before: Decimal
    ) -> RateLimitExceeded:
        room = subtract(self._counter.headroom(symbol), add(self._counter.reserve, before))
        seconds = self._seconds(symbol, cost, before)
        return RateLimitExceeded(params.METHOD, symbol, cost, room, seconds)


def _says_exceeded(text: str | None) -> bool:
    """Return whether an error says that the trading rate limit was exceeded.

    There are two such errors, for the limit of the account (page "Spot trading rate limits") and
    for the one that a master account shares with its subaccounts (`EOrder:Domain rate limit
    exceeded`, Kraken's SDK). Errors of other areas, such as `EAPI:Rate limit exceeded`, concern
    other limits.
    """
    return text is not None and text.startswith("EOrder:") and classify(text).kind == "rate"


def _checked_wait(name: str, seconds: float | None) -> float:
    """Return a checked longest wait, infinite for `None`."""
    if seconds is None:
        return inf
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} must be a number of seconds or None, not {seconds!r}")
    if not seconds >= 0:
        raise ValueError(f"{name} must be 0 or more seconds, not {seconds!r}")
    return float(seconds)
