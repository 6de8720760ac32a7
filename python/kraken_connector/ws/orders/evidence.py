"""What snapshots of `executions` prove, and when to ask for one.

A snapshot has all open orders, and at most the last fifty fills (page "Executions"). A request that
left may still be on its way while nobody waits for its answer any more, but the exchange does not
take it after its deadline (page "Add Order"). So a snapshot that was asked for after the deadline
and does not name an order tells that the order is not there, unless a fill in it, or one that it
leaves out, may be the order's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal

from ...models import ExecutionData
from ...models._checks import client_id_key
from .identity import SECOND_NS, SKEW_NS, could_be, is_older
from .order import Order

__all__ = ["DEADLINE_SLACK_NS", "Doubts", "Question", "Snapshot", "absence_obstacle"]

#: How long after its deadline a request has surely been reported: for the way back, and for a
#: stream that is a little behind.
DEADLINE_SLACK_NS = 5 * SECOND_NS // 2
#: What of it is left to two clocks that drift apart.
CLOCK_TOLERANCE_NS = SECOND_NS // 10
#: Page "Add Order": a deadline is at most a minute ahead.
LONGEST_DEADLINE_NS = 60 * SECOND_NS
#: Seconds after which an answer whose report has not come is checked by a snapshot.
REPORT_PATIENCE = 3.0
#: The same for a new order, whose answer may be far ahead of the stream.
ACK_PATIENCE = 6.0
#: Fills that a snapshot has at most (page "Executions").
SNAPSHOT_FILLS = 50
#: Seconds without a further part after which the next frame of any kind completes a snapshot: on a
#: connection that stands still a part may be under way. Whether a snapshot may come in several
#: messages is not documented.
SNAPSHOT_PAUSE = 0.5
#: Seconds between two looks whether one has.
FRAME_PAUSE = 0.1
#: Snapshots that are asked for in vain for one order.
CHECKS = 5
#: The first pause between two of them, seconds; each further one is twice as long. A snapshot may
#: lag as far behind the engine as reports do. It is longer for an order that was answered, whose
#: stream may be far behind the answers.
UNKNOWN_PAUSE = 2.5
PAUSE = 5.0

#: What a word of the exchange is awaited about: whether an order exists, whether it ended, what its
#: terms are.
Question = Literal["outcome", "end", "terms"]


@dataclass(slots=True)
class Snapshot:
    """A snapshot of `executions`, from the request to its last part.

    Attributes:
        params: the parameters of the subscription.
        step: step of the collection at which it was asked for.
        asked_at: monotonic local time of that, seconds.
        complete_at: a frame that comes from then on tells that no further part is under way; `None`
            before the first part.
        look_at: when to look whether one came.
        is_complete: whether what it proves was concluded.
        is_truncated: whether a gap began between its parts, so that it proves nothing.
        live: the open orders that it has.
        maybe_live: orders with a past fill that does not say that they ended.
        fills: its past fills.
        is_seamless: whether no fill is missing before its fills: one of them was known before the
            gap, or there are less than a snapshot can have.
    """

    params: Mapping[str, Any]
    step: int
    asked_at: float
    complete_at: float | None = None
    look_at: float = 0.0
    is_complete: bool = False
    is_truncated: bool = False
    live: set[str] = field(default_factory=set)
    maybe_live: set[str] = field(default_factory=set)
    fills: list[ExecutionData] = field(default_factory=list)
    is_seamless: bool = False


@dataclass(slots=True)
class _Doubt:
    """An order of which a word of the exchange is awaited.

    Attributes:
        due: monotonic local time from which on a snapshot can tell, seconds.
        questions: what is awaited.
        checks: snapshots that came since, asked for late enough.
        is_hopeless: whether all that are asked for have come.
    """

    due: float
    questions: set[Question]
    checks: int = 0
    is_hopeless: bool = False


class Doubts:
    """The orders that wait for a word of the exchange, and when to ask for a snapshot."""

    def __init__(self) -> None:
        self._doubts: dict[Order, _Doubt] = {}
        #: Those of which it is asked whether they exist.
        self._uncertain: dict[Order, None] = {}
        self._asked_at = float("-inf")
        #: When orders are due, as a heap; what is not so any more is dropped when it comes up.
        self._agenda: list[tuple[float, int, Order]] = []
        self._number = count()

    def __len__(self) -> int:
        return len(self._doubts)

    @property
    def uncertain(self) -> list[Order]:
        """The orders of which it is not known whether they exist."""
        return list(self._uncertain)

    def begin(self, order: Order, question: Question, due: float) -> None:
        """Await a word about an order; a snapshot from `due` on can tell.

        A question that is open already stays as it is, so that asking again puts off nothing; and
        as long as it is not known whether an order exists, nothing else puts that off.
        """
        doubt = self._doubts.get(order)
        if question == "outcome":
            self._uncertain[order] = None
        if doubt is None:
            doubt = self._doubts[order] = _Doubt(due, {question})
            self._plan(order, doubt)
        elif question not in doubt.questions:
            if "outcome" not in doubt.questions:
                doubt.due, doubt.checks, doubt.is_hopeless = max(doubt.due, due), 0, False
                self._plan(order, doubt)
            doubt.questions.add(question)

    def end(self, order: Order, *questions: Question) -> None:
        """Note that questions about an order are answered; all of them by default."""
        doubt = self._doubts.get(order)
        if doubt is None:
            return
        if not questions or "outcome" in questions:
            self._uncertain.pop(order, None)
        was_known = "outcome" not in doubt.questions
        doubt.questions.difference_update(questions or set(doubt.questions))
        if not doubt.questions:
            del self._doubts[order]
        elif not was_known and "outcome" not in doubt.questions:
            doubt.checks, doubt.is_hopeless = 0, False
            self._plan(order, doubt)

    def due(self, order: Order) -> float:
        """Return from when on a snapshot must be asked for to tell about an order."""
        doubt = self._doubts.get(order)
        return float("-inf") if doubt is None else doubt.due

    def is_hopeless(self, order: Order) -> bool:
        """Tell whether enough snapshots came in vain."""
        doubt = self._doubts.get(order)
        return doubt is not None and doubt.is_hopeless

    def asked(self, now: float) -> None:
        """Note that a snapshot was asked for."""
        self._asked_at = now

    def looked(self, asked_at: float) -> list[Order]:
        """Note that a snapshot came that was asked for then.

        Returns:
            The orders about which it was the last one that is asked for, in vain.
        """
        hopeless = []
        for order, doubt in self._doubts.items():
            if asked_at < doubt.due:
                continue
            # Two snapshots at once would be one look.
            pause = UNKNOWN_PAUSE if order.status == "unknown" else PAUSE
            doubt.due = asked_at + pause * 2 ** min(doubt.checks, CHECKS)
            doubt.checks += 1
            self._plan(order, doubt)
            if doubt.checks >= CHECKS and not doubt.is_hopeless:
                doubt.is_hopeless = True
                hopeless.append(order)
        return hopeless

    def next_check(self) -> float:
        """Return when to ask for a snapshot, infinity if there is no reason to."""
        agenda = self._agenda
        while agenda and not self._is_due(*agenda[0]):
            heappop(agenda)
        return max(agenda[0][0], self._asked_at + UNKNOWN_PAUSE) if agenda else float("inf")

    def _plan(self, order: Order, doubt: _Doubt) -> None:
        if doubt.checks < CHECKS:
            heappush(self._agenda, (doubt.due, next(self._number), order))

    def _is_due(self, due: float, _: int, order: Order) -> bool:
        doubt = self._doubts.get(order)
        return doubt is not None and doubt.due == due and doubt.checks < CHECKS


def absence_obstacle(
    order: Order,
    asked: Snapshot,
    claim: str | None,
    sent_ns: int | None,
    *,
    are_fills_complete: bool,
) -> str | None:
    """Return why a snapshot that does not name an order fails to prove that it is absent.

    Args:
        order: an order of this client, which the snapshot does not name.
        asked: the snapshot, asked for late enough.
        claim: what may be the order, in words, as `claim_on` says it.
        sent_ns: the earliest time of the exchange at which the order can have been sent.
        are_fills_complete: whether no fill since then is missing.

    Returns:
        The obstacle in words, `None` if there is none.
    """
    if not asked.params.get("snap_orders"):
        return "it was not asked for with snap_orders"
    if claim is not None:
        return claim
    if order._life.is_past_deadline:
        # The stream told every fill until nothing could happen to the request any more.
        return None
    if not asked.params.get("snap_trades"):
        return "it was not asked for with snap_trades"
    if not (are_fills_complete or _reaches_back(asked.fills, sent_ns)):
        return f"it has no more than {len(asked.fills)} fills, and there may be older ones since"
    return None


def claim_on(
    order: Order,
    unclaimed: Iterable[ExecutionData],
    others: Iterable[Order],
    sent_ns: int | None,
) -> str | None:
    """Return what may be an order of this client that has no `order_id` yet, in words.

    Args:
        order: the order.
        unclaimed: reports and fills of orders that are not known.
        others: the orders that other programs have sent since, those that ended included.
        sent_ns: the earliest time of the exchange at which the order can have been sent.
    """
    for report in unclaimed:
        if could_be(order, report) and not is_older(report, sent_ns):
            return f"{report.order_id} may be it: its reports do not say whose it is"
    for other in others:
        if _may_be_the_same(order, other, sent_ns):
            return f"{other.order_id} may be it: it has the same name or number, and was made later"
    return None


def _may_be_the_same(order: Order, other: Order, sent_ns: int | None) -> bool:
    """Tell whether an order from elsewhere may be one of this client."""
    if (order.symbol, order.side) != (other.symbol, other.side):
        return False
    ours, theirs = order.cl_ord_id, other.cl_ord_id
    if theirs is None and other.order_userref is None:
        # It was told without any name.
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
    """Tell whether the oldest fill is older than an order that was sent then."""
    oldest = min((fill.timestamp_ns for fill in fills if fill.timestamp_ns), default=None)
    return oldest is not None and sent_ns is not None and oldest < sent_ns - SKEW_NS
