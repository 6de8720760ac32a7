"""Requests about one order wait for each other, as they may overtake each other on the way."""

from __future__ import annotations

import asyncio

import pytest
from tests.ws.helpers import eventually
from tests.ws.test_orders import limit, scene

from kraken_connector.exceptions import OrderCheckFailed, TradingError
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import AmendOrderParams, CancelOrderParams

pytestmark = pytest.mark.virtual_time


def arrived(sim: SimulatedExchange, method: str) -> int:
    """Return how many requests of a method have arrived."""
    return sum(request.method == method for request in sim.requests)


async def test_amend_waits_until_its_order_is_answered() -> None:
    async with scene() as (sim, client):
        sim.faults.delay_requests(0.5, method="add_order")
        placement = client.place(limit(cl_ord_id="a"))
        await client.amend_order(AmendOrderParams(cl_ord_id="a", limit_price="101.0"))
        await placement
        assert [str(order.limit_price) for order in sim.account.open_orders] == ["101.0"]


async def test_amend_that_does_not_wait_overtakes_its_order() -> None:
    async with scene(sequencing="send") as (sim, client):
        sim.faults.delay_requests(0.5, method="add_order")
        placement = client.place(limit(cl_ord_id="a"))
        with pytest.raises(TradingError, match="EOrder:Unknown order"):
            await client.amend_order(AmendOrderParams(cl_ord_id="a", limit_price="101.0"))
        await placement


async def test_cancel_waits_for_a_second_at_most() -> None:
    async with scene() as (sim, client):
        sim.faults.delay_requests(1.5, method="add_order")
        placement = client.place(limit(cl_ord_id="a"))
        cancel = asyncio.create_task(client.cancel_order(CancelOrderParams(cl_ord_id=["a"])))
        await asyncio.sleep(0.9)
        assert arrived(sim, "cancel_order") == 0
        await asyncio.sleep(0.2)
        assert arrived(sim, "cancel_order") == 1
        with pytest.raises(TradingError, match="EOrder:Unknown order"):
            await cancel
        await placement


async def test_order_on_its_way_during_cancel_all_is_cancelled_when_it_appears() -> None:
    async with scene() as (sim, client):
        sim.faults.delay_requests(0.5, method="add_order")
        placement = client.place(limit())
        assert (await client.cancel_all()).typed.count == 0
        await placement
        await eventually(lambda: placement.order.status == "canceled")
        assert sim.account.open_orders == []


async def test_name_of_an_order_that_is_not_done_is_not_used_again() -> None:
    async with scene() as (sim, client):
        first = (await client.add_order(limit(cl_ord_id="a"))).order
        with pytest.raises(OrderCheckFailed, match="cl_ord_id a is not done") as caught:
            await client.add_order(limit(cl_ord_id="a"))
        assert caught.value.rule == "duplicate"
        assert arrived(sim, "add_order") == 1
        await first.cancel(wait=True)
        assert (await client.add_order(limit(cl_ord_id="a"))).order is not first
