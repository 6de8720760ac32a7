"""The rules of a book of individual orders, one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kraken_connector.exceptions import ChecksumError
from kraken_connector.models import Level3Data, Level3Order, QueuePosition

PRICE = "10.0"


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000000000Z"


def order(
    order_id: str,
    qty: str = "1.0",
    second: int | str | None = 0,
    event: str | None = None,
    price: str = PRICE,
) -> Level3Order:
    timestamp = at(second) if isinstance(second, int) else second
    return Level3Order(order_id, Decimal(price), Decimal(qty), timestamp, event)  # type: ignore[arg-type]


def data(*bids: Level3Order, asks: Any = (), checksum: int | None = None) -> Level3Data:
    return Level3Data("A/B", list(bids), list(asks), checksum)


@pytest.fixture
def book(core: Any) -> Any:
    """Three orders at one price."""
    book = core.Level3Book("A/B")
    book.apply_snapshot(data(order("OA", "1.0", 1), order("OB", "2.0", 2), order("OC", "4.0", 3)))
    return book


def ids(book: Any, side: str = "bid") -> list[str]:
    return [order.order_id for order in book.orders(side)]


def counts(book: Any) -> dict[str, int]:
    """Return what was counted beside the snapshot."""
    return {k: n for k, n in book.event_counts.items() if n and not k.startswith("snapshot")}


def test_snapshot_shows_orders_and_levels(book: Any) -> None:
    assert book.orders("bid") == [
        order("OA", "1.0", 1),
        order("OB", "2.0", 2),
        order("OC", "4.0", 3),
    ]
    assert book.orders("ask") == []
    assert book.levels("bid") == book.bids == [(Decimal(PRICE), Decimal("7.0"))]
    assert book.best_bid == (Decimal(PRICE), Decimal("7.0"))
    assert (book.best_ask, book.top_of_book(), len(book), book.order_count) == (None, None, 1, 3)
    assert book.is_valid
    assert counts(book) == {}
    assert book.event_counts["snapshot"] == 3


def test_digits_are_those_of_the_wire(book: Any) -> None:
    (first, *_) = book.orders("bid")
    assert (str(first.limit_price), str(first.order_qty)) == ("10.0", "1.0")
    assert str(book.queue_position("OC").qty_ahead) == "3.0"


@pytest.mark.parametrize("levels", [0, 1, 2, 3, None])
def test_orders_of_the_best_levels(core: Any, levels: int | None) -> None:
    book = core.Level3Book("A/B")
    rows = [order(f"O{number}", price=f"{9 - number // 2}.0") for number in range(6)]
    book.apply_snapshot(data(*rows))
    assert ids(book) == ["O0", "O1", "O2", "O3", "O4", "O5"]
    wanted = 6 if levels is None else 2 * levels
    assert [o.order_id for o in book.orders("bid", levels)] == ids(book)[:wanted]


def test_queue_position(book: Any) -> None:
    assert book.queue_position("OA") == QueuePosition(0, Decimal(0), 3, Decimal(7))
    assert book.queue_position("OC") == QueuePosition(2, Decimal(3), 3, Decimal(7))
    assert book.queue_position("OX") is None


def test_queue_position_moves_up_as_others_leave_or_shrink(book: Any) -> None:
    book.apply_update(data(order("OA", event="delete"), order("OB", "0.5", 2, "modify")))
    assert book.queue_position("OC") == QueuePosition(1, Decimal("0.5"), 2, Decimal("4.5"))


def test_order_by_its_id(book: Any) -> None:
    assert book.order("OB") == order("OB", "2.0", 2)
    assert book.order("OX") is None


def test_snapshot_lists_queues_by_priority(core: Any) -> None:
    book = core.Level3Book("A/B")
    book.apply_snapshot(data(order("OA", second=3), order("OB", second=1), order("OC", second=3)))
    assert ids(book) == ["OA", "OB", "OC"]
    assert (book.event_counts["snapshot"], book.event_counts["snapshot_older"]) == (2, 1)


@pytest.mark.parametrize(
    ("second", "kind"),
    [(0, "add_older"), (2, "add_older"), (3, "add"), (9, "add"), (None, "add"), ("soon", "add")],
)
def test_added_order_goes_to_the_back(book: Any, second: Any, kind: str) -> None:
    book.apply_update(data(order("OX", second=second, event="add")))
    assert ids(book) == ["OA", "OB", "OC", "OX"]
    assert counts(book) == {kind: 1}


def test_without_a_timestamp_an_order_is_as_old_as_the_last(book: Any) -> None:
    book.apply_update(data(order("OX", second=None, event="add"), order("OY", "1.0", 3, "add")))
    assert counts(book) == {"add": 2}
    assert book.order("OX").timestamp is None


def test_the_same_moment_in_another_spelling_is_the_same_timestamp(book: Any) -> None:
    book.apply_update(data(order("OA", "5.0", "2026-01-01T01:00:01.0+01:00", "modify")))
    assert ids(book) == ["OA", "OB", "OC"]
    assert counts(book) == {"modify": 1}
    assert book.order("OA").timestamp == "2026-01-01T01:00:01.0+01:00"


@pytest.mark.parametrize("second", [1, None, "yesterday"])
def test_modify_with_its_old_timestamp_or_none_keeps_the_priority(book: Any, second: Any) -> None:
    book.apply_update(data(order("OA", "0.25", second, "modify")))
    assert ids(book) == ["OA", "OB", "OC"]
    assert book.levels("bid") == [(Decimal(PRICE), Decimal("6.25"))]
    assert book.order("OA").timestamp == (at(1) if second in (1, None) else second)
    assert counts(book) == {"modify": 1}


@pytest.mark.parametrize(
    ("qty", "second", "kind", "position"),
    [
        ("0.5", 8, "modify_lowered", 0),
        ("0.5", 0, "modify_lowered", 0),
        ("1.0", 8, "modify_raised", 2),
        ("9.0", 8, "modify_raised", 2),
        ("9.0", 0, "modify_raised", 2),
    ],
)
def test_amended_order_keeps_its_priority_if_its_quantity_is_lowered(
    book: Any, qty: str, second: int, kind: str, position: int
) -> None:
    book.apply_update(data(order("OA", qty, second, "modify")))
    assert ids(book).index("OA") == position
    assert book.order("OA") == order("OA", qty, second)
    assert counts(book) == {kind: 1}


@pytest.mark.parametrize(("second", "position"), [(1, 1), (6, 1), (None, 1)])
def test_modify_with_another_price_moves_the_order(book: Any, second: Any, position: int) -> None:
    book.apply_update(data(order("OX", "1.0", 5, "add", "9.0")))
    book.apply_update(data(order("OA", "3.0", second, "modify", "9.0")))
    assert [o.order_id for o in book.orders("bid")[-2:]].index("OA") == position
    assert book.levels("bid") == [(Decimal(10), Decimal(6)), (Decimal(9), Decimal(4))]
    assert counts(book) == {"add": 1, "modify_moved": 1}


def test_modify_on_the_other_side_moves_the_order(book: Any) -> None:
    book.apply_update(data(asks=[order("OA", "1.0", 1, "modify", "11.0")]))
    assert (ids(book), ids(book, "ask")) == (["OB", "OC"], ["OA"])
    assert counts(book) == {"modify_moved": 1}


def test_a_level_whose_last_order_moves_is_gone(book: Any) -> None:
    moves = [order(name, "1.0", 1, "modify", "9.5") for name in ("OA", "OB", "OC")]
    book.apply_update(data(*moves))
    assert book.levels("bid") == [(Decimal("9.5"), Decimal(3))]


def test_add_of_a_known_order_replaces_it(book: Any) -> None:
    book.apply_update(data(asks=[order("OB", "5.0", 9, "add", "12.0")]))
    assert (ids(book), ids(book, "ask")) == (["OA", "OC"], ["OB"])
    assert counts(book) == {"add_known": 1}
    assert book.order_count == 3


@pytest.mark.parametrize("event", ["modify", "delete"])
def test_what_is_not_in_the_book_is_ignored_and_counted(book: Any, event: str) -> None:
    before = book.unverified_orders()
    book.apply_update(data(order("OX", event=event)))
    assert book.unverified_orders() == before
    assert counts(book) == {f"{event}_unknown": 1}


def test_delete_needs_the_id_alone(book: Any) -> None:
    gone = Level3Order("OB", None, None, None, "delete")  # type: ignore[arg-type]
    book.apply_update(data(asks=[gone]))
    assert ids(book) == ["OA", "OC"]
    assert counts(book) == {"delete": 1}


@pytest.mark.parametrize("event", ["add", "modify"])
def test_an_order_without_quantity_is_not_in_the_book(book: Any, event: str) -> None:
    book.apply_update(data(order("OB", "0.0", 2, event)))
    assert ids(book) == ["OA", "OC"]
    assert counts(book) == {"empty": 1}


def test_an_empty_level_is_gone(book: Any) -> None:
    book.apply_update(data(*(order(name, event="delete") for name in ("OB", "OA", "OC"))))
    assert (book.levels("bid"), book.order_count, book.best_bid) == ([], 0, None)


@pytest.mark.parametrize("event", ["amend", "", None])
def test_an_unknown_event_is_ignored_and_counted(book: Any, event: str | None) -> None:
    before = book.unverified_orders()
    odd = Level3Order("OA", Decimal(1), Decimal(1), at(1), event)
    book.apply_update(data(odd))
    assert book.unverified_orders() == before
    assert counts(book) == {"unknown_event": 1}


def test_only_orders_of_a_snapshot_count(core: Any) -> None:
    book = core.Level3Book("A/B")
    rows = (order("OA"), order("OB", event="add"), order("OC", event="modify"))
    book.apply_snapshot(data(*rows, order("OD", event="delete")))
    assert ids(book) == ["OA", "OB"]
    assert book.event_counts["unknown_event"] == 2


def test_entries_apply_in_order(book: Any) -> None:
    book.apply_update(
        data(
            order("OX", "1.0", 5, "add", "9.0"),
            order("OX", "3.0", 5, "modify", "9.0"),
            order("OX", event="delete"),
            order("OX", "2.0", 7, "add", "8.0"),
            order("OA", event="delete"),
            asks=[order("OX", "2.0", 8, "add", "12.0")],
        )
    )
    assert (ids(book), ids(book, "ask")) == (["OB", "OC"], ["OX"])


def test_the_cut_counts_levels_and_forgets_their_orders(core: Any) -> None:
    book = core.Level3Book("A/B", depth=10)
    rows = [order(f"O{n:02}", price=f"{19 - n // 2}.0", second=n) for n in range(20)]
    book.apply_snapshot(data(*rows))
    book.apply_update(data(order("OX", second=59, event="add", price="10.5")))
    assert ids(book) == [*(f"O{n:02}" for n in range(18)), "OX"]
    assert (book.order("O18"), book.order_count) == (None, 19)
    book.apply_update(data(order("O18", event="delete"), order("O19", event="modify")))
    assert counts(book) == {"add": 1, "delete_unknown": 1, "modify_unknown": 1}


def test_a_level_that_leaves_and_comes_back_within_a_message_is_not_cut(core: Any) -> None:
    book = core.Level3Book("A/B", depth=10)
    book.apply_snapshot(data(*(order(f"O{n}", price=f"{10 - n}.0") for n in range(10))))
    book.apply_update(data(order("OX", event="add", price="11.0"), order("OX", event="delete")))
    assert ids(book) == [f"O{n}" for n in range(10)]


def test_more_decimals_widen_the_book(book: Any) -> None:
    book.apply_update(data(order("OX", "0.125", 9, "add", "9.25")))
    assert (book.price_scale, book.qty_scale) == (2, 3)
    assert [str(o.order_qty) for o in book.orders("bid")] == ["1.000", "2.000", "4.000", "0.125"]
    assert str(book.bids) == str(
        [(Decimal("10.00"), Decimal("7.000")), (Decimal("9.25"), Decimal("0.125"))]
    )


@pytest.mark.parametrize(
    "huge", [order("OX", "1e30", 9, "add"), order("OX", "1", 9, "add", "1" + 29 * "0" + ".0")]
)
def test_a_number_out_of_range_changes_nothing(book: Any, huge: Level3Order) -> None:
    before = book.unverified_orders()
    with pytest.raises(ValueError, match="too many digits"):
        book.apply_update(data(order("OA", event="delete"), huge))
    assert book.unverified_orders() == before
    assert counts(book) == {}


def test_widening_that_does_not_fit_changes_nothing(core: Any) -> None:
    book = core.Level3Book("A/B")
    book.apply_snapshot(data(order("OA", "9e28", 1)))
    with pytest.raises(ValueError, match="too many digits"):
        book.apply_update(data(order("OX", "0.01", 9, "add")))
    assert (book.qty_scale, ids(book)) == (0, ["OA"])


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        (order("OX", "-1.0", event="add"), "order_qty"),
        (order("OX", event="add", price="NaN"), "limit_price"),
    ],
)
def test_what_is_no_number_is_refused_by_name(book: Any, odd: Level3Order, field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be a number not below zero"):
        book.apply_update(data(odd))


def test_the_kinds_in_a_failed_message_are_blamed(book: Any) -> None:
    with pytest.raises(ChecksumError) as caught:
        book.apply_update(
            Level3Data(
                "A/B",
                [order("OA", "0.5", 1, "modify"), order("OA", "0.4", 1, "modify")],
                [order("OX", event="delete")],
                checksum=1,
            )
        )
    assert (caught.value.symbol, caught.value.expected) == ("A/B", 1)
    blamed = {kind: count for kind, count in book.mismatch_counts.items() if count}
    assert blamed == {"modify": 1, "delete_unknown": 1}
    assert counts(book) == {"modify": 2, "delete_unknown": 1}
    assert (book.state, book.mismatch_count) == ("awaiting_snapshot", 1)


def test_counts_are_copies_and_stay_over_snapshots(book: Any) -> None:
    book.event_counts["add"] = 7
    book.apply_update(data(order("OX", event="add")))
    book.apply_snapshot(data())
    assert counts(book) == {"add_older": 1}
    assert book.event_counts.keys() == book.mismatch_counts.keys()


def test_long_ids_and_timestamps_are_kept_whole(core: Any) -> None:
    book = core.Level3Book("A/B")
    long_id, long_time = "O" + "x" * 90, "2026-01-01T00:00:00." + "1" * 60 + "Z"
    book.apply_snapshot(data(order(long_id, second=long_time), order(long_id + "y", second=1)))
    assert book.order(long_id) == order(long_id, second=long_time)
    assert ids(book) == [long_id, long_id + "y"]


def test_arguments_of_orders_are_checked(book: Any) -> None:
    with pytest.raises(ValueError, match="'bid' or 'ask'"):
        book.orders("buy")
    with pytest.raises(ValueError, match="levels must not be negative, not -1"):
        book.orders("bid", -1)


def test_repr_and_truth(core: Any) -> None:
    book = core.Level3Book("A/B", depth=100)
    assert repr(book) == "Level3Book(symbol='A/B', depth=100, state='awaiting_snapshot')"


def test_to_dict_is_that_of_a_snapshot(book: Any) -> None:
    book.apply_update(data(order("OX", "0.5", None, "add")))
    rows = [*book.orders("bid")]
    expected = Level3Data("A/B", rows, [], book.checksum())
    assert rows[-1].timestamp is None
    assert book.to_dict() == expected.to_dict()
    assert repr(book.to_dict(exact=True)) == repr(expected.to_dict(exact=True))
    assert book
    assert not book.is_live
