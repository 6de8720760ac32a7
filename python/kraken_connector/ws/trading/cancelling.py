"""Cancelling all orders of a pair or a tag, until none can be in the market any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import inf
from typing import Any, Self

from ...exceptions import KrakenConnectorError, NotConnected, OrdersStillWorking, TradingError
from ...loop_time import now
from ...models.trading import BatchCancelParams, CancelAllParams, CancelOrderParams
from ..constants import ConnectionState
from ..orders import Order, Orders
from ..orders.evidence import REPORT_PATIENCE
from .trader import Trader

__all__ = ["CancelReport", "Canceller"]

logger = logging.getLogger(__name__)

#: The most orders in one `batch_cancel` (page "Batch Cancel").
BATCH = 50
#: Seconds until a failed cancel is retried, and until one that exceeded the rate limit is.
RETRY = 0.5
RATE_RETRY = 1.0
#: Seconds until an unanswered cancel is sent again; cancelling twice does no harm.
UNANSWERED = 2.0
#: Seconds until an order is cancelled again although the exchange reported it as cancelled or
#: unknown. By then a snapshot has shown its end, if one can.
PROOF = REPORT_PATIENCE + 2.0
#: Longest time between two checks, seconds; usually a change of an order triggers one.
CHECK_INTERVAL = 0.5


@dataclass(frozen=True, slots=True)
class CancelReport:
    """How the orders ended that were to be cancelled.

    Attributes:
        canceled: cancelled orders; `cum_qty` is the quantity that was filled before.
        filled: orders that were filled completely meanwhile.
        other: orders with another end: `expired`, `rejected`, `absent` or `gone`.
    """

    canceled: tuple[Order, ...]
    filled: tuple[Order, ...]
    other: tuple[Order, ...]

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders of the report."""
        return self.canceled + self.filled + self.other

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Self:
        """Return a report on those of `orders` that have ended."""
        done = [order for order in orders if order.is_done]
        return cls(
            tuple(order for order in done if order.status == "canceled"),
            tuple(order for order in done if order.status == "filled"),
            tuple(order for order in done if order.status not in ("canceled", "filled")),
        )


@dataclass(slots=True)
class _Attempt:
    """The last cancel of one order.

    Attributes:
        retry_at: when it may be cancelled again, monotonic seconds.
        was_open: whether it was known to be in the market at the last cancel.
        is_alone: whether it needs a request of its own, as a batch with it was refused.
    """

    retry_at: float = 0.0
    was_open: bool = False
    is_alone: bool = False


