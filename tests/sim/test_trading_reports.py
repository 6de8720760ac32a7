"""What can be wrong with reports and snapshots, though no number is missing."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, LIMIT, Bench, Trader, trading

pytestmark = pytest.mark.virtual_time


def bought(bench: Bench, **params: Any) -> str:
    """Buy something at once and return the id of the order."""
    price, qty = bench.level("ask")
    return bench.add("buy", str(qty), str(price), **params).order_id


async def messages(trader: Trader, count: int) -> list[Message]:
    return await trader.client.updates("executions", count)


# Stamps.


class Ticking(Bench):
    """A bench whose clock advances at every call."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sim.account.records.stamps._clock = self._tick

    def _tick(self) -> int:
        self.now += 1_000_000
        return self.now


@pytest.mark.parametrize(("stamps", "different"), [("own", 4), ("same", 1)])
def test_reports_of_one_action_may_share_a_stamp(stamps: str, different: int) -> None:
    bench = Ticking(report_stamps=stamps)
    bought(bench)
    assert bench.events == ["pending_new", "new", "trade", "filled"]
    assert len({report["timestamp"] for report in bench.reports}) == different


@pytest.mark.parametrize("stamps", ["own", "same"])
def test_amends_may_share_a_stamp_across_a_fill(stamps: str) -> None:
    """Captured: two `amended` reports in sequence with one stamp."""
    bench = Bench(report_stamps=stamps)
    order = bench.add("buy", "0.5", "80000.0")
    change: Message = {"order_id": order.order_id, "order_qty": Decimal("0.5")}
    bench.wait(1)
    bench.request("amend_order", **change, limit_price=Decimal("80001.0"))
    bench.wait(1)
    asyncio.run(bench.sim.account.fill(order.order_id, "0.1"))
    bench.wait(1)
    bench.request("amend_order", **change, limit_price=Decimal("80002.0"))
    first, fill, second = (report["timestamp"] for report in bench.reports[2:])
    assert bench.events[2:] == ["amended", "trade", "amended"]
    assert first < fill
    assert (second == first) == (stamps == "same")
    assert (second > fill) == (stamps == "own")


# Fields.


def test_reports_without_a_name(bench: Bench) -> None:
    bench.sim.faults.nameless_reports()
    bought(bench, cl_ord_id="mine")
    named = {report["exec_type"]: "cl_ord_id" in report for report in bench.reports}
    assert named == {"pending_new": True, "new": True, "trade": False, "filled": True}


def test_nameless_fill_comes_first(bench: Bench) -> None:
    bench.sim.faults.nameless_reports()
    bench.sim.faults.overtake_reports("pending_new", "new", by="trade", wait=0)
    asyncio.run(_buy(bench))
    assert bench.events == ["trade", "pending_new", "new", "filled"]
    assert "cl_ord_id" not in bench.reports[0]


async def _buy(bench: Bench) -> None:
    bought(bench, cl_ord_id="mine")


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("filled", {"order_status": "partially_filled"}, {"order_status": "partially_filled"}),
        ("filled", {"drop": ["cum_qty"]}, {"order_status": "filled", "cum_qty": None}),
        ("trade", {"order_status": "triggered"}, {"order_status": "triggered"}),
        ("trade", {"drop": ["cum_qty", "cum_cost", "avg_price"]}, {"cum_qty": None}),
        ("pending_new", {"order_status": "somewhere"}, {"order_status": "somewhere"}),
    ],
)
def test_reports_say_something_else(
    bench: Bench, kind: str, changes: Message, expected: Message
) -> None:
    rule = bench.sim.faults.alter_reports(kind, **changes)
    bought(bench)
    (report,) = (report for report in bench.reports if report["exec_type"] == kind)
    assert {key: report.get(key) for key in expected} == expected
    assert rule.fired == 1


def test_quantity_as_a_text(bench: Bench) -> None:
    bench.sim.faults.alter_reports("trade", quote=["last_qty"])
    bought(bench)
    (fill,) = bench.sim.account.fills
    (qty,) = (one["last_qty"] for one in bench.reports if one["exec_type"] == "trade")
    assert qty == f"{fill.qty:.8f}"


