"""The position of an order in its queue is reported when it changes, and only then."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from kraken_connector.ws import Level3Book, Level3Data, Level3Order, QueuePosition
from kraken_connector.ws.orders.queue_watch import QueueWatch, QueueWatches

BTC = "BTC/USD"
PRICE = Decimal("100.0")


def order(name: str, qty: str = "1.0", second: int = 0, event: str | None = None) -> Level3Order:
    return Level3Order(name, PRICE, Decimal(qty), f"2026-01-01T00:00:{second:02}Z", event)


class Bench:
    """A book with the queue A, B, C, and a watch of C."""

    def __init__(self) -> None:
        self.book: Level3Book | None = Level3Book(BTC)
        queue = [order("A", second=1), order("B", second=2), order("C", second=3)]
        self.book.apply_snapshot(Level3Data(BTC, bids=queue, asks=[]))
        self.watches = QueueWatches(lambda _: self.book)
        self.reported: list[QueuePosition | None] = []
        self.watch = QueueWatch(BTC, "C", self.reported.append)
        self.watches.add(self.watch)

    def update(self, *orders: Level3Order) -> None:
        assert self.book is not None
        self.book.apply_update(Level3Data(BTC, bids=list(orders), asks=[]))
        self.observe()

    def observe(self, symbol: str = BTC) -> None:
        message: Any = SimpleNamespace(symbol=symbol)
        self.watches.observe(message)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def position(ahead: int, qty_ahead: str, orders: int, qty: str) -> QueuePosition:
    return QueuePosition(ahead, Decimal(qty_ahead), orders, Decimal(qty))


def test_position_is_reported_at_once_and_after_each_change(bench: Bench) -> None:
    assert bench.reported == [position(2, "2.0", 3, "3.0")]
    bench.update(order("A", "0.5", 1, "modify"))
    bench.update(order("B", event="delete"))
    assert bench.reported[1:] == [position(2, "1.5", 3, "2.5"), position(1, "0.5", 2, "1.5")]
    assert bench.watch.position == bench.reported[-1]


def test_what_leaves_the_position_as_it_is_is_not_reported(bench: Bench) -> None:
    bench.update(order("A", second=1, event="modify"))
    bench.observe("ETH/USD")
    bench.watches.update_all()
    assert len(bench.reported) == 1


def test_order_that_leaves_is_reported_once(bench: Bench) -> None:
    bench.update(order("C", event="delete"))
    bench.update(order("A", event="delete"))
    assert bench.reported[1:] == [None]


def test_book_that_is_gone_leaves_no_position(bench: Bench) -> None:
    book, bench.book = bench.book, None
    bench.watches.update_all()
    assert bench.reported[1:] == [None]
    bench.book = book
    bench.watches.update_all()
    assert bench.reported[2:] == bench.reported[:1]


def test_cancelled_watch_reports_nothing(bench: Bench) -> None:
    assert bench.watch.is_active
    bench.watch.cancel()
    bench.update(order("A", event="delete"))
    assert not bench.watch.is_active
    assert len(bench.reported) == 1
