"""What can go wrong between an order, its reply and its reports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import websockets
from tests.sim.client import connected
from tests.sim.trader import BTC, LIMIT, Trader, trading
from tests.virtual import current

from kraken_connector.sim.encode import timestamp

pytestmark = pytest.mark.virtual_time


async def test_lost_reply_leaves_the_order(trader: Trader) -> None:
    rule = trader.sim.faults.lose_replies(method="add_order")
    await trader.send("add_order", **LIMIT)
    placed, _ = await trader.report(2)
    reply = await trader.request("cancel_all")
    assert rule.fired == 1
    assert reply["method"] == "cancel_all"
    assert trader.order(placed["order_id"]).status == "canceled"


async def test_held_reply_is_overtaken_by_the_fill(trader: Trader) -> None:
    held = trader.sim.faults.hold_replies()
    await trader.send("add_order", **LIMIT | {"limit_price": 90000.0, "order_qty": 0.001})
    reports = await trader.report(4)
    assert "add_order" not in trader.seen
    held.release()
    reply = await trader.reply()
    assert (await trader.request("cancel_all"))["success"]
    assert reports[-1]["exec_type"] == "filled"
    assert reply["result"]["order_id"] == reports[-1]["order_id"]


async def test_late_reply_comes_by_itself(trader: Trader) -> None:
    trader.sim.faults.delay_replies(0.01)
    await trader.send("add_order", **LIMIT)
    assert (await trader.reply())["success"]
    assert trader.seen == ["executions", "executions", "add_order"]


async def test_reply_comes_twice(trader: Trader) -> None:
    trader.sim.faults.duplicate_replies()
    await trader.send("add_order", req_id=4, **LIMIT)
    first, second = await trader.reply(), await trader.reply()
    assert first == second
    assert len(trader.sim.account.orders) == 1


async def test_lost_request_is_never_carried_out(trader: Trader) -> None:
    trader.sim.faults.lose_requests(method="add_order")
    await trader.send("add_order", **LIMIT)
    assert (await trader.request("cancel_all"))["result"] == {"count": 0}
    assert not trader.sim.account.orders
    assert "add_order" not in [request.method for request in trader.sim.requests]
    assert "lose_requests" in [entry.event for entry in trader.sim.log]


@pytest.mark.parametrize("executed", [True, False])
async def test_connection_is_cut_after_the_order_or_before_it(
    executed: bool, trader: Trader
) -> None:
    if executed:
        trader.sim.faults.cut_before_reply(method="add_order")
    else:
        trader.sim.faults.lose_requests(cut=True)
    await trader.send("add_order", **LIMIT)
    with pytest.raises(websockets.ConnectionClosed):
        await trader.reply()
    await trader.sim.wait_for(lambda: not trader.sim.connections)
    assert len(trader.sim.account.open_orders) == executed


async def test_held_requests_arrive_when_released(trader: Trader) -> None:
    held = trader.sim.faults.hold_requests()
    await trader.send("add_order", **LIMIT)
    await trader.sim.wait_for(lambda: held.fired)
    assert not trader.sim.account.orders
    held.release()
    assert (await trader.reply())["success"]


async def test_delayed_request_arrives(trader: Trader) -> None:
    trader.sim.faults.delay_requests(0.01)
    assert (await trader.request("add_order", **LIMIT))["success"]


async def test_request_is_refused_with_any_text(trader: Trader) -> None:
    trader.sim.faults.refuse_orders("EGeneral:Internal error", method="add_order")
    assert (await trader.request("cancel_all"))["success"]
    assert (await trader.request("add_order", **LIMIT))["error"] == "EGeneral:Internal error"
    assert (await trader.request("add_order", **LIMIT))["success"]


async def test_reports_are_held_in_order(trader: Trader) -> None:
    held = trader.sim.faults.hold_reports()
    await trader.add(**LIMIT)
    await trader.request("cancel_all")
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


async def test_report_comes_twice_with_one_number(trader: Trader) -> None:
    trader.sim.faults.duplicate_reports()
    await trader.send("add_order", **LIMIT)
    messages = await trader.client.updates("executions", 3)
    assert [message["sequence"] for message in messages] == [2, 2, 3]


async def test_lost_report_leaves_a_gap(trader: Trader) -> None:
    trader.sim.faults.lose_reports()
    await trader.send("add_order", **LIMIT)
    (message,) = await trader.client.updates("executions", 1)
    assert message["sequence"] == 3


# Overtaking.


async def test_request_is_overtaken_by_the_next(trader: Trader) -> None:
    trader.sim.faults.overtake_requests(method="add_order")
    await trader.send("add_order", req_id=1, **LIMIT | {"cl_ord_id": "a"})
    await trader.send("cancel_order", req_id=2, cl_ord_id=["a"])
    first, second = await trader.reply(), await trader.reply()
    assert (first["req_id"], first["error"]) == (2, "EOrder:Unknown order")
    assert (second["req_id"], second["success"]) == (1, True)
    assert len(trader.sim.account.open_orders) == 1
    await trader.send("add_order", req_id=3, **LIMIT)
    assert (await trader.reply())["req_id"] == 3


async def test_request_that_nothing_overtakes_arrives(trader: Trader) -> None:
    trader.sim.faults.overtake_requests(wait=2.0)
    before = asyncio.get_running_loop().time()
    assert (await trader.request("add_order", **LIMIT))["success"]
    assert asyncio.get_running_loop().time() - before > 1.9


async def test_reply_is_overtaken_by_the_next(trader: Trader) -> None:
    trader.sim.faults.overtake_replies(method="add_order")
    await trader.send("add_order", req_id=1, **LIMIT | {"cl_ord_id": "a"})
    await trader.send("cancel_order", req_id=2, cl_ord_id=["a"])
    replies = [await trader.reply(), await trader.reply()]
    assert [(reply["req_id"], reply["success"]) for reply in replies] == [(2, True), (1, True)]


@pytest.mark.parametrize("fault", ["scatter_requests", "scatter_replies"])
async def test_order_is_random(fault: str, trader: Trader) -> None:
    getattr(trader.sim.faults, fault)(1.0)
    for number in range(8):
        await trader.send("cancel_all", req_id=number)
    numbers = [(await trader.reply())["req_id"] for _ in range(8)]
    assert sorted(numbers) == list(range(8))
    assert numbers != sorted(numbers)


async def test_delayed_replies_stay_in_order(trader: Trader) -> None:
    trader.sim.faults.delay_replies(1.0, None)
    for number in range(8):
        await trader.send("cancel_all", req_id=number)
    assert [(await trader.reply())["req_id"] for _ in range(8)] == list(range(8))


# Requests that arrive after their socket was lost.


async def lost(trader: Trader) -> None:
    with pytest.raises(websockets.ConnectionClosed):
        await trader.reply()


@pytest.mark.parametrize(("seconds", "is_open"), [(None, True), (10.0, True), (4.0, False)])
async def test_request_outlives_its_socket(
    seconds: float | None, is_open: bool, trader: Trader
) -> None:
    """Without a deadline the exchange's own one begins when the request comes."""
    trader.sim.faults.strand_requests(8.0)
    until = {}
    if seconds is not None:
        until = {"deadline": timestamp(current().time_ns() + int(seconds * 1e9), 3)}
    await trader.send("add_order", **LIMIT, **until)
    await lost(trader)
    await asyncio.sleep(7.5)
    assert not trader.sim.account.orders
    await asyncio.sleep(1)
    assert bool(trader.sim.account.open_orders) is is_open


