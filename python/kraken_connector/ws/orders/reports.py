"""Applies one report of `executions` to the terms and progress of its order.

Reports are applied in the order of arrival, which is that of the sequence numbers. Their timestamps
do not order them: two amends were captured with the same timestamp.
"""

from __future__ import annotations

from typing import Any

from ...models import ExecutionData, ExecutionTriggers
from ...models.decimals import ZERO, add, subtract
from ...models.rest import RestFill, RestOrder
from .identity import SKEW_NS, number
from .life import FINAL, Life
from .order import Fill, Order, fees_of

__all__ = [
    "absorb",
    "add_fill",
    "final_status",
    "found_fill",
    "is_filled",
    "read_fill",
    "restore_terms",
    "split",
    "text",
    "update_from_record",
    "update_identity",
    "update_progress",
    "update_terms",
]

#: The terms of an order that are numbers.
NUMBERS = ("order_qty", "cash_order_qty", "display_qty", "limit_price")


def final_status(report: ExecutionData) -> str | None:
    """Return the status of a report: `exec_type` decides about an end (page "Executions").

    Returns:
        The exchange's text, which may be an unknown status.
    """
    return report.exec_type if report.exec_type in FINAL else report.order_status


def update_identity(order: Order, report: ExecutionData) -> None:
    """Set the identifiers, pair, side and type of an order from a report."""
    if order.params is None:
        # For an order of this client they stay as they were sent.
        order.symbol = text(report.symbol) or order.symbol
        order.side = text(report.side) or order.side
    order.order_type = text(report.order_type) or order.order_type
    order.user = text(report.user) or order.user
    if isinstance(report.order_userref, int):
        order.order_userref = report.order_userref
    if order.cl_ord_id is None:
        order.cl_ord_id = text(report.cl_ord_id)


