"""Frames of one connection to events and verified books."""

from __future__ import annotations

from typing import Any, final

from ..models import (
    BookChecksumEvent,
    BookCrossedEvent,
    InvalidFrameEvent,
    SequenceGapEvent,
    WSResponse,
)
from ..models._items import item_type
from .book import OrderBook
from .book_data import BookChange
from .data_message import WSDataMessage
from .defect import Defect
from .docs import documented
from .level3 import Level3Book
from .lock import locked
from .messages import Frame, Message, UnreadableFrame, read_message, refuse, to_bytes
from .numbers import NumberError
from .shelf import Shelf, WithdrawnState

Event = Message | SequenceGapEvent | BookChecksumEvent | BookCrossedEvent | InvalidFrameEvent

#: Channels whose messages carry a `sequence`.
_NUMBERED = frozenset({"balances", "executions"})
_COUNTERS = (
    "frames",
    "bytes",
    "messages",
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
    __slots__ = ("_books", "_counters", "_level3", "_sequences", "_shelves")

    def __init__(self) -> None:
        self._counters = counters = dict.fromkeys(_COUNTERS, 0)
        self._books = Shelf("book", OrderBook, counters)
        self._level3 = Shelf("level3", Level3Book, counters)
        self._shelves: dict[str, Shelf[Any]] = {"book": self._books, "level3": self._level3}
        self._sequences: dict[str, int] = {}

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
        """Take a message to its books, its items in order.

        Raises:
            UnreadableFrame: a number does not fit its book.
        """
        shelf = self._shelves[message._channel]
        verified = True if changes else None
        unfit: int | None = None
        for index, change in enumerate(changes):
            try:
                if not shelf.take(message, change, events):
                    verified = False
            except NumberError:
                unfit = index
        if unfit is not None:
            refuse(frame, Defect("number", ("data", unfit)))
        self._counters[f"{message._channel}_messages"] += 1
        message._verified = verified

    @locked
    def book(self, symbol: str) -> OrderBook:
        return self._books.book(symbol)

    @locked
    def books(self) -> dict[str, OrderBook]:
        return dict(self._books.books)

    @locked
    def expect_book(self, symbol: str, depth: int) -> None:
        self._books.expect(symbol, depth)

    @locked
    def invalidate_book(self, symbol: str, state: WithdrawnState = "stale") -> None:
        self._books.invalidate(symbol, state)

    @locked
    def level3(self, symbol: str) -> Level3Book:
        return self._level3.book(symbol)

    @locked
    def level3_books(self) -> dict[str, Level3Book]:
        return dict(self._level3.books)

    @locked
    def expect_level3(self, symbol: str, depth: int) -> None:
        self._level3.expect(symbol, depth)

    @locked
    def invalidate_level3(self, symbol: str, state: WithdrawnState = "stale") -> None:
        self._level3.invalidate(symbol, state)

    # Everything else.

    def _follow(self, message: WSDataMessage, events: list[Event]) -> None:
        """Watch the sequence of the private channels.

        A snapshot with the number 1 starts a new count, its further messages go on with it.
        """
        channel, received = message.channel, message.sequence
        if item_type(channel, message.type) is None:
            self._counters["unknown_channels"] += 1
        if channel not in _NUMBERED or received is None:
            return
        last = self._sequences.get(channel)
        self._sequences[channel] = received
        is_first = message.type == "snapshot" and received == 1
        if is_first or last is None or received == last + 1:
            return
        self._counters["sequence_gaps"] += 1
        gap = SequenceGapEvent(last + 1, received, channel, received_ns=message.received_ns)
        events.append(gap)

    def _acknowledge(self, response: WSResponse) -> None:
        """Learn from the ack of a subscribe or unsubscribe."""
        if not isinstance(response.result, dict):
            return
        channel, symbol = response.result.get("channel"), response.result.get("symbol")
        if response.method not in ("subscribe", "unsubscribe") or not isinstance(channel, str):
            return
        subscribed = response.method == "subscribe"
        if not subscribed:
            self._sequences.pop(channel, None)
        shelf = self._shelves.get(channel)
        if shelf is not None and isinstance(symbol, str):
            shelf.acknowledge(symbol, subscribed, response.result.get("depth"))

    def _refuse(
        self, frame: bytes, unreadable: UnreadableFrame, received_ns: int | None
    ) -> InvalidFrameEvent:
        """Report a frame; what a broken message of books may have changed cannot be trusted."""
        error = unreadable.error
        self._counters["invalid_frames"] += 1
        if unreadable.symbols is not None:
            self._shelves[str(error.channel)].distrust(unreadable.symbols)
        return InvalidFrameEvent(
            frame, error.kind, error.offset, error.channel, received_ns=received_ns
        )

    @locked
    def reset(self) -> None:
        self._sequences.clear()
        for shelf in self._shelves.values():
            shelf.reset()

    @locked
    def counters(self) -> dict[str, int]:
        return dict(self._counters)
