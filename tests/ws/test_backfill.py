"""`client.backfill`: gaps of `trade` and `executions`, filled by REST, late or incomplete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from tests.ws.helpers import (
    BTC,
    ETH,
    client_of,
    deny_reads,
    eventually,
    find_channel,
    find_type,
    tls_contexts,
    tokens_of,
    trading,
)

from kraken_connector.exceptions import RestError
from kraken_connector.models import TradeData
from kraken_connector.rest import KrakenRest
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    BookParams,
    GapEvent,
    KrakenWSClient,
    Order,
    TradeParams,
)
from kraken_connector.ws.by_rest.backfill import missing_ranges

virtual_time = pytest.mark.virtual_time
STEADY = {"max_reconnect_attempts": 10**6}


async def trades_of(client: KrakenWSClient, count: int) -> list[TradeData]:
    """Receive trades of the stream until there are so many."""
    received: list[TradeData] = []
    while len(received) < count:
        received += (await find_channel(client, "trade", "update")).data
    return received


async def trade(sim: SimulatedExchange, count: int, symbol: str = BTC) -> None:
    for _ in range(count):
        await sim.trade(symbol, "buy", Decimal("0.001"))


async def gap_of(sim: SimulatedExchange, client: KrakenWSClient, during: Any) -> GapEvent:
    """Cut the connection, let something happen meanwhile, and return the gap."""
    sim.faults.refuse_connections(None)
    sim.faults.reset_connections()
    await asyncio.sleep(0.1)
    await during
    await asyncio.sleep(0.1)
    sim.faults.clear()
    return await find_type(client, GapEvent)


# Trades.


@virtual_time
async def test_trades_of_a_gap_are_those_of_the_stream() -> None:
    """Each `trade_id` once and in order, with the types and digits of channel `trade`."""
    async with trading(**STEADY) as (sim, client):
        await client.subscribe(TradeParams(symbol=[BTC], snapshot=False))
        await trade(sim, 3)
        before = await trades_of(client, 3)
        gap = await gap_of(sim, client, trade(sim, 40))
        await trade(sim, 2)
        after = await trades_of(client, 2)
        around = {BTC: (before[-1].trade_id, after[0].trade_id)}
        backfill = await client.backfill(gap, around=around)
        ids = [item.trade_id for item in backfill.trades]
        assert ids == list(range(before[-1].trade_id + 1, after[0].trade_id))
        assert len(ids) >= 40
        assert backfill.is_complete
        assert backfill.missing == {}
        # Without the neighbours, those of a few seconds are in it too, and they are the same.
        wide = {item.trade_id: item for item in (await client.backfill(gap)).trades}
        for item in before + after:
            same = wide[item.trade_id]
            assert same == item
            assert same.decimal("price") == item.decimal("price")
            assert same.decimal("qty") == item.decimal("qty")


@virtual_time
async def test_trades_are_walked_page_by_page() -> None:
    """A page has a thousand trades."""
    async with trading(**STEADY) as (sim, client):
        await client.subscribe(TradeParams(symbol=[BTC], snapshot=False))
        await trade(sim, 1)
        (last,) = await trades_of(client, 1)
        gap = await gap_of(sim, client, trade(sim, 2300))
        backfill = await client.backfill(gap, around={BTC: (last.trade_id, None)})
        ids = [item.trade_id for item in backfill.trades]
        assert ids == list(range(last.trade_id + 1, ids[-1] + 1))
        assert len(ids) >= 2300
        assert backfill.is_complete
        assert [call.name for call in sim.rest.journal].count("Trades") >= 3


@virtual_time
async def test_missing_trades_are_reported() -> None:
    async with trading(**STEADY) as (sim, client):
        await client.subscribe(TradeParams(symbol=[BTC], snapshot=False))
        await trade(sim, 1)
        (last,) = await trades_of(client, 1)
        gap = await gap_of(sim, client, trade(sim, 10))
        first = last.trade_id + 1

        def leave_out(result: dict[str, Any]) -> dict[str, Any]:
            lost = {first, first + 4, first + 5, first + 9}
            return {
                key: [row for row in rows if row[6] not in lost] if key != "last" else rows
                for key, rows in result.items()
            }

        sim.faults.rewrite_calls(leave_out, None, calls=("Trades",))
        around = {BTC: (last.trade_id, first + 10)}
        backfill = await client.backfill(gap, around=around)
        assert backfill.missing[BTC] == (
            range(first, first + 1),
            range(first + 4, first + 6),
            range(first + 9, first + 10),
        )
        assert not backfill.is_complete
        assert len(backfill.problems) == 3
        assert f"no trade {first + 4} to {first + 5} of BTC/USD" in backfill.problems[1]


@pytest.mark.parametrize(
    ("ids", "before", "after", "ranges"),
    [
        ((), None, None, []),
        ((5, 6, 7), None, None, []),
        ((5, 8), None, None, [range(6, 8)]),
        ((5, 6), 3, 9, [range(4, 5), range(7, 9)]),
        ((), 3, 9, [range(4, 9)]),
        ((), 3, 4, []),
        ((), 3, None, []),
    ],
)
def test_holes_are_what_is_missing_between_neighbours(
    ids: Iterable[int], before: int | None, after: int | None, ranges: list[range]
) -> None:
    assert list(missing_ranges(ids, before, after)) == ranges


@virtual_time
async def test_only_pairs_whose_trades_are_subscribed_are_read() -> None:
    async with trading({"symbols": [BTC, ETH]}, **STEADY) as (sim, client):
        await client.subscribe(TradeParams(symbol=[ETH], snapshot=False))
        await client.subscribe(BookParams(symbol=[BTC]))
        gap = await gap_of(sim, client, trade(sim, 2, ETH))
        assert gap.symbols == [BTC, ETH]
        backfill = await client.backfill(gap)
        assert {item.symbol for item in backfill.trades} == {ETH}
        asked = await client.backfill(gap, symbols=[BTC])
        assert {item.symbol for item in asked.trades} <= {BTC}


# Fills.


def limit(qty: Any = "100", price: Any = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", qty, limit_price=price, **options)


async def fill(sim: SimulatedExchange, order: Order, count: int) -> None:
    for _ in range(count):
        await sim.account.fill(str(order.order_id), "0.1", "99.0")


@virtual_time
@pytest.mark.parametrize("is_still_open", [True, False])
async def test_fills_of_a_gap_are_applied_once(is_still_open: bool) -> None:
    """More than the fifty that a snapshot has; the exchange's records are the truth."""
    async with trading({"tier": "pro"}, **STEADY) as (sim, client):
        await client.track_orders()
        await eventually(lambda: client.orders.is_concluded)
        told: list[tuple[Order | None, str]] = []
        client.orders.on_fill(lambda order, fill: told.append((order, fill.exec_id)))
        order = await (await client.add_order(limit())).order.wait_open(5)
        await fill(sim, order, 3)
        await eventually(lambda: len(order.fills) == 3)

        async def during() -> None:
            await fill(sim, order, 120)
            if not is_still_open:
                await sim.account.cancel(str(order.order_id))

        gap = await gap_of(sim, client, during())
        assert "executions" in gap.channels
        await eventually(lambda: client.orders.lost_fills == 1)
        backfill = await client.backfill(gap)
        assert backfill.is_complete
        assert backfill.orders == (order,)
        truth = sim.account.orders[str(order.order_id)]
        assert (order.cum_qty, order.cum_cost) == (truth.cum_qty, truth.cum_cost)
        ids = [made.exec_id for made in sim.account.fills]
        assert sorted(made.exec_id for made in order.fills) == sorted(ids)
        assert sorted(exec_id for owner, exec_id in told if owner is order) == sorted(ids)
        assert order.fees["USD"] == sum(made.fee for made in sim.account.fills)
        assert client.orders.lost_fills == 0
        assert client.orders.has_all_fills(order)
        assert client.positions[BTC].qty == Decimal("12.3")
        # What the stream reports afterwards is counted once too.
        if is_still_open:
            await fill(sim, order, 2)
            await eventually(lambda: len(order.fills) == 125)
            assert order.cum_qty == Decimal("12.5")
        again = await client.backfill(gap)
        assert again.new_fills == ()
        assert order.cum_qty == sum(made.qty for made in sim.account.fills)


