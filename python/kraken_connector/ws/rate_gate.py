"""Letting trading requests pass by the rate limit, and counting them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from ..exceptions import (
    ConnectionLost,
    NotConnected,
    RateLimitExceeded,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from ..models._checks import check_choice
from ..models.trading import TradingParams
from ..refusals import classify
from .rate_counter import Charge, RateCounter

__all__ = ["RateGate"]

_T = TypeVar("_T")

POLICIES = ("report", "wait", "refuse")
#: A cancel takes risk away, and our count may be too high: it is counted and never held back.
HELD_BACK = frozenset({"add_order", "amend_order", "batch_add", "edit_order"})
#: What is raised for requests that never left.
NEVER_LEFT = (NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError)


class RateGate:
    """Where every trading request passes.

    Args:
        counter: counts them.
        policy: `report`, `wait` or `refuse`.

    Raises:
        ValueError: there is no such policy.
    """

    def __init__(self, counter: RateCounter, policy: str) -> None:
        check_choice("rate_policy", policy, POLICIES)
        self._counter = counter
        self._policy = policy
        self._lines: dict[str, asyncio.Lock] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def admit(
        self, params: TradingParams, numbers: Mapping[str, Decimal] | None = None
    ) -> Charge | None:
        """Let a request pass when there is room for it, and count it; nothing with `report`.

        Those that wait go in the order they came. Where there is room this does not suspend.

        Args:
            params: the request.
            numbers: the numbers of an amend that was encoded without them.

        Returns:
            What was counted, to be given to `watch`; `None` if nothing was yet.

        Raises:
            RateLimitExceeded: there is no room, or never will be.
        """
        if self._policy == "report" or params.METHOD not in HELD_BACK:
            return None
        charge = self._counter.charge_of(params, numbers)
        for symbol in charge.costs:
            if self._policy == "refuse":
                self._check(params, symbol, charge.costs[symbol], most=0.0)
                continue
            async with self._line(symbol):
                while (seconds := self._check(params, symbol, charge.costs[symbol])) > 0:
                    await asyncio.sleep(seconds)
                    # It has grown older meanwhile.
                    charge = self._counter.charge_of(params, numbers)
                self._counter.add(charge)
                return charge
        self._counter.add(charge)
        return charge

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

    def _line(self, symbol: str) -> asyncio.Lock:
        """Return a pair's line. A client may be used in one event loop after the other."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._lines = loop, {}
        return self._lines.setdefault(symbol, asyncio.Lock())

    def _check(
        self, params: TradingParams, symbol: str, cost: Any, most: float | None = None
    ) -> float:
        """Return the seconds until there is room.

        Raises:
            RateLimitExceeded: that is more than `most`, or for ever.
        """
        seconds = self._counter.seconds_until(symbol, cost)
        if seconds == float("inf") or (most is not None and seconds > most):
            headroom = self._counter.headroom(symbol)
            raise RateLimitExceeded(params.METHOD, symbol, cost, headroom, seconds)
        return seconds


def _says_exceeded(text: str | None) -> bool:
    """Tell whether the exchange refused a request for the trading rate limit.

    It says so for the account's own (page "Spot trading rate limits") and for the one that a
    master account and its subaccounts share (`EOrder:Domain rate limit exceeded`, Kraken's SDK).
    Other areas, as `EAPI:Rate limit exceeded`, are other limits.
    """
    return text is not None and text.startswith("EOrder:") and classify(text).kind == "rate"
