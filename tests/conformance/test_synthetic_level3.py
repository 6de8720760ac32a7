"""Books of individual orders, compared with the oracle after every message."""

from __future__ import annotations

from typing import Any

import pytest
from tests.level3_oracle import OrderMarket
from tests.marks import long
from tests.oracle import SIDES

UPDATES = {10: 250, 100: 60, 1000: 6}


def assert_same(book: Any, market: OrderMarket) -> None:
    total = 0
    for side, plural in zip(("bid", "ask"), SIDES, strict=True):
        expected = market.orders(plural)
        seen = [
            (o.order_id, format(o.limit_price, "f"), format(o.order_qty, "f"), o.timestamp)
            for o in book.orders(side)
        ]
        assert seen == expected
        levels = [(format(price, "f"), format(qty, "f")) for price, qty in book.levels(side)]
        assert levels == market.levels(plural)
        total += len(expected)
    assert book.order_count == total
    assert book.checksum() == market.checksum()


@pytest.mark.parametrize("depth", UPDATES)
def test_every_depth(core: Any, depth: int) -> None:
    market, engine = OrderMarket(depth=depth, seed=depth), core.Engine()
    engine.level3_books.expect(market.symbol, depth)
    book = engine.level3(market.symbol)
    engine.feed(market.snapshot())
    assert_same(book, market)
    for _ in range(UPDATES[depth]):
        (message,) = engine.feed(market.update())
        assert message.verified is True
        assert_same(book, market)
    assert (book.depth, book.mismatch_count) == (depth, 0)


@pytest.mark.parametrize(("price_decimals", "qty_decimals"), [(0, 0), (1, 8), (5, 2), (10, 10)])
def test_every_precision(core: Any, price_decimals: int, qty_decimals: int) -> None:
    market = OrderMarket(seed=3, price_decimals=price_decimals, qty_decimals=qty_decimals)
    engine = core.Engine()
    engine.feed(market.snapshot())
    book = engine.level3(market.symbol)
    assert (book.price_scale, book.qty_scale) == (price_decimals, qty_decimals)
    for _ in range(30):
        engine.feed(market.update())
        assert_same(book, market)


def test_many_changes_in_one_message(core: Any) -> None:
    """What became of an order amended twice does not show among orders of one quantity."""
    market, engine = OrderMarket(seed=5), core.Engine()
    engine.feed(market.snapshot())
    for _ in range(60):
        (message,) = engine.feed(market.update(events=40))
        assert message.verified is True
        book = engine.level3(market.symbol)
        for side, plural in zip(("bid", "ask"), SIDES, strict=True):
            levels = [(format(price, "f"), format(qty, "f")) for price, qty in book.levels(side)]
            assert levels == market.levels(plural)


def test_long_queues(core: Any) -> None:
    """The digits of one level are longer than any table of weights."""
    market, engine = OrderMarket(seed=6, orders_a_level=120), core.Engine()
    engine.feed(market.snapshot())
    book = engine.level3(market.symbol)
    assert max(book.queue_position(o.order_id).orders for o in book.orders("bid")) > 60
    for _ in range(20):
        engine.feed(market.update())
        assert_same(book, market)


def test_all_kinds_of_entries_were_there(core: Any) -> None:
    market, engine = OrderMarket(seed=7), core.Engine()
    engine.feed(market.snapshot())
    for _ in range(300):
        engine.feed(market.update())
    counts = engine.level3(market.symbol).event_counts
    seen = {kind for kind, count in counts.items() if count}
    assert seen >= {"snapshot", "add", "modify", "modify_lowered", "modify_raised"}
    assert seen >= {"modify_moved", "delete"}


@pytest.mark.parametrize("keeping", [(), ("lowered",), ("raised",), ("lowered", "raised")])
@pytest.mark.parametrize(("depth", "updates"), [(10, 250), (100, 60)])
@pytest.mark.parametrize("seed", [0, *long(1, 2)])
def test_every_rule_of_amendments(
    core: Any, keeping: tuple[str, ...], depth: int, updates: int, seed: int
) -> None:
    """The books stay verified whichever amendments move an order to the back of its queue."""
    market, engine = OrderMarket(depth=depth, seed=seed, keeping=keeping), core.Engine()
    engine.level3_books.expect(market.symbol, depth)
    engine.feed(market.snapshot())
    book = engine.level3(market.symbol)
    for _ in range(updates):
        (message,) = engine.feed(market.update())
        assert message.verified is True
        assert book.checksum() == market.checksum()
    assert (book.mismatch_count, book.verified_count) == (0, updates + 1)


def test_no_rule_of_amendments(core: Any) -> None:
    """Each amended order keeps its position or loses it by chance. Then a book is lost only when an
    order was amended twice among equal quantities, as the first outcome is not kept."""
    verified = 0
    for seed in range(6):
        market, engine = OrderMarket(seed=seed, keeping=None), core.Engine()
        for number in range(250):
            frame = market.update(events=1) if number else market.snapshot()
            verified += engine.feed(frame)[-1].verified
        proofs = engine.level3(market.symbol).placement_counts
        assert all(count for name, count in proofs.items() if name != "by_time")
    assert verified >= 6 * 250 - 10
