"""Checks of arguments. `checked_...` functions return the value ready to send.

All raise `TypeError` for a wrong type and `InvalidParameter` (a `ValueError`) for a value that is
not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..exceptions import InvalidParameter
from .timestamps import timestamp_ns

__all__ = [
    "Number",
    "check_choice",
    "check_flag",
    "checked_client_id",
    "checked_integer",
    "checked_list",
    "checked_number",
    "checked_symbol",
    "checked_text",
    "checked_time",
    "checked_userref",
    "client_id_key",
    "number_text",
]

#: Types that are accepted for a price or quantity; kept as `Decimal`, and sent with those digits.
Number = Decimal | str | int | float

#: Asset codes of the v1 API that v2 refuses (docs.kraken.com, page "WebSocket FAQ").
_LEGACY_CODES = {"XBT": "BTC", "XDG": "DOGE"}

#: Digits on either side of the point: more than any market needs; `1e999999999` would fill memory.
_MAX_DIGITS = 64

_MAX_USERREF = 2**31

#: `Decimal` accepts more, such as `1_000` and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)

#: Forms of a `cl_ord_id` (docs.kraken.com, page "Add Order").
_CLIENT_ID = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[!-~][ -~]{0,17}",
    re.ASCII | re.IGNORECASE,
)


def checked_number(field: str, value: object) -> Decimal:
    """Return a number with the digits as given; of a float, those of its `repr`."""
    if isinstance(value, Decimal):
        # `str` of a subclass may differ.
        number = value if type(value) is Decimal else Decimal(value)
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"{field} must be a Decimal, str, int or float, not {value!r}")
    elif isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise InvalidParameter(field, "a number like '0.10'", value)
        number = Decimal(value)
    else:
        number = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    if not number.is_finite():
        raise InvalidParameter(field, "a finite number", value)
    if not -_MAX_DIGITS < number.adjusted() < _MAX_DIGITS:
        raise InvalidParameter(field, f"a number of at most {_MAX_DIGITS} digits", value)
    return number


def number_text(number: Decimal) -> str:
    """Return a number as JSON with all its digits and no exponent."""
    text = str(number)
    return format(number, "f") if "E" in text else text


def check_flag(field: str, value: object) -> None:
    """Check that a value is a boolean or `None`."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{field} must be True, False or None, not {value!r}")


def check_choice(field: str, value: object, allowed: Collection[str]) -> None:
    """Check that a value is one of the allowed strings, or `None`."""
    if value is not None and value not in allowed:
        choices = ", ".join(repr(str(choice)) for choice in allowed)
        raise InvalidParameter(field, f"one of {choices}", value)


def checked_integer(field: str, value: object, least: int | None = None) -> int:
    """Return an integer that is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{field} must be an integer, not {value!r}")
    if least is not None and value < least:
        raise InvalidParameter(field, f"at least {least}", value)
    return value


def checked_userref(field: str, value: object) -> int:
    """Return an `order_userref`: a signed 32-bit integer (REST API, `userref`)."""
    number = checked_integer(field, value)
    if not -_MAX_USERREF <= number < _MAX_USERREF:
        raise InvalidParameter(field, "a signed 32-bit integer", value)
    return number


def checked_text(field: str, value: object) -> str:
    """Return a string that is printable and not empty."""
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a string, not {value!r}")
    if not value or not value.isprintable():
        raise InvalidParameter(field, "a printable string that is not empty", value)
    return value


def checked_client_id(field: str, value: object) -> str:
    """Return a `cl_ord_id`."""
    text = checked_text(field, value)
    if not _CLIENT_ID.fullmatch(text):
        forms = "a UUID with dashes, 32 hex digits, or at most 18 ASCII characters"
        raise InvalidParameter(field, forms, value)
    return text


def client_id_key(name: str) -> str:
    """Return the same key for all spellings of a `cl_ord_id`.

    The exchange converts it to 128 bits (page "Add Order"), so a UUID may come back without dashes
    or in another case.
    """
    if len(name) not in (32, 36):
        return name
    plain = name.replace("-", "")
    return plain.lower() if len(plain) == 32 else name


def checked_time(field: str, value: object, timespec: str) -> str:
    """Return a time as RFC 3339 text.

    Args:
        field: name of the parameter.
        value: text or a `datetime`, with a time zone.
        timespec: precision to which a `datetime` is truncated: `milliseconds` or `seconds`.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidParameter(field, "a datetime with a time zone", value)
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec=timespec).removesuffix("+00:00") + "Z"
    if not isinstance(value, str):
        hint = ": pass a point in time, not a duration" if isinstance(value, timedelta) else ""
        raise TypeError(f"{field} must be RFC 3339 text or a datetime, not {value!r}{hint}")
    has_zone = re.search(r"(Z|z|[+-]\d\d:\d\d)$", value)
    if timestamp_ns(value) is None or has_zone is None:
        raise InvalidParameter(field, "RFC 3339 text like '2026-01-31T12:00:00.000Z'", value)
    return value


def checked_list(field: str, value: object) -> list[Any]:
    """Return the items of a collection, other than a string or mapping, as a new list."""
    if isinstance(value, str):
        raise TypeError(f"{field} must be a list: use [{value!r}]")
    if not isinstance(value, Collection) or isinstance(value, bytes | Mapping):
        raise TypeError(f"{field} must be a list, not {type(value).__name__}")
    return list(value)


def checked_symbol(symbol: object) -> str:
    """Return the symbol of a pair."""
    if not isinstance(symbol, str):
        raise TypeError(f"a symbol must be a string like 'BTC/USD', not {symbol!r}")
    return _good_symbol(symbol)


@lru_cache(maxsize=4096)
def _good_symbol(symbol: str) -> str:
    base, slash, quote = parts = symbol.partition("/")
    if not (base and slash and quote) or "/" in quote or symbol != "".join(symbol.split()):
        raise InvalidParameter("symbol", "BASE/QUOTE, like 'BTC/USD'", symbol)
    for code in (base, quote):
        modern = _LEGACY_CODES.get(code.upper())
        if modern:
            right = "".join(_LEGACY_CODES.get(part.upper(), part.upper()) for part in parts)
            raise InvalidParameter(
                "symbol", f"{right!r}, as {code} is {modern} in the v2 API", symbol
            )
    # Tokenized assets end in a lower-case x: TSLAx/USD.
    if base.removesuffix("x") != base.removesuffix("x").upper() or quote != quote.upper():
        raise InvalidParameter("symbol", f"in upper case, {symbol.upper()!r}", symbol)
    return symbol
