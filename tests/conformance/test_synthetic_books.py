"""Books of every depth and precision, compared with the oracle after every message."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from benches.corpus import DEPTHS
from tests.oracle import SIDES, Market, OracleBook, Side, TextRow, book_message, number_text

UPDATES = {10: 300, 25: 200, 100: 100, 500: 30, 1000: 30}


def text_levels(levels: list[tuple[Decimal, Decimal]]) -> list[TextRow]:
    return [(format(price, "f"), format(qty, "f")) for price, qty in levels]


def assert_same(book: Any, oracle: OracleBook) -> None:
    bids, asks = oracle.levels("bids"), oracle.levels("asks")
    assert text_levels(book.bids) == bids
    assert text_levels(book.asks) == asks
    assert len(book) == len(bids) + len(asks)
    assert book.checksum() == oracle.checksum()


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth(core: Any, depth: int) -> None:
    market, engine = Market(depth=depth, seed=depth), core.Engine()
    engine.books.expect(market.symbol, depth)
    book = engine.book(market.symbol)
    engine.feed(market.snapshot())
    assert_same(book, market.book)
    for _ in range(UPDATES[depth]):
        (message,) = engine.feed(market.update())
        assert message.verified is True
        assert_same(book, market.book)
    assert book.depth == depth


@pytest.mark.parametrize("qty_decimals", range(0, 11, 2))
@pytest.mark.parametrize("price_decimals", range(11))
def test_every_precision(core: Any, price_decimals: int, qty_decimals: int) -> None:
    market = Market(
        seed=price_decimals * 11 + qty_decimals,
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
    )
    engine = core.Engine()
    engine.feed(market.snapshot())
    book = engine.book(market.symbol)
    assert (book.price_scale, book.qty_scale) == (price_decimals, qty_decimals)
    for _ in range(30):
        engine.feed(market.update())
        assert_same(book, market.book)


def test_many_changes_in_one_message(core: Any) -> None:
    """Prices repeat, levels leave the scope and come back, all inside one message."""
    market, engine = Market(seed=5), core.Engine()
    engine.feed(market.snapshot())
    for _ in range(100):
        (message,) = engine.feed(market.update(events=40))
        assert message.verified is True
        assert_same(engine.book(market.symbol), market.book)


def respell(text: str, how: random.Random) -> str:
    """Write the same number shorter or with an exponent."""
    form = how.randrange(4)
    if form == 0 and "." in text:
        return text.rstrip("0").removesuffix(".")
    if form == 1:
        return f"{Decimal(text).normalize():E}".replace("E+", "e")
    if form == 2 and "." in text:
        whole, fraction = text.split(".")
        return f"{int(whole + fraction)}E-{len(fraction)}"
    return text


def random_rows(how: random.Random, side: Side, decimals: tuple[int, int]) -> list[TextRow]:
    """Return rows whose prices repeat now and then, some of them removals."""
    sign = -1 if side == "bids" else 1
    numbers = [
        (1_000_000 + sign * how.randrange(1, 50), how.choice((0, how.randrange(10**9))))
        for _ in range(12)
    ]
    return [
        (number_text(price, decimals[0]), number_text(qty, decimals[1])) for price, qty in numbers
    ]


@pytest.mark.parametrize("seed", range(10))
def test_shorter_and_exponent_forms_are_padded(core: Any, seed: int) -> None:
    """One number in full shows the scale; the others may be written in another way."""
    how, oracle, engine = random.Random(seed), OracleBook(10), core.Engine()
    decimals = how.randrange(11), how.randrange(11)
    engine.books.expect("A/B", 10)
    for kind in ("snapshot", *["update"] * 50):
        bids, asks = (random_rows(how, side, decimals) for side in SIDES)
        full = (number_text(999_000, decimals[0]), number_text(1, decimals[1]))
        oracle.apply("bids", [full, *bids])
        oracle.apply("asks", asks)
        oracle.cut()
        spelled = [[(respell(p, how), respell(q, how)) for p, q in rows] for rows in (bids, asks)]
        frame = book_message("A/B", kind, [full, *spelled[0]], spelled[1], oracle.checksum())
        assert engine.feed(frame)[-1].verified is True
        assert_same(engine.book("A/B"), oracle)


def test_removal_of_an_unknown_price_is_ignored(core: Any) -> None:
    market, engine = Market(seed=1), core.Engine()
    engine.feed(market.snapshot())
    absent = [("1.0", "0.00000000")]
    update = book_message(market.symbol, "update", absent, absent, market.book.checksum())
    assert engine.feed(update)[-1].verified is True
    assert_same(engine.book(market.symbol), market.book)
