"""Wrong conclusions about orders, and questions that must not stay open: a test for each."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.ws.orders.bench import (
    BTC,
    WHOLE,
    Bench,
    ended,
    listed,
    new,
    pending,
    text_of,
    trade,
)

from kraken_connector.exceptions import OrderUnresolved

INF = float("inf")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def fills_of_others(count: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Return past fills of other orders."""
    return [
        trade(f"P{n}", f"E{n}", 0.1, order_status="filled", order_userref=9, **fields)
        for n in range(first, first + count)
    ]


# Snapshots.


def test_fill_without_a_name_in_a_snapshot_may_be_the_orders(bench: Bench) -> None:
    # Fills in snapshots were captured without cl_ord_id.
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.wait(20.0)
    fill = trade("O1", "E1", 1.0, order_status="filled", timestamp=text_of(bench.at(19.5)))
    bench.snapshot(fill)
    bench.wait(20.0)
    bench.snapshot(fill)
    bench.wait(1.0)
    assert order.status == "unknown"


@pytest.mark.parametrize("cut", ["socket", "gap"])
def test_snapshot_that_was_cut_off_proves_nothing(bench: Bench, cut: str) -> None:
    order = bench.open_order()
    bench.wait(1.0)
    # Its second part would have had the order.
    bench.snapshot(new("O9"))
    bench.orders.gap_began()
    bench.wait(3.0)
    assert order.status == "new"


def test_snapshot_in_parts_without_numbers_is_one_snapshot(bench: Bench) -> None:
    order = bench.open_order()
    bench.wait(1.0)
    bench.subscribe()
    for report in (new("O1", cl_ord_id="mine"), new("O9")):
        bench.hear(report, kind="snapshot", sequence=None)
    bench.wait(3.0)
    assert order.status == "new"


@pytest.mark.parametrize("fills_first", [True, False])
def test_fills_in_another_part_of_a_snapshot_count_once(bench: Bench, fills_first: bool) -> None:
    order = bench.open_order(qty=10.0)
    bench.hear(trade("O1", "E1", 4.0, cl_ord_id="mine", cum_qty=4.0, cum_cost=400.0))
    bench.orders.gap_began()
    bench.subscribe()
    parts = [
        [new("O1", cl_ord_id="mine", order_qty=10.0, cum_qty=9.0, cum_cost=900.0)],
        [trade("O1", "E2", 5.0, cl_ord_id="mine")],
    ]
    for index, part in enumerate(reversed(parts) if fills_first else parts):
        bench.hear(*part, kind="snapshot", sequence=index + 1)
    bench.wait(1.0)
    assert (order.cum_qty, order.cum_cost) == (9, 900)


def test_fill_that_is_reported_after_the_snapshot_counts_once(bench: Bench) -> None:
    # The snapshot was ahead of the stream.
    order = bench.open_order(qty=10.0)
    bench.snapshot(new("O1", cl_ord_id="mine", order_qty=10.0, cum_qty=5.0, cum_cost=500.0))
    bench.hear(trade("O1", "E1", 5.0, cl_ord_id="mine", cum_qty=5.0, cum_cost=500.0))
    bench.wait(1.0)
    assert (order.cum_qty, order.cum_cost) == (5, 500)


