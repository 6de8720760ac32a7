"""A free `OrderBook`: filled by hand, as kraken-connector 0.2.0 allowed."""

from __future__ import annotations

import copy
import json
import pickle
import zlib
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest

from kraken_connector.exceptions import BookNotReady, ChecksumError
from kraken_connector.models import BookData, BookLevel

Rows = list[tuple[str, str]]
NONE: Rows = []


def data(
    bids: Rows = NONE, asks: Rows = NONE, checksum: int | None = None, **more: Any
) -> BookData:
    sides = [[BookLevel(Decimal(p), Decimal(q)) for p, q in rows] for rows in (bids, asks)]
    return BookData("A/B", *sides, checksum=checksum, **more)


def texts(levels: list[tuple[Decimal, Decimal]]) -> Rows:
    return [(format(price, "f"), format(qty, "f")) for price, qty in levels]


BIDS: Rows = [("10.0", "1.00"), ("9.5", "2.00"), ("9.0", "3.00")]
ASKS: Rows = [("10.5", "4.00"), ("11.0", "5.00")]


def filled(core: Any, bids: Rows, asks: Rows = NONE) -> Any:
    """Return a book with these levels."""
    book = core.OrderBook("A/B")
    book.apply_snapshot(data(bids, asks))
    return book


@pytest.fixture
def book(core: Any) -> Any:
    return filled(core, BIDS, ASKS)


def test_constructor(core: Any) -> None:
    book = core.OrderBook(symbol="A/B", depth=25)
    assert (book.symbol, book.depth, core.OrderBook("A/B").depth) == ("A/B", 25, 10)
    assert (book.state, book.is_valid, book.is_live) == ("awaiting_snapshot", False, False)


@pytest.mark.parametrize("depth", [10, 25, 100, 500, 1000])
def test_depths_of_subscriptions(core: Any, depth: int) -> None:
    rows = [(f"{3000 - n}.0", "1.00") for n in range(depth + 5)]
    book = core.OrderBook("A/B", depth)
    book.apply_snapshot(data(rows))
    assert texts(book.bids) == rows[:depth]


@pytest.mark.parametrize("depth", [-1, 0, 1, 7, 11, 5000])
def test_other_depths_are_refused(core: Any, depth: int) -> None:
    with pytest.raises(
        ValueError, match=f"^depth must be one of 10, 25, 100, 500, 1000, not {depth}$"
    ):
        core.OrderBook("A/B", depth)
    with pytest.raises(ValueError, match=f"^depth must be one of 10, 100, 1000, not {depth}$"):
        core.Level3Book("A/B", depth)


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize(
    ("levels", "depth", "has_note"), [(25, 10, True), (10, 25, True), (4, 10, False)]
)
def test_error_of_a_wrong_depth_says_what_the_snapshot_had(
    core: Any, levels: int, depth: int, has_note: bool, update: bool
) -> None:
    book = core.OrderBook("A/B", depth)
    rows = [(f"{99 - n}.0", "1.00") for n in range(levels)]
    if update:
        book.apply_snapshot(data(rows))
    apply = book.apply_update if update else book.apply_snapshot
    with pytest.raises(ChecksumError) as caught:
        apply(data([] if update else rows, checksum=1))
    note = (
        f"the last snapshot had {levels} levels a side and the book keeps {depth}: "
        "is that the depth of the subscription?"
    )
    assert getattr(caught.value, "__notes__", []) == [note] * has_note
    with pytest.raises(ChecksumError) as again:
        book.validate_checksum(1)
    assert getattr(again.value, "__notes__", []) == [note] * has_note


def test_empty_book(core: Any) -> None:
    book = core.OrderBook("A/B")
    assert (book.bids, book.asks, book.unverified()) == ([], [], ([], []))
    assert book.best_bid is book.best_ask is book.spread is book.mid is book.top_of_book() is None
    assert book.bid is book.bid_qty is book.ask is book.ask_qty is None
    assert (book.checksum(), book.crossed, len(book)) == (0, False, 0)


def test_content_best_first(book: Any) -> None:
    assert (texts(book.bids), texts(book.asks)) == (BIDS, ASKS)
    assert book.unverified() == (book.bids, book.asks)
    assert len(book) == 5


def test_snapshot_may_be_in_any_order(core: Any, book: Any) -> None:
    other = core.OrderBook("A/B")
    other.apply_snapshot(data(BIDS[::-1], ASKS[::-1]))
    assert (other.bids, other.asks) == (book.bids, book.asks)


def test_best_levels(book: Any) -> None:
    assert texts([book.best_bid, book.best_ask]) == [("10.0", "1.00"), ("10.5", "4.00")]
    assert (book.bid, book.bid_qty, book.ask, book.ask_qty) == (10.0, 1.0, 10.5, 4.0)
    assert book.top_of_book() == (10.0, 1.0, 10.5, 4.0)
    assert str(book.spread) == "0.5"
    assert not book.crossed


