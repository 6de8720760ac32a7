"""From the order parameters of the socket to the form fields of the REST API.

The two differ in names and spelling (pages "Add Order" of both APIs): `price` and `price2` instead
of limit and trigger, offsets with a sign or `%` instead of price types, hyphens in `stptype`, upper
case in `timeinforce`, flags in `oflags`.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from ..exceptions import InvalidParameter
from ..models.checks import check_flag, checked_integer, checked_time, number_text
from ..models.order_parts import OFFSETS, TRAILING_TYPES, TRIGGERED_TYPES, ConditionalClose
from ..models.timestamps import timestamp_ns
from ..models.trading import AddOrderParams, AmendOrderParams
from .caller import Field

__all__ = ["Leverage", "When", "add_order_fields", "amend_order_fields"]

When: TypeAlias = str | datetime
"""A time of an order: a `datetime` with a time zone, RFC 3339 text, or `+n`, n seconds from now."""

Leverage: TypeAlias = int | str
"""Such as 5 or `5:1`."""

#: Seconds (page "Add Order" of the REST API; the least on the socket is 0.5 s).
LEAST_DEADLINE: Final = 2.0
_LEVERAGE = re.compile(r"([1-9]\d{0,2})(:1)?", re.ASCII)
_FROM_NOW = re.compile(r"\+\d{1,9}", re.ASCII)
_FEE_FLAGS = {"base": "fcib", "quote": "fciq"}


@dataclass(frozen=True, slots=True)
class Extras:
    """What the REST API takes beside the parameters of the socket; see `KrakenRest.add_order`."""

    leverage: Leverage | None = None
    reduce_only: bool | None = None
    start: When | None = None
    expire: When | None = None
    asset_class: str | None = None
    broker: str | None = None


def add_order_fields(order: AddOrderParams, pair: str, extras: Extras) -> dict[str, Field]:
    """Return the fields of an `AddOrder`.

    Args:
        order: the order.
        pair: what is sent for its symbol.
        extras: what the socket does not have.

    Raises:
        InvalidParameter: the REST API cannot express the order.
    """
    if order.sender_sub_id is not None:
        wanted = "absent: the REST API has no parameter for it"
        raise InvalidParameter("sender_sub_id", wanted, order.sender_sub_id)
    price, price2 = _prices(order)
    return {
        "ordertype": order.order_type,
        "type": order.side,
        "volume": _volume(order),
        "pair": pair,
        "price": price,
        "price2": price2,
        "displayvol": _number(order.display_qty),
        "userref": order.order_userref,
        "cl_ord_id": order.cl_ord_id or None,
        "trigger": None if order.triggers is None else order.triggers.reference,
        "leverage": _leverage(order, extras.leverage),
        "reduce_only": _reduce_only(order, extras.reduce_only),
        "stptype": None if order.stp_type is None else order.stp_type.replace("_", "-"),
        "oflags": ",".join(_flags(order)) or None,
        "timeinforce": _time_in_force(order, extras.expire),
        "starttm": _time("start", order.effective_time, "effective_time", extras.start),
        "expiretm": _time("expire", order.expire_time, "expire_time", extras.expire),
        **_close_fields(order.conditional),
        "deadline": _deadline(order.deadline),
        "validate": order.validate or None,
        "asset_class": extras.asset_class,
        "broker": extras.broker,
    }


def amend_order_fields(amend: AmendOrderParams, pair: str | None) -> dict[str, Field]:
    """Return the fields of an `AmendOrder`.

    Raises:
        InvalidParameter: the REST API cannot express the change.
    """
    if amend.reduce_only is not None:
        wanted = "absent: the REST API cannot change it"
        raise InvalidParameter("reduce_only", wanted, amend.reduce_only)
    limit = _changed("limit_price", amend.limit_price, amend.limit_price_type)
    trigger = _changed("trigger_price", amend.trigger_price, amend.trigger_price_type)
    return {
        "txid": amend.order_id,
        "cl_ord_id": amend.cl_ord_id,
        "order_qty": _number(amend.order_qty),
        "display_qty": _number(amend.display_qty),
        "limit_price": limit,
        "trigger_price": trigger,
        "pair": pair,
        "post_only": amend.post_only,
        "deadline": _deadline(amend.deadline),
    }


# Numbers.


def _number(value: Any) -> str | None:
    """Return a number with its digits."""
    return None if value is None else number_text(value)


def _volume(order: AddOrderParams) -> str:
    if order.cash_order_qty is None:
        return str(_number(order.order_qty))
    if order.order_qty:
        wanted = "absent beside cash_order_qty: the REST API has one volume"
        raise InvalidParameter("order_qty", wanted, order.order_qty)
    return str(_number(order.cash_order_qty))


def _prices(order: AddOrderParams) -> tuple[str | None, str | None]:
    """Return `price` and `price2`: the limit, or the trigger and the limit of triggered orders."""
    limit = _limit(order, order.order_type)
    if order.triggers is None:
        return limit, None
    price, kind = order.triggers.price, order.triggers.price_type
    return _relative(price, kind, is_trailing=order.order_type in TRAILING_TYPES), limit


def _limit(order: AddOrderParams | ConditionalClose, order_type: str) -> str | None:
    """Return a limit price; that of a trailing order is an offset unless its type is `static`."""
    is_trailing = order_type in TRAILING_TYPES
    kind = order.limit_price_type or ("quote" if is_trailing else "static")
    return _relative(order.limit_price, kind)


def _relative(price: Any, kind: str | None, *, is_trailing: bool = False) -> str | None:
    """Return a price, with its sign and `%` if it is an offset.

    The offset of a trailing order has a plus sign on either side (page "Add Order").
    """
    if price is None or kind not in OFFSETS:
        return _number(price)
    sign = "" if price < 0 and not is_trailing else "+"
    return f"{sign}{number_text(price)}{'%' if kind == 'pct' else ''}"


def _changed(field: str, price: Any, kind: str | None) -> str | None:
    """Return the new price of an amend."""
    if kind in ("last", "index"):
        wanted = "static, pct or quote: the REST API has no other"
        raise InvalidParameter(f"{field}_type", wanted, kind)
    return _relative(price, kind)


# The other fields.


def _leverage(order: AddOrderParams, leverage: Leverage | None) -> str | None:
    if leverage is None:
        if order.margin:
            wanted = "given for an order on margin: the REST API has no other parameter for it"
            raise InvalidParameter("leverage", wanted, None)
        return None
    if order.margin is False:
        raise InvalidParameter("leverage", "absent with margin=False", leverage)
    if order.cash_order_qty is not None:
        raise InvalidParameter("leverage", "absent beside cash_order_qty", leverage)
    text = str(checked_integer("leverage", leverage) if not isinstance(leverage, str) else leverage)
    found = _LEVERAGE.fullmatch(text)
    if found is None:
        raise InvalidParameter("leverage", "a ratio like 5 or '5:1'", leverage)
    return found[1]


def _reduce_only(order: AddOrderParams, given: bool | None) -> bool | None:
    check_flag("reduce_only", given)
    if given is None or order.reduce_only in (None, given):
        return order.reduce_only if given is None else given
    raise InvalidParameter("reduce_only", "the same as that of the order", given)


def _time_in_force(order: AddOrderParams, expire: When | None) -> str | None:
    given = order.time_in_force
    if expire is not None and given not in (None, "gtd"):
        raise InvalidParameter("expire", f"absent with time_in_force={given!r}", expire)
    return "GTD" if expire is not None else given and given.upper()


def _flags(order: AddOrderParams) -> list[str]:
    flags = ["post"] if order.post_only else []
    if order.fee_preference is not None:
        flags.append(_FEE_FLAGS[order.fee_preference])
    if order.cash_order_qty is not None:
        flags.append("viqc")
    return flags


def _close_fields(close: ConditionalClose | None) -> dict[str, Field]:
    """Return the fields of a conditional close; its prices are like those of an order."""
    if close is None:
        return {}
    limit, trigger = _limit(close, close.order_type), None
    if close.order_type in TRIGGERED_TYPES:
        is_trailing = close.order_type in TRAILING_TYPES
        kind = close.trigger_price_type
        if is_trailing and kind not in OFFSETS:
            wanted = f"'pct' or 'quote' for {close.order_type}"
            raise InvalidParameter("conditional.trigger_price_type", wanted, kind)
        trigger = _relative(close.trigger_price, kind, is_trailing=is_trailing)
    price, price2 = (limit, None) if trigger is None else (trigger, limit)
    return {
        "close[ordertype]": close.order_type,
        "close[price]": price,
        "close[price2]": price2,
    }


def _time(field: str, of_order: Any, name: str, given: When | None) -> str | None:
    """Return a time as Unix seconds, or as `+n`."""
    if of_order is not None and given is not None:
        raise InvalidParameter(field, f"absent beside {name} of the order", given)
    value = of_order if given is None else given
    if value is None:
        return None
    if isinstance(value, str) and _FROM_NOW.fullmatch(value):
        return value
    return str((timestamp_ns(checked_time(field, value, "seconds")) or 0) // 10**9)


def _deadline(deadline: Any) -> str | None:
    """Return a deadline that is far enough away for the REST API.

    Raises:
        InvalidParameter: it is not.
    """
    if deadline is None:
        return None
    seconds = ((timestamp_ns(deadline) or 0) - time.time_ns()) / 1e9
    if seconds < LEAST_DEADLINE:
        wanted = f"at least {LEAST_DEADLINE:g} s from now for the REST API"
        raise InvalidParameter("deadline", wanted, deadline)
    return str(deadline)
