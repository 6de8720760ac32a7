"""`client.orders`: the orders of the account, for reading and waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from ...exceptions import NotConnected, OrderUnresolved
from ...models.trading import AmendOrderParams
from ..base.exchange_clock import ExchangeClock
from ..base.waiters import Waiters
from .executions import FillListener
from .exposure import Exposure
from .known import OrderListener
from .order import Fill, Order, OrderCalls
from .recorded import RecordedOrders
from .requested import RequestedOrders
from .streamed import StreamedOrders

__all__ = ["Orders"]


class Orders(RequestedOrders, StreamedOrders, RecordedOrders):
    """The orders of the account, live: `client.orders["O..."]` by `order_id` or `cl_ord_id`.

    An order of this client is in it from the moment of the call. Its further state, and orders of
    other programs, are known while `executions` is subscribed, best with `client.track_orders()`.
    Orders are kept through reconnects; the snapshot after a gap brings them up to date.

    The last 10,000 ended orders and the last 50,000 fills are kept. While `executions` is not
    subscribed, the end of orders is not reported, and the last 10,000 orders are kept.

    Args:
        now: returns the local time, monotonic seconds.
        exchange: the exchange's clock.
        send: sends a trading request, for the methods of `Order`.
        amend_params: makes the parameters of an amend, for the same.

    Attributes:
        is_current: whether `executions` is subscribed and no gap is open. Never true for streams of
            all users, which have no snapshot.
        is_followed: whether `executions` is subscribed.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        exchange: ExchangeClock | None = None,
        send: Callable[[Any], Awaitable[Any]] | None = None,
        amend_params: Callable[..., AmendOrderParams] = AmendOrderParams,
    ) -> None:
        super().__init__(now, exchange or ExchangeClock())
        self._calls = OrderCalls(self.outlook, send or _cannot_send, amend_params)
        self._end: Exception | None = None
        self._current_waiters = Waiters()

    # Finding orders.

    def __getitem__(self, identifier: str) -> Order:
        """Return the order with an `order_id` or `cl_ord_id`.

        Of several orders with one identifier it is one that has not ended, else the latest.

        Raises:
            KeyError: there is no such order.
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
        """Iterate over a copy of all known orders; those that have not ended come last."""
        return iter([*self._kept, *self._active])

    def __len__(self) -> int:
        return len(self._kept) + len(self._active)

    def open(self, symbol: str | None = None) -> list[Order]:
        """Return the orders whose last known state is an open one, oldest first."""
        return [o for o in self._candidates() if o.is_open and symbol in (None, o.symbol)]

    def working(
        self, symbol: str | None = None, side: str | None = None, *, tag: str | None = None
    ) -> list[Order]:
        """Return the orders that are or may be in the market, oldest first.

        These are the open orders, those that are being sent, and those with an unknown outcome.

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
        """Return all known orders with a tag."""
        return [order for order in self if order.tag == tag]

    @property
    def unsettled(self) -> list[Order]:
        """The orders whose outcome is not known: those being sent, and `unknown` ones."""
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
        """The last reported fills of the account, in order of arrival; a copy."""
        return self._executions.fills

    @property
    def lost_fills(self) -> int:
        """How often fills may have been lost for good: in a gap with more fills than the fifty of a
        snapshot, or in a report that could not be read."""
        return self._executions.lost

    @property
    def are_fills_complete(self) -> bool:
        """Whether every fill since `executions` was first subscribed is known."""
        return not self._executions.lost

    @property
    def held_fills(self) -> list[Fill]:
        """Fills that may belong to an order without a reply yet; `on_fill` gets them later."""
        return self._executions.held

    def has_all_fills(self, order: Order) -> bool:
        """Return whether no fill of an order can have been lost in a gap."""
        return self._executions.are_complete_since(order._since)

    @property
    def has_history(self) -> bool:
        """Whether the first snapshot is complete; its fills are history."""
        return self._executions.has_history

    @property
    def is_concluded(self) -> bool:
        """Whether no gap is open, and the conclusions from the last snapshot are drawn."""
        return self.is_current and self._snapshot is not None and self._snapshot.is_complete

    # Listeners.

    def on_change(self, listener: OrderListener) -> Callable[[], None]:
        """Call a plain function with an order after each change of it.

        It is called in the receiving task and must be quick; exceptions are logged.

        Returns:
            A function that removes the listener.
        """
        return self._listeners.add("on_change", listener)

    def on_progress(self, listener: OrderListener) -> Callable[[], None]:
        """Call a plain function like `on_change`, but only for orders with an `order_id`."""
        return self._followers.add("on_progress", listener)

    def on_fill(
        self, listener: FillListener, *, symbol: str | None = None, tag: str | None = None
    ) -> Callable[[], None]:
        """Call a plain function once with each fill and its order: `listener(order, fill)`.

        The order is `None` for fills of a gap whose order is not known. Fills from before
        `executions` was subscribed are left out, except those of this client's own orders.

        Args:
            listener: called in the receiving task; must be quick; exceptions are logged.
            symbol: only fills of this pair.
            tag: only fills of orders with this tag.

        Returns:
            A function that removes the listener.
        """

        def is_wanted(order: Order | None, fill: Fill) -> bool:
            return symbol in (None, fill.symbol) and tag in (None, order and order.tag)

        return self._executions.listeners.add("on_fill", listener, is_wanted)

    async def wait_current(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until no gap is open, and the conclusions from the last snapshot are drawn.

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
        async with asyncio.timeout(timeout):
            await self._current_waiters.wait()

    # Events of the client and of the subscription.

    def start(self) -> None:
        """Record that the client connects."""
        self._end = None

    def stop(self, error: Exception) -> None:
        """Record that the client is disconnected, and raise `error` in waiting tasks."""
        self._end = error
        self.gap_began()
        self._notify_all()
        self._current_waiters.release(error)

    def subscribing(self, params: Mapping[str, Any]) -> None:
        self._end = None
        super().subscribing(params)

    def unsubscribed(self) -> None:
        """Record that the channel is no longer subscribed, and wake waiting tasks."""
        super().unsubscribed()
        self._notify_all()
        self._current_waiters.release(_not_subscribed())

    def _conclude(self) -> None:
        super()._conclude()
        if self.is_current:
            self._current_waiters.release()

    # The interface that orders use.

    def outlook(self, order: Order) -> tuple[Exception | None, float | None]:
        """Return what to raise if the state of an order will not become known.

        Returns:
            The exception, `None` if it will become known; and a time of the event loop at which to
            call this again, `None` if the order's watchers will be called.
        """
        if self._end is not None:
            return self._end, None
        if order.status == "sending" or order.is_done:
            return None, None
        if self._inquiries.may_say(order):
            return None, None
        if self._questions.is_given_up(order):
            reason = order.reason or "no snapshot of executions shows it"
            return OrderUnresolved(order, reason), None
        if self.is_followed and (order.status != "unknown" or self._has_snapshots()):
            return None, None
        due = self._questions.due(order)
        if order.status == "unknown" and self._now() < due:
            # A late reply may still come.
            return None, due
        reason = "executions is subscribed without snap_orders"
        if not self.is_followed:
            reason = "executions is not subscribed: call client.track_orders()"
        return OrderUnresolved(order, reason), None

    def _new(self, order_id: str | None, cl_ord_id: str | None = None) -> Order:
        order = Order(self._calls, order_id, cl_ord_id)
        order._since = self._step
        return order

    def _has_snapshots(self) -> bool:
        """Return whether snapshots of the channel have the open orders."""
        params = {} if self._snapshot is None else self._snapshot.params
        return bool(params.get("snap_orders")) and not params.get("users")

    def _notify_all(self) -> None:
        for order in self:
            order._notify()

    def __repr__(self) -> str:
        return f"<Orders: {len(self.open())} open, {len(self)} known>"


def _not_subscribed() -> NotConnected:
    return NotConnected("wait for orders", "not subscribed to executions")


async def _cannot_send(_: Any) -> Any:
    raise TypeError("these orders belong to no client that can send requests")
