"""Applies messages of `executions`: each report, and what follows for orders without one."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from ...models import ExecutionData
from ..base.followers import Follower
from . import reports as reading
from .evidence import (
    DEADLINE_SLACK_NS,
    FRAME_PAUSE,
    REPORT_PATIENCE,
    SNAPSHOT_FILLS,
    SNAPSHOT_PAUSE,
    Snapshot,
    absence_obstacle,
    surely_reported_ns,
)
from .known import REASONS, KnownOrders
from .life import OPEN
from .order import Order

__all__ = ["StreamedOrders"]


class StreamedOrders(KnownOrders, Follower):
    """The part of `Orders` that follows the `executions` channel."""

    # Events of the subscription.

    def subscribing(self, params: Mapping[str, Any]) -> None:
        self._step += 1
        self._set_followed(True)
        if self._unsubscribed_at is not None:
            # The exchange has replied since, so every report until then has arrived.
            self._record_deadlines(self._unsubscribed_at)
            self._unsubscribed_at = None
        self._begin_gap()
        self._snapshot = Snapshot(params, self._step, self._now())
        self._questions.snapshot_requested(self._now())

    def resubscribing(self) -> None:
        self._step += 1
        if self.is_current:
            self._unsubscribed_at = self._now()

    def gap_began(self) -> None:
        self._step += 1
        self.is_current = False
        self._unsubscribed_at = None
        self._begin_gap()
        snapshot = self._snapshot
        if snapshot is not None and snapshot.complete_at is not None:
            # Further parts of the snapshot may be missing.
            snapshot.is_truncated, snapshot.complete_at = True, None

    def unsubscribed(self) -> None:
        self.gap_began()
        self._snapshot = None
        self._set_followed(False)

    def deadline(self) -> float:
        snapshot = self._snapshot
        if snapshot is None or snapshot.is_complete or snapshot.complete_at is None:
            return inf
        return snapshot.check_at

    def tick(self, heard: float) -> bool:
        """Conclude what a complete snapshot proves; return whether a frame is awaited for that."""
        now, snapshot = self._now(), self._snapshot
        if snapshot is None or now < self.deadline():
            return False
        if snapshot.complete_at is not None and heard >= snapshot.complete_at:
            self._conclude()
            return False
        snapshot.check_at = now + FRAME_PAUSE
        return True

    def check_due(self) -> float:
        """Return when to request a snapshot for open questions; infinity if there are none."""
        return self._questions.next_check()

    # Messages.

    def observe(self, message: Any) -> None:
        """Apply a message of the `executions` channel.

        Raises:
            ValueError: a report has no `order_id`, an impossible quantity, or a fill without
                identifier or quantity. A snapshot has to make up for it.
        """
        self._step += 1
        reports = [_report(item) for item in message.data]
        if message.type == "snapshot":
            # A past fill that cannot be read is lost: another snapshot would not help.
            _check_quantities([report for report in reports if _is_listed(report)])
            self._apply_snapshot(reports, message.sequence)
        else:
            _check_quantities(reports)
            _check_fills(reports)
            for report in reports:
                self._apply_report(report)
            self._check_deadlines(reports)

    def _apply_report(self, report: ExecutionData) -> None:
        order = self._order_of(report, in_snapshot=False)
        if order is None:
            return
        order._heard = self._step
        self._apply(order, report)
        self._shown(order)
        if report.exec_type == "amended":
            self._amend_reported(order)
        if order.is_done:
            self._answer(order)
        self._changed(order)

    def _apply_snapshot(self, reports: list[ExecutionData], sequence: int | None) -> None:
        snapshot = self._begin_or_continue(sequence)
        for report in reports:
            if _is_listed(report):
                self._apply_open_order(report, snapshot)
        for report in reports:
            if not _is_listed(report):
                self._apply_past_fill(report, snapshot)

    def _begin_or_continue(self, sequence: int | None) -> Snapshot:
        """Return the snapshot that a message is part of.

        A snapshot begins with sequence 1 (captured). One that was not requested shows that the
        exchange restarted the stream: reports before it may be missing.
        """
        snapshot = self._snapshot
        if snapshot is None or _begins_anew(snapshot, sequence):
            params = {} if snapshot is None else snapshot.params
            self._begin_gap()
            snapshot = self._snapshot = Snapshot(params, self._step, self._now())
        elif snapshot.is_truncated:
            return snapshot
        if not snapshot.params.get("users"):
            self.is_current = True
        snapshot.complete_at = snapshot.check_at = self._now() + SNAPSHOT_PAUSE
        snapshot.is_complete = False
        return snapshot

    def _apply_open_order(self, report: ExecutionData, snapshot: Snapshot) -> None:
        """Apply an open order of a snapshot."""
        snapshot.live.add(report.order_id)
        order = self._order_of(report, in_snapshot=True)
        if order is None:
            return
        self._apply(order, report, is_listed=True)
        order._shown, order._is_cut = (self._step, order.order_qty), False
        # The snapshot may be from before the amends that were answered since.
        newer = [change for change in order._awaited if change.step > snapshot.step]
        if newer:
            newer[-1].apply()
        self._answer(order, "outcome")
        if snapshot.requested_at >= self._questions.due(order):
            self._answer(order)
            for change in newer:
                self._await_report(order, change)
        self._changed(order)

    def _apply_past_fill(self, report: ExecutionData, snapshot: Snapshot) -> None:
        snapshot.fills.append(report)
        if self._executions.closes_gap(report.exec_id):
            snapshot.is_seamless = True
        if report.order_status in OPEN:
            snapshot.maybe_live.add(report.order_id)
        order = self._order_of(report, in_snapshot=True, is_past=True)
        fill = self._executions.record(report, order, self._step, is_past=True)
        if fill is None:
            return
        if order is None:
            self._executions.announce(None, fill)
            return
        is_news = fill.exec_id not in order._fills
        reading.add_fill(order, fill, is_past=True)
        reading.update_identity(order, report)
        if is_news and order.status != "gone":
            order._life.filled_in_part()
        elif is_news and reading.is_filled(order):
            order._life.reported("filled")
        if reading.is_filled(order) and not snapshot.params.get("snap_orders"):
            # Otherwise the open orders of the snapshot show whether the order has ended.
            order._life.reported("filled")
        self._executions.announce(order, fill)
        self._answer(order, "outcome")
        self._changed(order)

    # Conclusions.

    def _conclude(self) -> None:
        """Draw the conclusions from a complete snapshot."""
        snapshot = self._snapshot
        assert snapshot is not None
        snapshot.is_complete = True
        self._claimed.clear()
        if len(snapshot.fills) < SNAPSHOT_FILLS:
            snapshot.is_seamless = True
        is_seamless = snapshot.is_seamless and bool(snapshot.params.get("snap_trades"))
        at_ns = self._exchange.estimate_ns(snapshot.complete_at or self._now())
        self._executions.snapshot_concluded(snapshot.step, at_ns, is_seamless=is_seamless)
        if snapshot.params.get("users"):
            return
        for order in self._candidates():
            if order.status == "sending" or order.order_id in snapshot.live:
                continue
            if order.order_id in snapshot.maybe_live:
                self._await(order, "end", REPORT_PATIENCE)
            else:
                self._conclude_missing(order, snapshot)
        for order in self._questions.snapshot_concluded(snapshot.requested_at):
            self._inquiries.begin(order, self._now())
            order._notify()
        self._release_held()

    def _conclude_missing(self, order: Order, snapshot: Snapshot) -> None:
        """Draw the conclusions for an order that is not in a snapshot."""
        if not snapshot.params.get("snap_orders"):
            return
        if order._heard >= snapshot.step:
            if order.is_open and any(f.order_id == order.order_id for f in snapshot.fills):
                # It was filled before the snapshot, and only a reply came since: it may have ended.
                self._await(order, "end", REPORT_PATIENCE)
            return
        before, obstacle = order.status, None
        is_late = snapshot.requested_at >= self._questions.due(order)
        if before == "unknown":
            is_late = is_late and self._is_past_deadline(order, snapshot.requested_at)
            obstacle = absence_obstacle(
                order,
                snapshot,
                self._claim(order),
                self._sent_ns(order),
                are_fills_complete=self._executions.are_complete_since(order._since),
            )
        order._life.missing(
            is_past_deadline=is_late,
            obstacle=obstacle is not None,
            is_filled=reading.is_filled(order),
        )
        if order.status != before:
            order.reason = REASONS.get(order.status, order.reason)
            self._close(order)
            if order.status == "gone":
                self._inquiries.begin(order, self._now())
        elif obstacle is not None:
            order.reason = f"the last snapshot does not settle it: {obstacle}"
            self._inquiries.hasten(order, self._now())
            self._changed(order)

    def _check_deadlines(self, reports: list[ExecutionData]) -> None:
        """Conclude from a report made after an order's deadline that the order is absent."""
        times = [at_ns for report in reports if (at_ns := report.timestamp_ns) is not None]
        if not times or not self.is_current:
            return
        latest_ns, now = max(times), self._now()
        for order in self._questions.uncertain:
            if order.status != "unknown" or latest_ns < surely_reported_ns(order):
                continue
            # A timestamp alone proves nothing: clocks within the exchange may differ.
            if order in self._claimed or not self._is_past_deadline(order, now):
                continue
            if self._claim(order) is not None:
                # Snapshots decide.
                self._claimed.add(order)
                continue
            order._life.deadline_passed()
            order._life.silent_past_deadline()
            if order.status == "absent":
                order.reason = "no report of it came until after its deadline"
                self._close(order)
        reached_ns = self._exchange.earliest_ns(now)
        if reached_ns is not None:
            self._edits.forget_older(min(latest_ns, reached_ns) - DEADLINE_SLACK_NS)

    def _record_deadlines(self, at: float) -> None:
        """Record the orders whose deadline passed before a time at which there was no gap."""
        for order in self._questions.uncertain:
            if order.status == "unknown" and self._is_past_deadline(order, at):
                order._life.deadline_passed()

    def can_arrive(self, order: Order, at: float) -> bool:
        """Return whether an order, or one that replaces it, may still be new to the exchange.

        Args:
            order: an order that has not ended.
            at: a local time, monotonic seconds.
        """
        deadlines = [c.deadline_ns for c in order._requests() if c.method == "edit_order"]
        if order.order_id is None:
            if order.status == "sending":
                return True
            deadlines.append(order.deadline_ns)
        reached_ns = self._exchange.earliest_ns(at)
        return any(
            reached_ns is None or reached_ns < (deadline_ns or inf) + DEADLINE_SLACK_NS
            for deadline_ns in deadlines
        )


