"""Books of individual orders in several threads: a reader sees whole messages."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tests.level3_oracle import OrderMarket, TextOrder
from tests.threads.race import READERS, together, while_writing

from kraken_connector.exceptions import BookNotReady

MESSAGES = 200


def published(symbol: str = "BTC/USD", seed: int = 0) -> tuple[list[bytes], list[list[TextOrder]]]:
    """Return frames of one pair, and the bids after each."""
    market = OrderMarket(symbol, seed=seed)
    frames, bids = [market.snapshot()], [market.orders("bids")]
    for _ in range(MESSAGES):
        frames.append(market.update())
        bids.append(market.orders("bids"))
    return frames, bids


def ids(orders: list[Any]) -> tuple[str, ...]:
    return tuple(order.order_id for order in orders)


def feed(engine: Any, frames: list[bytes]) -> None:
    for frame in frames:
        engine.feed(frame)


def test_readers_see_whole_messages(core: Any) -> None:
    frames, bids = published()
    engine = core.Engine()
    engine.feed(frames[0])
    book = engine.level3("BTC/USD")
    known, front = {ids(orders) for orders in bids}, bids[0][0].order_id

    def read() -> None:
        orders = book.orders("bid")
        assert ids(orders) in known
        assert ids(book.unverified_orders()[0]) in known
        assert len({order.order_id for order in orders}) == len(orders)
        position = book.queue_position(front)
        assert position is None or position.orders_ahead < position.orders
        assert book.order_count >= len(book)

    while_writing(lambda: feed(engine, frames[1:]), *[read] * READERS)
    assert ids(book.orders("bid")) == ids(bids[-1])
    assert book.verified_count == MESSAGES + 1


def test_engines_in_threads_of_their_own(core: Any) -> None:
    def run(seed: int) -> int:
        frames, bids = published(f"P{seed}/USD", seed)
        engine = core.Engine()
        feed(engine, frames)
        book = engine.level3(f"P{seed}/USD")
        assert ids(book.orders("bid")) == ids(bids[-1])
        return book.verified_count

    assert together(*[lambda seed=seed: run(seed) for seed in range(3)]) == [MESSAGES + 1] * 3


def test_books_are_withdrawn_while_they_are_read(core: Any) -> None:
    frames, bids = published()
    engine = core.Engine()
    book = engine.level3("BTC/USD")

    def write() -> None:
        for frame in frames:
            engine.feed(frames[0])
            engine.level3_books.invalidate("BTC/USD", "quarantined")
            engine.feed(frame)
            engine.level3_books.expect("BTC/USD", 10)
            engine.reset()
        engine.feed(frames[0])

    def read() -> None:
        with suppress(BookNotReady):
            assert ids(book.orders("bid")) == ids(bids[0])
        assert engine.level3_books == {"BTC/USD": book}

    while_writing(write, *[read] * READERS)
    assert ids(book.orders("bid")) == ids(bids[0])
