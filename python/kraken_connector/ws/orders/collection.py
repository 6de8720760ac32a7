"""The orders of an account: what answers and the `executions` stream say, put together.

Pure bookkeeping: it has no socket and waits for nothing. docs/order-certainty.md has the rules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from ...exceptions import OrderUnresolved
from ...models import ExecutionData
from ...models.trading import AddOrderParams
from ...models.trading_results import AddOrderResult
from ..callbacks import call_all
from ..exchange_clock import ExchangeClock, nanoseconds
from ..keepers import Keeper
from . import reports as reading
from .changes import Change, Edits
from .evidence import (
    ACK_PATIENCE,
    CLOCK_TOLERANCE_NS,
    DEADLINE_SLACK_NS,
    LONGEST_DEADLINE_NS,
    REPORT_PATIENCE,
    SNAPSHOT_FILLS,
    SNAPSHOT_PAUSE,
    Doubts,
    Question,
    Snapshot,
    absence_obstacle,
)
from .exposure import Exposure
from .identity import Identities, could_be
from .life import OPEN, Life
from .order import Fill, Order

__all__ = ["Orders"]

logger = logging.getLogger(__name__)

#: Orders that are kept although they came to an end; the oldest are forgotten beyond that.
DONE_KEPT = 10_000
#: Fills of the account that are kept, and known as such should they be told again.
FILLS_KEPT = 50_000
#: Reports that wait until it is known which order they are about, for one order.
HELD_BACK = 1_000
INF = float("inf")

OrderListener = Callable[[Order], object]
FillListener = Callable[[Order | None, Fill], object]


class Orders(Keeper):
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
        are_fills_complete: whether every fill since `executions` was first followed is known. A gap
            with more than fifty fills ends that for good.
    """

    def __init__(
        self,
        now: Callable[[], float],
        exchange: ExchangeClock,
        send: Callable[[Any], Awaitable[Any]] | None = None,
    ) -> None:
        self.is_current = False
        self.is_followed = False
        self.are_fills_complete = True
        self._now = now
        self._exchange = exchange
        self._send = send
        self._identities = Identities(self._sent_ns)
        self._edits = Edits()
        self._doubts = Doubts()
        #: Reports that wait until it is known which order they are about, by `order_id`, and the
        #: step of the first of them.
        self._held: dict[str, tuple[int, list[ExecutionData]]] = {}
        #: Executions by their identifier, and the step at which each became known.
        self._executions: dict[str, tuple[Fill, int]] = {}
        self._active: dict[Order, None] = {}
        #: What may be forgotten, oldest first.
        self._kept: dict[Order, None] = {}
        self._listeners: list[OrderListener] = []
        self._fill_listeners: list[FillListener] = []
        self._snapshot: Snapshot | None = None
        self._has_history = False
        self._end: Exception | None = None
        self._step = 0
        self._current_waiters: list[asyncio.Future[None]] = []

    # What users read.

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

    def exposure(self, symbol: str, *, tag: str | None = None) -> Exposure:
        """Return what the working orders of a pair can still buy and sell."""
        return Exposure.of(self.working(symbol, tag=tag))

    def tagged(self, tag: str) -> list[Order]:
        """Return all orders with a tag that are known."""
        return [order for order in self if order.tag == tag]

    @property
    def fills(self) -> list[Fill]:
        """The account's last fills that were reported, in order of arrival; a copy."""
        return [fill for fill, _ in self._executions.values()]

    @property
    def unsettled(self) -> list[Order]:
        """The orders of which the outcome of sending them is not known, or not yet."""
        return [order for order in self._candidates() if not order.is_settled]

    def on_change(self, listener: OrderListener) -> Callable[[], None]:
        """Call a plain function with each order after each change of it.

        It is called in the receiving task and must be quick; what it raises is logged.

        Returns:
            A function that ends this.
        """
        return _listen(self._listeners, listener)

    def on_fill(
        self, listener: FillListener, *, symbol: str | None = None, tag: str | None = None
    ) -> Callable[[], None]:
        """Call a plain function with each fill once, and its order: `listener(order, fill)`.

        The order is `None` for fills of the past of orders that are not known. Fills from before
        `executions` was followed are not told.

        Args:
            listener: is called in the receiving task and must be quick; what it raises is logged.
            symbol: only fills of this pair.
            tag: only fills of orders with this tag.

        Returns:
            A function that ends this.
        """

        def take(order: Order | None, fill: Fill) -> None:
            if symbol in (None, fill.symbol) and tag in (None, order and order.tag):
                listener(order, fill)

        return _listen(self._fill_listeners, take)

    async def wait_current(self) -> None:
        """Wait until the stream is followed without a gap."""
        if self.is_current:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._current_waiters.append(waiter)
        try:
            await waiter
        finally:
            self._current_waiters.remove(waiter)

    def __repr__(self) -> str:
        return f"<Orders: {len(self.open())} open, {len(self)} known>"

    # What requests tell.

    def placing(
        self, params: AddOrderParams, cl_ord_id: str | None, tag: str | None = None
    ) -> Order:
        """Return a new order of this client that is about to be sent."""
        self._step += 1
        order = Order(self, None, cl_ord_id)
        order._life = Life("sending")
        order.is_mine, order.params, order.tag = True, params, tag
        order.symbol, order.side, order.order_type = params.symbol, params.side, params.order_type
        for name in ("order_qty", "cash_order_qty", "display_qty", "limit_price"):
            setattr(order, name, cast("Decimal | None", getattr(params, name)))
        order.order_userref, order.post_only = params.order_userref, params.post_only
        order.aged_from_ns = nanoseconds(self._now())
        order._heard = self._step
        self._identities.add(order)
        self._changed(order)
        return order

    def sent(self, order: Order, req_id: int, deadline_ns: int) -> None:
        """Note that an order is sent now, and until when the exchange may take it."""
        order.req_id, order.sent_at, order.deadline_ns = req_id, self._now(), deadline_ns
        order.aged_from_ns = nanoseconds(order.sent_at)
        order._heard = self._step
        order._life.is_unbroken = self.is_current

    def acknowledged(self, order: Order, result: AddOrderResult) -> None:
        """Note that the exchange took an order, however late it says so."""
        self._step += 1
        if result.order_id is not None and order.order_id != result.order_id:
            self._bind(order, result.order_id)
        if not order._life.is_shown:
            self._await(order, "outcome", ACK_PATIENCE)
        order._life.acknowledged()
        order.reason = order.error = None
        order._heard = self._step
        self._changed(order)
        self._release_held()

    def refused(self, order: Order, error: Exception) -> None:
        """Note that the exchange refused an order, or that it was never sent."""
        self._step += 1
        order._life.refused()
        order.error = error
        order.reason = getattr(error, "venue_error", None) or str(error)
        if order.status == "rejected":
            self._doubts.end(order)
            self._identities.settle(order)
        else:
            self._await(order, "end", REPORT_PATIENCE)
        self._changed(order)
        self._release_held()

    def outcome_unknown(self, order: Order) -> None:
        """Note that an order was sent and nobody waits for its answer any more."""
        self._step += 1
        if order.status == "sending":
            order._life.left_unanswered()
            self._await_deadline(order, "outcome", order.deadline_ns)
            self._changed(order)
        self._release_held()

    def changing(self, order: Order, change: Change) -> None:
        """Note that a request about an order was sent: an amend, an edit or a cancel."""
        order._pending.append(change)
        self._edits.add(change)

    def changed_by(self, order: Order, change: Change, at_ns: int | None) -> None:
        """Note that the exchange carried out a request about an order.

        Args:
            order: the order.
            change: the request.
            at_ns: time of the answer, nanoseconds since the epoch.
        """
        self._drop_change(order, change)
        if change.method == "amend_order":
            if not change.is_reported:
                change.apply()
                order.amended_ns = at_ns or order.amended_ns or order.updated_ns or 0
                self._await(order, "terms", REPORT_PATIENCE)
            order.aged_from_ns = nanoseconds(self._now())
            self._changed(order)
        elif not order.is_done:
            self._await(order, "end", REPORT_PATIENCE)

    def change_refused(self, order: Order, change: Change, *, is_gone: bool) -> None:
        """Note that the exchange refused a request about an order.

        Args:
            order: the order.
            change: the request.
            is_gone: whether the exchange says that it does not have the order. If the order counts
                as open, the report of its end is late or was lost.
        """
        self._drop_change(order, change)
        if is_gone and not order.is_done:
            self._await(order, "end", REPORT_PATIENCE)

    def change_unknown(self, order: Order, change: Change) -> None:
        """Note that nobody waits for the answer to a request about an order any more."""
        order._pending[:] = [other for other in order._pending if other is not change]
        order._notify()
        question: Question = "terms" if change.method == "amend_order" else "end"
        if not order.is_done and not change.is_reported:
            self._await_deadline(order, question, change.deadline_ns)

    def replaced(self, old: Order | None, order_id: str, change: Change | None) -> Order:
        """Note that `edit_order` made a new order of an old one, and return the new one."""
        self._step += 1
        new = self._identities.of_id(order_id)
        if new is None:
            new = Order(self, order_id)
            new._life.acknowledged()
            new.aged_from_ns = nanoseconds(self._now())
            self._identities.add(new)
            self._await(new, "outcome", ACK_PATIENCE)
        new._heard = self._step
        if old is not None and old is not new:
            self._link(old, new, change)
            if not old.is_done:
                self._await(old, "end", REPORT_PATIENCE)
            self._changed(old)
        self._changed(new)
        return new

    def may_have_ended(self, orders: list[Order]) -> None:
        """Note that the exchange cancelled orders in bulk; their reports are awaited."""
        for order in orders:
            if order.is_open:
                self._await(order, "end", REPORT_PATIENCE)

    # What is said about the stream.

    def asked(self, params: Mapping[str, Any]) -> None:
        """Note that the stream was asked for, and with it a snapshot."""
        self._step += 1
        self._end = None
        self._follow(True)
        now = self._now()
        self._pass_deadlines(now)
        self._break()
        self._snapshot = Snapshot(params, self._step, now)
        self._doubts.asked(now)

    def broken(self) -> None:
        """Note that messages of the stream may be missing from here on."""
        self._step += 1
        self.is_current = False
        self._break()

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""
        self.broken()
        self._snapshot = None
        self._follow(False)
        self._notify_all()

    def ended(self, error: Exception) -> None:
        """Note that nothing is heard any more; whoever waits is told."""
        self.is_current = False
        self._end = error
        self._break()
        self._notify_all()
        for waiter in self._current_waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def began(self) -> None:
        """Note that the client is connected again."""
        self._end = None

    def deadline(self) -> float:
        """Return when `tick` has something to do, monotonic seconds."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.is_complete or snapshot.complete_at is None:
            return INF
        return snapshot.complete_at

    def tick(self) -> None:
        """Conclude what a complete snapshot proves."""
        if self._now() >= self.deadline():
            self._conclude()

    def check_due(self) -> float:
        """Return when a further snapshot could settle what is in doubt; infinity if none could."""
        return self._doubts.next_check()

    def dead_end(self, order: Order) -> Exception | None:
        """Return what to raise where nothing more will be learnt of an order, else `None`."""
        if self._end is not None:
            return self._end
        if order.status == "sending" or order.is_done:
            return None
        if not self.is_followed:
            return OrderUnresolved(order, "executions is not followed: call client.track_orders()")
        if self._doubts.is_hopeless(order):
            return OrderUnresolved(order, order.reason or "no snapshot of executions tells")
        return None

    async def send(self, params: Any) -> Any:
        """Send a trading request, for the methods of `Order`."""
        assert self._send is not None
        return await self._send(params)

    # What the stream says.

    def observe(self, message: Any) -> None:
        """Take a message of the `executions` channel."""
        self._step += 1
        reports = [report for report in message.data if isinstance(report, ExecutionData)]
        if message.type == "snapshot":
            self._take_snapshot(reports, message.sequence)
        else:
            for report in reports:
                self._take_report(report)
            self._pass_time(reports)

    def _take_report(self, report: ExecutionData) -> None:
        order = self._order_of(report, in_snapshot=False)
        if order is None:
            return
        order._heard = self._step
        self._doubts.end(order, "outcome")
        self._apply(order, report)
        if report.exec_type == "amended":
            self._note_amended(order)
        if order.is_done:
            self._doubts.end(order)
        self._changed(order)

    def _take_snapshot(self, reports: list[ExecutionData], sequence: int | None) -> None:
        snapshot = self._begin_or_continue(sequence)
        listed = [report for report in reports if _is_listed(report)]
        past = [report for report in reports if not _is_listed(report)]
        if any(fill.exec_id in self._executions for fill in past):
            snapshot.is_seamless = True
        snapshot.fills += past
        for report in listed:
            snapshot.live.add(report.order_id)
            if (order := self._order_of(report, in_snapshot=True)) is not None:
                self._apply(order, report, is_listed=True)
                self._doubts.end(order, "outcome")
                if snapshot.asked_at >= self._doubts.due(order):
                    self._doubts.end(order)
        for report in past:
            self._take_past_fill(report)
            if report.order_status in OPEN:
                snapshot.maybe_live.add(report.order_id)
        for report in listed:
            if (order := self._identities.of_id(report.order_id)) is not None:
                reading.take_untold(order)
                self._changed(order)

    def _begin_or_continue(self, sequence: int | None) -> Snapshot:
        """Return the snapshot that a message is part of.

        A snapshot begins with sequence 1 (captured). One that was not asked for shows that the
        exchange began anew: what came before it may have missed anything.
        """
        snapshot = self._snapshot
        is_first = snapshot is None or snapshot.complete_at is None
        if snapshot is None or (sequence in (None, 1) and not is_first):
            params = {} if snapshot is None else snapshot.params
            self._break()
            snapshot = self._snapshot = Snapshot(params, self._step, self._now())
        if not snapshot.params.get("users"):
            self._become_current()
        snapshot.complete_at = self._now() + SNAPSHOT_PAUSE
        snapshot.is_complete = False
        return snapshot

    def _become_current(self) -> None:
        self.is_current = True
        for waiter in self._current_waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _take_past_fill(self, report: ExecutionData) -> None:
        order = self._order_of(report, in_snapshot=True, is_past=True)
        fill = self._count(report, order, is_history=not self._has_history)
        if order is None or fill is None:
            return
        if reading.add_fill(order, fill):
            reading.take_identity(order, report)
            reading.take_progress(order, report)
            order._life.filled_in_part()
        self._changed(order)

    def _conclude(self) -> None:
        """Draw the conclusions from a snapshot that is complete."""
        snapshot = self._snapshot
        assert snapshot is not None
        snapshot.is_complete = True
        if len(snapshot.fills) < SNAPSHOT_FILLS:
            snapshot.is_seamless = True
        if self._has_history and snapshot.is_whole and not snapshot.is_seamless:
            self.are_fills_complete = False
            logger.error("executions: more fills than a snapshot has were made in a gap")
        self._has_history = True
        if snapshot.params.get("users"):
            return
        others = [order for order in self._candidates() if not order.is_mine]
        for order in self._candidates():
            if order.status == "sending" or order.order_id in snapshot.live:
                continue
            if order.order_id in snapshot.maybe_live:
                self._await(order, "end", REPORT_PATIENCE)
            else:
                self._find_missing(order, snapshot, others)
        self._release_held()
        for order in self._doubts.give_up():
            order._notify()

    def _find_missing(self, order: Order, snapshot: Snapshot, others: list[Order]) -> None:
        """Conclude what it means that a snapshot does not have an order."""
        if order._heard >= snapshot.step or not snapshot.params.get("snap_orders"):
            return
        before, obstacle = order.status, None
        if before == "unknown":
            unclaimed = self._unclaimed(order, snapshot)
            obstacle = absence_obstacle(order, snapshot, unclaimed, others, self._sent_ns(order))
        is_late = snapshot.asked_at >= self._doubts.due(order)
        order._life.missing(
            is_past_deadline=is_late
            and (before != "unknown" or self._is_past_deadline(order, snapshot.asked_at)),
            obstacle=obstacle is not None,
            is_filled=reading.is_filled(order),
        )
        if order.status != before:
            order.reason = _REASONS.get(order.status, order.reason)
            self._doubts.end(order)
            self._changed(order)
        elif obstacle is not None:
            order.reason = f"not settled by the last snapshot: {obstacle}"
            self._changed(order)

    def _unclaimed(self, order: Order, snapshot: Snapshot) -> list[ExecutionData]:
        """Return the reports of unknown orders that became known after an order was sent."""
        found = [
            held[0] for order_id, (_, held) in self._held.items() if order_id not in snapshot.live
        ]
        found += (
            fill
            for fill in snapshot.fills
            if self._identities.of_id(fill.order_id) is None and not self._was_known(fill, order)
        )
        return found

    def _pass_time(self, reports: list[ExecutionData]) -> None:
        """Conclude that an order is absent from a report that was made after its deadline."""
        stamps = [at_ns for report in reports if (at_ns := report.timestamp_ns) is not None]
        if not stamps or not self.is_current:
            return
        for order in [order for order in self._doubts if order.status == "unknown"]:
            if max(stamps) < _surely_reported_ns(order) or self._may_be_held(order):
                continue
            order._life.deadline_passed()
            order._life.silent_past_deadline()
            if order.status == "absent":
                order.reason = "no report of it came until after its deadline"
                self._doubts.end(order)
                self._changed(order)

    def _may_be_held(self, order: Order) -> bool:
        return any(could_be(order, reports[0]) for _, reports in self._held.values())

    # Whose report it is.

    def _order_of(
        self, report: ExecutionData, *, in_snapshot: bool, is_past: bool = False
    ) -> Order | None:
        """Return the order of a report, a new one for an order of another program.

        Returns:
            `None` for a report that is held back, and for past fills of other orders.
        """
        found = self._identities.match(
            report, in_snapshot=in_snapshot, was_known=lambda order: self._was_known(report, order)
        )
        if found == "held" and not (is_past or in_snapshot):
            self._hold_back(report)
            return None
        if isinstance(found, Order):
            if found.order_id != report.order_id:
                self._bind(found, report.order_id)
            return found
        if is_past:
            return None
        order = Order(self, report.order_id, report.cl_ord_id)
        self._identities.add(order)
        self._adopt_edit(order, report)
        self._apply_held(order)
        return order

    def _was_known(self, report: ExecutionData, order: Order) -> bool:
        """Tell whether the execution of a report was known before an order was sent."""
        known = self._executions.get(report.exec_id or "")
        return known is not None and known[1] <= order._heard and order.order_id is None

    def _bind(self, order: Order, order_id: str) -> None:
        """Note the exchange's identifier of an order of this client."""
        if order.order_id is not None:
            self._unbind(order)
        other = self._identities.of_id(order_id)
        self._identities.bind(order, order_id)
        if other is not None and other is not order:
            self._absorb(order, other)
        self._apply_held(order)

    def _unbind(self, order: Order) -> None:
        """Take back what was told of another order, which had the same name."""
        assert order.order_id is not None
        logger.warning("%r was taken for another order with its name", order)
        other = Order(self, order.order_id, order.cl_ord_id)
        other.symbol, other.side, other._life = order.symbol, order.side, order._life
        for fill in reading.take_out_fills(order, other.order_id or ""):
            reading.add_fill(other, fill)
        other.cum_qty, other.cum_cost = other._told
        order._life = Life("sending")
        self._identities.bind(other, order.order_id)
        self._file(other)

    def _absorb(self, order: Order, other: Order) -> None:
        """Take over what was told about an order before it was known to be this one."""
        for name in _TOLD:
            if (value := getattr(other, name)) is not None:
                setattr(order, name, value)
        if other._life.is_shown:
            order._life.reported(other.status)
        order.req_id = order.req_id or other.req_id
        self._doubts.end(other)
        self._active.pop(other, None)
        self._kept.pop(other, None)
        # Nobody tells this object anything any more.
        other._life = Life("gone")
        other.reason = f"it is {order!r}"
        other._notify()

    def _hold_back(self, report: ExecutionData) -> None:
        """Keep a report until it is known which order it is about; its fill counts at once."""
        _, held = self._held.setdefault(report.order_id, (self._step, []))
        if len(held) < HELD_BACK:
            held.append(report)
        if report.exec_type == "trade":
            self._count(report, None)

    def _apply_held(self, order: Order) -> None:
        """Apply the reports that waited for an order."""
        since, held = self._held.pop(order.order_id or "", (self._step, ()))
        for report in held:
            order._heard = self._step
            self._doubts.end(order, "outcome")
            self._apply(order, report)
        if len(held) >= HELD_BACK:
            self._add_known_fills(order)
        if held and order.is_open and self._snapshot is not None and self._snapshot.step > since:
            # That snapshot could not tell whether it had ended.
            self._await(order, "end", 0.0)

    def _add_known_fills(self, order: Order) -> None:
        """Give an order the fills whose reports were too many to be kept."""
        for fill, _ in self._executions.values():
            if fill.order_id == order.order_id:
                reading.add_fill(order, fill)
        order.cum_qty = max(order.cum_qty, order._told[0])
        order.cum_cost = max(order.cum_cost, order._told[1])

    def _release_held(self) -> None:
        """Give reports that can be about no order of this client any more to one of another."""
        for order_id, (_, reports) in list(self._held.items()):
            if not any(could_be(order, reports[0]) for order in self._waiting()):
                order = Order(self, order_id)
                self._identities.add(order)
                self._apply_held(order)
                self._changed(order)

    def _waiting(self) -> Iterator[Order]:
        """Yield the orders that may still get an `order_id`."""
        return (o for o in self._identities.unbound if o.status in ("sending", "unknown"))

    # What it says.

    def _apply(self, order: Order, report: ExecutionData, *, is_listed: bool = False) -> None:
        """Take a report that is not one of a past fill.

        Args:
            order: the order that it is about.
            report: the report.
            is_listed: whether it shows an open order in a snapshot.
        """
        reading.take_identity(order, report)
        self._identities.name(order)
        reading.take_terms(order, report, is_listed=is_listed)
        if report.exec_type == "trade" and not is_listed:
            fill = self._count(report, order)
            if fill is not None:
                reading.add_fill(order, fill)
        reading.take_progress(order, report)
        was_known = order._life.is_shown or order._life.is_acked
        order._life.reported(reading.final_status(report))
        if order.cum_qty:
            order._life.filled_in_part()
        if not was_known:
            order.reason = order.error = None
        order.reason = report.reason or report.cancel_reason or order.reason
        self._take_times(order, report)

    def _take_times(self, order: Order, report: ExecutionData) -> None:
        at_ns = report.timestamp_ns
        if order.created_ns is None:
            order.created_ns = at_ns
        if order.aged_from_ns is None:
            # Its age is not known: it counts as new, which costs most.
            order.aged_from_ns = nanoseconds(self._now())
        if report.exec_type in ("amended", "restated"):
            order.amended_ns = max(order.amended_ns or 0, at_ns or 0)
            order.aged_from_ns = nanoseconds(self._now())
        if at_ns is not None:
            order.updated_ns = max(order.updated_ns or 0, at_ns)

    def _note_amended(self, order: Order) -> None:
        """Note that the terms of an order were reported, and by which amend they came."""
        self._doubts.end(order, "terms")
        for change in order._pending:
            if change.method == "amend_order" and change.is_in_force():
                change.is_reported = True

    def _count(
        self, report: ExecutionData, order: Order | None, *, is_history: bool = False
    ) -> Fill | None:
        """Return the execution that a report tells, recorded and announced once."""
        known = self._executions.get(report.exec_id or "")
        if known is not None:
            return known[0]
        fill = reading.read_fill(report)
        if fill is None:
            logger.error("a fill of %s cannot be read: %r", report.order_id, report)
            self.are_fills_complete = False
            return None
        self._executions[fill.exec_id] = fill, self._step
        if len(self._executions) > FILLS_KEPT:
            del self._executions[next(iter(self._executions))]
        if not is_history or (order is not None and order.is_mine):
            call_all(self._fill_listeners, order, fill)
        return fill

    # Inner workings.

    def _sent_ns(self, order: Order) -> int | None:
        return None if order.sent_at is None else self._exchange.earliest_ns(order.sent_at)

    def _candidates(self) -> list[Order]:
        """Return the orders that may not be done."""
        return list(self._active) if self.is_followed else list(self)

    def _await(self, order: Order, question: Question, seconds: float) -> None:
        """Await a report about an order; a snapshot is asked for after some seconds."""
        self._doubts.begin(order, question, self._now() + seconds)

    def _await_deadline(self, order: Order, question: Question, deadline_ns: int | None) -> None:
        """Await a word about a request that the exchange may take until its deadline."""
        now = self._now()
        reached_ns = self._exchange.earliest_ns(now)
        seconds = REPORT_PATIENCE
        if deadline_ns is not None:
            left_ns = LONGEST_DEADLINE_NS if reached_ns is None else deadline_ns - reached_ns
            seconds = max((left_ns + DEADLINE_SLACK_NS) / 1e9, 0.0)
        self._doubts.begin(order, question, now + seconds)

    def _is_past_deadline(self, order: Order, at: float) -> bool:
        """Tell whether the exchange cannot take an order any more, by its own clock."""
        reached_ns = self._exchange.earliest_ns(at)
        return reached_ns is not None and reached_ns >= _surely_reported_ns(order)

    def _pass_deadlines(self, now: float) -> None:
        """Note which orders the stream has been followed with until after their deadline."""
        for order in self._doubts:
            if order.status == "unknown" and self._is_past_deadline(order, now):
                order._life.deadline_passed()

    def _break(self) -> None:
        """Note that reports may be missing from here on."""
        for order in self._identities.unbound:
            order._life.gap()

    def _drop_change(self, order: Order, change: Change) -> None:
        order._pending[:] = [other for other in order._pending if other is not change]
        self._edits.drop(change)
        order._notify()

    def _adopt_edit(self, order: Order, report: ExecutionData) -> None:
        """Link an order that an edit without an answer has made."""
        change = self._edits.made(report)
        if change is not None:
            self._link(change.order, order, change)

    def _link(self, old: Order, new: Order, change: Change | None) -> None:
        new.replaces, old.replaced_by = old, new
        new.is_mine, new.tag = old.is_mine or change is not None, old.tag
        new.symbol = new.symbol or old.symbol
        new.side = new.side or old.side
        new.order_type = new.order_type or old.order_type
        if change is not None:
            self._edits.drop(change)
            change.apply_to(new, old)

    def _changed(self, order: Order) -> None:
        """File an order by its state, and tell those who watch it."""
        self._file(order)
        order._notify()
        call_all(self._listeners, order)

    def _file(self, order: Order) -> None:
        is_live = order.status == "sending" or (self.is_followed and not order.is_done)
        here, there = (self._active, self._kept) if is_live else (self._kept, self._active)
        there.pop(order, None)
        here[order] = None
        if len(self._kept) > DONE_KEPT:
            self._forget(next(iter(self._kept)))

    def _follow(self, is_followed: bool) -> None:
        """Note whether somebody tells when orders end."""
        if is_followed != self.is_followed:
            self.is_followed = is_followed
            for order in self:
                if not order.is_done:
                    self._file(order)

    def _notify_all(self) -> None:
        for order in self:
            order._notify()

    def _forget(self, order: Order) -> None:
        del self._kept[order]
        self._doubts.end(order)
        self._identities.forget(order)


