"""What one report of `executions` changes in an order's terms and progress.

Reports of one stream are taken in the order of their arrival, which is that of its sequence
numbers. Their timestamps do not order them: two amends were captured with one timestamp.
"""

from __future__ import annotations

from typing import Any

from ...models import ExecutionData, ExecutionTriggers
from ...models._decimals import add, subtract
from .identity import SKEW_NS, number
from .life import FINAL, Life
from .order import ZERO, Fill, Order, fees_of

__all__ = [
    "absorb",
    "add_fill",
    "final_status",
    "is_filled",
    "read_fill",
    "restore_terms",
    "split",
    "take_identity",
    "take_progress",
    "take_terms",
    "text",
]

#: The terms of an order that are numbers.
NUMBERS = ("order_qty", "cash_order_qty", "display_qty", "limit_price")


def final_status(report: ExecutionData) -> str | None:
    """Return the status that a report tells: `exec_type` decides about an end (page "Executions").

    Returns:
        The exchange's word, which may be none of the known ones.
    """
    return report.exec_type if report.exec_type in FINAL else report.order_status


def take_identity(order: Order, report: ExecutionData) -> None:
    """Take what a report says of which order it is about."""
    if order.params is None:
        # Otherwise they stay what was sent.
        order.symbol = text(report.symbol) or order.symbol
        order.side = text(report.side) or order.side
    order.order_type = text(report.order_type) or order.order_type
    order.user = text(report.user) or order.user
    if isinstance(report.order_userref, int):
        order.order_userref = report.order_userref
    if order.cl_ord_id is None:
        order.cl_ord_id = text(report.cl_ord_id)


def take_terms(order: Order, report: ExecutionData, *, is_listed: bool = False) -> None:
    """Take what a report, or an open order of a snapshot, says of an order's terms.

    A `pending_new` or `new` that comes late tells the terms from before a change, so it only adds.
    """
    is_first = report.exec_type in ("pending_new", "new")
    only_adds = is_first and order.amended_ns is not None and not is_listed
    for name in NUMBERS:
        value = number(report, name)
        if value is not None and not (only_adds and getattr(order, name) is not None):
            setattr(order, name, value)
    order.time_in_force = text(report.time_in_force) or order.time_in_force
    order.expire_time = text(report.expire_time) or order.expire_time
    if isinstance(report.triggers, ExecutionTriggers):
        order.triggers = report.triggers
    if isinstance(report.post_only, bool):
        order.post_only = report.post_only


def read_fill(report: ExecutionData) -> Fill | None:
    """Return the execution that a report tells, `None` if it tells none."""
    exec_id, qty = report.exec_id, number(report, "last_qty")
    if not isinstance(exec_id, str) or qty is None or qty <= 0:
        return None
    return Fill(
        exec_id,
        report.order_id,
        report.symbol,
        report.side,
        qty,
        number(report, "last_price"),
        number(report, "cost"),
        text(report.liquidity_ind),
        fees_of(report.fees),
        report.trade_id if type(report.trade_id) is int else None,
        report.timestamp_ns,
    )


def add_fill(order: Order, fill: Fill, *, is_past: bool = False) -> None:
    """Add an execution to an order, once.

    Args:
        order: the order.
        fill: the execution.
        is_past: whether the order's totals are known to have it already: a past fill of a snapshot.
    """
    _record(order, fill, is_known=is_past)
    _add_up(order)


