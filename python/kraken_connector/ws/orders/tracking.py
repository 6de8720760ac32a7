"""What answers and the `executions` stream say about orders, put together.

Pure bookkeeping: it has no socket and waits for nothing. docs/order-certainty.md has the rules.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

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
from .executions import Executions
from .identity import Identities, could_be
from .life import OPEN, Life
from .order import Order

__all__ = ["OrderTracking"]

logger = logging.getLogger(__name__)

#: Orders that are kept although they came to an end; the oldest are forgotten beyond that.
DONE_KEPT = 10_000
#: Reports that wait until it is known which order they are about, for one order.
HELD_BACK = 1_000
INF = float("inf")

OrderListener = Callable[[Order], object]


class OrderTracking(Keeper):
    """The part of `Orders` that is told what happens.

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
        self._listeners: list[OrderListener] = []
        self._snapshot: Snapshot | None = None
        self._step = 0

    # What requests tell.

    def placing(
        self, params: AddOrderParams, cl_ord_id: str | None, tag: str | None = None
    ) -> Order:
        """Return a new order of this client that is about to be sent."""
        self._step += 1
        order = self._new(None, cl_ord_id)
        order._life = Life("sending")
        order.is_mine, order.params, order.tag = True, params, tag
        order.symbol, order.side, order.order_type = params.symbol, params.side, params.order_type
        order.order_userref = params.order_userref
        reading.restore_terms(order)
        order.aged_from_ns = nanoseconds(self._now())
        order._heard = self._step
        self._identities.add(order)
        self._changed(order)
        return order

    def sent(self, order: Order, req_id: int, deadline_ns: int) -> None:
        """Note that an order is sent now, and until when the exchange may take it."""
        order.req_id, order.sent_at, order.deadline_ns = req_id, self._now(), deadline_ns
        order.aged_from_ns = nanoseconds(order.sent_at)
        snapshot = self._snapshot
        has_begun = snapshot is not None and snapshot.complete_at is not None
        order._life.is_unbroken = self.is_current and has_begun

    def acknowledged(self, order: Order, result: AddOrderResult) -> None:
        """Note that the exchange took an order, however late it says so."""
        self._step += 1
        if result.order_id is not None and order.order_id != result.order_id:
            self._bind(order, result.order_id)
        if order.status == "unknown":
            self._answer(order)
        if order._life.is_shown:
            self._answer(order, "outcome")
        else:
            self._await(order, "outcome", ACK_PATIENCE)
        order._life.acknowledged()
        order.reason = order.error = None
        order._heard = self._step
        self._changed(order)
        self._release_held()

    def refused(self, order: Order, error: Exception) -> None:
        """Note that the exchange refused an order, or that it was never sent.

        What the stream has shown under its name is another order then, unless an answer said before
        that the exchange took it.
        """
        self._step += 1
        if order.order_id is not None and not order._life.is_acked:
            self._unbind(order)
        order._life.refused()
        order.error = error
        order.reason = getattr(error, "venue_error", None) or str(error)
        if order.status == "rejected":
            self._answer(order)
            self._identities.settle(order)
        else:
            self._await(order, "end", REPORT_PATIENCE)
        self._changed(order)
        self._release_held()

    def outcome_unknown(self, order: Order) -> None:
        """Note that an order was sent and nobody waits for its answer any more."""
        self._step += 1
        if order.status in ("sending", "pending_new") and not order._life.is_acked:
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
                order._awaited = change
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
        if change in order._pending:
            order._pending.remove(change)
        question: Question = "terms" if change.method == "amend_order" else "end"
        if not order.is_done and not change.is_reported:
            order._unsure.append(change)
            self._await_deadline(order, question, change.deadline_ns)
        order._notify()

    def replaced(self, old: Order | None, order_id: str, change: Change | None) -> Order:
        """Note that `edit_order` made a new order of an old one, and return the new one."""
        self._step += 1
        new = self._identities.of_id(order_id)
        if new is None:
            new = self._new(order_id)
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
        self._follow(True)
        self._break()
        self._snapshot = Snapshot(params, self._step, self._now())
        self._doubts.asked(self._now())

    def leaving(self) -> None:
        """Note that the stream is left for a moment, to get a snapshot by subscribing again."""
        self._step += 1
        if self.is_current:
            self._pass_deadlines()
        self._break()

    def broken(self) -> None:
        """Note that messages of the stream may be missing from here on."""
        self._step += 1
        self.is_current = False
        self._break()
        if self._snapshot is not None and not self._snapshot.is_complete:
            # Its other parts may be among them.
            self._snapshot.complete_at = None

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""
        self.broken()
        self._snapshot = None
        self._follow(False)

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

    # What the stream says.

    def observe(self, message: Any) -> None:
        """Take a message of the `executions` channel."""
        self._step += 1
        reports = [
            report
            for report in message.data
            if isinstance(report, ExecutionData) and report.order_id is not None
        ]
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
        self._apply(order, report)
        self._shown(order)
        if report.exec_type == "amended":
            self._note_amended(order)
        if order.is_done:
            self._answer(order)
        self._changed(order)

    def _take_snapshot(self, reports: list[ExecutionData], sequence: int | None) -> None:
        snapshot = self._begin_or_continue(sequence)
        for report in reports:
            if _is_listed(report):
                self._take_listed(report, snapshot)
        for report in reports:
            if not _is_listed(report):
                self._take_past_fill(report, snapshot)

    def _begin_or_continue(self, sequence: int | None) -> Snapshot:
        """Return the snapshot that a message is part of.

        A snapshot begins with sequence 1 (captured). One that was not asked for shows that the
        exchange began anew: what came before it may have missed anything.
        """
        snapshot = self._snapshot
        if snapshot is None or _begins_anew(snapshot, sequence):
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

    def _take_listed(self, report: ExecutionData, snapshot: Snapshot) -> None:
        """Take an open order of a snapshot."""
        snapshot.live.add(report.order_id)
        order = self._order_of(report, in_snapshot=True)
        if order is None:
            return
        self._apply(order, report, is_listed=True)
        self._answer(order, "outcome")
        if snapshot.asked_at >= self._doubts.due(order):
            self._answer(order)
        self._changed(order)

    def _take_past_fill(self, report: ExecutionData, snapshot: Snapshot) -> None:
        snapshot.fills.append(report)
        if self._executions.closes_gap(report.exec_id):
            snapshot.is_seamless = True
        if report.order_status in OPEN:
            snapshot.maybe_live.add(report.order_id)
        order = self._order_of(report, in_snapshot=True, is_past=True)
        fill = self._executions.record(report, order, self._step, is_past=True)
        if order is None or fill is None:
            return
        reading.add_fill(order, fill, is_past=True)
        reading.take_identity(order, report)
        order._life.filled_in_part()
        if reading.is_filled(order):
            order._life.reported("filled")
        self._answer(order, "outcome")
        self._changed(order)

    # What follows from it.

    def _conclude(self) -> None:
        """Draw the conclusions from a snapshot that is complete."""
        snapshot = self._snapshot
        assert snapshot is not None
        snapshot.is_complete = True
        if len(snapshot.fills) < SNAPSHOT_FILLS:
            snapshot.is_seamless = True
        is_seamless = snapshot.is_seamless and bool(snapshot.params.get("snap_trades"))
        self._executions.snapshot_concluded(snapshot.step, is_seamless=is_seamless)
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
        for order in self._doubts.looked(snapshot.asked_at):
            order._notify()

    def _find_missing(self, order: Order, snapshot: Snapshot, others: list[Order]) -> None:
        """Conclude what it means that a snapshot does not have an order."""
        if not snapshot.params.get("snap_orders"):
            return
        if order._heard >= snapshot.step:
            if order.is_open and any(f.order_id == order.order_id for f in snapshot.fills):
                # It was filled before, and only the answer came since: it may have ended then.
                self._await(order, "end", REPORT_PATIENCE)
            return
        before, obstacle = order.status, None
        is_late = snapshot.asked_at >= self._doubts.due(order)
        if before == "unknown":
            is_late = is_late and self._is_past_deadline(order, snapshot.asked_at)
            obstacle = absence_obstacle(
                order,
                snapshot,
                self._unclaimed(order, snapshot),
                others,
                self._sent_ns(order),
                are_fills_complete=self._executions.are_complete_since(order._since),
            )
        order._life.missing(
            is_past_deadline=is_late,
            obstacle=obstacle is not None,
            is_filled=reading.is_filled(order),
        )
        if order.status != before:
            order.reason = _REASONS.get(order.status, order.reason)
            self._end_of(order)
        elif obstacle is not None:
            order.reason = f"not settled by the last snapshot: {obstacle}"
            self._changed(order)

    def _unclaimed(self, order: Order, snapshot: Snapshot) -> list[ExecutionData]:
        """Return the reports of unknown orders that became known after an order was made."""
        held = (h[0] for order_id, (_, h) in self._held.items() if order_id not in snapshot.live)
        past = (fill for fill in snapshot.fills if self._identities.of_id(fill.order_id) is None)
        return [*held, *(fill for fill in past if not self._was_known(fill, order))]

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
                self._end_of(order)
        self._edits.forget_older(max(stamps) - DEADLINE_SLACK_NS)

    def _pass_deadlines(self) -> None:
        """Note which orders the stream has been followed with until after their deadline."""
        for order in self._doubts:
            if order.status == "unknown" and self._is_past_deadline(order, self._now()):
                order._life.deadline_passed()

    def _is_past_deadline(self, order: Order, at: float) -> bool:
        """Tell whether the exchange cannot take an order any more, by its own clock."""
        reached_ns = self._exchange.earliest_ns(at)
        return reached_ns is not None and reached_ns >= _surely_reported_ns(order)

    def _may_be_held(self, order: Order) -> bool:
        return any(could_be(order, reports[0]) for _, reports in self._held.values())

    def _end_of(self, order: Order) -> None:
        """Note that an order was concluded to be at an end."""
        self._answer(order)
        self._identities.settle(order)
        self._changed(order)
        self._release_held()

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
        if found == "held" and not in_snapshot:
            self._hold_back(report)
            return None
        if isinstance(found, Order):
            if found.order_id != report.order_id:
                self._bind(found, report.order_id)
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
        self._identities.bind(order, order_id)
        if other is not None and other is not order:
            self._absorb(order, other)
        self._adopt_reports(order)

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
            self._executions.record(report, None, self._step, is_held=True)

    def _adopt_reports(self, order: Order) -> None:
        """Apply the reports and fills that were told of an order before it was known."""
        since, held = self._held.pop(order.order_id or "", (self._step, ()))
        for fill in self._executions.adopt(order):
            reading.add_fill(order, fill)
            order._life.filled_in_part()
        for report in held:
            order._heard = self._step
            self._apply(order, report)
            self._shown(order)
        if held and order.is_open and self._snapshot is not None and self._snapshot.step > since:
            # That snapshot could not tell whether it had ended.
            self._await(order, "end", 0.0)

    def _release_held(self) -> None:
        """Give reports that can be about no order of this client any more to one of another."""
        for order_id, (_, reports) in list(self._held.items()):
            if not any(could_be(order, reports[0]) for order in self._waiting()):
                order = self._new(order_id)
                self._identities.add(order)
                self._adopt_reports(order)
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
        was_known = order._life.is_shown or order._life.is_acked
        reading.take_identity(order, report)
        self._identities.name(order)
        reading.take_terms(order, report, is_listed=is_listed)
        fill = None
        if report.exec_type == "trade" and not is_listed:
            fill = self._executions.record(report, order, self._step)
        reading.take_progress(order, report, fill)
        order._life.reported(reading.final_status(report))
        if order.cum_qty:
            order._life.filled_in_part()
        if not was_known:
            order.reason = order.error = None
        order.reason = report.reason or report.cancel_reason or order.reason
        self._take_times(order, report)

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
        for change in order._pending:
            if change.method == "amend_order" and change.is_in_force():
                change.is_reported = True
        awaited = order._awaited
        if awaited is None or awaited.is_in_force():
            self._answer(order, "terms")
        else:
            # The report of an earlier amend: the answer to the last one told its terms.
            awaited.apply()

    # Inner workings.

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
            self._drop_change(old, change)
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
            for order in [*self._kept, *self._active]:
                if not order.is_done:
                    self._file(order)

    def _forget(self, order: Order) -> None:
        del self._kept[order]
        self._doubts.end(order)
        self._identities.forget(order)


#: Why the client says so.
_REASONS = {
    "absent": "the exchange has neither an open order nor a fill of it",
    "gone": "the exchange does not have it any more; how it ended was not reported",
}


def _surely_reported_ns(order: Order) -> int:
    """Return the exchange's time at which everything that an order did was reported."""
    return (order.deadline_ns or 0) + DEADLINE_SLACK_NS - CLOCK_TOLERANCE_NS


def _is_listed(report: ExecutionData) -> bool:
    """Tell whether a report of a snapshot is about an open order and not about a past fill.

    A past fill is a `trade` with an execution (captured). How an open order looks that is filled in
    part is not documented; its `order_status` tells.
    """
    return report.exec_type != "trade" or (report.exec_id is None and report.order_status in OPEN)


def _begins_anew(snapshot: Snapshot, sequence: int | None) -> bool:
    """Tell whether a message with some sequence is the first of another snapshot."""
    if snapshot.complete_at is None:
        return False
    return snapshot.is_complete if sequence is None else sequence == 1
