"""Cancels all orders of the account: by the socket, else by REST, and checks what is open then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from ...exceptions import (
    KrakenConnectorError,
    OrdersStillWorking,
    RequestError,
)
from ...loop_time import now
from ...models.trading import CancelAllParams
from ...rest.client import KrakenRest
from ..orders import Order, Orders
from ..trading.cancelling import CancelReport
from ..trading.trader import Trader
from .readings import described

__all__ = ["Emergency", "EmergencyReport"]

logger = logging.getLogger(__name__)

Route = Literal["socket", "rest"]

#: Seconds for the answer by the socket before REST is used.
SOCKET_PATIENCE = 1.0
#: Seconds for one REST call before it is made again.
REST_PATIENCE = 3.0
#: How long an order may be missing from OpenOrders after it was accepted. Kraken's SDK says that a
#: new order may be missing "briefly"; no page has a number, so this one is chosen.
REST_LAG = 2.0
#: Seconds until everything is cancelled again while orders are open.
RETRY = 1.0
#: Shortest pause between two checks, seconds.
SHORTEST_PAUSE = 0.05
#: Pauses between two readings of OpenOrders; the last one is repeated. Each reading costs points of
#: the REST rate limit.
PAUSES = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class EmergencyReport:
    """How all orders were cancelled.

    Attributes:
        by: which way the exchange took the cancel: `socket` or `rest`.
        confirmed_by: what showed that no order is open: `executions` or `rest`.
        orders: how those orders ended that the client knew as working and whose end is known.
        unreported: those whose end is not known: REST only showed that they are not open.
    """

    by: Route
    confirmed_by: Literal["executions", "rest"]
    orders: CancelReport
    unreported: tuple[Order, ...] = ()


class Emergency:
    """Cancels all orders of the account and waits until none can be open.

    Two things can show that. `executions` does if the exchange answered on its socket meanwhile and
    the client knows of no working order. OpenOrders does if it is empty when it was read late
    enough: after the cancel, and after the deadlines of this client's orders of unknown outcome.

    Args:
        trader: sends the cancel by the socket.
        orders: the orders of the account.
        rest: the REST API, `None` without a key.
        is_socket_up: returns whether the private connection is open.
    """

    def __init__(
        self,
        trader: Trader,
        orders: Orders,
        rest: KrakenRest | None,
        is_socket_up: Callable[[], bool],
    ) -> None:
        self._trader = trader
        self._orders = orders
        self._rest = rest
        self._is_socket_up = is_socket_up
        #: The orders that were working meanwhile, and when they were first seen with an `order_id`.
        self._watched: dict[Order, float | None] = {}
        self._changed = asyncio.Event()
        #: The way by which the exchange took the last cancel, `None` before.
        self._by: Route | None = None
        #: When it took the first one, monotonic seconds; infinity before.
        self._canceled_at = inf
        #: When everything may be cancelled again.
        self._again_at = -inf
        #: Whether the exchange answered on the socket.
        self._is_socket_alive = False
        #: Whether it did not, so that REST is used until it fails too.
        self._is_socket_slow = False
        #: The open orders by REST, `None` if they could not be read.
        self._open_ids: frozenset[str] | None = None
        self._read_at = 0.0
        self._reads = 0
        self._errors: dict[Route, Exception] = {}

    async def run(self, timeout: float) -> EmergencyReport:  # noqa: ASYNC109
        """Cancel everything.

        Raises:
            OrdersStillWorking: `timeout` seconds passed, and orders may be open.
        """
        until = now() + timeout
        end = self._orders.on_change(lambda _: self._changed.set())
        try:
            while now() < until:
                self._changed.clear()
                self._watch()
                if self._is_cancel_due():
                    await self._within(self._cancel, until)
                if self._do_executions_confirm():
                    return self._report("executions")
                if await self._within(self._does_rest_confirm, until):
                    return self._report("rest")
                await self._wait(until)
        finally:
            end()
        raise self._failure()

    def _watch(self) -> None:
        for order in (*self._orders.working(), *self._watched):
            seen_at = self._watched.get(order)
            self._watched[order] = now() if seen_at is None and order.order_id else seen_at

    async def _within(self, work: Callable[[], Awaitable[Any]], until: float) -> Any:
        """Do something until a time; return `None` if it took longer."""
        try:
            async with asyncio.timeout_at(until) as limit:
                return await work()
        except TimeoutError:
            if not limit.expired():
                raise
            return None

    # Cancelling.

    def _is_cancel_due(self) -> bool:
        """Return whether to cancel: at first, and again while something is open."""
        if now() < self._again_at:
            return False
        if self._by is None or self._open_ids:
            return True
        if self._is_socket_alive:
            # Otherwise what `executions` last said of orders may be old.
            return any(order.is_open for order in self._orders.working())
        # An answer on the socket lets `executions` confirm the cancel.
        return self._is_socket_up() and not self._is_socket_slow

    async def _cancel(self) -> None:
        """Cancel everything by the first way that works."""
        self._again_at = now() + RETRY
        can_use_rest = self._rest is not None
        if self._is_socket_up() and not (can_use_rest and self._is_socket_slow):
            await self._try("socket", self._cancel_by_socket, SOCKET_PATIENCE)
            if self._is_socket_alive or not can_use_rest:
                return
        if self._rest is not None:
            await self._try("rest", self._rest.cancel_all, REST_PATIENCE)
            if "rest" in self._errors:
                self._is_socket_slow = False

    async def _cancel_by_socket(self) -> None:
        self._is_socket_alive, self._is_socket_slow = False, True
        await self._trader.cancel_all(CancelAllParams())
        self._is_socket_alive, self._is_socket_slow = True, False

    async def _try(self, way: Route, cancel: Callable[[], Awaitable[Any]], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds) as limit:
                await cancel()
        except TimeoutError as error:
            if not (limit.expired() or isinstance(error, KrakenConnectorError)):
                raise
            self._errors[way] = RequestError(f"not carried out within {seconds:g} s")
        except Exception as error:  # noqa: BLE001 (a user's own token manager may raise anything)
            self._errors.pop(way, None)
            self._errors[way] = error
        else:
            self._by, self._canceled_at = way, min(self._canceled_at, now())
            self._again_at = now() + RETRY
            self._errors.pop(way, None)
            return
        reason = described(self._errors[way])
        logger.warning("all orders could not be cancelled by %s: %s", way, reason)

    # Confirming.

    def _do_executions_confirm(self) -> bool:
        """Return whether `executions` shows that no order is open."""
        return self._is_socket_alive and self._orders.is_concluded and not self._orders.working()

    async def _does_rest_confirm(self) -> bool:
        """Read the open orders when it is time to, and return whether they prove that none is."""
        if self._rest is None or now() < self._read_at:
            return False
        asked_at = now()
        self._read_at = asked_at + PAUSES[min(self._reads, len(PAUSES) - 1)]
        self._reads += 1
        try:
            async with asyncio.timeout(REST_PATIENCE) as limit:
                found = await self._rest.open_orders(urgent=True)
        except TimeoutError as error:
            if not (limit.expired() or isinstance(error, KrakenConnectorError)):
                raise
            self._open_ids, self._is_socket_slow = None, False
            return False
        except Exception as error:  # noqa: BLE001 (whatever it is, the socket may work)
            self._errors["rest"], self._open_ids = error, None
            self._is_socket_slow = False
            return False
        self._open_ids = frozenset(found)
        if self._open_ids:
            return False
        proved_at = self._canceled_at + REST_LAG
        if asked_at < proved_at:
            self._read_at = min(self._read_at, proved_at)
            return False
        self._watch()
        return all(self._would_be_listed(order, asked_at) for order in self._orders.working())

    def _would_be_listed(self, order: Order, asked_at: float) -> bool:
        """Return whether OpenOrders has an order, if it is open."""
        seen_at = self._watched[order]
        was_seen = seen_at is not None and asked_at >= seen_at + REST_LAG
        return (was_seen or order.order_id is None) and not self._orders.can_arrive(order, asked_at)

    # Results.

    async def _wait(self, until: float) -> None:
        """Wait for a change of an order, or until it is time to do something."""
        due_at = self._again_at if self._rest is None else min(self._again_at, self._read_at)
        until = min(until, max(due_at, now() + SHORTEST_PAUSE))
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _report(self, confirmed_by: Literal["executions", "rest"]) -> EmergencyReport:
        assert self._by is not None
        self._watch()
        unreported = tuple(order for order in self._watched if not order.is_done)
        return EmergencyReport(self._by, confirmed_by, CancelReport.of(self._watched), unreported)

    def _failure(self) -> OrdersStillWorking:
        """Return the exception that says which orders may be open."""
        self._watch()
        working = self._orders.working()
        known = {order.order_id for order in working}
        reasons = [f"by {way}: {described(error)}" for way, error in self._errors.items()]
        if self._by is None:
            reasons.insert(0, "the exchange did not confirm the cancel")
        failure = OrdersStillWorking(
            working,
            CancelReport.of(self._watched),
            order_ids=sorted((self._open_ids or frozenset()) - known),
            reason="; ".join(reasons) or "neither executions nor the REST API shows what is open",
        )
        failure.__cause__ = next(reversed(self._errors.values()), None)
        return failure
