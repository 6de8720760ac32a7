"""What records of the REST API prove, and what they do not; each rule by itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.ws.orders.bench import (
    Bench,
    ended,
    listed,
    new,
    pending,
    record,
    record_of_fill,
    trade,
)

from kraken_connector.exceptions import OrderUnresolved
from kraken_connector.models.rest import RestOrder
from kraken_connector.ws.orders import Order
from kraken_connector.ws.orders.records import LONGEST_PAUSE, PAUSE, SAYS

INF = float("inf")
#: Fills of another order of the account, as many as a snapshot has.
MANY = [trade("OTHER", f"OTHER-{n}", 1.0, cl_ord_id="else", side="sell") for n in range(50)]


def bench_with_rest() -> Bench:
    bench = Bench()
    bench.orders.on_inquiry(lambda: None)
    return bench


def lose(bench: Bench, *listed_orders: dict[str, Any]) -> None:
    """Receive a snapshot after a gap with more fills than it has."""
    bench.orders.gap_began()
    bench.complete_snapshot(*listed_orders, *MANY)


def ask(bench: Bench, *records: RestOrder, **options: Any) -> list[Order]:
    """Wait until REST is asked, and receive an answer; all orders without id are searched for."""
    seconds = bench.orders.next_inquiry() - bench.now
    assert seconds < INF, "nothing is asked"
    bench.wait(max(seconds, 0.0))
    asked = bench.orders.inquiries()
    searched = {order: bench.now for order in asked if order.order_id is None}
    bench.orders.recorded(asked, list(records), **{"searched": searched, **options})
    return asked


# Positive evidence.


@pytest.mark.parametrize("status", ["filled", "canceled", "expired"])
def test_record_of_the_end_settles_an_unknown_order(status: str) -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    made_ns, closed_ns = bench.now_ns, bench.at(-1.0)
    qty = Decimal("1.0") if status == "filled" else Decimal("0.4")
    found = record(
        "O1",
        status,
        made_ns,
        cl_ord_id="mine",
        cum_qty=qty,
        cum_cost=qty * 99,
        average_price=Decimal(99),
        reason="User requested",
        closed_ns=closed_ns,
    )
    lose(bench)
    assert ask(bench, found) == [order]
    assert (order.status, order.order_id, order.reason) == (status, "O1", "User requested")
    assert (order.cum_qty, order.cum_cost, order.avg_price) == (qty, qty * 99, Decimal(99))
    assert (order.created_ns, order.updated_ns) == (made_ns, closed_ns)
    assert bench.orders.next_inquiry() < INF, "its fills are not known yet"


def test_open_record_shows_that_an_unknown_order_exists() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    found = record("O1", "partially_filled", bench.now_ns, cl_ord_id="mine", cum_qty=Decimal(1))
    bench.orders.gap_began()
    ask(bench, found)
    assert (order.status, order.order_id, order.cum_qty) == ("new", "O1", 0)
    # Reports of it are matched now, and a snapshot has to show it.
    bench.complete_snapshot(listed("O1", cum_qty=0.5, order_status="partially_filled"))
    assert (order.status, order.cum_qty) == ("partially_filled", Decimal("0.5"))


def test_open_record_never_revives_an_order() -> None:
    bench = bench_with_rest()
    order = bench.open_order()
    bench.orders.gap_began()
    bench.complete_snapshot()
    assert order.status == "gone"
    ask(bench, record("O1", "new", bench.at(9), cl_ord_id="mine"))
    assert order.status == "gone"
    ask(bench, record("O1", "canceled", bench.at(9), cl_ord_id="mine", reason="Expired"))
    assert (order.status, order.reason) == ("canceled", "Expired")
    assert bench.orders.next_inquiry() == INF


def test_record_with_less_than_is_known_is_too_old() -> None:
    bench = bench_with_rest()
    order = bench.open_order()
    bench.hear(trade("O1", "E1", 0.4, cum_qty=0.4, cum_cost=40.0))
    bench.orders.gap_began()
    bench.complete_snapshot()
    old = record("O1", "canceled", bench.at(9), cum_qty=Decimal("0.3"))
    ask(bench, old)
    assert (order.status, order.cum_qty) == ("gone", Decimal("0.4"))
    ask(bench, record("O1", "canceled", bench.at(9), cum_qty=Decimal("0.4")))
    assert (order.status, order.cum_qty) == ("canceled", Decimal("0.4"))


def test_final_status_of_the_stream_stays() -> None:
    bench = bench_with_rest()
    order = bench.open_order()
    bench.hear(ended("O1", "canceled"))
    bench.orders.recorded((), [record("O1", "expired", bench.now_ns, cl_ord_id="mine")])
    assert order.status == "canceled"


# Whose record it is.


@pytest.mark.parametrize(
    "fields",
    [
        {"cl_ord_id": "else"},
        {"cl_ord_id": None},
        {"symbol": "ETH/USD"},
        {"side": "sell"},
        {"opened_ns": "older"},
        {"opened_ns": "later"},
        {"limit_price": Decimal("101.0")},
        {"order_qty": Decimal("2.0")},
        {"order_type": "iceberg"},
    ],
)
def test_record_of_another_order_settles_nothing(fields: dict[str, Any]) -> None:
    """The name alone is not enough: an older order may have had it."""
    bench = bench_with_rest()
    order = bench.unknown_order()
    times = {"older": bench.at(3600), "later": bench.at(-30)}
    at_ns = times.get(str(fields.get("opened_ns")), bench.now_ns)
    values = {"cl_ord_id": "mine", **{k: v for k, v in fields.items() if k != "opened_ns"}}
    lose(bench)
    ask(bench, record("O1", "filled", at_ns, **values))
    assert (order.status, order.order_id) == ("unknown", None)


def test_terms_of_a_named_record_that_do_not_fit_are_an_obstacle() -> None:
    """It was made in time, with the name, and so it may be an order that was changed since."""
    bench = bench_with_rest()
    order = bench.unknown_order()
    found = record("O1", "filled", bench.now_ns, cl_ord_id="mine", order_qty=Decimal(2))
    for _ in range(3):
        bench.wait(3.0)
        lose(bench)
        ask(bench, found)
    assert order.status == "unknown"
    assert "O1" in str(order.reason)


def test_quantity_in_the_quote_asset_is_not_compared() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    found = record(
        "O1", "filled", bench.now_ns, cl_ord_id="mine", order_qty=Decimal(5000), oflags=("viqc",)
    )
    lose(bench)
    ask(bench, found)
    assert (order.status, order.order_qty) == ("filled", Decimal("1.0"))


def test_nameless_record_needs_all_terms_and_no_other_order() -> None:
    bench = bench_with_rest()
    one = bench.unknown_order(None, order_userref=7)
    two = bench.unknown_order(None, order_userref=7, limit_price="101.0")
    three = bench.unknown_order(None, order_userref=8)
    four = bench.unknown_order(None, order_userref=8)
    at_ns, price = bench.now_ns, Decimal("101.0")
    lose(bench)
    ask(
        bench,
        record("O1", "canceled", at_ns, order_userref=7),
        record("O2", "expired", at_ns, order_userref=7, limit_price=price),
        record("O3", "filled", at_ns, order_userref=8),
    )
    assert [(o.status, o.order_id) for o in (one, two)] == [("canceled", "O1"), ("expired", "O2")]
    # One of the two is filled, and nothing says which.
    assert {three.status, four.status} == {"unknown"}


def test_two_records_that_fit_settle_nothing() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order(None, order_userref=7)
    some = [record(name, "filled", bench.now_ns, order_userref=7) for name in ("O1", "O2")]
    lose(bench)
    ask(bench, *some)
    assert order.status == "unknown"


def test_order_that_is_being_sent_is_another_possible_owner() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order(None, order_userref=7)
    found = record("O1", "filled", bench.now_ns, order_userref=7)
    bench.send(None, order_userref=7)
    lose(bench)
    ask(bench, found)
    assert (order.status, order.order_id) == ("unknown", None)


def test_record_says_whose_a_nameless_report_is() -> None:
    """A fill without a name may be an unknown order's, until the record of its order is read."""
    bench = bench_with_rest()
    order = bench.unknown_order()
    bench.orders.gap_began()
    bench.complete_snapshot(trade("O9", "E9", 0.5, order_status="filled"), *MANY[1:])
    assert bench.orders.claimants(order) == ["O9"]
    bench.wait(20.0)
    ask(bench, record("O9", "filled", bench.at(20), cl_ord_id="else", cum_qty=Decimal("0.5")))
    assert bench.orders.claimants(order) == []
    bench.wait(3.0)
    ask(bench)
    assert order.status in ("unknown", "absent")