class Canceller:
    """Cancels orders until none of them can be in the market.

    Args:
        trader: sends the cancels.
        orders: the orders of the account.
        follow: subscribes to `executions`, the only source for how orders end.
        select: returns the orders to cancel that may be in the market.
        hidden: orders of unknown outcome for which a cancel was sent and found nothing. They are
            not cancelled again, as each refusal delays the proof that they are absent, unless
            they appear in the market.
        sees_all: whether orders of other programs count, which only `executions` reports.
    """

    def __init__(
        self,
        trader: Trader,
        orders: Orders,
        follow: Callable[[], Awaitable[None]],
        select: Callable[[], list[Order]],
        hidden: set[Order] | None = None,
        *,
        sees_all: bool = False,
    ) -> None:
        self._trader = trader
        self._orders = orders
        self._follow = follow
        self._select = select
        self._hidden: set[Order] = set() if hidden is None else hidden
        self._sees_all = sees_all
        self._attempts: dict[Order, _Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._error: Exception | None = None
        self._is_over = False
        #: Whether a cancel found no room in the rate limit.
        self._is_limited = False

    async def run(self, timeout: float) -> CancelReport:  # noqa: ASYNC109
        """Cancel until no order is left.

        Raises:
            OrdersStillWorking: `timeout` seconds passed, or the client ended.
        """
        until = now() + timeout
        end = self._orders.on_change(lambda _: self._changed.set())
        try:
            while (working := self._select()) or not self._are_all_known():
                if now() >= until or self._is_over:
                    break
                self._changed.clear()
                self._start(working)
                await self._wait(min(until, self._next_at(working), now() + CHECK_INTERVAL))
        finally:
            end()
            for task in self._tasks:
                task.cancel()
        report = CancelReport.of(self._attempts)
        if working or not self._are_all_known():
            raise OrdersStillWorking(working, report) from self._error
        return report

    def _are_all_known(self) -> bool:
        """Return whether the client knows of every order that is to be cancelled."""
        return not self._sees_all or self._orders.is_concluded

    def _start(self, working: list[Order]) -> None:
        """Send the cancels that are due."""
        if not self._orders.is_followed and self._following is None:
            self._following = self._spawn(self._keep_followed())
        due = [order for order in working if self._is_due(order)]
        if due and self._is_limited and self._are_all(working):
            # `cancel_all` costs no points (page "Spot trading rate limits").
            self._send(working, lambda: self._trader.cancel_all(CancelAllParams()))
            return
        for group in self._grouped(due):
            self._send(group, partial(self._request, group))

    def _are_all(self, working: list[Order]) -> bool:
        """Return whether `working` are all orders of the account that may be in the market."""
        return self._orders.is_current and len(working) == len(self._orders.working())

    def _is_due(self, order: Order) -> bool:
        attempt = self._attempts.setdefault(order, _Attempt())
        if order.order_id is None and order.cl_ord_id is None:
            # It has only an `order_userref`, which other orders may share.
            return False
        if order.status == "unknown" and order in self._hidden:
            attempt.retry_at = inf
            return False
        has_appeared = order.is_open and not attempt.was_open
        return has_appeared or now() >= attempt.retry_at

    def _next_at(self, working: list[Order]) -> float:
        return min((self._attempts[order].retry_at or inf for order in working), default=inf)

    def _grouped(self, due: list[Order]) -> Iterator[list[Order]]:
        """Divide orders into batches; a busy order goes alone, as a batch would wait for it."""
        together: list[Order] = []
        for order in due:
            is_alone = self._attempts[order].is_alone or order.order_id is None or order.is_busy
            if is_alone:
                yield [order]
            else:
                together.append(order)
        rest = iter(together)
        while batch := list(islice(rest, BATCH)):
            yield batch

    def _send(self, group: Sequence[Order], request: Callable[[], Awaitable[Any]]) -> None:
        for order in group:
            attempt = self._attempts[order]
            attempt.retry_at, attempt.was_open = now() + UNANSWERED, order.is_open
        self._spawn(self._cancel(group, request))

    async def _cancel(self, group: Sequence[Order], request: Callable[[], Awaitable[Any]]) -> None:
        """Send one cancel, and set when its orders may be cancelled again."""
        try:
            await request()
            seconds = PROOF
        except TradingError as error:
            self._error = error
            seconds = self._patience(error, group)
        except KrakenConnectorError as error:
            self._error, seconds = error, RETRY
            if isinstance(error, NotConnected) and error.state == ConnectionState.DISCONNECTED:
                self._is_over = True
        for order in group:
            if order.status == "unknown" and seconds == PROOF:
                self._hidden.add(order)
            self._attempts[order].retry_at = now() + seconds

    def _patience(self, error: TradingError, group: Sequence[Order]) -> float:
        """Return the seconds until a refused cancel is retried."""
        if error.kind == "rate":
            self._is_limited = True
            return RATE_RETRY
        for order in group:
            self._attempts[order].is_alone = True
        return PROOF if error.kind == "unknown_order" and len(group) == 1 else RETRY

    async def _request(self, group: Sequence[Order]) -> None:
        if len(group) > 1:
            names = [str(order.order_id) for order in group]
            await self._trader.cancel_batch(BatchCancelParams(orders=names))
            return
        order = group[0]
        if order.order_id is not None:
            params = CancelOrderParams(order_id=[order.order_id])
        else:
            params = CancelOrderParams(cl_ord_id=[str(order.cl_ord_id)])
        await self._trader.execute(params)

    async def _keep_followed(self) -> None:
        while not self._orders.is_followed:
            try:
                await self._follow()
            except KrakenConnectorError as error:
                self._error = error
                await asyncio.sleep(RETRY)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A mistake of the caller, such as a client without tokens: a retry would fail too.
            logger.error("orders cannot be cancelled", exc_info=error)
            self._error = error if isinstance(error, Exception) else None
            self._is_over = True
        self._changed.set()

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(None if until == inf else until):
                await self._changed.wait()
        except TimeoutError:
            pass
