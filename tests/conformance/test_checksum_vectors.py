"""The checksums that the documentation prints, and cases around the edges of its rule."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from benches.corpus import FIXTURES
from tests.oracle import OracleBook, book_message

from kraken_connector.exceptions import ChecksumError
from kraken_connector.models import BookData, BookLevel, Level3Data, Level3Order

VECTORS = FIXTURES / "vectors"


def vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


BTC = vector("book-btcusd-doc.json")
MATIC = vector("book-maticusd-doc-sequence.json")
LEVEL3 = vector("level3-btcusd-doc.json")
EDGES = vector("derived-edge-cases.json")["cases"]


def levels(rows: list[list[str]]) -> list[BookLevel]:
    return [BookLevel(Decimal(price), Decimal(qty)) for price, qty in rows]


def test_guide_example_fed_to_an_engine(core: Any) -> None:
    engine = core.Engine()
    (message,) = engine.feed(BTC["wire_message"])
    assert message.verified is True
    assert engine.book("BTC/USD").checksum() == BTC["expected_crc32"] == 3310070434


def test_guide_example_in_a_free_book(core: Any) -> None:
    book = core.OrderBook("BTC/USD")
    rows = BTC["bids_best_first"], BTC["asks_best_first"]
    book.apply_snapshot(BookData("BTC/USD", *map(levels, rows), checksum=3310070434))
    book.validate_checksum(3310070434)
    with pytest.raises(ChecksumError) as caught:
        book.validate_checksum(1)
    assert (caught.value.expected, caught.value.computed) == (1, 3310070434)


def test_reference_page_snapshot_then_update(core: Any) -> None:
    engine = core.Engine()
    verified = [engine.feed(frame)[-1].verified for frame in MATIC["wire_messages_reconstructed"]]
    assert verified == [True, True]
    assert engine.book("MATIC/USD").checksum() == 2114181697


def test_numbers_as_printed_are_padded_to_the_longest(core: Any) -> None:
    """The page lost trailing zeros; the longest number of the snapshot shows how many."""
    printed = MATIC["as_printed"]
    book = core.OrderBook("MATIC/USD")
    rows = levels(printed["bids_best_first"]), levels(printed["asks_best_first"])
    book.apply_snapshot(BookData("MATIC/USD", *rows, checksum=2439117997))
    assert (book.price_scale, book.qty_scale) == (4, 8)


def test_guide_example_of_level3_fed_to_an_engine(core: Any) -> None:
    engine = core.Engine()
    (message,) = engine.feed(LEVEL3["wire_message"])
    assert message.verified is True
    book = engine.level3("BTC/USD")
    assert book.checksum() == LEVEL3["expected_crc32"] == 1063832831
    for side in ("bid", "ask"):
        printed = LEVEL3[f"{side}s_best_first_queue_order"]
        assert [order.to_dict(exact=True) for order in book.orders(side)] == [
            {
                name: Decimal(text) if name[-3:] in ("ice", "qty") else text
                for name, text in o.items()
            }
            for o in printed
        ]
        assert len(book.levels(side)) == 10
    assert book.order_count == 35


def test_guide_example_of_level3_in_a_free_book(core: Any) -> None:
    book = core.Level3Book("BTC/USD")
    rows = (
        [Level3Order.from_dict(order) for order in LEVEL3[f"{side}_best_first_queue_order"]]
        for side in ("bids", "asks")
    )
    book.apply_snapshot(Level3Data("BTC/USD", *rows, checksum=1063832831))
    assert book.is_valid
    with pytest.raises(ChecksumError) as caught:
        book.validate_checksum(1)
    assert (caught.value.expected, caught.value.computed) == (1, 1063832831)


@pytest.mark.parametrize("case", EDGES, ids=lambda case: case["name"])
def test_edge_case(core: Any, case: Any) -> None:
    bids, asks = case["bids_best_first"], case["asks_best_first"]
    engine = core.Engine()
    (message,) = engine.feed(book_message("A/B", "snapshot", bids, asks, case["crc32"]))
    assert message.verified is True
    assert engine.book("A/B").checksum() == case["crc32"]


@pytest.mark.parametrize("case", EDGES, ids=lambda case: case["name"])
def test_oracle_agrees_with_the_edge_cases(case: Any) -> None:
    oracle = OracleBook(10)
    oracle.apply("bids", [tuple(row) for row in case["bids_best_first"]])
    oracle.apply("asks", [tuple(row) for row in case["asks_best_first"]])
    assert oracle.checksum() == case["crc32"]


def test_only_ten_levels_a_side_count(core: Any) -> None:
    bids = [[f"{100 - rank}.0", "1.0"] for rank in range(25)]
    whole, ten = core.OrderBook("A/B", 25), core.OrderBook("A/B", 25)
    whole.apply_snapshot(BookData("A/B", levels(bids), []))
    ten.apply_snapshot(BookData("A/B", levels(bids[:10]), []))
    assert whole.checksum() == ten.checksum()
