"""Requests as JSON: numbers keep the digits that the caller gave."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from ...models.checks import number_text

__all__ = ["encode", "encode_body"]


def encode(document: Any) -> bytes:
    """Return JSON; a `Decimal` becomes a number with all its digits.

    Raises:
        TypeError: (an `orjson.JSONEncodeError`) it contains a value that JSON cannot represent.
    """
    return orjson.dumps(document, default=_exact)


def encode_body(document: dict[str, Any]) -> bytes:
    """Return the members of an object, without braces, after a comma; empty without members."""
    return b"," + encode(document)[1:-1] if document else b""


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(number_text(value))
    raise TypeError(f"{value!r} cannot be sent as JSON")
