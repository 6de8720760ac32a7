"""Free books: the same calls give the same content, states and exceptions on both cores."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import native_core
from tests.parity import pictures

from kraken_connector import _pure as pure
from kraken_connector.models import BookData, BookLevel

numbers = st.one_of(
    st.integers(0, 40).map(lambda tick: Decimal(tick) / 2),
    st.decimals(0, 10**6, places=4),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from(["1.50", "1e-3", "1E+2", "-1", "x", "", "9" * 38, "0." + "0" * 37 + "1", "01"]),
    st.integers(-1, 10**20),
    st.floats(0, 1e6),
)
levels = st.lists(st.builds(BookLevel, numbers, numbers), max_size=6)
usual = st.builds(
    BookLevel,
    st.integers(1, 40).map(lambda tick: Decimal(tick).scaleb(-1)),
    st.integers(0, 3).map(lambda lots: Decimal(lots).scaleb(-2)),
)
data = st.builds(
    BookData,
    st.just("A/B"),
    st.lists(usual, max_size=12) | levels,
    st.lists(usual, max_size=12) | levels,
    st.none() | st.integers(0, 2**32) | st.just(0),
    st.none() | st.just("2026-01-01T00:00:00Z"),
)
calls = st.one_of(
    st.tuples(st.sampled_from(["apply_snapshot", "apply_update"]), data),
    st.tuples(st.just("validate_checksum"), st.integers(-1, 2**33)),
    st.tuples(st.just("levels"), st.sampled_from(["bid", "ask", "buy", ""]), st.integers(-2, 12)),
)


def of_call(book: Any, name: str, *args: Any) -> Any:
    return repr(pictures.outcome(getattr(book, name), *args)), pictures.of_book(book)


@given(st.integers(-1, 12), st.lists(calls, max_size=12))
def test_free_book(depth: int, steps: list[Any]) -> None:
    ours = pictures.outcome(native_core().OrderBook, "A/B", depth)
    reference = pictures.outcome(pure.OrderBook, "A/B", depth)
    if reference[0] == "raised":
        assert ours == reference
        return
    for step in steps:
        assert of_call(ours[1], *step) == of_call(reference[1], *step)
