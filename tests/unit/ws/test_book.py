"""Books by symbol, without a client."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import book

from kraken_connector import Engine, OrderBook, WSDataMessage, parse_message
from kraken_connector.models import BookChecksumEvent
from kraken_connector.ws.book import LiveBooks, OrderBookManager

BTC = "BTC/USD"


def parsed(frame: str) -> WSDataMessage:
    message = parse_message(frame)
    assert isinstance(message, WSDataMessage)
    return message


def deep(levels: int) -> WSDataMessage:
    rows = [{"price": 100 - n, "qty": 1} for n in range(levels)]
    item = {"symbol": BTC, "bids": rows, "asks": []}
    return WSDataMessage.from_dict({"channel": "book", "type": "snapshot", "data": [item]})


def test_messages_make_and_change_books() -> None:
    manager = OrderBookManager()
    assert manager.get(BTC) is None
    assert manager.process_message(parsed(book(BTC))) is None
    assert manager.process_message(parsed(book(BTC, "update", "2.00"))) is None
    made = manager.get(BTC)
    assert made is not None
    assert str(made.bids[0][1]) == "2.00"


def test_mismatch_is_returned_and_the_next_snapshot_heals_it() -> None:
    manager = OrderBookManager()
    manager.process_message(parsed(book(BTC)))
    held = manager.get(BTC)
    event = manager.process_message(parsed(book(BTC, "update", "2.00", wrong=True)))
    assert isinstance(event, BookChecksumEvent)
    assert event.symbol == BTC
    assert manager.process_message(parsed(book(BTC, qty="3.00"))) is None
    assert manager.get(BTC) is held


def test_other_channels_are_ignored() -> None:
    manager = OrderBookManager()
    message = WSDataMessage("trade", "update", [])
    assert manager.process_message(message) is None


@pytest.mark.parametrize(("levels", "depth"), [(1, 10), (10, 10), (11, 25), (101, 500)])
def test_depth_is_learned_from_the_snapshot(levels: int, depth: int) -> None:
    manager = OrderBookManager()
    manager.process_message(deep(levels))
    made = manager.get(BTC)
    assert made is not None
    assert made.depth == depth
    assert len(made.bids) == levels


def test_known_depth_is_kept() -> None:
    manager = OrderBookManager(depth=25)
    manager.process_message(deep(1))
    made = manager.get(BTC)
    assert made is not None
    assert made.depth == 25
    with pytest.raises(ValueError, match="depth"):
        OrderBookManager(depth=11)


def test_books_can_be_made_given_and_removed() -> None:
    mine = OrderBook("ETH/USD", 100)
    manager = OrderBookManager({"ETH/USD": mine})
    assert manager.get_or_create("ETH/USD") is mine
    assert manager.get_or_create(BTC, 500).depth == 500
    manager.remove(BTC)
    manager.remove("NO/USD")
    assert manager.get(BTC) is None
    manager.clear()
    assert manager.get("ETH/USD") is None


def test_live_books_appear_with_their_first_verified_snapshot() -> None:
    engine = Engine()
    books = LiveBooks(lambda _: engine)
    engine.feed(book(BTC, wrong=True))
    assert books.get(BTC) is None
    engine.feed(book(BTC))
    held = books.get(BTC)
    assert held is engine.book(BTC)
    engine.reset()
    assert books.get(BTC) is held
    assert books.get_or_create("ETH/USD") is engine.book("ETH/USD")
