"""Tables for the live screen and the summaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from .digits import aligned

_GAP = 2


@dataclass(frozen=True)
class Column:
    """One column, top to bottom.

    Attributes:
        title: its heading.
        cells: its texts.
        styles: one for each cell, or empty.
        number: whether the cells are numbers, right-aligned at the decimal point.
    """

    title: str
    cells: Sequence[str]
    styles: Sequence[str] = ()
    number: bool = True


def table(columns: Sequence[Column], *, width: int) -> list[Text]:
    """Return a heading and the rows; columns that do not fit are omitted."""
    lines: list[Text] = []
    for column in columns:
        drawn = _draw(column)
        if not lines:
            lines = [Text(no_wrap=True).append_text(cell) for cell in drawn]
        elif lines[0].cell_len + _GAP + drawn[0].cell_len <= width:
            for line, cell in zip(lines, drawn, strict=True):
                line.append(" " * _GAP).append_text(cell)
    for line in lines:
        line.truncate(width)
    return lines


def _draw(column: Column) -> list[Text]:
    cells = aligned(column.cells) if column.number else list(column.cells)
    span = max(cell_len(text) for text in (column.title, *cells))
    heading, *placed = (_padded(text, span, column.number) for text in (column.title, *cells))
    styles = column.styles or [""] * len(cells)
    return [
        Text(heading, style="dim", no_wrap=True),
        *(
            Text(text, style=style, no_wrap=True)
            for text, style in zip(placed, styles, strict=True)
        ),
    ]


def _padded(text: str, span: int, on_the_left: bool) -> str:
    """Pad to a width on the screen, where some letters occupy two columns."""
    blank = " " * (span - cell_len(text))
    return blank + text if on_the_left else text + blank