@virtual_time
async def test_rest_that_lags_is_asked_again() -> None:
    async with trading({"tier": "pro"}, **STEADY) as (sim, client):
        await client.track_orders()
        await eventually(lambda: client.orders.is_concluded)
        order = await (await client.add_order(limit())).order.wait_open(5)
        gap = await gap_of(sim, client, fill(sim, order, 60))
        await eventually(lambda: client.orders.lost_fills == 1)
        sim.rest.settings.lag = 4.0
        backfill = await client.backfill(gap)
        assert backfill.is_complete
        assert len(order.fills) == 60
        assert client.orders.lost_fills == 0


@virtual_time
async def test_lost_fills_stay_lost_while_rest_does_not_have_them() -> None:
    async with trading({"tier": "pro"}, **STEADY) as (sim, client):
        await client.track_orders()
        await eventually(lambda: client.orders.is_concluded)
        order = await (await client.add_order(limit())).order.wait_open(5)
        gap = await gap_of(sim, client, fill(sim, order, 60))
        await eventually(lambda: client.orders.lost_fills == 1)
        sim.rest.settings.lag = 1000.0
        backfill = await client.backfill(gap)
        assert not backfill.is_complete
        assert any(str(order.order_id) in problem for problem in backfill.problems)
        assert client.orders.lost_fills == 1
        assert not client.orders.are_fills_complete


