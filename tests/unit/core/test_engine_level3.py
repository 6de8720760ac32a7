"""An engine's books of individual orders: what is theirs alone, beside what all books share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.level3_oracle import OrderMarket, TextOrder, level3_message
from tests.oracle import Market

from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import (
    BookChecksumEvent,
    BookCrossedEvent,
    InvalidFrameEvent,
    Level3Data,
    Level3Order,
)

SYMBOL = "BTC/USD"


def text_order(order_id: str = "OA", price: str = "10.0", qty: str = "1.0") -> TextOrder:
    return TextOrder(order_id, price, qty, "2026-01-01T00:00:00.000000000Z")


@pytest.fixture
def market() -> OrderMarket:
    return OrderMarket(SYMBOL, seed=1)


@pytest.fixture
def engine(core: Any) -> Any:
    return core.Engine()


@pytest.fixture
def live(engine: Any, market: OrderMarket) -> Any:
    """An engine with a valid book."""
    engine.feed(market.snapshot(), 5)
    return engine


def ack(method: str, **result: Any) -> bytes:
    result = {"channel": "level3", "symbol": SYMBOL, **result}
    return json.dumps({"method": method, "success": True, "result": result}).encode()


def test_a_book_keeps_its_identity_and_is_none_of_the_aggregated(live: Any) -> None:
    book = live.level3(SYMBOL)
    assert live.level3(SYMBOL) is book
    assert live.level3_books == {SYMBOL: book}
    assert live.books == {}
    assert (book.is_live, book.state, book.received_ns, book.verified_ns) == (True, "valid", 5, 5)


def test_both_channels_of_a_pair_go_side_by_side(live: Any) -> None:
    live.feed(Market(SYMBOL).snapshot())
    live.books.invalidate(SYMBOL)
    assert (live.book(SYMBOL).state, live.level3(SYMBOL).state) == ("stale", "valid")
    live.level3_books.invalidate(SYMBOL, "quarantined")
    assert live.level3(SYMBOL).state == "quarantined"
    counters = live.counters()
    assert (counters["book_messages"], counters["level3_messages"]) == (1, 1)
    assert counters["verified"] == 2


def test_message_is_typed_and_says_that_it_verified(engine: Any, market: OrderMarket) -> None:
    (message,) = engine.feed(market.snapshot())
    assert (message.channel, message.type, message.symbol) == ("level3", "snapshot", SYMBOL)
    assert message.verified is True
    (item,) = message.data
    assert type(item) is Level3Data
    assert all(type(order) is Level3Order for order in item.bids + item.asks)
    (update,) = engine.feed(market.update(20))
    assert {order.event for order in update.data[0].bids} <= {"add", "modify", "delete"}


def test_a_mismatch_is_reported_once_and_lasts_until_a_snapshot_verifies(
    live: Any, market: OrderMarket
) -> None:
    wrong = level3_message(SYMBOL, "update", [("add", text_order())], checksum=7)
    event, message = live.feed(wrong, 9)
    book = live.level3(SYMBOL)
    assert event == BookChecksumEvent(SYMBOL, 7, event.computed, "level3")
    assert (event.received_ns, message.verified) == (9, False)
    assert (book.state, book.mismatch_count, book.mismatch_counts["add"]) == ("stale", 1, 1)
    (message,) = live.feed(wrong)
    assert (message.verified, book.mismatch_count) == (False, 1)
    for read in (book.checksum, book.top_of_book, lambda: book.orders("bid")):
        with pytest.raises(BookNotReady):
            read()
    for read_one in (book.order, book.queue_position):
        with pytest.raises(BookNotReady):
            read_one("OA")
    assert book.unverified_orders()[0]
    (message,) = live.feed(market.snapshot())
    assert (message.verified, book.state) == (True, "valid")


@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_a_message_without_a_checksum_is_not_trusted(live: Any, kind: str) -> None:
    event, message = live.feed(level3_message(SYMBOL, kind, [("add", text_order())]))
    assert (event.expected, event.channel, message.verified) == (None, "level3", False)
    assert live.level3(SYMBOL).state == "stale"


def test_an_unknown_event_leaves_it_to_the_checksum(live: Any, market: OrderMarket) -> None:
    book, right = live.level3(SYMBOL), market.checksum()
    odd = level3_message(SYMBOL, "update", [("amend", text_order())], checksum=right)
    (message,) = live.feed(odd)
    assert (message.verified, book.event_counts["unknown_event"]) == (True, 1)
    assert message.data[0].bids[0].event == "amend"
    _, message = live.feed(odd.replace(str(right).encode(), b"7"))
    assert (message.verified, book.mismatch_counts["unknown_event"]) == (False, 1)


def test_a_crossed_book_is_reported_with_its_channel(engine: Any) -> None:
    rows = [(None, text_order("OA", "11.0"))], [(None, text_order("OB", "10.5"))]
    event, _ = engine.feed(level3_message(SYMBOL, "snapshot", *rows, 0))
    frame = level3_message(SYMBOL, "snapshot", *rows, event.computed)
    crossed, message = engine.feed(frame)
    assert crossed == BookCrossedEvent(SYMBOL, crossed.bid, crossed.ask, "level3")
    assert (str(crossed.bid), str(crossed.ask), message.verified) == ("11.0", "10.5", True)
    assert engine.counters()["crossed"] == 1


@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_depth_is_learned_from_the_ack(engine: Any, market: OrderMarket, depth: int) -> None:
    engine.feed(ack("subscribe", depth=depth))
    engine.feed(market.snapshot())
    assert engine.level3(SYMBOL).depth == depth


def test_a_depth_of_the_other_channel_is_none(engine: Any) -> None:
    engine.feed(ack("subscribe", depth=25))
    assert engine.level3_books == {}
    with pytest.raises(ValueError, match="10, 100, 1000, not 25"):
        engine.level3_books.expect(SYMBOL, 25)


@pytest.mark.parametrize(("levels", "depth"), [(1, 10), (10, 10), (11, 100), (101, 1000)])
def test_depth_of_a_snapshot_goes_by_levels_not_by_orders(
    engine: Any, levels: int, depth: int
) -> None:
    rows = [
        (None, text_order(f"O{number}", f"{1000 - number // 3}.0")) for number in range(3 * levels)
    ]
    engine.feed(level3_message(SYMBOL, "snapshot", rows, checksum=0))
    assert (engine.level3(SYMBOL).depth, len(engine.level3(SYMBOL))) == (depth, levels)


def test_an_unsubscribed_book_awaits_a_snapshot(live: Any) -> None:
    live.feed(ack("unsubscribe"))
    assert live.level3(SYMBOL).state == "awaiting_snapshot"


def test_reset_begins_a_new_connection(live: Any, market: OrderMarket) -> None:
    book = live.level3(SYMBOL)
    live.reset()
    assert (book.state, book.verified_ns) == ("awaiting_snapshot", None)
    (message,) = live.feed(market.update())
    assert message.verified is False
    live.feed(market.snapshot())
    assert book.state == "valid"


ENTRY = '{"event":"add","order_id":"OA","limit_price":1.0,"order_qty":1.0,"timestamp":"2026"}'


def damaged(entry: str) -> bytes:
    frame = f'{{"channel":"level3","type":"update","data":[{{"symbol":"{SYMBOL}","bids":[{entry}]'
    return f'{frame},"asks":[],"checksum":1}}]}}'.encode()


@pytest.mark.parametrize(
    ("entry", "kind", "at"),
    [
        ("7", "type", "7"),
        (ENTRY.replace('"OA"', "7"), "type", "7"),
        (ENTRY.replace('"OA"', "null"), "missing", "{"),
        (ENTRY.replace('"order_id"', '"id"'), "missing", "{"),
        (ENTRY.replace('"limit_price":1.0,', ""), "missing", "{"),
        (ENTRY.replace('"limit_price":1.0', '"limit_price":"9"'), "type", '"9"'),
        (ENTRY.replace('"order_qty":1.0', '"order_qty":-9'), "number", "-9"),
        (ENTRY.replace('"order_qty":1.0', '"order_qty":1e30'), "number", '{"symbol"'),
        (ENTRY[:-1], "syntax", "]"),
    ],
)
def test_a_damaged_frame_makes_its_book_stale(
    live: Any, core: Any, entry: str, kind: str, at: str
) -> None:
    frame = damaged(entry)
    (event,) = live.feed(frame)
    start = frame.index(b'"bids":[') + 8
    offset = frame.index(at.encode(), 0 if at == '{"symbol"' else start)
    assert event == InvalidFrameEvent(frame, kind, offset, "level3")
    assert live.level3(SYMBOL).state == "stale"
    assert live.counters()["invalid_frames"] == 1


@pytest.mark.parametrize(
    "entry",
    [
        '{"event":"delete","order_id":"OA"}',
        '{"event":"delete","order_id":"OA","limit_price":"odd","order_qty":-1,"timestamp":3}',
        '{"event":"amend"}',
        '{"event":"amend","order_id":1.50,"limit_price":[1.50],"order_qty":{},"timestamp":0.10}',
        '{"event":7,"order_id":[]}',
        ENTRY.replace('"2026"', "3"),
    ],
)
def test_what_an_event_does_not_need_may_be_anything(live: Any, entry: str) -> None:
    message = live.feed(damaged(entry))[-1]
    assert message.verified is False
    assert repr(message.data[0].bids[0]).startswith("Level3Order(")


def test_a_frame_that_names_no_known_book_makes_all_stale(live: Any) -> None:
    other = OrderMarket("ETH/USD", seed=2)
    live.feed(other.snapshot())
    live.feed(Market(SYMBOL).snapshot())
    live.feed(b'{"channel":"level3","type":"update","data":[{"symbol":"B')
    assert [book.state for book in live.level3_books.values()] == ["stale", "stale"]
    assert live.book(SYMBOL).state == "valid"