#: Fields that are never negative.
QUANTITIES = ("order_qty", "cash_order_qty", "display_qty", "cum_qty", "cum_cost", "last_qty")


def _report(item: object) -> ExecutionData:
    """Return an item of a message.

    Raises:
        ValueError: it has no `order_id`, which each report has (page "Executions"). Ignoring it
            would lose it silently.
    """
    if not isinstance(item, ExecutionData) or not item.order_id:
        raise ValueError(f"a report must have an order_id: {item!r}")
    return item


def _check_fills(reports: list[ExecutionData]) -> None:
    """Check that each report of a fill has its identifier and quantity (page "Executions").

    Raises:
        ValueError: one of them is missing, so the fill could not be counted.
    """
    for report in reports:
        if report.exec_type != "trade":
            continue
        if report.exec_id is None or not report.last_qty:
            lacks = "exec_id" if report.exec_id is None else "last_qty"
            raise ValueError(f"a trade report of {report.order_id} has no {lacks}")


def _check_quantities(reports: list[ExecutionData]) -> None:
    """Check that no quantity is negative: `side` has the direction (page "Executions").

    Raises:
        ValueError: one is.
    """
    for report in reports:
        for field in QUANTITIES:
            # The sign does not need the exact number, which is slower to read.
            if (value := getattr(report, field)) is not None and value < 0:
                raise ValueError(f"a report of {report.order_id} has {field} {value}")


def _is_listed(report: ExecutionData) -> bool:
    """Return whether a report of a snapshot is an open order and not a past fill.

    A past fill is a `trade` with an `exec_id` (captured). The report of a partially filled open
    order is not documented; its `order_status` decides.
    """
    return report.exec_type != "trade" or (report.exec_id is None and report.order_status in OPEN)


def _begins_anew(snapshot: Snapshot, sequence: int | None) -> bool:
    """Return whether a message with a sequence number is the first of another snapshot."""
    if snapshot.is_truncated:
        return sequence in (None, 1)
    if snapshot.complete_at is None:
        return False
    return snapshot.is_complete if sequence is None else sequence == 1
