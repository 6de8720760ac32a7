"""Results of the trading methods, in every documented or captured shape, without an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.models import trading_results as results
from kraken_connector.models.trading_results import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllOrdersAfterResult,
    EditOrderResult,
    pair_rows,
)

RESULTS: list[Any] = [getattr(results, name) for name in results.__all__ if name.endswith("Result")]
TEXTS = ["order_id", "cl_ord_id", "amend_id", "original_order_id", "error", "status"]
NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:01:00Z"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*TEXTS, "orders", "count", "warnings", "currentTime", "success"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(json_values)
def test_no_result_raises_and_each_field_is_of_its_type(result: Any) -> None:
    for cls in RESULTS:
        typed = cls.from_dict(result)
        for row in [typed, *getattr(typed, "orders", [])]:
            for name in TEXTS:
                value = getattr(row, name, None)
                assert value is None or (type(value) is str and value)
            for name in ("count", "order_userref"):
                assert type(getattr(row, name, None)) in (int, type(None))
        assert cls.from_dict(typed.to_dict()) == typed


@pytest.mark.parametrize("wrong", [["O1"], {"a": 1}, 5, 1.5, True, "", None])
def test_identifier_is_a_text_or_none(wrong: Any) -> None:
    assert AddOrderResult.from_dict({"order_id": wrong}) == AddOrderResult()
    assert EditOrderResult.from_dict({"order_id": wrong, "original_order_id": "O1"}) == (
        EditOrderResult(None, "O1")
    )
    assert AmendOrderResult.from_dict({"amend_id": wrong, "order_id": "O1"}) == (
        AmendOrderResult("O1")
    )


@pytest.mark.parametrize("key", ["count", "orders_cancelled"])
def test_count_is_an_integer_or_none(key: str) -> None:
    assert BatchCancelResult.from_dict({key: 3}).count == 3
    for wrong in ("3", 3.0, True, [3], None):
        assert BatchCancelResult.from_dict({key: wrong}).count is None


@pytest.mark.parametrize("cls", [AddOrderResult, AmendOrderResult, EditOrderResult])
def test_empty_identifier_of_a_validated_order_is_none(cls: Any) -> None:
    result = cls.from_dict({"order_id": "", "original_order_id": ""})
    assert result.order_id is None
    assert result.to_dict().get("order_id") is None


# The dead man's switch.


@pytest.mark.parametrize(
    "names", [("currentTime", "triggerTime"), ("current_time", "trigger_time")]
)
def test_switch_is_read_in_both_spellings(names: tuple[str, str]) -> None:
    result = CancelAllOrdersAfterResult.from_dict(dict(zip(names, (NOW, LATER), strict=True)))
    assert result == CancelAllOrdersAfterResult(NOW, LATER)
    assert result.is_armed
    assert result.to_dict() == {"currentTime": NOW, "triggerTime": LATER}


@pytest.mark.parametrize(
    "end", ["0", None, NOW, "2025-12-31T23:59:59Z", "", "soon", 0, [LATER], {}]
)
def test_switch_is_off_unless_its_end_is_ahead(end: Any) -> None:
    result = CancelAllOrdersAfterResult.from_dict({"currentTime": NOW, "triggerTime": end})
    assert not result.is_armed


@pytest.mark.parametrize("begin", [None, "now", 5])
def test_switch_without_a_readable_time_counts_as_off(begin: Any) -> None:
    result = CancelAllOrdersAfterResult.from_dict({"currentTime": begin, "triggerTime": LATER})
    assert not result.is_armed


# Batches.


def rows(*plain: dict[str, Any]) -> list[AddOrderResult]:
    return BatchAddResult.from_dict(list(plain)).orders


def test_rows_of_a_partly_placed_batch() -> None:
    placed, refused = rows({"order_id": "O1", "cl_ord_id": "a"}, {"error": "EOrder:x"})
    assert placed.is_placed
    assert not placed.is_refused
    assert refused.is_refused
    assert not refused.is_placed


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"cl_ord_id": "a"},
        {"cl_ord_id": "a", "status": "queued"},
        {"order_id": ["O1"], "status": "ok"},
        {"order_id": "O1", "error": "EOrder:x"},
        {"order_id": "O1", "success": False},
        {"error": ["EOrder:x"]},
        None,
        "O1",
    ],
)
def test_row_that_proves_nothing_is_neither_placed_nor_refused(row: Any) -> None:
    (read,) = BatchAddResult.from_dict([row]).orders
    assert not read.is_placed
    assert not read.is_refused


def test_row_may_say_success_instead_of_an_error() -> None:
    named, silent = rows({"success": False, "status": "no funds"}, {"success": False})
    assert (named.error, silent.error) == ("no funds", "refused without a reason")
    assert BatchAddResult([named, silent]).rejected == {0: "no funds", 1: silent.error}


def test_status_may_be_the_error() -> None:
    (row,) = rows({"status": "EOrder:Insufficient funds"})
    assert (row.is_refused, row.error) == (True, "EOrder:Insufficient funds")


@pytest.mark.parametrize("shape", [lambda rows: rows, lambda rows: {"orders": rows}])
def test_batch_is_an_array_or_an_object(shape: Any) -> None:
    assert len(BatchAddResult.from_dict(shape([{}, {}])).orders) == 2


def paired(answer: list[dict[str, Any]], *names: str | int | None) -> list[str | None]:
    """The `order_id` or `error` that goes to each order."""
    found = pair_rows(rows(*answer), names)
    return [None if row is None else row.order_id or row.error or "" for row in found]


A, B, C = ({"order_id": name.upper(), "cl_ord_id": name} for name in "abc")
BAD = {"error": "E"}
X = {"order_id": "X", "cl_ord_id": "x"}
UUID = "2c6be801-1f53-4f79-a0bb-4ea1c95dfae9"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([A, B, C], ["A", "B", "C"]),
        ([C, A, B], ["A", "B", "C"]),
        ([{"order_id": "1"}, {"order_id": "2"}, BAD], ["1", "2", "E"]),
        ([A, BAD, C], ["A", "E", "C"]),
        ([BAD, BAD, C], ["E", "E", "C"]),
        # Out of order: the one remaining row belongs to the one remaining order.
        ([B, A, BAD], ["A", "B", "E"]),
        ([B, BAD, A], ["A", "B", "E"]),
        # Several do not.
        ([B, BAD, BAD], [None, "B", None]),
        # Rows are missing, or too many: the order of rows proves nothing.
        ([A], ["A", None, None]),
        ([BAD], [None, None, None]),
        ([A, BAD], ["A", None, None]),
        ([A, B, C, BAD], ["A", "B", "C"]),
        ([], [None, None, None]),
        # Unknown names, and a name twice.
        ([X, BAD, C], [None, None, "C"]),
        ([A, A, BAD], [None, None, None]),
        ([A, B, X], ["A", "B", None]),
    ],
)
def test_rows_go_by_name_first(answer: list[dict[str, Any]], expected: list[str | None]) -> None:
    assert paired(answer, "a", "b", "c") == expected


def test_rows_of_orders_without_a_name_go_by_index() -> None:
    assert paired([{"order_id": "1"}, A, {"order_id": "2"}], None, "a", None) == ["1", "A", "2"]
    assert paired([A, {"order_id": "1"}, {"order_id": "2"}], None, "a", None) == [None, "A", None]


FIRST, SECOND = ({"order_id": f"N{n}", "order_userref": n} for n in (1, 2))
UNNUMBERED = {"order_id": "N0", "order_userref": 0}


@pytest.mark.parametrize(
    ("answer", "numbers", "expected"),
    [
        ([SECOND, FIRST], [1, 2], ["N1", "N2"]),
        ([FIRST, BAD], [1, 2], ["N1", "E"]),
        # Orders may share a number; their rows are in order if the others are.
        ([FIRST, FIRST | {"order_id": "S"}, SECOND], [1, 1, 2], ["N1", "S", "N2"]),
        ([SECOND, FIRST, FIRST], [1, 1, 2], [None, None, "N2"]),
        # The number 0 is none.
        ([UNNUMBERED, SECOND], [None, 2], ["N0", "N2"]),
        ([UNNUMBERED, SECOND], [0, 2], ["N0", "N2"]),
        # An unknown number.
        ([SECOND, FIRST], [1, 3], ["N1", None]),
        ([SECOND, FIRST], [None, 1], [None, "N1"]),
    ],
)
def test_rows_go_by_number_where_there_is_one(
    answer: list[dict[str, Any]], numbers: list[int | None], expected: list[str | None]
) -> None:
    assert paired(answer, *numbers) == expected


def test_name_may_come_back_in_another_spelling() -> None:
    answer = [{"order_id": "U", "cl_ord_id": UUID.upper().replace("-", "")}, A]
    assert paired(answer, "a", UUID) == ["A", "U"]
