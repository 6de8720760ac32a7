"""What one report of `executions` changes in an order's terms and progress.

Reports of one stream are taken in the order of their arrival, which is that of its sequence
numbers. Their timestamps do not order them: two amends were captured with one timestamp.
"""

from __future__ import annotations

from decimal import Decimal

from ...models import ExecutionData, ExecutionTriggers
from ...models._decimals import add, subtract
from .identity import number
from .life import FINAL
from .order import ZERO, Fill, Order, fees_of

__all__ = [
    "add_fill",
    "final_status",
    "is_filled",
    "read_fill",
    "take_identity",
    "take_out_fills",
    "take_progress",
    "take_terms",
    "take_untold",
]


def final_status(report: ExecutionData) -> str | None:
    """Return the status that a report tells: `exec_type` decides about an end (page "Executions").

    Returns:
        The exchange's word, which may be none of the known ones.
    """
    return report.exec_type if report.exec_type in FINAL else report.order_status


def take_identity(order: Order, report: ExecutionData) -> None:
    """Take what a report says of which order it is about."""
    order.symbol = _text(report.symbol) or order.symbol
    order.side = _text(report.side) or order.side
    order.order_type = _text(report.order_type) or order.order_type
    order.user = _text(report.user) or order.user
    if isinstance(report.order_userref, int):
        order.order_userref = report.order_userref
    if order.cl_ord_id is None:
        order.cl_ord_id = _text(report.cl_ord_id)


def take_terms(order: Order, report: ExecutionData, *, is_listed: bool = False) -> None:
    """Take what a report, or an open order of a snapshot, says of an order's terms.

    A `pending_new` or `new` that comes late tells the terms from before a change, so it only adds.
    """
    is_first = report.exec_type in ("pending_new", "new")
    only_adds = is_first and order.amended_ns is not None and not is_listed
    for name in ("order_qty", "cash_order_qty", "display_qty", "limit_price"):
        value = number(report, name)
        if value is not None and not (only_adds and getattr(order, name) is not None):
            setattr(order, name, value)
    order.time_in_force = _text(report.time_in_force) or order.time_in_force
    order.expire_time = _text(report.expire_time) or order.expire_time
    if isinstance(report.triggers, ExecutionTriggers):
        order.triggers = report.triggers
    if isinstance(report.post_only, bool):
        order.post_only = report.post_only


def read_fill(report: ExecutionData) -> Fill | None:
    """Return the execution that a report tells, `None` if it tells none."""
    exec_id, qty = report.exec_id, number(report, "last_qty")
    if not isinstance(exec_id, str) or qty is None:
        return None
    return Fill(
        exec_id,
        report.order_id,
        report.symbol,
        report.side,
        qty,
        number(report, "last_price"),
        number(report, "cost"),
        report.liquidity_ind,
        fees_of(report.fees),
        report.trade_id,
        report.timestamp_ns,
    )


def add_fill(order: Order, fill: Fill) -> bool:
    """Add an execution to an order; false if the order has it already."""
    if fill.exec_id in order._fills:
        return False
    order._fills[fill.exec_id] = fill
    qty, cost = order._told
    order._told = add(qty, fill.qty), add(cost, fill.cost or ZERO)
    return True


def take_untold(order: Order) -> None:
    """Note how much a snapshot shows as filled by executions that it does not have."""
    qty, cost = order._told
    order._untold = (
        max(subtract(order.cum_qty, qty), ZERO),
        max(subtract(order.cum_cost, cost), ZERO),
    )


def take_progress(order: Order, report: ExecutionData) -> None:
    """Take how far an order is filled: by its totals and by its fills, whichever is more."""
    cum_qty, cum_cost = number(report, "cum_qty"), number(report, "cum_cost")
    (qty, cost), (untold_qty, untold_cost) = order._told, order._untold
    order.cum_qty = max(order.cum_qty, add(qty, untold_qty), cum_qty or ZERO)
    order.cum_cost = max(order.cum_cost, add(cost, untold_cost), cum_cost or ZERO)
    if cum_qty is None and report.exec_type == "filled" and order.order_qty:
        # All of it, whatever fills were told (a `filled` report was never captured).
        order.cum_qty = max(order.cum_qty, order.order_qty)
    average = number(report, "avg_price")
    if average and cum_qty == order.cum_qty:
        order._average = (cum_qty, average)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def take_out_fills(order: Order, order_id: str) -> list[Fill]:
    """Remove the fills of another order, and with them the progress that they were taken for."""
    wrong = [fill for fill in order._fills.values() if fill.order_id == order_id]
    for fill in wrong:
        del order._fills[fill.exec_id]
    order._told = (ZERO, ZERO)
    for fill in order._fills.values():
        qty, cost = order._told
        order._told = add(qty, fill.qty), add(cost, fill.cost or ZERO)
    order.cum_qty, order.cum_cost = order._told
    order._untold = ZERO, ZERO
    order._average = None
    return wrong


def is_filled(order: Order) -> bool:
    """Tell whether the known fills are all of an order; of one without a quantity nobody knows."""
    return bool(order.order_qty) and order.cum_qty >= (order.order_qty or Decimal(0))
