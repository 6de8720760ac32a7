"""The exchange's own book, for clients that truncate their books at different moments."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from kraken_connector.sim.book import DEPTHS, BookMessage, ReferenceBook, Row, Rows, Side
from kraken_connector.sim.market import SimMarket
from kraken_connector.sim.pairs import NAMED_PAIRS, pair_for

VECTOR = Path(__file__).parents[1] / "fixtures" / "vectors" / "book-btcusd-doc.json"
SYMBOLS = [*NAMED_PAIRS, "SIM0000/USD"]


class Reader:
    """A subscriber's book in ticks and lots."""

    def __init__(self, book: ReferenceBook, depth: int, *, cut_each_row: bool) -> None:
        self._depth = depth
        self._cut_each_row = cut_each_row
        self.sides: dict[Side, dict[int, int]] = {
            "bid": dict(book.bids.rows(depth)),
            "ask": dict(book.asks.rows(depth)),
        }

    def read(self, rows: Rows) -> None:
        for side, levels in self.sides.items():
            for ticks, lots in rows.of(side):
                if lots:
                    levels[ticks] = lots
                else:
                    assert levels.pop(ticks, None), "removal of a level the reader never had"
                if self._cut_each_row:
                    self._cut(side)
            self._cut(side)

    def _cut(self, side: Side) -> None:
        best = sorted(self.sides[side], reverse=side == "bid")
        for ticks in best[self._depth :]:
            del self.sides[side][ticks]


def message(*rows: tuple[Side, int, int], book: ReferenceBook, depth: int = 10) -> Rows:
    """Make changes to a book and return the rows of one depth."""
    draft = BookMessage(book, [depth])
    for row in rows:
        assert draft.change(*row)
    return draft.rows[depth]


def asks(*rows: Row) -> ReferenceBook:
    book = ReferenceBook()
    for ticks, lots in rows:
        book.asks.replace(ticks, lots)
    return book


@pytest.mark.parametrize("cut_each_row", [True, False], ids=["cut each row", "cut at the end"])
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_readers_of_every_depth_keep_the_exchanges_book(symbol: str, cut_each_row: bool) -> None:
    market = SimMarket(pair_for(symbol), seed=11, clock=time.time_ns)
    readers = {depth: Reader(market.book, depth, cut_each_row=cut_each_row) for depth in DEPTHS}
    for number in range(300):
        step = market.step(DEPTHS)
        for depth, reader in readers.items():
            assert step.rows[depth], "every step is news at every depth"
            reader.read(step.rows[depth])
            if depth == 10 or number % 50 == 0:
                assert reader.sides["bid"] == dict(market.book.bids.rows(depth))
                assert reader.sides["ask"] == dict(market.book.asks.rows(depth))


def test_removal_is_followed_by_the_level_that_comes_into_scope() -> None:
    book = asks(*((100 + index, 5) for index in range(12)))
    assert message(("ask", 103, 0), book=book).asks == [(103, 0), (110, 5)]


def test_level_pushed_out_of_scope_is_not_announced_as_removed() -> None:
    book = asks(*((100 + 2 * index, 5) for index in range(12)))
    assert message(("ask", 101, 7), book=book).asks == [(101, 7)]


def test_change_below_the_subscribed_depth_is_silent() -> None:
    book = asks(*((100 + index, 5) for index in range(12)))
    assert not message(("ask", 111, 9), book=book)


def test_several_changes_of_one_price_are_all_sent() -> None:
    book = asks((100, 5))
    assert message(("ask", 100, 6), ("ask", 100, 7), book=book).asks == [(100, 6), (100, 7)]


def test_level_pushed_out_is_not_touched_again_in_the_same_message() -> None:
    book = asks(*((100 + 2 * index, 5) for index in range(10)))
    draft = BookMessage(book, [10])
    assert draft.change("ask", 101, 7)
    assert not draft.change("ask", 118, 0)


def test_checksum_of_the_documented_example() -> None:
    """Source: the exchange's guide to book checksums."""
    vector = json.loads(VECTOR.read_text())
    book = ReferenceBook()
    for ladder, levels in ((book.bids, "bids_best_first"), (book.asks, "asks_best_first")):
        for level in vector[levels]:
            ticks, lots = (int(text.replace(".", "")) for text in level)
            ladder.replace(ticks, lots)
    assert book.checksum() == 3310070434


def test_equal_seeds_give_equal_markets() -> None:
    pair = NAMED_PAIRS["BTC/USD"]
    first, second, other = (SimMarket(pair, seed=seed, clock=time.time_ns) for seed in (1, 1, 2))
    for market in (first, second, other):
        for _ in range(50):
            market.step(DEPTHS)
    assert first.book.bids.rows(1000) == second.book.bids.rows(1000)
    assert first.book.bids.rows(1000) != other.book.bids.rows(1000)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_trades_fill_what_the_book_offers(symbol: str) -> None:
    market = SimMarket(pair_for(symbol), seed=5, clock=time.time_ns)
    seen = 0
    for _ in range(300):
        bid, ask = market.best()
        assert bid is not None
        assert ask is not None
        assert bid[0] < ask[0]
        for trade in market.step().trades:
            seen += 1
            assert trade.lots > 0
            assert trade.timestamp_ns == market._now
    assert seen > 10


def test_trade_ids_are_consecutive() -> None:
    market = SimMarket(NAMED_PAIRS["BTC/USD"], seed=5, clock=time.time_ns)
    ids = [trade.trade_id for trade in market.trades]
    for _ in range(200):
        ids += [trade.trade_id for trade in market.step().trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_thin_market_has_fewer_than_ten_levels() -> None:
    market = SimMarket(NAMED_PAIRS["KEEP/EUR"], seed=5, clock=time.time_ns)
    for _ in range(300):
        market.step()
        assert 1 < len(market.book.bids) < 10
