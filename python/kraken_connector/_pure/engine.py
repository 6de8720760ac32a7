"""Frames of one connection to events and verified books."""

from __future__ import annotations

from typing import Any, final

from ..models import (
    BookChecksumEvent,
    BookCrossedEvent,
    InvalidFrameEvent,
    PongResponse,
    SequenceGapEvent,
    WSResponse,
)
from ..models.items import item_type
from .book_data import BookChange
from .books import Books
from .data_message import WSDataMessage
from .decimal import NumberError
from .deprecation import deprecated
from .docs import documented
from .error import ContentError
from .level3_book import Level3Book
from .lock import locked
from .message import Frame, Message, UnreadableFrame, read_message, refuse, to_bytes
from .order_book import OrderBook
from .sequences import Sequences
from .slot import WithdrawnState

Event = Message | SequenceGapEvent | BookChecksumEvent | BookCrossedEvent | InvalidFrameEvent

_COUNTERS = (
    "frames",
    "bytes",
    "messages",
    "pongs",
    "book_messages",
    "level3_messages",
    "verified",
    "mismatches",
    "crossed",
    "sequence_gaps",
    "invalid_frames",
    "unknown_channels",
)


@final
@documented
class Engine:
    __slots__ = ("_books", "_channels", "_counters", "_level3_books", "_sequences")

    def __init__(self) -> None:
        self._counters = counters = dict.fromkeys(_COUNTERS, 0)
        self._books = Books(OrderBook, counters)
        self._level3_books = Books(Level3Book, counters)
        self._channels: dict[str, Books[Any]] = {"book": self._books, "level3": self._level3_books}
        self._sequences = Sequences()

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
            elif type(message) is PongResponse:
                self._counters["pongs"] += 1
        except UnreadableFrame as unreadable:
            events.append(self._refuse(raw, unreadable, received_ns))
            return events
        self._counters["messages"] += 1
        events.append(message)
        return events

    def _apply(
        self, frame: bytes, message: WSDataMessage, changes: list[BookChange], events: list[Event]
    ) -> None:
        """Apply a message to its books, its items in order.

        Raises:
            UnreadableFrame: a number does not fit its book.
        """
        books = self._channels[message._channel]
        verified = True if changes else None
        unfit: int | None = None
        for index, change in enumerate(changes):
            try:
                if not books._apply(message, change, events):
                    verified = False
            except NumberError:
                unfit = index
        if unfit is not None:
            refuse(frame, ContentError("number", ("data", unfit)))
        self._counters[f"{message._channel}_messages"] += 1
        message._verified = verified

    @property
    def books(self) -> Books[OrderBook]:
        return self._books

    @property
    def level3_books(self) -> Books[Level3Book]:
        return self._level3_books

    def books_of(self, channel: str) -> Books[Any]:
        if channel not in self._channels:
            raise ValueError(f"channel must be 'book' or 'level3', not {channel!r}")
        return self._channels[channel]

    def book(self, symbol: str) -> OrderBook:
        return self._books.get_or_create(symbol)

    def level3(self, symbol: str) -> Level3Book:
        return self._level3_books.get_or_create(symbol)

    def expect_book(self, symbol: str, depth: int) -> None:
        deprecated("use Engine.books.expect")
        self.books.expect(symbol, depth)

    def invalidate_book(self, symbol: str, state: WithdrawnState = "stale") -> None:
        deprecated("use Engine.books.invalidate")
        self.books.invalidate(symbol, state)

    def expect_level3(self, symbol: str, depth: int) -> None:
        deprecated("use Engine.level3_books.expect")
        self.level3_books.expect(symbol, depth)

    def invalidate_level3(self, symbol: str, state: WithdrawnState = "stale") -> None:
        deprecated("use Engine.level3_books.invalidate")
        self.level3_books.invalidate(symbol, state)

    def _follow(self, message: WSDataMessage, events: list[Event]) -> None:
        """Check the sequence of the private channels."""
        channel, received = message.channel, message.sequence
        if item_type(channel, message.type) is None:
            self._counters["unknown_channels"] += 1
        expected = self._sequences.follow(message)
        if expected is not None and received is not None:
            self._counters["sequence_gaps"] += 1
            received_ns = message.received_ns
            events.append(SequenceGapEvent(expected, received, channel, received_ns=received_ns))

    def _acknowledge(self, response: WSResponse) -> None:
        """Handle the ack of a subscribe or unsubscribe."""
        if not isinstance(response.result, dict):
            return
        channel, symbol = response.result.get("channel"), response.result.get("symbol")
        if response.method not in ("subscribe", "unsubscribe") or not isinstance(channel, str):
            return
        subscribed = response.method == "subscribe"
        if not subscribed:
            self._sequences.forget(channel)
        books = self._channels.get(channel)
        if books is not None and isinstance(symbol, str):
            books._acknowledge(symbol, subscribed, response.result.get("depth"))

    def _refuse(
        self, frame: bytes, unreadable: UnreadableFrame, received_ns: int | None
    ) -> InvalidFrameEvent:
        """Count and report a frame; the books that it may have changed turn stale."""
        error = unreadable.error
        self._counters["invalid_frames"] += 1
        if unreadable.symbols is not None:
            self._channels[str(error.channel)]._distrust(unreadable.symbols)
        return InvalidFrameEvent(
            frame, error.kind, error.offset, error.channel, received_ns=received_ns
        )

    @locked
    def reset(self) -> None:
        self._sequences = Sequences()
        for books in self._channels.values():
            books._reset()

    @locked
    def counters(self) -> dict[str, int]:
        return dict(self._counters)