def take_progress(
    order: Order, report: ExecutionData, fill: Fill | None, told_ns: int | None
) -> None:
    """Take the totals of a report and the execution that it tells.

    Totals are right as of their place in the stream, so they say how much was filled by executions
    that were not told one by one.

    Args:
        order: the order.
        report: the report.
        fill: the execution that it tells.
        told_ns: time of the exchange at which its totals were right, nanoseconds since the epoch.
    """
    cum_qty, cum_cost = number(report, "cum_qty"), number(report, "cum_cost")
    if cum_qty is None and report.exec_type == "filled" and order.order_qty:
        # All of it, whatever fills were told (a `filled` report was never captured).
        cum_qty = order.order_qty
    if fill is not None:
        # The totals of an end have every fill, also one whose report comes after it.
        _record(order, fill, is_known=order.is_done)
    (qty, cost), (untold_qty, untold_cost) = order._told, order._untold
    if cum_qty is not None:
        untold_qty = max(subtract(cum_qty, qty), ZERO)
        order._untold_ns = told_ns
    if cum_cost is not None:
        untold_cost = max(subtract(cum_cost, cost), ZERO)
    order._untold = untold_qty, untold_cost
    _add_up(order)
    average = number(report, "avg_price")
    if average and cum_qty == order.cum_qty:
        order._average = (cum_qty, average)


def _record(order: Order, fill: Fill, *, is_known: bool) -> None:
    """Add an execution to those of an order, once; is it `is_known`, the totals have it already."""
    if fill.exec_id in order._fills:
        return
    order._fills[fill.exec_id] = fill
    at_ns, told_ns = fill.timestamp_ns, order._untold_ns
    if not order.is_done and at_ns is not None and told_ns is not None:
        # Stamps may run backwards a little; the totals of an end have every fill.
        is_known = is_known and at_ns <= told_ns + SKEW_NS
    (qty, cost), (untold_qty, untold_cost) = order._told, order._untold
    order._told = add(qty, fill.qty), add(cost, fill.cost or ZERO)
    if is_known:
        order._untold = (
            max(subtract(untold_qty, fill.qty), ZERO),
            max(subtract(untold_cost, fill.cost or ZERO), ZERO),
        )


def _add_up(order: Order) -> None:
    """Work out what is filled, which never shrinks."""
    (qty, cost), (untold_qty, untold_cost) = order._told, order._untold
    order.cum_qty = max(order.cum_qty, add(qty, untold_qty))
    order.cum_cost = max(order.cum_cost, add(cost, untold_cost))


def text(value: object) -> str | None:
    """Return a text, `None` for what is none: not every field was checked when it was read."""
    return value if isinstance(value, str) else None


#: What reports tell about an order besides its identifiers.
TOLD = (
    *NUMBERS,
    "time_in_force",
    "expire_time",
    "triggers",
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
    "_untold_ns",
    "_average",
    "_heard",
    "_is_cut",
)


def absorb(order: Order, other: Order) -> None:
    """Give an order what was told of it while it was taken for another one."""
    for name in TOLD:
        if (value := getattr(other, name)) is not None:
            setattr(order, name, value)
    if other._life.is_shown:
        order._life.reported(other.status)
        if other.status == "gone":
            order._life.status = "gone"
    other._life = Life("gone")
    other.reason = f"it is {order!r}"


def split(order: Order, other: Order) -> None:
    """Give another order all that was told, as it was wrongly taken for an order of this client."""
    for name in ("symbol", "side", "order_type", "order_userref", *TOLD):
        setattr(other, name, getattr(order, name))
    other._life, order._life = order._life, Life("sending")
    blank = Order(order._source)
    for name in TOLD:
        setattr(order, name, getattr(blank, name))
    restore_terms(order)


def restore_terms(order: Order) -> None:
    """Give an order of this client the terms that it was sent with."""
    # Checked parameters are exact.
    params: Any = order.params
    assert params is not None
    order.symbol, order.side, order.order_type = params.symbol, params.side, params.order_type
    order.order_userref = params.order_userref
    order.order_qty, order.limit_price = params.order_qty, params.limit_price
    order.cash_order_qty, order.display_qty = params.cash_order_qty, params.display_qty
    order.post_only = params.post_only


def is_filled(order: Order) -> bool:
    """Tell whether the known fills are all of an order; of one without a quantity nobody knows.

    While a change of its quantity has no known outcome, the largest one counts. More than that
    shows that the quantity is not known.
    """
    if not order.order_qty or order._is_cut:
        return False
    changes = (*order._pending, *order._unsure)
    asked = [change.numbers.get("order_qty", ZERO) for change in changes]
    return bool(order.cum_qty == max([order.order_qty, *asked]))
