"""The calls that change orders; the order methods of the sockets carry them out.

Source: docs.kraken.com, REST API, trading.
"""

from __future__ import annotations

from typing import Any

from ..requests import Refused
from ..trading.order import Order
from ..trading.refusals import bad
from ..trading.shapes import Answer
from . import forms, orders, terms
from .call import Call, needs
from .forms import Params
from .names import UNKNOWN_PAIR
from .venue import Venue

MODIFY = needs("modify-trades")
CANCEL = needs("close-trades", "modify-trades")
"""Enough for cancels, and for amends too (spec)."""
TIMER_KEYS = {"current_time": "currentTime", "trigger_time": "triggerTime"}
"""Keys that sockets may spell differently."""
PLACING_METHODS = frozenset({"add_order", "batch_add", "edit_order"})


def _add_order(venue: Venue, params: Params) -> Any:
    forms.require(params, "pair", "type", "ordertype", "volume")
    pair = venue.names.find(params["pair"]).pair
    if pair.is_tokenized != ("asset_class" in params):
        raise Refused(UNKNOWN_PAIR)
    with terms.rest_names():
        request = terms.new_order(venue, params, pair)
        (answer,) = carried_out(venue, "add_order", request)
        if params.get("validate", False):
            return {"descr": _texts(venue, venue.order_methods.build(request))}
    order = venue.account.orders[answer["result"]["order_id"]]
    return {"descr": _texts(venue, order), "txid": [order.order_id]}


def _texts(venue: Venue, order: Order) -> dict[str, str]:
    """Return the texts of an order; there is a second one if it has a closing order."""
    described = orders.describe(venue, order)
    return {name: described[name] for name in ("order", "close") if described[name]}


def _amend_order(venue: Venue, params: Params) -> Any:
    (answer,) = carried_out(venue, "amend_order", terms.amended_order(venue, params))
    return {"amend_id": answer["result"]["amend_id"]}


def _cancel_order(venue: Venue, params: Params) -> Any:
    answers = carried_out(venue, "cancel_order", _target(params))
    failed = [answer["error"] for answer in answers if not answer["success"]]
    if len(failed) == len(answers):
        raise Refused(failed[0])
    return {"count": len(answers) - len(failed), "pending": False}


def _target(params: Params) -> Params:
    """Return what to cancel: an order id, a userref of any number of orders, or a `cl_ord_id`."""
    if len(params.keys() & {"txid", "cl_ord_id"}) != 1:
        raise bad("txid")
    if "cl_ord_id" in params:
        return {"cl_ord_id": [params["cl_ord_id"]]}
    target = params["txid"]
    return {"order_userref" if isinstance(target, int) else "order_id": [target]}


def _cancel_all(venue: Venue, params: Params) -> Any:
    (answer,) = carried_out(venue, "cancel_all", {})
    return answer["result"]


def _cancel_all_orders_after(venue: Venue, params: Params) -> Any:
    forms.require(params, "timeout")
    (answer,) = carried_out(venue, "cancel_all_orders_after", params)
    return {TIMER_KEYS.get(name, name): time for name, time in answer["result"].items()}


def carried_out(venue: Venue, method: str, params: Params) -> list[Answer]:
    """Carry out an order method of the sockets, and return its answers.

    Raises:
        Refused: the request is refused.
    """
    return venue.order_methods.answer(method, params, venue.clock())


def id_or_userref(value: object) -> str | int:
    """Read an order id, or a userref, which is an integer."""
    try:
        return forms.int32(value)
    except ValueError:
        return forms.text(value)


def method_needs(method: str) -> frozenset[str]:
    """Return the permissions that an order method of the sockets needs, as the call does here."""
    return MODIFY if method in PLACING_METHODS else CANCEL


CALLS = {
    "AddOrder": Call(_add_order, terms.ADD_READERS, MODIFY, cost=0),
    "AmendOrder": Call(_amend_order, terms.AMEND_READERS, CANCEL, cost=0),
    "CancelOrder": Call(
        _cancel_order, {"txid": id_or_userref, "cl_ord_id": forms.text}, CANCEL, cost=0
    ),
    "CancelAll": Call(_cancel_all, needs=CANCEL, cost=0),
    "CancelAllOrdersAfter": Call(
        _cancel_all_orders_after, {"timeout": forms.integer}, CANCEL, cost=0
    ),
}
