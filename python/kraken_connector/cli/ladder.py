"""One book as a ladder: asks above, bids below, the best of both beside the spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from rich.text import Text

from .digits import count, plain, significant
from .views import BookView, Level

_GAP = 1
_LEAST_BAR = 4
_BID, _ASK = "green", "red"
#: Dark enough for the numbers to stay the first thing one sees.
_BAR = {_BID: "color(22)", _ASK: "color(52)"}

_REASONS = {
    "awaiting_snapshot": "waiting for a snapshot",
    "stale": "checksum failed, resync",
    "quarantined": "given up, keeps failing",
}


@dataclass(frozen=True)
class Glyphs:
    """The characters beyond ASCII that a screen uses.

    Attributes:
        eighths: a bar's last character by eighths of it that are filled, from none to all.
    """

    eighths: str = " ▏▎▍▌▋▊▉█"
    good: str = "✓"
    bad: str = "✗"
    line: str = "─"
    dot: str = "●"


UNICODE = Glyphs()
ASCII = Glyphs(eighths="    ####", good="ok", bad="bad", line="-", dot="*")


@dataclass(frozen=True)
class Columns:
    """How the width of a ladder is shared out, in characters.

    Attributes:
        price: of prices.
        qty: of quantities.
        total: of cumulated quantities, 0 leaves them out.
        bar: of the bars, 0 leaves them out.
    """

    price: int
    qty: int
    total: int = 0
    bar: int = 0

    @classmethod
    def fit(cls, width: int, price: int, qty: int) -> Columns:
        """Give prices and quantities all their digits, then a bar, then totals, as room allows."""
        room = width - price - qty - 2 * _GAP
        # Ten levels of one length add up to one more digit, 25 rarely to more.
        total = qty + 1
        if room >= total + 2 * _GAP + 2 * _LEAST_BAR:
            return cls(price, qty + 1, total + 1, room - total - 2 * _GAP - 1)
        return cls(price, qty, 0, room - 1 if room > _LEAST_BAR else 0)


def least_width(widths: tuple[int, int]) -> int:
    """Return the narrowest ladder that cuts off no digit."""
    return sum(widths) + _GAP


def height(levels: int) -> int:
    """Return the lines of a ladder with so many levels a side."""
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
        view: the book; without levels it shows why there are none.
        width: characters, at least `least_width`.
        levels: levels of each side.
        widths: characters of prices and quantities, so that columns stand still while the
            numbers change; by default as wide as the numbers now are.
        glyphs: characters for bars and marks.
    """
    columns = Columns.fit(width, *(widths or view.widths))
    asks, bids = view.asks[:levels], view.bids[:levels]
    scale = max(_sum(asks), _sum(bids))
    lines = [
        _title(view, width, glyphs),
        *_blank(levels - len(asks), width),
        *reversed(_side(asks, _ASK, columns, scale, glyphs)),
        _middle(view, width, glyphs),
        *_side(bids, _BID, columns, scale, glyphs),
        *_blank(levels - len(bids), width),
    ]
    for line in lines:
        line.truncate(width, pad=True)
    return lines


def _title(view: BookView, width: int, glyphs: Glyphs) -> Text:
    title = Text(no_wrap=True).append(view.symbol, "bold")
    marks = Text().append(f"{glyphs.good} {count(view.verified)}", "green")
    if view.mismatches:
        marks.append(f" {glyphs.bad} {count(view.mismatches)}", style="bold red")
    return justified(title, marks, width)


def _middle(view: BookView, width: int, glyphs: Glyphs) -> Text:
    if view.state != "valid":
        return Text(_REASONS.get(view.state, view.state), style="yellow", no_wrap=True)
    line = Text(f"{glyphs.line} spread {plain(view.spread)} ", style="dim", no_wrap=True)
    if view.spread_bp is not None:
        bp = f"{view.spread_bp:.2f} bp "
        if len(line) + len(bp) < width:
            line.append(f"{glyphs.line} {bp}" if len(line) + len(bp) + 2 < width else bp)
    line.append(glyphs.line * (width - len(line)))
    return line


def _side(
    rows: Sequence[Level], style: str, columns: Columns, scale: Decimal, glyphs: Glyphs
) -> list[Text]:
    totals = list(accumulate(qty for _, qty in rows))
    lines = []
    for place, ((price, qty), total) in enumerate(zip(rows, totals, strict=True)):
        line = Text(no_wrap=True)
        line.append(plain(price).rjust(columns.price), f"bold {style}" if place == 0 else style)
        _append_number(line, plain(qty), columns.qty)
        if columns.total:
            _append_number(line, plain(total), columns.total, "dim")
        if columns.bar:
            line.append(" " * _GAP)
            line.append(bar(total / scale, columns.bar, glyphs), _BAR[style])
        lines.append(line)
    return lines


def _append_number(line: Text, digits: str, width: int, style: str = "") -> None:
    """Append a right-aligned number; its trailing zeros step back but stay."""
    end = significant(digits)
    line.append(digits[:end].rjust(width + _GAP - (len(digits) - end)), style)
    line.append(digits[end:], "dim")


def bar(share: Decimal, width: int, glyphs: Glyphs) -> str:
    """Return a bar that fills `share` of `width` characters, to an eighth of a character."""
    filled, rest = divmod(round(share * width * 8), 8)
    return (glyphs.eighths[-1] * filled + (glyphs.eighths[rest] if rest else "")).ljust(width)


def justified(left: Text, right: Text, width: int) -> Text:
    """Return one line with two ends; a left end that leaves no room is cut."""
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
