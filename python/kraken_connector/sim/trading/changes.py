"""Applies an amend or an edit to an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..requests import Refused
from . import terms
from .conditional import set_limit
from .fields import Params
from .order import LIMIT_TYPES, Order
from .refusals import VOLUME_MINIMUM, bad


def amended(order: Order, params: Params, last: Decimal) -> Order:
    """Return an amended copy of an order.

    If the new quantity is not above the filled quantity, nothing is left of the order.

    Args:
        order: the order, which is not changed.
        params: of the request.
        last: the price from which offsets of triggers count.

    Raises:
        Refused: the order has no such term, or it cannot be changed any more.
    """
    trigger = replace(order.trigger) if order.trigger else None
    changed = replace(order, trigger=trigger)
    if "order_qty" in params:
        if params["order_qty"] <= 0:
            raise Refused(VOLUME_MINIMUM)
        changed.order_qty = max(Decimal(params["order_qty"]), order.cum_qty)
    terms.check_limit_price_type(order, params)
    if "limit_price" in params:
        if order.order_type not in LIMIT_TYPES:
            raise bad("limit_price")
        _set_limit(changed, params)
    if "display_qty" in params:
        if order.order_type != "iceberg":
            raise bad("display_qty")
        changed.display_qty = Decimal(params["display_qty"])
    if "trigger_price" in params:
        if trigger is None or not trigger.waits:
            raise bad("trigger_price")
        triggers = {
            "price": params["trigger_price"],
            "price_type": params.get("trigger_price_type", trigger.price_type),
            "reference": trigger.reference,
        }
        terms.set_trigger_from(changed, triggers, last)
    return changed


def copy_terms(order: Order, changed: Order) -> None:
    """Set the terms that an amend can change to those of `changed`."""
    order.order_qty = changed.order_qty
    order.limit_price = changed.limit_price
    order.limit_offset = changed.limit_offset
    order.limit_price_type = changed.limit_price_type
    order.display_qty = changed.display_qty
    order.trigger = changed.trigger


def replacement(old: Order, params: Params, order_id: str, last: Decimal) -> Order:
    """Return the new order of an edit.

    Fills so far stay with the old order; the quantity of an edit is the total of both orders.

    Args:
        old: the order to replace, which is not changed.
        params: of the request.
        order_id: of the new order.
        last: the price from which offsets of triggers count.

    Raises:
        Refused: the order cannot be edited, or not in this way.
    """
    if old.conditional is not None or "cl_ord_id" in old.client_id:
        raise bad("order_id")
    if old.trigger is not None and not old.trigger.waits:
        raise bad("order_id")
    total = Decimal(params.get("order_qty", old.order_qty))
    if total <= old.cum_qty:
        raise bad("order_qty")
    new = replace(
        amended(old, {key: params[key] for key in params if key != "order_qty"}, last),
        order_id=order_id,
        order_qty=total - old.cum_qty,
        status="pending_new",
        cum_qty=Decimal(0),
        cum_cost=Decimal(0),
        fees=Decimal(0),
        amended=False,
        post_only=params.get("post_only", old.post_only),
        fee_ccy_pref=terms.fee_currency(params, old.fee_ccy_pref),
        flags=_flags(old, params),
        is_scripted=False,
    )
    if "order_userref" in params:
        new.client_id = {"order_userref": params["order_userref"]}
    triggers = terms.triggers_of(params)
    if triggers is not None:
        if new.trigger is None:
            raise bad("triggers")
        terms.set_trigger_from(new, triggers, last)
    return new


def _flags(old: Order, params: Params) -> Mapping[str, Any]:
    """Return the terms of the new order that are only reported."""
    kept = {name: value for name, value in old.flags.items() if name != "reduce_only"}
    reduce_only = params.get("reduce_only", old.flags.get("reduce_only", False))
    return {**kept, "reduce_only": True} if reduce_only else kept


def _set_limit(changed: Order, params: Params) -> None:
    price = Decimal(params["limit_price"])
    if changed.order_type == "trailing-stop-limit" and not changed.waits:
        changed.limit_price = price
    else:
        set_limit(changed, price, params.get("limit_price_type"))