@pytest.mark.parametrize("leave", [None, "abort", "close"])
async def test_stalled_socket_is_read_late(leave: str | None, trader: Trader) -> None:
    trader.sim.faults.stall_connections(8.0)
    await trader.send("add_order", **LIMIT)
    params = {"channel": "executions", "token": trader.token}
    await trader.client.request("subscribe", **params)
    await asyncio.sleep(1)
    if leave is not None:
        getattr(trader.client.socket.transport, leave)()
    await asyncio.sleep(6)
    assert not trader.sim.account.orders
    await asyncio.sleep(2)
    assert len(trader.sim.account.open_orders) == 1
    assert trader.sim.registry.count("executions") == (1 if leave is None else 0)
    if leave is None:
        assert (await trader.reply())["success"]


async def test_stalled_sockets_are_read_when_released(trader: Trader) -> None:
    stall = trader.sim.faults.stall_connections()
    await trader.send("add_order", **LIMIT)
    await asyncio.sleep(15)
    assert not trader.sim.account.orders
    async with connected(trader.sim) as other:
        assert (await other.answer({"method": "ping"}))["method"] == "pong"
    stall.release()
    assert (await trader.reply())["success"]


# Errors after which an order exists, and after which it does not.


@pytest.mark.parametrize("error", ["EService:Busy", ["EGeneral:Internal error"], None])
@pytest.mark.parametrize("success", [False, None])
@pytest.mark.parametrize("is_open", [True, False])
async def test_error_leaves_the_fate_of_an_order_open(
    error: Any, success: bool | None, is_open: bool, trader: Trader
) -> None:
    faults = trader.sim.faults
    (faults.fail_replies if is_open else faults.refuse_orders)(error, success=success)
    reply = await trader.request("add_order", req_id=5, **LIMIT)
    assert reply["error"] == error
    assert reply["req_id"] == 5
    assert "result" not in reply
    assert reply.get("success") is success
    assert bool(trader.sim.account.open_orders) is is_open