#: Why the client says so.
_REASONS = {
    "absent": "the exchange has neither an open order nor a fill of it",
    "gone": "the exchange does not have it any more; how it ended was not reported",
}

#: What the stream tells about an order.
_TOLD = (
    "order_qty",
    "limit_price",
    "time_in_force",
    "post_only",
    "cum_qty",
    "cum_cost",
    "reason",
    "user",
    "replaces",
    "replaced_by",
    "created_ns",
    "amended_ns",
    "updated_ns",
    "_fills",
    "_told",
    "_untold",
    "_average",
    "_heard",
)


def _surely_reported_ns(order: Order) -> int:
    """Return the exchange's time at which everything that an order did was reported."""
    return (order.deadline_ns or 0) + DEADLINE_SLACK_NS - CLOCK_TOLERANCE_NS


def _is_listed(report: ExecutionData) -> bool:
    """Tell whether a report of a snapshot is about an open order and not about a past fill.

    A past fill is a `trade` with an execution (captured). How an open order looks that is filled in
    part is not documented; its `order_status` tells.
    """
    return report.exec_type != "trade" or (report.exec_id is None and report.order_status in OPEN)


def _listen(listeners: list[Any], listener: Any) -> Callable[[], None]:
    listeners.append(listener)

    def end() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return end
