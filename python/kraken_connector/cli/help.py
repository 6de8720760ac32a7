"""What the keys do and what the figures on a screen mean."""

from __future__ import annotations

import textwrap

from rich.text import Text

_KEYS = (
    ("q", "leave, with a summary"),
    ("?", "this page, and back"),
    ("arrows", "the next or previous book or ticker, if not all fit"),
)
_FIGURES = (
    ("messages", "channel messages received, and how many a second lately"),
    ("verified", "book messages whose checksum was the exchange's"),
    (
        "mismatches",
        "book messages whose checksum was not; the book is empty until a snapshot is verified",
    ),
    (
        "latency",
        "from the exchange's time to ours: half were faster than p50, 99 of 100 than p99",
    ),
    ("reconnects", "connections after the first one"),
    ("gaps", "times when messages may have been missed"),
    ("10 of 25 levels", "how many of the subscribed levels are shown, for each side"),
    ("last", "price of the last trade, green when the taker bought"),
    ("0.3 s ago", "time since the last message of this book"),
    ("spread, bp", "best ask minus best bid, and in hundredths of a percent"),
    ("bars", "quantities added up from the spread; in level3 single orders"),
)


def help_lines(width: int, lines: int) -> list[Text]:
    """Return the page, as much of it as `lines` lines of `width` characters hold."""
    drawn = [Text("kraken-ws", "bold").append("  ? or q leads back", "dim"), Text("")]
    for rows in (_KEYS, _FIGURES):
        drawn += [line for row in rows for line in _row(*row, width)] + [Text("")]
    for line in drawn:
        line.truncate(width)
    return drawn[:lines]


def _row(name: str, meaning: str, width: int) -> list[Text]:
    indent = max(len(name) for name, _ in _FIGURES) + 2
    parts = textwrap.wrap(meaning, max(width - indent, 10))
    first = Text(name.ljust(indent), "bold", no_wrap=True).append(parts[0], "not bold")
    return [first, *(Text(" " * indent + part, no_wrap=True) for part in parts[1:])]
