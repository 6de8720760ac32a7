"""Amends that overtake each other, and whose answers or reports are late or lost.

Messages of one socket may take different routes to the engine (docs.kraken.com, FIX introduction),
and answers may come in another order than the engine's: only reports show which amend was last.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.ws.orders.bench import BTC, Bench, ended, listed, pending, trade

from kraken_connector.ws.orders import Order
from kraken_connector.ws.orders.order import Change


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def order(bench: Bench) -> Order:
    return bench.open_order()


def amended(qty: float, **fields: Any) -> dict[str, Any]:
    """Return the report of an amend (captured: it has quantity and price)."""
    report = {"order_id": "O1", "exec_type": "amended", "order_status": "new"}
    return {**report, "order_qty": qty, "limit_price": 100.0, **fields}


def unanswered(bench: Bench, order: Order, qty: float) -> Change:
    """Send an amend whose answer is late or lost."""
    change = bench.change(order, order_qty=qty)
    bench.orders.change_unknown(order, change)
    return change


def answer(bench: Bench, *changes: Change) -> None:
    """Receive the answers to amends."""
    for change in changes:
        bench.orders.changed_by(change.order, change, bench.now_ns)


def can_buy(bench: Bench) -> tuple[Decimal, bool]:
    """Return the most that can be bought, and whether that is certain."""
    exposure = bench.orders.exposure(BTC)
    return exposure.buy, exposure.is_certain


# Late answers.


def test_late_answer_to_an_amend_does_not_undo_the_one_that_was_reported_after_it(
    bench: Bench, order: Order
) -> None:
    first = unanswered(bench, order, 3)
    bench.hear(amended(3.0))
    second = unanswered(bench, order, 5)
    answer(bench, first)
    assert can_buy(bench) == (5, False)
    bench.hear(amended(5.0))
    assert can_buy(bench) == (5, True)
    answer(bench, second)
    assert (order.order_qty, can_buy(bench)) == (5, (5, True))


def test_late_answer_to_an_amend_does_not_undo_a_snapshot_after_its_deadline(
    bench: Bench, order: Order
) -> None:
    first = unanswered(bench, order, 6)
    bench.wait_for_check()
    second = bench.change(order, order_qty=7)
    bench.snapshot(listed("O1", 7.0, cl_ord_id="mine"))
    answer(bench, second, first)
    assert (order.order_qty, can_buy(bench)) == (7, (7, True))


def test_order_is_not_filled_up_to_the_quantity_of_an_earlier_amend(
    bench: Bench, order: Order
) -> None:
    first = unanswered(bench, order, 7)
    bench.hear(amended(7.0))
    second = bench.change(order, order_qty=8)
    answer(bench, second)
    bench.hear(amended(8.0))
    answer(bench, first)
    bench.orders.gap_began()
    # It was cancelled in the gap.
    bench.complete_snapshot(trade("O1", "E1", 7.0, order_status="filled"))
    assert (order.status, order.order_qty) == ("gone", 8)


@pytest.mark.parametrize("is_reported", [True, False])
def test_order_that_a_late_answer_seemed_to_cut_is_filled(
    bench: Bench, order: Order, is_reported: bool
) -> None:
    first = unanswered(bench, order, 2)
    # It is carried out first, and its report is lost.
    bench.hear(amended(5.0), trade("O1", "E1", 3.0))
    answer(bench, first)
    assert (order.order_qty, can_buy(bench)) == (3, (2, False))
    bench.change(order, order_qty=6)
    fills = [trade("O1", name, 3.0, order_status="filled") for name in ("E1", "E2")]
    if is_reported:
        bench.hear(amended(6.0))
    else:
        bench.settle(listed("O1", 6.0, cum_qty=3.0), fills[0])
    assert can_buy(bench)[0] == 3
    bench.orders.gap_began()
    bench.complete_snapshot(*fills)
    assert order.status == "filled"


def test_answer_to_an_amend_that_was_reported_does_not_undo_a_later_report(
    bench: Bench, order: Order
) -> None:
    change = bench.change(order, order_qty=7)
    bench.hear(amended(7.0))
    # Another program amends it.
    bench.hear(amended(4.0))
    assert can_buy(bench) == (4, True)
    answer(bench, change)
    assert can_buy(bench) == (4, True)


def test_report_of_an_amend_without_an_answer_settles_it(bench: Bench, order: Order) -> None:
    unanswered(bench, order, 3)
    assert not order.is_certain
    bench.hear(amended(3.0))
    assert order.is_certain
    assert bench.orders.check_due() == float("inf")


# Amends that overtake each other.


@pytest.mark.parametrize("reports", [(3.0, 7.0), (7.0, 3.0)])
@pytest.mark.parametrize("is_first_answered_last", [False, True])
def test_amends_that_were_under_way_together_count_until_both_are_reported(
    bench: Bench, order: Order, reports: tuple[float, ...], is_first_answered_last: bool
) -> None:
    changes = [unanswered(bench, order, qty) for qty in (7, 3)]
    answer(bench, *(reversed(changes) if is_first_answered_last else changes))
    assert can_buy(bench)[0] == 7
    bench.hear(amended(reports[0]))
    assert can_buy(bench)[0] == 7
    bench.hear(amended(reports[1]))
    assert can_buy(bench) == (Decimal(reports[1]), True)
    assert order.order_qty == Decimal(reports[1])


def test_report_after_a_lost_one_may_have_the_terms_in_force(bench: Bench, order: Order) -> None:
    unanswered(bench, order, 7)
    second = bench.change(order, order_qty=3)
    answer(bench, second)
    # The second was the first to be carried out, and its report is lost.
    bench.orders.gap_began()
    bench.hear(amended(7.0), sequence=9)
    assert can_buy(bench) == (7, False)
    bench.wait(4.0)
    bench.complete_snapshot(listed("O1", 7.0, cl_ord_id="mine"))
    assert (order.order_qty, can_buy(bench)) == (7, (7, True))


def test_report_before_the_answer_may_have_the_terms_in_force(bench: Bench, order: Order) -> None:
    unanswered(bench, order, 7)
    second = bench.change(order, order_qty=3)
    bench.hear(amended(7.0))
    # The second may have been carried out before, in a gap.
    answer(bench, second)
    assert can_buy(bench) == (7, False)
    bench.hear(amended(3.0))
    assert can_buy(bench) == (3, True)


def test_one_report_is_not_that_of_two_amends_with_the_same_terms(
    bench: Bench, order: Order
) -> None:
    for qty in (7, 3, 7):
        unanswered(bench, order, qty)
    bench.hear(amended(7.0), amended(3.0))
    assert (order.order_qty, can_buy(bench)) == (3, (7, False))
    bench.hear(amended(7.0))
    assert can_buy(bench) == (7, True)


def test_late_reports_of_amends_there_and_back_end_with_the_last(
    bench: Bench, order: Order
) -> None:
    for qty in (5, 3, 5):
        answer(bench, bench.change(order, order_qty=qty))
    for qty in (5.0, 3.0, 5.0):
        bench.hear(amended(qty))
        assert (order.order_qty, can_buy(bench)[0]) == (5, 5)
    assert bench.orders.check_due() == float("inf")


def test_report_is_rather_that_of_an_answered_amend_than_of_a_pending_one(
    bench: Bench, order: Order
) -> None:
    for qty in (5, 3):
        answer(bench, bench.change(order, order_qty=qty))
    third = bench.change(order, order_qty=5)
    bench.hear(amended(5.0), amended(3.0))
    assert (order.order_qty, can_buy(bench)) == (3, (5, False))
    answer(bench, third)
    bench.hear(amended(5.0))
    assert can_buy(bench) == (5, True)


def test_report_of_an_amend_settles_those_answered_before_it_was_sent(
    bench: Bench, order: Order
) -> None:
    # Its report is lost.
    answer(bench, bench.change(order, order_qty=7))
    unanswered(bench, order, 5)
    bench.hear(amended(5.0))
    assert (order.order_qty, can_buy(bench)) == (5, (5, True))


def test_snapshot_on_its_way_does_not_settle_an_amend_that_is_answered_meanwhile(
    bench: Bench, order: Order
) -> None:
    unanswered(bench, order, 7)
    second = bench.change(order, order_qty=3)
    bench.wait_for_check()
    bench.orders.resubscribing()
    bench.subscribe()
    answer(bench, second)
    bench.hear(listed("O1", 7.0, cl_ord_id="mine"), kind="snapshot", sequence=1)
    # It is from before the second amend, or the first one was the later one.
    assert (order.order_qty, can_buy(bench)) == (3, (7, False))
    bench.settle(listed("O1", 7.0, cl_ord_id="mine"))
    assert (order.order_qty, can_buy(bench)) == (7, (7, True))


@pytest.mark.parametrize("is_edited_first", [True, False])
def test_edit_without_a_quantity_may_have_the_largest_that_its_order_had(
    bench: Bench, order: Order, is_edited_first: bool
) -> None:
    if is_edited_first:
        bench.change(order, "edit_order", limit_price=99)
    unanswered(bench, order, 7)
    if not is_edited_first:
        bench.change(order, "edit_order", limit_price=99)
    assert can_buy(bench)[0] >= 7
    bench.hear(trade("O1", "E1", 0.5), ended("O1"))
    assert can_buy(bench) == (Decimal("6.5"), False)


# Which order a report is about.


def test_fill_of_more_than_the_last_answer_said_is_of_the_order(bench: Bench) -> None:
    order = bench.unknown_order()
    answer(bench, *[unanswered(bench, order, qty) for qty in (7, 3)])
    bench.hear(trade("O1", "E1", 5.0, cl_ord_id="mine"))
    assert (order.order_id, order.cum_qty) == ("O1", 5)


def test_quantity_that_was_reported_of_another_order_does_not_count(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.hear(pending("O1", cl_ord_id="mine"), amended(9.0))
    bench.hear(pending("O1", cl_ord_id="mine", side="sell"))
    assert (order.order_id, order.order_qty) == (None, 1)
    bench.change(order, order_qty=2)
    assert can_buy(bench) == (2, False)


# Amends one after the other.


def test_amend_is_certain_with_its_answer_when_the_one_before_was_reported(
    bench: Bench, order: Order
) -> None:
    for qty in (7, 5, 3):
        answer(bench, bench.change(order, order_qty=qty))
        assert can_buy(bench) == (qty, True)
        bench.hear(amended(qty))
        assert can_buy(bench) == (qty, True)


@pytest.mark.parametrize("is_followed", [True, False])
def test_amends_one_after_the_other_are_certain_with_their_answers(is_followed: bool) -> None:
    bench = Bench(is_followed=is_followed)
    order = bench.open_order()
    for qty in (7, 5, 3):
        answer(bench, bench.change(order, order_qty=qty))
        assert can_buy(bench) == (qty, True)
    if not is_followed:
        assert len(order._awaited) == 1
