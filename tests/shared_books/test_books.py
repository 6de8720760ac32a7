"""What readers of both cores see of the books of an engine, message by message."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from benches import corpus
from tests.oracle import Market, OracleBook

from kraken_connector.exceptions import BookNotReady

BTC = "BTC/USD"


class Shared:
    """An engine whose books are shared, and a reader of them."""

    def __init__(self, native: Any, reading: Any, path: Path, levels: int = 10) -> None:
        self.engine, self.writer = native.Engine(), native.BookWriter(str(path), levels, 8)
        self.writer.add(self.engine)
        self.file = reading.BookFile(str(path), 60.0)

    def feed(self, frame: bytes) -> Any:
        return self.engine.feed(frame, 1_700_000_000_123_456_789)[-1]

    def reason(self, symbol: str = BTC) -> str:
        """Return why a book cannot be read."""
        book = self.file.book(symbol)
        for read in (book.top, book.bids, book.asks, book.frozen, book.checksum):
            with pytest.raises(BookNotReady) as raised:
                read()
            assert raised.value.symbol == symbol
            assert raised.value.state == book.state
        assert not book.is_valid
        return str(book.state)


@pytest.fixture
def shared(native: Any, reading: Any, path: Path) -> Callable[..., Shared]:
    return lambda levels=10: Shared(native, reading, path, levels)


def book_frame(bid: str, ask: str, *, checksum: int | None = None, symbol: str = BTC) -> bytes:
    book = OracleBook(10)
    book.apply("bids", [(bid, "1.5")])
    book.apply("asks", [(ask, "2.5")])
    sides = {"bids": [{"price": bid, "qty": "1.5"}], "asks": [{"price": ask, "qty": "2.5"}]}
    item = {"symbol": symbol, **sides, "checksum": checksum or book.checksum()}
    text = json.dumps({"channel": "book", "type": "snapshot", "data": [item]})
    for number in (bid, ask, "1.5", "2.5"):
        text = text.replace(f'"{number}"', number)
    return text.encode()


@pytest.mark.parametrize("stream", ["replay-10", "synthetic-25", "synthetic-100"])
def test_every_message_is_shared_as_the_live_book_has_it(
    shared: Callable[..., Shared], stream: str
) -> None:
    recorded = corpus.stream(stream)
    it = shared(levels=25)
    oracle = OracleBook(recorded.depth)
    for frame in recorded.frames[:200]:
        event = it.feed(frame)
        assert event.verified
        (data,) = json.loads(frame, parse_float=str)["data"]
        oracle.apply("bids", [(row["price"], row["qty"]) for row in data["bids"]])
        oracle.apply("asks", [(row["price"], row["qty"]) for row in data["asks"]])
        oracle.cut()
        book, live = it.file.book(recorded.symbol), it.engine.books[recorded.symbol]
        best = [(Decimal(p), Decimal(q)) for p, q in oracle.levels("bids")[:25]]
        assert book.bids() == best
        assert book.asks() == live.levels("ask", 25)
        assert book.asks(3) == live.levels("ask", 3)
        assert book.top() == live.top_of_book()
        assert book.checksum() == data["checksum"]
        assert book.timestamp_ns == event.timestamp_ns
        assert (book.updates, book.depth) == (live.updates, live.depth)
        assert book.received_ns == 1_700_000_000_123_456_789
        frozen = book.frozen()
        assert (frozen.bids, frozen.asks) == (live.levels("bid", 25), live.levels("ask", 25))
        for name in ("symbol", "depth", "state", "updates", "timestamp", "received_ns", "spread"):
            assert getattr(frozen, name) == getattr(live, name)
        assert frozen.checksum() == data["checksum"]
        assert not frozen.is_live


@pytest.mark.parametrize("least", [0, 3])
def test_sides_that_become_short_or_empty(shared: Callable[..., Shared], least: int) -> None:
    market = Market(BTC, 10, seed=5, least=least)
    it = shared()
    it.feed(market.snapshot())
    for _ in range(300):
        it.feed(market.update())
        book, live = it.file.book(BTC), it.engine.books[BTC]
        assert (book.bids(), book.asks(), book.top()) == (live.bids, live.asks, live.top_of_book())


def test_states_are_shared_as_soon_as_they_change(shared: Callable[..., Shared]) -> None:
    it = shared()
    with pytest.raises(KeyError):
        it.file.book(BTC)
    it.engine.books.expect(BTC, 10)
    assert it.reason() == "awaiting_snapshot"
    good = book_frame("100.5", "101.5")
    it.feed(good)
    assert it.file.book(BTC).top() == (100.5, 1.5, 101.5, 2.5)
    it.feed(book_frame("100.5", "101.5", checksum=1))
    assert it.reason() == "stale"
    it.feed(good)
    assert it.file.book(BTC).is_valid
    it.feed(b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":x')
    assert it.reason() == "stale"
    it.feed(good)
    it.feed(
        b'{"method":"unsubscribe","success":true,"time_in":"2023-09-26T08:09:41.103035Z",'
        b'"time_out":"2023-09-26T08:09:41.103088Z",'
        b'"result":{"channel":"book","symbol":"BTC/USD","depth":10}}'
    )
    assert it.reason() == "awaiting_snapshot"
    it.feed(good)
    it.engine.reset()
    assert it.reason() == "awaiting_snapshot"
    it.feed(good)
    it.engine.books.invalidate(BTC, "quarantined")
    assert it.reason() == "quarantined"
    it.writer.close()
    assert it.reason() == "writer_closed"
    assert it.file.state == "writer_closed"


def test_books_from_before_the_share_are_shared_too(native: Any, reading: Any, path: Path) -> None:
    engine = native.Engine()
    engine.feed(book_frame("100.5", "101.5"))
    writer = native.BookWriter(str(path), 10, 8)
    writer.add(engine)
    assert reading.BookFile(str(path), 60.0).book(BTC).top() == (100.5, 1.5, 101.5, 2.5)
    writer.close()


@pytest.mark.parametrize(
    ("price", "state"),
    [("922337203685477580.7", "valid"), ("922337203685477580.8", "unrepresentable")],
)
def test_numbers_of_more_than_63_bits_are_not_shared(
    shared: Callable[..., Shared], price: str, state: str
) -> None:
    it = shared()
    it.feed(book_frame("100.5", price))
    assert it.engine.books[BTC].is_valid
    assert it.file.book(BTC).state == state
    if state == "valid":
        assert it.file.book(BTC).asks() == [(Decimal(price), Decimal("2.5"))]
    else:
        assert it.reason() == "unrepresentable"
    it.feed(book_frame("100.5", "101.5"))
    assert it.file.book(BTC).is_valid


def test_numbers_of_more_than_64_bits_are_not_shared(shared: Callable[..., Shared]) -> None:
    it = shared()
    it.feed(book_frame("100.5", "98765432109876543210.5"))
    assert it.reason() == "unrepresentable"


def test_symbols_without_room_are_counted(shared: Callable[..., Shared]) -> None:
    it = shared()
    longest = "A" * 31
    names = [longest, "B" * 32, *(f"{number}/USD" for number in range(9))]
    for name in names:
        it.feed(book_frame("100.5", "101.5", symbol=name))
    shared_names = [longest, *(f"{number}/USD" for number in range(7))]
    assert it.file.symbols() == shared_names
    assert it.file.omitted == it.writer.omitted == 3
    with pytest.raises(KeyError):
        it.file.book("B" * 32)


def test_a_symbol_that_moved_belongs_to_the_engine_that_has_it_valid(
    shared: Callable[..., Shared], native: Any
) -> None:
    it = shared()
    it.feed(book_frame("100.5", "101.5"))
    other = native.Engine()
    it.writer.add(other)
    other.books.expect(BTC, 10)
    assert it.file.book(BTC).top() == (100.5, 1.5, 101.5, 2.5)
    other.feed(book_frame("200.5", "201.5"))
    assert it.file.book(BTC).top() == (200.5, 1.5, 201.5, 2.5)
    it.engine.reset()
    assert it.file.book(BTC).is_valid
    other.reset()
    assert it.reason() == "awaiting_snapshot"


def test_level3_is_not_shared(shared: Callable[..., Shared]) -> None:
    it = shared()
    it.engine.level3_books.expect(BTC, 10)
    assert it.file.symbols() == []


def test_wrong_arguments(native: Any, reading: Any, path: Path, shared: Any) -> None:
    for levels, capacity in ((9, 1), (1001, 1), (10, 0), (10, 16_385)):
        with pytest.raises(ValueError, match="must be"):
            native.BookWriter(str(path), levels, capacity)
    assert not path.exists()
    it = shared()
    it.feed(book_frame("100.5", "101.5"))
    book = it.file.book(BTC)
    with pytest.raises(ValueError, match="depth must not be negative"):
        book.bids(-1)
    assert book.bids(0) == []
    with pytest.raises(ValueError, match="timeout"):
        book.wait(float("nan"))
    with pytest.raises(ValueError, match=r"."):
        reading.BookFile(str(path), -1.0)
    with pytest.raises(TypeError):
        reading.SharedBook()
