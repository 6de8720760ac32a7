"""Cancelling all orders of a pair or tag until none can be in the market, in virtual time."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import virtual
from tests.ws.helpers import BTC, ETH, eventually, trading
from tests.ws.test_orders import limit, scene

from kraken_connector.exceptions import (
    InvalidParameter,
    OrderOutcomeUnknown,
    OrdersStillWorking,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import AddOrderParams, BatchAddParams, KrakenWSClient

pytestmark = pytest.mark.virtual_time


def quote(symbol: str = BTC, side: str = "buy", price: str = "100", qty: str = "0.1") -> Any:
    return AddOrderParams(symbol, side, "limit", qty, limit_price=price)


async def place(client: KrakenWSClient, count: int, **options: Any) -> None:
    """Place some orders and wait until they are open."""
    tag = options.pop("tag", None)
    for _ in range(count):
        placement = client.place(quote(**options), tag=tag)
        await placement
        for order in placement.orders:
            await order.wait_open(5)


def requests(sim: SimulatedExchange) -> Counter[str]:
    return Counter(r.method for r in sim.requests if "cancel" in r.method)


async def test_only_what_is_meant_is_cancelled() -> None:
    async with scene({"symbols": [BTC, ETH]}) as (sim, client):
        await place(client, 2, tag="a")
        await place(client, 1, tag="b")
        await place(client, 1, side="sell", price="999999", tag="a")
        await place(client, 1, symbol=ETH, price="10", tag="a")
        other = await sim.account.place(BTC, "buy", "1", limit_price="1")
        await eventually(lambda: other in client.orders)

        report = await client.cancel_symbol(BTC, "buy", tag="a")
        assert [order.tag for order in report.canceled] == ["a", "a"]
        assert len(sim.account.open_orders) == 4
        report = await client.cancel_symbol(BTC, "buy")
        assert {order.tag for order in report.canceled} == {"b", None}
        report = await client.cancel_tag("a")
        assert {order.symbol for order in report.orders} == {BTC, ETH}
        assert sim.account.open_orders == []


async def test_orders_of_an_earlier_run_are_found_first() -> None:
    async with trading() as (sim, client):
        await sim.account.place(BTC, "buy", "1", limit_price="1")
        report = await client.cancel_symbol(BTC)
        assert len(report.canceled) == 1
        assert sim.account.open_orders == []


async def test_without_the_stream_no_end_is_claimed() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_snapshots(None, None, channel="executions")
        sim.faults.reset_connections()
        await eventually(lambda: not client.orders.is_current)
        with pytest.raises(OrdersStillWorking, match="executions is not current") as caught:
            await client.cancel_symbol(BTC, timeout=5)
        assert caught.value.orders == ()


async def test_order_that_a_lost_cancel_all_did_not_reach_is_cancelled() -> None:
    async with scene() as (sim, client):
        held = sim.faults.hold_requests(1, method="add_order")
        placement = client.place(quote())
        await asyncio.sleep(0.1)
        sim.faults.lose_replies(1, method="cancel_all")
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await client.cancel_all()
        assert caught.value.orders == tuple(placement.orders)
        held.release()
        await eventually(lambda: placement.order.status == "canceled", 20)
        assert sim.account.open_orders == []


async def test_nothing_to_cancel_sends_nothing() -> None:
    async with scene() as (sim, client):
        assert (await client.cancel_symbol(BTC)).orders == ()
        assert not requests(sim)


async def place_many(client: KrakenWSClient) -> None:
    """Place more orders than one request can cancel."""
    for _ in range(4):
        await client.batch_add(BatchAddParams(BTC, orders=[quote(qty="0.01")] * 15))
    await eventually(lambda: sum(o.status == "new" for o in client.orders.open(BTC)) == 60)


async def test_many_orders_go_by_batches_of_fifty() -> None:
    async with scene({"tier": "pro"}) as (sim, client):
        await place_many(client)
        # Cancelling old orders costs no points.
        await asyncio.sleep(301)
        report = await client.cancel_symbol(BTC)
        assert len(report.canceled) == 60
        assert requests(sim) == {"batch_cancel": 2}


async def test_all_orders_of_the_account_go_by_cancel_all_where_the_limit_has_no_room() -> None:
    async with scene({"tier": "pro"}) as (sim, client):
        await place_many(client)
        report = await client.cancel_symbol(BTC)
        assert len(report.canceled) == 60
        assert requests(sim) == {"batch_cancel": 2, "cancel_all": 1}


async def test_cancel_all_is_not_used_where_other_orders_are_to_stay() -> None:
    async with scene({"tier": "pro"}) as (sim, client):
        await place_many(client)
        await place(client, 1, side="sell", price="999999")
        report = await client.cancel_symbol(BTC, "buy", timeout=120)
        assert len(report.canceled) == 60
        assert len(client.orders.open(BTC)) == 1
        # A refused batch is neither divided nor repeated at once.
        assert requests(sim).total() < 90


async def test_report_sorts_by_how_orders_ended() -> None:
    async with scene() as (sim, client):
        await place(client, 3)
        first, second, third = client.orders.open(BTC)
        held = sim.faults.hold_requests(1, method="batch_cancel")
        cancelling = asyncio.create_task(client.cancel_symbol(BTC))
        await eventually(lambda: held.held)
        await sim.account.fill(first.order_id, "0.04")
        await sim.account.fill(second.order_id)
        await eventually(lambda: second.is_done)
        held.release()
        report = await cancelling
        assert set(report.canceled) == {first, third}
        assert report.filled == (second,)
        assert first.cum_qty == Decimal("0.04")


@pytest.mark.parametrize("fault", ["lose_requests", "lose_replies", "cut_before_reply"])
@pytest.mark.parametrize("count", [1, 3])
async def test_lost_cancel_is_sent_again(fault: str, count: int) -> None:
    async with scene() as (sim, client):
        await place(client, count)
        getattr(sim.faults, fault)(2)
        report = await client.cancel_symbol(BTC)
        assert len(report.orders) == count
        assert sim.account.open_orders == []


async def test_lost_reports_are_made_up_for_by_a_snapshot() -> None:
    async with scene() as (sim, client):
        await place(client, 2)
        sim.faults.lose_reports(2)
        report = await client.cancel_symbol(BTC)
        assert len(report.orders) == 2


async def test_cancel_that_the_rate_limit_refuses_is_tried_again() -> None:
    async with scene() as (sim, client):
        await place(client, 2)
        sim.faults.refuse_orders("EOrder:Rate limit exceeded", 3)
        report = await client.cancel_symbol(BTC)
        assert len(report.canceled) == 2


async def test_cancelling_waits_out_a_reconnect() -> None:
    async with scene() as (sim, client):
        await place(client, 2)
        sim.faults.refuse_connections(100)
        sim.faults.reset_connections()
        await eventually(lambda: str(client.state) == "reconnecting")
        cancelling = asyncio.create_task(client.cancel_symbol(BTC))
        await asyncio.sleep(3)
        sim.faults.clear()
        assert len((await cancelling).orders) == 2
        assert sim.account.open_orders == []


async def test_order_that_is_on_its_way_is_cancelled_when_it_turns_up() -> None:
    async with scene() as (sim, client):
        sim.faults.delay_requests(3.0, method="add_order")
        placement = client.place(quote())
        await asyncio.sleep(0.1)
        report = await client.cancel_symbol(BTC)
        assert report.canceled == placement.orders
        assert sim.account.open_orders == []
        with pytest.raises(OrderOutcomeUnknown):
            await placement


async def test_order_that_never_arrives_is_waited_for_until_its_absence_is_proved() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(method="add_order")
        placement = client.place(quote())
        report = await client.cancel_symbol(BTC, timeout=30)
        assert report.other == placement.orders
        assert report.other[0].status == "absent"


async def test_timeout_names_the_orders_that_are_left() -> None:
    async with scene() as (sim, client):
        await place(client, 1)
        await place(client, 1, side="sell", price="999999")
        bid, ask = client.orders.open(BTC)
        cancel = sim.faults.lose_requests(None, method="batch_cancel")
        alone = sim.faults.lose_requests(None, method="cancel_order")
        cancelling = asyncio.create_task(client.cancel_symbol(BTC, timeout=5))
        await asyncio.sleep(1)
        await sim.account.cancel(str(ask.order_id))
        with pytest.raises(
            OrdersStillWorking, match="1 orders may still be in the market"
        ) as caught:
            await cancelling
        assert not isinstance(caught.value, TimeoutError)
        assert caught.value.orders == (bid,)
        assert caught.value.report.canceled == (ask,)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (str(copy), copy.orders) == (str(caught.value), ())
        cancel.cancel()
        alone.cancel()
        assert (await client.cancel_symbol(BTC)).canceled == (bid,)


async def test_disconnect_names_the_orders_that_may_be_left() -> None:
    async with scene() as (sim, client):
        await place(client, 1)
        sim.faults.lose_requests(None, method="cancel_order")
        cancelling = asyncio.create_task(client.cancel_symbol(BTC, timeout=1000))
        await asyncio.sleep(0.1)
        await client.disconnect()
        async with asyncio.timeout(5):
            with pytest.raises(OrdersStillWorking):
                await cancelling


async def test_stream_is_subscribed_to_for_the_reports_of_the_ends() -> None:
    async with trading() as (sim, client):
        await client.add_order(limit())
        assert len((await client.cancel_symbol(BTC)).orders) == 1
        assert sim.account.open_orders == []


async def test_arguments_are_checked() -> None:
    async with scene() as (_, client):
        with pytest.raises(InvalidParameter):
            await client.cancel_symbol(BTC, "bid")
        with pytest.raises(InvalidParameter):
            await client.cancel_tag("")


troubles = st.lists(
    st.sampled_from(
        [
            ("lose_requests", 1),
            ("lose_replies", 1),
            ("lose_reports", 1),
            ("cut_before_reply", 1),
            ("reset_connections",),
            ("delay_requests", 1.0),
            ("delay_replies", 1.0),
            ("delay_reports", 1.0, 2),
            ("refuse_orders", "EOrder:Rate limit exceeded"),
            ("refuse_orders", "EGeneral:Internal error"),
            ("duplicate_reports", 1),
        ]
    ),
    max_size=4,
)


@settings(max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.too_slow])
@given(before=troubles, during=troubles, count=st.integers(1, 4))
def test_after_it_returns_nothing_is_in_the_market(
    before: list[Any], during: list[Any], count: int
) -> None:
    async def main() -> None:
        async with scene() as (sim, client):
            for name, *arguments in before:
                getattr(sim.faults, name)(*arguments)
            placements = []
            for _ in range(count):
                placements.append(client.place(quote(), tag="a"))
                await asyncio.sleep(0.3)
            for name, *arguments in during:
                getattr(sim.faults, name)(*arguments)
            report = await client.cancel_tag("a", timeout=120)
            await asyncio.gather(*placements, return_exceptions=True)
            assert sim.account.open_orders == []
            assert client.orders.working(tag="a") == []
            assert set(report.orders) <= {order for p in placements for order in p.orders}
            await asyncio.sleep(30)
            assert sim.account.open_orders == []

    virtual.run(main())
