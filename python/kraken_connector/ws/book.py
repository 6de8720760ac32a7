"""Order books by symbol: those that a caller feeds, and the view of a client's live ones."""

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
    """Books by symbol, built from the messages that a caller hands in.

    A client needs none of this: its `book_manager` is a `LiveBooks`.

    Args:
        books: books to begin with, by symbol.
        depth: levels per side of every book, 10 to 1000. When it is `None`, a book's depth is
            learned: the smallest legal one that holds its snapshot. A short snapshot of a deep
            subscription says too little, so pass the depth of the subscription when it is known.
    """

    def __init__(
        self, books: Mapping[str, OrderBook] | None = None, *, depth: int | None = None
    ) -> None:
        if depth is not None and depth not in BOOK_DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(map(str, BOOK_DEPTHS))}")
        self._books = dict(books or {})
        self._depth = depth

    def get(self, symbol: str) -> OrderBook | None:
        """Return the book of `symbol`, `None` when there is none."""
        return self._books.get(symbol)

    def get_or_create(self, symbol: str, depth: int = 10) -> OrderBook:
        """Return the book of `symbol`, a new one of `depth` levels when there is none."""
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = OrderBook(symbol, depth)
        return book

    def process_message(self, msg: WSDataMessage) -> BookChecksumEvent | None:
        """Apply a message of channel `book`; other channels are ignored.

        An update without a book before it is applied to an empty one, and fails its checksum.

        Returns:
            The mismatch, if a checksum did not match. The book keeps its identity; it is right
            again after the next snapshot.
        """
        if msg.channel != "book":
            return None
        event = None
        for data in msg.data:
            event = self._apply(data, msg.type == "snapshot") or event
        return event

    def remove(self, symbol: str) -> None:
        """Forget the book of `symbol`, if there is one."""
        self._books.pop(symbol, None)

    def clear(self) -> None:
        """Forget all books."""
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
        depth = next((legal for legal in BOOK_DEPTHS if legal >= levels), BOOK_DEPTHS[-1])
        book = self._books[data.symbol] = OrderBook(data.symbol, depth)
        return book


class LiveBooks(OrderBookManager):
    """The books that a client's engines keep, as a view.

    `get(symbol)` is `None` until the book had its first verified snapshot and from then on always
    the same object, through resyncs and reconnects; whether it may be read at the moment, the
    book itself says (`book.is_valid`).
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
        """Return the live book of `symbol`, also before its first snapshot.

        Its depth is that of the subscription; `depth` is ignored.
        """
        return self._engine_of(symbol).book(symbol)

    def process_message(self, msg: WSDataMessage) -> BookChecksumEvent | None:
        """Raise: the engine applied the message before it was delivered."""
        raise RuntimeError("live books are kept by the client; do not apply messages to them")

    def remove(self, symbol: str) -> None:
        """Raise: unsubscribe from the book instead."""
        raise RuntimeError("live books are kept by the client; unsubscribe to end one")

    def clear(self) -> None:
        """Raise: unsubscribe from the books instead."""
        raise RuntimeError("live books are kept by the client; unsubscribe to end them")
