"""An engine's books: depth, states, events, and what can be read in each state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.oracle import Market, OracleBook, book_message
from tests.parity.pictures import BOOK_READS

from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import BookChecksumEvent, BookCrossedEvent

SYMBOL = "BTC/USD"
WRONG = 12345


def snapshot(*rows: tuple[str, str], checksum: int | None = -1, asks: Any = ()) -> bytes:
    """Return a snapshot with the given bids; its checksum is right unless given."""
    return message("snapshot", OracleBook(1000), list(rows), list(asks), checksum)


def message(kind: str, after: OracleBook, bids: Any, asks: Any, checksum: int | None = -1) -> bytes:
    after.apply("bids", bids)
    after.apply("asks", asks)
    return book_message(SYMBOL, kind, bids, asks, after.checksum() if checksum == -1 else checksum)


def ack(method: str, channel: str = "book", **result: Any) -> bytes:
    return json.dumps(
        {
            "method": method,
            "success": True,
            "result": {"channel": channel, **result},
            "time_in": "",
            "time_out": "",
        }
    ).encode()


@pytest.fixture
def market() -> Market:
    return Market(SYMBOL, seed=3)


@pytest.fixture
def engine(core: Any) -> Any:
    return core.Engine()


@pytest.fixture
def live(engine: Any, market: Market) -> Any:
    """An engine with a valid book."""
    engine.feed(market.snapshot())
    return engine


def types(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


# Identity.


def test_book_is_the_same_object_for_ever(engine: Any, market: Market) -> None:
    book = engine.book(SYMBOL)
    engine.feed(market.snapshot())
    engine.reset()
    engine.books.expect(SYMBOL, 25)
    assert engine.book(SYMBOL) is book
    assert engine.books == {SYMBOL: book}
    assert book.is_live


def test_books_are_a_read_only_mapping_that_follows_the_engine(engine: Any) -> None:
    books = engine.books
    assert isinstance(books, Mapping)
    assert (len(books), repr(books), SYMBOL in books) == (0, "Books([])", False)
    book = books.get_or_create(SYMBOL)
    assert books[SYMBOL] is books.get(SYMBOL) is engine.book(SYMBOL) is book
    assert (list(books), list(books.values())) == ([SYMBOL], [book])
    assert (list(books.keys()), list(books.items())) == ([SYMBOL], [(SYMBOL, book)])
    assert (len(books), repr(books)) == (1, f"Books([{SYMBOL!r}])")
    assert books.get("X/Y") is None
    assert books.get("X/Y", 1) == 1
    for unknown in ("X/Y", 1, None):
        assert unknown not in books
        with pytest.raises(KeyError):
            books[unknown]
    with pytest.raises(TypeError):
        books[SYMBOL] = book
    with pytest.raises(TypeError):
        hash(books)


def test_books_of_a_channel(engine: Any) -> None:
    assert engine.books_of("book") is engine.books
    assert engine.books_of("level3") is engine.level3_books
    with pytest.raises(ValueError, match="channel must be 'book' or 'level3', not 'trade'"):
        engine.books_of("trade")


@pytest.mark.parametrize(
    ("books", "expect", "invalidate"),
    [
        ("books", "expect_book", "invalidate_book"),
        ("level3_books", "expect_level3", "invalidate_level3"),
    ],
)
def test_former_methods_still_work(engine: Any, books: str, expect: str, invalidate: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"Engine.{books}.expect") as warned:
        getattr(engine, expect)(SYMBOL, 100)
    assert warned[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=f"Engine.{books}.invalidate"):
        getattr(engine, invalidate)(SYMBOL)
    with pytest.warns(DeprecationWarning, match="is a mapping") as warned:
        as_dict = getattr(engine, books)()
    assert warned[0].filename == __file__
    book = getattr(engine, books)[SYMBOL]
    assert type(as_dict) is dict
    assert as_dict == {SYMBOL: book}
    assert (book.depth, book.state) == (100, "stale")


def test_symbols_do_not_touch_each_other(live: Any) -> None:
    before = live.book(SYMBOL).bids
    other = Market("ETH/USD", seed=9)
    live.feed(other.snapshot())
    live.feed(book_message("ETH/USD", "update", [], [], WRONG))
    assert (live.book(SYMBOL).state, live.book("ETH/USD").state) == ("valid", "stale")
    assert live.book(SYMBOL).bids == before


# States.


def test_new_book_awaits_its_snapshot(engine: Any) -> None:
    book = engine.book(SYMBOL)
    assert (book.state, book.is_valid, len(book)) == ("awaiting_snapshot", False, 0)
    assert (book.updates, book.timestamp, book.received_ns) == (0, None, None)
    with pytest.raises(BookNotReady) as caught:
        _ = book.bids
    assert (caught.value.symbol, caught.value.state) == (SYMBOL, "awaiting_snapshot")


READS: list[Any] = [
    *BOOK_READS,
    lambda book: book.levels("bid"),
    lambda book: book.levels_float("ask"),
    lambda book: book.levels_ticks("bid", 1),
    lambda book: book.top_of_book(),
    lambda book: book.checksum(),
    lambda book: book.validate_checksum(0),
]


@pytest.mark.parametrize("read", READS, ids=lambda read: read if isinstance(read, str) else "call")
@pytest.mark.parametrize("state", ["awaiting_snapshot", "stale", "quarantined"])
def test_content_is_closed_unless_valid(live: Any, state: str, read: Any) -> None:
    book = live.book(SYMBOL)
    live.books.invalidate(SYMBOL, state)
    with pytest.raises(BookNotReady) as caught:
        getattr(book, read) if isinstance(read, str) else read(book)
    assert caught.value.state == book.state == state


def test_unverified_content_is_shown_on_request(live: Any, market: Market) -> None:
    book = live.book(SYMBOL)
    before = book.bids, book.asks
    live.books.invalidate(SYMBOL)
    assert book.state == "stale"
    assert book.unverified() == before
    assert len(book) == 20


def test_live_book_is_written_by_its_engine_only(core: Any, live: Any, market: Market) -> None:
    data = core.parse_message(market.snapshot()).data[0]
    for write in (live.book(SYMBOL).apply_snapshot, live.book(SYMBOL).apply_update):
        with pytest.raises(RuntimeError, match="live"):
            write(data)


def test_update_before_the_snapshot_is_not_applied(engine: Any, market: Market) -> None:
    market.snapshot()
    (event,) = engine.feed(market.update())
    book = engine.book(SYMBOL)
    assert (event.verified, book.updates, book.state) == (False, 0, "awaiting_snapshot")


def test_mismatch_is_reported_once_and_updates_are_ignored_after_it(
    live: Any, market: Market
) -> None:
    book = live.book(SYMBOL)
    wrong = book_message(SYMBOL, "update", [("1.0", "1.00000000")], [], WRONG)
    event, shown = live.feed(wrong, 77)
    assert isinstance(event, BookChecksumEvent)
    assert (event.symbol, event.expected, event.received_ns) == (SYMBOL, WRONG, 77)
    assert shown.verified is False
    assert (book.state, book.updates, book.mismatch_count) == ("stale", 2, 1)
    for frame in (wrong, market.update()):
        (again,) = live.feed(frame)
        assert again.verified is False
    assert (book.updates, book.mismatch_count) == (2, 1)


def test_computed_checksum_of_the_event_is_the_books(live: Any) -> None:
    update = book_message(SYMBOL, "update", [("1.0", "1.00000000")], [], WRONG)
    event = live.feed(update)[0]
    market = Market(SYMBOL, seed=3)
    market.snapshot()
    market.book.apply("bids", [("1.0", "1.00000000")])
    market.book.cut()
    assert event.computed == market.book.checksum()


def test_snapshot_that_does_not_verify_is_reported_every_time(live: Any) -> None:
    for _ in range(2):
        events = live.feed(snapshot(("1.0", "1.0"), checksum=WRONG))
        assert types(events) == ["BookChecksumEvent", "WSDataMessage"]
        assert live.book(SYMBOL).state == "stale"
    assert live.counters()["mismatches"] == 2


@pytest.mark.parametrize("state", ["awaiting_snapshot", "stale"])
def test_verified_snapshot_makes_a_book_valid(live: Any, market: Market, state: str) -> None:
    live.books.invalidate(SYMBOL, state)
    (event,) = live.feed(market.snapshot())
    assert event.verified is True
    assert live.book(SYMBOL).is_valid


def test_quarantined_book_ignores_snapshots_until_it_is_expected(live: Any, market: Market) -> None:
    live.books.invalidate(SYMBOL, "quarantined")
    (event,) = live.feed(market.snapshot())
    assert (event.verified, live.book(SYMBOL).state) == (False, "quarantined")
    assert live.book(SYMBOL).updates == 1
    live.books.expect(SYMBOL, 10)
    live.feed(market.snapshot())
    assert live.book(SYMBOL).is_valid


@pytest.mark.parametrize("state", ["valid", "broken", ""])
def test_unknown_state_is_refused(live: Any, state: str) -> None:
    with pytest.raises(ValueError, match="awaiting_snapshot"):
        live.books.invalidate(SYMBOL, state)


def test_time_of_the_last_message_that_verified(engine: Any, market: Market) -> None:
    book = engine.book(SYMBOL)
    assert book.verified_ns is None
    engine.feed(market.snapshot(), 5)
    engine.feed(market.update(), 6)
    assert book.verified_ns == 6
    engine.feed(book_message(SYMBOL, "update", [], [], 1), 7)
    engine.books.invalidate(SYMBOL, "quarantined")
    assert (book.verified_ns, book.received_ns) == (6, 7)
    engine.reset()
    assert book.verified_ns is None


# Without checksum.


def test_update_without_checksum_is_reported_once_and_the_book_not_trusted(
    live: Any, market: Market
) -> None:
    bare = book_message(SYMBOL, "update", [("1.0", "1.00000000")], [], None)
    event, message = live.feed(bare)
    assert isinstance(event, BookChecksumEvent)
    book = live.book(SYMBOL)
    assert (event.symbol, event.expected) == (SYMBOL, None)
    assert (message.verified, book.state, book.updates) == (False, "stale", 2)
    (again,) = live.feed(bare)
    assert (again.verified, book.updates) == (False, 2)
    live.feed(market.snapshot())
    assert book.is_valid


@pytest.mark.parametrize("before", ["awaiting_snapshot", "stale", "valid"])
def test_snapshot_without_checksum_is_shown_but_not_trusted(live: Any, before: str) -> None:
    if before != "valid":
        live.books.invalidate(SYMBOL, before)
    event, message = live.feed(snapshot(("1.0", "1.0"), checksum=None))
    book = live.book(SYMBOL)
    assert (event.expected, message.verified, book.state) == (None, False, "stale")
    assert len(book.unverified()[0]) == 1


def test_missing_checksum_counts_as_one_that_failed(live: Any) -> None:
    live.feed(snapshot(("1.0", "1.0"), checksum=None))
    assert (live.counters()["mismatches"], live.book(SYMBOL).mismatch_count) == (1, 1)


@pytest.mark.parametrize(
    ("checksum", "kind"),
    [
        ('"7"', "type"),
        ("[7]", "type"),
        ("{}", "type"),
        ("true", "type"),
        ("-1", "number"),
        ("4294967296", "number"),
        ("7.5", "number"),
        ("7e1", "number"),
        ("18446744073709551617", "number"),
        ("07", "syntax"),
        ("", "syntax"),
    ],
)
@pytest.mark.parametrize("type", ["snapshot", "update"])
def test_damaged_checksum_is_an_unreadable_frame(
    live: Any, type: str, checksum: str, kind: str
) -> None:
    frame = book_message(SYMBOL, type, [], [], 123).replace(b"123", checksum.encode())
    (event,) = live.feed(frame)
    assert (event.kind, event.channel) == (kind, "book")
    assert live.book(SYMBOL).state == "stale"


# Depth.


@pytest.mark.parametrize(
    ("levels", "depth"), [(0, 10), (3, 10), (10, 10), (11, 25), (100, 100), (101, 500), (501, 1000)]
)
def test_depth_is_inferred_from_the_snapshot(engine: Any, levels: int, depth: int) -> None:
    engine.feed(snapshot(*((f"{price}.0", "1.0") for price in range(1, levels + 1))))
    assert engine.book(SYMBOL).depth == depth


def test_ack_sets_the_depth(engine: Any, market: Market) -> None:
    engine.feed(ack("subscribe", symbol=SYMBOL, depth=100))
    engine.feed(market.snapshot())
    assert engine.book(SYMBOL).depth == 100


def test_ack_may_come_after_the_snapshot(engine: Any, market: Market) -> None:
    engine.feed(market.snapshot())
    engine.feed(ack("subscribe", symbol=SYMBOL, depth=25))
    assert (engine.book(SYMBOL).depth, engine.book(SYMBOL).state) == (25, "valid")


def test_expectation_outranks_the_ack(engine: Any, market: Market) -> None:
    engine.books.expect(SYMBOL, 500)
    engine.feed(ack("subscribe", symbol=SYMBOL, depth=100))
    engine.feed(market.snapshot())
    assert engine.book(SYMBOL).depth == 500


@pytest.mark.parametrize(
    "answer",
    [
        ack("subscribe", symbol=SYMBOL, depth=100).replace(b"true", b"false"),
        ack("subscribe", "level3", symbol=SYMBOL, depth=100),
        ack("subscribe", symbol=SYMBOL, depth=11),
        ack("subscribe", symbol=SYMBOL, depth=100.0),
        ack("subscribe", symbol=SYMBOL, depth="100"),
        ack("subscribe", symbol=SYMBOL, depth=[100]),
        ack("subscribe", symbol=SYMBOL),
        ack("subscribe", symbol=[SYMBOL], depth=100),
        ack("subscribe", symbol=SYMBOL, depth=100).replace(b'"book"', b'["book"]'),
        ack("unsubscribe", symbol=SYMBOL, depth=100).replace(b'"book"', b'{"a":1}'),
        b'{"method":"subscribe","success":true,"result":["book"]}',
    ],
)
def test_what_is_no_ack_of_a_book_sets_no_depth(engine: Any, market: Market, answer: bytes) -> None:
    engine.feed(answer)
    engine.feed(market.snapshot())
    assert engine.book(SYMBOL).depth == 10


@pytest.mark.parametrize("depth", [0, -10, 1, 11, 50, 1001, 10.0, "10", None])
def test_illegal_depth_is_refused_with_the_choices(engine: Any, depth: Any) -> None:
    with pytest.raises(ValueError, match="10, 25, 100, 500, 1000"):
        engine.books.expect(SYMBOL, depth)
    assert engine.books == {}


def test_expecting_a_book_starts_it_over(live: Any) -> None:
    live.books.expect(SYMBOL, 25)
    assert (live.book(SYMBOL).state, live.book(SYMBOL).depth) == ("awaiting_snapshot", 25)


def test_unsubscribed_book_awaits_a_snapshot(live: Any) -> None:
    live.feed(ack("unsubscribe", symbol=SYMBOL))
    assert live.book(SYMBOL).state == "awaiting_snapshot"


def test_unsubscribing_does_not_lift_a_quarantine(live: Any) -> None:
    live.books.invalidate(SYMBOL, "quarantined")
    live.feed(ack("unsubscribe", symbol=SYMBOL))
    assert live.book(SYMBOL).state == "quarantined"


def test_unsubscribing_makes_no_book(engine: Any) -> None:
    engine.feed(ack("unsubscribe", symbol=SYMBOL))
    assert engine.books == {}


def test_unsubscribing_forgets_the_acked_depth(engine: Any, market: Market) -> None:
    engine.feed(ack("subscribe", symbol=SYMBOL, depth=100))
    engine.feed(ack("unsubscribe", symbol=SYMBOL, depth=100))
    engine.feed(market.snapshot())
    assert engine.book(SYMBOL).depth == 10


def test_reset_withdraws_all_books(live: Any) -> None:
    live.book("ETH/USD")
    live.books.invalidate("ETH/USD", "quarantined")
    live.reset()
    assert {book.state for book in live.books.values()} == {"awaiting_snapshot"}


# Crossing.


def crossing_frames() -> tuple[bytes, bytes, bytes]:
    """Return a snapshot, an update that crosses the book, and one that uncrosses it."""
    book = OracleBook(10)
    return (
        message("snapshot", book, [("1.0", "1.0")], [("2.0", "1.0")]),
        message("update", book, [("3.0", "1.0")], []),
        message("update", book, [("3.0", "0.0")], []),
    )


def test_crossing_is_reported_when_it_begins(engine: Any) -> None:
    snap, cross, uncross = crossing_frames()
    engine.feed(snap)
    event, shown = engine.feed(cross, 5)
    assert event == BookCrossedEvent(SYMBOL, event.bid, event.ask)
    assert (str(event.bid), str(event.ask), event.received_ns) == ("3.0", "2.0", 5)
    assert shown.verified is True
    assert engine.book(SYMBOL).crossed
    assert types(engine.feed(cross)) == ["WSDataMessage"]
    assert types(engine.feed(uncross)) == ["WSDataMessage"]
    assert not engine.book(SYMBOL).crossed
    assert types(engine.feed(cross)) == ["BookCrossedEvent", "WSDataMessage"]
    assert engine.counters()["crossed"] == 2


def test_equal_prices_are_crossed(engine: Any) -> None:
    frame = snapshot(("2.0", "1.0"), asks=[("2.0", "1.0")])
    assert types(engine.feed(frame)) == ["BookCrossedEvent", "WSDataMessage"]


def test_crossing_is_reported_again_after_a_resync(engine: Any) -> None:
    frame = snapshot(("2.0", "1.0"), asks=[("2.0", "1.0")])
    engine.feed(frame)
    engine.reset()
    assert types(engine.feed(frame)) == ["BookCrossedEvent", "WSDataMessage"]


def test_unverified_crossing_is_no_event(engine: Any) -> None:
    frame = snapshot(("2.0", "1.0"), asks=[("2.0", "1.0")], checksum=WRONG)
    assert types(engine.feed(frame)) == ["BookChecksumEvent", "WSDataMessage"]


# Several items.


def two_items(first: bytes, second: bytes) -> bytes:
    document = [
        json.loads(frame, parse_float=lambda text: f"<{text}>") for frame in (first, second)
    ]
    document[0]["data"] += document[1]["data"]
    return json.dumps(document[0]).replace('"<', "").replace('>"', "").encode()


def test_items_of_one_message_have_one_verdict(engine: Any) -> None:
    good = snapshot(("1.0", "1.0"))
    other = good.replace(b"BTC/USD", b"ETH/USD")
    bad = book_message("ADA/USD", "snapshot", [], [], WRONG)
    silent = book_message("SOL/USD", "snapshot", [], [], None)
    assert engine.feed(two_items(good, other))[-1].verified is True
    assert engine.feed(two_items(good, silent))[-1].verified is False
    events = engine.feed(two_items(bad, good))
    assert (types(events)[0], events[-1].verified) == ("BookChecksumEvent", False)
    assert engine.feed(b'{"channel":"book","type":"update","data":[]}')[-1].verified is None


# Scales.


def test_row_with_more_decimals_widens_the_book(engine: Any) -> None:
    engine.feed(snapshot(("1.0", "1.0"), ("2.0", "1.0")))
    wide = OracleBook(10)
    wide.apply("bids", [("1.000", "1.00"), ("2.000", "1.00")])
    engine.feed(message("update", wide, [("1.500", "0.25")], []))
    book = engine.book(SYMBOL)
    assert [tuple(map(str, level)) for level in book.bids] == [
        ("2.000", "1.00"),
        ("1.500", "0.25"),
        ("1.000", "1.00"),
    ]
    assert (book.price_scale, book.qty_scale, book.state) == (3, 2, "valid")


def test_snapshot_brings_its_own_scales(engine: Any) -> None:
    engine.feed(snapshot(("1.000", "1.00000")))
    engine.feed(snapshot(("1.0", "1")))
    assert (engine.book(SYMBOL).price_scale, engine.book(SYMBOL).qty_scale) == (1, 0)


# Times.


def test_book_has_the_times_of_its_last_message(engine: Any) -> None:
    first = book_message(SYMBOL, "snapshot", [], [], 0, "2026-01-01T00:00:00Z")
    engine.feed(first, 1)
    engine.feed(book_message(SYMBOL, "update", [], [], 0), 2)
    book = engine.book(SYMBOL)
    assert (book.timestamp, book.received_ns) == ("2026-01-01T00:00:00Z", 2)
