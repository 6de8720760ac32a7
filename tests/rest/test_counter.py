"""The client's count of the REST rate limit, by tier.

The figures are those of docs.kraken.com, guide "Spot REST rate limits": 15 and 0.33 a second, 20
and 0.5, 20 and 1; calls about ledgers and trade history cost 2, and the searches for orders here
too, as Kraken's SDK counts. Orders and cancels cost nothing.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from tests import virtual
from tests.rest.server import Server
from tests.ws.helpers import BTC

from kraken_connector import AddOrderParams, KrakenRest, RestError
from kraken_connector.sim import SimulatedExchange

pytestmark = pytest.mark.virtual_time

TIERS: list[tuple[Any, int, float]] = [
    ("starter", 15, 0.33),
    ("intermediate", 20, 0.5),
    ("pro", 20, 1.0),
]
#: The exchange lowers its counter "every couple of seconds".
LATE = 2.0
BALANCE = {"BalanceEx": {}, "OpenOrders": {"open": {}}, "CancelAll": {"count": 0}}


@pytest.mark.parametrize(("tier", "most", "decay"), TIERS)
async def test_calls_beyond_the_limit_wait(
    server: Server, tier: Any, most: int, decay: float
) -> None:
    server.answers |= BALANCE
    began = asyncio.get_running_loop().time()
    async with server.client(tier=tier, timeout=30.0) as rest:
        for _ in range(most):
            await rest.balances()
        assert asyncio.get_running_loop().time() - began < 1.0
        await rest.balances()
        await rest.balances()
    first, second = [call.at - began for call in server.calls[-2:]]
    assert first == pytest.approx(LATE + 1 / decay, abs=0.2)
    assert second == pytest.approx(first + 1 / decay, abs=0.2)


async def test_count_outlives_the_client(server: Server) -> None:
    server.answers |= BALANCE

    async def script() -> None:
        async with server.client(rate_policy="refuse") as rest:
            await rest.balances()

    for _ in range(15):
        await script()
        gc.collect()
    with pytest.raises(RestError, match="REST rate limit is used up"):
        await script()
    assert len(server.calls) == 15


async def test_concurrent_calls_do_not_take_the_same_room(server: Server) -> None:
    server.answers |= BALANCE
    began = asyncio.get_running_loop().time()
    async with server.client(timeout=60.0, tier="pro") as rest:
        await asyncio.gather(*(rest.balances() for _ in range(30)))
    at = [call.at - began for call in server.calls]
    assert len([time for time in at if time < 1.0]) == 20
    for number, time in enumerate(sorted(at)[20:], start=1):
        assert time >= LATE + number - 0.1


@pytest.mark.parametrize(("call", "calls"), [("balances", 15), ("open_orders", 7)])
async def test_call_without_room_is_refused_on_request(
    server: Server, call: str, calls: int
) -> None:
    server.answers |= BALANCE
    async with server.client(rate_policy="refuse") as rest:
        for _ in range(calls):
            await getattr(rest, call)()
        with pytest.raises(
            RestError, match=r"REST rate limit is used up \(1[45]\.\d of 15\)"
        ) as caught:
            await getattr(rest, call)()
    error = caught.value
    assert (error.kind, error.was_sent, error.retryable) == ("rate", False, True)
    assert error.retry_after is not None
    assert error.retry_after > LATE
    assert len(server.calls) == calls


async def test_call_that_would_wait_beyond_its_timeout_is_refused_at_once(server: Server) -> None:
    server.answers |= BALANCE
    async with server.client(timeout=4.0) as rest:
        for _ in range(15):
            await rest.balances()
        began = asyncio.get_running_loop().time()
        with pytest.raises(RestError, match="there is room in"):
            await rest.balances()
        assert asyncio.get_running_loop().time() - began < 0.1


async def test_orders_and_urgent_calls_need_no_room(server: Server) -> None:
    server.answers |= {**BALANCE, "AddOrder": {"txid": ["O1"]}}
    order = AddOrderParams("BTC/USD", "buy", "limit", "1", limit_price="1")
    began = asyncio.get_running_loop().time()
    async with server.client() as rest:
        for _ in range(15):
            await rest.balances()
        await rest.cancel_all()
        await rest.add_order(order)
        assert await rest.open_orders(urgent=True) == {}
    assert asyncio.get_running_loop().time() - began < 1.0


async def test_clients_of_a_key_share_its_counter(server: Server) -> None:
    server.answers |= BALANCE
    async with server.client(rate_policy="refuse") as one, server.client() as other:
        for _ in range(15):
            await other.balances()
        with pytest.raises(RestError, match="used up"):
            await one.balances()
        async with server.client(api_key="another", rate_policy="refuse") as third:
            await third.balances()


async def test_refusal_of_the_exchange_fills_the_counter(server: Server) -> None:
    """Other programs may use the same key."""
    server.answers |= {**BALANCE, "OpenOrders": "EAPI:Rate limit exceeded"}
    async with server.client(rate_policy="refuse", timeout=1.0) as rest:
        with pytest.raises(RestError, match="EAPI:Rate limit exceeded"):
            await rest.open_orders()
        with pytest.raises(RestError, match="used up"):
            await rest.balances()


@pytest.mark.parametrize(("tier", "most", "decay"), TIERS)
async def test_the_exchange_refuses_no_call_that_waited(tier: Any, most: int, decay: float) -> None:
    """Its counter was written from the same page, and falls in steps of two seconds."""
    clock = virtual.current().time_ns
    async with SimulatedExchange(symbols=[BTC], rate=0, tier=tier, clock=clock) as sim:
        rest = KrakenRest(
            sim.api_key,
            sim.api_secret,
            base_url=sim.rest_url,
            proxy=False,
            tier=tier,
            timeout=600.0,
        )
        began = asyncio.get_running_loop().time()
        async with rest:
            reads = [rest.balances if number % 3 else rest.trade_volume for number in range(60)]
            await asyncio.gather(*(read() for read in reads))
        seconds = asyncio.get_running_loop().time() - began
        assert len([call for call in sim.rest.journal if call.name != "AssetPairs"]) == 60
    assert seconds == pytest.approx((60 - most) / decay + LATE, abs=3.0), "nor did they wait longer"
