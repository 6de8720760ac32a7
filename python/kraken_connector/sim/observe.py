"""What a test can see of the exchange: requests, a log, published books, and waiting for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from .book import ReferenceBook, Row
from .pairs import Pair
from .requests import Request

T = TypeVar("T")
Level = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing the exchange did, faults included.

    Attributes:
        time_ns: when, ns since the epoch.
        event: what, a word such as `connected`, `subscribed` or a fault's name.
        detail: more about it.
        connection: the connection's number, `None` for all of them.
    """

    time_ns: int
    event: str
    detail: str = ""
    connection: int | None = None


class Journal:
    """The exchange's memory of what happened, and the place where tests wait for it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._waiters: list[tuple[Callable[[], object], asyncio.Future[object]]] = []
        self.log: list[LogEntry] = []
        self.requests: list[Request] = []

    def note(self, event: str, detail: str = "", *, connection: int | None = None) -> None:
        """Write a line into the log."""
        self.log.append(LogEntry(self._clock(), event, detail, connection))
        self.changed()

    def record(self, request: Request) -> None:
        """Keep a request."""
        self.requests.append(request)
        self.changed()

    def changed(self) -> None:
        """Look whether somebody waited for what is so now."""
        for waiter in self._waiters[:]:
            _settle(*waiter)

    async def wait_for(self, predicate: Callable[[], T], seconds: float) -> T:
        """Return the value of `predicate` as soon as it is true.

        Raises:
            TimeoutError: it was not within `seconds`.
        """
        if value := predicate():
            return value
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiter = (predicate, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await future  # type: ignore[return-value]  # the value of `predicate`
        finally:
            self._waiters.remove(waiter)


def _settle(predicate: Callable[[], object], future: asyncio.Future[object]) -> None:
    if future.done():
        return
    try:
        value = predicate()
    except Exception as error:  # noqa: BLE001 - it belongs to the one who waits
        future.set_exception(error)
    else:
        if value:
            future.set_result(value)


@dataclass(frozen=True, slots=True)
class PublishedState:
    """The book of one depth as it was after one message.

    Attributes:
        count: number of the state for this symbol and depth, counted from 1; a snapshot that
            repeats the state before it does not count.
        checksum: what the message carried.
    """

    count: int
    checksum: int
    _pair: Pair
    _bids: tuple[Row, ...]
    _asks: tuple[Row, ...]

    @property
    def bids(self) -> list[Level]:
        """Price and quantity, best first, with every decimal of the wire."""
        return [_level(self._pair, row) for row in self._bids]

    @property
    def asks(self) -> list[Level]:
        """Price and quantity, best first, with every decimal of the wire."""
        return [_level(self._pair, row) for row in self._asks]

    def shows(self, book: ReferenceBook, depth: int) -> bool:
        """Tell whether a subscriber of `depth` sees this state now."""
        return (self._bids, self._asks) == (book.bids.rows(depth), book.asks.rows(depth))

    @classmethod
    def of(cls, pair: Pair, book: ReferenceBook, depth: int, count: int) -> PublishedState:
        """Return the state that a subscriber of `depth` sees now."""
        return cls(count, book.checksum(), pair, book.bids.rows(depth), book.asks.rows(depth))


class PublishedBooks:
    """The latest books of each symbol and depth.

    Args:
        history: how many to keep.
    """

    def __init__(self, history: int) -> None:
        self._history = history
        self._states: dict[tuple[str, int], deque[PublishedState]] = {}

    def add(self, pair: Pair, book: ReferenceBook, depth: int) -> None:
        """Keep the book that an update led to."""
        if not self._history:
            return
        states = self._of(pair, depth)
        count = states[-1].count + 1 if states else 1
        states.append(PublishedState.of(pair, book, depth, count))

    def add_if_new(self, pair: Pair, book: ReferenceBook, depth: int) -> None:
        """Keep the book of a snapshot, unless the last message led to the same."""
        states = self._of(pair, depth)
        if not states or not states[-1].shows(book, depth):
            self.add(pair, book, depth)

    def of(self, symbol: str, depth: int) -> list[PublishedState]:
        """Return the books of a symbol and depth, oldest first."""
        return list(self._states.get((symbol, depth), ()))

    def _of(self, pair: Pair, depth: int) -> deque[PublishedState]:
        return self._states.setdefault((pair.symbol, depth), deque(maxlen=self._history))


def _level(pair: Pair, row: Row) -> Level:
    ticks, lots = row
    return (
        Decimal(ticks).scaleb(-pair.price_precision),
        Decimal(lots).scaleb(-pair.qty_precision),
    )
