"""The exchange's own book, and the updates for subscribers of each depth.

The tests compare the connector's books with this one, so it shares no code with them. It uses
integers only: prices in ticks, quantities in lots.

Rows are made event by event, as the exchange makes them. A message can therefore have a price
twice, or add a level that is out of scope again at its end. One rule keeps such messages
unambiguous: a message does not change a level that one of its own inserts pushed out of some depth.
Without it, clients that truncate their book after each row would get another book than clients that
truncate it after the message.

Source: docs.kraken.com, Spot WebSocket v2, book channel and book checksum guide.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["bid", "ask"]
Row: TypeAlias = tuple[int, int]
"""Price in ticks and absolute quantity in lots; zero lots remove the level."""
LevelKey: TypeAlias = tuple[Side, int]
"""Side and price in ticks."""
Change: TypeAlias = tuple[Side, int, int]
"""Side, price in ticks and absolute quantity in lots."""

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels per side that can be subscribed."""

CHECKSUM_LEVELS = 10


class BookSide:
    """One side of the book, best price first.

    Keys are the ticks of asks and the negated ticks of bids: a smaller key is a better price.
    """

    __slots__ = ("_rows", "_sign", "keys")

    def __init__(self, side: Side) -> None:
        self._sign = 1 if side == "ask" else -1
        self._rows: dict[int, Row] = {}
        self.keys: list[int] = []

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, ticks: int) -> int:
        """Return the key of a price."""
        return ticks * self._sign

    def ticks(self, key: int) -> int:
        """Return the price of a key."""
        return key * self._sign

    def row(self, index: int) -> Row:
        """Return the level at `index`, 0 being the best."""
        return self._rows[self.keys[index]]

    def lots(self, ticks: int) -> int:
        """Return the quantity at a price; 0 if there is no level."""
        return self._rows.get(ticks * self._sign, (ticks, 0))[1]

    def rows(self, depth: int) -> tuple[Row, ...]:
        """Return the best `depth` levels, best first."""
        return tuple(map(self._rows.__getitem__, islice(self.keys, depth)))

    def replace(self, ticks: int, lots: int) -> tuple[int, bool]:
        """Set the quantity of a level; return its index and whether it was added or removed."""
        key = ticks * self._sign
        index = bisect_left(self.keys, key)
        known = key in self._rows
        if lots:
            self._rows[key] = (ticks, lots)
            if not known:
                self.keys.insert(index, key)
            return index, not known
        if known:
            del self._rows[key], self.keys[index]
        return index, known


@dataclass(slots=True)
class Rows:
    """The rows of one update for one depth, in the order of the events."""

    bids: list[Row] = field(default_factory=list)
    asks: list[Row] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.bids or self.asks)

    def of(self, side: Side) -> list[Row]:
        """Return the rows of one side."""
        return self.bids if side == "bid" else self.asks


class ReferenceBook:
    """The full book of one pair, deeper than any subscription."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide("bid")
        self.asks = BookSide("ask")

    def side(self, side: Side) -> BookSide:
        """Return one side."""
        return self.bids if side == "bid" else self.asks

    def checksum(self) -> int:
        """Return the CRC-32 over the top ten of both sides, the same for every depth."""
        parts = [f"{ticks}{lots}" for ticks, lots in self.asks.rows(CHECKSUM_LEVELS)]
        parts += [f"{ticks}{lots}" for ticks, lots in self.bids.rows(CHECKSUM_LEVELS)]
        return zlib.crc32("".join(parts).encode())


class BookMessage:
    """Changes to a book that become one update message per depth.

    Args:
        book: the book to change.
        depths: the subscribed depths.

    Attributes:
        rows: the rows of the update, by depth.
        touched: lots before the message, of the levels that it changed.
    """

    __slots__ = ("_book", "_pushed", "rows", "touched")

    def __init__(self, book: ReferenceBook, depths: Collection[int]) -> None:
        self._book = book
        self._pushed: set[LevelKey] = set()
        self.rows = {depth: Rows() for depth in depths}
        self.touched: dict[LevelKey, int] = {}

    def change(self, side: Side, ticks: int, lots: int) -> bool:
        """Set the quantity at a price.

        Returns:
            Whether the quantity was set. It is not if it is the same as before, or if this
            message pushed the level out of a depth.
        """
        levels = self._book.side(side)
        before = levels.lots(ticks)
        if before == lots or (side, levels.key(ticks)) in self._pushed:
            return False
        self.touched.setdefault((side, ticks), before)
        index, resized = levels.replace(ticks, lots)
        if lots and resized:
            self._mark_pushed(side, levels, index)
        for depth, rows in self.rows.items():
            if index < depth:
                self._add_row(rows.of(side), levels, depth, (ticks, lots))
        return True

    @staticmethod
    def _add_row(rows: list[Row], levels: BookSide, depth: int, row: Row) -> None:
        rows.append(row)
        if not row[1] and len(levels) >= depth:
            rows.append(levels.row(depth - 1))

    def _mark_pushed(self, side: Side, levels: BookSide, index: int) -> None:
        for depth in DEPTHS:
            if index < depth < len(levels):
                self._pushed.add((side, levels.keys[depth]))
