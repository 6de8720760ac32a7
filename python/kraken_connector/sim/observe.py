"""What a test can see of the exchange: requests, a log, published books, and waiting for them."""

from __future__ import annotations

import asyncio
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

    async def wait_for(self, predicate: Callable[[], T], timeout: float) -> T:
        """Return the value of `predicate` as soon as it is true.

        Raises:
            TimeoutError: it was not within `timeout` seconds.
        """
        if value := predicate():
            return value
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiter = (predicate, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                return await future  # type: ignore[return-value]  # the value of `predicate`
        finally:
            self._waiters.remove(waiter)


def _settle(predicate: Callable[[], object], future: asyncio.Future[object]) -> None:
    if future.done():
        return
    try:
        value = predicate()
    except Exception as error:
        future.set_exception(error)
    else:
        if value:
            future.set_result(value)


@dataclass(frozen=True, slots=True)
class PublishedState:
    """The book of one depth as it was after one message.

    Attributes:
        count: number of the message for this symbol and depth, counted from 1; snapshots that
            repeat a state do not count.
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

    @classmethod
    def of(cls, pair: Pair, book: ReferenceBook, depth: int, count: int) -> PublishedState:
        """Return the state that a subscriber of `depth` sees now."""
        return cls(count, book.checksum(), pair, book.bids.rows(depth), book.asks.rows(depth))


def _level(pair: Pair, row: Row) -> Level:
    ticks, lots = row
    return (
        Decimal(ticks).scaleb(-pair.price_precision),
        Decimal(lots).scaleb(-pair.qty_precision),
    )