async def test_replies_say_anything(trader: Trader) -> None:
    trader.sim.faults.change_replies(lambda reply: {**reply, "result": {"order_id": 5}})
    assert (await trader.request("add_order", **LIMIT))["result"] == {"order_id": 5}
    assert (await trader.request("cancel_all"))["result"] == {"count": 1}


async def test_order_is_refused_after_it_was_reported(trader: Trader) -> None:
    trader.sim.faults.refuse_reported()
    reply = await trader.request("add_order", **LIMIT)
    (report,) = await trader.report()
    assert reply["error"] == "EGeneral:Internal error"
    assert report["exec_type"] == "pending_new"
    assert not trader.sim.account.orders


@pytest.mark.parametrize("placed", [0, 1, 3])
async def test_error_of_a_whole_batch_of_which_some_live(placed: int, trader: Trader) -> None:
    trader.sim.faults.break_batches(placed=placed)
    line = {key: value for key, value in LIMIT.items() if key != "symbol"}
    lines = [line | {"cl_ord_id": name} for name in "abc"]
    reply = await trader.request("batch_add", symbol=BTC, orders=lines)
    names = [one.client_id["cl_ord_id"] for one in trader.sim.account.open_orders]
    assert reply["error"] == "EService:Busy"
    assert names == list("abc")[:placed]


async def test_lines_of_a_batch_fail_on_command(trader: Trader) -> None:
    trader.sim.faults.reject_lines(0, 2, error="EOrder:Post only order")
    line = {key: value for key, value in LIMIT.items() if key != "symbol"}
    reply = await trader.request("batch_add", symbol=BTC, orders=[line] * 3)
    again = await trader.request("batch_add", symbol=BTC, orders=[line] * 3)
    assert [row.get("error") for row in reply["result"]] == [
        "EOrder:Post only order",
        None,
        "EOrder:Post only order",
    ]
    assert [row.get("error") for row in again["result"]] == [None] * 3


async def test_refusal_repeats_the_request(trader: Trader) -> None:
    trader.sim.faults.echo_requests()
    assert trader.token in (await trader.request("add_order", **LIMIT))["error"]


async def test_timer_is_said_to_be_off(trader: Trader) -> None:
    trader.sim.faults.deny_timer()
    denied = await trader.request("cancel_all_orders_after", timeout=60)
    assert denied["result"]["triggerTime"] == "0"
    assert trader.sim.order_methods.timer_due_ns is not None
    renewed = await trader.request("cancel_all_orders_after", timeout=60)
    assert renewed["result"]["triggerTime"] != "0"


async def test_renewals_of_the_timer_arrive_in_another_order(trader: Trader) -> None:
    await trader.add(**LIMIT)
    trader.sim.faults.overtake_requests(method="cancel_all_orders_after")
    await trader.send("cancel_all_orders_after", timeout=60)
    await trader.send("cancel_all_orders_after", timeout=0)
    await trader.reply()
    await trader.reply()
    await asyncio.sleep(61)
    assert not trader.sim.account.open_orders


async def test_clear_ends_what_holds_orders(trader: Trader) -> None:
    trader.sim.faults.lose_requests(None)
    trader.sim.faults.lose_replies(None)
    trader.sim.faults.clear()
    assert (await trader.request("cancel_all"))["success"]
