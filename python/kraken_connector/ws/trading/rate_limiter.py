"""Letting trading requests pass by the rate limit, and counting them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from math import inf, isfinite, isinf
from typing import Any, TypeVar

from ...exceptions import (
    ConnectionLost,
    NotConnected,
    RateLimitExceeded,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from ...models._checks import check_choice
from ...models._decimals import ZERO, add, subtract
from ...models.trading import TradingParams
from ...refusals import classify
from .rate_counter import Charge, RateCounter

__all__ = ["RateLimiter"]

_T = TypeVar("_T")

POLICIES = ("report", "wait", "refuse")
#: A cancel takes risk away, and our count may be too high: it is counted and never held back.
HELD_BACK = frozenset({"add_order", "amend_order", "batch_add", "edit_order"})
#: The shortest sleep, seconds: waits for less come from rounding.
SHORTEST = 1e-6
#: What is raised for requests that never left.
NEVER_LEFT = (NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError)


class _Queue:
    """The requests that wait for room in the counter of one pair, in the order of the calls.

    Attributes:
        cost: what they will add together.
    """

    def __init__(self) -> None:
        self.cost = ZERO
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, cost: Decimal, until: float) -> AsyncIterator[bool]:
        """Wait for those that came before and keep the others waiting; false if `until` came."""
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
    """Where every trading request passes.

    Args:
        counter: counts them.
        policy: `report`, `wait` or `refuse`.
        max_wait: longest wait with `wait`, seconds; `None` for no bound.

    Raises:
        TypeError, ValueError: there is no such policy, or `max_wait` is no duration.

    Attributes:
        holds_back: whether requests may have to wait, or be refused.
    """

    def __init__(self, counter: RateCounter, policy: str, max_wait: float | None = None) -> None:
        check_choice("rate_policy", policy, POLICIES)
        max_wait = _checked_wait("rate_max_wait", max_wait)
        self._counter = counter
        self.holds_back = policy != "report"
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
        """Let a request pass when there is room for it, and count it; nothing with `report`.

        Those that wait go in the order of the calls. Where there is room this does not suspend.

        Args:
            params: the request.
            numbers: the numbers of an amend that was encoded without them.
            recheck: is called after each wait; it raises if the request is not to be sent any
                more, as its deadline has passed or its order has ended. Nothing is counted then.
            max_wait: longest wait of this request with `wait`, seconds; by default the gate's.

        Returns:
            What was counted, to be given to `watch`; `None` if nothing was yet.

        Raises:
            RateLimitExceeded: there is no room now, within `max_wait`, or ever. It is raised as
                soon as that is known.
        """
        if not self.holds_back or params.METHOD not in HELD_BACK:
            return None
        charge = self._counter.charge_of(params, numbers)
        # What is held back is about one pair, or about none that is known.
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
        """Wait for room, as the first of a pair's queue, and count the request."""
        now = asyncio.get_running_loop().time
        while True:
            recheck()
            # An order that has grown older meanwhile is cheaper to change.
            charge = self._counter.charge_of(params, numbers)
            cost = charge.costs.get(symbol, ZERO)
            left = max(until - now(), SHORTEST)
            seconds = self._check(params, symbol, cost, ZERO, left)
            if seconds <= 0:
                self._counter.add(charge)
                return charge
            await asyncio.sleep(max(seconds, SHORTEST))

    def withdraw(self, charge: Charge | None) -> None:
        """Take back what was counted for a request that did not leave."""
        if charge is not None:
            self._counter.withdraw(charge)

    async def watch(
        self,
        charge: Charge | None,
        answer: Awaitable[_T],
        params: TradingParams,
        numbers: Mapping[str, Decimal] | None = None,
        orders: Sequence[Any] = (),
        *,
        has_left: Callable[[], bool] | None = None,
    ) -> _T:
        """Count a request that was sent, and wait for its answer.

        What did not leave is taken back: when the answer ends with an exception, cancellation of
        the caller included, `has_left` is asked.

        Args:
            charge: what `admit` gave.
            answer: waits for it.
            params: the request.
            numbers: the numbers of an amend that was encoded without them.
            orders: the orders that the request makes.
            has_left: tells whether the request was handed to the socket; without it the kind of
                the exception decides, and a request whose caller was cancelled stays counted.
        """
        # After sending, which nothing should hold up.
        if charge is None:
            charge = self._counter.charge_of(params, numbers)
            self._counter.add(charge)
        charge.orders = orders or charge.orders
        success = exceeded = False
        try:
            reply = await answer
            success = True
        except BaseException as error:
            left = not isinstance(error, NEVER_LEFT) if has_left is None else has_left()
            if not left:
                self._counter.withdraw(charge)
            exceeded = isinstance(error, TradingError) and _says_exceeded(error.venue_error)
            raise
        finally:
            self._counter.landed(charge, success=success, exceeded=exceeded)
        return reply

    def _queue(self, symbol: str) -> _Queue:
        """Return a pair's queue. A client may be used in one event loop after the other."""
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
        """Return the seconds until there is room for a request, with the reserve kept.

        Args:
            params: the request.
            symbol: its pair.
            cost: what it adds.
            before: what those add that go before it.
            most: how many seconds it can wait.

        Raises:
            RateLimitExceeded: that is more than `most`, or for ever.
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
    """Tell whether the exchange refused a request for the trading rate limit.

    It says so for the account's own (page "Spot trading rate limits") and for the one that a
    master account and its subaccounts share (`EOrder:Domain rate limit exceeded`, Kraken's SDK).
    Other areas, as `EAPI:Rate limit exceeded`, are other limits.
    """
    return text is not None and text.startswith("EOrder:") and classify(text).kind == "rate"


def _checked_wait(name: str, seconds: float | None) -> float:
    """Return a longest wait, infinite for `None`."""
    if seconds is None:
        return inf
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} must be a number of seconds or None, not {seconds!r}")
    if not seconds >= 0:
        raise ValueError(f"{name} must be 0 or more seconds, not {seconds!r}")
    return float(seconds)
