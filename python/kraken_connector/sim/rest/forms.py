"""The parameters of calls: query strings, forms and JSON bodies, and the types of their values.

In a form every value is text, and `close[price]` is the member `price` of the object `close`. In
JSON, prices and quantities are strings, flags are booleans and counts are numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from ..requests import Refused
from ..trading.fields import LARGEST
from ..trading.refusals import bad

Params: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[object], Any]
"""Returns the value of a parameter; raises `ValueError` if it has the wrong type."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_MEMBER = re.compile(r"(\w+)\[(\w+)\]")


def read_form(text: str) -> dict[str, Any]:
    """Return the parameters of a query string or form.

    Raises:
        ValueError: it is no form, or has a parameter twice.
    """
    params: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        member = _MEMBER.fullmatch(name)
        target = params.setdefault(member[1], {}) if member else params
        key = member[2] if member else name
        if not isinstance(target, dict) or key in target:
            raise ValueError(f"{name} is there twice")
        target[key] = value
    return params


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the parameters of a body, which is JSON or a form by its content type.

    Raises:
        ValueError: it is neither, or not an object.
    """
    if "json" not in content_type:
        return read_form(body.decode("ascii"))
    params = json.loads(body, parse_float=Decimal)
    if not isinstance(params, dict):
        raise ValueError("the body is not an object")
    return params


def read(params: Params, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return the parameters with their types.

    Raises:
        Refused: one is unknown or has the wrong type.
    """
    values: dict[str, Any] = {}
    for name, value in params.items():
        if name not in readers:
            raise bad(name)
        try:
            values[name] = readers[name](value)
        except ValueError:
            raise bad(name) from None
    return values


def require(params: Params, *names: str) -> None:
    """Refuse a call without one of its parameters.

    Raises:
        Refused: one is missing.
    """
    for name in names:
        if name not in params:
            raise bad(name)


def text(value: object) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


def flag(value: object) -> bool:
    """Read a boolean: `true` and `false`, as text in forms."""
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError("not a boolean")
    return value == "true"


def integer(value: object) -> int:
    """Read an integer, as text in forms."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9]{1,20}", value, re.ASCII):
        raise ValueError("not an integer")
    return int(value)


def count(value: object) -> int:
    """Read an integer that is not negative."""
    number = integer(value)
    if number < 0:
        raise ValueError("negative")
    return number


def int32(value: object) -> int:
    """Read an integer of 32 bits with a sign."""
    number = integer(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError("not an integer of 32 bits")
    return number


def number(value: object) -> Decimal:
    """Read a number that is text in JSON too: a price or a quantity."""
    given = text(value)
    if not _NUMBER.fullmatch(given) or not -LARGEST < Decimal(given) < LARGEST:
        raise ValueError("not a number")
    return Decimal(given)


def listed(value: object) -> list[str]:
    """Read a comma list."""
    items = text(value).split(",")
    if not all(items):
        raise ValueError("an item is empty")
    return items


def choice(*values: str) -> Reader:
    """Return the reader of a text that is one of some."""

    def one(value: object) -> str:
        if value not in values:
            raise ValueError(f"not one of {values}")
        return text(value)

    return one


def members(readers: Mapping[str, Reader]) -> Reader:
    """Return the reader of an object."""

    def item(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("not an object")
        try:
            return read(value, readers)
        except Refused as refusal:
            raise ValueError(refusal.error) from None

    return item
