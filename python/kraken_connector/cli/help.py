"""The help page: keys, and the figures on a screen."""

from __future__ import annotations

import textwrap

from rich.text import Text

from .ladder import Glyphs

_KEYS = (
    ("q", "quit, with a summary"),
    ("?", "show or close this page"),
    ("arrows", "scroll by a book, ticker, or line of this page, if not all fit"),
)
_FIGURES = (
    ("messages", "channel messages received, and the recent rate per second"),
    ("{good} verified", "book messages whose checksum matched"),
    (
        "{bad} mismatches",
        "book messages whose checksum did not match; the book is empty until a snapshot verifies",
    ),
    (
        "latency",
        "from the exchange's time to ours: half were faster than p50, 99 of 100 than p99",
    ),
    ("reconnects", "connections after the first one"),
    ("gaps", "times in which messages may have been missed"),
    ("10 of 25, 10/25", "levels shown and levels subscribed, for each side"),
    ("last", "price of the last trade, green if the taker bought"),
    ("0.3 s ago", "time since the last message of this book"),
    ("spread, bp", "best ask minus best bid, and in hundredths of a percent"),
    ("bars", "cumulative quantity from the spread; in wide ladders its number precedes the bar"),
    ("level3", "number of orders of a level, and each order as long as its quantity"),
    ("ticker", "change, volume, low, high, vwap and trades are of the last 24 hours"),
)


def help_lines(width: int, lines: int, above: int, glyphs: Glyphs) -> tuple[list[Text], int]:
    """Return the part of the page that fits into `lines` lines of `width` characters.

    Args:
        width: characters of the screen.
        lines: lines of the screen.
        above: number of lines of the page to skip, if not all fit.
        glyphs: characters for marks.

    Returns:
        The lines, and the number of lines skipped.
    """
    figures = [(name.format(good=glyphs.good, bad=glyphs.bad), what) for name, what in _FIGURES]
    page = [
        *(line for row in _KEYS for line in _row(*row, width)),
        Text(""),
        *(line for row in figures for line in _row(*row, width)),
    ]
    room = max(lines - 2, 1)
    above = min(above, max(len(page) - room, 0))
    title = Text("kraken-ws", "bold").append("  ? or q goes back", "dim not bold")
    drawn = [title, Text(""), *page[above : above + room]]
    for line in drawn:
        line.truncate(width)
    return drawn[:lines], above


def _row(name: str, meaning: str, width: int) -> list[Text]:
    indent = max(len(name) for name, _ in _FIGURES) + 2
    parts = textwrap.wrap(meaning, max(width - indent, 10))
    first = Text(name.ljust(indent), "bold", no_wrap=True).append(parts[0], "not bold")
    return [first, *(Text(" " * indent + part, no_wrap=True) for part in parts[1:])]
