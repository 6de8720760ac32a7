"""What `kraken-ws watch` can show."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ..ws import BookParams, EventTrigger, SubscriptionParams, TickerParams, TradeParams
from .live import PictureOf
from .picture import BookPicture
from .tickers import TickerPicture
from .trades import TradePicture


class Channel(StrEnum):
    """The channels that have a picture."""

    TICKER = "ticker"
    TRADE = "trade"
    BOOK = "book"

    @property
    def picture(self) -> PictureOf:
        """How to show it."""
        return _PICTURES[self]

    def params(self, symbols: Sequence[str], depth: int) -> SubscriptionParams:
        """Return what to ask for."""
        listed = list(symbols)
        if self is Channel.BOOK:
            return BookParams(symbol=listed, depth=depth)
        if self is Channel.TRADE:
            return TradeParams(symbol=listed, snapshot=True)
        # With the exchange's default trigger the quotes stand still between trades.
        return TickerParams(symbol=listed, event_trigger=EventTrigger.BBO)


_PICTURES: dict[Channel, PictureOf] = {
    Channel.TICKER: TickerPicture,
    Channel.TRADE: TradePicture,
    Channel.BOOK: BookPicture,
}
