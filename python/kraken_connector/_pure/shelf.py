"""The books of one channel of a connection: which symbol has which, and when each may be read."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from ..models import BookChecksumEvent, BookCrossedEvent
from .base_book import BaseBook
from .book_data import BookChange
from .data_message import WSDataMessage

B = TypeVar("B", bound=BaseBook)
#: Books of a connection that messages can bring about, some ten times what is listed; what comes
#: about further pairs is not kept, so that no stream of made-up names fills the memory.
_MAX_BOOKS = 10_000
WithdrawnState = Literal["awaiting_snapshot", "stale", "quarantined"]


class Shelf(Generic[B]):
    """The books of one channel by symbol; a book is never removed."""

    __slots__ = (
        "_acked",
        "_counters",
        "_crossed",
        "_expected",
        "_kind",
        "books",
        "channel",
        "depths",
    )

    def __init__(self, channel: str, kind: type[B], counters: dict[str, int]) -> None:
        self.channel = channel
        self.depths = kind._depths
        self.books: dict[str, B] = {}
        self._kind = kind
        self._counters = counters
        #: Depths by symbol, as the caller told them and as subscribe acks told them.
        self._expected: dict[str, int] = {}
        self._acked: dict[str, int] = {}
        #: Symbols whose book was crossed after its last message.
        self._crossed: set[str] = set()

    def book(self, symbol: str) -> B:
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = self._kind(symbol)
            book._live = True
        return book

    def _has_room_for(self, symbol: str) -> bool:
        return symbol in self.books or len(self.books) < _MAX_BOOKS

    def take(self, message: WSDataMessage, change: BookChange, events: list[Any]) -> bool:
        """Take one item of a message to its book; return whether that is the exchange's now.

        Raises:
            NumberError: a number does not fit the book; the book was not changed.
        """
        symbol, bids, asks, checksum, timestamp = change
        if not self._has_room_for(symbol):
            return False
        book = self.book(symbol)
        is_snapshot = message._type == "snapshot"
        if book._state == "quarantined" or not (is_snapshot or book._state == "valid"):
            return False
        if is_snapshot:
            book._depth = self._snapshot_depth(book, bids, asks)
            book._replace(bids, asks)
        else:
            book._update(bids, asks)
        book._stamp(timestamp, message._received_ns)
        verdict = self._verify(message, book, checksum, events)
        if book._is_crossed() or self._crossed:
            self._watch_crossing(book, message, events)
        return verdict

    def _snapshot_depth(self, book: B, bids: list[Any], asks: list[Any]) -> int:
        known = self._expected.get(book._symbol) or self._acked.get(book._symbol)
        if known is not None:
            return known
        levels = max(book._levels_of(bids), book._levels_of(asks))
        return next((depth for depth in self.depths if depth >= levels), self.depths[-1])

    def _verify(
        self,
        message: WSDataMessage,
        book: B,
        expected: int | None,
        events: list[Any],
    ) -> bool:
        computed = book._mismatch(expected)
        if computed is None:
            book._state = "valid"
            book._verified_ns = message._received_ns
            self._counters["verified"] += 1
            return True
        book._state = "stale"
        self._counters["mismatches"] += 1
        received_ns = message.received_ns
        events.append(
            BookChecksumEvent(
                book.symbol, expected, computed, self.channel, received_ns=received_ns
            )
        )
        return False

    def _watch_crossing(self, book: B, message: WSDataMessage, events: list[Any]) -> None:
        """Report a valid book that has become crossed, once."""
        symbol = book._symbol
        if book._state != "valid" or not book._is_crossed():
            self._crossed.discard(symbol)
        elif symbol not in self._crossed:
            self._crossed.add(symbol)
            self._counters["crossed"] += 1
            (bid, _), (ask, _) = book._decimals(book._bids, 1)[0], book._decimals(book._asks, 1)[0]
            received_ns = message.received_ns
            events.append(BookCrossedEvent(symbol, bid, ask, self.channel, received_ns=received_ns))

    def expect(self, symbol: str, depth: int) -> None:
        if not self._is_depth(depth):
            known = ", ".join(map(str, self.depths))
            raise ValueError(f"depth must be one of {known}, not {depth}")
        self._expected[symbol] = depth
        book = self.book(symbol)
        book._depth = depth
        self._withdraw(book, "awaiting_snapshot")

    def invalidate(self, symbol: str, state: WithdrawnState) -> None:
        if state not in ("awaiting_snapshot", "stale", "quarantined"):
            raise ValueError(
                f"state must be 'awaiting_snapshot', 'stale' or 'quarantined', not {state!r}"
            )
        self._withdraw(self.book(symbol), state)

    def acknowledge(self, symbol: str, subscribed: bool, depth: object) -> None:
        """Learn from the ack of a subscribe or unsubscribe; the snapshot may have come before."""
        if not subscribed:
            self._forget_subscription(symbol)
        elif self._is_depth(depth) and self._has_room_for(symbol):
            self._acked[symbol] = depth  # type: ignore[assignment]
            if symbol not in self._expected:
                self.book(symbol)._cut(depth)  # type: ignore[arg-type]

    def _is_depth(self, depth: object) -> bool:
        return type(depth) is int and depth in self.depths

    def _forget_subscription(self, symbol: str) -> None:
        self._acked.pop(symbol, None)
        book = self.books.get(symbol)
        if book is not None and book.state != "quarantined":
            self._withdraw(book, "awaiting_snapshot")

    def distrust(self, symbols: list[str]) -> None:
        """Turn the named books stale, or all valid ones when no name is that of a book: a name
        may be what was damaged."""
        named = [book for symbol in symbols if (book := self.books.get(symbol)) is not None]
        for book in named:
            if book.state != "quarantined":
                self._withdraw(book, "stale")
        if not named:
            for book in self.books.values():
                if book.state == "valid":
                    self._withdraw(book, "stale")

    def reset(self) -> None:
        self._acked.clear()
        for book in self.books.values():
            self._withdraw(book, "awaiting_snapshot")
            book._verified_ns = None

    def _withdraw(self, book: B, state: WithdrawnState) -> None:
        book._state = state
        self._crossed.discard(book.symbol)
