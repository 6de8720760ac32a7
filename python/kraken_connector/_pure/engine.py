"""Frames of one connection to events and verified books."""

from __future__ import annotations

from typing import Literal, final

from ..models import (
    BookChecksumEvent,
    BookCrossedEvent,
    InvalidFrameEvent,
    SequenceGapEvent,
    WSResponse,
)
from .book import OrderBook
from .book_data import BookChange, Defect
from .data_message import WSDataMessage, item_type
from .lock import locked
from .messages import Frame, Message, UnreadableFrame, read_message, refuse, to_bytes
from .numbers import NumberError

Event = Message | SequenceGapEvent | BookChecksumEvent | BookCrossedEvent | InvalidFrameEvent

#: Levels a side that a subscription can have; docs.kraken.com, WebSocket v2, "book".
_DEPTHS = (10, 25, 100, 500, 1000)
#: Channels whose messages carry a `sequence`.
_NUMBERED = frozenset({"balances", "executions"})
_COUNTERS = (
    "frames",
    "bytes",
    "messages",
    "book_messages",
    "verified",
    "mismatches",
    "crossed",
    "sequence_gaps",
    "invalid_frames",
    "unknown_channels",
)


@final
class Engine:
    """Frames of one connection to events and books; see the stub of `_native` for the contract."""

    __slots__ = ("_acked", "_books", "_counters", "_crossed", "_expected", "_sequences")

    def __init__(self) -> None:
        self._books: dict[str, OrderBook] = {}
        #: Depths by symbol, as the caller told them and as subscribe acks told them.
        self._expected: dict[str, int] = {}
        self._acked: dict[str, int] = {}
        self._sequences: dict[str, int] = {}
        #: Symbols whose book was crossed after its last message.
        self._crossed: set[str] = set()
        self._counters = dict.fromkeys(_COUNTERS, 0)

    @locked
    def feed(self, frame: Frame, received_ns: int | None = None) -> list[Event]:
        raw = frame if type(frame) is bytes else to_bytes(frame, "feed")
        self._counters["frames"] += 1
        self._counters["bytes"] += len(raw)
        events: list[Event] = []
        try:
            message, changes = read_message(raw, received_ns)
            if type(message) is WSDataMessage:
                if changes is None:
                    self._follow(message, events)
                else:
                    self._apply(raw, message, changes, events)
            elif type(message) is WSResponse:
                self._acknowledge(message)
        except UnreadableFrame as unreadable:
            events.append(self._refuse(raw, unreadable, received_ns))
            return events
        self._counters["messages"] += 1
        events.append(message)
        return events

    # Books.

    def _apply(
        self, frame: bytes, message: WSDataMessage, changes: list[BookChange], events: list[Event]
    ) -> None:
        """Take a book message to the books, its items in order.

        Raises:
            UnreadableFrame: a number does not fit its book.
        """
        verified = True if changes else None
        unfit: int | None = None
        for index, change in enumerate(changes):
            try:
                if not self._apply_item(message, change, events):
                    verified = False
            except NumberError:
                unfit = index
        if unfit is not None:
            refuse(frame, Defect("number", ("data", unfit)))
        self._counters["book_messages"] += 1
        message._verified = verified

    def _apply_item(self, message: WSDataMessage, change: BookChange, events: list[Event]) -> bool:
        """Return whether the book matches the exchange's.

        Raises:
            NumberError: a number does not fit the book; the book was not changed.
        """
        symbol, bids, asks, checksum, timestamp = change
        book = self.book(symbol)
        is_snapshot = message._type == "snapshot"
        if book._state == "quarantined" or not (is_snapshot or book._state == "valid"):
            return False
        if is_snapshot:
            book._cut(self._snapshot_depth(symbol, max(len(bids), len(asks))))
            book._replace(bids, asks)
        else:
            book._update(bids, asks)
        book._stamp(timestamp, message._received_ns)
        verdict = self._verify(message, book, checksum, events)
        if book._is_crossed() or self._crossed:
            self._watch_crossing(book, message, events)
        return verdict

    def _snapshot_depth(self, symbol: str, levels: int) -> int:
        known = self._expected.get(symbol) or self._acked.get(symbol)
        if known is not None:
            return known
        return next((depth for depth in _DEPTHS if depth >= levels), _DEPTHS[-1])

    def _verify(
        self, message: WSDataMessage, book: OrderBook, expected: int | None, events: list[Event]
    ) -> bool:
        computed = book._mismatch(expected)
        if computed is None:
            book._state = "valid"
            book._verified_ns = message._received_ns
            self._counters["verified"] += 1
            return True
        book._state = "stale"
        self._counters["mismatches"] += 1
        events.append(
            BookChecksumEvent(book.symbol, expected, computed, received_ns=message.received_ns)
        )
        return False

    def _watch_crossing(self, book: OrderBook, message: WSDataMessage, events: list[Event]) -> None:
        """Report a valid book that has become crossed, once."""
        symbol = book._symbol
        if book._state != "valid" or not book._is_crossed():
            self._crossed.discard(symbol)
        elif symbol not in self._crossed:
            self._crossed.add(symbol)
            self._counters["crossed"] += 1
            (bid, _), (ask, _) = book._decimals(book._bids, 1)[0], book._decimals(book._asks, 1)[0]
            events.append(BookCrossedEvent(symbol, bid, ask, received_ns=message.received_ns))

    @locked
    def book(self, symbol: str) -> OrderBook:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = OrderBook(symbol)
            book._live = True
        return book

    @locked
    def books(self) -> dict[str, OrderBook]:
        return dict(self._books)

    @locked
    def expect_book(self, symbol: str, depth: int) -> None:
        if not _is_depth(depth):
            known = ", ".join(map(str, _DEPTHS))
            raise ValueError(f"depth must be one of {known}, not {depth}")
        self._expected[symbol] = depth
        book = self.book(symbol)
        book._depth = depth
        self._withdraw(book, "awaiting_snapshot")

    @locked
    def invalidate_book(
        self, symbol: str, state: Literal["awaiting_snapshot", "stale", "quarantined"] = "stale"
    ) -> None:
        if state not in ("awaiting_snapshot", "stale", "quarantined"):
            raise ValueError(
                f"state must be 'awaiting_snapshot', 'stale' or 'quarantined', not {state!r}"
            )
        self._withdraw(self.book(symbol), state)

    def _withdraw(
        self, book: OrderBook, state: Literal["awaiting_snapshot", "stale", "quarantined"]
    ) -> None:
        book._state = state
        self._crossed.discard(book.symbol)

    # Everything else.

    def _follow(self, message: WSDataMessage, events: list[Event]) -> None:
        """Watch the sequence of the private channels; a snapshot or a gap starts a new count."""
        channel, received = message.channel, message.sequence
        if item_type(channel, message.type) is None:
            self._counters["unknown_channels"] += 1
        if channel not in _NUMBERED or received is None:
            return
        last = self._sequences.get(channel)
        self._sequences[channel] = received
        if message.type == "snapshot" or last is None or received == last + 1:
            return
        self._counters["sequence_gaps"] += 1
        gap = SequenceGapEvent(last + 1, received, channel, received_ns=message.received_ns)
        events.append(gap)

    def _acknowledge(self, response: WSResponse) -> None:
        """Learn from the ack of a subscribe or unsubscribe."""
        if not isinstance(response.result, dict):
            return
        channel, symbol = response.result.get("channel"), response.result.get("symbol")
        if response.method == "unsubscribe" and isinstance(channel, str):
            self._sequences.pop(channel, None)
        if channel != "book" or not isinstance(symbol, str):
            return
        if response.method == "unsubscribe":
            self._forget_subscription(symbol)
        elif response.method == "subscribe" and _is_depth(response.result.get("depth")):
            self._learn_depth(symbol, response.result["depth"])

    def _forget_subscription(self, symbol: str) -> None:
        self._acked.pop(symbol, None)
        book = self._books.get(symbol)
        if book is not None and book.state != "quarantined":
            self._withdraw(book, "awaiting_snapshot")

    def _learn_depth(self, symbol: str, depth: int) -> None:
        """Take the depth of an ack; the snapshot may have come before it."""
        self._acked[symbol] = depth
        if symbol not in self._expected:
            self.book(symbol)._cut(depth)

    def _refuse(
        self, frame: bytes, unreadable: UnreadableFrame, received_ns: int | None
    ) -> InvalidFrameEvent:
        """Report a frame; what a broken book message may have changed cannot be trusted."""
        error = unreadable.error
        self._counters["invalid_frames"] += 1
        if unreadable.symbols is not None:
            self._distrust(unreadable.symbols)
        return InvalidFrameEvent(
            frame, error.kind, error.offset, error.channel, received_ns=received_ns
        )

    def _distrust(self, symbols: list[str]) -> None:
        """Turn the named books stale, or all valid ones when no name is that of a book: a name
        may be what was damaged."""
        named = [book for symbol in symbols if (book := self._books.get(symbol)) is not None]
        for book in named:
            if book.state != "quarantined":
                self._withdraw(book, "stale")
        if not named:
            for book in self._books.values():
                if book.state == "valid":
                    self._withdraw(book, "stale")

    @locked
    def reset(self) -> None:
        self._acked.clear()
        self._sequences.clear()
        for book in self._books.values():
            self._withdraw(book, "awaiting_snapshot")
            book._verified_ns = None

    @locked
    def counters(self) -> dict[str, int]:
        return dict(self._counters)


def _is_depth(depth: object) -> bool:
    return type(depth) is int and depth in _DEPTHS