# What cannot be filled.


@virtual_time
async def test_other_channels_are_refused() -> None:
    async with trading() as (_, client):
        gap = GapEvent("disconnect", time.time_ns(), None, ["book"], [BTC], "")
        with pytest.raises(ValueError, match="only gaps of trade and executions"):
            await client.backfill(gap)
        with pytest.raises(TypeError, match="must be a GapEvent"):
            await client.backfill("trade")  # type: ignore[arg-type]


@virtual_time
async def test_fills_need_a_key() -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim, client_of(sim) as client:
        gap = GapEvent("disconnect", time.time_ns(), None, ["executions"], [BTC], "")
        with pytest.raises(ValueError, match="API key"):
            await client.backfill(gap)


@virtual_time
async def test_refusal_of_the_exchange_is_raised() -> None:
    async with trading() as (sim, client):
        deny_reads(sim)
        gap = GapEvent("disconnect", time.time_ns(), None, ["executions"], [], "")
        with pytest.raises(RestError, match="Permission denied"):
            await client.backfill(gap)


async def test_trades_need_no_key_and_come_over_https() -> None:
    server, trust = tls_contexts("127.0.0.1", "localhost")
    async with SimulatedExchange(symbols=[BTC], rate=0, clock=time.time_ns, ssl=server) as sim:
        rest = KrakenRest(base_url=sim.rest_url, ssl=trust, proxy=False)
        async with rest, client_of(sim, rest=rest, ssl=trust) as client:
            await trade(sim, 5)
            now = time.time_ns()
            gap = GapEvent("disconnect", now - 10**9, now, ["trade"], [BTC], "")
            backfill = await client.backfill(gap)
            ids = [item.trade_id for item in backfill.trades][-5:]
            assert ids == list(range(ids[0], ids[0] + 5))
            assert backfill.is_complete


async def test_orders_are_settled_over_https() -> None:
    server, trust = tls_contexts("127.0.0.1", "localhost")
    plan: dict[str, Any] = {"symbols": [BTC], "rate": 0, "clock": time.time_ns, "ssl": server}
    async with SimulatedExchange(**plan, balances={"USD": 10**9}) as sim:
        tokens = tokens_of(sim, tls=trust)
        async with client_of(sim, token_manager=tokens, ssl=trust, order_deadline=1.0) as client:
            await client.track_orders()
            order = await (await client.add_order(limit())).order.wait_open(5)
            sim.faults.refuse_connections(None)
            sim.faults.reset_connections()
            await sim.account.fill(str(order.order_id), "1", "99.0")
            await sim.account.cancel(str(order.order_id))
            sim.faults.clear()
            await eventually(lambda: order.status == "canceled")
            assert order.cum_qty == 1
