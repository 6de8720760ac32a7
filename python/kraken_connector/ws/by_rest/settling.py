"""Settles orders by REST that the stream of executions does not settle.

What an answer proves is in `orders/recorded.py`; this module asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
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

#: Orders in one `QueryOrders` (page "Query Orders Info").
BATCH = 50
#: Orders that are searched for one by one; for more of them all orders of their time are read.
ONE_BY_ONE = 4
#: Ended orders that one search reads, for which the account pays the rate limit; with more of them
#: the search does not count, and the next ones are made order by order.
MOST_ENDED = 300
#: Fills that are read for one answer; `client.backfill` reads any number.
MOST_FILLS = 100
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
        searched: for which orders all records were read, and when that began, monotonic seconds.
    """

    records: list[RestOrder] = field(default_factory=list)
    searched: dict[Order, float] = field(default_factory=dict)


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
        #: Whether the account has too many ended orders to read all of a time.
        self._is_crowded = False
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
                continue
            pause = LONGEST_PAUSE
            try:
                pause = await self._ask(rest, self._orders.inquiries())
            except Exception:
                # An unexpected error must not end the inquiries.
                logger.exception("orders are not settled by REST for now")
            await asyncio.sleep(pause)

    async def _ask(self, rest: KrakenRest, due: Sequence[Order]) -> float:
        """Ask about orders, and return the seconds until the next inquiry may be made."""
        known = [order for order in due if order.order_id is not None][:BATCH]
        others = [order for order in due if order.order_id is None]
        others = others[: ONE_BY_ONE if self._is_crowded else BATCH]
        found, failure = _Found(), None
        try:
            await self._query(rest, known, others, found)
            if others:
                await self._search(rest, others, found)
        except (KrakenConnectorError, ValueError) as error:
            failure = error
        fills = await self._fills(rest, found.records)
        self._orders.recorded(
            [*known, *others],
            found.records,
            fills,
            searched=found.searched,
            is_answered=failure is None,
        )
        return self._pause(failure)

    def _pause(self, failure: Exception | None) -> float:
        if failure is None:
            self._failures = 0
            return PAUSE
        self._failures += 1
        log = logger.warning if self._failures == 1 else logger.debug
        log("REST does not settle orders for now: %s", failure)
        asked_for = failure.retry_after if isinstance(failure, RestError) else None
        pause: float = PAUSE * 2 ** min(self._failures, 10)
        return min(max(pause, asked_for or 0.0), LONGEST_PAUSE)

    async def _query(
        self, rest: KrakenRest, known: Sequence[Order], others: Sequence[Order], found: _Found
    ) -> None:
        """Read the records of orders with an `order_id`, and of those that others may be."""
        ids = {str(order.order_id): None for order in known}
        for order in others:
            ids |= dict.fromkeys(self._orders.claimants(order))
        if ids:
            some = list(islice(ids, BATCH))
            found.records += (await rest.query_orders(some, trades=True)).values()

    async def _search(self, rest: KrakenRest, others: Sequence[Order], found: _Found) -> None:
        """Search among the open and the ended orders for those without `order_id`.

        The open ones come first: an order that ends meanwhile is then seen as ended.
        """
        began = now()
        found.records += (await rest.open_orders(trades=True)).values()
        groups = [others] if len(others) > ONE_BY_ONE else [[order] for order in others]
        for group in groups:
            times = [times for order in group if (times := self._orders.search_ns(order))]
            if len(times) < len(group):
                # The exchange's clock is not known yet.
                continue
            start_ns = min(since for since, _ in times) - MARGIN_NS
            end_ns = max(until for _, until in times) + MARGIN_NS
            if await self._read_ended(rest, group, start_ns, end_ns, found.records):
                found.searched |= dict.fromkeys(group, began)

    async def _read_ended(
        self,
        rest: KrakenRest,
        group: Sequence[Order],
        start_ns: int,
        end_ns: int,
        records: list[RestOrder],
    ) -> bool:
        """Read the ended orders that were made in a time, and return whether these are all."""
        count = 0
        ended = rest.closed_orders(
            start_ns, end_ns, trades=True, close_time="open", **_filter(group)
        )
        async for record in ended:
            records.append(record)
            count += 1
            if count > MOST_ENDED:
                self._is_crowded = True
                return False
        return True

    async def _fills(self, rest: KrakenRest, records: Sequence[RestOrder]) -> list[RestFill]:
        """Return the fills of known orders that are not known themselves."""
        missing = self._orders.unknown_fills(records)[:MOST_FILLS]
        if not missing:
            return []
        try:
            return list((await rest.query_trades(missing)).values())
        except (KrakenConnectorError, ValueError) as error:
            logger.warning("REST does not show %d fills of settled orders: %s", len(missing), error)
            return []


def _filter(group: Sequence[Order]) -> dict[str, Any]:
    """Return by what to select orders: one order by its identifier, several by time alone."""
    if len(group) > 1:
        return {}
    order = group[0]
    if order.cl_ord_id is not None:
        return {"cl_ord_id": order.cl_ord_id}
    return {} if not order.order_userref else {"order_userref": order.order_userref}
