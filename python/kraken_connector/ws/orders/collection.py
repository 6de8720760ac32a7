"""`client.orders`: the orders of the account, for reading and waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from ...exceptions import NotConnected, OrderUnresolved
from ..base.exchange_clock import ExchangeClock
from .executions import FillListener
from .exposure import Exposure
from .known import OrderListener
from .order import Fill, Order
from .requested import RequestedOrders
from .streamed import StreamedOrders

__all__ = ["Orders"]


class Orders(RequestedOrders, StreamedOrders):
    """The orders of the account, live: `client.orders["O..."]` by `order_id` or `cl_ord_id`.

    It knows what this client sends from the moment of the call. What becomes of it, and orders of
    other programs, it knows while `executions` is subscribed, best by `client.track_orders()`. It
    is kept through reconnects; the snapshot after a gap tells what the gap hid.

    The last 10,000 orders that came to an end are kept, and the last 50,000 fills. Without the
    stream nobody tells when an order ends, so the last 10,000 orders are kept then.

    Args:
        now: gives the monotonic local time, seconds.
        exchange: the exchange's clock.
        send: sends a trading request, for the methods of `Order`.

    Attributes:
        is_current: whether the stream is followed without a gap at the moment. Never true for
            streams of all users, which have no snapshot.
        is_followed: whether the stream is subscribed.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        exchange: ExchangeClock | None = None,
        send: Callable[[Any], Awaitable[Any]] | None = None,
    ) -> None:
        super().__init__(now, exchange or ExchangeClock())
        self._send = send
        self._end: Exception | None = None
        self._current_waiters: list[asyncio.Future[None]] = []

    # Finding orders.

    def __getitem__(self, identifier: str) -> Order:
        """Return the order with an `order_id` or `cl_ord_id`.

        Of several orders with one name it is the one that is not done, else the latest.

        Raises:
            KeyError: there is none.
        """
        if (order := self.get(identifier)) is None:
            raise KeyError(identifier)
        return order

    def get(self, identifier: str) -> Order | None:
        """Return the order with an `order_id` or `cl_ord_id`, `None` if there is none."""
        return self._identities.get(identifier)

    def __contains__(self, identifier: object) -> bool:
        return isinstance(identifier, str) and self.get(identifier) is not None

    def __iter__(self) -> Iterator[Order]:
        """Iterate over all orders that are known, a copy: those not at an end come last."""
        return iter([*self._kept, *self._active])

    def __len__(self) -> int:
        return len(self._kept) + len(self._active)

    def open(self, symbol: str | None = None) -> list[Order]:
        """Return the orders that can be filled, as far as is known, oldest first."""
        return [o for o in self._candidates() if o.is_open and symbol in (None, o.symbol)]

    def working(
        self, symbol: str | None = None, side: str | None = None, *, tag: str | None = None
    ) -> list[Order]:
        """Return the orders that are in the market or may be, oldest first.

        These are the open ones, those that are being sent, and those of which it is not known
        whether the exchange has them.

        Args:
            symbol: currency pair; all by default.
            side: `buy` or `sell`; both by default.
            tag: only the orders with this tag.
        """
        return [
            order
            for order in self._candidates()
            if not order.is_done
            and symbol in (None, order.symbol)
            and side in (None, order.side)
            and tag in (None, order.tag)
        ]

    def tagged(self, tag: str) -> list[Order]:
        """Return all orders with a tag that are known."""
        return [order for order in self if order.tag == tag]

    @property
    def unsettled(self) -> list[Order]:
        """The orders of which the outcome of sending them is not known, or not yet."""
        return [order for order in self._candidates() if not order.is_settled]

    # Sums.

    def exposure(self, symbol: str, *, tag: str | None = None) -> Exposure:
        """Return what the working orders of a pair can still buy and sell."""
        edits = [
            edit
            for edit in self._edits
            if edit.order.is_done and edit.order.symbol == symbol and tag in (None, edit.order.tag)
        ]
        return Exposure.of(self.working(symbol, tag=tag), edits)

    @property
    def fills(self) -> list[Fill]:
        """The account's last fills that were reported, in order of arrival; a copy."""
        return self._executions.fills

    @property
    def lost_fills(self) -> int:
        """How often fills may have been lost for good: in a gap with more than the fifty fills that
        a snapshot has, or in a report that could not be read."""
        return self._executions.lost

    @property
    def are_fills_complete(self) -> bool:
        """Whether every fill since `executions` was first followed is known."""
        return not self._executions.lost

    @property
    def held_fills(self) -> list[Fill]:
        """Fills that may be of an order whose answer is still out; `on_fill` tells them later."""
        return self._executions.held

    def has_all_fills(self, order: Order) -> bool:
        """Tell whether no fill of an order can be missing, as far as gaps are concerned."""
        return self._executions.are_complete_since(order._since)

    @property
    def has_history(self) -> bool:
        """Whether the first snapshot is over: the fills that it has are history."""
        return self._executions.has_history

    @property
    def is_concluded(self) -> bool:
        """Whether the stream is followed, and all that its last snapshot proves was concluded."""
        return self.is_current and self._snapshot is not None and self._snapshot.is_complete

    # Being told.

    def on_change(self, listener: OrderListener) -> Callable[[], None]:
        """Call a plain function with each order after each change of it.

        It is called in the receiving task and must be quick; what it raises is logged.

        Returns:
            A function that ends this.
        """
        return self._listeners.add("on_change", listener)

    def on_progress(self, listener: OrderListener) -> Callable[[], None]:
        """Call a plain function as `on_change` does, but only for orders with an `order_id`."""
        return self._followers.add("on_progress", listener)

    def on_fill(
        self, listener: FillListener, *, symbol: str | None = None, tag: str | None = None
    ) -> Callable[[], None]:
        """Call a plain function with each fill once, and its order: `listener(order, fill)`.

        The order is `None` for fills of a gap whose order is not known. Fills from before
        `executions` was followed are not told, except those of this client's own orders.

        Args:
            listener: is called in the receiving task and must be quick; what it raises is logged.
            symbol: only fills of this pair.
            tag: only fills of orders with this tag.

        Returns:
            A function that ends this.
        """

        def is_wanted(order: Order | None, fill: Fill) -> bool:
            return symbol in (None, fill.symbol) and tag in (None, order and order.tag)

        return self._executions.listeners.add("on_fill", listener, is_wanted)

    async def wait_current(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until the stream is followed, and all that its snapshot proves was concluded.

        Raises:
            NotConnected: `executions` is not subscribed, or the client was disconnected.
            ConnectFailed: the client gave up.
            TimeoutError: `timeout` seconds passed.
        """
        if self.is_concluded:
            return
        if self._end is not None:
            raise self._end
        if not self.is_followed:
            raise _not_subscribed()
        waiter = asyncio.get_running_loop().create_future()
        self._current_waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        finally:
            self._current_waiters.remove(waiter)

    # What the client says.

    def began(self) -> None:
        """Note that the client is connected again."""
        self._end = None

    def ended(self, error: Exception) -> None:
        """Note that nothing is heard any more; whoever waits is told."""
        self._end = error
        self.gap_began()
        self._notify_all()
        self._fail_waiters(error)

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Note that the stream was asked for, and with it a snapshot."""
        self._end = None
        super().subscribing(params)

    def unsubscribed(self) -> None:
        """Note that the stream is not subscribed any more."""
        super().unsubscribed()
        self._notify_all()
        self._fail_waiters(_not_subscribed())

    def _conclude(self) -> None:
        super()._conclude()
        if not self.is_current:
            return
        for waiter in self._current_waiters:
            if not waiter.done():
                waiter.set_result(None)

    # What orders ask.

    def outlook(self, order: Order) -> tuple[Exception | None, float | None]:
        """Return what to raise where nothing more will be learnt of an order.

        Returns:
            The exception, `None` if more will be learnt; and a monotonic local time at which to
            look again, `None` if a change will tell.
        """
        if self._end is not None:
            return self._end, None
        if order.status == "sending" or order.is_done:
            return None, None
        if self._doubts.is_hopeless(order):
            reason = order.reason or "no snapshot of executions tells"
            return OrderUnresolved(order, reason), None
        if self.is_followed and (order.status != "unknown" or self._has_snapshots()):
            return None, None
        due = self._doubts.due(order)
        if order.status == "unknown" and self._now() < due:
            # A late answer may still come.
            return None, due
        reason = "executions is subscribed without snapshots of orders"
        if not self.is_followed:
            reason = "executions is not followed: call client.track_orders()"
        return OrderUnresolved(order, reason), None

    async def send(self, params: Any) -> Any:
        """Send a trading request, for the methods of `Order`."""
        assert self._send is not None
        return await self._send(params)

    # Inner workings.

    def _new(self, order_id: str | None, cl_ord_id: str | None = None) -> Order:
        order = Order(self, order_id, cl_ord_id)
        order._since = self._step
        return order

    def _has_snapshots(self) -> bool:
        """Tell whether the stream brings snapshots that show which orders there are."""
        params = {} if self._snapshot is None else self._snapshot.params
        return bool(params.get("snap_orders")) and not params.get("users")

    def _fail_waiters(self, error: Exception) -> None:
        for waiter in self._current_waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _notify_all(self) -> None:
        for order in self:
            order._notify()

    def __repr__(self) -> str:
        return f"<Orders: {len(self.open())} open, {len(self)} known>"


def _not_subscribed() -> NotConnected:
    return NotConnected("wait for orders", "not subscribed to executions")
