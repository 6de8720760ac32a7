"""No number of a book becomes infinite, whatever is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kraken_connector.models import BookData, BookLevel, InvalidFrameEvent, Level3Data, Level3Order

HUGE = [
    "1e999999999999",
    "1e-999999999999",
    "-1e400",
    "1e400",
    "1e40",
    "9" * 400,
    "0." + "0" * 400 + "1",
]
ROWS = {
    "book": '{"price":%s,"qty":%s}',
    "level3": '{"order_id":"OA","limit_price":%s,"order_qty":%s}',
}


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("channel", ROWS)
@pytest.mark.parametrize("is_price", [True, False])
def test_frame_is_refused(core: Any, channel: str, number: str, is_price: bool) -> None:
    engine = core.Engine()
    book = engine.book("A/B") if channel == "book" else engine.level3("A/B")
    row = ROWS[channel] % ((number, "1") if is_price else ("1", number))
    start = f'{{"channel":"{channel}","type":"snapshot","data":[{{"symbol":"A/B",'
    (event,) = engine.feed(f'{start}"bids":[{row}],"asks":[],"checksum":1}}]}}')
    assert isinstance(event, InvalidFrameEvent)
    assert (book.unverified(), book.is_valid) == (([], []), False)


@pytest.mark.parametrize("number", [*HUGE, "Infinity", "-Infinity", "NaN", "sNaN"])
@pytest.mark.parametrize("is_price", [True, False])
def test_rows_of_a_caller_are_refused(core: Any, number: str, is_price: bool) -> None:
    values: Any = [number, Decimal(1)] if is_price else [Decimal(1), number]
    for book, data in (
        (core.OrderBook("A/B"), BookData("A/B", [BookLevel(*values)], [])),
        (core.Level3Book("A/B"), Level3Data("A/B", [Level3Order("OA", *values, None)], [])),
    ):
        with pytest.raises(ValueError, match=r"(a number not below zero|too many digits)"):
            book.apply_snapshot(data)
        assert book.unverified() == ([], [])