def test_fills_that_a_snapshot_left_out_are_missing_for_good(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.wait(20.0)
    fills = fills_of_others(50, timestamp=text_of(bench.at(0.5)))
    bench.snapshot(*fills)
    bench.wait(20.0)
    assert order.status == "unknown"
    # That these are known now proves nothing about earlier ones.
    bench.snapshot(*fills)
    bench.wait(1.0)
    assert order.status == "unknown"


def test_fill_after_a_gap_does_not_close_the_gap(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    fills = fills_of_others(50)
    # The stream goes on until it is subscribed again.
    bench.hear(fills[-1])
    bench.wait(20.0)
    bench.snapshot(*fills)
    bench.wait(20.0)
    bench.snapshot(*fills)
    bench.wait(1.0)
    assert not bench.orders.are_fills_complete
    assert order.status == "unknown"


def test_time_alone_does_not_show_that_the_stream_was_followed(bench: Bench) -> None:
    # The socket has been dead since before the order, which was not noticed yet.
    order = bench.unknown_order()
    bench.wait(10.0)
    bench.orders.resubscribing()
    # Nor is the end of the subscription answered: the socket is lost.
    bench.orders.gap_began()
    bench.wait(1.0)
    fills = fills_of_others(50, timestamp=text_of(bench.at(0.5)))
    bench.snapshot(*fills)
    bench.wait(10.0)
    bench.snapshot(*fills_of_others(50, 50, timestamp=text_of(bench.at(0.5))))
    bench.wait(1.0)
    assert order.status == "unknown"


def test_order_sent_while_the_stream_is_subscribed_again_is_not_followed(bench: Bench) -> None:
    bench.subscribe()
    order = bench.unknown_order()
    bench.hear(kind="snapshot", sequence=1)
    bench.wait(20.0)
    bench.hear(pending("P1", order_userref=9))
    assert order.status == "unknown"


def test_two_early_snapshots_prove_nothing_while_the_exchanges_clock_is_unknown() -> None:
    bench = Bench(is_followed=False)
    bench.clock.__init__()  # type: ignore[misc]
    bench.snapshot()
    bench.wait(1.0)
    order = bench.unknown_order()
    for _ in range(2):
        bench.orders.gap_began()
        bench.wait(3.1 if order.status == "unknown" else 0)
        bench.snapshot()
        bench.wait(0.6)
        bench.orders.gap_began()
        bench.snapshot()
        bench.wait(0.6)
        if bench.now < order.sent_at + 5.0:
            assert order.status == "unknown"


def test_fill_of_all_that_is_known_does_not_end_an_order_that_is_listed(bench: Bench) -> None:
    order = bench.open_order()
    bench.orders.gap_began()
    bench.subscribe()
    # Another program made it larger in the gap.
    shown = new("O1", cl_ord_id="mine", order_qty=3.0, cum_qty=1.0, order_status="partially_filled")
    bench.hear(trade("O1", "E1", 1.0, order_status="filled"), kind="snapshot", sequence=1)
    bench.hear(shown, kind="snapshot", sequence=2)
    bench.wait(1.0)
    assert order.status == "partially_filled"


def test_fill_without_a_name_is_remembered_when_newer_ones_have_pushed_it_out(
    bench: Bench,
) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.snapshot(trade("O1", "EX", 1.0, order_status="filled"), *fills_of_others(10))
    bench.wait(20.0)
    for first in (5, 30, 60):
        # Each has a fill that the one before had, so that none is missing.
        bench.snapshot(*fills_of_others(50, first))
        bench.wait(10.0)
    assert bench.orders.are_fills_complete
    assert order.status == "unknown"


def test_repeated_past_fill_does_not_open_an_order_that_is_gone(bench: Bench) -> None:
    order = bench.open_order()
    seen: list[str] = []
    bench.orders.gap_began()
    fill = trade("O1", "EX", 0.4, order_status="filled", cl_ord_id="mine")
    for _ in range(3):
        bench.snapshot(fill)
        bench.wait(1.0)
        bench.orders.on_change(lambda changed: seen.append(changed.status))
    assert (order.status, order.cum_qty) == ("gone", Decimal("0.4"))
    assert set(seen) <= {"gone"}


# Questions that end.


async def test_order_with_a_past_fill_that_leaves_it_open_is_settled(bench: Bench) -> None:
    order = bench.open_order()
    fill = trade("O1", "E1", 0.4, cl_ord_id="mine")
    bench.hear(fill)
    bench.orders.gap_began()
    # It was cancelled in the gap; its past fill has the status at the time of the fill.
    bench.snapshot(fill)
    bench.wait(1.0)
    assert bench.settle(fill) < 20
    with contextlib.suppress(OrderUnresolved):
        await order.wait_done(0.01)


def test_snapshots_that_never_came_do_not_count(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.wait(10.0)
    for _ in range(5):
        bench.subscribe()
        bench.orders.gap_began()
    bench.settle()
    assert order.status == "absent"


@pytest.mark.parametrize("params", [{"users": "all"}, {"snap_orders": False, "snap_trades": False}])
async def test_order_of_a_stream_without_snapshots_is_not_waited_for_without_end(
    params: dict[str, object],
) -> None:
    bench = Bench(is_followed=False)
    bench.orders.subscribing({**WHOLE, **params})
    order = bench.unknown_order()
    for _ in range(20):
        due = bench.orders.check_due()
        bench.wait(60.0 if due == INF else max(due - bench.now, 0.0))
        if due < INF:
            bench.orders.subscribing({**WHOLE, **params})
    with pytest.raises(OrderUnresolved):
        await order.wait_settled(0.01)


def test_answer_between_a_snapshot_and_its_end_does_not_hide_that_the_order_ended(
    bench: Bench,
) -> None:
    order = bench.unknown_order()
    bench.hear(pending("O1", cl_ord_id="mine"), new("O1", cl_ord_id="mine"))
    # It ends while the stream is subscribed again.
    bench.snapshot()
    bench.ack(order, "O1")
    bench.wait(1.0)
    bench.settle()
    assert order.status == "gone"


def test_late_answer_for_an_order_that_was_gone_does_not_open_it(bench: Bench) -> None:
    orders = [bench.send(None, order_userref=7, limit_price=price) for price in ("100.0", "101.0")]
    bench.snapshot(listed("O1", order_userref=7))
    for order in orders:
        bench.orders.outcome_unknown(order)
    bench.wait(10.0)
    bench.settle()
    # It ended in a gap, while its order was not known.
    bench.ack(orders[0], "O1")
    bench.settle()
    assert orders[0].status == "gone"


def test_two_snapshots_at_once_count_as_one(bench: Bench) -> None:
    order = bench.send("mine")
    bench.ack(order, "O1")
    bench.wait(7.0)
    for _ in range(2):
        bench.snapshot()
        bench.wait(0.5)
    # The snapshots were behind the answer.
    assert order.status == "pending_new"


def test_answer_to_an_amend_after_the_end_opens_no_question(bench: Bench) -> None:
    order = bench.open_order()
    change = bench.change(order, order_qty=3)
    bench.hear(ended("O1"))
    bench.orders.changed_by(order, change, bench.now_ns)
    assert bench.orders.check_due() == INF


def test_amend_without_a_reply_is_checked_beside_its_order(bench: Bench) -> None:
    order = bench.send("mine")
    bench.ack(order, "O1")
    change = bench.change(order, order_qty=3)
    bench.orders.change_unknown(order, change)
    bench.hear(pending("O1", cl_ord_id="mine"), new("O1", cl_ord_id="mine"))
    assert not bench.orders.exposure(BTC).is_certain
    bench.settle(new("O1", cl_ord_id="mine", order_qty=1.0))
    assert bench.orders.exposure(BTC).is_certain


def test_late_answer_for_an_order_with_past_fills_is_followed_by_a_question(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.snapshot(trade("O1", "E1", 1.0, order_status="filled"))
    bench.wait(1.0)
    bench.ack(order, "O1")
    bench.settle(trade("O1", "E1", 1.0, order_status="filled"))
    assert order.status == "filled"


# Which order a report is about.


def test_listener_of_a_tag_gets_fills_that_came_before_the_answer(bench: Bench) -> None:
    heard: list[str] = []
    bench.orders.on_fill(lambda order, fill: heard.append(fill.exec_id), tag="maker")
    order = bench.send("mine", tag="maker")
    bench.hear(trade("O1", "E1", 1.0))
    bench.ack(order, "O1")
    assert [fill.exec_id for fill in order.fills] == ["E1"]
    assert heard == ["E1"]
    assert bench.fills == [(order, "E1")]


def test_order_gets_past_fills_that_came_before_its_identifier(bench: Bench) -> None:
    order = bench.send("mine")
    bench.orders.gap_began()
    bench.snapshot(trade("O1", "E1", 1.0, order_status="filled"))
    bench.ack(order, "O1")
    assert order.cum_qty == 1


def test_report_of_an_order_that_was_there_before_is_not_of_a_new_one(bench: Bench) -> None:
    bench.hear(pending("O9", cl_ord_id="x"), new("O9", cl_ord_id="x"))
    bench.orders.gap_began()
    bench.snapshot()
    bench.wait(1.0)
    assert bench.orders["O9"].status == "gone"
    order = bench.send("x")
    # The report of its end comes late.
    bench.hear(ended("O9", cl_ord_id="x", cum_qty=0.5, cum_cost=50.0))
    assert (order.status, order.order_id, order.cum_qty) == ("sending", None, 0)


def test_refused_duplicate_is_not_the_order_that_has_the_name(bench: Bench) -> None:
    order = bench.send("x")
    # Another program was first.
    bench.hear(pending("O9", cl_ord_id="x"), new("O9", cl_ord_id="x"))
    bench.refuse(order, "EOrder:Invalid cl_ord_id")
    assert order.status == "rejected"
    assert not bench.orders["O9"].is_mine
    assert bench.orders["O9"].status == "new"
    assert bench.orders.exposure(BTC).open_buy == 1


def test_terms_of_another_order_are_undone(bench: Bench) -> None:
    order = bench.send("x", "1.0")
    bench.hear(pending("O9", 5.0, cl_ord_id="x"))
    bench.ack(order, "O1")
    other = bench.orders["O9"]
    assert (order.order_qty, other.order_qty) == (1, 5)
    assert bench.orders.exposure(BTC).open_buy == 6


def test_absent_order_does_not_hold_back_what_comes_later(bench: Bench) -> None:
    order = bench.unknown_order(None, order_userref=7)
    bench.orders.gap_began()
    bench.wait(20.0)
    bench.snapshot()
    bench.wait(20.0)
    bench.snapshot()
    bench.wait(1.0)
    assert order.status == "absent"
    bench.hear(pending("O9", 5.0, order_userref=7), new("O9", order_userref=7))
    assert bench.orders.exposure(BTC).open_buy == 5


def test_order_made_after_the_deadline_is_another_one(bench: Bench) -> None:
    order = bench.unknown_order(None, order_userref=7)
    bench.orders.gap_began()
    bench.wait(60.0)
    bench.hear(pending("O9", order_userref=7))
    assert order.order_id is None
    assert not bench.orders["O9"].is_mine


@pytest.mark.parametrize("is_answered", [False, True], ids=["sending", "unknown"])
def test_listed_order_without_a_name_that_ends_may_be_ours(bench: Bench, is_answered: bool) -> None:
    orders = [bench.send(None, order_userref=7, limit_price=price) for price in ("100.0", "101.0")]
    for order in orders if is_answered else ():
        bench.orders.outcome_unknown(order)
    bench.snapshot(listed("O1", order_userref=7))
    bench.wait(1.0)
    for order in () if is_answered else orders:
        bench.orders.outcome_unknown(order)
    bench.hear(trade("O1", "E1", 1.0, order_userref=7))
    bench.hear(ended("O1", "filled"))
    bench.settle(trade("O1", "E1", 1.0, order_status="filled", order_userref=7))
    assert orders[0].status != "absent"
    assert [fill.exec_id for fill in orders[0].fills] in ([], ["E1"])


def test_silence_proves_nothing_about_an_order_whose_reports_were_given_away(bench: Bench) -> None:
    orders = [bench.send(None, order_userref=7, limit_price=price) for price in ("100.0", "101.0")]
    bench.hear(pending("O1", order_userref=7))
    fill = trade("O1", "E1", 1.0, order_userref=7)
    bench.hear(fill)
    bench.hear(ended("O1", "filled"))
    for order in orders:
        bench.orders.outcome_unknown(order)
    bench.wait(10.0)
    bench.orders.resubscribing()
    bench.settle({**fill, "order_status": "filled"})
    bench.wait(10.0)
    bench.hear(pending("O9", order_userref=9))
    assert orders[0].status != "absent"


def test_listing_has_the_time_of_the_last_event(bench: Bench) -> None:
    order = bench.unknown_order(None, order_userref=7)
    bench.orders.gap_began()
    bench.wait(30.0)
    for _ in range(3):
        bench.snapshot(listed("O1", order_userref=7))
        bench.wait(10.0)
    assert order.status == "new"


def test_edit_that_was_not_carried_out_makes_no_order_later(bench: Bench) -> None:
    old = bench.open_order()
    change = bench.change(old, "edit_order", limit_price=101)
    bench.orders.change_unknown(old, change)
    bench.wait(60.0)
    bench.snapshot(new("O1", cl_ord_id="mine"))
    bench.wait(1.0)
    bench.hear(pending("O9", limit_price=101.0, order_userref=0))
    assert not bench.orders["O9"].is_mine
    assert old.replaced_by is None


def test_past_fill_from_after_an_incomplete_snapshot_is_not_what_that_lacked(
    bench: Bench,
) -> None:
    order = bench.open_order(qty=12.0)
    others = fills_of_others(50)
    bench.orders.gap_began()
    shown = new("O1", cl_ord_id="mine", order_qty=12.0, cum_qty=10.0, cum_cost=1000.0)
    # The fills of these ten were pushed out.
    bench.snapshot(shown, *others)
    bench.wait(5.0)
    assert order.cum_qty == 10
    bench.wait(2.0)
    bench.orders.gap_began()
    bench.snapshot(trade("O1", "EX", 2.0, order_status="filled"), *others[:49])
    bench.wait(1.0)
    assert (order.cum_qty, order.status) == (12, "filled")


# Exposure.


@pytest.mark.parametrize("is_answered", [False, True], ids=["pending", "unknown"])
@pytest.mark.parametrize("method", ["amend_order", "edit_order"])
def test_exposure_counts_what_a_change_may_have_made(
    bench: Bench, method: str, is_answered: bool
) -> None:
    order = bench.open_order()
    change = bench.change(order, method, order_qty=3)
    if is_answered:
        bench.orders.change_unknown(order, change)
    exposure = bench.orders.exposure(BTC)
    assert exposure.buy >= 3
    assert not exposure.is_certain


def test_exposure_counts_what_an_edit_makes_when_the_old_order_has_ended(bench: Bench) -> None:
    order = bench.open_order()
    change = bench.change(order, "edit_order", order_qty=3)
    bench.hear(ended("O1"))
    assert bench.orders.exposure(BTC).buy >= 3
    bench.orders.change_unknown(order, change)
    assert bench.orders.exposure(BTC).buy >= 3


@pytest.mark.parametrize("qty", [2, None])
def test_order_that_was_perhaps_made_larger_is_not_filled(bench: Bench, qty: int | None) -> None:
    order = bench.open_order()
    for requested in (qty, 6):
        if requested is not None:
            change = bench.change(order, order_qty=requested)
            bench.orders.change_unknown(order, change)
    if qty is not None:
        amended = {"order_id": "O1", "exec_type": "amended", "order_status": "new"}
        bench.hear({**amended, "order_qty": 2.0})
    bench.orders.gap_began()
    # It was cancelled in the gap.
    bench.snapshot(trade("O1", "E1", float(qty or 1), order_status="filled", cl_ord_id="mine"))
    bench.wait(1.0)
    assert order.status == "gone"


def test_snapshot_from_before_an_amend_does_not_undo_it(bench: Bench) -> None:
    order = bench.open_order()
    bench.subscribe()
    change = bench.change(order, order_qty=3)
    bench.orders.changed_by(order, change, bench.now_ns)
    bench.hear(listed("O1", cl_ord_id="mine"), kind="snapshot", sequence=1)
    assert bench.orders.exposure(BTC).buy >= 3
    amended = {"order_id": "O1", "exec_type": "amended", "order_status": "new"}
    bench.hear({**amended, "order_qty": 3.0})
    assert bench.orders.exposure(BTC).open_buy == 3


def test_late_report_of_an_amend_does_not_undo_the_one_after_it(bench: Bench) -> None:
    order = bench.open_order()
    for qty in (2, 3):
        change = bench.change(order, order_qty=qty)
        bench.orders.changed_by(order, change, bench.now_ns)
    amended = {"order_id": "O1", "exec_type": "amended", "order_status": "new"}
    bench.hear({**amended, "order_qty": 2.0})
    assert bench.orders.exposure(BTC).buy >= 3
    bench.hear({**amended, "order_qty": 3.0})
    assert order.order_qty == 3