async def test_number_beyond_all_bounds(trader: Trader) -> None:
    trader.sim.faults.alter_reports("trade", last_qty=Decimal("1e999999999"))
    order_id = await trader.add(**LIMIT)
    await trader.sim.account.fill(order_id)
    report = (await trader.report(3))[-1]
    assert report["last_qty"] == "1E+999999999"


def test_first_report_of_another_program_can_be_missing(bench: Bench) -> None:
    bench.sim.faults.edit_reports(lambda _: [], "pending_new")
    asyncio.run(bench.sim.account.place(BTC, "buy", 1, limit_price=1, order_userref=5))
    (report,) = bench.reports
    assert (report["exec_type"], report["order_userref"]) == ("new", 5)
    assert "symbol" not in report


def test_rules_on_reports_end(bench: Bench) -> None:
    bench.sim.faults.alter_reports("trade", times=None, drop=["cum_qty"])
    bench.sim.faults.clear()
    bought(bench)
    assert all("cum_qty" in one for one in bench.reports if one["exec_type"] == "trade")


# Order.


async def test_end_overtakes_the_fill(trader: Trader) -> None:
    trader.sim.faults.overtake_reports("trade", by="canceled")
    order_id = await trader.add(**LIMIT)
    await trader.sim.account.fill(order_id, "0.2")
    await trader.sim.account.cancel(order_id)
    reports = await trader.report(4)
    assert [one["exec_type"] for one in reports[2:]] == ["canceled", "trade"]


async def test_report_that_nothing_overtakes_comes_late(trader: Trader) -> None:
    trader.sim.faults.overtake_reports("new", by="canceled", wait=2.0)
    started = asyncio.get_running_loop().time()
    await trader.send("add_order", **LIMIT)
    first, second = await messages(trader, 2)
    assert [first["sequence"], second["sequence"]] == [2, 3]
    assert second["data"][0]["exec_type"] == "new"
    assert asyncio.get_running_loop().time() - started > 1.9


# Snapshots.


async def test_snapshot_in_two_messages() -> None:
    async with trading(snapshot_parts=2) as trader:
        ids = [await trader.sim.account.place(BTC, "buy", 1, limit_price=1) for _ in range(3)]
        trader.sim.faults.send_snapshots()
        first, second = [await _snapshot(trader) for _ in range(2)]
    assert [first["sequence"], second["sequence"]] == [1, 2]
    assert [len(first["data"]), len(second["data"])] == [1, 2]
    assert [one["order_id"] for part in (first, second) for one in part["data"]] == ids


async def test_updates_wait_for_the_rest_of_a_snapshot() -> None:
    async with trading(snapshot_parts=3, snapshot_pause=1.0) as trader:
        await asyncio.sleep(5)
        for _ in range(2):
            await _snapshot(trader)
            await _snapshot(trader, "balances")
        trader.sim.faults.send_snapshots()
        await trader.send("add_order", **LIMIT)
        messages = [await _numbered(trader) for _ in range(5)]
    kinds = [(one["sequence"], one["type"]) for one in messages]
    assert kinds == [
        (1, "snapshot"),
        (2, "snapshot"),
        (3, "snapshot"),
        (4, "update"),
        (5, "update"),
    ]


async def test_snapshot_comes_later_than_the_answer() -> None:
    async with trading(snapshot_delay=1.0) as trader:
        await trader.client.request("unsubscribe", channel="executions", token=trader.token)
        await trader.client.request("subscribe", channel="executions", token=trader.token)
        await trader.send("add_order", **LIMIT)
        messages = [await trader.client.receive() for _ in range(6)]
    assert [one.get("method") or (one["type"], one["sequence"]) for one in messages] == [
        "unsubscribe",
        "subscribe",
        "add_order",
        ("snapshot", 1),
        ("update", 2),
        ("update", 3),
    ]
    assert messages[3]["data"] == []


@pytest.mark.parametrize("kind", ["new", "trade"])
async def test_open_order_in_a_snapshot(kind: str) -> None:
    async with trading(snapshot_orders=kind) as trader:
        order_id = await trader.sim.account.place(BTC, "buy", 1, limit_price=1)
        await trader.sim.account.place(BTC, "buy", 1, limit_price=1)
        await trader.sim.account.fill(order_id, "0.25")
        trader.sim.faults.send_snapshots()
        begun, untouched = (await _snapshot(trader))["data"]
    assert (begun["exec_type"], begun["order_status"]) == (kind, "partially_filled")
    assert begun["cum_qty"] == "0.25000000"
    assert untouched["exec_type"] == "new"


