"""Orders as REST shows them.

Source: docs.kraken.com, REST API, `OpenOrders`, `QueryOrders`, `ClosedOrders`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..requests import PERMISSION_DENIED, Refused
from ..trading.order import LIMIT_TYPES, TRAILING_TYPES, Order, Trigger
from ..trading.refusals import bad
from . import forms, numbers, pages, trades
from .call import Call, needs
from .forms import Params
from .venue import Venue

OPEN = needs("query-open-trades")
CLOSED = needs("query-closed-trades")
MOST_IDS = 50
INVALID_ORDER = "EOrder:Invalid order"
"""Refuses unknown ids on request only; reported for an id that is none."""

_STATUSES = {
    "pending_new": "pending",
    "new": "open",
    "partially_filled": "open",
    "filled": "closed",
}
"""Statuses that REST names differently: `closed` means filled."""


def view(venue: Venue, order: Order, trades: Sequence[str] | None = None) -> dict[str, Any]:
    """Return an order as REST shows it.

    Args:
        venue: gives the names.
        order: the order.
        trades: ids of its fills; `None` leaves them out.
    """
    pair, trigger, seen = order.pair, order.trigger, _seen(venue, order)
    ended = {} if venue.is_open(order) else _ending(order)
    shown = {} if trades is None else {"trades": list(trades)}
    source = {} if trigger is None else {"trigger": trigger.reference}
    limit = order.limit_price if trigger is not None and not trigger.waits else None
    return {
        "refid": order.ord_ref_id,
        "userref": order.client_id.get("order_userref", 0),
        "cl_ord_id": order.client_id.get("cl_ord_id"),
        "status": _STATUSES.get(seen.status, seen.status),
        "opentm": numbers.seconds(order.opened_ns),
        "starttm": (order.effective_ns or 0) // numbers.SECOND_NS,
        "expiretm": (order.expire_ns or 0) // numbers.SECOND_NS,
        **ended,
        "descr": describe(venue, order),
        "time_in_force": order.time_in_force.lower(),
        "vol": numbers.qty(pair, order.order_qty),
        "vol_exec": numbers.qty(pair, seen.cum_qty),
        "cost": numbers.cost(seen.cum_cost),
        "fee": numbers.cost(seen.fees),
        "price": numbers.price(pair, seen.avg_price),
        "stopprice": numbers.price(pair, trigger.level if trigger else Decimal(0)),
        "limitprice": numbers.price(pair, limit or Decimal(0)),
        **source,
        "margin": bool(order.flags.get("margin", False)),
        "misc": _misc(seen),
        "oflags": _oflags(order),
        "sender_sub_id": order.flags.get("sender_sub_id"),
        **shown,
    }


def _seen(venue: Venue, order: Order) -> Order:
    """Return an order as reads show it: without its end and fills if these are too new."""
    if not venue.rest.stale or not venue.is_open(order):
        return order
    fills = [
        fill
        for fill in venue.account.fills
        if fill.order_id == order.order_id and venue.is_shown(fill.timestamp_ns)
    ]
    return replace(
        order,
        status=order.status if order.is_open else "new",
        cum_qty=sum((fill.qty for fill in fills), Decimal(0)),
        cum_cost=sum((fill.cost for fill in fills), Decimal(0)),
        fees=sum((fill.fee for fill in fills), Decimal(0)),
    )


def describe(venue: Venue, order: Order) -> dict[str, Any]:
    """Return the terms of an order, with texts that sum them up."""
    altname = venue.names.of(order.pair).altname
    first, second = _prices(order)
    leverage = f"{order.leverage}:1" if order.leverage else "none"
    qty = numbers.qty(order.pair, order.order_qty)
    margin = f" with {leverage} leverage" if order.leverage else ""
    return {
        "pair": altname,
        "aclass": "forex",
        "type": order.side,
        "ordertype": order.order_type,
        "price": first or "0",
        "price2": second or "0",
        "leverage": leverage,
        "order": f"{order.side} {qty} {altname} @ {_at(order.order_type, first, second)}{margin}",
        "close": _close(order),
    }


def _prices(order: Order) -> tuple[str, str]:
    """Return `price` and `price2`: the limit, or the trigger and then the limit."""
    price = order.limit_price if order.limit_offset is None else order.limit_offset
    limit = "" if price is None else numbers.price(order.pair, price)
    if order.trigger is None:
        return limit, ""
    return _trigger_text(order, order.trigger), f"+{limit}" if order.limit_offset else limit


def _trigger_text(order: Order, trigger: Trigger) -> str:
    if order.order_type not in TRAILING_TYPES and trigger.price_type == "static":
        return numbers.price(order.pair, trigger.price)
    if trigger.price_type == "pct":
        return f"{trigger.price:+f}%"
    return f"{'+' if trigger.price >= 0 else ''}{numbers.price(order.pair, trigger.price)}"


def _at(order_type: str, first: str, second: str) -> str:
    """Return the second half of the text: `stop loss 20000.0 -> limit 19900.0`."""
    if second:
        return f"{order_type.removesuffix('-limit').replace('-', ' ')} {first} -> limit {second}"
    return f"{order_type.replace('-', ' ')} {first}".rstrip()


def _close(order: Order) -> str:
    template = order.conditional
    if template is None:
        return ""
    order_type = template["order_type"]
    prices = [
        f"{template[name]:f}" for name in ("trigger_price", "limit_price") if name in template
    ]
    first, second = (*prices, "")[:2]
    return f"close position @ {_at(order_type, first, second)}"


def _ending(order: Order) -> dict[str, Any]:
    return {"closetm": numbers.seconds(order.closed_ns), "reason": order.reason}


def _misc(order: Order) -> str:
    """Return what happened to an order, as a comma list."""
    words = []
    if order.trigger is not None and not order.trigger.waits:
        words.append("touched" if order.order_type.startswith("take-profit") else "stopped")
    if not order.is_open and 0 < order.cum_qty < order.order_qty:
        words.append("partial")
    if order.amended:
        words.append("amended")
    return ",".join(words)


def _oflags(order: Order) -> str:
    """Return the flags of an order as a comma list."""
    words = ["post"] if order.post_only and order.order_type in LIMIT_TYPES else []
    words.append(order.fee_ccy_pref)
    if "cash_order_qty" in order.flags:
        words.append("viqc")
    return ",".join(words)


def _open_orders(venue: Venue, params: Params) -> Any:
    found = selected(venue, params, filter(venue.is_open, venue.account.orders.values()))
    return {"open": _views(venue, params, found, consolidated=False)}


def _closed_orders(venue: Venue, params: Params) -> Any:
    """Return a page of orders that ended, newest first by the time that `closetime` names."""
    closetime = params.get("closetime", "both")
    orders = venue.account.orders
    opened = {order_id: order.opened_ns for order_id, order in orders.items()}
    is_within = pages.within(params, opened.get)
    ended = (order for order in reversed(orders.values()) if not venue.is_open(order))
    found = [
        order
        for order in selected(venue, params, ended)
        if any(is_within(ns) for ns in _times(order, closetime))
    ]
    found.sort(key=lambda order: _times(order, closetime)[-1], reverse=True)
    result, page = pages.cut(params, "closed", found)
    result["closed"] = _views(venue, params, page, consolidated=True)
    return result


def _query_orders(venue: Venue, params: Params) -> Any:
    forms.require(params, "txid")
    if len(params["txid"]) > MOST_IDS:
        raise bad("txid")
    orders = (venue.account.orders.get(name) for name in params["txid"])
    found = selected(venue, params, [order for order in orders if order is not None])
    if venue.rest.unknown_ids == "refused" and len(found) < len(set(params["txid"])):
        raise Refused(INVALID_ORDER)
    for order in found:
        if venue.rest.permissions.isdisjoint(OPEN if venue.is_open(order) else CLOSED):
            raise Refused(PERMISSION_DENIED)
    return _views(venue, params, found, consolidated=True)


def _views(
    venue: Venue, params: Params, found: Iterable[Order], *, consolidated: bool
) -> dict[str, Any]:
    """Return orders by id, with the ids of their fills if the call asks for these.

    Args:
        venue: gives the fills.
        params: of the call.
        found: the orders.
        consolidated: whether the fills of a taker are one unless the call says otherwise.
    """
    if not params.get("trades", False):
        return {order.order_id: view(venue, order) for order in found}
    consolidated = params.get("consolidate_taker", consolidated)
    fills = trades.ids_by_order(venue, consolidated=consolidated)
    return {order.order_id: view(venue, order, fills[order.order_id]) for order in found}


def _times(order: Order, closetime: str) -> list[int]:
    """Return the times of an ended order that the bounds of a call apply to."""
    both = {"open": [order.opened_ns], "close": [order.closed_ns]}
    return both.get(closetime, [order.opened_ns, order.closed_ns])


def selected(venue: Venue, params: Params, orders: Iterable[Order]) -> list[Order]:
    """Return the orders that a read shows, with the client's id that it asks for, if any."""
    wanted = {
        kind: params[name]
        for name, kind in (("userref", "order_userref"), ("cl_ord_id", "cl_ord_id"))
        if name in params
    }
    return [
        order
        for order in orders
        if venue.is_shown(order.opened_ns)
        and all(order.client_id.get(kind) == value for kind, value in wanted.items())
    ]


READERS = {"trades": forms.flag, "userref": forms.int32}
CALLS = {
    "OpenOrders": Call(_open_orders, {**READERS, "cl_ord_id": forms.text}, OPEN),
    "ClosedOrders": Call(
        _closed_orders,
        {
            **READERS,
            **pages.READERS,
            "cl_ord_id": forms.text,
            "closetime": forms.choice("open", "close", "both"),
            "consolidate_taker": forms.flag,
        },
        CLOSED,
    ),
    "QueryOrders": Call(
        _query_orders,
        {**READERS, "txid": forms.listed, "consolidate_taker": forms.flag},
        OPEN | CLOSED,
    ),
}
