"""One book of a connection: its state, its history, and whether it may be read."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from .book import Book

B = TypeVar("B", bound=Book)
BookStateName = Literal["awaiting_snapshot", "valid", "stale", "quarantined"]
WithdrawnState = Literal["awaiting_snapshot", "stale", "quarantined"]


class BookSlot(Generic[B]):
    """A book, its state and its history."""

    __slots__ = (
        "acked_depth",
        "book",
        "expected_depth",
        "mismatch_count",
        "received_ns",
        "snapshot_levels",
        "state",
        "symbol",
        "timestamp",
        "updates",
        "verified_count",
        "verified_ns",
        "was_crossed",
    )

    def __init__(self, symbol: str, book: B) -> None:
        self.symbol = symbol
        self.book = book
        self.state: BookStateName = "awaiting_snapshot"
        #: Depths that the caller set, and that the ack of the subscribe stated.
        self.expected_depth: int | None = None
        self.acked_depth: int | None = None
        self.was_crossed = False
        #: How many levels the larger side of a caller's last snapshot had.
        self.snapshot_levels: int | None = None
        self.updates = 0
        self.verified_count = 0
        self.mismatch_count = 0
        self.timestamp: str | None = None
        self.received_ns: int | None = None
        self.verified_ns: int | None = None

    def expect(self, depth: int) -> None:
        """Set the depth of a coming subscription."""
        self.expected_depth = self.book.depth = depth
        self.withdraw("awaiting_snapshot")

    def acknowledge_depth(self, depth: int) -> None:
        """Keep the depth of an ack; the snapshot may have come before it."""
        self.acked_depth = depth
        if self.expected_depth is None:
            self.book.depth = depth
            self.book.cut()

    def unsubscribed(self) -> None:
        """End the subscription."""
        self.acked_depth = None
        self.withdraw_unless_quarantined("awaiting_snapshot")

    def reset(self) -> None:
        """Start a new connection."""
        self.acked_depth = None
        self.withdraw("awaiting_snapshot")
        self.verified_ns = None

    def withdraw(self, state: WithdrawnState) -> None:
        self.state = state
        self.was_crossed = False

    def withdraw_unless_quarantined(self, state: WithdrawnState) -> None:
        if self.state != "quarantined":
            self.withdraw(state)

    def apply(self, is_snapshot: bool, bids: list[Any], asks: list[Any]) -> bool:
        """Apply an item of a message; return false if the state does not permit it.

        Raises:
            NumberError: a number does not fit the book; the content was not changed.
        """
        if self.state == "quarantined" or not (is_snapshot or self.state == "valid"):
            return False
        if is_snapshot:
            self.book.depth = self._snapshot_depth(bids, asks)
            self.book.apply_snapshot(bids, asks)
        else:
            self.book.apply_update(bids, asks)
        return True

    def _snapshot_depth(self, bids: list[Any], asks: list[Any]) -> int:
        known = self.expected_depth or self.acked_depth
        if known is not None:
            return known
        levels = max(self.book.levels_of(bids), self.book.levels_of(asks))
        depths = self.book.DEPTHS
        return next((depth for depth in depths if depth >= levels), depths[-1])

    def stamp(self, timestamp: str | None, received_ns: int | None) -> None:
        """Count a message that was applied, and keep its times."""
        self.updates += 1
        self.received_ns = received_ns
        if timestamp is not None:
            self.timestamp = timestamp or None

    def judge(self, expected: int | None) -> int | None:
        """Compare the checksums after a message of the exchange, and set the state; the result is
        that of `verify`."""
        computed = self.verify(expected)
        if computed is None:
            self.state = "valid"
            self.verified_ns = self.received_ns
        else:
            self.state = "stale"
        return computed

    def verify(self, expected: int | None) -> int | None:
        """Compare the book's checksum with the exchange's, and count. Return `None` if they match,
        else the checksum of the book; an `expected` of `None` never matches."""
        book = self.book
        computed = book.checksum()
        if computed == expected or (type(expected) is int and book.reconcile(expected)):
            book.confirm()
            self.verified_count += 1
            return None
        self.mismatch_count += 1
        book.count_mismatch()
        return computed

    def becomes_crossed(self) -> bool:
        """Return whether the book is valid and crossed, and was not after the last message."""
        is_crossed = self.book.is_crossed() and self.state == "valid"
        was_crossed, self.was_crossed = self.was_crossed, is_crossed
        return is_crossed and not was_crossed