async def test_snapshot_without_a_request(trader: Trader) -> None:
    await trader.add(**LIMIT)
    trader.sim.faults.send_snapshots()
    snapshot = await _snapshot(trader)
    await trader.send("cancel_all")
    (update,) = await messages(trader, 1)
    assert (snapshot["sequence"], len(snapshot["data"])) == (1, 1)
    assert update["sequence"] == 2


async def test_numbers_begin_again(trader: Trader) -> None:
    await trader.add(**LIMIT)
    await trader.report(2)
    trader.sim.faults.reset_sequence()
    await trader.send("cancel_all")
    (update,) = await messages(trader, 1)
    assert (update["sequence"], update["type"]) == (1, "update")


@pytest.mark.parametrize(("key", "there"), [("counter", True), (None, False)])
def test_name_of_the_rate_counter(key: str | None, there: bool) -> None:
    bench = Bench(rate_key=key)
    bench.add("buy", "0.5", "80000.0")
    assert [("counter" in one, "ratecount" in one) for one in bench.reports] == [(there, False)] * 2


# A stream that lags.


async def test_stream_shows_the_past(trader: Trader) -> None:
    faults, sim = trader.sim.faults, trader.sim
    gone = await trader.add(**LIMIT)
    await trader.report(2)
    faults.lag_stream(3.0)
    await trader.request("cancel_order", order_id=[gone])
    await trader.add(**LIMIT)
    await asyncio.sleep(2)
    assert not trader.reports
    faults.send_snapshots()
    faults.send_snapshots("balances")
    (shown,) = (await _snapshot(trader))["data"]
    assert shown["order_id"] == gone
    reports = await trader.report(3)
    assert [one["exec_type"] for one in reports] == ["canceled", "pending_new", "new"]
    faults.send_snapshots()
    (shown,) = (await _snapshot(trader))["data"]
    assert [shown["order_id"]] == [one.order_id for one in sim.account.open_orders]


async def test_only_snapshots_show_the_past(trader: Trader) -> None:
    trader.sim.faults.lag_stream(3.0, reports=False)
    await trader.add(**LIMIT)
    assert len(await trader.report(2)) == 2
    trader.sim.faults.send_snapshots()
    assert not (await _snapshot(trader))["data"]
    await asyncio.sleep(3)
    trader.sim.faults.send_snapshots()
    assert len((await _snapshot(trader))["data"]) == 1


async def test_past_fills_and_balances_lag_too(trader: Trader) -> None:
    trader.sim.faults.lag_stream(3.0)
    order_id = await trader.sim.account.place(BTC, "buy", 1, limit_price=1000)
    await trader.sim.account.fill(order_id)
    params = {"token": trader.token, "snap_trades": True}
    await trader.client.request("unsubscribe", channel="executions", token=trader.token)
    assert not (await trader.client.subscribe("executions", **params))["data"]
    await trader.client.request("unsubscribe", channel="balances", token=trader.token)
    before = await trader.client.subscribe("balances", token=trader.token)
    await asyncio.sleep(3)
    trader.sim.faults.send_snapshots()
    trader.sim.faults.send_snapshots("balances")
    (fill,) = (await _snapshot(trader))["data"]
    assert fill["exec_type"] == "trade"
    assert _held(before)["BTC"] == "100.0000000000"
    assert _held(await _snapshot(trader, "balances"))["BTC"] == "101.0000000000"


async def test_lag_that_ends_sends_all_at_once(trader: Trader) -> None:
    trader.sim.faults.lag_stream(1000.0)
    await trader.add(**LIMIT)
    trader.sim.faults.clear()
    reports = await trader.report(2)
    assert [one["exec_type"] for one in reports] == ["pending_new", "new"]


async def _numbered(trader: Trader) -> Message:
    return await trader.client.find(lambda message: message.get("channel") == "executions")


async def _snapshot(trader: Trader, channel: str = "executions") -> Message:
    return await trader.client.find(
        lambda message: message.get("channel") == channel and message["type"] == "snapshot"
    )


def _held(snapshot: Message) -> dict[str, str]:
    return {one["asset"]: one["balance"] for one in snapshot["data"]}
