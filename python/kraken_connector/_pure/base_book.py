"""What both kinds of books are: a state, levels to read, a checksum to compare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from operator import index
from typing import Any, ClassVar, Literal, NoReturn, Protocol, SupportsIndex

from ..exceptions import BookNotReady, ChecksumError
from .checksum import book_checksum
from .lock import locked
from .numbers import NumberError, parse_number, to_decimal
from .scanner import NUMBER

Side = Literal["bid", "ask"]
BookStateName = Literal["awaiting_snapshot", "valid", "stale", "quarantined"]
Levels = list[tuple[Decimal, Decimal]]


class BookSide(Protocol):
    """Price levels of one side; `keys` ascends and holds the price of a bid, the negated price of
    an ask, so that the best is last."""

    keys: list[int]

    def __len__(self) -> int: ...
    def best_price(self) -> int | None: ...
    def levels(self, depth: int | None = None) -> Iterator[tuple[int, int]]: ...
    def cut(self, depth: int) -> object: ...
    def top_digits(self) -> bytes: ...


class BaseBook(ABC):
    """A book that its subclasses fill."""

    __slots__ = (
        "_asks",
        "_bids",
        "_depth",
        "_live",
        "_mismatch_count",
        "_price_scale",
        "_qty_scale",
        "_received_ns",
        "_snapshot_levels",
        "_state",
        "_symbol",
        "_timestamp",
        "_updates",
        "_verified_count",
        "_verified_ns",
    )

    _bids: BookSide
    _asks: BookSide
    #: Levels a side that a subscription can have; docs.kraken.com, WebSocket v2, the channel's
    #: page.
    _depths: ClassVar[tuple[int, ...]]

    def __init__(self, symbol: str, depth: int = 10) -> None:
        if (depth := index(depth)) not in self._depths:
            known = ", ".join(map(str, self._depths))
            raise ValueError(f"depth must be one of {known}, not {depth}")
        self._symbol = symbol
        self._depth = depth
        self._live = False
        self._state: BookStateName = "awaiting_snapshot"
        self._bids, self._asks = self._empty_sides()
        self._price_scale = 0
        self._qty_scale = 0
        #: How many levels the larger side of a caller's last snapshot had.
        self._snapshot_levels: int | None = None
        self._updates = 0
        self._verified_count = 0
        self._mismatch_count = 0
        self._timestamp: str | None = None
        self._received_ns: int | None = None
        self._verified_ns: int | None = None

    @property
    def symbol(self) -> str:
        return self._symbol

    @property
    def depth(self) -> int:
        return self._depth

    @property
    def state(self) -> BookStateName:
        return self._state

    @property
    def is_valid(self) -> bool:
        return self._state == "valid"

    @property
    def is_live(self) -> bool:
        return self._live

    @abstractmethod
    def _empty_sides(self) -> tuple[Any, Any]:
        """Return bids and asks without levels."""

    @abstractmethod
    def _rows_of(self, rows: Any) -> list[Any]:
        """Take a caller's rows to those of the wire.

        Raises:
            ValueError: a price or quantity is negative or no number.
        """

    @abstractmethod
    def _levels_of(self, rows: list[Any]) -> int:
        """Return how many price levels the rows of one side of a snapshot have."""

    @abstractmethod
    def _replace(self, bids: list[Any], asks: list[Any]) -> None:
        """Start over with a snapshot: its largest scales become the book's.

        Raises:
            NumberError: a number is too long at these scales; nothing was changed.
        """

    @abstractmethod
    def _update(self, bids: list[Any], asks: list[Any]) -> None:
        """Apply an update; a row with more decimals than the book widens the whole book first.

        Raises:
            NumberError: a number becomes too long; nothing was changed.
        """

    # Writing. The underscored half is for the engine.

    @locked
    def apply_snapshot(self, data: Any) -> None:
        bids, asks = self._write(data, self._replace)
        self._snapshot_levels = max(self._levels_of(bids), self._levels_of(asks))
        self._state = "awaiting_snapshot"
        self._demand(data.checksum)
        self._state = "valid"

    @locked
    def apply_update(self, data: Any) -> None:
        self._write(data, self._update)
        try:
            self._demand(data.checksum)
        except ChecksumError:
            self._state = "awaiting_snapshot"
            raise

    def validate_checksum(self, expected: int) -> None:
        computed = self.checksum()
        if computed != expected:
            raise self._checksum_error(expected, computed)

    @locked
    def checksum(self) -> int:
        self._check_readable()
        return self._computed()

    def _write(
        self, data: Any, write: Callable[[list[Any], list[Any]], None]
    ) -> tuple[list[Any], list[Any]]:
        if self._live:
            raise RuntimeError(f"book of {self._symbol} is live; only its engine writes it")
        bids, asks = self._rows_of(data.bids), self._rows_of(data.asks)
        try:
            write(bids, asks)
        except NumberError:
            reason = "a number has too many digits at the decimals of the book"
            raise ValueError(reason) from None
        self._stamp(data.timestamp, None)
        return bids, asks

    def _demand(self, expected: int | None) -> None:
        if expected is None:
            return
        computed = self._mismatch(expected)
        if computed is not None:
            raise self._checksum_error(expected, computed)

    def _checksum_error(self, expected: int, computed: int) -> ChecksumError:
        """Return the error, with a note where the depth may be what is wrong."""
        error = ChecksumError(self._symbol, expected, computed)
        levels, depth = self._snapshot_levels, self._depth
        if levels is not None and (levels > depth or (levels < depth and levels in self._depths)):
            error.add_note(
                f"the last snapshot had {levels} levels a side and the book keeps {depth}: "
                "is that the depth of the subscription?"
            )
        return error

    def _mismatch(self, expected: int | None) -> int | None:
        """Compare and count; return the book's checksum unless it is the exchange's."""
        computed = self._computed()
        if computed == expected or (type(expected) is int and self._reconcile(expected)):
            self._settle()
            self._verified_count += 1
            return None
        self._mismatch_count += 1
        self._note_mismatch()
        return computed

    def _reconcile(self, expected: int) -> bool:
        """Try what else the last message can have meant; return whether the book has this checksum
        now. If not, it is as it was."""
        return False

    def _settle(self) -> None:
        """Note that the book has the exchange's checksum."""
        return

    def _note_mismatch(self) -> None:
        """Note that the last message led to another checksum than the exchange's."""
        return

    def _computed(self) -> int:
        return book_checksum(self._asks.top_digits(), self._bids.top_digits())

    def _stamp(self, timestamp: str | None, received_ns: int | None) -> None:
        """Count a message that was applied, and note its times."""
        self._updates += 1
        self._received_ns = received_ns
        if timestamp is not None:
            self._timestamp = timestamp or None

    def _cut(self, depth: int) -> None:
        self._depth = depth
        self._bids.cut(depth)
        self._asks.cut(depth)

    # Reading.

    def _check_readable(self) -> None:
        if self._live and self._state != "valid":
            raise BookNotReady(self._symbol, self._state)

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
        price_unit, qty_unit = 10**self._price_scale, 10**self._qty_scale
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
    def microprice(self) -> float | None:
        top = self.top_of_book()
        if top is None:
            return None
        bid, bid_qty, ask, ask_qty = top
        return (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)

    @locked
    def imbalance(self, depth: int = 1) -> float | None:
        depth = index(depth)
        bid_qty, ask_qty = self.cumulated_qty("bid", depth), self.cumulated_qty("ask", depth)
        both = bid_qty + ask_qty
        return (bid_qty - ask_qty) / both if both > 0 else None

    def cumulated_qty(self, side: Side, depth: int | None = None) -> float:
        # Not `sum`, whose rounding depends on the version of Python.
        total = 0.0
        for _, qty in self.levels_float(side, depth):
            total += qty
        return total

    def weighted_price(self, side: Side, depth: int | None = None) -> float | None:
        value = total = 0.0
        for price, qty in self.levels_float(side, depth):
            value += price * qty
            total += qty
        return value / total if total > 0 else None

    @property
    def price_scale(self) -> int:
        self._check_readable()
        return self._price_scale

    @property
    def qty_scale(self) -> int:
        self._check_readable()
        return self._qty_scale

    def _side(self, side: str, depth: int | None = None) -> BookSide:
        self._check_readable()
        if depth is not None and index(depth) < 0:
            raise ValueError(f"depth must not be negative, not {depth}")
        if side == "bid":
            return self._bids
        if side == "ask":
            return self._asks
        raise ValueError(f"side must be 'bid' or 'ask', not {side!r}")

    def _decimals(self, ladder: BookSide, depth: int | None = None) -> Levels:
        price_scale, qty_scale = self._price_scale, self._qty_scale
        return [
            (to_decimal(price, price_scale), to_decimal(qty, qty_scale))
            for price, qty in ladder.levels(depth)
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
        return None if top is None else to_decimal(top[1] - top[0], self._price_scale)

    @property
    @locked
    def mid(self) -> Decimal | None:
        """Half the sum, with one decimal more than the prices where it needs it."""
        top = self._top()
        if top is None:
            return None
        twice = top[0] + top[1]
        if twice % 2:
            return to_decimal(twice * 5, self._price_scale + 1)
        return to_decimal(twice // 2, self._price_scale)

    def _top(self) -> tuple[int, int] | None:
        """Return best bid and best ask price, `None` when a side is empty."""
        self._check_readable()
        bid, ask = self._bids.best_price(), self._asks.best_price()
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
        return self._decimals(self._bids), self._decimals(self._asks)

    @property
    @locked
    def crossed(self) -> bool:
        self._check_readable()
        return self._is_crossed()

    def _is_crossed(self) -> bool:
        bids, asks = self._bids.keys, self._asks.keys
        # The keys of asks are negated prices.
        return bool(bids and asks) and bids[-1] + asks[-1] >= 0

    @property
    def updates(self) -> int:
        return self._updates

    @property
    def verified_count(self) -> int:
        return self._verified_count

    @property
    def mismatch_count(self) -> int:
        return self._mismatch_count

    @property
    def timestamp(self) -> str | None:
        return self._timestamp

    @property
    def received_ns(self) -> int | None:
        return self._received_ns

    @property
    def verified_ns(self) -> int | None:
        return self._verified_ns

    def __bool__(self) -> bool:
        return True

    @locked
    def __len__(self) -> int:
        return len(self._bids) + len(self._asks)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        # A copy would share its levels with the book; `to_dict(exact=True)` makes a real one.
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    @locked
    def __repr__(self) -> str:
        text = f"symbol={self._symbol!r}, depth={self._depth}, state={self._state!r}"
        if not self._live or self._state == "valid":
            for name, side in (("bid", self._bids), ("ask", self._asks)):
                price = side.best_price()
                if price is not None:
                    text += f", {name}={to_decimal(price, self._price_scale):f}"
        return f"{type(self).__name__}({text})"

    @locked
    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        self._check_readable()
        plain: dict[str, Any] = {"symbol": self._symbol}
        plain["bids"] = self._plain_rows(self._bids, exact)
        plain["asks"] = self._plain_rows(self._asks, exact)
        plain["checksum"] = self._computed()
        if self._timestamp is not None:
            plain["timestamp"] = self._timestamp
        return plain

    @abstractmethod
    def _plain_rows(self, side: Any, exact: bool) -> list[dict[str, Any]]:
        """Return the rows of one side as plain data."""

    def _numbers(self, price: int, qty: int, exact: bool) -> tuple[Any, Any]:
        """Return price and quantity as `Decimal` or `float`."""
        if exact:
            return to_decimal(price, self._price_scale), to_decimal(qty, self._qty_scale)
        return price / 10**self._price_scale, qty / 10**self._qty_scale


def number_of(name: str, value: Any) -> tuple[int, int]:
    """Take a caller's number to mantissa and scale.

    Raises:
        ValueError: it is negative or no number.
    """
    lexeme = str(value).strip(" \t\r\n").encode()
    with suppress(NumberError):
        if NUMBER.fullmatch(lexeme):
            return parse_number(lexeme)
    raise ValueError(f"{name} must be a number not below zero, not {value}")
