"""Every field of every kind of reply with a value that does not belong there.

Whatever stands in it, the socket stays, and whoever waits gets an outcome in time. The test of
messages is `test_odd_frames.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.faults.odd import Odd, changed, oddities
from tests.ws.helpers import BTC, ETH, eventually, trading

from kraken_connector.exceptions import KrakenConnectorError
from kraken_connector.sim import SimulatedExchange, rules
from kraken_connector.sim.session import Outgoing, Session
from kraken_connector.ws import (
    BalancesParams,
    ConnectionState,
    InstrumentParams,
    KrakenWSClient,
    TickerParams,
)
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelOrderParams,
    EditOrderParams,
)


@asynccontextmanager
async def following() -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    """Connect a client that keeps account of all that it can, and logs nothing."""
    logging.disable(logging.CRITICAL)
    try:
        async with trading({"symbols": [BTC, ETH]}, request_timeout=2.0) as (sim, client):
            await client.track_orders()
            await client.track_balances()
            await client.subscribe(InstrumentParams())
            await client.subscribe(TickerParams(symbol=[BTC]))
            yield sim, client
    finally:
        logging.disable(logging.NOTSET)


def limit(price: str = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", "0.10", limit_price=price, **options)


async def all_is_well(sim: SimulatedExchange, client: KrakenWSClient) -> None:
    """Check that the one socket is there, and that what it brings is booked."""
    await eventually(lambda: client.orders.is_current and client.balances.is_current, 120)
    await eventually(lambda: client.state is ConnectionState.CONNECTED, 120)
    assert sim.connections_total == 1
    placed = await client.add_order(limit())
    await eventually(lambda: placed.order.status == "new")
    await client.cancel_order(CancelOrderParams(order_id=[placed.order.order_id]))
    await eventually(lambda: placed.order.status == "canceled")
    await client.add_order(AddOrderParams(BTC, "buy", "market", "0.10"))
    await eventually(lambda: client.balances["BTC"] == sim.account.balances["BTC"])
    await eventually(lambda: client.instruments.rules(BTC))


async def placed_id(client: KrakenWSClient) -> str:
    """Return the id of an order that is open."""
    placed = await client.add_order(limit())
    return str(placed.order.order_id)


async def _add(client: KrakenWSClient, _: str) -> Any:
    return await client.add_order(limit())


async def _add_refused(client: KrakenWSClient, _: str) -> Any:
    return await client.add_order(limit("1.0", time_in_force="ioc", cl_ord_id="x" * 10))


async def _amend(client: KrakenWSClient, name: str) -> Any:
    return await client.amend_order(AmendOrderParams(name, limit_price="99.0"))


async def _edit(client: KrakenWSClient, name: str) -> Any:
    return await client.edit_order(EditOrderParams(name, BTC, order_qty="0.20"))


async def _cancel(client: KrakenWSClient, name: str) -> Any:
    return await client.cancel_order(CancelOrderParams(order_id=[name]))


async def _cancel_refused(client: KrakenWSClient, _: str) -> Any:
    return await client.cancel_order(CancelOrderParams(order_id=["OAAAAA-BBBBB-CCCCCC"]))


async def _cancel_all(client: KrakenWSClient, _: str) -> Any:
    return await client.cancel_all()


async def _cancel_after(client: KrakenWSClient, _: str) -> Any:
    return await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=60))


async def _batch_add(client: KrakenWSClient, _: str) -> Any:
    return await client.batch_add(BatchAddParams(symbol=BTC, orders=[limit(), limit("99.0")]))


async def _batch_cancel(client: KrakenWSClient, name: str) -> Any:
    return await client.batch_cancel(BatchCancelParams(orders=[name, "OAAAAA-BBBBB-CCCCCC"]))


async def _subscribe(client: KrakenWSClient, _: str) -> Any:
    return await client.subscribe(TickerParams(symbol=[ETH]))


async def _subscribe_refused(client: KrakenWSClient, _: str) -> Any:
    return await client.subscribe(TickerParams(symbol=["NO/PAIR"]))


async def _resubscribe(client: KrakenWSClient, _: str) -> Any:
    await client.unsubscribe(BalancesParams(snapshot=True))
    return await client.track_balances()


async def _unsubscribe(client: KrakenWSClient, _: str) -> Any:
    await client.subscribe(TickerParams(symbol=[ETH]))
    return await client.unsubscribe(TickerParams(symbol=[ETH]))


Act = Callable[[KrakenWSClient, str], Awaitable[Any]]
REPLIES: tuple[Act, ...] = (
    _add,
    _add_refused,
    _amend,
    _edit,
    _cancel,
    _cancel_refused,
    _cancel_all,
    _cancel_after,
    _batch_add,
    _batch_cancel,
    _subscribe,
    _subscribe_refused,
    _resubscribe,
    _unsubscribe,
)


@pytest.mark.virtual_time
@pytest.mark.parametrize("request_one", REPLIES)
async def test_odd_field_of_a_reply_leaves_nobody_waiting(request_one: Act) -> None:
    async with following() as (sim, client):
        for odd in await oddities_of_reply(sim, client, request_one):
            name = await placed_id(client)
            rule = sim.faults.add("odd", is_reply, replaced_by(odd))
            call = asyncio.create_task(request_one(client, name))
            await asyncio.wait([call], timeout=30)
            assert call.done(), odd
            call.exception()
            rule.cancel()
            assert sim.connections_total == 1, odd
            await client.cancel_all()
            await asyncio.sleep(10)  # of the rate limit, so that no request is refused for it
        await client.track_balances()
        await all_is_well(sim, client)


def is_reply(message: Outgoing) -> bool:
    return message.kind in ("reply", "answer")


def replaced_by(odd: Odd) -> rules.Act:
    def act(_: Session, message: Outgoing) -> list[Outgoing]:
        try:
            return [replace(message, payload=changed(json.loads(message.payload), odd))]
        except (KeyError, IndexError, TypeError):
            return [message]  # This one has not that field.

    return act


async def oddities_of_reply(
    sim: SimulatedExchange, client: KrakenWSClient, request_one: Act
) -> list[Odd]:
    """Make a request, and return all that may be odd about its reply."""
    replies: list[Any] = []

    def keep(_: Session, message: Outgoing) -> list[Outgoing]:
        replies.append(json.loads(message.payload))
        return [message]

    name = await placed_id(client)
    rule = sim.faults.add("keep", is_reply, keep, None)
    with contextlib.suppress(KrakenConnectorError, KeyError):
        await request_one(client, name)
    rule.cancel()
    await client.cancel_all()
    return list({repr(odd): odd for reply in replies for odd in oddities(reply)}.values())
