"""The orders that are known, and whose each report is.

Pure bookkeeping: it has no socket and waits for nothing. docs/order-certainty.md has the rules.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...models import ExecutionData
from ..base.callbacks import Listeners
from ..base.exchange_clock import ExchangeClock, nanoseconds
from . import reports as reading
from .changes import Change, Edits
from .evidence import (
    DEADLINE_SLACK_NS,
    LONGEST_DEADLINE_NS,
    REPORT_PATIENCE,
    Doubts,
    Question,
    Snapshot,
)
from .executions import Executions
from .identity import Identities, agrees, could_be
from .order import Order

__all__ = ["KnownOrders", "OrderListener"]

logger = logging.getLogger(__name__)

#: Orders that are kept although they came to an end; the oldest are forgotten beyond that.
DONE_KEPT = 10_000
#: Reports that wait until it is known which order they are about, for one order.
HELD_BACK = 1_000
#: Orders whose reports wait so; the oldest are taken for those of another program beyond that.
HELD_ORDERS = 1_000

OrderListener = Callable[[Order], object]


class KnownOrders:
    """The orders of an account, and what is said about each of them.

    Args:
        now: gives the monotonic local time, seconds.
        exchange: the exchange's clock.
    """

    def __init__(self, now: Callable[[], float], exchange: ExchangeClock) -> None:
        self.is_current = False
        self.is_followed = False
        self._now = now
        self._exchange = exchange
        self._identities = Identities(self._sent_ns)
        self._executions = Executions()
        self._edits = Edits()
        self._doubts = Doubts()
        #: Reports that wait until it is known which order they are about, by `order_id`, and the
        #: step of the first of them.
        self._held: dict[str, tuple[int, list[ExecutionData]]] = {}
        self._active: dict[Order, None] = {}
        #: What may be forgotten, oldest first.
        self._kept: dict[Order, None] = {}
        self._listeners = Listeners()
        #: Those who want to hear only of orders that have an `order_id`.
        self._followers = Listeners()
        self._snapshot: Snapshot | None = None
        #: Unknown orders that an order of another program may be, since the last snapshot.
        self._claimed: set[Order] = set()
        #: When the stream was left for a moment, monotonic seconds.
        self._left_at: float | None = None
        self._step = 0

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
        if found == "held" and not in_snapshot and self._may_be_ours(report):
            self._hold_back(report)
            return None
        if isinstance(found, Order):
            if found.order_id != report.order_id:
                self._bind(found, report.order_id)
            elif found.params and not found._life.is_acked and not agrees(found, report):
                # Only reports said that they were about it, and this one shows that they were not.
                self._mistaken(found)
                return self._identities.of_id(report.order_id)
            return found
        if is_past:
            return None
        order = self._new(report.order_id, report.cl_ord_id)
        self._identities.add(order)
        self._adopt_edit(order, report)
        self._adopt_reports(order)
        return order

    def _new(self, order_id: str | None, cl_ord_id: str | None = None) -> Order:
        raise NotImplementedError

    def _was_known(self, report: ExecutionData, order: Order) -> bool:
        """Tell whether the execution of a report was known before an order was made."""
        known_at = self._executions.known_at(report.exec_id)
        return known_at is not None and known_at <= order._since

    def _bind(self, order: Order, order_id: str) -> None:
        """Note the exchange's identifier of an order of this client."""
        if order.order_id is not None:
            self._unbind(order)
        other = self._identities.of_id(order_id)
        if other is not None and other is not order and other.is_mine:
            if other._life.is_acked:
                logger.error("%s was told for both %r and %r", order_id, other, order)
                return
            # Only reports said so, and an answer proves that they were about this one.
            self._mistaken(other)
            other = self._identities.of_id(order_id)
        self._identities.bind(order, order_id)
        if other is not None and other is not order:
            self._absorb(order, other)
        self._adopt_reports(order)

    def _mistaken(self, order: Order) -> None:
        """Note that the reports of an order were about another one with its name."""
        self._unbind(order)
        self._identities.add(order)
        order._life.left_unanswered()
        self._await_deadline(order, "outcome", order.deadline_ns)
        self._changed(order)

    def _unbind(self, order: Order) -> None:
        """Give what was told of another order, which had the same name, to that order."""
        assert order.order_id is not None
        logger.warning("%r was taken for another order with its name", order)
        other = self._new(order.order_id, order.cl_ord_id)
        reading.split(order, other)
        order.order_id = None
        self._identities.bind(other, other.order_id or "")
        self._identities.name(other)
        self._await(other, "end", 0.0)
        self._changed(other)

    def _absorb(self, order: Order, other: Order) -> None:
        """Take over what was told about an order before it was known to be this one."""
        reading.absorb(order, other)
        self._doubts.end(other)
        self._active.pop(other, None)
        self._kept.pop(other, None)
        # Nobody tells this object anything any more.
        other._notify()

    def _hold_back(self, report: ExecutionData) -> None:
        """Keep a report until it is known which order it is about."""
        _, held = self._held.setdefault(report.order_id, (self._step, []))
        if len(held) < HELD_BACK:
            held.append(report)
        if report.exec_type == "trade":
            self._executions.record(report, None, self._step)
        if len(self._held) > HELD_ORDERS:
            self._give_away(next(iter(self._held)))

    def _adopt_reports(self, order: Order) -> None:
        """Apply the reports and fills that were told of an order before it was known."""
        since, held = self._held.pop(order.order_id or "", (self._step, ()))
        fills = self._executions.adopt(order)
        for fill in fills:
            reading.add_fill(order, fill)
            order._life.filled_in_part()
        for report in held:
            order._heard = self._step
            self._apply(order, report)
            self._shown(order)
        for fill in fills:
            self._executions.announce(order, fill)
        is_behind = held and self._snapshot is not None and self._snapshot.step > since
        has_past = {fill.exec_id for fill in fills} - {report.exec_id for report in held}
        if order.is_open and (has_past or is_behind):
            # Snapshots could not tell whether it had ended.
            self._await(order, "end", 0.0)

    def _release_held(self) -> None:
        """Give reports that can be about no order of this client any more to one of another."""
        for order_id, (_, reports) in list(self._held.items()):
            if not self._may_be_ours(reports[0]):
                self._give_away(order_id)

    def _give_away(self, order_id: str) -> None:
        """Give the reports of an order that wait to an order of another program."""
        order = self._new(order_id)
        self._identities.add(order)
        self._adopt_reports(order)
        self._changed(order)

    def _may_be_ours(self, report: ExecutionData) -> bool:
        """Tell whether a report may be about an order that will still get its `order_id`.

        An order that no snapshot can settle does not hold the reports of others back: it stays
        unknown, and they are told as those of another program.
        """
        return any(
            order.status in ("sending", "unknown")
            and order.sent_at is not None
            and not self._doubts.is_hopeless(order)
            and could_be(order, report)
            for order in self._identities.unbound
        )

    # What it says.

    def _apply(self, order: Order, report: ExecutionData, *, is_listed: bool = False) -> None:
        """Take a report that is not one of a past fill.

        Args:
            order: the order that it is about.
            report: the report.
            is_listed: whether it shows an open order in a snapshot.
        """
        was_known = order._life.is_shown or order._life.is_acked
        reading.take_identity(order, report)
        self._identities.name(order)
        reading.take_terms(order, report, is_listed=is_listed)
        fill = None
        if report.exec_type == "trade" and not is_listed:
            fill = self._executions.record(report, order, self._step)
        told_ns = self._exchange.estimate_ns(self._now()) if is_listed else report.timestamp_ns
        reading.take_progress(order, report, fill, told_ns)
        order._life.reported(reading.final_status(report))
        if order.cum_qty:
            order._life.filled_in_part()
        if not was_known:
            order.reason = order.error = None
        told = reading.text(report.reason) or reading.text(report.cancel_reason)
        order.reason = told or order.reason
        self._take_times(order, report)
        if fill is not None:
            self._executions.announce(order, fill)

    def _shown(self, order: Order) -> None:
        """Note that a report has shown an order.

        That it is `pending_new` does not tell that the engine takes it: where the answer is in
        doubt too, the next report or a snapshot decides.
        """
        if order.status != "pending_new" or order._life.is_acked:
            self._answer(order, "outcome")

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
        if order.order_qty is not None and order.order_qty <= order.cum_qty:
            order._is_cut = True
        for change in order._pending:
            if change.method == "amend_order" and change.is_in_force():
                change.is_reported = True
        awaited = order._awaited
        order._unsure = [
            change
            for change in order._unsure
            if change.method != "amend_order" or not change.is_in_force()
        ]
        if awaited is None or awaited.is_in_force():
            order._awaited = None
            if not order._unsure:
                self._answer(order, "terms")
        else:
            # The report of an earlier amend: the answer to the last one told its terms.
            awaited.apply()

    # What is awaited, and where orders are filed.

    def _sent_ns(self, order: Order) -> int | None:
        return None if order.sent_at is None else self._exchange.earliest_ns(order.sent_at)

    def _candidates(self) -> list[Order]:
        """Return the orders that may not be done, oldest first."""
        known = self._active if self.is_followed else (*self._kept, *self._active)
        return list(known)

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

    def _answer(self, order: Order, *questions: Question) -> None:
        """Note that questions about an order are answered; all of them by default."""
        self._doubts.end(order, *questions)
        if not questions or "terms" in questions:
            order._awaited = None
            order._unsure.clear()

    def _break(self) -> None:
        """Note that reports may be missing from here on."""
        self._executions.gap(self._step)
        for order in self._identities.unbound:
            order._life.gap()

    def _drop_change(self, order: Order, change: Change) -> None:
        for changes in (order._pending, order._unsure):
            if change in changes:
                changes.remove(change)
        self._edits.drop(change)

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
            self._drop_change(old, change)
            change.apply_to(new, old)

    def _changed(self, order: Order) -> None:
        """File an order by its state, and tell those who watch it."""
        self._file(order)
        if order._watchers:
            order._notify()
        if self._followers and order.order_id is not None:
            self._followers.call(order)
        if self._listeners:
            self._listeners.call(order)

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
            for order in [*self._kept, *self._active]:
                if not order.is_done:
                    self._file(order)

    def _forget(self, order: Order) -> None:
        del self._kept[order]
        self._doubts.end(order)
        self._identities.forget(order)
