"""What the classes of both kinds of books have: how a caller reads and fills a book."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from contextlib import suppress
from decimal import Decimal
from operator import index
from typing import Any, ClassVar, Generic, Literal, NoReturn, Self, SupportsIndex

from ..exceptions import BookNotReady, ChecksumError
from . import measures
from .book import BookSide, Side
from .decimal import NumberError, parse_number, to_decimal
from .deprecation import deprecated
from .docs import documented
from .lock import locked
from .scanner import NUMBER
from .slot import B, BookSlot, BookStateName

Levels = list[tuple[Decimal, Decimal]]


@documented
class BookHandle(ABC, Generic[B]):
    """A book that an engine updates (live), or its caller (free)."""

    __slots__ = ("_book", "_live", "_slot")
    _kind: ClassVar[type[Any]]

    def __init__(self, symbol: str, depth: int = 10) -> None:
        self._check_depth(depth := index(depth))
        self._book: B = self._kind(depth)
        self._slot = BookSlot(symbol, self._book)
        self._live = False

    @classmethod
    def _live_book(cls, symbol: str) -> Self:
        """Make the book of an engine."""
        book = cls(symbol)
        book._live = True
        return book

    @classmethod
    def _check_depth(cls, depth: int) -> None:
        depths = cls._kind.DEPTHS
        if type(depth) is not int or depth not in depths:
            known = ", ".join(map(str, depths))
            raise ValueError(f"depth must be one of {known}, not {depth}")

    @property
    def symbol(self) -> str:
        return self._slot.symbol

    @property
    def depth(self) -> int:
        return self._book.depth

    @property
    def state(self) -> BookStateName:
        return self._slot.state

    @property
    def is_valid(self) -> bool:
        return self._slot.state == "valid"

    @property
    def is_live(self) -> bool:
        return self._live

    @locked
    def apply_snapshot(self, data: Any) -> None:
        self._apply(data, True)

    @locked
    def apply_update(self, data: Any) -> None:
        self._apply(data, False)

    def _apply(self, data: Any, is_snapshot: bool) -> None:
        slot, book = self._slot, self._book
        if self._live:
            raise RuntimeError(f"book of {slot.symbol} is live; only its engine writes it")
        bids, asks = self._caller_rows(data.bids), self._caller_rows(data.asks)
        try:
            (book.apply_snapshot if is_snapshot else book.apply_update)(bids, asks)
        except NumberError:
            reason = "a number has too many digits at the decimals of the book"
            raise ValueError(reason) from None
        if is_snapshot:
            slot.snapshot_levels = max(book.levels_of(bids), book.levels_of(asks))
        slot.stamp(data.timestamp, None)
        if data.checksum is not None:
            self._verify(data.checksum)
        if is_snapshot:
            slot.state = "valid"

    @abstractmethod
    def _caller_rows(self, rows: Any) -> list[Any]:
        """Return a caller's rows as those of the wire.

        Raises:
            ValueError: a price or quantity is negative or no number.
        """

    def _verify(self, expected: int) -> None:
        """Compare a caller's checksum and count; a book that does not match awaits a snapshot."""
        computed = self._slot.verify(expected)
        if computed is not None:
            self._slot.state = "awaiting_snapshot"
            raise self._checksum_error(expected, computed)

    def validate_checksum(self, expected: int) -> None:
        computed = self.checksum()
        if computed != expected:
            raise self._checksum_error(expected, computed)

    @locked
    def checksum(self) -> int:
        self._check_readable()
        return self._book.checksum()

    def _checksum_error(self, expected: int, computed: int) -> ChecksumError:
        """Return the error, with a note where the depth may be what is wrong."""
        error = ChecksumError(self._slot.symbol, expected, computed)
        levels, depth = self._slot.snapshot_levels, self._book.depth
        if levels is not None and (
            levels > depth or (levels < depth and levels in self._kind.DEPTHS)
        ):
            error.add_note(
                f"the last snapshot had {levels} levels a side and the book keeps {depth}: "
                "is that the depth of the subscription?"
            )
        return error

    def _check_readable(self) -> None:
        if self._live and self._slot.state != "valid":
            raise BookNotReady(self._slot.symbol, self._slot.state)

    @property
    def bids(self) -> Levels:
        return self.levels("bid")

    @property
    def asks(self) -> Levels:
        return self.levels("ask")

    @locked
    def levels(self, side: Side, depth: int | None = None) -> Levels:
        return self._decimals(self._side(side, depth), depth)

    @locked
    def levels_float(self, side: Side, depth: int | None = None) -> list[tuple[float, float]]:
        price_unit, qty_unit = 10**self._book.price_scale, 10**self._book.qty_scale
        levels = self._side(side, depth).levels(depth)
        return [(price / price_unit, qty / qty_unit) for price, qty in levels]

    @locked
    def levels_ticks(self, side: Side, depth: int | None = None) -> list[tuple[int, int]]:
        return list(self._side(side, depth).levels(depth))

    def levels_array(self, side: Side, depth: int | None = None) -> memoryview[float]:
        levels = self.levels_float(side, depth)
        # A cast to a dimension of length zero is refused, a slice of length zero is not.
        numbers = array("d", [number for level in levels or [(0, 0)] for number in level])
        return memoryview(numbers.tobytes()).cast("d", [len(levels) or 1, 2])[: len(levels)]

    @property
    @locked
    def microprice(self) -> float | None:
        best = self.levels_float("bid", 1) + self.levels_float("ask", 1)
        return measures.microprice(*best) if len(best) == 2 else None

    @locked
    def imbalance(self, depth: int = 1) -> float | None:
        depth = index(depth)
        bid_qty, ask_qty = self.cumulative_qty("bid", depth), self.cumulative_qty("ask", depth)
        return measures.imbalance(bid_qty, ask_qty) if bid_qty + ask_qty > 0 else None

    def cumulative_qty(self, side: Side, depth: int | None = None) -> float:
        return measures.cumulative_qty(self.levels_float(side, depth))

    def cumulated_qty(self, side: Side, depth: int | None = None) -> float:
        deprecated("use cumulative_qty")
        return self.cumulative_qty(side, depth)

    def weighted_price(self, side: Side, depth: int | None = None) -> float | None:
        return measures.weighted_price(self.levels_float(side, depth))

    @property
    def price_scale(self) -> int:
        self._check_readable()
        return self._book.price_scale

    @property
    def qty_scale(self) -> int:
        self._check_readable()
        return self._book.qty_scale

    def _side(self, side: str, depth: int | None = None) -> BookSide:
        self._check_readable()
        if depth is not None and index(depth) < 0:
            raise ValueError(f"depth must not be negative, not {depth}")
        if side == "bid":
            return self._book.bids
        if side == "ask":
            return self._book.asks
        raise ValueError(f"side must be 'bid' or 'ask', not {side!r}")

    def _decimals(self, side: BookSide, depth: int | None = None) -> Levels:
        price_scale, qty_scale = self._book.price_scale, self._book.qty_scale
        return [
            (to_decimal(price, price_scale), to_decimal(qty, qty_scale))
            for price, qty in side.levels(depth)
        ]

    @property
    def best_bid(self) -> tuple[Decimal, Decimal] | None:
        return next(iter(self.levels("bid", 1)), None)

    @property
    def best_ask(self) -> tuple[Decimal, Decimal] | None:
        return next(iter(self.levels("ask", 1)), None)

    @property
    @locked
    def spread(self) -> Decimal | None:
        top = self._top()
        return None if top is None else to_decimal(top[1] - top[0], self._book.price_scale)

    @property
    @locked
    def mid(self) -> Decimal | None:
        """Half the sum, with one decimal more than the prices where it needs it."""
        top = self._top()
        if top is None:
            return None
        twice = top[0] + top[1]
        if twice % 2:
            return to_decimal(twice * 5, self._book.price_scale + 1)
        return to_decimal(twice // 2, self._book.price_scale)

    def _best(self) -> Levels:
        """Return the best bid and the best ask level of a book that has both."""
        return self._decimals(self._book.bids, 1) + self._decimals(self._book.asks, 1)

    def _top(self) -> tuple[int, int] | None:
        """Return best bid and best ask price, `None` when a side is empty."""
        self._check_readable()
        bid, ask = self._book.bids.best_price(), self._book.asks.best_price()
        return None if bid is None or ask is None else (bid, ask)

    @property
    def bid(self) -> float | None:
        return self._best_float("bid", 0)

    @property
    def bid_qty(self) -> float | None:
        return self._best_float("bid", 1)

    @property
    def ask(self) -> float | None:
        return self._best_float("ask", 0)

    @property
    def ask_qty(self) -> float | None:
        return self._best_float("ask", 1)

    def _best_float(self, side: Side, index: Literal[0, 1]) -> float | None:
        best = self.levels_float(side, 1)
        return best[0][index] if best else None

    @locked
    def top_of_book(self) -> tuple[float, float, float, float] | None:
        bid, bid_qty, ask, ask_qty = self.bid, self.bid_qty, self.ask, self.ask_qty
        if bid is None or bid_qty is None or ask is None or ask_qty is None:
            return None
        return bid, bid_qty, ask, ask_qty

    @locked
    def unverified(self) -> tuple[Levels, Levels]:
        return self._decimals(self._book.bids), self._decimals(self._book.asks)

    @property
    @locked
    def crossed(self) -> bool:
        self._check_readable()
        return self._book.is_crossed()

    @property
    def updates(self) -> int:
        return self._slot.updates

    @property
    def verified_count(self) -> int:
        return self._slot.verified_count

    @property
    def mismatch_count(self) -> int:
        return self._slot.mismatch_count

    @property
    def timestamp(self) -> str | None:
        return self._slot.timestamp

    @property
    def received_ns(self) -> int | None:
        return self._slot.received_ns

    @property
    def verified_ns(self) -> int | None:
        return self._slot.verified_ns

    def __bool__(self) -> bool:
        return True

    @locked
    def __len__(self) -> int:
        return len(self._book.bids) + len(self._book.asks)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        # A copy would share its levels with the book; `to_dict(exact=True)` makes a real one.
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    @locked
    def __repr__(self) -> str:
        text = f"symbol={self._slot.symbol!r}, depth={self._book.depth}, state={self._slot.state!r}"
        if not self._live or self._slot.state == "valid":
            for name, side in (("bid", self._book.bids), ("ask", self._book.asks)):
                price = side.best_price()
                if price is not None:
                    text += f", {name}={to_decimal(price, self._book.price_scale):f}"
        return f"{type(self).__name__}({text})"

    @locked
    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        self._check_readable()
        plain: dict[str, Any] = {"symbol": self._slot.symbol}
        plain["bids"] = self._plain_rows(self._book.bids, exact)
        plain["asks"] = self._plain_rows(self._book.asks, exact)
        plain["checksum"] = self._book.checksum()
        if self._slot.timestamp is not None:
            plain["timestamp"] = self._slot.timestamp
        return plain

    @abstractmethod
    def _plain_rows(self, side: Any, exact: bool) -> list[dict[str, Any]]:
        """Return the rows of one side as plain data."""

    def _numbers(self, price: int, qty: int, exact: bool) -> tuple[Any, Any]:
        """Return price and quantity as `Decimal` or `float`."""
        if exact:
            return to_decimal(price, self._book.price_scale), to_decimal(qty, self._book.qty_scale)
        return price / 10**self._book.price_scale, qty / 10**self._book.qty_scale


def caller_number(name: str, value: Any) -> tuple[int, int]:
    """Return mantissa and scale of a caller's number.

    Raises:
        ValueError: it is negative or no number.
    """
    lexeme = str(value).strip(" \t\r\n").encode()
    with suppress(NumberError):
        if NUMBER.fullmatch(lexeme):
            return parse_number(lexeme)
    raise ValueError(f"{name} must be a number not below zero, not {value}")
