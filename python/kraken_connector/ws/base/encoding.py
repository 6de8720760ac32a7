"""Requests as JSON: numbers leave with the digits they were given with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from ...models._checks import number_text

__all__ = ["encode", "encode_body"]


def encode(document: Any) -> bytes:
    """Return JSON; a `Decimal` becomes a number with all its digits.

    Raises:
        TypeError: (an `orjson.JSONEncodeError`) something in it has no JSON.
    """
    return orjson.dumps(document, default=_exact)


def encode_body(document: dict[str, Any]) -> bytes:
    """Return the keys and values of an object, each after a comma."""
    return b"," + encode(document)[1:-1] if document else b""


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(number_text(value))
    raise TypeError(f"{value!r} cannot be sent")
