"""What can go wrong between an order, its reply and its reports."""

from __future__ import annotations

import pytest
import websockets
from tests.sim.client import Message
from tests.sim.trader import BTC, trading

LIMIT: Message = {
    "order_type": "limit",
    "side": "buy",
    "symbol": BTC,
    "order_qty": 0.5,
    "limit_price": 80000.0,
}


async def test_lost_reply_leaves_the_order() -> None:
    async with trading() as trader:
        rule = trader.sim.faults.lose_replies(method="add_order")
        await trader.send("add_order", **LIMIT)
        placed, _ = await trader.report(2)
        reply = await trader.ask("cancel_all")
    assert rule.fired == 1
    assert reply["method"] == "cancel_all"
    assert trader.order(placed["order_id"]).status == "canceled"


async def test_held_reply_is_overtaken_by_the_fill() -> None:
    async with trading() as trader:
        held = trader.sim.faults.hold_replies()
        await trader.send("add_order", **LIMIT | {"limit_price": 90000.0, "order_qty": 0.001})
        reports = await trader.report(4)
        assert "add_order" not in trader.seen
        held.release()
        reply = await trader.reply()
        assert (await trader.ask("cancel_all"))["success"]
    assert reports[-1]["exec_type"] == "filled"
    assert reply["result"]["order_id"] == reports[-1]["order_id"]


async def test_late_reply_comes_by_itself() -> None:
    async with trading() as trader:
        trader.sim.faults.delay_replies(0.01)
        await trader.send("add_order", **LIMIT)
        assert (await trader.reply())["success"]
        assert trader.seen == ["executions", "executions", "add_order"]


async def test_reply_comes_twice() -> None:
    async with trading() as trader:
        trader.sim.faults.duplicate_replies()
        await trader.send("add_order", req_id=4, **LIMIT)
        first, second = await trader.reply(), await trader.reply()
    assert first == second
    assert len(trader.sim.account.orders) == 1


async def test_lost_request_is_never_carried_out() -> None:
    async with trading() as trader:
        trader.sim.faults.lose_requests(method="add_order")
        await trader.send("add_order", **LIMIT)
        assert (await trader.ask("cancel_all"))["result"] == {"count": 0}
        assert not trader.sim.account.orders
        assert "add_order" not in [request.method for request in trader.sim.requests]
        assert "lose_requests" in [entry.event for entry in trader.sim.log]


@pytest.mark.parametrize("executed", [True, False])
async def test_connection_is_cut_after_the_order_or_before_it(executed: bool) -> None:
    async with trading() as trader:
        if executed:
            trader.sim.faults.cut_before_reply(method="add_order")
        else:
            trader.sim.faults.lose_requests(cut=True)
        await trader.send("add_order", **LIMIT)
        with pytest.raises(websockets.ConnectionClosed):
            await trader.reply()
        await trader.sim.wait_for(lambda: not trader.sim.connections)
        assert len(trader.sim.account.open_orders) == executed


async def test_held_requests_arrive_when_released() -> None:
    async with trading() as trader:
        held = trader.sim.faults.hold_requests()
        await trader.send("add_order", **LIMIT)
        await trader.sim.wait_for(lambda: held.fired)
        assert not trader.sim.account.orders
        held.release()
        assert (await trader.reply())["success"]


async def test_delayed_request_arrives() -> None:
    async with trading() as trader:
        trader.sim.faults.delay_requests(0.01)
        assert (await trader.ask("add_order", **LIMIT))["success"]


async def test_request_is_refused_with_any_text() -> None:
    async with trading() as trader:
        trader.sim.faults.refuse_orders("EGeneral:Internal error", method="add_order")
        assert (await trader.ask("cancel_all"))["success"]
        assert (await trader.ask("add_order", **LIMIT))["error"] == "EGeneral:Internal error"
        assert (await trader.ask("add_order", **LIMIT))["success"]


async def test_reports_are_held_in_order() -> None:
    async with trading() as trader:
        held = trader.sim.faults.hold_reports()
        await trader.add(**LIMIT)
        await trader.ask("cancel_all")
        assert not trader.reports
        held.release()
        messages = await trader.client.updates("executions", 3)
    assert [message["sequence"] for message in messages] == [2, 3, 4]


async def test_late_reports_come_after_the_reply() -> None:
    async with trading(reply_first=False) as trader:
        trader.sim.faults.delay_reports(0.01)
        await trader.add(**LIMIT)
        assert trader.seen == ["add_order"]
        assert [report["exec_type"] for report in await trader.report(2)] == ["pending_new", "new"]


async def test_report_comes_twice_with_one_number() -> None:
    async with trading() as trader:
        trader.sim.faults.duplicate_reports()
        await trader.send("add_order", **LIMIT)
        messages = await trader.client.updates("executions", 3)
    assert [message["sequence"] for message in messages] == [2, 2, 3]


async def test_lost_report_leaves_a_hole() -> None:
    async with trading() as trader:
        trader.sim.faults.lose_reports()
        await trader.send("add_order", **LIMIT)
        (message,) = await trader.client.updates("executions", 1)
    assert message["sequence"] == 3


async def test_clear_ends_what_holds_orders() -> None:
    async with trading() as trader:
        trader.sim.faults.lose_requests(None)
        trader.sim.faults.lose_replies(None)
        trader.sim.faults.clear()
        assert (await trader.ask("cancel_all"))["success"]
