"""The start of announced maintenance, as far as an announcement can be parsed.

Kraken does not document the content of `upcoming_maintenance`. Its REST page "Get System Status"
says that it lists events that start within 72 hours, and that an entry is removed at its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from math import inf
from typing import Any

from ...models.timestamps import timestamp_ns

__all__ = ["maintenance_start"]

#: 2015 to 2100: other numbers are not times, but ids or durations.
_PLAUSIBLE = (1_420_070_400, 4_102_444_800)
#: Seconds, milliseconds, microseconds and nanoseconds.
_EPOCH_UNITS = (1, 10**3, 10**6, 10**9)
_NUMBER = re.compile(r"\d{10,19}(\.\d+)?", re.ASCII)
#: Keys whose times are not those of the maintenance.
_UNRELATED = re.compile(r"creat|updat|publish|modif|announce|resolve|(^|_)ids?$")
_END = re.compile(r"end|until|finish|complete|(^|_)to$")
_START = re.compile(r"start|begin|from|scheduled|(^|_)at$")


def maintenance_start(announcement: Any, now: float) -> float | None:
    """Return when an announced maintenance starts, seconds since the epoch.

    All texts and numbers of the announcement are searched for times: RFC 3339 with or without
    seconds, a date (midnight, UTC), an HTTP date, and seconds since the epoch or fractions of them.
    Times whose key names a start take precedence. The start is the earliest future time, or a past
    one if the maintenance ends in the future.

    Args:
        announcement: one entry of `upcoming_maintenance`.
        now: seconds since the epoch by the exchange's clock.

    Returns:
        Infinity if no start is in the future, `None` if no time can be parsed.
    """
    times = list(_times(announcement, "other"))
    if not times:
        return None
    starts = [at for role, at in times if role == "start"]
    ends = [at for role, at in times if role == "end"]
    ahead = [at for at in starts or (at for role, at in times if role == "other") if at > now]
    if not ahead and starts and any(at > now for at in ends):
        return min(starts)
    return min(ahead, default=inf)


def _times(value: Any, role: str) -> Iterator[tuple[str, float]]:
    """Yield the times in a value, each with its role: `start`, `end` or `other`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = str(key).lower()
            if not _UNRELATED.search(name):
                yield from _times(inner, _role(name) or role)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _times(inner, role)
    elif (at := _time(value)) is not None:
        yield role, at


def _role(name: str) -> str | None:
    if _END.search(name):
        return "end"
    return "start" if _START.search(name) else None


def _time(value: Any) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        return _epoch(text) if _NUMBER.fullmatch(text) else _date(text)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _epoch(value)
    return None


def _epoch(value: str | int | float | Decimal) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    least, most = _PLAUSIBLE
    return next(
        (number / unit for unit in _EPOCH_UNITS if least * unit <= number <= most * unit), None
    )


def _date(text: str) -> float | None:
    if (at_ns := timestamp_ns(text)) is not None:
        return at_ns / 1e9
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text.replace(" UTC", "Z"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