@pytest.mark.parametrize(
    ("bid", "ask", "mid"),
    [
        ("10.0", "10.5", "10.25"),
        ("10.0", "10.2", "10.1"),
        ("1", "2", "1.5"),
        ("1", "3", "2"),
        ("9" * 37 + "8", "9" * 38, "9" * 37 + "8.5"),
        ("0." + "0" * 37 + "1", "0." + "0" * 37 + "2", "1.5E-38"),
    ],
)
def test_mid_is_exact(core: Any, bid: str, ask: str, mid: str) -> None:
    book = filled(core, [(bid, "1")], [(ask, "1")])
    assert str(book.mid) == mid


def test_side_that_is_empty(core: Any) -> None:
    book = filled(core, BIDS)
    assert book.best_bid is not None
    assert book.best_ask is book.ask is book.spread is book.mid is book.top_of_book() is None


def test_crossed_book(core: Any) -> None:
    book = filled(core, [("11.0", "1")], [("10.5", "1")])
    assert book.crossed
    assert (str(book.spread), str(book.mid)) == ("-0.5", "10.75")


def test_wide_spread_keeps_all_digits(core: Any) -> None:
    """The decimal context's 28 digits do not round it."""
    book = filled(core, [("1" * 20 + "." + "1" * 10, "1")], [("0.1", "1")])
    assert str(book.spread) == "-" + "1" * 20 + ".0" + "1" * 9
    assert str(book.mid) == "5" * 19 + ".60555555555"


def test_levels_of_one_side(book: Any) -> None:
    assert texts(book.levels("bid", 2)) == BIDS[:2]
    assert texts(book.levels("ask")) == ASKS
    assert book.levels("ask", 0) == []
    assert texts(book.levels("bid", 99)) == BIDS
    assert book.levels_float("bid", 1) == [(10.0, 1.0)]
    assert book.levels_ticks("ask") == [(105, 400), (110, 500)]
    assert (book.price_scale, book.qty_scale) == (1, 2)


@pytest.mark.parametrize("method", ["levels", "levels_float", "levels_ticks"])
def test_levels_refuse_other_sides(book: Any, method: str) -> None:
    with pytest.raises(ValueError, match="'bid' or 'ask'"):
        getattr(book, method)("buy")
    with pytest.raises(ValueError, match="depth"):
        getattr(book, method)("bid", -1)


def test_floats_are_the_nearest(core: Any) -> None:
    book = filled(core, [("0.1", "123456789012345678.9")], [("0.3", "0.0000000000000000001")])
    assert book.top_of_book() == (0.1, 123456789012345678.9, 0.3, 1e-19)


def test_update_changes_adds_and_removes(book: Any) -> None:
    book.apply_update(
        data([("10.0", "7.00"), ("9.7", "1.00"), ("9.0", "0.00")], [("10.4", "1.00")])
    )
    assert texts(book.bids) == [("10.0", "7.00"), ("9.7", "1.00"), ("9.5", "2.00")]
    assert texts(book.asks) == [("10.4", "1.00"), *ASKS]


def test_rows_apply_in_order(book: Any) -> None:
    book.apply_update(data([("9.9", "1.00"), ("9.9", "0.00"), ("10.0", "0.00"), ("10.0", "3.00")]))
    assert texts(book.bids) == [("10.0", "3.00"), *BIDS[1:]]


def test_unknown_removal_is_ignored(book: Any) -> None:
    book.apply_update(data([("1.0", "0")], [("99.0", "0.00")]))
    assert (texts(book.bids), texts(book.asks)) == (BIDS, ASKS)


def test_cut_comes_after_the_whole_message(core: Any) -> None:
    """A level pushed out by one row stays when a later row of the message makes room."""
    rows = [*BIDS, *((f"{n}.0", "1.00") for n in range(7, 0, -1))]
    book = core.OrderBook("A/B", 10)
    book.apply_snapshot(data(rows))
    book.apply_update(data([("9.8", "1.00"), ("9.8", "0.00")]))
    assert texts(book.bids) == rows
    book.apply_update(data([("9.8", "1.00")]))
    assert texts(book.bids) == [BIDS[0], ("9.8", "1.00"), *rows[1:-1]]


def test_snapshot_replaces(book: Any) -> None:
    book.apply_snapshot(data([("1", "1")]))
    assert (texts(book.bids), texts(book.asks)) == ([("1", "1")], [])


def test_lists_are_copies(book: Any) -> None:
    book.bids.clear()
    book.levels("ask").clear()
    assert len(book) == 5


# Checksums and states.


