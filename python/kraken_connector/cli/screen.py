"""The full screen: a grid of ladders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.text import Text

from .ladder import UNICODE, Glyphs, height, ladder, least_width
from .views import BookView

T = TypeVar("T")

_GAP = 2
_WIDEST = 80
#: Narrower ladders are stacked instead, if that costs no levels.
_COMFORTABLE = 24
#: Another row of books needs at least this many levels.
_LEAST_LEVELS = 3


@dataclass(frozen=True)
class Grid:
    """The number and size of the ladders on a screen.

    Attributes:
        rows: stacked ladders.
        columns: ladders side by side.
        levels: levels of each side.
        width: characters of one ladder.
    """

    rows: int
    columns: int
    levels: int
    width: int

    @property
    def cells(self) -> int:
        """Number of ladders that fit."""
        return self.rows * self.columns


def grid(books: int, depth: int, *, least: int, width: int, lines: int) -> Grid:
    """Return the grid that shows the most books, and of those the most levels.

    Args:
        books: number of books.
        depth: levels of each.
        least: characters that one ladder needs.
        width: characters of the screen.
        lines: lines of the screen.
    """
    most = max(min(books, (width + _GAP) // (least + _GAP)), 1)
    rows = -(-books // most)
    while rows > 1 and _levels(lines, rows) < min(depth, _LEAST_LEVELS):
        rows -= 1
    while _share(width, -(-books // rows)) < _COMFORTABLE and _levels(lines, rows + 1) >= depth:
        rows += 1
    columns = min(most, -(-books // rows))
    share = _share(width, columns)
    levels = max(min(depth, _levels(lines, rows)), 1)
    return Grid(rows, columns, levels, max(least, min(share, _WIDEST)))


def _share(width: int, columns: int) -> int:
    return (width + _GAP) // columns - _GAP


def _levels(lines: int, rows: int) -> int:
    return (lines // rows - height(0)) // 2


class Ladders:
    """Draws books, with column widths that never shrink.

    Attributes:
        shown: number of books that fitted.
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        self.shown = 0
        self._glyphs = glyphs
        self._widths: dict[str, tuple[int, int]] = {}

    def lines(
        self, books: Sequence[BookView], *, width: int, lines: int, shift: int = 0
    ) -> list[Text]:
        """Return the ladders that fit into `lines` lines, as deep as possible."""
        self.shown = 0
        if not books:
            return []
        for view in books:
            self._remember(view)
        depth = max(view.depth for view in books)
        least = max(least_width(self._widths[view.symbol]) for view in books)
        fit = grid(len(books), depth, least=least, width=width, lines=lines)
        shown = shifted(books, shift, fit.cells)
        self.shown = len(shown)
        spare = lines - fit.rows * height(fit.levels)
        drawn: list[Text] = []
        for start in range(0, len(shown), fit.columns):
            drawn += [Text("")] if start and spare >= fit.rows - 1 else []
            drawn += beside(
                [self._ladder(view, fit) for view in shown[start : start + fit.columns]]
            )
        return drawn

    def _remember(self, view: BookView) -> None:
        price, qty = self._widths.get(view.symbol, (0, 0))
        self._widths[view.symbol] = max(price, view.widths[0]), max(qty, view.widths[1])

    def _ladder(self, view: BookView, fit: Grid) -> list[Text]:
        return ladder(
            view,
            width=fit.width,
            levels=fit.levels,
            widths=self._widths[view.symbol],
            glyphs=self._glyphs,
        )


def shifted(things: Sequence[T], shift: int, room: int) -> Sequence[T]:
    """Return the items that fit; if not all do, start `shift` items later, cyclically."""
    start = shift % len(things) if len(things) > room else 0
    return [*things[start:], *things[:start]][:room]


def beside(blocks: Sequence[Sequence[Text]]) -> Iterator[Text]:
    """Join blocks with equal numbers of lines side by side."""
    for parts in zip(*blocks, strict=True):
        yield Text(" " * _GAP, no_wrap=True).join(parts)
