"""What the clock does to orders: the dead man's timer and the rate counters."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, LIMIT, ONE, Bench, Trader, trading

from kraken_connector.sim.trading import refusals
from kraken_connector.sim.trading.rate import TIERS, TierName, age_cost
from kraken_connector.sim.trading.schedule import Schedule

SECOND = 1_000_000_000


def after(bench: Bench, timeout: int) -> Message:
    result: Message = bench.request("cancel_all_orders_after", timeout=timeout)
    return result


def count(bench: Bench, symbol: str = BTC) -> Decimal:
    return bench.sim.rates.count(symbol)


# The timer.


def test_timer_answers_with_whole_seconds(bench: Bench) -> None:
    bench.now += 627_900_000
    assert after(bench, 100) == {
        "currentTime": "2027-01-15T08:00:01Z",
        "triggerTime": "2027-01-15T08:01:41Z",
    }


def test_timer_cancels_all_orders_once(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    stop = bench.add("sell", "0.5", order_type="stop-loss", triggers={"price": 70_000})
    after(bench, 60)
    bench.wait(59)
    assert order.is_open
    bench.wait(1)
    assert [order.status, stop.status] == ["canceled", "canceled"]
    assert bench.reports[-1]["reason"] == "Cancel all orders after"
    later = bench.add("buy", "0.5", "80000.0")
    bench.wait(1000)
    assert later.is_open


def test_timer_is_put_off_and_turned_off(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    for _ in range(5):
        after(bench, 60)
        bench.wait(50)
    after(bench, 0)
    bench.wait(1000)
    assert order.is_open


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (-1, "EGeneral:Invalid arguments:timeout"),
        (86_400, "EGeneral:Invalid arguments:timeout"),
        (Decimal("1.5"), "Timeout field must be a number_integer"),
        ("60", "Timeout field must be a number_integer"),
    ],
)
def test_timer_is_checked(bench: Bench, timeout: object, error: str) -> None:
    assert bench.error("cancel_all_orders_after", timeout=timeout) == error


def test_timer_waits_for_the_end_of_maintenance(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    after(bench, 60)
    bench.sim.faults.set_system("maintenance")
    bench.wait(100)
    assert order.is_open
    bench.sim.faults.set_system("online")
    assert order.status == "canceled"


async def test_timer_fires_by_itself(trader: Trader) -> None:
    order_id = await trader.add(**LIMIT)
    await trader.request("cancel_all_orders_after", timeout=1)
    assert [report["exec_type"] for report in await trader.report(3)][-1] == "canceled"
    assert trader.order(order_id).status == "canceled"
    assert "dead_man" in [entry.event for entry in trader.sim.log]


async def test_hand_moved_clock_needs_a_call() -> None:
    clock = [1_800_000_000 * SECOND]
    async with trading(clock=lambda: clock[0]) as trader:
        order_id = await trader.add(**LIMIT)
        await trader.request("cancel_all_orders_after", timeout=3600)
        clock[0] += 3600 * SECOND
        assert trader.order(order_id).is_open
        trader.sim.run_due()
        assert trader.order(order_id).status == "canceled"


def test_actions_run_in_order_of_time() -> None:
    ran: list[int] = []
    changes: list[int | None] = []
    schedule = Schedule(on_change=lambda: changes.append(schedule.next_ns))
    for due in (30, 10, 20, 10):
        schedule.add(due, lambda due=due: ran.append(due))  # type: ignore[misc]
    schedule.run(20)
    assert (ran, schedule.next_ns) == ([10, 10, 20], 30)
    assert changes[:2] == [30, 10]


# The counters.


def test_example_of_the_guide(bench: Bench) -> None:
    """Add, amend after 7 s, cancel 36 s later: 1 + 1 + 2 + 4, less what decays meanwhile."""
    order = bench.add("buy", "0.5", "80000.0")
    assert count(bench) == 1
    bench.wait(7)
    bench.request("amend_order", order_id=order.order_id, order_qty=1)
    assert count(bench) == 3
    bench.wait(36)
    bench.request("cancel_order", order_id=[order.order_id])
    assert count(bench) == 4


def test_amend_makes_an_order_young_again(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    bench.wait(60)
    bench.request("amend_order", order_id=order.order_id, order_qty=1)
    assert count(bench) == 1
    bench.request("cancel_order", order_id=[order.order_id])
    assert count(bench) == 1 + 8


def test_counter_decays(bench: Bench) -> None:
    for _ in range(50):
        bench.add("buy", "0.5", "80000.0")
    bench.wait(10)
    assert count(bench) == Decimal("26.6")
    bench.wait(100)
    assert count(bench) == 0


@pytest.mark.parametrize(
    ("what", "costs"),
    [
        ("amend", [3, 2, 1, 0, 0, 0, 0]),
        ("edit", [6, 5, 4, 2, 1, 0, 0]),
        ("cancel", [8, 6, 5, 4, 2, 1, 0]),
    ],
)
def test_costs_fall_with_age(what: str, costs: list[int]) -> None:
    ages = [0, 5, 10, 15, 45, 90, 300]
    assert [age_cost(what, age * SECOND) for age in ages] == costs  # type: ignore[arg-type]
    assert age_cost(what, 5 * SECOND - 1) == costs[0]  # type: ignore[arg-type]


def test_edit_and_batches_cost(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    bench.request("edit_order", order_id=order.order_id, symbol=BTC, order_qty=1)
    assert count(bench) == 1 + 7
    result = bench.request("batch_add", symbol=BTC, orders=[ONE] * 3)
    assert count(bench) == 8 + Decimal("1.5")
    bench.request("batch_cancel", orders=[one["order_id"] for one in result])
    assert count(bench) == Decimal("9.5") + 24


def test_amend_below_the_filled_costs_a_cancel_too(bench: Bench) -> None:
    order = bench.add("buy", "2", str(bench.level("bid")[0]))
    bench.trade("sell", bench.level("bid")[1] - 1)
    bench.request("amend_order", order_id=order.order_id, order_qty=Decimal("0.5"))
    assert count(bench) == 1 + 4 + 8


@pytest.mark.parametrize("method", ["amend_order", "edit_order"])
def test_refused_change_costs_its_fixed_part(bench: Bench, method: str) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    pair = {"symbol": BTC} if method == "edit_order" else {}
    change = {"order_id": order.order_id, "limit_price": Decimal("80000.05"), **pair}
    assert bench.error(method, **change) == refusals.TICK_SIZE
    assert count(bench) == 1 + 1


def test_refused_add_costs_its_fixed_part(bench: Bench) -> None:
    params = {"symbol": BTC, "order_type": "market", "side": "buy", "order_qty": 0}
    assert bench.error("add_order", **params) == refusals.VOLUME_MINIMUM
    assert count(bench) == 1


def test_threshold_refuses_until_it_decayed(bench: Bench) -> None:
    orders = [bench.add("buy", "0.5", "80000.0") for _ in range(15)]
    for order in orders[:13]:
        bench.request("cancel_order", order_id=[order.order_id])
    assert count(bench) == 15 + 13 * 8
    cancel = {"order_id": [orders[13].order_id]}
    assert bench.error("cancel_order", **cancel) == refusals.RATE_LIMIT
    bench.add("buy", "0.5", "80000.0", symbol=BTC)
    assert bench.add("buy", "1", None, symbol="ETH/USD")
    bench.wait(1)
    assert bench.error("cancel_order", **cancel) == refusals.RATE_LIMIT
    bench.wait(1)
    assert bench.request("cancel_order", **cancel)


def test_batch_cancel_that_overshoots_is_carried_out(bench: Bench) -> None:
    orders = [bench.add("buy", "0.5", "80000.0") for _ in range(40)]
    ids = [order.order_id for order in orders]
    assert bench.request("batch_cancel", orders=ids) == {"count": 40}
    assert count(bench) == 40 + 320
    params = {"symbol": BTC, "order_type": "market", "side": "buy", "order_qty": 1}
    assert bench.error("add_order", **params) == refusals.RATE_LIMIT


def test_cancel_all_and_the_timer_cost_nothing(bench: Bench) -> None:
    bench.add("buy", "0.5", "80000.0")
    after(bench, 60)
    bench.request("cancel_all")
    assert count(bench) == 1


def test_counter_is_in_the_stream_if_requested(bench: Bench) -> None:
    bench.add("buy", "0.5", "80000.0")
    bench.add("buy", "0.5", "80000.0")
    assert [report["ratecount"] for report in bench.reports] == [1, 1, 2, 2]


async def test_counter_is_not_in_the_stream_of_others(trader: Trader) -> None:
    await trader.add(**LIMIT)
    assert all("ratecount" not in report for report in await trader.report(2))


@pytest.mark.parametrize(("tier", "most"), [("starter", 60), ("intermediate", 125), ("pro", 180)])
async def test_tier_is_in_the_ack_of_executions(tier: TierName, most: int) -> None:
    async with trading(tier=tier) as trader:
        unsubscribe = {"channel": "executions", "token": trader.token}
        await trader.client.answer({"method": "unsubscribe", "params": unsubscribe})
        ack = await trader.client.answer({"method": "subscribe", "params": unsubscribe})
    assert ack["result"]["maxratecount"] == most == TIERS[tier].threshold
