"""Pages of rows, newest first, and their bounds.

Source: the spec of `ClosedOrders` and `TradesHistory`: 50 rows a page, `start` is exclusive, `end`
inclusive, both in seconds or an id, whose time counts then; `count` is the total of all pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..trading.refusals import bad
from . import forms
from .forms import Params, Reader
from .numbers import SECOND_NS

T = TypeVar("T")

PAGE = 50


def bound(value: object) -> int | str:
    """Read a bound: seconds, or an id."""
    try:
        return forms.count(value)
    except ValueError:
        return forms.text(value)


READERS: dict[str, Reader] = {
    "start": bound,
    "end": bound,
    "ofs": forms.count,
    "without_count": forms.flag,
}


def within(params: Params, time_of: Callable[[str], int | None]) -> Callable[[int], bool]:
    """Return whether a time is within the bounds of a call.

    Args:
        params: of the call.
        time_of: returns the time of an id, ns since the epoch, if it is known.

    Raises:
        Refused: an id is unknown.
    """
    start = _ns(params, "start", time_of)
    end = _ns(params, "end", time_of)
    return lambda ns: (start is None or ns > start) and (end is None or ns <= end)


def cut(params: Params, name: str, rows: Sequence[T], size: int = PAGE) -> tuple[Any, Sequence[T]]:
    """Return the page of a call.

    Args:
        params: of the call.
        name: of the object that has the rows.
        rows: all rows, newest first.
        size: the most rows of a page.

    Returns:
        The result with an empty object, and the rows to fill it with.
    """
    offset = params.get("ofs", 0)
    count = {} if params.get("without_count", False) else {"count": len(rows)}
    return {name: {}, **count}, rows[offset : offset + size]


def _ns(params: Params, name: str, time_of: Callable[[str], int | None]) -> int | None:
    given = params.get(name)
    if given is None or isinstance(given, int):
        return None if given is None else given * SECOND_NS
    found = time_of(given)
    if found is None:
        raise bad(name)
    return found