def update_terms(order: Order, report: ExecutionData, *, is_listed: bool = False) -> None:
    """Set the terms of an order from a report or an open order of a snapshot.

    A late `pending_new` or `new` has the terms from before an amend, so it only adds missing terms.
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
    """Return the fill of a report, `None` if it has none."""
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


def found_fill(found: RestFill) -> Fill:
    """Return a fill of REST; its fee is in the quote asset (docs.kraken.com, `TradesHistory`)."""
    quote = found.symbol.partition("/")[2]
    maker = {True: "m", False: "t"}
    return Fill(
        found.exec_id,
        found.order_id,
        found.symbol,
        found.side,
        found.qty,
        found.price,
        found.cost,
        None if found.is_maker is None else maker[found.is_maker],
        ((quote, found.fee),) if quote and found.fee else (),
        found.trade_id,
        found.time_ns,
    )


def add_fill(order: Order, fill: Fill, *, is_past: bool = False) -> None:
    """Add a fill to an order, once; its totals include a past fill of a snapshot already."""
    _record(order, fill, is_known=is_past)
    _add_up(order)


def update_progress(
    order: Order, report: ExecutionData, fill: Fill | None, totals_ns: int | None
) -> None:
    """Update the filled quantity of an order with the totals and the fill of a report.

    Totals include all fills up to `totals_ns`, an exchange time, also those that were not reported
    one by one.
    """
    cum_qty, cum_cost = number(report, "cum_qty"), number(report, "cum_cost")
    if cum_qty is None and report.exec_type == "filled" and order.order_qty:
        # The whole quantity, whatever fills were reported (a `filled` report was never captured).
        cum_qty = order.order_qty
    if fill is not None:
        # The totals of an ended order include every fill, also one that is reported later.
        _record(order, fill, is_known=order.is_done)
    (qty, cost), (unreported_qty, unreported_cost) = order._reported, order._unreported
    if cum_qty is not None:
        unreported_qty = max(subtract(cum_qty, qty), ZERO)
        order._unreported_ns = totals_ns
    if cum_cost is not None:
        unreported_cost = max(subtract(cum_cost, cost), ZERO)
    order._unreported = unreported_qty, unreported_cost
    _add_up(order)
    average = number(report, "avg_price")
    if average and cum_qty == order.cum_qty:
        order._average = (cum_qty, average)


def update_from_record(order: Order, record: RestOrder) -> None:
    """Set from a record of REST what no report had, and the totals of an order that has ended.

    Those of an open order are older or newer than the reports: its fills are counted one by one.
    """
    order.order_type = order.order_type or record.order_type
    if "viqc" not in record.oflags:
        order.order_qty = order.order_qty or record.order_qty
    order.limit_price = order.limit_price or record.limit_price
    order.created_ns = order.created_ns or record.opened_ns
    if record.status not in FINAL or order.status not in FINAL:
        return
    order.updated_ns = max(order.updated_ns or 0, record.closed_ns or 0) or None
    qty, cost = order._reported
    order._unreported = (
        max(subtract(record.cum_qty, qty), ZERO),
        max(subtract(record.cum_cost, cost), ZERO),
    )
    _add_up(order)
    if record.average_price and record.cum_qty == order.cum_qty:
        order._average = (record.cum_qty, record.average_price)


def _record(order: Order, fill: Fill, *, is_known: bool) -> None:
    """Add a fill to those of an order, once; `is_known` if the totals include it already."""
    if fill.exec_id in order._fills:
        return
    order._fills[fill.exec_id] = fill
    at_ns, totals_ns = fill.timestamp_ns, order._unreported_ns
    if not order.is_done and at_ns is not None and totals_ns is not None:
        # Timestamps may run backwards a little. The totals of an ended order have every fill.
        is_known = is_known and at_ns <= totals_ns + SKEW_NS
    (qty, cost), (unreported_qty, unreported_cost) = order._reported, order._unreported
    order._reported = add(qty, fill.qty), add(cost, fill.cost or ZERO)
    if is_known:
        order._unreported = (
            max(subtract(unreported_qty, fill.qty), ZERO),
            max(subtract(unreported_cost, fill.cost or ZERO), ZERO),
        )


def _add_up(order: Order) -> None:
    """Compute the filled quantity and cost, which never decrease."""
    (qty, cost), (unreported_qty, unreported_cost) = order._reported, order._unreported
    order.cum_qty = max(order.cum_qty, add(qty, unreported_qty))
    order.cum_cost = max(order.cum_cost, add(cost, unreported_cost))


def text(value: object) -> str | None:
    """Return a string, `None` for another type: not every field is checked when it is parsed."""
    return value if isinstance(value, str) else None


#: The attributes of an order that reports set, besides its identifiers.
REPORTED = (
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
    "_reported",
    "_unreported",
    "_unreported_ns",
    "_average",
    "_heard",
    "_is_cut",
    "_shown",
)


def absorb(order: Order, other: Order) -> None:
    """Merge into an order the reports that were applied to another object for it."""
    for name in REPORTED:
        if (value := getattr(other, name)) is not None:
            setattr(order, name, value)
    if other._life.is_shown:
        order._life.reported(other.status)
        if other.status == "gone":
            order._life.status = "gone"
    other._life = Life("gone")
    other.reason = f"it is {order!r}"


def split(order: Order, other: Order) -> None:
    """Move all reported values from an order of this client to another order, which they are of."""
    for name in ("symbol", "side", "order_type", "order_userref", *REPORTED):
        setattr(other, name, getattr(order, name))
    other._life, order._life = order._life, Life("sending")
    blank = Order(order._calls)
    for name in REPORTED:
        setattr(order, name, getattr(blank, name))
    restore_terms(order)


def restore_terms(order: Order) -> None:
    """Reset the terms of an order of this client to those that were sent."""
    # The numbers of checked parameters are `Decimal`.
    params: Any = order.params
    assert params is not None
    order.symbol, order.side, order.order_type = params.symbol, params.side, params.order_type
    order.order_userref = params.order_userref
    order.order_qty, order.limit_price = params.order_qty, params.limit_price
    order.cash_order_qty, order.display_qty = params.cash_order_qty, params.display_qty
    order.post_only = params.post_only


def is_filled(order: Order) -> bool:
    """Return whether the known fills add up to the quantity of an order.

    While changes of the quantity have no known outcome, the largest quantity counts. It returns
    false for an order without a known quantity, and if more than that was filled.
    """
    if not order.order_qty or order._is_cut:
        return False
    return order.cum_qty == order._largest_qty()