def test_record_that_contradicts_a_match_by_name_corrects_it() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    bench.hear(new("O1", cl_ord_id="mine"))
    assert order.order_id == "O1"
    bench.orders.recorded(
        (), [record("O1", "canceled", bench.now_ns, cl_ord_id="mine", side="sell")]
    )
    assert (order.status, order.order_id) == ("unknown", None)
    assert bench.orders["O1"].status == "canceled"


def test_untranslated_pair_contradicts_nothing() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    bench.hear(new("O1", cl_ord_id="mine"))
    bench.orders.recorded((), [record("O1", "canceled", bench.now_ns, symbol="NEWUSD")])
    assert (order.status, order.order_id) == ("canceled", "O1")


# Absence.


def test_two_searches_with_a_snapshot_before_the_second_prove_absence() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    bench.wait(8.0)
    lose(bench)
    ask(bench)
    assert order.status == "unknown"
    ask(bench)
    assert order.status == "absent"
    assert bench.orders.next_inquiry() == INF


def test_searches_without_a_snapshot_prove_nothing() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    bench.orders.gap_began()
    for _ in range(10):
        ask(bench)
    assert order.status == "unknown"
    # REST is asked again soon after a snapshot.
    bench.wait(5.0)
    lose(bench)
    assert order.status == "unknown"
    assert bench.orders.next_inquiry() <= bench.now + PAUSE
    ask(bench)
    assert order.status == "absent"


