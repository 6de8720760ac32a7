"""What snapshots of `executions` prove about orders whose outcome is not known.

A request that left may still be on its way when nobody waits for its answer any more. The exchange
does not match one after its deadline, five seconds if it has none (page "Add Order"). When exactly
it left the machine is not known, only that it had when its outcome became unknown; so the five
seconds count from then. Only a snapshot that is asked for after them can prove that an order is not
there; and as it has no more than the last fifty fills, it must be shown that those of the order
cannot be among the ones that it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...models import ExecutionData
from ...models._time import timestamp_ns
from .order import Order

__all__ = ["Doubts", "Snapshot", "proves_absence"]

SECOND_NS = 1_000_000_000
#: The exchange's default deadline of a request (page "Add Order").
DEADLINE_NS = 5 * SECOND_NS
#: For the way to the exchange, and for clocks that differ.
SLACK_NS = SECOND_NS
#: By how much the exchange's clock may be ahead of ours where fills are compared by time.
CLOCKS_NS = 10 * SECOND_NS
#: Fills that a snapshot has at most (page "Executions").
SNAPSHOT_FILLS = 50
#: Snapshots that are asked for in vain; each pause is twice as long as the one before.
CHECKS = 6
PAUSE_NS = 5 * SECOND_NS
#: What `reason` begins with while an order stays `unknown`.
NOT_PROVEN = "not settled by the last snapshot: "


@dataclass(slots=True)
class Snapshot:
    """A snapshot that was asked for.

    Attributes:
        params: the parameters of the subscription.
        step: step of the tracker at which it was asked for.
        at_ns: local time of that, nanoseconds since the epoch.
        is_used: whether it came.
    """

    params: Mapping[str, Any]
    step: int
    at_ns: int
    is_used: bool = False


@dataclass(slots=True)
class _Doubt:
    """An order that a snapshot may settle.

    Attributes:
        settles_ns: local time from which on a snapshot can be asked for that settles it.
        checks: snapshots that were asked for since.
    """

    settles_ns: int
    checks: int = 0


class Doubts:
    """The orders that wait for a word of the stream, and when to ask for one.

    These are those whose outcome is not known, those that were acknowledged and of which the
    stream has said nothing, and those that the stream shows as open while the exchange says that it
    does not have them: their reports may have been in a hole.
    """

    def __init__(self) -> None:
        self._doubts: dict[Order, _Doubt] = {}
        self._asked_ns = 0

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._doubts))

    def begin(self, order: Order, now_ns: int) -> None:
        """Wait for a word about an order, which left before now or was acknowledged now."""
        until_ns = None
        if order.status == "unknown" and (deadline := getattr(order.params, "deadline", None)):
            until_ns = timestamp_ns(deadline)
        if until_ns is None:
            until_ns = now_ns + DEADLINE_NS
        self._doubts[order] = _Doubt(until_ns + SLACK_NS)

    def end(self, order: Order) -> None:
        """Note that a word came."""
        self._doubts.pop(order, None)

    def settles_ns(self, order: Order) -> int:
        """Return from when on a snapshot must be asked for to settle an order."""
        return self._doubts[order].settles_ns

    def asked(self, now_ns: int) -> None:
        """Note that a snapshot was asked for."""
        self._asked_ns = now_ns
        for doubt in self._doubts.values():
            if doubt.settles_ns <= now_ns:
                doubt.checks += 1

    def due_ns(self) -> int | None:
        """Return when to ask for a snapshot, `None` if there is no reason to."""
        times = [
            max(doubt.settles_ns, self._asked_ns + (PAUSE_NS << max(doubt.checks - 1, 0)))
            for doubt in self._doubts.values()
            if doubt.checks < CHECKS
        ]
        return min(times, default=None)


def proves_absence(
    order: Order,
    asked: Snapshot,
    past: Sequence[ExecutionData],
    known: Mapping[str, Order],
) -> str | None:
    """Return why a snapshot that does not name an order fails to prove that it is not there.

    Args:
        order: an order of this client, which the snapshot does not name.
        asked: the snapshot, asked for late enough.
        past: its fills.
        known: the orders that are known, by the exchange's identifier.

    Returns:
        The obstacle, `None` if there is none.
    """
    if not (asked.params.get("snap_orders") and asked.params.get("snap_trades")):
        return "it was not asked for with snap_orders and snap_trades"
    for fill in past:
        if fill.order_id not in known and fill.cl_ord_id is None and _may_be(order, fill):
            return f"fill {fill.exec_id} of {fill.order_id} may be one of its fills"
    if order.cl_ord_id is None:
        for other in known.values():
            if other.params is None and _may_be_the_same(order, other):
                return f"{other.order_id} may be it, as it has the same number"
    if len(past) < SNAPSHOT_FILLS or _reaches_back(order, past):
        return None
    return f"it has no more than {len(past)} fills, and there may be older ones since the order"


def _may_be(order: Order, fill: ExecutionData) -> bool:
    """Tell whether a fill without the client's identifier may be of an order."""
    if (order.symbol, order.side) != (fill.symbol, fill.side):
        return False
    # An order has a name or a number; the number is 0 where there is neither.
    if (fill.order_userref or order.order_userref or 0) != (order.order_userref or 0):
        return False
    return fill.timestamp_ns is None or fill.timestamp_ns >= (order.sent_ns or 0) - CLOCKS_NS


def _may_be_the_same(order: Order, other: Order) -> bool:
    """Tell whether an order from elsewhere may be one of this client that has no name."""
    ours = (order.order_userref, order.symbol, order.side)
    if ours != (other.order_userref, other.symbol, other.side):
        return False
    return (
        other.created_ns is None
        or order.sent_ns is None
        or other.created_ns >= order.sent_ns - CLOCKS_NS
    )


def _reaches_back(order: Order, past: Sequence[ExecutionData]) -> bool:
    """Tell whether the oldest fill is older than the order."""
    oldest = min((fill.timestamp_ns for fill in past if fill.timestamp_ns), default=None)
    return oldest is not None and oldest < (order.sent_ns or 0) - CLOCKS_NS
