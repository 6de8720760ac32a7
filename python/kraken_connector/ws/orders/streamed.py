"""What the `executions` stream tells about orders, and what follows from its silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models import ExecutionData
from ..base.followers import Follower
from . import reports as reading
from .evidence import (
    CLOCK_TOLERANCE_NS,
    DEADLINE_SLACK_NS,
    FRAME_PAUSE,
    REPORT_PATIENCE,
    SNAPSHOT_FILLS,
    SNAPSHOT_PAUSE,
    Snapshot,
    absence_obstacle,
    claim_on,
)
from .known import KnownOrders
from .life import OPEN
from .order import Order

__all__ = ["StreamedOrders"]

INF = float("inf")


class StreamedOrders(KnownOrders, Follower):
    """The part of `Orders` that follows the stream."""

    # What is said about the stream.

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Note that the stream was asked for, and with it a snapshot."""
        self._step += 1
        self._follow(True)
        if self._left_at is not None:
            # Every report until then has come, as the exchange has answered since.
            self._pass_deadlines(self._left_at)
            self._left_at = None
        self._break()
        self._snapshot = Snapshot(params, self._step, self._now())
        self._doubts.asked(self._now())

    def resubscribing(self) -> None:
        """Note that the stream is left for a moment, to get a snapshot by subscribing again."""
        self._step += 1
        if self.is_current:
            self._left_at = self._now()

    def gap_began(self) -> None:
        """Note that messages of the stream may be missing from here on."""
        self._step += 1
        self.is_current = False
        self._left_at = None
        self._break()
        snapshot = self._snapshot
        if snapshot is not None and snapshot.complete_at is not None:
            # Its other parts may be among them.
            snapshot.is_truncated, snapshot.complete_at = True, None

    def unsubscribed(self) -> None:
        """Note that the stream is not subscribed any more."""
        self.gap_began()
        self._snapshot = None
        self._follow(False)

    def deadline(self) -> float:
        """Return when `tick` has something to do, monotonic seconds."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.is_complete or snapshot.complete_at is None:
            return INF
        return snapshot.look_at

    def tick(self, heard: float) -> None:
        """Conclude what a complete snapshot proves."""
        now, snapshot = self._now(), self._snapshot
        if snapshot is None or now < self.deadline():
            return
        if snapshot.complete_at is not None and heard >= snapshot.complete_at:
            self._conclude()
        else:
            snapshot.look_at = now + FRAME_PAUSE

    def check_due(self) -> float:
        """Return when a further snapshot could settle what is in doubt; infinity if none could."""
        return self._doubts.next_check()

    # What the stream says.

    def observe(self, message: Any) -> None:
        """Take a message of the `executions` channel.

        Raises:
            ValueError: a report names no order, has a quantity that cannot be, or tells a fill
                without what counts; a snapshot will bring what it should have told.
        """
        self._step += 1
        reports = [_report(item) for item in message.data]
        if message.type == "snapshot":
            # A past fill that cannot be read is lost: another snapshot would have the same.
            _check_quantities([report for report in reports if _is_listed(report)])
            self._take_snapshot(reports, message.sequence)
        else:
            _check_quantities(reports)
            _check_fills(reports)
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
        elif snapshot.is_truncated:
            return snapshot
        if not snapshot.params.get("users"):
            self.is_current = True
        snapshot.complete_at = snapshot.look_at = self._now() + SNAPSHOT_PAUSE
        snapshot.is_complete = False
        return snapshot

    def _take_listed(self, report: ExecutionData, snapshot: Snapshot) -> None:
        """Take an open order of a snapshot."""
        snapshot.live.add(report.order_id)
        order = self._order_of(report, in_snapshot=True)
        if order is None:
            return
        self._apply(order, report, is_listed=True)
        if order._awaited is not None and order._awaited.step > snapshot.step:
            # The snapshot may be from before the amend.
            order._awaited.apply()
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
        if fill is None:
            return
        if order is None:
            self._executions.announce(None, fill)
            return
        is_news = fill.exec_id not in order._fills
        reading.add_fill(order, fill, is_past=True)
        reading.take_identity(order, report)
        if is_news and order.status != "gone":
            order._life.filled_in_part()
        elif is_news and reading.is_filled(order):
            order._life.reported("filled")
        if reading.is_filled(order) and not snapshot.params.get("snap_orders"):
            # Otherwise the open orders of the snapshot tell whether that was all of it.
            order._life.reported("filled")
        self._executions.announce(order, fill)
        self._answer(order, "outcome")
        self._changed(order)

    # What follows from it.

    def _conclude(self) -> None:
        """Draw the conclusions from a snapshot that is complete."""
        snapshot = self._snapshot
        assert snapshot is not None
        snapshot.is_complete = True
        self._claimed.clear()
        if len(snapshot.fills) < SNAPSHOT_FILLS:
            snapshot.is_seamless = True
        is_seamless = snapshot.is_seamless and bool(snapshot.params.get("snap_trades"))
        self._executions.snapshot_concluded(snapshot.step, is_seamless=is_seamless)
        if snapshot.params.get("users"):
            return
        for order in self._candidates():
            if order.status == "sending" or order.order_id in snapshot.live:
                continue
            if order.order_id in snapshot.maybe_live:
                self._await(order, "end", REPORT_PATIENCE)
            else:
                self._find_missing(order, snapshot)
        for order in self._doubts.looked(snapshot.asked_at):
            order._notify()
        self._release_held()

    def _find_missing(self, order: Order, snapshot: Snapshot) -> None:
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
            order.reason = _REASONS.get(order.status, order.reason)
            self._end_of(order)
        elif obstacle is not None:
            order.reason = f"not settled by the last snapshot: {obstacle}"
            self._changed(order)

    def _claim(self, order: Order) -> str | None:
        """Return what may be an order of this client that the stream has not shown."""
        held = [reports[0] for _, reports in self._held.values()]
        unclaimed = [*held, *self._executions.unclaimed_since(order._since)]
        others = [
            other
            for other in (*self._kept, *self._active)
            if not other.is_mine and other._since >= order._since
        ]
        return claim_on(order, unclaimed, others, self._sent_ns(order))

    def _pass_time(self, reports: list[ExecutionData]) -> None:
        """Conclude that an order is absent from a report that was made after its deadline."""
        stamps = [at_ns for report in reports if (at_ns := report.timestamp_ns) is not None]
        if not stamps or not self.is_current:
            return
        latest_ns, now = max(stamps), self._now()
        for order in self._doubts.uncertain:
            if order.status != "unknown" or latest_ns < _surely_reported_ns(order):
                continue
            # A stamp alone proves nothing: the clocks of the exchange's parts may differ.
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
                self._end_of(order)
        reached_ns = self._exchange.earliest_ns(now)
        if reached_ns is not None:
            self._edits.forget_older(min(latest_ns, reached_ns) - DEADLINE_SLACK_NS)

    def _pass_deadlines(self, at: float) -> None:
        """Note which orders the stream has been followed with until after their deadline."""
        for order in self._doubts.uncertain:
            if order.status == "unknown" and self._is_past_deadline(order, at):
                order._life.deadline_passed()

    def _is_past_deadline(self, order: Order, at: float) -> bool:
        """Tell whether the exchange cannot take an order any more, by its own clock."""
        reached_ns = self._exchange.earliest_ns(at)
        return reached_ns is not None and reached_ns >= _surely_reported_ns(order)

    def _end_of(self, order: Order) -> None:
        """Note that an order was concluded to be at an end."""
        self._answer(order)
        self._identities.settle(order)
        self._changed(order)
        self._release_held()


#: What is never negative.
QUANTITIES = ("order_qty", "cash_order_qty", "display_qty", "cum_qty", "cum_cost", "last_qty")

#: Why the client says so.
_REASONS = {
    "absent": "the exchange has neither an open order nor a fill of it",
    "gone": "the exchange does not have it any more; how it ended was not reported",
}


def _surely_reported_ns(order: Order) -> int:
    """Return the exchange's time at which everything that an order did was reported."""
    return (order.deadline_ns or 0) + DEADLINE_SLACK_NS - CLOCK_TOLERANCE_NS


