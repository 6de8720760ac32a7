"""Reads the fields of a REST reply: exact numbers, times in nanoseconds, and clear errors.

The exchange writes numbers of money as strings in nearly all replies, and some as bare numbers, so
both are accepted everywhere. Times are numbers of seconds with more digits than a `float` holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, overload

from ...exceptions import RestError
from ..base import exact_number, is_number_text
from ..decimals import multiply

__all__ = ["Row", "moment"]

#: Seconds of the year 2286; a time beyond is none.
LATEST = 10**10
_NANOSECONDS = Decimal(10**9)
_INTEGER = re.compile(r"-?\d{1,40}", re.ASCII)
#: Digits on either side of the point: more than any number of the exchange has.
DIGITS = 64
#: Characters of a value that an error shows.
_SHOWN = 60


class Row:
    """An object of a reply, and where it is in it.

    Absent fields and `null` are `None`. Fields that are not asked for may be anything.

    Args:
        call: the name of the call, such as `OpenOrders`.
        path: where the object is, empty for the whole result.
        value: the object.

    Raises:
        RestError: it is no object.
    """

    __slots__ = ("call", "path", "raw")

    def __init__(self, call: str, path: str, value: Any) -> None:
        self.call = call
        self.path = path
        if not isinstance(value, dict):
            self.refuse(None, "an object", value)
        self.raw: Mapping[str, Any] = value

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield the objects in this one, with their keys."""
        for key, value in self.raw.items():
            yield key, Row(self.call, self._place(key), value)

    def row(self, name: str) -> Row:
        """Return a nested object."""
        return Row(self.call, self._place(name), self._given(name, "an object"))

    def optional_row(self, name: str) -> Row | None:
        """Return a nested object, `None` if it is absent."""
        return None if self.raw.get(name) is None else self.row(name)

    def list_of_rows(self, name: str) -> list[Row]:
        """Return the objects of a list; an absent list is empty."""
        place = self._place(name)
        return [Row(self.call, f"{place}[{n}]", value) for n, value in enumerate(self.items(name))]

    def items(self, name: str) -> list[Any]:
        """Return a list; an absent one is empty."""
        value = self.raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, "a list", value)
        return value

    def cells(self, name: str, *, required: bool = False) -> Iterator[Row]:
        """Yield the rows of a table, a list of lists; the columns are the keys `0`, `1`, ..."""
        if required:
            self._given(name, "a list")
        table = self.numbered(name)
        for number in table.raw:
            yield table.numbered(number)

    def numbered(self, name: str) -> Row:
        """Return a list as an object with the keys `0`, `1`, ...; an absent one is empty."""
        values = {str(number): value for number, value in enumerate(self.items(name))}
        return Row(self.call, self._place(name), values)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; an absent one is empty."""
        values = self.items(name)
        for number, value in enumerate(values):
            if not isinstance(value, str):
                self.refuse(f"{name}[{number}]", "a string", value)
        return tuple(values)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a string with commas between them."""
        text = self.optional_text(name) or ""
        return tuple(word for part in text.split(",") if (word := part.strip()))

    def text(self, name: str) -> str:
        """Return a string."""
        value = self._given(name, "a string")
        if not isinstance(value, str) or not value:
            self.refuse(name, "a string", value)
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string, `None` if it is absent or empty."""
        return self.text(name) if self.raw.get(name) not in (None, "") else None

    def number(self, name: str) -> Decimal:
        """Return a number."""
        value = self._given(name, "a number")
        if isinstance(value, str):
            text = value.removeprefix("+")  # as in the `net` of positions
            number = exact_number(text) if is_number_text(text) else None
        else:
            is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
            number = Decimal(value) if is_number else None
        if number is None or not (number.is_finite() and -DIGITS < number.adjusted() < DIGITS):
            self.refuse(name, "a number", value)
        return number

    def optional_number(self, name: str) -> Decimal | None:
        """Return a number, `None` if it is absent or empty."""
        return self.number(name) if self.raw.get(name) not in (None, "") else None

    def nonzero(self, name: str) -> Decimal | None:
        """Return a number that is 0 where there is none: then, or if it is absent, `None`."""
        return self.optional_number(name) or None

    def integer(self, name: str) -> int:
        """Return an integer."""
        value = self._given(name, "an integer")
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(name, "an integer", value)
        return value

    def optional_integer(self, name: str) -> int | None:
        """Return an integer, `None` if it is absent."""
        return self.integer(name) if self.raw.get(name) is not None else None

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self._given(name, "a boolean")
        if not isinstance(value, bool):
            self.refuse(name, "a boolean", value)
        return value

    def optional_flag(self, name: str) -> bool | None:
        """Return a boolean, `None` if it is absent."""
        return self.flag(name) if self.raw.get(name) is not None else None

    def time_ns(self, name: str) -> int:
        """Return a time, sent as seconds since the epoch, in nanoseconds since the epoch."""
        seconds = self.number(name)
        if not 0 <= seconds < LATEST:
            self.refuse(name, "seconds since the epoch", self.raw[name])
        return int(multiply(seconds, _NANOSECONDS))

    def optional_time_ns(self, name: str) -> int | None:
        """Return a time in nanoseconds; `None` if it is absent, or 0, which means none."""
        return (self.time_ns(name) or None) if self.raw.get(name) is not None else None

    def cursor(self, name: str) -> str:
        """Return a string, also an empty one, or an integer as a string."""
        value = self._given(name, "a string")
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.refuse(name, "a string", value)
        return str(value)

    def _given(self, name: str, expected: str) -> Any:
        value = self.raw.get(name)
        if value is None:
            self.refuse(name, expected, None)
        return value

    def _place(self, name: str) -> str:
        if name.isdigit():
            return f"{self.path}[{name}]"
        return f"{self.path}.{name}" if self.path else name

    def refuse(self, name: str | None, expected: str, received: Any) -> NoReturn:
        """Raise the error of a field, or of this object if `name` is `None`.

        Raises:
            RestError: always.
        """
        place = self.path if name is None else self._place(name)
        where = f"{place} of the reply" if place else "the result of the reply"
        shown = "nothing" if received is None else repr(received)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}..."
        problem = f"{where} must be {expected}, not {shown}"
        raise RestError(self.call, problem, status=200, kind="other")


@overload
def moment(time_ns: int) -> datetime: ...
@overload
def moment(time_ns: int | None) -> datetime | None: ...
def moment(time_ns: int | None) -> datetime | None:
    """Return a time as a `datetime` in UTC, to the microsecond; `None` for none."""
    if time_ns is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
