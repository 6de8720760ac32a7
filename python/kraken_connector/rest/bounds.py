"""Times and identifiers that bound a listing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from ..exceptions import InvalidParameter
from ..models.checks import checked_integer, checked_text

__all__ = ["Bound", "Moment", "bound_text", "cursor_text", "seconds_text"]

Moment: TypeAlias = int | datetime
"""A time: seconds or nanoseconds since the epoch, or a `datetime` with a time zone."""

Bound: TypeAlias = str | int | datetime
"""A bound of a listing: a `Moment`, or an identifier of a row."""

#: An integer from here on counts nanoseconds: they are those of 1970, and seconds of the year 3e7.
NANOSECONDS: Final = 10**15
_SECOND: Final = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bound_text(field: str, bound: Bound, *, is_end: bool) -> str:
    """Return a bound as it is sent.

    The exchange takes whole seconds. Fractions are rounded outward, so that nothing is left out.
    """
    if isinstance(bound, str):
        return checked_text(field, bound)
    nanoseconds = _nanoseconds(field, bound)
    return str(-(-nanoseconds // _SECOND) if is_end else nanoseconds // _SECOND)


def seconds_text(field: str, time: Moment) -> str:
    """Return a time in whole seconds."""
    return str(_nanoseconds(field, time) // _SECOND)


def cursor_text(field: str, time: Moment) -> str:
    """Return a time in nanoseconds, as `Trades` takes it."""
    return str(_nanoseconds(field, time))


def _nanoseconds(field: str, time: Any) -> int:
    if isinstance(time, datetime):
        if time.utcoffset() is None:
            raise InvalidParameter(field, "a datetime with a time zone", time)
        return (time - _EPOCH) // timedelta(microseconds=1) * 1000
    number = checked_integer(field, time, 0)
    return number if number >= NANOSECONDS else number * _SECOND
