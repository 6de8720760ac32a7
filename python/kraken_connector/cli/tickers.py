"""Tickers on the screen: a row for each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from ..models import TickerData
from .digits import plain
from .frame import framed
from .ladder import Glyphs
from .screen import shifted
from .session import ClientSession
from .status import Status, plain_line
from .table import Column, table

#: Titles and fields, the most important first; columns that do not fit are omitted.
_COLUMNS = (
    ("last", "last", ""),
    ("change %", "change_pct", "sign"),
    ("bid", "bid", "green"),
    ("bid qty", "bid_qty", ""),
    ("ask", "ask", "red"),
    ("ask qty", "ask_qty", ""),
    ("volume", "volume", ""),
    ("low", "low", ""),
    ("high", "high", ""),
    ("vwap", "vwap", ""),
    ("trades", "trades", ""),
)


class Moment(NamedTuple):
    """The data of one screen."""

    status: Status
    tickers: Sequence[TickerData]


class TickerPicture:
    """A table of the latest tickers.

    Args:
        session: the session to show.
        glyphs: characters for marks.
    """

    def __init__(self, session: ClientSession, glyphs: Glyphs) -> None:
        self._session = session
        self._glyphs = glyphs

    def capture(self) -> Moment:
        """Return the latest tickers and the state of the session."""
        return Moment(self._session.status(), list(self._session.tickers.values()))

    def screen(self, moment: Moment, width: int, lines: int, shift: int = 0) -> list[Text]:
        """Return at most `lines` lines of at most `width` characters."""
        body = ticker_table(shifted(moment.tickers, shift, lines - 3), width=width)
        return framed(moment.status, body, width, lines, self._glyphs)

    def line(self, moment: Moment) -> str:
        """Return the session and the last price of each symbol in one line."""
        prices = [f"{item.symbol} {_wire(item, 'last')}" for item in moment.tickers]
        return plain_line(moment.status, prices)

    def rest(self, moment: Moment) -> str:
        """Return nothing: the summary has the final state."""
        return ""


def ticker_table(tickers: Sequence[TickerData], *, width: int) -> list[Text]:
    """Return a heading and a row for each ticker."""
    symbols = [item.symbol for item in tickers]
    columns = [Column("symbol", symbols, ["bold"] * len(symbols), number=False)]
    for title, field, style in _COLUMNS:
        cells = [_wire(item, field) for item in tickers]
        styles = [_sign_style(cell) if style == "sign" else style for cell in cells]
        columns.append(Column(title, cells, styles))
    return table(columns, width=width)


def _wire(item: TickerData, field: str) -> str:
    return plain(item.decimal(field)) if field != "trades" else str(item.trades or "-")


def _sign_style(number: str) -> str:
    return "red" if number.startswith("-") else "green"
