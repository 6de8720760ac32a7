"""One book as a ladder: asks above, bids below, the best of both next to the spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from rich.console import Console
from rich.text import Text

from .digits import count, plain, significant, since
from .views import BookView, Level, Queue

_GAP = 1
_LEAST_BAR = 4
_BID, _ASK = "green", "red"
#: Style of the last trade, by the side of its taker.
_SIDES = {"buy": _BID, "sell": _ASK}
#: Dark, so that the numbers stand out.
_BAR = {_BID: "color(22)", _ASK: "color(52)"}
#: Style of every other order of a queue.
_OTHER = {_BID: "color(28)", _ASK: "color(88)"}
#: Characters for the number of orders at one price; longer numbers are cut off.
_COUNT = 3

_REASONS = {
    "awaiting_snapshot": "waiting for a snapshot",
    "stale": "checksum failed, resync",
    "quarantined": "quarantined, keeps failing",
}


@dataclass(frozen=True)
class Glyphs:
    """The characters that a screen draws with.

    Attributes:
        eighths: the last character of a bar, by the number of its eighths that are filled.
        edge: the end of an order in a queue.
    """

    eighths: str = " ▏▎▍▌▋▊▉█"
    good: str = "✓"
    bad: str = "✗"
    line: str = "─"
    dot: str = "●"
    edge: str = "▊"


UNICODE = Glyphs()
ASCII = Glyphs(eighths="    ####", good="ok", bad="bad", line="-", dot="*", edge="]")


def glyphs(console: Console) -> Glyphs:
    """Return the characters that a console can show."""
    return UNICODE if console.encoding.lower().startswith("utf") else ASCII


@dataclass(frozen=True)
class Columns:
    """The widths of a ladder's columns, in characters.

    Attributes:
        price: of prices.
        qty: of quantities.
        total: of cumulative quantities, 0 omits them.
        bar: of the bars, 0 omits them.
        count: of the numbers of orders, 0 omits them.
    """

    price: int
    qty: int
    total: int = 0
    bar: int = 0
    count: int = 0

    @classmethod
    def fit(cls, width: int, price: int, qty: int) -> Columns:
        """Fit prices and quantities with all digits, then a bar, then totals."""
        room = width - price - qty - 2 * _GAP
        # The sum of ten levels has one more digit, that of 25 rarely more.
        total = qty + 1
        if room >= total + 2 * _GAP + 2 * _LEAST_BAR:
            return cls(price, qty + 1, total + 1, room - total - 2 * _GAP - 1)
        return cls(price, qty, 0, room - 1 if room > _LEAST_BAR else 0)

    @classmethod
    def fit_orders(cls, width: int, price: int, qty: int) -> Columns:
        """Fit prices and quantities with all digits, then the counts, then the queues."""
        room = width - price - qty - 2 * _GAP
        if room < _COUNT + _GAP:
            return cls(price, qty)
        bar = room - _COUNT - _GAP - 1
        return cls(price, qty, bar=bar if bar >= _LEAST_BAR else 0, count=_COUNT)


def least_width(widths: tuple[int, int]) -> int:
    """Return the narrowest ladder that cuts off no digit."""
    return sum(widths) + _GAP


def height(levels: int) -> int:
    """Return the number of lines of a ladder with `levels` levels per side."""
    return 2 * levels + 2


def ladder(
    view: BookView,
    *,
    width: int,
    levels: int,
    widths: tuple[int, int] | None = None,
    glyphs: Glyphs = UNICODE,
) -> list[Text]:
    """Return the lines of a ladder, each `width` characters.

    Args:
        view: the book; without levels the ladder shows the reason.
        width: characters, at least `least_width`.
        levels: levels of each side.
        widths: characters of prices and quantities, so that columns do not move when the
            numbers change; by default those of the present numbers.
        glyphs: characters for bars and marks.
    """
    asks, bids = view.asks[:levels], view.bids[:levels]
    if view.has_orders:
        columns = Columns.fit_orders(width, *(widths or view.widths))
        scale = max((qty for _, qty in (*asks, *bids)), default=Decimal(0))
    else:
        columns = Columns.fit(width, *(widths or view.widths))
        scale = max(_sum(asks), _sum(bids))
    lines = [
        _title(view, width, levels, glyphs),
        *_blank(levels - len(asks), width),
        *reversed(_side(asks, view.ask_queues, _ASK, columns, scale, glyphs)),
        _middle(view, width, glyphs),
        *_side(bids, view.bid_queues, _BID, columns, scale, glyphs),
        *_blank(levels - len(bids), width),
    ]
    for line in lines:
        line.truncate(width, pad=True)
    return lines


def _title(view: BookView, width: int, levels: int, glyphs: Glyphs) -> Text:
    title = Text(no_wrap=True).append(view.symbol, "bold")
    marks = Text().append(f"{glyphs.good} {count(view.verified)}", "green")
    if view.mismatches:
        marks.append(f" {glyphs.bad} {count(view.mismatches)}", style="bold red")
    room = width - title.cell_len - len(marks) - 1
    for words, style in _fitting(list(_remarks(view, levels)), room):
        title.append(f"  {words}", style)
    return justified(title, marks, width)


def _remarks(view: BookView, levels: int) -> Iterator[tuple[str, str, str]]:
    """Yield the remarks of a title, the most important first: short form, full form, style."""
    shown = min(levels, view.depth)
    if shown < view.subscribed:
        yield f"{shown}/{view.subscribed}", f"{shown} of {view.subscribed} levels", "dim"
    if view.last is not None:
        price, style = plain(view.last), _SIDES.get(view.last_side, "")
        yield price, f"last {price}", style
    if view.age is not None:
        age = since(view.age)
        yield age, f"{age} ago", "dim"


def _fitting(remarks: Sequence[tuple[str, str, str]], room: int) -> list[tuple[str, str]]:
    """Return the remarks that fit, preferring all in short form to one in full form."""
    taken: list[tuple[str, str, str]] = []
    for remark in remarks:
        room -= len(remark[0]) + 2
        if room < 0:
            room += len(remark[0]) + 2
            continue
        taken.append(remark)
    said = []
    for brief, full, style in taken:
        has_room = room >= len(full) - len(brief)
        room -= (len(full) - len(brief)) * has_room
        said.append((full if has_room else brief, style))
    return said


def _middle(view: BookView, width: int, glyphs: Glyphs) -> Text:
    if view.state != "valid":
        return Text(_REASONS.get(view.state, view.state), style="yellow", no_wrap=True)
    line = Text(f"{glyphs.line} spread {plain(view.spread)} ", style="dim", no_wrap=True)
    if view.spread_bp is not None:
        bp = f"{view.spread_bp:.2f} bp "
        if len(line) + len(bp) < width:
            line.append(f"{glyphs.line} {bp}" if len(line) + len(bp) + 2 < width else bp)
    if view.has_orders:
        orders = sum(map(len, (*view.bid_queues, *view.ask_queues)))
        words = f"{glyphs.line} {count(orders)} orders "
        line.append(words if len(line) + len(words) < width else "")
    line.append(glyphs.line * (width - len(line)))
    return line


def _side(
    rows: Sequence[Level],
    queues: Sequence[Queue],
    style: str,
    columns: Columns,
    scale: Decimal,
    glyphs: Glyphs,
) -> list[Text]:
    totals = list(accumulate(qty for _, qty in rows))
    lines = []
    for place, ((price, qty), total) in enumerate(zip(rows, totals, strict=True)):
        line = Text(no_wrap=True)
        line.append(plain(price).rjust(columns.price), f"bold {style}" if place == 0 else style)
        _append_number(line, plain(qty), columns.qty)
        if columns.count:
            line.append(str(len(queues[place])).rjust(columns.count + _GAP), "dim")
        if columns.total:
            _append_number(line, plain(total), columns.total, "dim")
        if columns.bar:
            line.append(" " * _GAP)
            if queues:
                line.append_text(queue_bar(queues[place], scale, columns.bar, style, glyphs))
            else:
                line.append(bar(total / scale, columns.bar, glyphs), _BAR[style])
        lines.append(line)
    return lines


def queue_bar(queue: Queue, scale: Decimal, width: int, style: str, glyphs: Glyphs) -> Text:
    """Return the orders of a level in a row, each with a visible end.

    Args:
        queue: their quantities, first to trade first.
        scale: the quantity that fills the width.
        width: characters.
        style: style of the side.
        glyphs: characters for bars.
    """
    line = Text(no_wrap=True)
    for place, qty in enumerate(queue):
        eighths = round(qty / scale * width * 8)
        cells = eighths // 8
        # The smallest order stays visible; below one character, eighths show the size.
        drawn = (
            glyphs.eighths[-1] * (cells - 1) + glyphs.edge
            if cells
            else glyphs.eighths[min(max(eighths, 1), 5)].strip() or glyphs.edge
        )
        line.append(drawn, (_BAR if place % 2 == 0 else _OTHER)[style])
    line.truncate(width, pad=True)
    return line


def _append_number(line: Text, digits: str, width: int, style: str = "") -> None:
    """Append a right-aligned number with dimmed trailing zeros."""
    end = significant(digits)
    line.append(digits[:end].rjust(width + _GAP - (len(digits) - end)), style)
    line.append(digits[end:], "dim")


def bar(share: Decimal, width: int, glyphs: Glyphs) -> str:
    """Return a bar that fills `share` of `width` characters, to an eighth of a character."""
    filled, rest = divmod(round(share * width * 8), 8)
    return (glyphs.eighths[-1] * filled + (glyphs.eighths[rest] if rest else "")).ljust(width)


def justified(left: Text, right: Text, width: int) -> Text:
    """Return a line with text at both ends; a left text that is too long is cut."""
    line = left.copy()
    line.truncate(max(width - len(right) - 1, 0), pad=True)
    line.append(" ")
    line.append_text(right)
    line.truncate(width)
    return line


def _sum(rows: Sequence[Level]) -> Decimal:
    return sum((qty for _, qty in rows), Decimal(0))


def _blank(lines: int, width: int) -> list[Text]:
    return [Text(" " * width) for _ in range(lines)]
