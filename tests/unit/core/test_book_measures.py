"""Figures derived from a book: microprice, imbalance, sums, and levels as one block of memory."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kraken_connector.models import BookData, BookLevel


def level(price: str, qty: str) -> BookLevel:
    return BookLevel(price=Decimal(price), qty=Decimal(qty))


@pytest.fixture
def book(core: Any) -> Any:
    book = core.OrderBook("BTC/USD")
    bids = [level("99.0", "3.00"), level("98.0", "1.00")]
    asks = [level("101.0", "1.00"), level("103.0", "3.00")]
    book.apply_snapshot(BookData(symbol="BTC/USD", bids=bids, asks=asks))
    return book


@pytest.fixture
def empty(core: Any) -> Any:
    return core.OrderBook("BTC/USD")


def test_microprice_leans_towards_the_thinner_side(book: Any) -> None:
    assert book.microprice == (99.0 * 1.0 + 101.0 * 3.0) / 4.0


def test_imbalance_counts_the_given_levels(book: Any) -> None:
    assert book.imbalance() == 0.5
    assert book.imbalance(2) == 0.0
    assert book.imbalance(depth=1000) == 0.0


def test_cumulative_qty_is_the_sum_of_the_best_levels(book: Any) -> None:
    assert book.cumulative_qty("bid") == 4.0
    assert book.cumulative_qty("ask", 1) == 1.0
    assert book.cumulative_qty("ask", 0) == 0.0
    with pytest.warns(DeprecationWarning, match="use cumulative_qty"):
        assert book.cumulated_qty("ask", 1) == 1.0


def test_weighted_price_is_the_average_of_the_best_levels(book: Any) -> None:
    assert book.weighted_price("ask") == (101.0 + 309.0) / 4.0
    assert book.weighted_price("ask", 1) == 101.0
    assert book.weighted_price("bid", 0) is None


def test_levels_array_is_a_block_of_doubles(book: Any) -> None:
    array = book.levels_array("ask")
    assert (array.shape, array.format, array.readonly) == ((2, 2), "d", True)
    assert array.tolist() == [[101.0, 1.0], [103.0, 3.0]]
    assert book.levels_array("bid", 1).tolist() == [[99.0, 3.0]]


def test_an_empty_book_has_no_figures_and_is_true(empty: Any) -> None:
    assert empty.microprice is None
    assert empty.imbalance() is None
    assert empty.cumulative_qty("bid") == 0.0
    assert empty.weighted_price("bid") is None
    array = empty.levels_array("bid")
    assert (array.shape, array.format, array.tolist()) == ((0, 2), "d", [])
    assert len(empty) == 0
    assert empty


@pytest.mark.parametrize("name", ["levels_array", "cumulative_qty", "weighted_price"])
def test_a_side_must_be_bid_or_ask(book: Any, name: str) -> None:
    with pytest.raises(ValueError, match="side must be 'bid' or 'ask', not 'buy'"):
        getattr(book, name)("buy")


@pytest.mark.parametrize("name", ["levels_array", "cumulative_qty", "weighted_price"])
def test_a_depth_must_not_be_negative(book: Any, name: str) -> None:
    with pytest.raises(ValueError, match="depth must not be negative, not -1"):
        getattr(book, name)("bid", -1)


def test_a_live_book_that_is_not_valid_has_no_figures(core: Any) -> None:
    book = core.Engine().book("BTC/USD")
    for read in (
        lambda: book.microprice,
        book.imbalance,
        lambda: book.cumulative_qty("bid"),
        lambda: book.weighted_price("bid"),
        lambda: book.levels_array("bid"),
    ):
        with pytest.raises(RuntimeError, match="awaiting_snapshot"):
            read()
