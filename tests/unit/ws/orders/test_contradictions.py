"""Contradictory, late and absurd messages of the exchange."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.ws.orders.bench import BTC, Bench, listed, new, pending, text_of, trade

from kraken_connector.exceptions import NotConnected, OrderUnresolved
from kraken_connector.models.trading import AddOrderParams
from kraken_connector.ws.orders import Fill, Order
from kraken_connector.ws.orders.known import HELD_ORDERS
from kraken_connector.ws.orders.order import Change


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_stamp_that_is_ahead_proves_no_absence(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.hear(new("O9", timestamp="2099-01-01T00:00:00.000000Z"))
    assert order.status == "unknown"
    bench.wait(8.0)
    bench.hear(new("O9"))
    assert order.status == "absent"


def test_report_of_an_earlier_amend_leaves_a_later_one_in_doubt(bench: Bench) -> None:
    order = bench.open_order()
    first, second = (Change("amend_order", order, {"order_qty": Decimal(n)}) for n in (2, 5))
    for change in (first, second):
        bench.orders.changing(order, change)
        change.deadline_ns = bench.at(-5.0)
    bench.orders.changed_by(order, first, bench.now_ns)
    bench.orders.change_unknown(order, second)
    bench.hear({"order_id": "O1", "exec_type": "amended", "order_qty": 2.0, "limit_price": 100.0})
    assert not order.is_certain
    assert bench.orders.exposure(BTC).buy == 5
    bench.wait(8.0)
    assert bench.orders.check_due() <= bench.now
    bench.snapshot(listed("O1", 2.0, cl_ord_id="mine"))
    assert order.is_certain
    assert bench.orders.exposure(BTC).buy == 2


def test_answer_to_an_amend_has_its_terms_before_the_report(bench: Bench) -> None:
    order = bench.open_order()
    change = bench.change(order, order_qty=2)
    bench.orders.changed_by(order, change, bench.now_ns)
    assert order.order_qty == 2


def test_exposure_counts_an_order_of_unknown_outcome(bench: Bench) -> None:
    order = bench.send("mine")
    bench.orders.outcome_unknown(order)
    exposure = bench.orders.exposure(BTC)
    assert (exposure.open_buy, exposure.doubtful_buy) == (0, 1)
    bench.hear(pending("O1", cl_ord_id="mine"))
    exposure = bench.orders.exposure(BTC)
    assert (exposure.open_buy, exposure.doubtful_buy) == (1, 0)


def test_order_that_is_listed_without_any_name_may_be_ours(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.wait(8.0)
    for _ in range(3):
        bench.snapshot(listed("O1"))
        bench.wait(6.0)
    assert order.status == "unknown"
    assert "may be this order" in (order.reason or "")


def test_two_answers_never_make_one_order_of_two(bench: Bench) -> None:
    first, second = bench.send("first"), bench.send("second")
    bench.ack(first, "O1")
    bench.ack(second, "O1")
    assert bench.orders["O1"] is first
    assert (first.status, second.order_id) == ("pending_new", None)


def test_answer_corrects_what_only_a_report_said(bench: Bench) -> None:
    first = bench.unknown_order(None, order_userref=7)
    bench.hear(pending("O1", order_userref=7))
    assert first.order_id == "O1"
    second = bench.send(None, order_userref=7)
    bench.ack(second, "O1")
    assert bench.orders["O1"] is second
    assert (first.status, first.order_id) == ("unknown", None)
    assert bench.orders.working(BTC) == [first, second]


@pytest.mark.parametrize("wrong", [{"side": "sell"}, {"symbol": "ETH/USD"}])
def test_report_of_another_side_or_pair_shows_that_a_name_misled(
    bench: Bench, wrong: dict[str, str]
) -> None:
    order = bench.unknown_order()
    bench.hear(new("O1", cl_ord_id="mine"))
    assert order.order_id == "O1"
    bench.hear(pending("O1", 9.0, cl_ord_id="mine", **wrong))
    assert (order.status, order.order_id, order.order_qty) == ("unknown", None, 1)
    assert (order.symbol, order.side) == (BTC, "buy")
    other = bench.orders["O1"]
    assert not other.is_mine
    assert other.order_qty == 9
    assert {other.side, other.symbol} == {*({"side": "buy", "symbol": BTC} | wrong).values()}


@pytest.mark.parametrize("is_reported", [False, True])
def test_order_that_was_cut_to_what_is_filled_does_not_count_as_filled(
    bench: Bench, is_reported: bool
) -> None:
    order = bench.open_order()
    bench.hear(trade("O1", "E1", 0.4))
    change = bench.change(order, order_qty="0.3")
    if is_reported:
        bench.hear({"order_id": "O1", "exec_type": "amended", "order_qty": 0.4, "cum_qty": 0.4})
    bench.orders.changed_by(order, change, bench.now_ns)
    assert (order.order_qty, order.cum_qty) == (Decimal("0.4"), Decimal("0.4"))
    bench.orders.gap_began()
    for _ in range(2):
        bench.wait(8.0)
        bench.snapshot()
    assert order.status == "gone"


def test_answer_weighs_more_than_the_side_of_a_report(bench: Bench) -> None:
    order = bench.send("mine")
    bench.ack(order, "O1")
    bench.hear(pending("O1", cl_ord_id="mine", side="sell"))
    assert (order.order_id, order.side) == ("O1", "buy")


@pytest.mark.parametrize("is_held", [False, True])
def test_listener_of_fills_sees_an_order_that_has_them(bench: Bench, is_held: bool) -> None:
    seen: list[tuple[Decimal, int, str]] = []

    def check(order: Order | None, fill: Fill) -> None:
        assert order is not None
        seen.append((order.cum_qty, len(order.fills), order.status))

    bench.orders.on_fill(check)
    if is_held:
        order = bench.send("mine")
        bench.hear(trade("O1", "E1", 0.4))
        assert seen == []
        bench.ack(order, "O1")
    else:
        bench.open_order()
        bench.hear(trade("O1", "E1", 0.4))
    assert seen == [(Decimal("0.4"), 1, "partially_filled")]


@pytest.mark.parametrize("qty", [0.0, -1.0])
def test_fill_without_a_quantity_is_a_fill_that_is_lost(bench: Bench, qty: float) -> None:
    """That of an update can be learnt from a snapshot; that of a snapshot from nowhere."""
    order = bench.open_order()
    with pytest.raises(ValueError, match="O1 has"):
        bench.hear(trade("O1", "E1", qty))
    assert (order.cum_qty, bench.orders.lost_fills) == (0, 0)
    bench.orders.gap_began()
    bench.snapshot(listed("O1"), trade("O1", "E1", qty))
    assert (order.cum_qty, bench.orders.lost_fills) == (0, 1)


def test_orders_whose_reports_wait_are_bounded(bench: Bench) -> None:
    bench.unknown_order()
    for number in range(HELD_ORDERS + 5):
        bench.hear(trade(f"X{number}", f"E{number}", 0.1))
    assert len(bench.orders._held) == HELD_ORDERS
    assert len(bench.orders.open(BTC)) == 5


def test_order_that_cannot_be_settled_holds_no_reports_back(bench: Bench) -> None:
    order = bench.unknown_order()
    bench.orders.gap_began()
    fill = trade("O9", "E9", 0.1, timestamp=text_of(bench.at(-1.0)))
    bench.hear(fill)
    bench.settle(fill)
    assert isinstance(bench.orders.outlook(order)[0], OrderUnresolved)
    assert order.status == "unknown"
    assert bench.orders["O9"].cum_qty == Decimal("0.1")
    bench.hear(trade("O8", "E8", 0.1))
    assert bench.orders["O8"].cum_qty == Decimal("0.1")


def test_sums_say_what_they_leave_out(bench: Bench) -> None:
    bench.send("mine", cash_order_qty="100", qty=None, order_type="market", limit_price=None)
    exposure = bench.orders.exposure(BTC)
    assert (exposure.buy, exposure.uncounted, exposure.is_certain) == (0, 1, False)


async def test_waits_end_when_the_subscription_ends(bench: Bench) -> None:
    bench.orders.unsubscribed()
    with pytest.raises(NotConnected, match="track_orders"):
        await bench.orders.wait_current()
    bench.orders.stop(NotConnected("wait for an order", "disconnected"))
    with pytest.raises(NotConnected, match="disconnected"):
        await bench.orders.wait_current()


@pytest.mark.parametrize(
    ("later", "is_end"),
    [
        (-0.3, True),
        (0.0, True),
        (0.3, True),
        (3.0, True),
        (-0.3, False),
        (0.0, False),
        (0.3, False),
    ],
)
def test_fill_is_counted_once_whatever_its_stamp(bench: Bench, later: float, is_end: bool) -> None:
    order = bench.open_order()
    bench.wait(5.0)
    totals = {"timestamp": text_of(bench.at(4.0)), "cum_qty": 1.0, "cum_cost": 100.0}
    bench.sequence += 1  # The trade is lost.
    status = "filled" if is_end else "partially_filled"
    kind = "filled" if is_end else "status"
    bench.hear({"order_id": "O1", "exec_type": kind, "order_status": status, **totals})
    bench.snapshot(trade("O1", "E1", 1.0, timestamp=text_of(bench.at(4.0 - later))))
    bench.wait(1.0)
    assert (order.cum_qty, order.cum_cost) == (1, 100)


def test_fill_that_names_no_number_may_be_of_a_numbered_order(bench: Bench) -> None:
    order = bench.unknown_order(None, order_userref=7)
    bench.hear(trade("O1", "E1", 0.4))
    assert bench.orders.open(BTC) == []
    bench.hear(pending("O1", order_userref=7))
    assert bench.orders["O1"] is order
    assert order.cum_qty == Decimal("0.4")


@pytest.mark.parametrize("terms", [{"last_price": 100.5}, {"last_qty": 1.5}])
def test_fill_that_an_order_cannot_have_is_of_another(
    bench: Bench, terms: dict[str, float]
) -> None:
    order = bench.unknown_order()
    bench.hear({**trade("O1", "E1", 0.4), **terms})
    assert bench.orders["O1"] is not order
    assert not bench.orders["O1"].is_mine


def test_order_that_was_not_sent_yet_has_no_report(bench: Bench) -> None:
    order = bench.orders.placing(AddOrderParams(BTC, "buy", "limit", 1, limit_price=100), "mine")
    bench.hear(pending("O1", cl_ord_id="mine"))
    assert order.order_id is None
    assert not bench.orders["O1"].is_mine
    bench.orders.sent(order, 1, bench.at(-5.0))
    bench.hear(pending("O2", cl_ord_id="mine"))
    assert bench.orders["O2"] is order


@pytest.mark.parametrize("terms", [{"order_qty": 2.0}, {"limit_price": 99.0}])
def test_first_report_with_other_terms_is_of_another_order(
    bench: Bench, terms: dict[str, float]
) -> None:
    order = bench.unknown_order()
    bench.hear({**pending("O1", cl_ord_id="mine"), **terms})
    assert order.order_id is None
    assert not bench.orders["O1"].is_mine
