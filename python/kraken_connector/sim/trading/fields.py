"""The keys of the params of the order methods, and their types.

The errors for wrong types and unknown keys were recorded; missing keys are answered like wrong
types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from ..requests import Refused, unsupported_field

Params: TypeAlias = Mapping[str, Any]
Type: TypeAlias = tuple[str, Callable[[object], bool]]


def _is_integer(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return -(2**63) <= value < 2**63


def _is_list_of(item: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(item, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    """Return whether a value is a number in the range of prices and quantities."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        return False
    return -LARGEST < value < LARGEST


LARGEST = 10**11
"""Products of two larger numbers would lose digits."""

NUMBER: Type = ("a number_float", _is_number)
INTEGER: Type = ("a number_integer", _is_integer)
TEXT: Type = ("a string", _is_text)
FLAG: Type = ("a boolean", lambda value: isinstance(value, bool))
OBJECT: Type = ("an object", lambda value: isinstance(value, dict))
OBJECTS: Type = ("an array", _is_list_of(OBJECT[1]))
TEXTS: Type = ("an array", _is_list_of(_is_text))
INTEGERS: Type = ("an array", _is_list_of(_is_integer))

ORDER: Mapping[str, Type] = {
    "order_type": TEXT,
    "side": TEXT,
    "order_qty": NUMBER,
    "cash_order_qty": NUMBER,
    "limit_price": NUMBER,
    "limit_price_type": TEXT,
    "triggers": OBJECT,
    "time_in_force": TEXT,
    "margin": FLAG,
    "post_only": FLAG,
    "reduce_only": FLAG,
    "effective_time": TEXT,
    "expire_time": TEXT,
    "cl_ord_id": TEXT,
    "order_userref": INTEGER,
    "conditional": OBJECT,
    "display_qty": NUMBER,
    "fee_preference": TEXT,
    "stp_type": TEXT,
    "sender_sub_id": TEXT,
    "no_mpp": FLAG,
    "stop_price": NUMBER,
    "trigger": TEXT,
}
"""An order, alone or in a batch; the last three keys are deprecated."""

TRIGGERS: Mapping[str, Type] = {"price": NUMBER, "reference": TEXT, "price_type": TEXT}
CONDITIONAL: Mapping[str, Type] = {
    "order_type": TEXT,
    "limit_price": NUMBER,
    "limit_price_type": TEXT,
    "trigger_price": NUMBER,
    "trigger_price_type": TEXT,
    "stop_price": NUMBER,
}

FIELDS: Mapping[str, Mapping[str, Type]] = {
    "add_order": {**ORDER, "symbol": TEXT, "token": TEXT, "deadline": TEXT, "validate": FLAG},
    "amend_order": {
        "order_id": TEXT,
        "cl_ord_id": TEXT,
        "order_qty": NUMBER,
        "limit_price": NUMBER,
        "limit_price_type": TEXT,
        "display_qty": NUMBER,
        "post_only": FLAG,
        "trigger_price": NUMBER,
        "trigger_price_type": TEXT,
        "deadline": TEXT,
        "symbol": TEXT,
        "token": TEXT,
    },
    "edit_order": {
        "order_id": TEXT,
        "symbol": TEXT,
        "token": TEXT,
        "order_qty": NUMBER,
        "limit_price": NUMBER,
        "display_qty": NUMBER,
        "order_userref": INTEGER,
        "post_only": FLAG,
        "reduce_only": FLAG,
        "validate": FLAG,
        "fee_preference": TEXT,
        "triggers": OBJECT,
        "deadline": TEXT,
        "no_mpp": FLAG,
        "price": NUMBER,
        "trigger": TEXT,
        "stop_price": NUMBER,
    },
    "cancel_order": {
        "order_id": TEXTS,
        "cl_ord_id": TEXTS,
        "order_userref": INTEGERS,
        "token": TEXT,
    },
    "cancel_all": {"token": TEXT},
    "cancel_all_orders_after": {"timeout": INTEGER, "token": TEXT},
    "batch_add": {
        "symbol": TEXT,
        "orders": OBJECTS,
        "token": TEXT,
        "deadline": TEXT,
        "validate": FLAG,
    },
    "batch_cancel": {"orders": TEXTS, "cl_ord_id": TEXTS, "token": TEXT},
}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "add_order": ("symbol", "order_type", "side"),
    "amend_order": (),
    "edit_order": ("order_id", "symbol"),
    "cancel_order": (),
    "cancel_all": (),
    "cancel_all_orders_after": ("timeout",),
    "batch_add": ("symbol", "orders"),
    "batch_cancel": (),
}


def check(method: str, params: Params) -> None:
    """Refuse unknown keys, wrong types and missing keys, nested ones included.

    Raises:
        Refused: with the exchange's text.
    """
    check_object(params, FIELDS[method], REQUIRED[method], method)
    for order in params.get("orders", ()) if method == "batch_add" else (params,):
        if order is not params:
            check_object(order, ORDER, ("order_type", "side"), method)
        if "triggers" in order:
            check_object(order["triggers"], TRIGGERS, ("price",), method)
        if "conditional" in order:
            check_object(order["conditional"], CONDITIONAL, ("order_type",), method)


def check_object(
    given: Params, known: Mapping[str, Type], required: tuple[str, ...], method: str
) -> None:
    """Check one object of a request."""
    for name, value in given.items():
        if name not in known:
            raise unsupported_field(name, method)
        if not known[name][1](value):
            raise _wrong_type(name, known[name])
    for name in required:
        if name not in given:
            raise _wrong_type(name, known[name])


def _wrong_type(name: str, expected: Type) -> Refused:
    return Refused(f"{name.capitalize()} field must be {expected[0]}")
