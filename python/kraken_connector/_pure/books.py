"""The books of one channel of a connection, by symbol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, final

from ..models import BookChecksumEvent, BookCrossedEvent
from .book_data import BookChange
from .book_handle import BookHandle
from .data_message import WSDataMessage
from .deprecation import deprecated
from .docs import documented
from .lock import locked
from .slot import BookSlot, WithdrawnState

H = TypeVar("H", bound=BookHandle[Any])
#: Books of a channel that messages can create, some ten times the number of listed pairs. Books of
#: further pairs are not kept, so that made-up symbols cannot fill the memory.
_MAX_BOOKS = 10_000


@final
@documented
class Books(Mapping[str, H]):
    __slots__ = ("_books", "_counters", "_kind")

    def __init__(self, kind: type[H], counters: dict[str, int]) -> None:
        #: A book is never removed.
        self._books: dict[str, H] = {}
        self._kind = kind
        self._counters = counters

    @locked
    def get_or_create(self, symbol: str) -> H:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = self._kind._live_book(symbol)
        return book

    @locked
    def expect(self, symbol: str, depth: int) -> None:
        self._kind._check_depth(depth)
        self.get_or_create(symbol)._slot.expect(depth)

    @locked
    def invalidate(self, symbol: str, state: WithdrawnState = "stale") -> None:
        if state not in ("awaiting_snapshot", "stale", "quarantined"):
            raise ValueError(
                f"state must be 'awaiting_snapshot', 'stale' or 'quarantined', not {state!r}"
            )
        self.get_or_create(symbol)._slot.withdraw(state)

    def __getitem__(self, symbol: str, /) -> H:
        return self._books[symbol]

    @locked
    def __iter__(self) -> Iterator[str]:
        return iter(list(self._books))

    def __len__(self) -> int:
        return len(self._books)

    def __repr__(self) -> str:
        return f"Books({list(self)})"

    def __call__(self) -> dict[str, H]:
        """Deprecated: return the books as a new dict, as `Engine.books()` did."""
        deprecated("Engine.books is a mapping: do not call it")
        return dict(self)

    # For the engine.

    def _slot_of(self, symbol: str) -> BookSlot[Any] | None:
        """Return the book that a message is about, created if there is room for it."""
        book = self._books.get(symbol)
        if book is None:
            if len(self._books) >= _MAX_BOOKS:
                return None
            book = self.get_or_create(symbol)
        return book._slot

    def _apply(self, message: WSDataMessage, change: BookChange, events: list[Any]) -> bool:
        """Apply one item of a message to its book; return whether the checksums match.

        Raises:
            NumberError: a number does not fit the book; the content was not changed.
        """
        symbol, bids, asks, checksum, timestamp = change
        slot = self._slot_of(symbol)
        if slot is None or not slot.apply(message._type == "snapshot", bids, asks):
            return False
        received_ns = message._received_ns
        slot.stamp(timestamp, received_ns)
        computed = slot.judge(checksum)
        if computed is None:
            self._counters["verified"] += 1
        else:
            self._counters["mismatches"] += 1
            channel = slot.book.CHANNEL
            events.append(
                BookChecksumEvent(symbol, checksum, computed, channel, received_ns=received_ns)
            )
        if slot.becomes_crossed():
            self._counters["crossed"] += 1
            (bid, _), (ask, _) = self._books[symbol]._best()
            channel = slot.book.CHANNEL
            events.append(BookCrossedEvent(symbol, bid, ask, channel, received_ns=received_ns))
        return computed is None

    def _acknowledge(self, symbol: str, subscribed: bool, depth: object) -> None:
        """Handle the ack of a subscribe or unsubscribe."""
        if not subscribed:
            if symbol in self._books:
                self._books[symbol]._slot.unsubscribed()
        elif type(depth) is int and depth in self._kind._kind.DEPTHS:
            slot = self._slot_of(symbol)
            if slot is not None:
                slot.acknowledge_depth(depth)

    def _distrust(self, symbols: list[str]) -> None:
        """Turn the named books stale, or all valid ones when no name is that of a book: the damage
        may be in the name."""
        named = [self._books[symbol]._slot for symbol in symbols if symbol in self._books]
        for slot in named:
            slot.withdraw_unless_quarantined("stale")
        if not named:
            for book in self._books.values():
                if book._slot.state == "valid":
                    book._slot.withdraw("stale")

    def _reset(self) -> None:
        for book in self._books.values():
            book._slot.reset()
