"""Order books by symbol: books that a caller updates, and the live books of a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .._backend import Engine, Level3Book, OrderBook, WSDataMessage
from ..exceptions import ChecksumError
from ..models import BookChecksumEvent, BookData
from .constants import BOOK_DEPTHS

__all__ = [
    "BookChecksumEvent",
    "ChecksumError",
    "Level3Book",
    "LiveBooks",
    "OrderBook",
    "OrderBookManager",
]


class OrderBookManager:
    """Order books by symbol, updated with the messages that a caller passes.

    It is not needed with a client, whose `book_manager` has the live books.

    Args:
        books: initial books by symbol.
        depth: levels per side of every book, 10 to 1000. With `None` it is the smallest valid depth
            that holds the snapshot of a book; this is too small if a deep subscription has a short
            snapshot, so pass the depth of the subscription if it is known.
    """

    def __init__(
        self, books: Mapping[str, OrderBook] | None = None, *, depth: int | None = None
    ) -> None:
        if depth is not None and depth not in BOOK_DEPTHS:
            raise ValueError(
                f"depth must be one of {', '.join(map(str, BOOK_DEPTHS))}, not {depth}"
            )
        self._books = dict(books or {})
        self._depth = depth

    def get(self, symbol: str) -> OrderBook | None:
        """Return the book of `symbol`, `None` if there is none."""
        return self._books.get(symbol)

    def get_or_create(self, symbol: str, depth: int = 10) -> OrderBook:
        """Return the book of `symbol`; create one with `depth` levels if there is none."""
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = OrderBook(symbol, depth)
        return book

    def process_message(self, msg: WSDataMessage) -> BookChecksumEvent | None:
        """Apply a message of channel `book`; messages of other channels are ignored.

        An update before any snapshot is applied to an empty book and fails its checksum.

        Returns:
            An event if a checksum did not match. The book stays the same object and is valid again
            after the next snapshot.
        """
        if msg.channel != "book":
            return None
        event = None
        for data in msg.data:
            event = self._apply(data, msg.type == "snapshot") or event
        return event

    def remove(self, symbol: str) -> None:
        """Remove the book of `symbol`, if there is one."""
        self._books.pop(symbol, None)

    def clear(self) -> None:
        """Remove all books."""
        self._books.clear()

    def _apply(self, data: BookData, snapshot: bool) -> BookChecksumEvent | None:
        book = self._book_for(data, snapshot)
        try:
            if snapshot:
                book.apply_snapshot(data)
            else:
                book.apply_update(data)
        except ChecksumError as error:
            return BookChecksumEvent(error.symbol, error.expected, error.computed)
        return None

    def _book_for(self, data: BookData, snapshot: bool) -> OrderBook:
        if not snapshot or self._depth is not None:
            return self.get_or_create(data.symbol, self._depth or BOOK_DEPTHS[0])
        levels = max(len(data.bids), len(data.asks))
        known = self._books.get(data.symbol)
        if known is not None and known.depth >= levels:
            return known
        depth = next((valid for valid in BOOK_DEPTHS if valid >= levels), BOOK_DEPTHS[-1])
        book = self._books[data.symbol] = OrderBook(data.symbol, depth)
        return book


class LiveBooks(OrderBookManager):
    """A view of the live books of a client.

    `get(symbol)` returns `None` until the first verified snapshot, and then always the same object,
    through resyncs and reconnects. `book.is_valid` says whether it can be read at the moment.
    """

    def __init__(self, engine_of: Callable[[str], Engine]) -> None:
        super().__init__()
        self._engine_of = engine_of
        self._found: dict[str, tuple[Engine, OrderBook]] = {}

    def get(self, symbol: str) -> OrderBook | None:
        """Return the live book of `symbol`, `None` before its first verified snapshot."""
        engine = self._engine_of(symbol)
        owner, book = self._found.get(symbol, (None, None))
        if owner is not engine:
            book = engine.books.get(symbol)
            if book is None or not book.verified_count:
                return None
            self._found[symbol] = engine, book
        return book

    def get_or_create(self, symbol: str, depth: int = 10) -> OrderBook:
        """Return the live book of `symbol`, even before its first snapshot.

        Its depth is that of the subscription; `depth` is ignored.
        """
        return self._engine_of(symbol).book(symbol)

    def process_message(self, msg: WSDataMessage) -> BookChecksumEvent | None:
        """Raise `RuntimeError`: the client has applied the message already."""
        raise RuntimeError("the client updates live books; do not apply messages to them")

    def remove(self, symbol: str) -> None:
        """Raise `RuntimeError`: unsubscribe from the book instead."""
        raise RuntimeError("cannot remove a live book: unsubscribe instead")

    def clear(self) -> None:
        """Raise `RuntimeError`: unsubscribe from the books instead."""
        raise RuntimeError("cannot remove live books: unsubscribe instead")
