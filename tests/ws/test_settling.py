"""Orders that the stream cannot settle are settled by REST: whole clients, simulated exchange.

Time is virtual. What REST may do is what the pages leave open: it lags, shows what was, lacks new
orders, is refused for want of a permission, or is down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from tests.ws.helpers import BTC, deny_reads, eventually, trading

from kraken_connector.exceptions import OrderOutcomeUnknown, OrderUnresolved
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import AddOrderParams, KrakenWSClient, Order

pytestmark = pytest.mark.virtual_time

#: An order deadline of 5 s, the slack after it and the grace for REST, two searches; and then some.
PATIENCE = 30.0
#: A price far from the market, and one that takes at once.
LOW, HIGH = "100.0", "200000.0"


@asynccontextmanager
async def scene(
    exchange: dict[str, Any] | None = None, *, is_tracked: bool = True, **options: Any
) -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    patient = {"max_reconnect_attempts": 10**6, "request_timeout": 2.0, **options}
    async with trading({"tier": "pro", **(exchange or {})}, **patient) as (sim, client):
        if is_tracked:
            await client.track_orders()
            await eventually(lambda: client.orders.is_concluded)
        yield sim, client


def limit(qty: Any = "0.10", price: Any = LOW, **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", qty, limit_price=price, **options)


async def unknown(client: KrakenWSClient, params: AddOrderParams) -> Order:
    """Place an order of which no word comes, and return it."""
    with pytest.raises(OrderOutcomeUnknown) as caught:
        await client.add_order(params)
    order = caught.value.order
    assert isinstance(order, Order)
    return order


async def lost(
    sim: SimulatedExchange, client: KrakenWSClient, *orders: AddOrderParams
) -> list[Order]:
    """Place orders that the exchange accepts; then the socket is away, until the faults end.

    Neither replies nor reports of them arrive.
    """
    count = len(sim.account.orders) + len(orders)
    sim.faults.lose_replies(None, method="add_order")
    sim.faults.lose_reports(None)
    tasks = [asyncio.ensure_future(unknown(client, params)) for params in orders]
    await eventually(lambda: len(sim.account.orders) == count)
    cut_off(sim)
    return await asyncio.gather(*tasks)


def cut_off(sim: SimulatedExchange) -> None:
    """Cut the connections, and refuse new ones until the faults end."""
    sim.faults.refuse_connections(None)
    sim.faults.reset_connections()


async def crowd(sim: SimulatedExchange, fills: int = 60) -> None:
    """Let another program have more fills than a snapshot has."""
    busy = await sim.account.place(BTC, "sell", "200", limit_price="200000.0")
    for _ in range(fills):
        await sim.account.fill(busy, "0.1")


def calls(sim: SimulatedExchange) -> list[str]:
    """Return the names of the REST calls, without those about tokens and the market."""
    others = ("GetWebSocketsToken", "AssetPairs", "Assets", "Time")
    return [call.name for call in sim.rest.journal if call.name not in others]


# Unknown outcome.


@pytest.mark.parametrize("end", ["canceled", "filled"])
async def test_order_that_ended_in_a_gap_of_many_fills_is_settled_by_its_record(end: str) -> None:
    async with scene() as (sim, client):
        fills: list[tuple[Order | None, str]] = []
        client.orders.on_fill(lambda order, fill: fills.append((order, fill.exec_id)))
        (order,) = await lost(sim, client, limit())
        (made,) = sim.account.orders.values()
        await sim.account.fill(made.order_id, "0.04", "99.0")
        if end == "canceled":
            await sim.account.cancel(made.order_id)
        else:
            await sim.account.fill(made.order_id)
        await crowd(sim)
        sim.faults.clear()
        assert await order.wait_settled(PATIENCE) is order
        assert (order.status, order.order_id) == (end, made.order_id)
        assert (order.cum_qty, order.cum_cost) == (made.cum_qty, made.cum_cost)
        assert sum(fill.qty for fill in order.fills) == order.cum_qty
        ours = [exec_id for owner, exec_id in fills if owner is order]
        assert ours == [fill.exec_id for fill in order.fills]
        assert client.orders.unsettled == []


async def test_order_that_never_arrived_is_absent_although_fills_are_missing() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order", cut=True)
        order = await unknown(client, limit())
        await crowd(sim)
        await order.wait_settled(PATIENCE)
        assert order.status == "absent"
        assert calls(sim).count("ClosedOrders") >= 2


async def test_order_is_not_absent_while_the_socket_is_down() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order")
        waiting = asyncio.ensure_future(unknown(client, limit()))
        await eventually(lambda: client.orders.unsettled)
        await asyncio.sleep(0.5)
        cut_off(sim)
        order = await waiting
        await asyncio.sleep(120)
        assert order.status == "unknown"
        assert len(calls(sim)) >= 6
        await crowd(sim)
        sim.faults.clear()
        await eventually(lambda: order.status == "absent", 70.0)


async def test_record_settles_an_order_while_the_socket_is_down() -> None:
    async with scene() as (sim, client):
        (order,) = await lost(sim, client, limit())
        (made,) = sim.account.orders.values()
        await eventually(lambda: order.status == "new", PATIENCE)
        assert order.order_id == made.order_id
        await sim.account.cancel(made.order_id)
        sim.faults.clear()
        await eventually(lambda: order.status == "canceled", PATIENCE)


@pytest.mark.parametrize("seconds", [0.5, 2.0])
async def test_record_that_comes_late_settles_the_order_all_the_same(seconds: float) -> None:
    """REST does not have the order when it is asked first; that proves nothing."""
    async with scene() as (sim, client):
        (order,) = await lost(sim, client, limit())
        (made,) = sim.account.orders.values()
        await sim.account.fill(made.order_id, "0.04", "99.0")
        await sim.account.cancel(made.order_id)
        await crowd(sim)
        sim.faults.clear()
        # It is asked first when the deadline, the slack and the grace are over.
        sim.rest.settings.stale = 5.0 + 2.5 + 2.0 + seconds
        await order.wait_settled(70.0)
        assert (order.status, order.cum_qty) == ("canceled", Decimal("0.04"))
        assert calls(sim).count("OpenOrders") >= 2


async def test_older_order_with_the_same_name_is_another_one() -> None:
    async with scene() as (sim, client):
        old = await sim.account.place(BTC, "buy", "0.10", limit_price=LOW, cl_ord_id="mine")
        await sim.account.cancel(old)
        await asyncio.sleep(60)
        sim.faults.lose_requests(1, method="add_order", cut=True)
        order = await unknown(client, limit(cl_ord_id="mine"))
        await crowd(sim)
        await order.wait_settled(PATIENCE)
        assert (order.status, order.order_id) == ("absent", None)


async def test_orders_with_a_number_are_found_by_their_terms() -> None:
    async with scene() as (sim, client):
        same = [limit(price=price, order_userref=7) for price in ("100.0", "101.0")]
        orders = await lost(sim, client, *same)
        for name in list(sim.account.orders):
            await sim.account.cancel(name)
        await crowd(sim)
        sim.faults.clear()
        for order in orders:
            await order.wait_settled(PATIENCE)
            truth = sim.account.orders[str(order.order_id)]
            assert (order.status, order.limit_price) == ("canceled", truth.limit_price)


# Ended without a report.


async def test_end_of_a_gone_order_is_read() -> None:
    async with scene() as (sim, client):
        reply = await client.add_order(limit())
        order = await reply.order.wait_open(5)
        cut_off(sim)
        await sim.account.fill(order.order_id, "0.03", "98.0")
        await sim.account.cancel(order.order_id)
        await crowd(sim)
        sim.faults.clear()
        await eventually(lambda: order.status == "canceled", PATIENCE)
        assert (order.cum_qty, order.cum_cost) == (Decimal("0.03"), Decimal("2.94"))
        assert [fill.qty for fill in order.fills] == [Decimal("0.03")]
        assert order.fees.keys() == {"USD"}
        # A call or two, and no more afterwards.
        count = len(calls(sim))
        assert count <= 3
        await asyncio.sleep(600)
        assert len(calls(sim)) == count


async def test_taker_fills_are_read_one_by_one() -> None:
    """`consolidate_taker` would make one of them, with an id of its own."""
    async with scene() as (sim, client):
        (order,) = await lost(sim, client, limit("4", HIGH))
        (made,) = sim.account.orders.values()
        ids = [fill.exec_id for fill in sim.account.fills if fill.order_id == made.order_id]
        assert len(ids) > 20
        await crowd(sim)
        sim.faults.clear()
        await order.wait_settled(PATIENCE)
        assert order.status == "filled"
        # Each call reads twenty fills.
        await eventually(lambda: len(order.fills) == len(ids), PATIENCE)
        assert sorted(fill.exec_id for fill in order.fills) == sorted(ids)


# What REST cannot say.


@pytest.mark.parametrize("is_garbled", [True, False])
async def test_order_is_settled_although_its_fills_cannot_be_read(is_garbled: bool) -> None:
    async with scene() as (sim, client):
        (order,) = await lost(sim, client, limit())
        (made,) = sim.account.orders.values()
        await sim.account.fill(made.order_id, "0.04", "99.0")
        await sim.account.cancel(made.order_id)
        await crowd(sim)
        sim.faults.clear()
        if is_garbled:
            sim.faults.garble_calls("a list", None, calls=("QueryTrades",))
        else:
            sim.faults.refuse_calls("EGeneral:Permission denied", None, calls=("QueryTrades",))
        await order.wait_settled(PATIENCE)
        assert (order.status, order.cum_qty, order.fills) == ("canceled", Decimal("0.04"), [])
        # They are asked for a few times more, and found when that is possible.
        sim.faults.clear()
        await eventually(lambda: order.fills, 70.0)
        assert order.cum_qty == Decimal("0.04")


async def test_without_permission_orders_stay_as_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "kraken_connector.ws.by_rest")
    async with scene() as (sim, client):
        deny_reads(sim)
        sim.faults.lose_requests(1, method="add_order", cut=True)
        order = await unknown(client, limit())
        await crowd(sim)
        with pytest.raises(OrderUnresolved, match="no more than 50 fills"):
            await order.wait_settled()
        assert order.status == "unknown"
        before = len(calls(sim))
        await asyncio.sleep(600)
        # It goes on asking, about once a minute.
        assert 9 <= len(calls(sim)) - before <= 40
    said = [r for r in caplog.records if r.name.endswith("settling")]
    assert len(said) == 1
    assert "Permission denied" in said[0].getMessage()


async def test_order_is_settled_when_rest_is_back() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order", cut=True)
        waiting = asyncio.ensure_future(unknown(client, limit()))
        await eventually(lambda: client.orders.unsettled)
        order = await waiting
        rule = sim.faults.stop_rest()
        await crowd(sim)
        await asyncio.sleep(200)
        assert order.status == "unknown"
        rule.cancel()
        await eventually(lambda: order.status == "absent", 200.0)


async def test_wait_does_not_give_up_before_rest_had_its_say() -> None:
    """Without `executions` no snapshot comes, but REST may have the order."""
    async with scene(is_tracked=False) as (sim, client):
        sim.faults.lose_replies(1, method="add_order")
        order = await unknown(client, limit())
        await order.wait_settled(PATIENCE)
        assert order.status == "new"


async def test_wait_ends_when_rest_had_its_say() -> None:
    async with scene(is_tracked=False) as (sim, client):
        sim.faults.lose_requests(1, method="add_order")
        order = await unknown(client, limit())
        async with asyncio.timeout(60):
            with pytest.raises(OrderUnresolved, match="track_orders"):
                await order.wait_settled()
        assert calls(sim).count("OpenOrders") == 3


async def test_nothing_is_asked_while_the_stream_settles_orders() -> None:
    async with scene() as (sim, client):
        for _ in range(20):
            reply = await client.add_order(limit())
            await reply.order.wait_open(5)
            await reply.order.cancel(wait=True)
        sim.faults.lose_replies(1, method="add_order")
        order = await unknown(client, limit())
        await order.wait_settled(PATIENCE)
        await asyncio.sleep(100)
        assert calls(sim) == []


async def test_asking_ends_with_the_client() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order", cut=True)
        deny_reads(sim)
        await unknown(client, limit())
        await asyncio.sleep(30)
        assert calls(sim)
        await client.disconnect()
        count = len(calls(sim))
        await asyncio.sleep(600)
        assert len(calls(sim)) == count


async def test_many_unknown_orders_are_found_with_few_calls() -> None:
    async with scene() as (sim, client):
        orders = await lost(sim, client, *(limit(price=Decimal(100 + n)) for n in range(30)))
        for name in list(sim.account.orders)[::2]:
            await sim.account.cancel(name)
        await crowd(sim)
        sim.faults.clear()
        for order in orders:
            await order.wait_settled(PATIENCE)
        assert {order.status for order in orders} == {"new", "canceled"}
        assert len(calls(sim)) <= 10
