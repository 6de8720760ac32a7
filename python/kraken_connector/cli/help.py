"""What the keys do and what the figures on a screen mean."""

from __future__ import annotations

import textwrap

from rich.text import Text

from .ladder import Glyphs

_KEYS = (
    ("q", "leave, with a summary"),
    ("?", "this page, and back"),
    ("arrows", "the next or previous book or ticker, or line of this page, if not all fit"),
)
_FIGURES = (
    ("messages", "channel messages received, and how many a second lately"),
    ("{good} verified", "book messages whose checksum was the exchange's"),
    (
        "{bad} mismatches",
        "book messages whose checksum was not; the book is empty until a snapshot is verified",
    ),
    (
        "latency",
        "from the exchange's time to ours: half were faster than p50, 99 of 100 than p99",
    ),
    ("reconnects", "connections after the first one"),
    ("gaps", "times when messages may have been missed"),
    ("10 of 25, 10/25", "how many of the subscribed levels are shown, for each side"),
    ("last", "price of the last trade, green when the taker bought"),
    ("0.3 s ago", "time since the last message of this book"),
    ("spread, bp", "best ask minus best bid, and in hundredths of a percent"),
    ("bars", "quantities added up from the spread, and where there is room the sum before them"),
    ("level3", "how many orders a level has, and each as long as its quantity"),
    ("ticker", "change, volume, low, high, vwap and trades are of the last 24 hours"),
)


def help_lines(width: int, lines: int, above: int, glyphs: Glyphs) -> tuple[list[Text], int]:
    """Return as much of the page as `lines` lines of `width` characters hold.

    Args:
        width: characters of the screen.
        lines: lines of the screen.
        above: how many lines of the page are left out above, if not all fit.
        glyphs: characters for marks.

    Returns:
        The lines, and how many are left out above them.
    """
    figures = [(name.format(good=glyphs.good, bad=glyphs.bad), what) for name, what in _FIGURES]
    page = [
        *(line for row in _KEYS for line in _row(*row, width)),
        Text(""),
        *(line for row in figures for line in _row(*row, width)),
    ]
    room = max(lines - 2, 1)
    above = min(above, max(len(page) - room, 0))
    title = Text("kraken-ws", "bold").append("  ? or q leads back", "dim not bold")
    drawn = [title, Text(""), *page[above : above + room]]
    for line in drawn:
        line.truncate(width)
    return drawn[:lines], above


def _row(name: str, meaning: str, width: int) -> list[Text]:
    indent = max(len(name) for name, _ in _FIGURES) + 2
    parts = textwrap.wrap(meaning, max(width - indent, 10))
    first = Text(name.ljust(indent), "bold", no_wrap=True).append(parts[0], "not bold")
    return [first, *(Text(" " * indent + part, no_wrap=True) for part in parts[1:])]