def test_right_checksum(book: Any) -> None:
    right = book.checksum()
    book.apply_snapshot(data(BIDS, ASKS, right))
    book.validate_checksum(right)
    assert (book.state, book.verified_count, book.mismatch_count) == ("valid", 1, 0)


def test_snapshot_with_a_wrong_checksum(book: Any) -> None:
    right = book.checksum()
    with pytest.raises(ChecksumError) as caught:
        book.apply_snapshot(data(BIDS, ASKS, 1))
    error = caught.value
    assert (error.symbol, error.expected, error.computed) == ("A/B", 1, right)
    assert (book.state, book.mismatch_count, book.updates) == ("awaiting_snapshot", 1, 2)
    assert texts(book.bids) == BIDS


def test_update_with_a_wrong_checksum_keeps_the_content(book: Any) -> None:
    with pytest.raises(ChecksumError):
        book.apply_update(data([("9.9", "1.00")], checksum=1))
    assert (book.state, book.is_valid) == ("awaiting_snapshot", False)
    assert ("9.9", "1.00") in texts(book.bids)


def test_snapshot_makes_valid_again(book: Any) -> None:
    with pytest.raises(ChecksumError):
        book.apply_update(data(checksum=1))
    book.apply_update(data(checksum=book.checksum()))
    assert not book.is_valid
    book.apply_snapshot(data(BIDS, ASKS))
    assert book.is_valid


def test_update_without_snapshot_is_applied(core: Any) -> None:
    book = core.OrderBook("A/B")
    book.apply_update(data(BIDS))
    assert (texts(book.bids), book.state) == (BIDS, "awaiting_snapshot")


def test_validating_by_hand_counts_nothing(book: Any) -> None:
    with pytest.raises(ChecksumError):
        book.validate_checksum(1)
    assert (book.mismatch_count, book.state) == (0, "valid")


def test_counts_and_times(book: Any) -> None:
    book.apply_update(data(timestamp="2026-01-01T00:00:00Z"))
    book.apply_update(data())
    assert (book.updates, book.timestamp) == (3, "2026-01-01T00:00:00Z")
    assert book.received_ns is None


# Numbers.


def test_shorter_numbers_are_padded(core: Any) -> None:
    book = filled(core, [("10", "1E-8"), ("9.25", "1.5")])
    assert texts(book.bids) == [("10.00", "0.00000001"), ("9.25", "1.50000000")]
    book.apply_update(data([("9.2500", "2")]))
    assert texts(book.bids) == [("10.0000", "0.00000001"), ("9.2500", "2.00000000")]


def test_whole_numbers_with_exponent(core: Any) -> None:
    book = filled(core, [("1E+3", "2.5E+2")])
    assert texts(book.bids) == [("1000", "250")]


@pytest.mark.parametrize("zero", ["0", "0.0", "-0", "-0.0", "0e-8", "-0.00E-8", "0e99"])
def test_spelling_of_zero_removes_a_level_and_widens_nothing(core: Any, zero: str) -> None:
    # Encoders of JSON write an exact zero of eight decimals as `0e-8`, and a float may be `-0.0`.
    engine = core.Engine()
    first = '{"price":9.9,"qty":1.50},{"price":9.8,"qty":2.00}'
    engine.feed(message("snapshot", first, checksum_of([("9.9", "1.50"), ("9.8", "2.00")])))
    gone = f'{{"price":9.9,"qty":{zero}}}'
    (update,) = engine.feed(message("update", gone, checksum_of([("9.8", "2.00")])))
    book = engine.book("A/B")
    assert (update.verified, book.state) == (True, "valid")
    assert (texts(book.bids), book.qty_scale) == ([("9.8", "2.00")], 2)


def message(kind: str, bids: str, checksum: int) -> str:
    item = f'{{"symbol":"A/B","bids":[{bids}],"asks":[],"checksum":{checksum}}}'
    return f'{{"channel":"book","type":"{kind}","data":[{item}]}}'


def checksum_of(bids: list[tuple[str, str]]) -> int:
    # Page "Book": digits without the point and without leading zeros.
    levels = (number.replace(".", "").lstrip("0") for level in bids for number in level)
    return crc32("".join(levels).encode())


@pytest.mark.parametrize("price", [Decimal("2.50"), "2.50", " 2.50\n", 2.5, 2])
def test_prices_that_are_no_decimals(core: Any, price: Any) -> None:
    book = core.OrderBook("A/B")
    book.apply_snapshot(BookData("A/B", [BookLevel(price, 1)], []))
    assert book.best_bid == (Decimal(str(price)), 1)


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "1E+38", "1E-39", "9" * 39, "-0.1"])
def test_impossible_numbers_are_refused_and_change_nothing(book: Any, value: str) -> None:
    for rows in ([(value, "1")], [("1", value)]):
        for write in (book.apply_snapshot, book.apply_update):
            with pytest.raises(ValueError, match=r"price|qty"):
                write(data([("9.9", "1.00"), *rows]))
    assert (texts(book.bids), book.updates, book.state) == (BIDS, 1, "valid")


