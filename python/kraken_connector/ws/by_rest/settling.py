"""Settles orders by REST that the stream of executions does not settle.

What an answer proves is in `orders/recorded.py`; this module asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ...exceptions import KrakenConnectorError, RestError
from ...loop_time import now
from ...models.rest import RestFill, RestOrder
from ...rest.client import KrakenRest
from ..base.exchange_clock import SECOND_NS
from ..orders import Order, Orders

__all__ = ["Settling"]

logger = logging.getLogger(__name__)

#: Ended orders that one search reads; with more of them it does not count as complete.
MOST_ENDED = 1_000
#: Shortest pause between two inquiries, and the longest one after failures, seconds.
PAUSE = 1.0
LONGEST_PAUSE = 20.0
#: Nanoseconds by which a search begins before the first sending and ends after the last deadline:
#: bounds are whole seconds, and the client knows the exchange's clock only nearly.
MARGIN_NS = 2 * SECOND_NS


@dataclass(slots=True)
class _Found:
    """What REST answered so far.

    Attributes:
        records: orders.
        searched_at: when a search of all orders began, monotonic seconds; `None` if none was made,
            or it did not see all.
    """

    records: list[RestOrder] = field(default_factory=list)
    searched_at: float | None = None


class Settling:
    """Asks REST about orders while the client is connected.

    Args:
        orders: the orders of the account.
        rest: the REST API, `None` without a key; then nothing is asked.
    """

    def __init__(self, orders: Orders, rest: KrakenRest | None) -> None:
        self._orders = orders
        self._rest = rest
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Failures in a row.
        self._failures = 0
        if rest is not None:
            orders.on_inquiry(self._wake)

    def start(self) -> None:
        """Ask from now on."""
        if self._rest is not None and self._task is None:
            self._news = asyncio.Event()
            self._task = asyncio.create_task(self._run(self._rest), name="settling by REST")

    async def stop(self) -> None:
        """Ask no more; return when no call is under way."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _wake(self) -> None:
        self._news.set()

    async def _run(self, rest: KrakenRest) -> None:
        while True:
            self._news.clear()
            due_at = self._orders.next_inquiry()
            if due_at > now():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(None if due_at == inf else due_at):
                        await self._news.wait()
            elif orders := self._orders.inquiries():
                await asyncio.sleep(await self._ask(rest, orders))

    async def _ask(self, rest: KrakenRest, orders: Sequence[Order]) -> float:
        """Ask about orders, and return the seconds until the next inquiry may be made."""
        found, failure = _Found(), None
        try:
            await self._read(rest, orders, found)
        except (KrakenConnectorError, ValueError) as error:
            failure = error
        fills = await self._fills(rest, found.records)
        self._orders.recorded(
            orders,
            found.records,
            fills,
            searched_at=None if failure else found.searched_at,
            is_answered=failure is None,
        )
        if failure is None:
            self._failures = 0
            return PAUSE
        self._failures += 1
        log = logger.warning if self._failures == 1 else logger.debug
        log("REST cannot settle %d orders for now: %s", len(orders), failure)
        asked_for = failure.retry_after if isinstance(failure, RestError) else None
        pause: float = PAUSE * 2 ** min(self._failures, 10)
        return min(max(pause, asked_for or 0.0), LONGEST_PAUSE)

    async def _read(self, rest: KrakenRest, orders: Sequence[Order], found: _Found) -> None:
        """Read the records of orders with an identifier, and search for the others."""
        ids = {order.order_id: None for order in orders if order.order_id is not None}
        for order in orders:
            ids |= dict.fromkeys(self._orders.claimants(order))
        if ids:
            found.records += (await rest.query_orders(list(ids), trades=True)).values()
        windows = [(order, self._orders.search_ns(order)) for order in orders]
        unbound = {order: times for order, times in windows if times and order.order_id is None}
        if unbound:
            await self._search(rest, unbound, found)

    async def _search(
        self, rest: KrakenRest, unbound: dict[Order, tuple[int, int]], found: _Found
    ) -> None:
        """Search among the open and ended orders for those without `order_id`.

        The open ones come first: an order that ends meanwhile is then seen as ended.
        """
        searched_at, whose = now(), _filter(unbound)
        found.records += (await rest.open_orders(trades=True, **whose)).values()
        start_ns = min(since for since, _ in unbound.values()) - MARGIN_NS
        end_ns = max(until for _, until in unbound.values()) + MARGIN_NS
        ended = rest.closed_orders(start_ns, end_ns, trades=True, close_time="open", **whose)
        count = 0
        async with contextlib.aclosing(ended):  # type: ignore[type-var]
            async for record in ended:
                found.records.append(record)
                count += 1
                if count >= MOST_ENDED:
                    return
        found.searched_at = searched_at

    async def _fills(self, rest: KrakenRest, records: Sequence[RestOrder]) -> list[RestFill]:
        """Return the fills of records of this account's known orders that are not known."""
        missing = self._orders.unknown_fills(records)
        if not missing:
            return []
        try:
            return list((await rest.query_trades(missing)).values())
        except RestError as error:
            logger.warning("REST does not show %d fills of settled orders: %s", len(missing), error)
            return []


def _filter(unbound: Collection[Order]) -> dict[str, Any]:
    """Return by what to select orders: one order by its identifier, several by time alone."""
    if len(unbound) > 1:
        return {}
    (order,) = unbound
    if order.cl_ord_id is not None:
        return {"cl_ord_id": order.cl_ord_id}
    return {} if not order.order_userref else {"order_userref": order.order_userref}
