"""The channels of `kraken-ws watch`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ..ws import (
    BookParams,
    EventTrigger,
    Level3Params,
    SubscriptionParams,
    TickerParams,
    TradeParams,
)
from ..ws.constants import BOOK_DEPTHS, LEVEL3_DEPTHS
from .live import PictureOf
from .picture import BookPicture
from .tickers import TickerPicture
from .trades import TradePicture


def last_trades(symbols: list[str]) -> list[SubscriptionParams]:
    """Return the subscription to the last trade of each book and all later ones."""
    return [TradeParams(symbol=symbols, snapshot=True)]


class Channel(StrEnum):
    """The channels that have a picture."""

    TICKER = "ticker"
    TRADE = "trade"
    BOOK = "book"
    LEVEL3 = "level3"

    @property
    def picture(self) -> PictureOf:
        """The picture class that shows it."""
        return _PICTURES[self]

    @property
    def depths(self) -> Sequence[int]:
        """Its depths, empty for a channel without levels."""
        return {Channel.BOOK: BOOK_DEPTHS, Channel.LEVEL3: LEVEL3_DEPTHS}.get(self, ())

    @property
    def needs_token(self) -> bool:
        """Whether the exchange requires a token."""
        return self is Channel.LEVEL3

    def params(self, symbols: Sequence[str], depth: int) -> SubscriptionParams:
        """Return the subscription parameters."""
        listed = list(symbols)
        if self is Channel.BOOK:
            return BookParams(symbol=listed, depth=depth)
        if self is Channel.LEVEL3:
            return Level3Params(symbol=listed, depth=depth)
        if self is Channel.TRADE:
            return TradeParams(symbol=listed, snapshot=True)
        # With the exchange's default trigger, quotes do not update between trades.
        return TickerParams(symbol=listed, event_trigger=EventTrigger.BBO)


_PICTURES: dict[Channel, PictureOf] = {
    Channel.TICKER: TickerPicture,
    Channel.TRADE: TradePicture,
    Channel.BOOK: BookPicture,
    Channel.LEVEL3: BookPicture,
}
