"""Engines and books in several threads: a reader sees whole messages, and nothing is lost."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

from tests.oracle import SIDES, Market, book_message
from tests.threads.race import READERS, together, while_writing

from kraken_connector.exceptions import BookNotReady

MESSAGES = 300
Levels = list[tuple[Decimal, Decimal]]


class Published(NamedTuple):
    """Frames of one pair, and every state that they put its book into."""

    symbol: str
    frames: list[bytes]
    books: list[tuple[Levels, Levels]]
    checksums: set[int]

    def has(self, both: tuple[Levels, Levels]) -> bool:
        return both in self.books


def published(symbol: str = "BTC/USD", depth: int = 10, seed: int = 0) -> Published:
    market = Market(symbol, depth, seed=seed)
    known = Published(symbol, [], [([], [])], set())
    for number in range(MESSAGES):
        known.frames.append(market.update() if number else market.snapshot())
        known.books.append((levels(market, 0), levels(market, 1)))
        known.checksums.add(market.book.checksum())
    return known


def levels(market: Market, side: int) -> Levels:
    rows = market.book.levels(SIDES[side])
    return [(Decimal(price), Decimal(qty)) for price, qty in rows]


def feed(engine: Any, frames: list[bytes]) -> None:
    for frame in frames:
        engine.feed(frame)


def test_readers_see_whole_messages(core: Any) -> None:
    known = published(depth=25)
    engine = core.Engine()
    feed(engine, known.frames[:1])
    book = engine.book(known.symbol)
    sides = {side: [both[side] for both in known.books] for side in (0, 1)}
    best = {(*bids[0], *asks[0]) for bids, asks in known.books[1:]}
    tops = {tuple(map(float, top)) for top in best}
    spreads = {books - bid for bid, _, books, _ in best}

    def read() -> None:
        assert known.has(book.unverified())
        assert book.bids in sides[0]
        assert book.levels("ask") in sides[1]
        assert book.top_of_book() in tops
        assert book.spread in spreads
        assert book.checksum() in known.checksums
        assert len(book) <= 50

    while_writing(lambda: feed(engine, known.frames[1:]), *[read] * READERS)
    assert book.unverified() == known.books[-1]
    assert book.verified_count == engine.counters()["verified"] == MESSAGES


def test_readers_never_see_a_wrong_book_as_valid(core: Any) -> None:
    known = published()
    snapshot, update = known.frames[:2]
    wrong = book_message(known.symbol, "update", [("1.0", "1.00000000")], [], 12345)
    engine = core.Engine()
    book = engine.book(known.symbol)
    right = [bids for bids, _ in known.books[1:3]]

    def read() -> None:
        with suppress(BookNotReady):
            assert book.bids in right

    while_writing(lambda: feed(engine, [snapshot, update, wrong] * MESSAGES), *[read] * READERS)
    assert book.state == "stale"
    assert book.mismatch_count == MESSAGES


def test_one_engine_is_fed_by_several_threads(core: Any) -> None:
    pairs = [published(f"P{seed}/USD", seed=seed) for seed in range(4)]
    engine = core.Engine()

    def feeding(known: Published) -> Any:
        return lambda: feed(engine, known.frames)

    together(*map(feeding, pairs))
    counters = engine.counters()
    assert counters["verified"] == counters["frames"] == len(pairs) * MESSAGES
    assert counters["bytes"] == sum(len(frame) for known in pairs for frame in known.frames)
    for known in pairs:
        assert engine.book(known.symbol).unverified() == known.books[-1]


def test_engines_do_not_disturb_each_other(core: Any) -> None:
    known = published(depth=100)

    def alone() -> Any:
        engine = core.Engine()
        events = [engine.feed(frame) for frame in known.frames]
        last = events[-1][-1].data[0]
        return engine.counters(), engine.book(known.symbol).unverified(), last

    first, *others = together(*[alone] * 4)
    assert first[0]["verified"] == MESSAGES
    assert first[1] == known.books[-1]
    assert others == [first] * 3


def test_a_book_is_one_object_whichever_thread_requests_it_first(core: Any) -> None:
    for _ in range(50):
        engine = core.Engine()

        def books(engine: Any = engine) -> list[Any]:
            return [engine.book(symbol) for symbol in ("A/B", "C/D", "E/F")]

        first, *others = together(*[books] * 4)
        assert all(a is b for other in others for a, b in zip(first, other, strict=True))
        assert engine.books == dict(zip(("A/B", "C/D", "E/F"), first, strict=True))


def test_a_free_book_is_read_while_it_is_written(core: Any) -> None:
    known = published()
    items = [core.parse_message(frame).data[0] for frame in known.frames]
    book = core.OrderBook(known.symbol)

    def write() -> None:
        book.apply_snapshot(items[0])
        for item in items[1:]:
            book.apply_update(item)

    def read() -> None:
        assert known.has(book.unverified())

    while_writing(write, *[read] * READERS)
    assert book.unverified() == known.books[-1]


def test_books_are_withdrawn_while_they_are_read(core: Any) -> None:
    known = published()
    engine = core.Engine()
    book = engine.book(known.symbol)

    def write() -> None:
        for frame in known.frames:
            engine.feed(known.frames[0])
            engine.books.invalidate(known.symbol, "quarantined")
            engine.feed(frame)
            engine.books.expect(known.symbol, 10)
            engine.reset()
        engine.feed(known.frames[0])

    def read() -> None:
        with suppress(BookNotReady):
            assert book.bids == known.books[1][0]
        assert book.state in ("awaiting_snapshot", "valid", "quarantined")
        assert engine.books == {known.symbol: book}

    while_writing(write, *[read] * READERS)
    assert (book.bids, book.asks) == known.books[1]
