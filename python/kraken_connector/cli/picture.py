"""Books on the screen, for demo, watch and replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rich.text import Text

from .digits import plain
from .frame import framed
from .ladder import Glyphs
from .report import book_table
from .screen import Ladders
from .status import Status, latency_chart, plain_line
from .views import BookView

_CHART_WIDTH = 44
_GAP = 3
#: Show details about the books only with more free lines than this.
_FEWEST_DETAILS = 3


class BookSource(Protocol):
    """A source of books: a client, or a file that is replayed."""

    def books(self) -> list[BookView]:
        """Return the books as they are now."""

    def status(self) -> Status:
        """Return the state of the session."""


@dataclass(frozen=True)
class Moment:
    """The data of one screen."""

    status: Status
    books: Sequence[BookView]


class BookPicture:
    """Ladders with a line above and a line below, and details of each book if there is room.

    Args:
        source: the books to show.
        glyphs: characters for bars and marks.
    """

    def __init__(self, source: BookSource, glyphs: Glyphs) -> None:
        self._source = source
        self._glyphs = glyphs
        self._ladders = Ladders(glyphs)

    def capture(self) -> Moment:
        """Return the books and the state of the session."""
        return Moment(self._source.status(), self._source.books())

    def screen(self, moment: Moment, width: int, lines: int, shift: int = 0) -> list[Text]:
        """Return at most `lines` lines of at most `width` characters."""
        body = self._ladders.lines(moment.books, width=width, lines=lines - 2, shift=shift)
        spare = lines - 5 - len(body)
        if moment.books and spare > _FEWEST_DETAILS:
            body += [Text(""), *self._details(moment, width, spare)]
        return framed(self._counted(moment), body, width, lines, self._glyphs)

    def _counted(self, moment: Moment) -> Status:
        """Add the number of visible books to the status, unless all are visible."""
        shown, there = self._ladders.shown, len(moment.books)
        if shown == there:
            return moment.status
        source = f"{shown} of {there} books, {moment.status.source}"
        return replace(moment.status, source=source)

    def _details(self, moment: Moment, width: int, lines: int) -> list[Text]:
        table = book_table(moment.books, width=width, is_live=True)[:lines]
        room = min(width - table[0].cell_len - _GAP, _CHART_WIDTH)
        chart = latency_chart(moment.status.latency, width=room, lines=lines, glyphs=self._glyphs)
        if room < _CHART_WIDTH // 2 or not chart:
            return table
        blank = Text(" " * table[0].cell_len)
        rows = max(len(table), len(chart))
        left = [*table, *[blank] * (rows - len(table))]
        right = [*chart, *[Text("")] * (rows - len(chart))]
        gap = Text(" " * _GAP)
        return [Text.assemble(a, gap, b) for a, b in zip(left, right, strict=True)]

    def line(self, moment: Moment) -> str:
        """Return the session and the best prices of each book in one line."""
        return plain_line(moment.status, [_best(view) for view in moment.books])

    def rest(self, moment: Moment) -> str:
        """Return nothing: the summary has the final state."""
        return ""


def _best(view: BookView) -> str:
    if view.state != "valid":
        return f"{view.symbol} {view.state}"
    bid, ask = plain(view.best_bid), plain(view.best_ask)
    if view.has_orders:
        ahead = [len(queues[0]) if queues else 0 for queues in (view.bid_queues, view.ask_queues)]
        return f"{view.symbol} {bid} x{ahead[0]}/{ask} x{ahead[1]}"
    return f"{view.symbol} {bid}/{ask}"
