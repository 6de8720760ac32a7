"""What a snapshot of `executions` proves, and when to request one.

A snapshot has all open orders, and at most the last fifty fills (page "Executions"). A request may
still be on its way after the client stopped waiting for its reply, but the exchange does not accept
it after its deadline (page "Add Order"). So if a snapshot was requested after the deadline and does
not have the order, the order does not exist, unless a fill in the snapshot, or an older one, may be
its fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, Literal

from ...models import ExecutionData
from ...models.checks import client_id_key
from ..base.exchange_clock import SECOND_NS
from .identity import SKEW_NS, could_be, is_older
from .order import Order

__all__ = [
    "DEADLINE_SLACK_NS",
    "OpenQuestions",
    "Question",
    "Snapshot",
    "absence_obstacle",
    "claims_on",
    "surely_reported_ns",
]

#: How long after its deadline an accepted request has certainly been reported. This covers the way
#: back and a delay of the stream.
DEADLINE_SLACK_NS = 5 * SECOND_NS // 2
#: The part of it that allows for clock drift.
CLOCK_TOLERANCE_NS = SECOND_NS // 10
#: Page "Add Order": a deadline is at most a minute ahead.
LONGEST_DEADLINE_NS = 60 * SECOND_NS
#: Seconds to wait for the report after a reply; then a snapshot is requested.
REPORT_PATIENCE = 3.0
#: The same for a new order, because replies to orders may be far ahead of the stream.
ACK_PATIENCE = 6.0
#: Fills that a snapshot has at most (page "Executions").
SNAPSHOT_FILLS = 50
#: Seconds without a further part after which the next frame of any kind completes a snapshot. On a
#: stalled connection a part may still be on its way. Kraken does not document whether a snapshot
#: may come in several messages.
SNAPSHOT_PAUSE = 0.5
#: Seconds between two checks whether such a frame has arrived.
FRAME_PAUSE = 0.1
#: Snapshots that are requested for one order before the client gives up.
CHECKS = 5
#: Seconds of the first pause between two of them; each further one is twice as long. A snapshot may
#: lag behind the matching engine like reports. The pause is longer for an order with a reply,
#: because replies may be far ahead of the stream.
UNKNOWN_PAUSE = 2.5
PAUSE = 5.0

#: What is not known about an order: whether it exists, whether it ended, or what its terms are.
Question = Literal["outcome", "end", "terms"]


@dataclass(slots=True)
class Snapshot:
    """A snapshot of `executions`, from the request to its last part.

    Attributes:
        params: the parameters of the subscription.
        step: step of the collection at which it was requested.
        requested_at: local time of the request, monotonic seconds.
        complete_at: a frame that arrives from then on shows that no further part is on its way;
            `None` before the first part.
        check_at: when to check whether such a frame has arrived.
        is_complete: whether it is complete, and its conclusions were drawn.
        is_truncated: whether a gap began between its parts, so that it proves nothing.
        live: ids of the open orders in it.
        maybe_live: ids of orders with a past fill whose status is an open one.
        fills: the past fills in it.
        is_seamless: whether no fill is missing before the past fills: one of them was known before
            the gap, or there are less than a snapshot can have.
    """

    params: Mapping[str, Any]
    step: int
    requested_at: float
    complete_at: float | None = None
    check_at: float = 0.0
    is_complete: bool = False
    is_truncated: bool = False
    live: set[str] = field(default_factory=set)
    maybe_live: set[str] = field(default_factory=set)
    fills: list[ExecutionData] = field(default_factory=list)
    is_seamless: bool = False


@dataclass(slots=True)
class _Questions:
    """The open questions about one order.

    Attributes:
        due: a snapshot requested from this time on answers them; monotonic seconds.
        questions: the open questions.
        later: the same for those that were added while it was open whether the order exists.
        checks: snapshots since `due` that did not answer them.
        is_given_up: whether no further snapshot will be requested.
    """

    due: float
    questions: set[Question]
    later: float = -inf
    checks: int = 0
    is_given_up: bool = False


class OpenQuestions:
    """The orders with open questions, and when to request a snapshot for them."""

    def __init__(self) -> None:
        self._questions: dict[Order, _Questions] = {}
        #: The orders whose `outcome` is an open question.
        self._uncertain: dict[Order, None] = {}
        self._requested_at = -inf
        #: When orders are due, as a heap; outdated entries are dropped when they reach the top.
        self._schedule: list[tuple[float, int, Order]] = []
        self._number = count()

    def __len__(self) -> int:
        return len(self._questions)

    @property
    def uncertain(self) -> list[Order]:
        """The orders that may or may not exist."""
        return list(self._uncertain)

    def begin(
        self, order: Order, question: Question, due: float, *, is_another: bool = False
    ) -> None:
        """Add an open question about an order, which a snapshot from `due` on can answer.

        A question that is open already keeps its time, unless it is about another request
        (`is_another`). While it is open whether the order exists, others do not postpone that.
        """
        entry = self._questions.get(order)
        if question == "outcome":
            self._uncertain[order] = None
        if entry is None:
            entry = self._questions[order] = _Questions(due, {question})
            self._schedule_check(order, entry)
        elif is_another or question not in entry.questions:
            if "outcome" not in entry.questions:
                entry.due, entry.checks, entry.is_given_up = max(entry.due, due), 0, False
                self._schedule_check(order, entry)
            else:
                entry.later = max(entry.later, due)
            entry.questions.add(question)

    def end(self, order: Order, *questions: Question) -> None:
        """Remove questions about an order that are answered; all of them by default."""
        entry = self._questions.get(order)
        if entry is None:
            return
        if not questions or "outcome" in questions:
            self._uncertain.pop(order, None)
        was_known = "outcome" not in entry.questions
        entry.questions.difference_update(questions or set(entry.questions))
        if not entry.questions:
            del self._questions[order]
        elif not was_known and "outcome" not in entry.questions:
            entry.due = max(entry.due, entry.later)
            entry.checks, entry.is_given_up = 0, False
            self._schedule_check(order, entry)

    def due(self, order: Order) -> float:
        """Return when a snapshot must be requested at the earliest to answer the questions."""
        entry = self._questions.get(order)
        return -inf if entry is None else entry.due

    def is_given_up(self, order: Order) -> bool:
        """Return whether `CHECKS` snapshots did not answer the questions about an order."""
        entry = self._questions.get(order)
        return entry is not None and entry.is_given_up

    def snapshot_requested(self, now: float) -> None:
        """Record that a snapshot was requested."""
        self._requested_at = now

    def snapshot_concluded(self, requested_at: float) -> list[Order]:
        """Count a snapshot for the questions that it did not answer.

        Returns:
            The orders for which it was the last snapshot.
        """
        given_up = []
        for order, entry in self._questions.items():
            if requested_at < entry.due:
                continue
            # Two snapshots at the same time would prove no more than one.
            pause = UNKNOWN_PAUSE if order.status == "unknown" else PAUSE
            entry.due = requested_at + pause * 2 ** min(entry.checks, CHECKS)
            entry.checks += 1
            self._schedule_check(order, entry)
            if entry.checks >= CHECKS and not entry.is_given_up:
                entry.is_given_up = True
                given_up.append(order)
        return given_up

    def next_check(self) -> float:
        """Return when to request a snapshot; infinity if there is no reason to."""
        schedule = self._schedule
        while schedule and not self._is_due(*schedule[0]):
            heappop(schedule)
        return max(schedule[0][0], self._requested_at + UNKNOWN_PAUSE) if schedule else inf

    def _schedule_check(self, order: Order, entry: _Questions) -> None:
        if entry.checks < CHECKS:
            heappush(self._schedule, (entry.due, next(self._number), order))

    def _is_due(self, due: float, _: int, order: Order) -> bool:
        entry = self._questions.get(order)
        return entry is not None and entry.due == due and entry.checks < CHECKS


def absence_obstacle(
    order: Order,
    snapshot: Snapshot,
    claim: str | None,
    sent_ns: int | None,
    *,
    are_fills_complete: bool,
) -> str | None:
    """Return why a snapshot without an order does not prove that the order is absent.

    Args:
        order: an order of this client that is not in the snapshot.
        snapshot: the snapshot, requested after the order's deadline.
        claim: which report, record or order may be about it, in words; `None` if there is none.
        sent_ns: the earliest exchange time at which the order can have been sent.
        are_fills_complete: whether no fill since then is missing.

    Returns:
        The reason in words, `None` if the snapshot proves it.
    """
    if not snapshot.params.get("snap_orders"):
        return "it was requested without snap_orders"
    if claim is not None:
        return claim
    if order._life.is_past_deadline:
        # The stream reported every fill until the request could no longer be accepted.
        return None
    if not snapshot.params.get("snap_trades"):
        return "it was requested without snap_trades"
    if not (are_fills_complete or _reaches_back(snapshot.fills, sent_ns)):
        return f"it has no more than {len(snapshot.fills)} fills, and there may be older ones since"
    return None


def surely_reported_ns(order: Order) -> int:
    """Return the exchange time by which an accepted order has certainly been reported."""
    return (order.deadline_ns or 0) + DEADLINE_SLACK_NS - CLOCK_TOLERANCE_NS


def claims_on(
    order: Order,
    unclaimed: Iterable[ExecutionData],
    others: Iterable[Order],
    sent_ns: int | None,
) -> Iterator[tuple[str, str]]:
    """Yield the reports and orders that may be about an order without `order_id`.

    Args:
        order: an order of this client.
        unclaimed: reports and fills of unknown orders.
        others: the orders of other programs since, including ended ones.
        sent_ns: the earliest exchange time at which the order can have been sent.

    Yields:
        The `order_id` of each, and why in words.
    """
    for report in unclaimed:
        if could_be(order, report) and not is_older(report, sent_ns):
            yield report.order_id, "may be this order: its reports do not name it"
    for other in others:
        if other.order_id is not None and _may_be_the_same(order, other, sent_ns):
            yield other.order_id, "may be this order: it has the same identifier and is newer"


def _may_be_the_same(order: Order, other: Order, sent_ns: int | None) -> bool:
    """Return whether an order of another program may be an order of this client."""
    if (order.symbol, order.side) != (other.symbol, other.side):
        return False
    ours, theirs = order.cl_ord_id, other.cl_ord_id
    if theirs is None and other.order_userref is None:
        # Its reports had neither cl_ord_id nor order_userref.
        return not _was_made_before(other, sent_ns)
    if (ours and client_id_key(ours)) != (theirs and client_id_key(theirs)):
        return False
    if ours is None and (order.order_userref or 0) != (other.order_userref or 0):
        return False
    return not _was_made_before(other, sent_ns)


def _was_made_before(other: Order, sent_ns: int | None) -> bool:
    created_ns = other.created_ns
    return created_ns is not None and sent_ns is not None and created_ns < sent_ns - SKEW_NS


def _reaches_back(fills: Sequence[ExecutionData], sent_ns: int | None) -> bool:
    """Return whether the oldest fill is older than an order sent at `sent_ns`."""
    oldest = min((fill.timestamp_ns for fill in fills if fill.timestamp_ns), default=None)
    return oldest is not None and sent_ns is not None and oldest < sent_ns - SKEW_NS
