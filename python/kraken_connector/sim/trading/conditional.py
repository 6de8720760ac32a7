"""Conditional close orders: a fill of one order enters another on the opposite side."""

from __future__ import annotations

from decimal import Decimal

from .order import LIMIT_TYPES, TRAILING_TYPES, TRIGGERED_TYPES, Fill, Order, Trigger
from .triggers import offset


def closing_order(order: Order, fill: Fill, order_id: str) -> Order:
    """Return the closing order of one fill: the same quantity on the opposite side.

    Offsets of its prices count from the price of the fill.
    """
    assert order.conditional is not None
    template = order.conditional
    order_type = template["order_type"]
    closing = Order(
        order_id,
        order.pair,
        "sell" if order.side == "buy" else "buy",
        order_type,
        fill.qty,
        None,
        client_id=order.client_id if "order_userref" in order.client_id else {"order_userref": 0},
        ord_ref_id=order.order_id,
    )
    set_limit(closing, template.get("limit_price"), template.get("limit_price_type"))
    if order_type in TRIGGERED_TYPES:
        price_type = template.get("trigger_price_type", "static")
        set_trigger(closing, template["trigger_price"], price_type, "last", fill.price)
    return closing


def set_limit(order: Order, price: Decimal | None, price_type: str | None) -> None:
    """Set the limit of an order: a price, or an offset from its trigger price."""
    if order.order_type not in LIMIT_TYPES or price is None:
        return
    if order.order_type == "trailing-stop-limit":
        order.limit_offset = price
        order.limit_price_type = price_type or "quote"
    else:
        order.limit_price = price


def set_trigger(
    order: Order, price: Decimal, price_type: str, reference: str, last: Decimal
) -> None:
    """Set the trigger of an order; offsets count from the last price."""
    is_trailing = order.order_type in TRAILING_TYPES
    sign = -1 if is_trailing and order.side == "sell" else 1
    level = offset(order, last, sign * price, price_type)
    order.trigger = Trigger(reference, price, price_type, level, last if is_trailing else None)