def test_search_before_the_deadline_is_over_does_not_count() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    lose(bench)
    for _ in range(4):
        bench.orders.recorded((), [], searched={order: bench.now})
    bench.wait(5.0 + 2.5)
    lose(bench)
    for _ in range(4):
        bench.orders.recorded((), [], searched={order: bench.now})
    assert order.status == "unknown"


def test_incomplete_search_does_not_count() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    for _ in range(4):
        bench.wait(8.0)
        lose(bench)
        ask(bench, searched={})
    assert order.status == "unknown"


def test_nameless_fill_keeps_an_order_from_being_absent() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    for _ in range(4):
        bench.wait(8.0)
        bench.orders.gap_began()
        bench.complete_snapshot(trade("O9", "E9", 0.5, order_status="filled"), *MANY[1:])
        ask(bench)
    assert order.status == "unknown"
    assert "O9" in str(order.reason)


# Fills.


def test_fills_of_a_record_count_once_whoever_has_them_first() -> None:
    bench = bench_with_rest()
    order = bench.open_order(qty=3.0)
    bench.hear(trade("O1", "E1", 1.0, cum_qty=1.0, cum_cost=100.0))
    bench.orders.gap_began()
    bench.complete_snapshot()
    assert order.status == "gone"
    names = ("E1", "E2", "E3")
    found = record(
        "O1", "filled", bench.at(60), cum_qty=Decimal(3), cum_cost=Decimal(300), exec_ids=names
    )
    assert bench.orders.unknown_fills([found]) == ["E2", "E3"]
    fills = [record_of_fill(name, "O1", "1.0", bench.now_ns) for name in names]
    ask(bench, found, fills=fills)
    assert [fill.exec_id for fill in order.fills] == list(names)
    assert (order.status, order.cum_qty, order.cum_cost) == ("filled", Decimal(3), Decimal(300))
    assert order.fees == {"USD": Decimal("0.50")}
    assert [exec_id for _, exec_id in bench.fills] == list(names)
    # The stream reports one of them late.
    bench.hear(trade("O1", "E3", 1.0))
    assert (order.cum_qty, order.cum_cost) == (Decimal(3), Decimal(300))
    assert len(bench.fills) == 3
    assert bench.orders.next_inquiry() == INF


def test_fills_of_an_open_order_count_once() -> None:
    """REST is ahead of the stream: reports of the same fills, with and without totals, follow."""
    bench = bench_with_rest()
    order = bench.open_order(qty=3.0)
    bench.orders.add_found([record_of_fill("E1", "O1", "1.0", bench.now_ns)])
    assert (order.status, order.cum_qty) == ("partially_filled", Decimal(1))
    bench.hear(trade("O1", "E1", 1.0, cum_qty=1.0, cum_cost=100.0))
    bench.hear(trade("O1", "E2", 1.0))
    assert (order.cum_qty, order.cum_cost) == (Decimal(2), Decimal(200))


