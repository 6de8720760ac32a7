"""The exchange's own book and what a subscriber of each depth is told about it.

Note to the next maintainer. This file is the outside truth of the tests, so it shares no code with
the connector's books and knows integers only: prices in ticks, quantities in lots. Rows are made
event by event, as the exchange makes them, which yields its odd shapes: a price twice in one
message, or a level that is announced and out of scope again by the end of the message. One rule
keeps every such message unambiguous: a level that an insert of the same message pushed out of some
depth is not touched again by that message. Without it, readers that cut their book after each row
and readers that cut it after the message would end up with different books.

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
Change: TypeAlias = tuple[Side, int, int]
"""Side, price in ticks and absolute quantity in lots."""

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels per side that can be subscribed."""

CHECKSUM_LEVELS = 10


class BookSide:
    """One side of the book, best price first.

    Keys are the ticks of asks and the negated ticks of bids, so smaller is better on both sides.
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
        """Return the quantity at a price, 0 where there is no level."""
        return self._rows.get(ticks * self._sign, (ticks, 0))[1]

    def rows(self, depth: int) -> tuple[Row, ...]:
        """Return the best `depth` levels, best first; the rows are shared, not copied."""
        return tuple(map(self._rows.__getitem__, islice(self.keys, depth)))

    def replace(self, ticks: int, lots: int) -> tuple[int, bool]:
        """Set the quantity of a level; return its index and whether the level is new or gone."""
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
    """The full book of one pair, far deeper than any subscription."""

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
        depths: the depths that somebody listens to.

    Attributes:
        rows: what there is to tell, by depth.
        touched: lots before the message, of the levels that it changed.
    """

    __slots__ = ("_book", "_pushed", "rows", "touched")

    def __init__(self, book: ReferenceBook, depths: Collection[int]) -> None:
        self._book = book
        self._pushed: set[tuple[Side, int]] = set()
        self.rows = {depth: Rows() for depth in depths}
        self.touched: dict[tuple[Side, int], int] = {}

    def change(self, side: Side, ticks: int, lots: int) -> bool:
        """Set the quantity at a price.

        Returns:
            Whether it was done: not if the quantity already is so, nor if the level was pushed
            out of a depth by this very message.
        """
        ladder = self._book.side(side)
        before = ladder.lots(ticks)
        if before == lots or (side, ladder.key(ticks)) in self._pushed:
            return False
        self.touched.setdefault((side, ticks), before)
        index, resized = ladder.replace(ticks, lots)
        if lots and resized:
            self._note_pushed(side, ladder, index)
        for depth, rows in self.rows.items():
            if index < depth:
                self._tell(rows.of(side), ladder, depth, (ticks, lots))
        return True

    @staticmethod
    def _tell(rows: list[Row], ladder: BookSide, depth: int, row: Row) -> None:
        rows.append(row)
        if not row[1] and len(ladder) >= depth:
            rows.append(ladder.row(depth - 1))

    def _note_pushed(self, side: Side, ladder: BookSide, index: int) -> None:
        for depth in DEPTHS:
            if index < depth < len(ladder):
                self._pushed.add((side, ladder.keys[depth]))