def _report(item: object) -> ExecutionData:
    """Return an item of a message.

    Raises:
        ValueError: it names no order, so that what it tells would be lost silently: each report
            has an `order_id` (page "Executions").
    """
    if not isinstance(item, ExecutionData) or not item.order_id:
        raise ValueError(f"a report must have an order_id: {item!r}")
    return item


def _check_fills(reports: list[ExecutionData]) -> None:
    """Check that each report of a fill has its identifier and quantity (page "Executions").

    Raises:
        ValueError: one has not, so that the fill could not be counted.
    """
    for report in reports:
        if report.exec_type != "trade":
            continue
        if report.exec_id is None or not report.last_qty:
            lacks = "exec_id" if report.exec_id is None else "last_qty"
            raise ValueError(f"a trade report of {report.order_id} has no {lacks}")


def _check_quantities(reports: list[ExecutionData]) -> None:
    """Check that no quantity is negative: a side tells the direction (page "Executions").

    Raises:
        ValueError: one is.
    """
    for report in reports:
        for field in QUANTITIES:
            # The sign needs no exact number, which would take longer.
            if (value := getattr(report, field)) is not None and value < 0:
                raise ValueError(f"a report of {report.order_id} has {field} {value}")


def _is_listed(report: ExecutionData) -> bool:
    """Tell whether a report of a snapshot is about an open order and not about a past fill.

    A past fill is a `trade` with an execution (captured). How an open order looks that is filled in
    part is not documented; its `order_status` tells.
    """
    return report.exec_type != "trade" or (report.exec_id is None and report.order_status in OPEN)


def _begins_anew(snapshot: Snapshot, sequence: int | None) -> bool:
    """Tell whether a message with some sequence is the first of another snapshot."""
    if snapshot.is_truncated:
        return sequence in (None, 1)
    if snapshot.complete_at is None:
        return False
    return snapshot.is_complete if sequence is None else sequence == 1
