"""When announced maintenance starts, as far as an announcement can be read.

What stands in `upcoming_maintenance` is not documented. Kraken's REST page "Get System Status" says
that it lists events which start within 72 hours, and that an entry vanishes when its window starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from ...models._time import timestamp_ns

__all__ = ["maintenance_start"]

INF = float("inf")
#: 2015 to 2100: epoch numbers outside are something else, like an id or a duration.
_PLAUSIBLE = (1_420_070_400, 4_102_444_800)
#: Seconds, milliseconds, microseconds and nanoseconds.
_EPOCH_UNITS = (1, 10**3, 10**6, 10**9)
_NUMBER = re.compile(r"\d{10,19}(\.\d+)?", re.ASCII)
#: Keys whose times say nothing about the maintenance itself.
_UNRELATED = re.compile(r"creat|updat|publish|modif|announce|resolve|(^|_)ids?$")
_END = re.compile(r"end|until|finish|complete|(^|_)to$")
_START = re.compile(r"start|begin|from|scheduled|(^|_)at$")


def maintenance_start(announcement: Any, now: float) -> float | None:
    """Return when an announced maintenance starts, seconds since the epoch.

    Times are looked for in all texts and numbers of the announcement: RFC 3339 with or without
    seconds, a plain date (its midnight, UTC), the dates of HTTP, and seconds since the epoch or
    their thousandths. Those whose key speaks of a start count first. The start is the earliest time
    ahead, or a past one of a maintenance whose end is still ahead.

    Args:
        announcement: one entry of `upcoming_maintenance`.
        now: seconds since the epoch by the exchange's clock.

    Returns:
        Infinity if no start is ahead, `None` if the announcement has no time that can be read.
    """
    times = list(_times(announcement, "other"))
    if not times:
        return None
    starts = [at for role, at in times if role == "start"]
    ends = [at for role, at in times if role == "end"]
    ahead = [at for at in starts or (at for role, at in times if role == "other") if at > now]
    if not ahead and starts and any(at > now for at in ends):
        return min(starts)
    return min(ahead, default=INF)


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
