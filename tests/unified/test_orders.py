"""Orders over `/v2/private`: an order begins with `new`, its id is a UUID, its class is sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from tests.unified.helpers import DERIVATIVES, PF, client_of, last_params, limit_order, receive
from tests.ws.helpers import PATIENCE

from kraken_connector import GapEvent
from kraken_connector.exceptions import OrderCheckFailed, OrderOutcomeUnknown, TradingError
from kraken_connector.sim.unified import DERIVATIVES as MARKETS
from kraken_connector.sim.unified import SimulatedUnified
from kraken_connector.unified import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelOrderParams,
    InstrumentParams,
    UnifiedClient,
)

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest_asyncio.fixture
async def tracker(client: UnifiedClient) -> AsyncIterator[UnifiedClient]:
    """A client that tracks its orders."""
    await client.track_orders()
    yield client


async def test_an_order_begins_with_new_and_its_terms(
    sim: SimulatedUnified, tracker: UnifiedClient
) -> None:
    seen: list[str] = []
    tracker.orders.on_change(lambda order: seen.append(order.status))
    reply = await tracker.add_order(limit_order("0.010", "1000.50"))
    order = reply.order
    await order.wait_settled()
    assert UUID.fullmatch(order.order_id)
    assert UUID.fullmatch(order.cl_ord_id)
    assert (order.status, order.symbol, str(order.limit_price)) == ("new", PF, "1000.50")
    assert tracker.orders[order.order_id] is order
    assert last_params(sim, "add_order") == {
        "asset_class": DERIVATIVES,
        "symbol": PF,
        "side": "buy",
        "order_type": "limit",
        "order_qty": Decimal("0.010"),
        "limit_price": Decimal("1000.50"),
        "cl_ord_id": order.cl_ord_id,
        "deadline": last_params(sim, "add_order")["deadline"],
    }


async def test_an_order_of_another_program_gets_its_terms_from_new(
    sim: SimulatedUnified, tracker: UnifiedClient
) -> None:
    known = asyncio.Event()
    tracker.orders.on_change(lambda _: known.set())
    async with client_of(sim) as other:
        reply = await other.add_order(limit_order("0.010", "1000.50"))
    await asyncio.wait_for(known.wait(), PATIENCE)
    order = tracker.orders[reply.result["order_id"]]
    assert not order.is_mine
    assert (order.status, order.symbol, order.side) == ("new", PF, "buy")
    assert (order.order_qty, order.limit_price) == (Decimal("0.010"), Decimal("1000.50"))


@pytest.mark.parametrize("completion", ["separate", "in trade"])
@pytest.mark.parametrize("reply_first", [True, False])
async def test_an_order_is_followed_to_its_end_however_that_is_reported(
    completion: Any, reply_first: bool
) -> None:
    options = {"completion": completion, "reply_first": reply_first}
    async with SimulatedUnified(rate=0, **options) as sim, client_of(sim) as client:
        await client.track_orders()
        order = (await client.add_order(limit_order("0.03"))).order
        sim.unified.fill(order.order_id, "0.01")
        sim.unified.fill(order.order_id, "0.02", "999.5")
        await order.wait_done(PATIENCE)
        assert (order.status, order.cum_qty) == ("filled", Decimal("0.03"))
        assert order.cum_cost == Decimal("29.990")
        assert [fill.qty for fill in client.orders.fills] == [Decimal("0.01"), Decimal("0.02")]


async def test_an_order_that_crosses_is_filled_at_once(tracker: UnifiedClient) -> None:
    order = (await tracker.add_order(limit_order(price="90000"))).order
    await order.wait_done(PATIENCE)
    assert order.status == "filled"


async def test_orders_are_found_again_after_a_reconnect(
    sim: SimulatedUnified, tracker: UnifiedClient
) -> None:
    kept = (await tracker.add_order(limit_order())).order
    filled = (await tracker.add_order(limit_order())).order
    sim.faults.reset_connections()
    sim.unified.fill(filled.order_id)
    await receive(tracker, lambda m: isinstance(m, GapEvent))
    await tracker.orders.wait_current(PATIENCE)
    await filled.wait_done(PATIENCE)
    assert (kept.status, filled.status) == ("new", "filled")
    assert tracker.orders.are_fills_complete


async def test_an_amend_may_have_an_empty_id(sim: SimulatedUnified, tracker: UnifiedClient) -> None:
    order = (await tracker.add_order(limit_order())).order
    params = AmendOrderParams(order.order_id, limit_price="1001", asset_class=DERIVATIVES)
    reply = await tracker.amend_order(params)
    assert reply.result == {"amend_id": "", "order_id": order.order_id}
    assert reply.typed is not None
    assert reply.typed.amend_id is None
    await order.amend(order_qty="0.02")
    assert (order.limit_price, order.order_qty) == (1001, Decimal("0.02"))
    assert last_params(sim, "amend_order")["asset_class"] == DERIVATIVES


async def test_each_way_to_cancel_sends_the_class(
    sim: SimulatedUnified, tracker: UnifiedClient
) -> None:
    orders = [(await tracker.add_order(limit_order())).order for _ in range(5)]
    await tracker.cancel_order(
        CancelOrderParams(order_id=[orders[0].order_id], asset_class=DERIVATIVES)
    )
    names = [orders[1].cl_ord_id, orders[2].cl_ord_id]
    await tracker.cancel_order(CancelOrderParams(cl_ord_id=names, asset_class=DERIVATIVES))
    assert last_params(sim, "cancel_order") == {
        "asset_class": DERIVATIVES,
        "cl_ord_id": [orders[2].cl_ord_id],
    }
    await orders[3].cancel()
    reply = await tracker.cancel_all()
    assert reply.typed is not None
    assert reply.typed.count == 1
    assert last_params(sim, "cancel_all") == {"asset_class": DERIVATIVES}
    for order in orders:
        await order.wait_done(PATIENCE)
    assert {order.status for order in orders} == {"canceled"}


async def test_batches(sim: SimulatedUnified, tracker: UnifiedClient) -> None:
    batch = BatchAddParams(PF, orders=[limit_order(), limit_order()], asset_class=DERIVATIVES)
    reply = await tracker.batch_add(batch)
    assert [order.status for order in reply.orders] == ["new", "new"]
    sent = last_params(sim, "batch_add")
    assert sent["asset_class"] == DERIVATIVES
    assert not {"asset_class", "symbol"} & sent["orders"][0].keys()
    ids = [order.order_id for order in reply.orders]
    cancelled = await tracker.batch_cancel(BatchCancelParams(orders=ids, asset_class=DERIVATIVES))
    assert cancelled.typed is not None
    assert cancelled.typed.count == 2
    for order in reply.orders:
        await order.wait_done(PATIENCE)


async def test_cancel_symbol_ends_when_nothing_is_left(
    sim: SimulatedUnified, tracker: UnifiedClient
) -> None:
    placement = tracker.place(limit_order())
    await placement
    report = await tracker.cancel_symbol(PF)
    assert [order.status for order in report.orders] == ["canceled"]
    assert not sim.unified.open_orders()


async def test_the_dead_mans_switch_is_armed_and_disarmed(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    async with client.dead_mans_switch(timeout=60):
        await sim.wait_for(
            lambda: any(r.method == "cancel_all_orders_after" for r in sim.requests), PATIENCE
        )
    sent = [r.params for r in sim.requests if r.method == "cancel_all_orders_after"]
    assert [params["timeout"] for params in sent] == [60, 0]
    assert {params["asset_class"] for params in sent} == {DERIVATIVES}
    off = CancelAllOrdersAfterParams(timeout=0, asset_class=DERIVATIVES)
    reply = await client.cancel_all_orders_after(off)
    assert reply.typed is not None
    assert not reply.typed.is_armed


async def test_no_rest_call_of_the_spot_engine_stands_in_for_a_lost_connection(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    """A cancel or a timer that does not reach derivatives would look like one that does."""
    async with client.dead_mans_switch(timeout=60):
        await client.cancel_symbol(PF)
    assert {call.name for call in sim.rest.journal} == {"GetWebSocketsToken"}
    assert client._client.rest is None
    assert not hasattr(client, "cancel_everything")


async def test_an_order_without_an_answer_is_settled_by_what_is_open(
    sim: SimulatedUnified,
) -> None:
    async with client_of(sim, request_timeout=1.0, order_deadline=0.5) as client:
        await client.track_orders()
        sim.faults.lose_replies(1, method="add_order")
        with pytest.raises(OrderOutcomeUnknown) as unknown:
            await client.add_order(limit_order())
        (order,) = unknown.value.orders
        await order.wait_settled(PATIENCE)
        assert order.status == "new"


async def test_rules_that_were_not_read_refuse_nothing(
    sim: SimulatedUnified, tracker: UnifiedClient
) -> None:
    """Neither the reference data nor the status, which may be that of the other engine."""
    await tracker.subscribe(InstrumentParams(DERIVATIVES))
    await receive(tracker, lambda m: getattr(m, "channel", "") == "instrument")
    sim.faults.set_system("maintenance")
    await receive(tracker, lambda m: getattr(m, "channel", "") == "status")
    assert tracker.system_status == "maintenance"
    odd = AddOrderParams(
        "PF_NONE", "buy", "limit", "0.000001", limit_price="0.3", asset_class=DERIVATIVES
    )
    with pytest.raises(TradingError, match="Currency pair not supported PF_NONE") as refused:
        await tracker.add_order(odd)
    assert refused.value.venue_error
    assert (await tracker.add_order(limit_order("0.00001", "0.333"))).order


async def test_what_the_pages_say_is_checked(tracker: UnifiedClient) -> None:
    with pytest.raises(OrderCheckFailed, match=r"deadline must be 0\.5 to 60 s from now"):
        await tracker.add_order(limit_order(deadline="2030-01-01T00:00:00Z"))
    order = (await tracker.add_order(limit_order())).order
    await order.cancel()
    await order.wait_done(PATIENCE)
    params = AmendOrderParams(order.order_id, limit_price="1", asset_class=DERIVATIVES)
    with pytest.raises(OrderCheckFailed, match="it is canceled"):
        await tracker.amend_order(params)


async def test_a_spot_order_keeps_the_life_of_the_spot_hosts() -> None:
    markets = [*MARKETS.values(), "BTC/USD"]
    async with (
        SimulatedUnified(rate=0, symbols=markets) as sim,
        client_of(sim, asset_class="spot") as client,
    ):
        await client.track_orders()
        params = AddOrderParams(
            "BTC/USD", "buy", "limit", "0.01", limit_price="1000", asset_class="spot"
        )
        order = (await client.add_order(params)).order
        assert order.order_id.startswith("O")
        assert last_params(sim, "add_order")["asset_class"] == "spot"
        sim.unified.fill(order.order_id)
        await order.wait_done(PATIENCE)
        assert order.status == "filled"
