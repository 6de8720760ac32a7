"""Numbers as text: digits of the wire, counts, durations."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

_NS_PER_SECOND = 1_000_000_000


def plain(number: Decimal | None) -> str:
    """Return every digit that the exchange sent, never an exponent; `-` for an absent number."""
    return "-" if number is None else f"{number:f}"


def aligned(numbers: Sequence[str]) -> list[str]:
    """Pad texts of numbers to one width with their decimal points in one column."""
    parts = [text.partition(".") for text in numbers]
    before = max((len(whole) for whole, _, _ in parts), default=0)
    after = max((len(point + fraction) for _, point, fraction in parts), default=0)
    return [
        whole.rjust(before) + (point + fraction).ljust(after) for whole, point, fraction in parts
    ]


def significant(number: str) -> int:
    """Return the number of characters before the trailing zeros of a number."""
    return len(number.rstrip("0").rstrip(".")) if "." in number else len(number)


def count(number: int) -> str:
    """Return a count with thousands separators."""
    return f"{number:,}"


def rate(per_second: float) -> str:
    """Return events per second, with a decimal below 10."""
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"


def duration(ns: float | None) -> str:
    """Return a duration given in nanoseconds in a suitable unit; `-` for `None`."""
    if ns is None:
        return "-"
    if ns < 1_000_000:
        return f"{ns / 1_000:.0f} us" if ns >= 10_000 else f"{ns / 1_000:.1f} us"
    if ns < _NS_PER_SECOND:
        return f"{ns / 1_000_000:.1f} ms" if ns < 100_000_000 else f"{ns / 1_000_000:.0f} ms"
    return f"{ns / _NS_PER_SECOND:,.1f} s"


def clock(seconds: float) -> str:
    """Return a running time as minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def since(seconds: float) -> str:
    """Return an elapsed time, in tenths below 10 seconds."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"
