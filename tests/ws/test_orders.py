"""The client's orders and balances, in virtual time against the simulated exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from tests import virtual
from tests.ws.helpers import BTC, deny_reads, eventually, find_channel, trading

from kraken_connector.exceptions import (
    NotConnected,
    OrderNotFilled,
    OrderOutcomeUnknown,
    OrderUnresolved,
    RateLimitExceeded,
    TradingError,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BalancesParams,
    BatchAddParams,
    CancelOrderParams,
    EditOrderParams,
    ExecutionsParams,
    KrakenWSClient,
    Order,
)

pytestmark = pytest.mark.virtual_time


@asynccontextmanager
async def scene(
    exchange: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    patient = {"max_reconnect_attempts": 1000, "request_timeout": 2.0, **options}
    async with trading(exchange, **patient) as (sim, client):
        await client.track_orders()
        await client.track_balances()
        yield sim, client


def limit(qty: Any = "0.10", price: Any = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", qty, limit_price=price, **options)


async def unknown(client: KrakenWSClient, params: AddOrderParams) -> Order:
    """Place an order of which no word comes, and return it."""
    with pytest.raises(OrderOutcomeUnknown) as caught:
        await client.add_order(params)
    order = caught.value.order
    assert isinstance(order, Order)
    return order


# Orders from placing to end.


async def test_order_lives_from_sending_to_its_last_fill() -> None:
    async with scene() as (sim, client):
        seen: list[str] = []
        client.orders.on_change(lambda order: seen.append(order.status))
        reply = await client.add_order(limit(cl_ord_id="mine"))
        order = reply.order
        assert order is client.orders["mine"]
        await order.wait_open(5)
        assert client.orders.get(order.order_id) is order
        assert (order.symbol, order.side, order.order_type) == (BTC, "buy", "limit")
        await sim.account.fill(order.order_id, "0.04", "99.0")
        await eventually(lambda: order.cum_qty)
        assert (order.status, order.remaining_qty) == ("partially_filled", Decimal("0.06"))
        await sim.account.fill(order.order_id)
        assert await order.wait_filled(5) is order
        assert order.cum_qty == Decimal("0.10")
        assert order.avg_price == Decimal("99.6")
        assert [fill.qty for fill in order.fills] == [Decimal("0.04"), Decimal("0.06")]
        assert client.orders.fills == order.fills
        assert client.orders.open() == []
        assert list(dict.fromkeys(seen)) == [
            "sending",
            "pending_new",
            "new",
            "partially_filled",
            "filled",
        ]


@pytest.mark.parametrize("reply_first", [True, False])
async def test_fill_that_overtakes_the_ack_is_no_error(reply_first: bool) -> None:
    async with scene({"reply_first": reply_first}) as (sim, client):
        sim.faults.delay_replies(1.0)
        for options in ({}, {"order_userref": 7}):
            reply = await client.add_order(AddOrderParams(BTC, "buy", "market", "0.01", **options))
            assert (await reply.order.wait_filled(5)).cum_qty == Decimal("0.01")
        assert len(client.orders) == 2


async def test_orders_from_elsewhere_appear() -> None:
    async with scene() as (sim, client):
        order_id = await sim.account.place(BTC, "sell", "1", limit_price="200.0")
        await eventually(lambda: order_id in client.orders)
        order = client.orders[order_id]
        await order.wait_open(5)
        assert (order.params, order.limit_price) == (None, Decimal("200.0"))
        await sim.account.cancel(order_id)
        with pytest.raises(OrderNotFilled) as caught:
            await order.wait_filled(5)
        assert caught.value.order is order
        assert order.reason == "User requested"


async def test_edit_links_the_orders() -> None:
    async with scene() as (_, client):
        old = (await client.add_order(limit(order_userref=3))).order
        reply = await client.edit_order(EditOrderParams(old.order_id, BTC, limit_price="101.0"))
        new = client.orders[reply.typed.order_id]
        await old.wait_done(5)
        assert (old.replaced_by, new.replaces) == (new, old)
        await eventually(lambda: new.limit_price == Decimal("101.0"))
        assert client.orders.open() == [new]


async def test_number_is_shared_by_several_orders() -> None:
    async with scene() as (_, client):
        replies = await asyncio.gather(
            *(client.add_order(limit(price=price, order_userref=9)) for price in (98, 99, 100))
        )
        for reply, price in zip(replies, (98, 99, 100), strict=True):
            await reply.order.wait_open(5)
            assert reply.order.limit_price == price
            assert reply.order.order_id == reply.typed.order_id
        assert len(client.orders) == 3


async def test_refused_order_says_why() -> None:
    async with scene() as (sim, client):
        sim.faults.refuse_orders("EOrder:Insufficient funds", 1)
        with pytest.raises(TradingError) as caught:
            await client.add_order(limit(cl_ord_id="poor"))
        order = client.orders["poor"]
        assert (order.status, order.error) == ("rejected", caught.value)
        with pytest.raises(OrderNotFilled):
            await order.wait_open(1)


async def test_waiting_ends_with_the_client() -> None:
    async with scene() as (_, client):
        order = (await client.add_order(limit())).order
        waiting = asyncio.ensure_future(order.wait_filled())
        impatient = asyncio.ensure_future(order.wait_filled(timeout=3))
        with pytest.raises(TimeoutError):
            await impatient
        await client.disconnect()
        with pytest.raises(NotConnected):
            await waiting
        assert not client.orders.is_current


# Gaps.


async def test_snapshot_decides_what_was_missed_in_a_gap() -> None:
    async with scene() as (sim, client):
        stays, fills, ends, part = [
            (await client.add_order(limit(price=price))).order for price in (96, 97, 98, 99)
        ]
        await part.wait_open(5)
        sim.faults.refuse_connections(3)
        sim.faults.reset_connections()
        await eventually(lambda: not client.orders.is_current)
        await sim.account.fill(fills.order_id, "0.03")
        await sim.account.fill(fills.order_id)
        await sim.account.fill(part.order_id, "0.01")
        await sim.account.cancel(part.order_id)
        await sim.account.cancel(ends.order_id)
        elsewhere = await sim.account.place(BTC, "sell", "1", limit_price="200.0")
        await eventually(lambda: client.orders.is_concluded)
        assert (stays.status, fills.status, ends.status) == ("new", "filled", "gone")
        assert (part.status, part.cum_qty) == ("gone", Decimal("0.01"))
        assert len(fills.fills) == 2
        assert fills.cum_qty == Decimal("0.10")
        assert client.orders.open() == [stays, client.orders[elsewhere]]
        assert client.balances["BTC"] == sim.account.balances["BTC"]
        assert client.balances["USD"] == sim.account.balances["USD"]


async def test_lost_report_is_made_good() -> None:
    async with scene() as (sim, client):
        order = (await client.add_order(limit())).order
        await order.wait_open(5)
        sim.faults.lose_reports(1)
        await sim.account.cancel(order.order_id)
        other = (await client.add_order(limit())).order
        await other.wait_open(5)
        await order.wait_done(10)
        assert order.status == "gone"


async def test_order_that_the_exchange_denies_is_checked() -> None:
    async with scene() as (sim, client):
        order = (await client.add_order(limit())).order
        await order.wait_open(5)
        sim.faults.lose_reports(1)
        await sim.account.cancel(order.order_id)
        # No later report shows the gap.
        with pytest.raises(TradingError, match="EOrder:Unknown order"):
            await client.cancel_order(CancelOrderParams(order_id=[order.order_id]))
        assert order.is_open
        await order.wait_done(10)
        assert order.status == "gone"


async def test_reports_that_come_twice_count_once() -> None:
    async with scene() as (sim, client):
        sim.faults.duplicate_reports(100)
        sim.faults.duplicate_reports(100, channel="balances")
        order = (await client.add_order(limit())).order
        await order.wait_open(5)
        await sim.account.fill(order.order_id, "0.04")
        await sim.account.fill(order.order_id)
        await order.wait_filled(5)
        assert len(order.fills) == 2
        assert order.cum_qty == Decimal("0.10")
        await eventually(lambda: client.balances["BTC"] == sim.account.balances["BTC"])
        assert client.balances.wallets("BTC") == {("spot", "main"): client.balances["BTC"]}


# Outcomes.


async def test_order_whose_reply_is_lost_is_found_in_the_stream() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_replies(1, method="add_order")
        order = await unknown(client, limit())
        await order.wait_settled(5)
        assert order.status == "new"
        assert len(sim.account.orders) == 1


async def test_order_whose_connection_is_lost_is_found_in_the_snapshot() -> None:
    async with scene() as (sim, client):
        sim.faults.cut_before_reply(1)
        sim.faults.lose_reports(2)
        order = await unknown(client, limit())
        assert (await order.wait_settled(30)).is_open
        assert sim.account.orders.keys() == {order.order_id}


async def test_order_that_filled_while_offline_is_found_by_its_fills() -> None:
    async with scene() as (sim, client):
        sim.faults.refuse_connections(3)
        sim.faults.cut_before_reply(1)
        sim.faults.lose_reports(10)
        order = await unknown(client, AddOrderParams(BTC, "buy", "market", "0.01"))
        await order.wait_done(30)
        assert (order.status, order.cum_qty) == ("filled", Decimal("0.01"))


async def test_order_that_never_arrived_is_absent_when_it_cannot_be_matched_any_more() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order")
        began = asyncio.get_running_loop().time()
        order = await unknown(client, limit())
        assert order.status == "unknown"
        assert client.orders.unsettled == [order]
        await order.wait_settled(30)
        assert order.status == "absent"
        # The deadline of five seconds, its slack, and the pause after the snapshot.
        assert 7 < asyncio.get_running_loop().time() - began < 10
        assert order.cl_ord_id is not None
        assert sim.account.orders == {}


async def test_lost_connection_settles_it_no_sooner() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order", cut=True)
        order = await unknown(client, limit())
        await eventually(lambda: client.orders.is_current)
        assert order.status == "unknown"
        await asyncio.sleep(4)
        assert order.status == "unknown"
        # After a gap it takes two snapshots.
        await order.wait_settled(15)
        assert order.status == "absent"


async def test_late_reply_updates_the_order() -> None:
    async with scene() as (sim, client):
        sim.faults.delay_replies(3.0, 1)
        await client.unsubscribe(
            ExecutionsParams(snap_orders=True, snap_trades=True, ratecounter=True)
        )
        order = await unknown(client, limit())
        await order.wait_settled(5)
        assert order.status == "pending_new"
        assert order.order_id in sim.account.orders


async def test_order_that_arrives_after_all_comes_back_from_absent() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_requests(1, method="add_order")
        order = await unknown(client, limit())
        await order.wait_settled(15)
        assert order.status == "absent"
        await sim.account.place(BTC, "buy", "0.1", limit_price=100, cl_ord_id=order.cl_ord_id)
        await eventually(lambda: order.status == "new", 20)
        assert client.orders.open() == [order]


@pytest.mark.parametrize("is_gap", [True, False])
async def test_more_fills_than_a_snapshot_has_are_no_matter_where_the_stream_was_followed(
    is_gap: bool,
) -> None:
    async with scene() as (sim, client):
        deny_reads(sim)
        sim.faults.lose_requests(1, method="add_order", cut=is_gap)
        busy = await sim.account.place(BTC, "sell", "200", limit_price="200.0")
        order = await unknown(client, limit())
        for _ in range(60):
            await sim.account.fill(busy, "1")
        if not is_gap:
            await order.wait_settled(10)
            assert order.status == "absent"
            return
        with pytest.raises(OrderUnresolved, match="no more than 50 fills"):
            await order.wait_settled()
        assert order.status == "unknown"


async def test_stream_that_goes_on_after_the_deadline_proves_absence() -> None:
    """A maker with ten fills a second: no snapshot is needed."""
    async with scene() as (sim, client):
        busy = await sim.account.place(BTC, "sell", "200", limit_price="200.0")
        sim.faults.lose_requests(1, method="add_order")
        waiting = asyncio.ensure_future(unknown(client, limit()))
        while not waiting.done() or waiting.result().status != "absent":
            await sim.account.fill(busy, "0.1")
            await asyncio.sleep(0.1)
            assert len(sim.account.fills) < 90
        subscribed = [r.params["channel"] for r in sim.requests if r.method == "subscribe"]
        assert subscribed.count("executions") == 1


async def test_number_of_requested_snapshots_is_bounded() -> None:
    async with scene() as (sim, client):
        await client.unsubscribe(
            ExecutionsParams(snap_orders=True, snap_trades=True, ratecounter=True)
        )
        await client.subscribe(ExecutionsParams(snap_orders=True, snap_trades=False))
        deny_reads(sim)
        sim.faults.lose_requests(1, method="add_order", cut=True)
        order = await unknown(client, limit())
        with pytest.raises(OrderUnresolved, match="snap_trades"):
            await order.wait_settled()
        await asyncio.sleep(1000)
        assert order.status == "unknown"
        subscribed = [
            r
            for r in sim.requests
            if r.method == "subscribe" and r.params["channel"] == "executions"
        ]
        # Two subscriptions, a reconnect, and five snapshots for the sake of the order.
        assert len(subscribed) == 2 + 1 + 5


async def test_batch_whose_reply_is_lost_is_settled_order_by_order() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_replies(1, method="batch_add")
        with pytest.raises(OrderOutcomeUnknown):
            await client.batch_add(BatchAddParams(BTC, orders=[limit(), limit(price=99)]))
        assert len(client.orders) == 2
        for order in client.orders:
            assert (await order.wait_settled(5)).is_open


# Tracking.


async def test_later_subscription_begins_with_a_snapshot() -> None:
    async with scene() as (sim, client):
        order = (await client.add_order(limit())).order
        await order.wait_open(5)
        await client.subscribe(ExecutionsParams())
        message = await find_channel(client, "executions")
        assert message.type == "snapshot"
        assert [report.order_id for report in message.data] == [order.order_id]
        await client.subscribe(BalancesParams())
        assert (await find_channel(client, "balances")).type == "snapshot"
        await client.track_orders()
        await sim.account.cancel(order.order_id)
        report = (await find_channel(client, "executions", "update")).data[0]
        assert report.order_status == order.status == "canceled"


async def test_what_is_only_tracked_comes_through_no_queue() -> None:
    async with scene() as (_, client):
        order = (await client.add_order(limit())).order
        await order.wait_open(5)
        assert client.orders.is_current
        assert client.balances.is_current
        queued = []
        while (message := client._inbox.pop()) is not None:
            queued.append(getattr(message, "channel", None))
        assert not {"executions", "balances"} & set(queued)


async def test_orders_stay_known_without_the_stream() -> None:
    async with scene() as (_, client):
        order = (await client.add_order(limit())).order
        await order.wait_open(5)
        await client.unsubscribe(ExecutionsParams())
        assert not client.orders.is_current
        assert client.orders.open() == [order]


# The rate limit.


async def test_tier_is_learnt_and_the_stream_corrects_the_count() -> None:
    async with scene({"tier": "pro"}) as (_, client):
        assert client.rate_counter.tier.name == "pro"
        for _ in range(5):
            order = (await client.add_order(limit())).order
        await order.wait_open(5)
        assert abs(client.rate_counter.count(BTC) - 5) < 1
        await client.cancel_order(CancelOrderParams(order_id=[order.order_id]))
        await order.wait_done(5)
        assert abs(client.rate_counter.count(BTC) - 13) < 1


async def test_policy_wait_sends_when_there_is_room() -> None:
    async with scene({"tier": "starter"}, rate_policy="wait") as (_, client):
        began = asyncio.get_running_loop().time()
        order = (await client.add_order(limit())).order
        # Each costs 4, and a second makes room for one.
        await asyncio.gather(
            *(
                client.amend_order(AmendOrderParams(order.order_id, limit_price=100 - i))
                for i in range(1, 31)
            )
        )
        assert order.limit_price == 70
        assert 59 < asyncio.get_running_loop().time() - began < 75


async def test_policy_refuse_raises_and_sends_nothing_but_cancels() -> None:
    async with scene({"tier": "starter"}, rate_policy="refuse") as (sim, client):
        order = (await client.add_order(limit())).order
        amends = [AmendOrderParams(order.order_id, limit_price=100 - i) for i in range(1, 31)]
        for amend in amends[:14]:
            await client.amend_order(amend)
        with pytest.raises(RateLimitExceeded) as caught:
            await client.amend_order(amends[14])
        error = caught.value
        assert (error.symbol, error.cost, error.method) == (BTC, 4, "amend_order")
        assert 0 < error.seconds < 4
        assert len([r for r in sim.requests if r.method == "amend_order"]) == 14
        prepared = client.prepare_amend(order_id=order.order_id)
        with pytest.raises(RateLimitExceeded):
            await prepared(limit_price=50)
        await asyncio.sleep(error.seconds)
        await prepared(limit_price=50)
        with pytest.raises(TradingError, match="Rate limit exceeded"):
            await client.cancel_order(CancelOrderParams(order_id=[order.order_id]))


def test_there_is_no_such_policy() -> None:
    with pytest.raises(ValueError, match="rate_policy"):
        KrakenWSClient(rate_policy="hope")  # type: ignore[arg-type]


async def test_first_snapshot_is_concluded_soon_where_nothing_else_is_sent() -> None:
    options: dict[str, Any] = {"ping_interval": 60.0, "request_timeout": 1.0}
    async with scene({"heartbeat_interval": 0}, **options) as (_, client):
        await client.orders.wait_current(0.0)
        assert virtual.current().time() < 1001.5


async def test_lost_answers_time_out_on_time_where_the_timeout_is_short() -> None:
    async with trading(request_timeout=0.4) as (sim, client):
        await client.add_order(limit())
        for _ in range(5):
            sim.faults.lose_replies(1, method="add_order")
            began = virtual.current().time()
            with pytest.raises(OrderOutcomeUnknown):
                await client.add_order(limit())
            assert virtual.current().time() - began == pytest.approx(0.4, abs=0.01)
