"""Trades on the screen, the latest on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from ..models import TradeData
from .digits import plain
from .frame import framed
from .ladder import Glyphs
from .session import ClientSession
from .status import Status
from .table import Column, table

_SIDE_STYLES = {"buy": "green", "sell": "red"}


class Moment(NamedTuple):
    """The data of one screen; trades newest first."""

    status: Status
    trades: Sequence[TradeData]


class TradePicture:
    """A tape of the latest trades.

    Args:
        session: the session to show.
        glyphs: characters for marks.
    """

    def __init__(self, session: ClientSession, glyphs: Glyphs) -> None:
        self._session = session
        self._glyphs = glyphs
        self._printed: TradeData | None = None

    def capture(self) -> Moment:
        """Return the latest trades and the state of the session."""
        return Moment(self._session.status(), list(self._session.trades))

    def screen(self, moment: Moment, width: int, lines: int, shift: int = 0) -> list[Text]:
        """Return at most `lines` lines of at most `width` characters: always the newest trades."""
        body = trade_table(moment.trades[: lines - 3], width=width)
        return framed(moment.status, body, width, lines, self._glyphs)

    def line(self, moment: Moment) -> str:
        """Return the trades since the last call, one per line, oldest first."""
        news = []
        for trade in moment.trades:
            if trade is self._printed:
                break
            news.append(_words(trade))
        self._printed = moment.trades[0] if moment.trades else None
        return "\n".join(reversed(news))

    def rest(self, moment: Moment) -> str:
        """Return the trades since the last line."""
        return self.line(moment)


def trade_table(trades: Sequence[TradeData], *, width: int) -> list[Text]:
    """Return a heading and a row for each trade."""
    styles = [_SIDE_STYLES.get(trade.side, "") for trade in trades]
    return table(
        [
            Column("time", [_clock(trade) for trade in trades], number=False),
            Column("symbol", [trade.symbol for trade in trades], number=False),
            Column("side", [trade.side for trade in trades], styles, number=False),
            Column("price", [plain(trade.decimal("price")) for trade in trades], styles),
            Column("qty", [plain(trade.decimal("qty")) for trade in trades]),
            Column("type", [trade.ord_type for trade in trades], number=False),
            Column("trade", [str(trade.trade_id) for trade in trades]),
        ],
        width=width,
    )


def _words(trade: TradeData) -> str:
    price, qty = plain(trade.decimal("price")), plain(trade.decimal("qty"))
    return f"{trade.timestamp}  {trade.symbol}  {trade.side:<4}  {price}  {qty}  {trade.trade_id}"


def _clock(trade: TradeData) -> str:
    """Return the time of the day to the millisecond."""
    return trade.timestamp[11:23]
