"""Where orders stand in their queues is told when it changes, and only then."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from kraken_connector.ws import Level3Book, Level3Data, Level3Order, QueuePosition
from kraken_connector.ws.delivery.queue_watch import QueueWatch, QueueWatches
from kraken_connector.ws.delivery.sinks import CallbackSink

BTC = "BTC/USD"
PRICE = Decimal("100.0")


def order(name: str, qty: str = "1.0", second: int = 0, event: str | None = None) -> Level3Order:
    return Level3Order(name, PRICE, Decimal(qty), f"2026-01-01T00:00:{second:02}Z", event)


class Bench:
    """A book with the queue A, B, C, and somebody who watches C."""

    def __init__(self) -> None:
        self.book: Level3Book | None = Level3Book(BTC)
        queue = [order("A", second=1), order("B", second=2), order("C", second=3)]
        self.book.apply_snapshot(Level3Data(BTC, bids=queue, asks=[]))
        self.watches = QueueWatches(lambda _: self.book)
        self.told: list[QueuePosition | None] = []
        self.watch = QueueWatch(BTC, "C", CallbackSink(self.told.append, lambda: None))
        self.watches.add(self.watch)

    def update(self, *orders: Level3Order) -> None:
        assert self.book is not None
        self.book.apply_update(Level3Data(BTC, bids=list(orders), asks=[]))
        self.see()

    def see(self, symbol: str = BTC) -> None:
        message: Any = SimpleNamespace(symbol=symbol)
        self.watches.see(message)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def place(ahead: int, qty_ahead: str, orders: int, qty: str) -> QueuePosition:
    return QueuePosition(ahead, Decimal(qty_ahead), orders, Decimal(qty))


def test_place_is_told_at_once_and_with_each_change(bench: Bench) -> None:
    assert bench.told == [place(2, "2.0", 3, "3.0")]
    bench.update(order("A", "0.5", 1, "modify"))
    bench.update(order("B", event="delete"))
    assert bench.told[1:] == [place(2, "1.5", 3, "2.5"), place(1, "0.5", 2, "1.5")]
    assert bench.watch.position == bench.told[-1]


def test_what_leaves_the_place_as_it_is_is_not_told(bench: Bench) -> None:
    bench.update(order("A", second=1, event="modify"))
    bench.see("ETH/USD")
    bench.watches.look()
    assert len(bench.told) == 1


def test_order_that_leaves_is_told_once(bench: Bench) -> None:
    bench.update(order("C", event="delete"))
    bench.update(order("A", event="delete"))
    assert bench.told[1:] == [None]


def test_book_that_is_gone_leaves_no_place(bench: Bench) -> None:
    book, bench.book = bench.book, None
    bench.watches.look()
    assert bench.told[1:] == [None]
    bench.book = book
    bench.watches.look()
    assert bench.told[2:] == bench.told[:1]


def test_cancelled_watch_tells_nothing(bench: Bench) -> None:
    assert bench.watch.is_active
    bench.watch.cancel()
    bench.update(order("A", event="delete"))
    assert not bench.watch.is_active
    assert len(bench.told) == 1
