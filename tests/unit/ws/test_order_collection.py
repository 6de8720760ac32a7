"""The state of orders after replies and reports, without a connection."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ws.orders.bench import (
    BTC,
    EPOCH,
    SECOND,
    Bench,
    ended,
    listed,
    new,
    pending,
    text_of,
    trade,
)

from kraken_connector.exceptions import (
    OrderCheckFailed,
    OrderNotFilled,
    OrderUnresolved,
    TradingError,
)
from kraken_connector.ws.base.exchange_clock import ExchangeClock
from kraken_connector.ws.orders import Order, executions, known
from kraken_connector.ws.orders.evidence import FRAME_PAUSE, SNAPSHOT_PAUSE

FIXTURES = Path(__file__).parents[2] / "fixtures"
#: The exchange's time when a test begins.
START = EPOCH + 1000 * SECOND


@pytest.fixture
def bench() -> Bench:
    return Bench(is_followed=False, has_times=False)


@pytest.mark.parametrize("late", ["pending_new", "new"])
def test_report_that_comes_late_does_not_set_an_order_back(bench: Bench, late: str) -> None:
    bench.hear(trade("O1", "T1", 0.5))
    bench.hear({"order_id": "O1", "exec_type": late, "order_status": late, "order_qty": 1.0})
    order = bench.orders["O1"]
    assert (order.status, order.order_qty) == ("partially_filled", Decimal("1.0"))


def test_late_answer_brings_back_an_order_that_counted_as_absent(bench: Bench) -> None:
    bench.complete_snapshot()
    order = bench.unknown_order()
    bench.wait(10)
    bench.complete_snapshot()
    assert order.status == "absent"
    bench.ack(order, "O1")
    assert (order.status, order.reason) == ("pending_new", None)
    assert bench.orders["O1"] is order
    assert order in bench.orders.open()


def test_order_of_this_client_with_the_same_number_is_no_obstacle(bench: Bench) -> None:
    bench.complete_snapshot()
    known, unknown = (bench.send(order_userref=7) for _ in range(2))
    bench.ack(known, "O1")
    bench.orders.outcome_unknown(unknown)
    bench.wait(10)
    bench.complete_snapshot(new("O1", order_userref=7, symbol=BTC, side="buy"))
    assert (known.status, unknown.status) == ("new", "absent")


@pytest.mark.parametrize("is_gap", [True, False])
def test_order_whose_reports_waited_through_a_gap_is_checked(bench: Bench, is_gap: bool) -> None:
    bench.complete_snapshot()
    order = bench.send(order_userref=7)
    bench.hear(trade("O1", "T1", 1.0, order_userref=7))
    if is_gap:
        # The report of its end was lost in the gap.
        bench.orders.gap_began()
        bench.complete_snapshot()
    bench.ack(order, "O1")
    assert (order.order_id, order.status) == ("O1", "partially_filled")
    assert (bench.orders.check_due() < float("inf")) is is_gap
    if is_gap:
        bench.wait_for_check()
        bench.complete_snapshot()
        assert order.status == "filled"
        assert bench.orders.check_due() == float("inf")


def test_only_so_much_is_kept_back_for_one_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "HELD_BACK", 2)
    orders = [bench.send(order_userref=7) for _ in range(2)]
    for number in range(3):
        bench.hear(trade("O1", f"T{number}", 0.1, order_userref=7))
    assert [held for _, held in bench.orders._held.values()] != []
    assert len(bench.orders._held["O1"][1]) == 2
    bench.ack(orders[0], "O1")
    # No fill is lost by that.
    assert [fill.exec_id for fill in orders[0].fills] == ["T0", "T1", "T2"]
    assert orders[0].cum_qty == Decimal("0.3")


def test_only_the_last_fills_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "FILLS_KEPT", 2)
    for number in range(3):
        bench.hear(trade("O1", f"T{number}", 0.1))
    assert [fill.exec_id for fill in bench.orders.fills] == ["T1", "T2"]
    assert bench.orders["O1"].cum_qty == Decimal("0.3")


def test_name_that_is_reported_later_finds_the_order(bench: Bench) -> None:
    bench.hear(trade("O1", "T1", 0.5))
    bench.hear(new("O1", cl_ord_id="mine"))
    assert bench.orders["mine"] is bench.orders["O1"]


def test_order_of_a_snapshot_counts_as_new(bench: Bench) -> None:
    """Its stamp need not be that of its last amend, and a young order costs more."""
    seen_ns = int(bench.now * SECOND)
    bench.complete_snapshot(new("O1", timestamp=text_of(START - 60 * SECOND)))
    assert bench.orders["O1"].aged_from_ns == seen_ns


def test_average_is_the_exchanges_if_it_sent_one(bench: Bench) -> None:
    bench.hear(trade("O1", "T1", 0.5, cum_qty=0.5, cum_cost=50.0, avg_price=100.01))
    order = bench.orders["O1"]
    assert order.avg_price == Decimal("100.01")
    bench.hear(trade("O1", "T2", 0.5))
    assert order.avg_price == 100


def test_what_remains_is_never_negative(bench: Bench) -> None:
    bench.hear(new("O1", order_qty=1.0), trade("O1", "T1", 0.5))
    order = bench.orders["O1"]
    assert order.remaining_qty == Decimal("0.5")
    bench.hear({"order_id": "O1", "exec_type": "amended", "order_qty": 0.25})
    assert order.remaining_qty == 0


async def test_order_that_was_filled_in_part_was_open(bench: Bench) -> None:
    bench.hear(trade("O1", "T1", 0.5), ended("O1"))
    bench.hear(ended("O2"))
    assert await bench.orders["O1"].wait_open() is bench.orders["O1"]
    with pytest.raises(OrderNotFilled, match="canceled"):
        await bench.orders["O2"].wait_open()


@pytest.mark.parametrize("end", ["canceled", "expired", "filled"])
def test_kind_of_a_report_decides_whether_an_order_has_ended(bench: Bench, end: str) -> None:
    bench.hear(new("O1"), {"order_id": "O1", "exec_type": end, "order_status": "new"})
    assert bench.orders["O1"].status == end


# Documented and captured frames.


def test_documented_reports_of_one_order(bench: Bench) -> None:
    for line in (FIXTURES / "examples/executions.update.jsonl").read_text().splitlines():
        bench.receive(line)
    (order,) = bench.orders
    assert (order.symbol, order.side, order.order_type) == (BTC, "sell", "limit")
    assert (order.order_qty, order.limit_price) == (Decimal("0.005"), Decimal("26500.0"))
    assert order.order_userref == 3
    # All of it is filled, and only a later report shows that it has ended.
    assert (order.status, order.remaining_qty) == ("partially_filled", 0)
    assert (order.cum_cost, order.avg_price) == (Decimal("132.9995"), Decimal("26599.9"))
    (fill,) = order.fills
    assert fill.fees == (("USD", Decimal("0.3458")),)
    bench.hear(ended(order.order_id, "filled"))
    assert order.status == "filled"


def test_captured_reports_of_one_order(bench: Bench) -> None:
    frames = (FIXTURES / "observed/user-data.jsonl").read_text().splitlines()
    for frame in frames[:6]:
        bench.receive(frame)
    order = bench.orders["b17c7bb34d000200"]
    assert order is bench.orders["OVN7VD-7VYHS-APBKHA"]
    assert (order.status, order.reason) == ("canceled", "User requested")
    assert (order.order_qty, order.limit_price) == (Decimal("0.00005000"), Decimal("81818.0"))
    assert order.amended_ns is not None
    assert order.cum_qty == 0


def test_observed_past_fills_make_no_orders(bench: Bench) -> None:
    frames = (FIXTURES / "observed/user-data.jsonl").read_text().splitlines()
    (snapshot,) = [f for f in frames if '"executions"' in f and "B1Y0D9-6JIJG-W1IB7L" in f]
    bench.subscribe()
    bench.receive(snapshot)
    bench.receive(snapshot)
    assert len(bench.orders) == 0
    assert [fill.exec_id for fill in bench.orders.fills] == [
        "B1Y0D9-6JIJG-W1IB7L",
        "0CVSSH-KVM0J-TCXLSQ",
    ]


# Reports.


def test_report_before_the_ack(bench: Bench) -> None:
    order = bench.send("mine")
    bench.hear(new("O1", cl_ord_id="mine"), trade("O1", "E1", 0.4, cum_qty=0.4, cum_cost=40.0))
    bench.ack(order, "O1", "mine")
    assert (order.status, order.cum_qty) == ("partially_filled", Decimal("0.4"))
    assert bench.orders["O1"] is bench.orders["mine"] is order


def test_reports_of_a_number_wait_for_the_acks(bench: Bench) -> None:
    bench.complete_snapshot()
    first, second = bench.send(order_userref=7), bench.send(order_userref=7)
    bench.hear(new("O2", order_userref=7), trade("O1", "E1", 0.4, order_userref=7, cum_qty=0.4))
    assert (first.status, second.status) == ("sending", "sending")
    bench.ack(second, "O2")
    assert (first.status, second.status) == ("sending", "new")
    bench.ack(first, "O1")
    assert (first.cum_qty, second.cum_qty) == (Decimal("0.4"), 0)
    assert len(bench.orders) == 2


@pytest.mark.parametrize(
    ("report", "is_found"),
    [
        (listed("O1", order_userref=7), True),
        (new("O1", order_userref=7), False),
        (listed("O1", order_userref=7, limit_price=99.0), False),
    ],
)
def test_number_without_an_answer_is_found_by_all_terms_of_the_order(
    bench: Bench, report: dict[str, Any], is_found: bool
) -> None:
    bench.complete_snapshot()
    order = bench.unknown_order(None, order_userref=7)
    bench.hear(report)
    assert (order.order_id == "O1") is is_found
    assert order.status == ("new" if is_found else "unknown")


def test_number_of_several_without_answers_stays_unknown_but_is_tracked(bench: Bench) -> None:
    bench.complete_snapshot()
    first, second = bench.send(order_userref=7), bench.send(order_userref=7)
    bench.hear(listed("O1", order_userref=7))
    bench.orders.outcome_unknown(first)
    bench.orders.outcome_unknown(second)
    assert (first.status, second.status) == ("unknown", "unknown")
    bench.wait(60)
    bench.complete_snapshot(listed("O1", order_userref=7))
    stranger = bench.orders["O1"]
    assert (first.status, second.status, stranger.status) == ("unknown", "unknown", "new")
    assert "the same identifier" in (first.reason or "")
    bench.ack(second, "O1")
    assert (second.status, bench.orders["O1"]) == ("new", second)
    assert stranger not in list(bench.orders)


def test_report_that_comes_late_sets_nothing_back(bench: Bench) -> None:
    late = new("O1", timestamp=text_of(START), limit_price=90.0)
    bench.hear(late)
    bench.hear(
        {
            "order_id": "O1",
            "exec_type": "amended",
            "order_status": "partially_filled",
            "limit_price": 95.0,
            "cum_qty": 0.5,
            "timestamp": text_of(START + SECOND),
        }
    )
    bench.hear(late, {**late, "cum_qty": 0.2})
    order = bench.orders["O1"]
    assert (order.status, order.limit_price) == ("partially_filled", Decimal("95.0"))
    assert order.cum_qty == Decimal("0.5")


def test_ended_order_stays_ended(bench: Bench) -> None:
    bench.hear(ended("O1"))
    bench.hear(new("O1"), ended("O1", "expired"))
    assert bench.orders["O1"].status == "canceled"


def test_unknown_statuses_show_only_that_the_order_exists(bench: Bench) -> None:
    order = bench.send("mine")
    bench.hear(
        {"order_id": "O1", "exec_type": "pondered", "order_status": "dreamt", "cl_ord_id": "mine"}
    )
    assert (order.status, order.order_id) == ("new", "O1")
    bench.hear({"order_id": "O1", "exec_type": "restated", "order_qty": 0.5, "reason": "why"})
    assert (order.status, order.order_qty, order.reason) == ("new", Decimal("0.5"), "why")


@pytest.mark.parametrize(
    "wrong",
    [
        {"exec_type": "trade", "exec_id": "E1", "last_qty": 0},
        {"exec_type": "trade", "exec_id": "E1", "last_qty": -0.5},
        {"exec_type": "trade", "exec_id": "E1", "last_qty": 0.5, "cum_qty": -0.5},
        {"exec_type": "restated", "order_qty": -1},
        {"exec_type": "status", "order_status": "new", "cum_cost": -1},
        {"exec_type": "status", "order_status": "new", "display_qty": -1},
    ],
)
def test_quantity_that_cannot_be_is_no_news(bench: Bench, wrong: dict[str, Any]) -> None:
    bench.hear(new("O1", order_qty=1.0))
    order = bench.orders["O1"]
    with pytest.raises(ValueError, match="report of O1 has"):
        bench.hear({"order_id": "O1", **wrong})
    if wrong["exec_type"] != "trade":
        with pytest.raises(ValueError, match="a report of O1 has"):
            bench.hear({"order_id": "O1", **wrong}, kind="snapshot")
    with pytest.raises(ValueError, match="report of O1 has"):
        bench.hear(trade("O1", "E2", 0.25), {"order_id": "O1", **wrong})
    assert (order.cum_qty, order.order_qty, order.fills) == (0, 1, [])


@pytest.mark.parametrize("kind", ["snapshot", "update"])
@pytest.mark.parametrize("row", [{}, {"cum_qty": 3.0}, {"order_id": "", "exec_type": "new"}])
def test_report_without_an_order_is_not_skipped(
    bench: Bench, row: dict[str, Any], kind: str
) -> None:
    bench.hear(new("O1", order_qty=1.0))
    with pytest.raises(ValueError, match="must have an order_id"):
        bench.hear(new("O2", order_qty=1.0), row, kind=kind)
    assert [order.order_id for order in bench.orders] == ["O1"]


def test_fill_without_totals_adds_up(bench: Bench) -> None:
    bench.hear(new("O1", order_qty=1.0))
    bench.hear(trade("O1", "E1", 0.25), trade("O1", "E1", 0.25), trade("O1", "E2", 0.5))
    order = bench.orders["O1"]
    assert (order.cum_qty, order.cum_cost, order.avg_price) == (Decimal("0.75"), 75, 100)


def test_repeated_fill_is_the_same_fill(bench: Bench) -> None:
    bench.hear(trade("O1", "E1", 0.5, cum_qty=0.5, last_price=100.0))
    (fill,) = bench.orders.fills
    bench.hear(trade("O1", "E1", 0.7, cum_qty=0.5, last_price=90.0))
    assert bench.orders["O1"].fills == bench.orders.fills == [fill]
    assert bench.orders["O1"].cum_qty == Decimal("0.5")


def test_uuid_may_come_back_in_another_spelling(bench: Bench) -> None:
    order = bench.send("6D1B345E-2821-40E2-AD83-4ECB18A06876")
    bench.hear(new("O1", cl_ord_id="6d1b345e282140e2ad834ecb18a06876"))
    assert order.order_id == "O1"


def test_name_can_be_used_again(bench: Bench) -> None:
    first = bench.send("mine")
    bench.orders.refused(first, TradingError("no"))
    second = bench.send("mine")
    bench.hear(new("O1", cl_ord_id="mine"))
    assert (first.status, second.status) == ("rejected", "new")
    assert bench.orders["mine"] is second


def test_edit_reply_may_come_before_the_report(bench: Bench) -> None:
    bench.hear(new("O1", symbol=BTC, side="buy"))
    bench.orders.replaced(bench.orders["O1"], "O2", None)
    order = bench.orders["O2"]
    assert order.replaces is bench.orders["O1"]
    bench.hear(new("O2", limit_price=99.0))
    assert (order.status, order.symbol, order.limit_price) == ("new", BTC, Decimal("99.0"))


def test_all_users_stream_has_no_snapshot_to_decide(bench: Bench) -> None:
    bench.complete_snapshot(users="all")
    bench.hear(new("O1", user="AA"))
    bench.orders.gap_began()
    bench.complete_snapshot(users="all")
    assert bench.orders["O1"].is_open
    assert bench.orders["O1"].user == "AA"
    assert not bench.orders.is_current


def test_snapshot_without_orders_ends_none(bench: Bench) -> None:
    bench.hear(new("O1"))
    bench.complete_snapshot(snap_orders=False)
    assert bench.orders["O1"].is_open


def test_snapshot_is_not_complete_while_the_connection_stands_still(bench: Bench) -> None:
    bench.complete_snapshot(new("O1"), new("O2"))
    bench.subscribe()
    bench.hear(new("O1"), kind="snapshot")
    heard = bench.now
    for _ in range(100):
        bench.now = bench.orders.deadline()
        bench.orders.tick(heard)
    assert bench.now > heard + 9
    assert bench.orders["O2"].is_open
    bench.orders.tick(bench.now)
    bench.wait(FRAME_PAUSE)
    assert bench.orders["O2"].status == "gone"


def test_second_part_of_a_snapshot_ends_nothing(bench: Bench) -> None:
    bench.complete_snapshot(new("O1"), new("O2"), new("O3"))
    bench.subscribe()
    bench.hear(new("O1"), kind="snapshot")
    bench.wait(SNAPSHOT_PAUSE / 2)
    bench.hear(new("O2"), kind="snapshot", sequence=2)
    bench.wait(SNAPSHOT_PAUSE / 2)
    assert len(bench.orders.open()) == 3
    bench.wait(SNAPSHOT_PAUSE)
    assert [order.order_id for order in bench.orders.open()] == ["O1", "O2"]
    assert bench.orders["O3"].status == "gone"


def test_snapshot_that_was_not_requested_begins_anew(bench: Bench) -> None:
    bench.complete_snapshot(new("O1"), new("O2"))
    bench.hear(new("O2"), kind="snapshot", sequence=1)
    bench.wait(SNAPSHOT_PAUSE)
    assert (bench.orders["O1"].status, bench.orders["O2"].status) == ("gone", "new")


def test_order_that_was_acknowledged_after_the_question_is_not_ended_by_the_answer(
    bench: Bench,
) -> None:
    order = bench.send("mine")
    bench.subscribe()
    bench.ack(order, "O1")
    bench.hear(kind="snapshot")
    bench.wait(SNAPSHOT_PAUSE)
    assert order.status == "pending_new"
    # No more reports arrive: they were lost in the gap.
    bench.wait_for_check()
    bench.complete_snapshot(trade("O1", "E1", 1.0, order_status="filled"))
    assert (order.status, order.cum_qty) == ("filled", Decimal("1.0"))
    assert bench.orders.check_due() == float("inf")


def test_order_that_only_an_answer_spoke_of_is_gone_after_two_snapshots(bench: Bench) -> None:
    """A snapshot may be as far behind the answers as the stream is."""
    bench.complete_snapshot()
    order = bench.send("mine")
    bench.ack(order, "O1")
    bench.wait_for_check()
    bench.complete_snapshot()
    assert order.status == "pending_new"
    bench.wait_for_check()
    bench.complete_snapshot()
    assert order.status == "gone"


# Unknown outcomes.


@pytest.mark.parametrize("seconds", [5.0, 30.0])
def test_absence_is_proved_by_a_snapshot_after_the_deadline(bench: Bench, seconds: float) -> None:
    bench.complete_snapshot()
    order = bench.send("mine", seconds=seconds)
    bench.wait(1)
    bench.orders.outcome_unknown(order)
    assert 1 + bench.wait_for_check() == pytest.approx(seconds + 2.5, abs=0.01)
    bench.complete_snapshot()
    assert order.status == "absent"
    assert bench.orders.check_due() == float("inf")


def test_snapshot_before_the_deadline_proves_nothing(bench: Bench) -> None:
    bench.complete_snapshot()
    order = bench.unknown_order()
    bench.wait(7)
    bench.complete_snapshot()
    assert order.status == "unknown"


def test_after_a_gap_two_snapshots_prove_absence(bench: Bench) -> None:
    bench.complete_snapshot()
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.wait_for_check()
    bench.complete_snapshot()
    assert order.status == "unknown"
    bench.wait_for_check()
    bench.complete_snapshot()
    assert order.status == "absent"


@pytest.mark.parametrize(("after", "status"), [(7.4, "unknown"), (7.6, "absent")])
def test_report_made_after_the_deadline_proves_absence(
    bench: Bench, after: float, status: str
) -> None:
    bench.complete_snapshot(new("O9"))
    order = bench.unknown_order()
    bench.wait(after)
    bench.hear(trade("O9", "E9", 0.1, timestamp=text_of(bench.now_ns)))
    assert order.status == status
    assert (bench.orders.check_due() == float("inf")) is (status == "absent")


def test_report_after_a_gap_proves_no_absence(bench: Bench) -> None:
    bench.complete_snapshot(new("O9"))
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.complete_snapshot(new("O9"))
    bench.wait(10)
    bench.hear(trade("O9", "E9", 0.1, timestamp=text_of(bench.now_ns)))
    assert order.status == "unknown"


def test_without_the_exchanges_time_nothing_is_past_a_deadline(bench: Bench) -> None:
    bench.clock = bench.orders._exchange = ExchangeClock()
    bench.complete_snapshot()
    order = bench.unknown_order()
    assert bench.wait_for_check() == pytest.approx(62.5)
    bench.complete_snapshot()
    assert order.status == "unknown"
    bench.learn()
    for _ in range(2):
        assert order.status == "unknown"
        bench.wait_for_check()
        bench.complete_snapshot()
    assert order.status == "absent"


@pytest.mark.parametrize(
    ("fill", "status"),
    [
        ({"cl_ord_id": "mine"}, "filled"),
        ({"cl_ord_id": "other"}, "absent"),
        ({"order_userref": 3}, "absent"),
        ({"side": "sell"}, "absent"),
        ({"symbol": "ETH/USD"}, "absent"),
        ({"timestamp": text_of(START - 60 * SECOND)}, "absent"),
        ({}, "unknown"),
        ({"order_userref": 0}, "unknown"),
    ],
)
def test_fill_of_an_order_that_is_not_known(
    bench: Bench, fill: dict[str, Any], status: str
) -> None:
    bench.complete_snapshot()
    order = bench.unknown_order()
    bench.wait(10)
    bench.complete_snapshot(trade("O1", "E1", 1.0, order_status="filled", **fill))
    assert order.status == status


@pytest.mark.parametrize(("oldest", "status"), [(-60, "absent"), (1, "unknown")])
def test_full_snapshot_proves_only_what_it_reaches_back_to(
    bench: Bench, oldest: int, status: str
) -> None:
    order = bench.unknown_order()
    bench.wait(10)
    fills = [
        trade(f"O{i}", f"E{i}", 0.1, cl_ord_id="other", timestamp=text_of(START + i * SECOND))
        for i in (oldest, *range(2, 51))
    ]
    for _ in range(2):
        # The stream was not followed when it was sent, so one alone proves nothing.
        assert order.status == "unknown"
        bench.complete_snapshot(*fills)
        bench.wait(10)
    assert order.status == status


def test_fill_that_was_known_shows_that_none_is_missing(bench: Bench) -> None:
    """A maker with many fills: no snapshot reaches back to the order, but the stream did."""
    stamps = [text_of(START + i * SECOND) for i in range(60)]
    fills = [trade("O9", f"E{i}", 0.1, cl_ord_id="other", timestamp=stamps[i]) for i in range(60)]
    bench.complete_snapshot(new("O9", cl_ord_id="other"))
    order = bench.unknown_order()
    bench.hear(*fills[:20])
    bench.orders.gap_began()
    for _ in range(2):
        bench.wait(10)
        bench.complete_snapshot(new("O9", cl_ord_id="other"), *fills[10:60])
    assert order.status == "absent"
    assert bench.orders.are_fills_complete


def test_gap_with_more_fills_than_a_snapshot_has_is_reported(bench: Bench) -> None:
    fills = [trade("O9", f"E{i}", 0.1, cl_ord_id="other") for i in range(60)]
    bench.complete_snapshot(new("O9", cl_ord_id="other"))
    bench.hear(*fills[:5])
    bench.orders.gap_began()
    bench.complete_snapshot(new("O9", cl_ord_id="other", cum_qty=6.0), *fills[10:60])
    assert not bench.orders.are_fills_complete
    assert bench.orders["O9"].cum_qty == 6


async def test_snapshots_are_requested_with_growing_pauses_and_not_for_ever(bench: Bench) -> None:
    bench.complete_snapshot()
    order = bench.unknown_order()
    bench.orders.gap_began()
    waiting = asyncio.ensure_future(order.wait_settled())
    await asyncio.sleep(0)
    waits, last = [], bench.now
    while bench.orders.check_due() < float("inf"):
        assert not waiting.done()
        bench.wait_for_check()
        waits.append(round(bench.now - last, 1))
        last = bench.now
        bench.complete_snapshot(snap_trades=False)
        await asyncio.sleep(0)
    assert waits == [7.5, 2.5, 5, 10, 20]
    assert "snap_trades" in (order.reason or "")
    with pytest.raises(OrderUnresolved, match="snap_trades"):
        await waiting
    with pytest.raises(OrderUnresolved, match="snap_trades"):
        await order.wait_done()


# Bounds of memory.


def test_orders_at_their_end_are_forgotten_at_last(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "DONE_KEPT", 3)
    bench.complete_snapshot()
    for i in range(10):
        bench.hear(new(f"O{i}", cl_ord_id=f"name-{i}"))
    assert len(bench.orders) == 10
    for i in range(9):
        bench.hear(ended(f"O{i}"))
    assert [order.order_id for order in bench.orders] == ["O6", "O7", "O8", "O9"]
    assert "name-0" not in bench.orders
    assert "O0" not in bench.orders


def test_without_a_stream_old_orders_are_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "DONE_KEPT", 3)
    for i in range(10):
        order = bench.send(f"name-{i}")
        bench.ack(order, f"O{i}")
    assert len(bench.orders) == 3
    assert bench.orders.check_due() < float("inf")
    assert len(bench.orders._questions) == 3


def test_listener_that_fails_ends_nothing(bench: Bench) -> None:
    seen: list[Order] = []
    bench.orders.on_change(lambda _: 1 / 0)
    end = bench.orders.on_change(seen.append)
    bench.hear(new("O1"))
    end()
    bench.hear(new("O2"))
    assert [order.order_id for order in seen] == ["O1"]


# Announced orders.


@pytest.mark.parametrize("is_first", [True, False])
def test_order_that_was_only_announced_is_checked_when_its_answer_is_missing(
    bench: Bench, is_first: bool
) -> None:
    bench.complete_snapshot()
    order = bench.send("mine")
    if is_first:
        bench.hear(pending("O1", cl_ord_id="mine"))
    bench.orders.outcome_unknown(order)
    if not is_first:
        bench.hear(pending("O1", cl_ord_id="mine"))
    assert order.status == "pending_new"
    bench.wait_for_check()
    bench.complete_snapshot()
    assert order.status == "gone"


def test_order_that_was_announced_and_is_live_needs_no_snapshot(bench: Bench) -> None:
    bench.complete_snapshot()
    order = bench.send("mine")
    bench.hear(pending("O1", cl_ord_id="mine"))
    bench.orders.outcome_unknown(order)
    bench.hear(new("O1"), sequence=2)
    assert order.status == "new"
    assert bench.orders.check_due() == float("inf")


def test_name_joins_no_report_to_an_order_of_the_other_side(bench: Bench) -> None:
    bench.complete_snapshot()
    order = bench.send("shared")
    bench.hear(pending("O1", cl_ord_id="shared", side="sell"))
    bench.hear(new("O1", cl_ord_id="shared"), sequence=2)
    assert order.order_id is None
    assert bench.orders["O1"].side == "sell"


def test_fill_of_another_order_is_announced_before_the_first_snapshot_is_complete(
    bench: Bench,
) -> None:
    reported: list[str] = []
    bench.orders.on_fill(lambda _, fill: reported.append(fill.exec_id))
    bench.subscribe()
    bench.hear(trade("O1", "T1", 0.5), kind="snapshot")
    bench.hear(trade("O2", "T2", 0.5), sequence=2)
    bench.wait(SNAPSHOT_PAUSE)
    assert reported == ["T2"]


async def test_order_that_never_got_an_identifier_cannot_be_changed(bench: Bench) -> None:
    order = bench.send(order_userref=7)
    bench.orders.refused(order, TradingError("EOrder:Insufficient funds"))
    with pytest.raises(
        OrderCheckFailed, match="amend_order: order 7 has no order_id, it is rejected"
    ):
        await order.amend(order_qty="2.0")
    with pytest.raises(
        OrderCheckFailed, match="cancel_order: order 7 has no order_id, it is rejected"
    ):
        await order.cancel()


def test_end_in_a_gap_is_checked_when_the_reply_came_after_the_subscribe(
    bench: Bench,
) -> None:
    order = bench.send("mine")
    bench.subscribe()
    bench.ack(order, "O1", "mine")
    bench.hear(trade("O1", "T1", 0.5, order_status="filled"), kind="snapshot")
    bench.wait(SNAPSHOT_PAUSE)
    assert order.status == "partially_filled"
    bench.wait_for_check()
    bench.complete_snapshot(trade("O1", "T1", 0.5, order_status="filled"))
    assert order.status == "gone"
