"""The effect of unreadable frames on books, and the counters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.oracle import Market, OracleBook, book_message

SYMBOLS = ("BTC/USD", "ETH/USD", "ADA/USD")


@pytest.fixture
def engine(core: Any) -> Any:
    """An engine with three valid books."""
    engine = core.Engine()
    for seed, symbol in enumerate(SYMBOLS):
        engine.feed(Market(symbol, seed=seed).snapshot())
    return engine


def states(engine: Any) -> list[str]:
    return [engine.book(symbol).state for symbol in SYMBOLS]


def update(symbol: str, rest: str) -> str:
    return f'{{"channel":"book","type":"update","data":[{{"symbol":"{symbol}",{rest}'


WHOLE = '"bids":[],"asks":[]}'


@pytest.mark.parametrize(
    "frame",
    [
        update("ETH/USD", '"bids":['),
        update("ETH/USD", '"bids":[{"price":"1","qty":1}]}]}'),
        update("ETH/USD", '"bids":[{"price":1e99,"qty":1}]}]}'),
        update("ETH/USD", WHOLE + ']} "'),
        '{"data":[{"symbol":"ETH/USD"}],"channel":"book"}',
        '{"data":[{"symbol":"ETH/USD"}],"channel":"book", broken',
    ],
)
def test_named_book_turns_stale(engine: Any, frame: str) -> None:
    assert type(engine.feed(frame)[-1]).__name__ == "InvalidFrameEvent"
    assert states(engine) == ["valid", "stale", "valid"]


def test_all_named_books_turn_stale(engine: Any) -> None:
    engine.feed(update("BTC/USD", WHOLE) + "," + update("ETH/USD", '"bids":7}]}')[42:])
    assert states(engine) == ["stale", "stale", "valid"]


@pytest.mark.parametrize(
    "frame",
    [
        '{"channel":"book","type":"upd',
        '{"channel":"book","type":"update","data":[{"symbol":"BTC/U',
        '{"channel":"book","type":"update","data":[{"bids":[]}]}',
        '{"channel":"book","type":"update","data":5}',
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC\xff/USD"}]}',
    ],
)
def test_all_valid_books_turn_stale_when_none_is_named(engine: Any, frame: str | bytes) -> None:
    engine.books.invalidate("ADA/USD", "awaiting_snapshot")
    engine.feed(frame)
    assert states(engine) == ["stale", "stale", "awaiting_snapshot"]


@pytest.mark.parametrize(
    "frame",
    [
        "CloudFlare WebSocket proxy restarting",
        '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD"',
        '{"channel":"book","method":"subscribe","success":fals',
        '{"data":[{"symbol":"BTC/USD"}]',
        "",
    ],
)
def test_other_damage_leaves_the_books_alone(engine: Any, frame: str) -> None:
    engine.feed(frame)
    assert states(engine) == ["valid"] * 3


def test_unknown_symbol_makes_no_book_and_may_be_a_damaged_one(engine: Any) -> None:
    engine.feed(update("ETI/USD", '"bids":['))
    assert list(engine.books) == list(SYMBOLS)
    assert states(engine) == ["stale"] * 3


def test_known_symbol_of_a_quarantined_book_leaves_the_others_alone(engine: Any) -> None:
    engine.books.invalidate("ETH/USD", "quarantined")
    engine.feed(update("ETH/USD", '"bids":['))
    assert states(engine) == ["valid", "quarantined", "valid"]


def test_quarantine_stays(engine: Any) -> None:
    engine.books.invalidate("BTC/USD", "quarantined")
    engine.feed(update("BTC/USD", "x"))
    assert states(engine)[0] == "quarantined"


def test_nothing_of_a_broken_message_is_applied(engine: Any) -> None:
    before = engine.book("BTC/USD").unverified()
    good, bad = '{"price":1.0,"qty":1.00000000}', '{"price":1.0}'
    engine.feed(update("BTC/USD", f'"bids":[{good},{bad}]}}]}}'))
    assert engine.book("BTC/USD").unverified() == before
    assert engine.book("BTC/USD").updates == 1


def test_row_that_does_not_fit_the_books_digits_is_refused(core: Any) -> None:
    """Twenty digits before the point and twenty after it are too many together."""
    engine = core.Engine()
    oracle = OracleBook(10)
    oracle.apply("bids", [("1" * 20, "1")])
    engine.feed(book_message("A/B", "snapshot", [("1" * 20, "1")], [], oracle.checksum()))
    wide = book_message("A/B", "update", [("0." + "1" * 20, "1")], [], 5)
    (event,) = engine.feed(wide)
    assert (event.kind, event.offset, event.channel) == ("number", wide.index(b'{"symbol'), "book")
    book = engine.book("A/B")
    assert (book.state, book.updates) == ("stale", 1)
    assert [str(price) for price, _ in book.unverified()[0]] == ["1" * 20]
    assert engine.counters()["book_messages"] == 1


def test_counters_start_at_zero_and_are_a_copy(core: Any) -> None:
    engine = core.Engine()
    names = "frames bytes messages pongs book_messages level3_messages verified mismatches crossed"
    more = "sequence_gaps invalid_frames unknown_channels"
    zero = dict.fromkeys([*names.split(), *more.split()], 0)
    assert engine.counters() == zero
    engine.counters()["frames"] = 5
    assert engine.counters() == zero


def test_counters_count(engine: Any) -> None:
    before = engine.counters()
    frames = [
        b'{"channel":"heartbeat"}',
        b'{"channel":"news","type":"update","data":[]}',
        b'{"method":"pong"}',
        b"junk",
        book_message("BTC/USD", "update", [], [], 1),
    ]
    for frame in frames:
        engine.feed(frame)
    counted = {name: count - before[name] for name, count in engine.counters().items()}
    assert {name: count for name, count in counted.items() if count} == {
        "frames": 5,
        "bytes": sum(map(len, frames)),
        "messages": 4,
        "pongs": 1,
        "book_messages": 1,
        "mismatches": 1,
        "invalid_frames": 1,
        "unknown_channels": 1,
    }


def test_counters_outlive_a_reset(engine: Any) -> None:
    engine.reset()
    assert engine.counters()["verified"] == 3


def test_made_up_names_do_not_fill_the_memory(engine: Any) -> None:
    bound = 10_000
    for number in range(bound + 5):
        symbol = f"X{number}/USD"
        if number % 2:
            answer = {"channel": "book", "symbol": symbol, "depth": 10}
            engine.feed(json.dumps({"method": "subscribe", "success": True, "result": answer}))
        else:
            (message,) = engine.feed(book_message(symbol, "update", [], [], 5))
            assert message.verified is False
    assert len(engine.books) == bound
    market = Market("LAST/USD")
    assert engine.feed(market.snapshot())[-1].verified is False
    assert states(engine) == ["valid"] * 3
    engine.books.expect("LAST/USD", 10)
    assert engine.feed(market.snapshot())[-1].verified is True
    assert len(engine.books) == bound + 1
