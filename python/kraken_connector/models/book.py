"""Channel `book`: aggregated quantity per price level."""

from __future__ import annotations

from decimal import Decimal

from .base import Model, model
from .timestamps import Timestamped


@model
class BookLevel(Model):
    """One price level.

    Attributes:
        price: price in quote currency, with the digits that were sent.
        qty: quantity in base currency at that price; zero removes the level.
    """

    price: Decimal
    qty: Decimal


@model
class BookData(Timestamped):
    """A snapshot or an update of one pair's book.

    Attributes:
        symbol: currency pair, `BTC/USD`.
        bids: changed bid levels; in a snapshot all of them, best first.
        asks: changed ask levels; in a snapshot all of them, best first.
        checksum: CRC-32 of the ten best levels of both sides after this message.
        timestamp: RFC 3339 time of the exchange.
    """

    symbol: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    checksum: int | None = None
    timestamp: str | None = None
