"""Values as the exchange writes them: zero-padded numbers, RFC 3339 times, compact JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def digits(mantissa: int, scale: int) -> str:
    """Return `mantissa` / 10^`scale` as decimal text with exactly `scale` decimals."""
    if scale == 0:
        return str(mantissa)
    sign = "-" if mantissa < 0 else ""
    text = str(abs(mantissa)).rjust(scale + 1, "0")
    return f"{sign}{text[:-scale]}.{text[-scale:]}"


def number(mantissa: int, scale: int) -> orjson.Fragment:
    """Return `mantissa` / 10^`scale` for `encode`, with exactly `scale` decimals."""
    return orjson.Fragment(digits(mantissa, scale))


def exact(value: Decimal) -> orjson.Fragment:
    """Return a `Decimal` for `encode`, with its own decimals and no exponent."""
    return orjson.Fragment(f"{value:f}")


def scaled(value: Decimal | str | int, scale: int) -> int:
    """Return `value` in units of 10^-`scale`.

    Raises:
        ValueError: the value needs more decimals than `scale`.
    """
    mantissa = Decimal(value).scaleb(scale)
    if mantissa != mantissa.to_integral_value():
        raise ValueError(f"{value} has more than {scale} decimals")
    return int(mantissa)


def timestamp(ns: int, decimals: int = 6) -> str:
    """Return nanoseconds since the epoch as RFC 3339 text in UTC, with `decimals` digits."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{fraction:09d}"[: 20 + decimals] + "Z" if decimals else f"{whole}Z"


def nanoseconds(text: str) -> int:
    """Return the nanoseconds since the epoch of RFC 3339 text.

    Raises:
        ValueError: `text` is not RFC 3339, or has no offset from UTC.
    """
    whole = datetime.fromisoformat(text)
    if whole.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return (whole - EPOCH) // timedelta(microseconds=1) * 1000


def encode(message: Mapping[str, Any]) -> bytes:
    """Return one compact JSON document, keys in the order given."""
    return orjson.dumps(message)