@pytest.mark.parametrize("value", ["01", "1 0", "1_0", "+1", ".5", "1.", "", "x", None, True])
def test_texts_that_are_no_numbers_of_the_wire_are_refused(book: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="qty must be a number"):
        book.apply_update(BookData("A/B", [BookLevel(Decimal(1), value)], []))
    assert book.updates == 1


def test_numbers_that_do_not_fit_together_are_refused(book: Any) -> None:
    with pytest.raises(ValueError, match="digits"):
        book.apply_update(data([("1" * 20, "1"), ("0." + "1" * 20, "1")]))
    assert (texts(book.bids), book.updates, book.price_scale) == (BIDS, 1, 1)


def test_wide_numbers_are_exact(core: Any) -> None:
    book = core.OrderBook("A/B")
    rows = [("886110000000.00000000000001", "12345678901234567890123456789.123456789")]
    book.apply_snapshot(data(rows))
    assert texts(book.bids) == rows


def test_repr_shows_the_best_prices(core: Any, book: Any) -> None:
    start = "OrderBook(symbol='A/B', depth=10, state='valid'"
    assert repr(book) == start + ", bid=10.0, ask=10.5)"
    book.apply_snapshot(data([], ASKS))
    assert repr(book) == start + ", ask=10.5)"
    tiny = core.OrderBook("A/B")
    tiny.apply_snapshot(data([("0.00000001", "1")]))
    assert repr(tiny) == start + ", bid=0.00000001)"


def test_repr_of_a_live_book_shows_no_unverified_price(core: Any) -> None:
    engine = core.Engine()
    frame = (
        '{"channel":"book","type":"snapshot","data":[{"symbol":"A/B",'
        '"bids":[{"price":9.50,"qty":1.0}],"asks":[],"checksum":%d}]}'
    )
    book = engine.book("A/B")
    engine.feed(frame % zlib.crc32(b"95010"))
    assert repr(book) == "OrderBook(symbol='A/B', depth=10, state='valid', bid=9.50)"
    engine.feed(frame % 1)
    assert repr(book) == "OrderBook(symbol='A/B', depth=10, state='stale')"
    with pytest.raises(BookNotReady):
        book.to_dict()


@pytest.mark.parametrize("timestamp", [None, "2026-01-01T00:00:00.5Z"])
def test_to_dict_is_that_of_a_snapshot(core: Any, timestamp: str | None) -> None:
    book = core.OrderBook("A/B")
    assert book.to_dict() == {"symbol": "A/B", "bids": [], "asks": [], "checksum": 0}
    book.apply_snapshot(data(BIDS, ASKS, timestamp=timestamp))
    wanted = data(BIDS, ASKS, book.checksum(), timestamp=timestamp)
    assert book.to_dict() == wanted.to_dict()
    exact = book.to_dict(exact=True)
    assert (exact, repr(exact)) == (wanted.to_dict(exact=True), repr(wanted.to_dict(exact=True)))
    assert json.dumps(book.to_dict()) == json.dumps(wanted.to_dict())
    again = core.OrderBook("A/B")
    again.apply_snapshot(BookData.from_dict(exact))
    assert (again.bids, again.asks, again.timestamp) == (book.bids, book.asks, timestamp)


def test_data_from_the_wire_can_be_applied(core: Any) -> None:
    frame = (
        '{"channel":"book","type":"snapshot","data":[{"symbol":"A/B",'
        '"bids":[{"price":9.50,"qty":1.0}],"asks":[]}]}'
    )
    book = core.OrderBook("A/B")
    book.apply_snapshot(core.parse_message(frame).data[0])
    assert texts(book.bids) == [("9.50", "1.0")]


@pytest.mark.parametrize("depth", [10.0, "10", Decimal(10)])
@pytest.mark.parametrize("kind", ["OrderBook", "Level3Book"])
def test_depth_is_an_integer(core: Any, kind: str, depth: Any) -> None:
    new = getattr(core, kind)
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        new("BTC/USD", depth)
    book = new("BTC/USD")
    for read in (book.levels, book.levels_float, book.levels_ticks, book.levels_array):
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            read("bid", depth)
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        book.imbalance(depth)


@pytest.mark.parametrize("kind", ["OrderBook", "Level3Book"])
@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
def test_books_are_not_copied_by_halves(core: Any, kind: str, make: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot pickle .*Book' object"):
        make(getattr(core, kind)("BTC/USD"))
