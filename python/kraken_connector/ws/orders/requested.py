"""Applying requests and their replies to orders."""

from __future__ import annotations

from ...models.trading import AddOrderParams
from ...models.trading_results import AddOrderResult
from ..base.exchange_clock import nanoseconds
from . import reports as reading
from .evidence import ACK_PATIENCE, REPORT_PATIENCE, Question
from .known import KnownOrders
from .order import Change, Order

__all__ = ["RequestedOrders"]


class RequestedOrders(KnownOrders):
    """The part of `Orders` that handles requests and their replies."""

    def placing(
        self, params: AddOrderParams, cl_ord_id: str | None, tag: str | None = None
    ) -> Order:
        """Add a new order of this client that is about to be sent, and return it."""
        self._step += 1
        order = self._new(None, cl_ord_id)
        order._life.status = "sending"
        order.is_mine, order.params, order.tag = True, params, tag
        reading.restore_terms(order)
        order._heard = self._step
        self._identities.add(order)
        self._active[order] = None
        self._listeners.call(order)
        return order

    def sent(self, order: Order, req_id: int, deadline_ns: int) -> None:
        """Record that an order is sent now, and until when the exchange may accept it."""
        sent_at = self._now()
        order.req_id, order.sent_at, order.deadline_ns = req_id, sent_at, deadline_ns
        order.aged_from_ns = nanoseconds(sent_at)
        snapshot = self._snapshot
        has_begun = snapshot is not None and snapshot.complete_at is not None
        order._life.is_unbroken = self.is_current and has_begun

    def is_of_another(self, order: Order, order_id: str | None) -> bool:
        """Return whether an earlier reply gave this `order_id` to another order."""
        other = self._identities.of_id(order_id)
        return other is not None and other is not order and other.is_mine and other._life.is_acked

    def acknowledged(self, order: Order, result: AddOrderResult) -> None:
        """Record that the exchange accepted an order; this reply may come late."""
        self._step += 1
        if result.order_id is not None and order.order_id != result.order_id:
            self._bind(order, result.order_id)
        if order.status == "unknown":
            self._answer(order)
        order._life.acknowledged()
        if order._life.is_shown or order.is_done:
            self._answer(order, "outcome")
        else:
            self._await(order, "outcome", ACK_PATIENCE)
        if not order.is_done:
            # If it has ended, the report of that gave the reason.
            order.reason = order.error = None
        if not order._life.is_shown:
            # For a reported order, the reply has no news.
            order._heard = self._step
        self._changed(order)
        self._release_held()

    def refused(self, order: Order, error: Exception) -> None:
        """Record that the exchange refused an order, or that it was never sent.

        Reports with its name are then about another order, unless an earlier reply said that the
        exchange accepted it.
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
        """Record that an order was sent, and that the client no longer waits for its reply."""
        self._step += 1
        if order.status in ("sending", "pending_new") and not order._life.is_acked:
            order._life.left_unanswered()
            self._await_outcome(order)
            self._changed(order)
        self._release_held()

    def changing(self, order: Order, change: Change) -> None:
        """Record that an amend, edit or cancel of an order was sent."""
        change.sent_step = self._step
        order._pending.append(change)
        for edit in order._requests():
            if edit.method == "edit_order":
                edit.largest_qty = order._largest_qty()
        self._edits.add(change)

    def changed_by(self, order: Order, change: Change, at_ns: int | None) -> None:
        """Record that the exchange accepted an amend, edit or cancel, by a reply of `at_ns`.

        The reply to an amend may come after the report of it, or after a later snapshot.
        """
        self._step += 1
        change.step = self._step
        is_news = change in order._amends()
        self._drop_change(order, change)
        if change.method == "amend_order" and not order.is_done:
            if is_news:
                change.apply()
                self._await_report(order, change)
                order.amended_ns = at_ns or order.amended_ns or order.updated_ns or 0
            order.aged_from_ns = nanoseconds(self._now())
        elif not order.is_done:
            self._await(order, "end", REPORT_PATIENCE)
        self._changed(order)

    def change_refused(self, order: Order, change: Change, *, is_gone: bool) -> None:
        """Record that the exchange refused an amend, edit or cancel of an order.

        If the error says that the exchange does not have the order (`is_gone`), and it counts as
        open here, the report of its end is late or was lost.
        """
        self._drop_change(order, change)
        if is_gone and not order.is_done:
            self._await(order, "end", REPORT_PATIENCE)
        self._changed(order)

    def change_unknown(self, order: Order, change: Change) -> None:
        """Record that the client no longer waits for the reply to a request about an order."""
        self._step += 1
        change.step = self._step
        if change in order._pending:
            order._pending.remove(change)
        question: Question = "terms" if change.method == "amend_order" else "end"
        if not order.is_done and not change.is_reported:
            order._unresolved.append(change)
            self._await_deadline(order, question, change.deadline_ns, is_another=True)
        self._changed(order)

    def replaced(self, old: Order | None, order_id: str, change: Change | None) -> Order:
        """Record that `edit_order` replaced an order, and return the new order."""
        self._step += 1
        new = self._identities.of_id(order_id)
        if new is None:
            new = self._new(order_id)
            new._life.acknowledged()
            new.aged_from_ns = nanoseconds(self._now())
            self._identities.add(new)
            self._await(new, "outcome", ACK_PATIENCE)
        if not new._life.is_shown:
            new._heard = self._step
        if old is not None and old is not new:
            self._link(old, new, change)
            if not old.is_done:
                self._await(old, "end", REPORT_PATIENCE)
            self._changed(old)
        self._changed(new)
        return new

    def may_have_ended(self, orders: list[Order]) -> None:
        """Record that the exchange cancelled orders in bulk; their reports are to follow."""
        for order in orders:
            if order.is_open:
                self._await(order, "end", REPORT_PATIENCE)
