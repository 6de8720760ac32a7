"""Makes an order from the params of a request, and checks it against its pair."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..encode import nanoseconds
from ..pairs import COST_MIN, Pair
from ..requests import Refused
from . import refusals
from .conditional import set_limit, set_trigger
from .fields import Params
from .order import LIMIT_TYPES, TRAILING_TYPES, TRIGGERED_TYPES, Order
from .refusals import bad

ORDER_TYPES = LIMIT_TYPES | TRIGGERED_TYPES | {"market", "settle-position"}
CLOSING_TYPES = TRIGGERED_TYPES | {"limit"}
PRICE_TYPES = frozenset({"static", "pct", "quote"})
SELF_TRADE_TYPES = frozenset({"cancel_newest", "cancel_oldest", "cancel_both"})
FEE_CURRENCIES = {"base": "fcib", "quote": "fciq"}
SMALLEST_DISPLAY = 15
LONGEST_EXPIRY_NS = 31 * 86_400 * 1_000_000_000
DEPRECATED = {
    "no_mpp": "no_mpp is deprecated",
    "stop_price": "stop_price is deprecated, use triggers.price",
    "trigger": "trigger is deprecated use triggers.reference",
}
_SHORT_TEXT = re.compile(r"[\x20-\x7e]{1,18}")
_HEX = re.compile(r"[0-9a-fA-F]{32}")


def warnings(params: Params) -> list[str]:
    """Return the warnings about deprecated keys."""
    return [text for name, text in DEPRECATED.items() if name in params]


def build_order(params: Params, pair: Pair, order_id: str, *, last: Decimal, now_ns: int) -> Order:
    """Return the order that a request describes.

    Args:
        params: of `add_order`, or an element of a batch, with the right types. `leverage` comes
            from REST only.
        pair: the pair.
        order_id: its id.
        last: the price from which offsets of triggers count.
        now_ns: the time.

    Raises:
        Refused: the terms, the quantity or a price are not valid.
    """
    order_type = _choice(params, "order_type", ORDER_TYPES)
    order = Order(
        order_id,
        pair,
        "buy" if _choice(params, "side", {"buy", "sell"}) == "buy" else "sell",
        order_type,
        params.get("order_qty", Decimal(0)),
        None,
        params.get("time_in_force", "gtc").upper(),
        params.get("post_only", False),
        client_id(params),
        stp_type=_choice(params, "stp_type", SELF_TRADE_TYPES, "cancel_newest"),
        fee_ccy_pref=fee_currency(params, FEE_CURRENCIES["quote"]),
        flags=_flags(params),
        leverage=_leverage(params, pair),
    )
    order.order_qty = Decimal(order.order_qty)
    order.is_scripted = order_type == "settle-position"
    _set_prices(order, params, last)
    _set_times(order, params, now_ns)
    _check_options(order, params)
    settles_all = order_type == "settle-position" and not order.order_qty
    if "cash_order_qty" not in params and not settles_all:
        check_size(order)
    return order


def client_id(params: Params) -> Mapping[str, str | int]:
    """Return the client's id of an order; `order_userref` 0 if there is none.

    Raises:
        Refused: there are two, or a `cl_ord_id` has no accepted form.
    """
    if "cl_ord_id" not in params:
        return {"order_userref": params.get("order_userref", 0)}
    text = params["cl_ord_id"]
    if "order_userref" in params or not (_SHORT_TEXT.fullmatch(text) or _is_uuid(text)):
        raise bad("cl_ord_id")
    return {"cl_ord_id": text}


def check_size(order: Order) -> None:
    """Check quantity and prices against the pair.

    Raises:
        Refused: a value is too small, has too many decimals, or is not positive.
    """
    pair = order.pair
    if order.order_qty <= 0:
        raise Refused(refusals.VOLUME_MINIMUM)
    if not _fits(order.order_qty, pair.qty_precision):
        raise Refused(refusals.LOT_SIZE)
    if order.order_qty < pair.qty(pair.min_lots):
        raise Refused(refusals.VOLUME_MINIMUM)
    _check_display(order)
    trigger = order.trigger
    prices = [order.limit_price, trigger.level if trigger else None]
    if trigger is not None and trigger.price_type == "static":
        prices.append(trigger.price)
    for price in prices:
        if price is not None:
            _check_price(price, pair)
    price = order.limit_price or (trigger.level if trigger else None)
    if price is not None and price * order.order_qty < COST_MIN:
        raise Refused(refusals.COST_MINIMUM)


def check_deadline(params: Params, received_ns: int, now_ns: int) -> None:
    """Check the deadline of a request.

    Raises:
        Refused: it has passed, or is not in the range that the exchange accepts.
    """
    if "deadline" not in params:
        deadline = received_ns + 5_000_000_000
    else:
        deadline = _time(params, "deadline")
        if now_ns <= deadline and not 500_000_000 <= deadline - received_ns <= 60_000_000_000:
            raise bad("deadline")
    if now_ns > deadline:
        raise Refused(refusals.DEADLINE_ELAPSED)


def fee_currency(params: Params, default: str) -> str:
    """Return the preferred currency of fees, as in reports.

    Raises:
        Refused: the preference is unknown.
    """
    if "fee_preference" not in params:
        return default
    return FEE_CURRENCIES[_choice(params, "fee_preference", FEE_CURRENCIES)]


def check_limit_price_type(order: Order, params: Params) -> None:
    """Check that the limit of an order is an offset only for `trailing-stop-limit`.

    Raises:
        Refused: the type is unknown, or the limit of such an order must be a price.
    """
    price_type = params.get("limit_price_type")
    if price_type is not None and (
        order.order_type != "trailing-stop-limit" or price_type not in PRICE_TYPES
    ):
        raise bad("limit_price_type")


def _set_prices(order: Order, params: Params, last: Decimal) -> None:
    if (order.order_type in LIMIT_TYPES) != ("limit_price" in params):
        raise bad("limit_price")
    check_limit_price_type(order, params)
    set_limit(order, _decimal(params.get("limit_price")), params.get("limit_price_type"))
    triggers = triggers_of(params)
    if (order.order_type in TRIGGERED_TYPES) != (triggers is not None):
        raise bad("triggers")
    if triggers is not None:
        set_trigger_from(order, triggers, last)
    if "conditional" in params:
        if "cl_ord_id" in params:
            raise bad("cl_ord_id")
        order.conditional = _conditional(params["conditional"])


def set_trigger_from(order: Order, triggers: Params, last: Decimal) -> None:
    """Set the trigger of an order from a request.

    Raises:
        Refused: a term is unknown, or not allowed for the type of the order.
    """
    is_trailing = order.order_type in TRAILING_TYPES
    reference = _choice(triggers, "reference", {"last", "index"}, "last")
    allowed = PRICE_TYPES - {"static"} if is_trailing else PRICE_TYPES
    price_type = _choice(triggers, "price_type", allowed, "" if is_trailing else "static")
    price = Decimal(triggers["price"])
    if is_trailing and price <= 0:
        raise Refused(refusals.INVALID_PRICE)
    set_trigger(order, price, price_type, reference, last)


def triggers_of(params: Params) -> Params | None:
    """Return the trigger of a request, from `triggers` or the deprecated keys."""
    if "stop_price" in params and not params.get("triggers"):
        return {"price": params["stop_price"], "reference": params.get("trigger", "last")}
    triggers: Params | None = params.get("triggers") or None
    return triggers


def _conditional(template: Params) -> Mapping[str, Any]:
    order_type = _choice(template, "order_type", CLOSING_TYPES)
    known = {
        key: Decimal(value) if isinstance(value, int) else value for key, value in template.items()
    }
    if "stop_price" in known:
        known.setdefault("trigger_price", known.pop("stop_price"))
    if (order_type in TRIGGERED_TYPES) != ("trigger_price" in known):
        raise bad("conditional")
    if (order_type in LIMIT_TYPES) != ("limit_price" in known):
        raise bad("conditional")
    for name in ("limit_price_type", "trigger_price_type"):
        _choice(known, name, PRICE_TYPES, "static")
    is_trailing = order_type in TRAILING_TYPES
    if is_trailing and known.get("trigger_price_type", "static") == "static":
        raise bad("trigger_price_type")
    return known


def _set_times(order: Order, params: Params, now_ns: int) -> None:
    if order.time_in_force not in {"GTC", "GTD", "IOC", "FOK"}:
        raise bad("time_in_force")
    if (order.time_in_force == "GTD") != ("expire_time" in params):
        raise bad("expire_time")
    if "expire_time" in params:
        order.expire_ns = _whole_seconds(_time(params, "expire_time"))
        if not now_ns < order.expire_ns <= now_ns + LONGEST_EXPIRY_NS:
            raise bad("expire_time")
    if "effective_time" in params:
        order.effective_ns = _whole_seconds(_time(params, "effective_time"))


def _check_options(order: Order, params: Params) -> None:
    is_limit = order.order_type in LIMIT_TYPES
    if order.time_in_force == "FOK" and not is_limit:
        raise bad("time_in_force")
    if order.post_only and not (is_limit and order.rests):
        raise bad("post_only")
    if (order.order_type == "iceberg") != ("display_qty" in params):
        raise bad("display_qty")
    order.display_qty = _decimal(params.get("display_qty"))
    is_cash = "cash_order_qty" in params
    if is_cash and (
        order.order_type != "market" or order.side != "buy" or params.get("margin", False)
    ):
        raise bad("cash_order_qty")
    if is_cash == ("order_qty" in params):
        raise bad("order_qty")


def _flags(params: Params) -> Mapping[str, Any]:
    """Return the terms that are only reported."""
    named = ("reduce_only", "margin", "sender_sub_id")
    return {name: params[name] for name in named if params.get(name)}


def _leverage(params: Params, pair: Pair) -> int | None:
    """Return the leverage: on sockets, which cannot name it, the highest one of the pair."""
    highest = max(pair.leverages, default=None) if params.get("margin", False) else None
    leverage: int | None = params.get("leverage", highest)
    return leverage


def _check_display(order: Order) -> None:
    display = order.display_qty
    if display is None:
        return
    if not _fits(display, order.pair.qty_precision):
        raise Refused(refusals.LOT_SIZE)
    if not order.left <= display * SMALLEST_DISPLAY or display > order.order_qty:
        raise bad("display_qty")


def _check_price(price: Decimal, pair: Pair) -> None:
    if price <= 0:
        raise Refused(refusals.INVALID_PRICE)
    if not _fits(price, pair.price_precision):
        raise Refused(refusals.TICK_SIZE)


def _fits(value: Decimal, decimals: int) -> bool:
    """Return whether a number has no more than `decimals` decimals."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    excess = -exponent - decimals
    return excess <= 0 or not any(digits[-excess:])


def _choice(
    params: Params,
    name: str,
    choices: Mapping[str, str] | frozenset[str] | set[str],
    default: str = "",
) -> str:
    value: str = params.get(name, default)
    if value not in choices:
        raise bad(name)
    return value


def _time(params: Params, name: str) -> int:
    try:
        return nanoseconds(params[name])
    except ValueError:
        raise bad(name) from None


def _whole_seconds(ns: int) -> int:
    return ns - ns % 1_000_000_000


def _decimal(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _is_uuid(text: str) -> bool:
    if _HEX.fullmatch(text):
        return True
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
