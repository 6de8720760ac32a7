"""What both kinds of books have: a depth, price levels on two sides, a checksum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Protocol

from .checksum import book_checksum

Side = Literal["bid", "ask"]


class BookSide(Protocol):
    """Price levels of one side; `keys` ascends and holds the price of a bid, the negated price of
    an ask, so that the best is last."""

    keys: list[int]

    def __len__(self) -> int: ...
    def best_price(self) -> int | None: ...
    def levels(self, depth: int | None = None) -> Iterator[tuple[int, int]]: ...
    def cut(self, depth: int) -> object: ...
    def top_digits(self) -> bytes: ...


class Book(ABC):
    """A book in integers: prices and quantities at the scales of the book."""

    __slots__ = ("asks", "bids", "depth", "price_scale", "qty_scale")

    bids: BookSide
    asks: BookSide
    #: The channel that fills the book.
    CHANNEL: ClassVar[str]
    #: Levels a side that a subscription can have; docs.kraken.com, WebSocket v2, the channel's
    #: page.
    DEPTHS: ClassVar[tuple[int, ...]]

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.price_scale = 0
        self.qty_scale = 0

    @abstractmethod
    def levels_of(self, rows: list[Any]) -> int:
        """Return how many price levels the rows of one side of a snapshot have."""

    @abstractmethod
    def apply_snapshot(self, bids: list[Any], asks: list[Any]) -> None:
        """Replace the content, then cut to the depth; its largest scales become the book's.

        Raises:
            NumberError: a number is too long at these scales; nothing was changed.
        """

    @abstractmethod
    def apply_update(self, bids: list[Any], asks: list[Any]) -> None:
        """Apply the rows in order, bids first, then cut to the depth. A row with more decimals than
        the book widens the whole book first.

        Raises:
            NumberError: a number becomes too long; nothing was changed.
        """

    def cut(self) -> None:
        """Remove the levels below the depth."""
        self.bids.cut(self.depth)
        self.asks.cut(self.depth)

    def is_crossed(self) -> bool:
        """Return whether the best bid is at or above the best ask."""
        bids, asks = self.bids.keys, self.asks.keys
        # The keys of asks are negated prices.
        return bool(bids and asks) and bids[-1] + asks[-1] >= 0

    def checksum(self) -> int:
        """Return the CRC-32 over the ten best levels of both sides."""
        return book_checksum(self.asks.top_digits(), self.bids.top_digits())

    def reconcile(self, expected: int) -> bool:
        """Try other readings of the last message; return whether the book now has this checksum.
        If not, the book is unchanged."""
        return False

    def confirm(self) -> None:
        """Called when the book has the exchange's checksum."""
        return

    def count_mismatch(self) -> None:
        """Called when the last message led to another checksum than the exchange's."""
        return
