"""Keeps the known orders, and applies each report to its order.

This has no I/O and never waits. docs/order-certainty.md has the rules.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from ...models import ExecutionData
from ...models.rest import RestOrder
from ..base.exchange_clock import ExchangeClock, nanoseconds
from ..base.listeners import Listeners
from . import reports as reading
from .changes import Edits
from .evidence import (
    DEADLINE_SLACK_NS,
    LONGEST_DEADLINE_NS,
    REPORT_PATIENCE,
    OpenQuestions,
    Question,
    Snapshot,
    claims_on,
    surely_reported_ns,
)
from .executions import Executions
from .identity import Identities, agrees, could_be
from .order import Change, Order
from .records import GRACE, Inquiries, may_be_of

__all__ = ["REASONS", "KnownOrders", "OrderListener"]

logger = logging.getLogger(__name__)

#: Ended orders that are kept; beyond that the oldest are forgotten.
DONE_KEPT = 10_000
#: Reports of one `order_id` that are held back until its order is known.
HELD_BACK = 1_000
#: Number of such `order_id`s; beyond that the oldest is treated as an order of another program.
HELD_ORDERS = 1_000

OrderListener = Callable[[Order], object]

#: The reason for a status that the client concluded.
REASONS = {
    "absent": "the exchange has neither an open order nor a fill of it",
    "gone": "the exchange does not have it any more; how it ended was not reported",
}


class KnownOrders:
    """The orders of an account, the reports about them, and the open questions."""

    def __init__(self, now: Callable[[], float], exchange: ExchangeClock) -> None:
        self.is_current = False
        self.is_followed = False
        self._now = now
        self._exchange = exchange
        self._identities = Identities(self._sent_ns)
        self._executions = Executions()
        self._edits = Edits()
        self._questions = OpenQuestions()
        #: Reports that are held back until their order is known, by `order_id`, with the step of
        #: the first one.
        self._held: dict[str, tuple[int, list[ExecutionData]]] = {}
        self._active: dict[Order, None] = {}
        #: Orders that may be forgotten, oldest first.
        self._kept: dict[Order, None] = {}
        self._listeners = Listeners()
        #: Listeners that are called only for orders with an `order_id`.
        self._followers = Listeners()
        self._snapshot: Snapshot | None = None
        self._inquiries = Inquiries()
        #: Records of REST whose order is not known, by `order_id`, oldest first.
        self._records: dict[str, RestOrder] = {}
        #: Unknown orders that may be an order of another program, since the last snapshot.
        self._claimed: set[Order] = set()
        #: When the channel was unsubscribed to get a snapshot, monotonic seconds.
        self._unsubscribed_at: float | None = None
        self._step = 0

    # Finding the order of a report.

    def _order_of(
        self, report: ExecutionData, *, in_snapshot: bool, is_past: bool = False
    ) -> Order | None:
        """Return the order of a report; a new one for an order of another program.

        Returns:
            `None` for a report that is held back, and for past fills of unknown orders.
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
                # Reports were matched with this order by name, and this one contradicts it.
                self._correct_match(found)
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
        """Return whether the execution of a report was known before an order was created."""
        known_at = self._executions.known_at(report.exec_id)
        return known_at is not None and known_at <= order._since

    def _bind(self, order: Order, order_id: str) -> None:
        """Set the `order_id` of an order of this client."""
        if order.order_id is not None:
            self._unbind(order)
        other = self._identities.of_id(order_id)
        if other is not None and other is not order and other.is_mine:
            if other._life.is_acked:
                logger.error("%s is the order_id of both %r and %r", order_id, other, order)
                return
            # Reports were matched with the other order by name, and a reply contradicts it.
            self._correct_match(other)
            other = self._identities.of_id(order_id)
        self._identities.bind(order, order_id)
        if other is not None and other is not order:
            self._absorb(order, other)
        self._adopt_reports(order)

    def _correct_match(self, order: Order) -> None:
        """Record that the reports of an order were about another one with the same name."""
        self._unbind(order)
        self._identities.add(order)
        order._life.left_unanswered()
        self._await_outcome(order)
        self._changed(order)

    def _unbind(self, order: Order) -> None:
        """Move the reported state of an order to a new one: it was about an order with its name."""
        assert order.order_id is not None
        logger.warning("%r got reports of another order with its name", order)
        other = self._new(order.order_id, order.cl_ord_id)
        reading.split(order, other)
        order.order_id = None
        self._identities.bind(other, other.order_id or "")
        self._identities.add_name(other)
        self._await(other, "end", 0.0)
        self._changed(other)

    def _absorb(self, order: Order, other: Order) -> None:
        """Merge another object for the same order, made before the two were known to be one."""
        reading.absorb(order, other)
        self._questions.end(other)
        self._active.pop(other, None)
        self._kept.pop(other, None)
        # This object gets no more updates.
        other._notify()

    def _hold_back(self, report: ExecutionData) -> None:
        """Hold a report back until its order is known."""
        _, held = self._held.setdefault(report.order_id, (self._step, []))
        if len(held) < HELD_BACK:
            held.append(report)
        if report.exec_type == "trade":
            self._executions.record(report, None, self._step)
        if len(self._held) > HELD_ORDERS:
            self._add_other(next(iter(self._held)))

    def _adopt_reports(self, order: Order) -> None:
        """Apply the reports and fills of an order that arrived before it was known."""
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
            # Earlier snapshots were not used to check whether it had ended.
            self._await(order, "end", 0.0)

    def _release_held(self) -> None:
        """Assign held reports that no longer match an order of this client to other orders."""
        for order_id, (_, reports) in list(self._held.items()):
            if not self._may_be_ours(reports[0]):
                self._add_other(order_id)

    def _add_other(self, order_id: str) -> None:
        """Add an order of another program, and apply its held reports."""
        order = self._new(order_id)
        self._identities.add(order)
        self._adopt_reports(order)
        self._changed(order)

    def _may_be_ours(self, report: ExecutionData) -> bool:
        """Return whether a report may be about an order that will still get its `order_id`.

        An order that the client gave up to settle does not hold reports back: it stays unknown, and
        the reports count as those of another program.
        """
        return any(
            order.status in ("sending", "unknown")
            and order.sent_at is not None
            and not self._questions.is_given_up(order)
            and could_be(order, report)
            and self._may_be_recorded(order, report.order_id)
            for order in self._identities.unbound
        )

    # Which reports, records and orders may be about an unreported order of this client.

    def _claims(self, order: Order) -> Iterator[tuple[str, str]]:
        """Yield the `order_id` of each, and why in words."""
        sent_ns = self._sent_ns(order)
        held = [reports[0] for _, reports in self._held.values()]
        unclaimed = [*held, *self._executions.unclaimed_since(order._since)]
        others = [
            other
            for other in (*self._kept, *self._active)
            if not other.is_mine and other._since >= order._since
        ]
        for order_id, why in claims_on(order, unclaimed, others, sent_ns):
            if order_id not in self._records:
                yield order_id, why
        for record in self._records.values():
            if may_be_of(order, record, sent_ns):
                yield record.order_id, "may be this order, by its record of REST"

    def _claim(self, order: Order) -> str | None:
        """Return the first claim in words, `None` if there is none."""
        return next((f"{order_id} {why}" for order_id, why in self._claims(order)), None)

    def _may_be_recorded(self, order: Order, order_id: str) -> bool:
        """Return whether the record of an `order_id`, if there is one, may be of an order."""
        record = self._records.get(order_id)
        return record is None or may_be_of(order, record, self._sent_ns(order))

    # Applying a report.

    def _apply(self, order: Order, report: ExecutionData, *, is_listed: bool = False) -> None:
        """Apply a report about an order, other than a past fill of a snapshot.

        `is_listed` says that it is an open order of a snapshot.
        """
        was_known = order._life.is_shown or order._life.is_acked
        reading.update_identity(order, report)
        self._identities.add_name(order)
        reading.update_terms(order, report, is_listed=is_listed)
        fill = None
        if report.exec_type == "trade" and not is_listed:
            fill = self._executions.record(report, order, self._step)
        totals_ns = self._exchange.estimate_ns(self._now()) if is_listed else report.timestamp_ns
        reading.update_progress(order, report, fill, totals_ns)
        order._life.reported(reading.final_status(report))
        if order.cum_qty:
            order._life.filled_in_part()
        if not was_known:
            order.reason = order.error = None
        reason = reading.text(report.reason) or reading.text(report.cancel_reason)
        order.reason = reason or order.reason
        self._update_times(order, report)
        if fill is not None:
            self._executions.announce(order, fill)

    def _shown(self, order: Order) -> None:
        """Close the question whether an order exists, after a report of it.

        `pending_new` does not show that the matching engine accepts the order; without a reply, the
        next report or a snapshot decides.
        """
        if order.status != "pending_new" or order._life.is_acked:
            self._answer(order, "outcome")

    def _update_times(self, order: Order, report: ExecutionData) -> None:
        at_ns = report.timestamp_ns
        if order.created_ns is None:
            order.created_ns = at_ns
        if order.aged_from_ns is None:
            # Its age is not known. It counts as new, which has the highest cost.
            order.aged_from_ns = nanoseconds(self._now())
        if report.exec_type in ("amended", "restated"):
            order._shown = self._step, order.order_qty
            order.amended_ns = max(order.amended_ns or 0, at_ns or 0)
            order.aged_from_ns = nanoseconds(self._now())
        if at_ns is not None:
            order.updated_ns = max(order.updated_ns or 0, at_ns)

    def _amend_reported(self, order: Order) -> None:
        """Record that amended terms were reported, and find the amend that set them.

        Of several amends that set the same terms, it is the report of one.
        """
        if order.order_qty is not None:
            order._is_cut = order.order_qty <= order.cum_qty
        change = next((change for change in order._amends() if change.is_in_force()), None)
        if change is not None:
            change.is_reported = True
            if change in order._unresolved:
                order._unresolved.remove(change)
            # Those that were accepted before it was sent came before it.
            order._awaited = [
                other
                for other in order._awaited
                if other is not change and other.step > change.sent_step
            ]
        if order._awaited:
            # This is the report of an earlier amend; the reply to the last one had its terms.
            order._awaited[-1].apply()
        elif not order._unresolved:
            self._answer(order, "terms")

    def _await_report(self, order: Order, change: Change) -> None:
        """Await the report of an amend that the exchange accepted; without it, a snapshot."""
        if not self.is_followed:
            # No report will come of those that were accepted before it was sent.
            order._awaited = [c for c in order._awaited if c.step > change.sent_step]
        order._awaited.append(change)
        self._await(order, "terms", REPORT_PATIENCE)

    # Open questions, and the lists of orders.

    def _sent_ns(self, order: Order) -> int | None:
        return None if order.sent_at is None else self._exchange.earliest_ns(order.sent_at)

    def _candidates(self) -> list[Order]:
        """Return the orders that may still be open, oldest first."""
        known = self._active if self.is_followed else (*self._kept, *self._active)
        return list(known)

    def _await(self, order: Order, question: Question, seconds: float) -> None:
        """Open a question about an order; without a report, a snapshot follows after `seconds`."""
        self._questions.begin(order, question, self._now() + seconds)

    def _await_deadline(
        self,
        order: Order,
        question: Question,
        deadline_ns: int | None,
        *,
        is_another: bool = False,
    ) -> None:
        """Open a question about a request that the exchange may accept until its deadline."""
        now = self._now()
        reached_ns = self._exchange.earliest_ns(now)
        seconds = REPORT_PATIENCE
        if deadline_ns is not None:
            left_ns = LONGEST_DEADLINE_NS if reached_ns is None else deadline_ns - reached_ns
            seconds = max((left_ns + DEADLINE_SLACK_NS) / 1e9, 0.0)
        self._questions.begin(order, question, now + seconds, is_another=is_another)

    def _is_past_deadline(self, order: Order, at: float) -> bool:
        """Return whether the exchange, by its own clock, can no longer accept an order."""
        reached_ns = self._exchange.earliest_ns(at)
        return reached_ns is not None and reached_ns >= surely_reported_ns(order)

    def _await_outcome(self, order: Order) -> None:
        """Open the question whether an order exists: snapshots decide, and REST if they do not."""
        self._await_deadline(order, "outcome", order.deadline_ns)
        self._inquiries.begin(order, self._questions.due(order) + GRACE)

    def _answer(self, order: Order, *questions: Question) -> None:
        """Close questions about an order; all of them by default."""
        self._questions.end(order, *questions)
        if not questions or "terms" in questions:
            order._awaited.clear()
            order._unresolved.clear()

    def _begin_gap(self) -> None:
        """Record that reports may be missing from here on."""
        self._executions.gap(self._step, self._exchange.estimate_ns(self._now()))
        for order in self._identities.unbound:
            order._life.gap()

    def _drop_change(self, order: Order, change: Change) -> None:
        for changes in (order._pending, order._unresolved):
            if change in changes:
                changes.remove(change)
        self._edits.drop(change)

    def _close(self, order: Order) -> None:
        """Finish an order that was concluded to have ended."""
        self._answer(order)
        self._identities.settle(order)
        self._changed(order)
        self._release_held()

    def _adopt_edit(self, order: Order, report: ExecutionData) -> None:
        """Link a new order with the edit that made it, if that has no reply yet."""
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
        """Move an order to the list for its state, and call its watchers and the listeners."""
        self._move(order)
        if order._watchers:
            order._notify()
        if self._followers and order.order_id is not None:
            self._followers.call(order)
        if self._listeners:
            self._listeners.call(order)

    def _move(self, order: Order) -> None:
        is_live = order.status == "sending" or (self.is_followed and not order.is_done)
        here, there = (self._active, self._kept) if is_live else (self._kept, self._active)
        there.pop(order, None)
        here[order] = None
        if len(self._kept) > DONE_KEPT:
            self._forget(next(iter(self._kept)))

    def _set_followed(self, is_followed: bool) -> None:
        """Record whether the channel is subscribed, which reports the end of orders."""
        if is_followed != self.is_followed:
            self.is_followed = is_followed
            for order in [*self._kept, *self._active]:
                if not order.is_done:
                    self._move(order)

    def _forget(self, order: Order) -> None:
        del self._kept[order]
        self._questions.end(order)
        self._inquiries.end(order)
        self._identities.forget(order)
