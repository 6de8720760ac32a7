"""Every call over real HTTPS against the simulated exchange, which was written from the same pages
and from nothing of the client."""

from __future__ import annotations

import asyncio
import typing
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.rest.conftest import SERVER_TLS, client_of
from tests.ws.helpers import BTC, ETH

from kraken_connector import (
    AddOrderParams,
    AmendOrderParams,
    KrakenRest,
    OrderOutcomeUnknown,
    OrderTrigger,
    RestError,
    RestPlaced,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.rest.garbled import Garbled

ORDER = AddOrderParams(BTC, "buy", "limit", "0.5", limit_price="80000.0", cl_ord_id="mine")


async def test_public_calls(sim: SimulatedExchange, rest: KrakenRest) -> None:
    assert (await rest.system_status()).status == "online"
    assert (await rest.server_time()).unixtime > 1_700_000_000
    pairs = await rest.asset_pairs()
    assert set(pairs) == {BTC, ETH, "SOL/USD"}
    pair = pairs[BTC]
    assert (pair.base, pair.quote, pair.price_increment) == ("BTC", "USD", Decimal("0.1"))
    assert 5 in pair.leverage_buy
    assert list(await rest.asset_pairs([ETH])) == [ETH]
    candles = await rest.ohlc(BTC, 5)
    times = [candle.time_ns for candle in candles.candles]
    assert times == sorted(times)
    assert {time % (300 * 10**9) for time in times} == {0}
    depth = await rest.depth(BTC, 5)
    assert [level.price for level in depth.bids] == sorted(
        (level.price for level in depth.bids), reverse=True
    )
    assert depth.bids[0].price < depth.asks[0].price
    assert len(depth.asks) == 5


async def test_trades_continue_where_the_last_ended(
    sim: SimulatedExchange, rest: KrakenRest
) -> None:
    first = await rest.trades(BTC, since=1, count=3)
    second = await rest.trades(BTC, since=first.last, count=3)
    ids = [trade.trade_id for trade in (*first.trades, *second.trades)]
    assert ids == list(range(ids[0], ids[0] + 6))


async def test_life_of_an_order(sim: SimulatedExchange, rest: KrakenRest) -> None:
    placed = await rest.add_order(ORDER)
    assert placed.order_id is not None
    order_id = placed.order_id
    assert (await rest.open_orders())[order_id].status == "new"
    assert list(await rest.open_orders(cl_ord_id="mine")) == [order_id]
    assert await rest.open_orders(cl_ord_id="other") == {}
    amended = await rest.amend_order(AmendOrderParams(order_id, limit_price="80000.1"))
    assert amended.amend_id
    order = (await rest.query_orders([order_id]))[order_id]
    assert (order.symbol, order.cl_ord_id, order.limit_price) == (BTC, "mine", Decimal("80000.1"))
    assert (await rest.balances())["USD"].hold_trade > 40000
    await sim.account.fill(order_id, "0.2")
    order = (await rest.open_orders(trades=True))[order_id]
    assert (order.status, order.cum_qty) == ("partially_filled", Decimal("0.2"))
    (exec_id,) = order.exec_ids
    fill = (await rest.query_trades([exec_id]))[exec_id]
    assert (fill.order_id, fill.qty, fill.symbol) == (order_id, Decimal("0.2"), BTC)
    assert order.average_price == fill.price
    assert (await rest.cancel_order(cl_ord_id="mine")).count == 1
    (closed,) = [order async for order in rest.closed_orders()]
    assert (closed.order_id, closed.status) == (order_id, "canceled")
    assert [fill.exec_id async for fill in rest.trades_history()] == [exec_id]
    with pytest.raises(RestError) as gone:
        await rest.cancel_order(order_id)
    assert gone.value.kind == "unknown_order"


async def test_filled_order_with_leverage(sim: SimulatedExchange, rest: KrakenRest) -> None:
    """`closed` means filled, and only REST takes a leverage."""
    order = AddOrderParams(BTC, "buy", "market", "0.5", margin=True)
    placed = await rest.add_order(order, leverage=2)
    assert placed.order_id is not None
    done = (await rest.query_orders([placed.order_id]))[placed.order_id]
    assert (done.status, done.rest_status, done.leverage) == ("filled", "closed", "2:1")
    assert done.cl_ord_id == placed.cl_ord_id
    fills = await rest.query_trades(done.exec_ids)
    assert sum(fill.qty for fill in fills.values()) == done.cum_qty == Decimal("0.5")
    (position,) = (await rest.open_positions(value=True)).values()
    assert (position.symbol, position.qty) == (BTC, Decimal("0.5"))
    assert (await rest.trade_balance()).margin == position.margin.quantize(Decimal("0.0001"))


async def test_orders_of_every_kind_are_understood(
    sim: SimulatedExchange, rest: KrakenRest
) -> None:
    """The exchange shows what was meant."""
    stop = AddOrderParams(
        BTC,
        "sell",
        "stop-loss-limit",
        "0.5",
        limit_price="70000.0",
        triggers=OrderTrigger(price="71000.0"),
    )
    trailing = AddOrderParams(
        BTC, "sell", "trailing-stop", "0.5", triggers=OrderTrigger(price="5", price_type="pct")
    )
    iceberg = AddOrderParams(
        BTC, "buy", "iceberg", "1.5", limit_price="70000.0", display_qty="0.1", post_only=True
    )
    for order in (stop, trailing, iceberg):
        await rest.add_order(order)
    shown = {order.order_type: order for order in (await rest.open_orders()).values()}
    assert (shown["stop-loss-limit"].limit_price, shown["stop-loss-limit"].trigger_price) == (
        Decimal(70000),
        Decimal(71000),
    )
    assert shown["trailing-stop"].order_qty == Decimal("0.5")
    assert "post" in shown["iceberg"].oflags
    timed = await rest.add_order(ORDER, expire="+60")
    assert (await rest.open_orders())[str(timed.order_id)].expires_ns is not None


async def test_account_and_key(sim: SimulatedExchange, rest: KrakenRest) -> None:
    volume = await rest.trade_volume([BTC, ETH], fee_schedule=True)
    assert set(volume.fees) == set(volume.schedules) == {BTC, ETH}
    assert volume.fees[BTC].percent > volume.fees_maker[BTC].percent
    info = await rest.api_key_info()
    assert "create-ws-token" in info.permissions
    assert info.nonce is not None
    token = await rest.get_websockets_token()
    assert token.expires == 900


async def test_dead_mans_switch(sim: SimulatedExchange, rest: KrakenRest) -> None:
    assert (await rest.cancel_all_orders_after(60)).is_armed
    assert not (await rest.cancel_all_orders_after(0)).is_armed
    await rest.add_order(ORDER)
    assert (await rest.cancel_all()).count == 1
    assert await rest.open_orders() == {}


async def test_many_pages(sim: SimulatedExchange, rest: KrakenRest) -> None:
    for _ in range(7):
        await rest.add_order(AddOrderParams(BTC, "buy", "market", "5"))
    fills = [fill.exec_id async for fill in rest.trades_history()]
    assert len(fills) > 100, "more than two pages"
    assert set(fills) == {
        exec_id
        for order in (
            await rest.query_orders([order.order_id async for order in rest.closed_orders()])
        ).values()
        for exec_id in order.exec_ids
    }
    assert len(fills) == len(set(fills))


# Orders whose answer is lost.

Fault = Callable[[SimulatedExchange], Any]
#: What happens to the call, and whether the order is placed.
LOST: dict[str, tuple[Fault, bool]] = {
    "reset after": (lambda sim: sim.faults.drop_calls(calls=("AddOrder",)), True),
    "reset before": (
        lambda sim: sim.faults.drop_calls(calls=("AddOrder",), carried_out=False),
        False,
    ),
    "silence after": (
        lambda sim: sim.faults.hang_calls(calls=("AddOrder",), carried_out=True),
        True,
    ),
    "silence before": (lambda sim: sim.faults.hang_calls(calls=("AddOrder",)), False),
    "502 after": (lambda sim: sim.faults.break_calls(calls=("AddOrder",), carried_out=True), True),
    "502 before": (lambda sim: sim.faults.break_calls(calls=("AddOrder",)), False),
    "busy after": (lambda sim: sim.faults.fail_calls("EService:Busy", calls=("AddOrder",)), True),
    "busy before": (
        lambda sim: sim.faults.refuse_calls("EService:Busy", calls=("AddOrder",)),
        False,
    ),
    "internal error after": (
        lambda sim: sim.faults.fail_calls("EGeneral:Internal error", calls=("AddOrder",)),
        True,
    ),
    "no identifier": (lambda sim: sim.faults.alter_calls(calls=("AddOrder",), txid=...), True),
}


@pytest.mark.parametrize("fault", LOST)
async def test_order_without_an_answer_is_unknown_and_sent_once(
    sim: SimulatedExchange, fault: str
) -> None:
    break_it, is_placed = LOST[fault]
    async with client_of(sim, timeout=1.0) as rest:
        await rest.asset_pairs()
        break_it(sim)
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await rest.add_order(ORDER)
        assert caught.value.cl_ord_id == "mine"
    assert [call.name for call in sim.rest.journal].count("AddOrder") == 1
    async with client_of(sim) as rest:
        assert len(await rest.open_orders(cl_ord_id="mine")) == is_placed


@pytest.mark.parametrize("kind", typing.get_args(Garbled))
async def test_order_with_a_garbled_answer_never_looks_refused(
    sim: SimulatedExchange, kind: Garbled
) -> None:
    """It was placed, so it is either returned with its identifier or unknown."""
    sim.faults.garble_calls(kind, calls=("AddOrder",))
    async with client_of(sim) as rest:
        result: Any
        try:
            result = await rest.add_order(ORDER)
        except OrderOutcomeUnknown as error:
            result = error
        (order_id,) = await rest.open_orders()
    if isinstance(result, RestPlaced):
        assert result.order_id == order_id
    else:
        assert result.cl_ord_id == "mine"


async def test_cancels_are_repeated_until_they_are_answered(
    sim: SimulatedExchange, rest: KrakenRest
) -> None:
    await rest.add_order(ORDER)
    sim.faults.drop_calls(calls=("CancelAll",), carried_out=False)
    sim.faults.break_calls(503, calls=("CancelAll",))
    sim.faults.refuse_calls("EService:Busy", calls=("CancelAll",))
    assert (await rest.cancel_all()).count == 1
    assert await rest.open_orders() == {}


async def test_reads_are_repeated(sim: SimulatedExchange, rest: KrakenRest) -> None:
    sim.faults.drop_calls(calls=("BalanceEx",))
    sim.faults.garble_calls("cut", calls=("BalanceEx",))
    sim.faults.refuse_calls("EAPI:Invalid nonce", calls=("BalanceEx",))
    assert (await rest.balances())["BTC"].balance == Decimal(10**4)


@pytest.mark.parametrize("kind", ["bare numbers", "no error", "error null"])
async def test_odd_forms_that_lose_nothing_are_read(
    sim: SimulatedExchange, rest: KrakenRest, kind: Garbled
) -> None:
    await rest.add_order(ORDER)
    sim.faults.garble_calls(kind, times=None, calls=("OpenOrders", "BalanceEx"))
    (order,) = (await rest.open_orders()).values()
    assert (order.order_qty, order.limit_price) == (Decimal("0.5"), Decimal(80000))
    assert (await rest.balances())["BTC"].balance == Decimal(10**4)


async def test_real_limit_is_not_exceeded() -> None:
    """The exchange refuses none of the calls, as the client counts the same."""
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, ssl=SERVER_TLS, tier="starter") as sim,
        client_of(sim, tier="starter", rate_policy="refuse") as rest,
    ):
        results = await asyncio.gather(
            *(rest.balances() for _ in range(20)), return_exceptions=True
        )
    refused = [error for error in results if isinstance(error, RestError)]
    assert {error.was_sent for error in refused} == {False}
    assert len(results) - len(refused) == 15
