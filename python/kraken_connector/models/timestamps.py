"""Timestamps: RFC 3339 text, and integer nanoseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .base import Model

_RFC3339 = re.compile(
    # Newer versions of Python accept an hour of 24.
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


def timestamp_ns(text: str | None) -> int | None:
    """Return nanoseconds since the epoch, `None` if it is absent or not a timestamp.

    Up to nine digits after the second count. Text without a zone is UTC, because an example in the
    exchange's documentation has none.
    """
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    date, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}{offset}")
    except ValueError:
        return None
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = elapsed.days * 86_400 + elapsed.seconds
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def timestamp_text(at_ns: int) -> str:
    """Return nanoseconds since the epoch as the socket writes a time: RFC 3339, microseconds."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


class Timestamped(Model):
    """An item with the exchange's `timestamp`."""

    __slots__ = ()
    timestamp: str | None

    @property
    def timestamp_ns(self) -> int | None:
        """`timestamp` in nanoseconds since the epoch."""
        return timestamp_ns(self.timestamp)