def test_fills_that_only_totals_had_are_no_further_ones() -> None:
    bench = bench_with_rest()
    order = bench.open_order(qty=9.0)
    bench.wait(5.0)
    lose(bench, listed("O1", 9.0, cum_qty=2.0, cum_cost=200.0, order_status="partially_filled"))
    assert bench.orders.lacks_fills(order)
    found = [record_of_fill(name, "O1", "1.0", bench.at(3)) for name in ("E1", "E2")]
    assert [fill.exec_id for fill in bench.orders.add_found(found)] == ["E1", "E2"]
    assert order.cum_qty == Decimal(2)
    assert not bench.orders.lacks_fills(order)
    assert bench.orders.add_found(found) == []


def test_fill_of_an_unknown_order_is_told_without_it() -> None:
    bench = bench_with_rest()
    bench.orders.add_found([record_of_fill("E1", "O9", "1.0", bench.now_ns)])
    assert bench.fills == [(None, "E1")]
    # It is the order's when that becomes known.
    bench.hear(pending("O9", cl_ord_id="else"))
    assert [fill.exec_id for fill in bench.orders["O9"].fills] == ["E1"]


def test_fill_that_rest_had_first_does_not_close_a_gap() -> None:
    """REST may be ahead of the stream, whose fills before that one were lost."""
    bench = bench_with_rest()
    bench.open_order(qty=99.0)
    bench.orders.add_found([record_of_fill("OTHER-9", "OTHER", "1.0", bench.now_ns)])
    lose(bench)
    assert bench.orders.lost_fills == 1


def test_loss_ends_when_all_fills_of_its_time_are_found() -> None:
    bench = bench_with_rest()
    start_ns = bench.now_ns
    lose(bench)
    bench.wait(1.0)
    assert bench.orders.lost_fills == 1
    for since_ns, until_ns, lost in (
        (start_ns + 10**9, bench.now_ns, 1),
        (start_ns, start_ns, 1),
        (start_ns, bench.now_ns, 0),
    ):
        bench.orders.found_between(since_ns, until_ns)
        assert bench.orders.lost_fills == lost
    assert bench.orders.are_fills_complete


# When to ask.


def test_nobody_is_asked_without_rest() -> None:
    bench = Bench()
    bench.unknown_order()
    bench.orders.gap_began()
    assert bench.orders.next_inquiry() == INF


def test_the_stream_is_first() -> None:
    bench = bench_with_rest()
    order = bench.unknown_order()
    assert bench.orders.next_inquiry() >= bench.now + 5.0 + 2.5
    bench.hear(pending("O1", cl_ord_id="mine"), new("O1", cl_ord_id="mine"))
    assert order.status == "new"
    assert bench.orders.next_inquiry() == INF


def test_pauses_grow_to_a_minute_and_asking_never_ends() -> None:
    bench = bench_with_rest()
    bench.unknown_order()
    bench.orders.gap_began()
    pauses = []
    for _ in range(12):
        ask(bench, is_answered=False, searched={})
        pauses.append(bench.orders.next_inquiry() - bench.now)
    assert pauses[:4] == pytest.approx([2.5, 5.0, 10.0, 20.0])
    assert pauses[6:] == pytest.approx([LONGEST_PAUSE] * 6)


def test_waits_end_when_rest_had_its_say() -> None:
    bench = bench_with_rest()
    bench.orders.unsubscribed()
    order = bench.unknown_order()
    for _ in range(SAYS):
        bench.wait(max(bench.orders.next_inquiry() - bench.now, 0.0))
        assert bench.orders.outlook(order)[0] is None
        ask(bench)
    error, _ = bench.orders.outlook(order)
    assert isinstance(error, OrderUnresolved)


def test_gone_order_that_rest_does_not_have_is_asked_about_a_few_times() -> None:
    bench = bench_with_rest()
    order = bench.open_order()
    bench.orders.gap_began()
    bench.complete_snapshot()
    for _ in range(6):
        assert ask(bench) == [order]
    assert bench.orders.next_inquiry() == INF
    assert order.status == "gone"
