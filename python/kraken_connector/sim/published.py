"""The books and orders that subscribers were sent, kept for tests to compare with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from .book import ReferenceBook, Row
from .level3 import Level as OrderLevel
from .level3 import ReferenceOrders
from .pairs import Pair
from .queues import total

Level = tuple[Decimal, Decimal]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Sides(Generic[T]):
    """Both sides of one depth after one message.

    Attributes:
        count: number of the state for this symbol and depth, counted from 1; a snapshot that
            repeats the last state does not count.
        checksum: of the message.
    """

    count: int = field(compare=False)
    checksum: int
    _pair: Pair
    _bids: tuple[T, ...]
    _asks: tuple[T, ...]


class PublishedState(_Sides[Row]):
    """The book of one depth as it was after one message."""

    __slots__ = ()

    @property
    def bids(self) -> list[Level]:
        """Price and quantity, best first, with all decimals of the message."""
        return [_level(self._pair, row) for row in self._bids]

    @property
    def asks(self) -> list[Level]:
        """Price and quantity, best first, with all decimals of the message."""
        return [_level(self._pair, row) for row in self._asks]

    @classmethod
    def of(cls, pair: Pair, book: ReferenceBook, depth: int, count: int) -> PublishedState:
        """Return the state that a subscriber of `depth` sees now."""
        return cls(count, book.checksum(), pair, book.bids.rows(depth), book.asks.rows(depth))


class PublishedOrder(NamedTuple):
    """An order as level3 messages show it; the timestamp in ns since the epoch."""

    order_id: str
    limit_price: Decimal
    order_qty: Decimal
    timestamp_ns: int


class PublishedOrders(_Sides[OrderLevel]):
    """The orders of one depth as they were after one message."""

    __slots__ = ()

    @property
    def bids(self) -> list[PublishedOrder]:
        """The orders, best price first; at one price, first to trade first."""
        return _orders(self._pair, self._bids)

    @property
    def asks(self) -> list[PublishedOrder]:
        """The orders, best price first; at one price, first to trade first."""
        return _orders(self._pair, self._asks)

    @property
    def bid_levels(self) -> list[Level]:
        """Price and total quantity of the levels, best first."""
        return [_level(self._pair, (ticks, total(queue))) for ticks, queue in self._bids]

    @property
    def ask_levels(self) -> list[Level]:
        """Price and total quantity of the levels, best first."""
        return [_level(self._pair, (ticks, total(queue))) for ticks, queue in self._asks]

    @classmethod
    def of(cls, pair: Pair, orders: ReferenceOrders, depth: int, count: int) -> PublishedOrders:
        """Return the state that a subscriber of `depth` sees now."""
        return cls(count, orders.checksum(), pair, *_sides(orders, depth))


Source = TypeVar("Source")
State = TypeVar("State", bound=PublishedState | PublishedOrders)


class Published(Generic[Source, State]):
    """The latest states of each symbol and depth.

    Args:
        see: returns the state of a pair at a depth, given its number.
        history: how many to keep.
    """

    def __init__(self, see: Callable[[Pair, Source, int, int], State], history: int) -> None:
        self._see = see
        self._history = history
        self._states: dict[tuple[str, int], deque[State]] = {}

    def add(self, pair: Pair, source: Source, depth: int) -> None:
        """Keep the state after an update."""
        if self._history:
            states = self._of(pair, depth)
            states.append(self._see(pair, source, depth, _count(states) + 1))

    def add_if_new(self, pair: Pair, source: Source, depth: int) -> None:
        """Keep the state of a snapshot, unless it equals the last one."""
        states = self._of(pair, depth)
        state = self._see(pair, source, depth, _count(states) + 1)
        if not states or states[-1] != state:
            states.append(state)

    def of(self, symbol: str, depth: int) -> list[State]:
        """Return the states of a symbol and depth, oldest first."""
        return list(self._states.get((symbol, depth), ()))

    def _of(self, pair: Pair, depth: int) -> deque[State]:
        return self._states.setdefault((pair.symbol, depth), deque(maxlen=self._history))


def _count(states: Sequence[PublishedState | PublishedOrders]) -> int:
    return states[-1].count if states else 0


def _sides(
    orders: ReferenceOrders, depth: int
) -> tuple[tuple[OrderLevel, ...], tuple[OrderLevel, ...]]:
    return orders.levels("bid", depth), orders.levels("ask", depth)


def _orders(pair: Pair, levels: Iterable[OrderLevel]) -> list[PublishedOrder]:
    return [
        PublishedOrder(order.order_id, *_level(pair, (ticks, order.lots)), order.timestamp_ns)
        for ticks, queue in levels
        for order in queue
    ]


def _level(pair: Pair, row: Row) -> Level:
    ticks, lots = row
    return (
        Decimal(ticks).scaleb(-pair.price_precision),
        Decimal(lots).scaleb(-pair.qty_precision),
    )
