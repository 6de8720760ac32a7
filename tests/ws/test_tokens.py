"""Tokens of a whole client, in virtual time: how often they are fetched, and what works without."""

from __future__ import annotations

import asyncio

import pytest
from tests.ws.helpers import BTC, trading

from kraken_connector.exceptions import RequestTimeout, TokenAcquisitionError, TradingError
from kraken_connector.ws import (
    AddOrderParams,
    ConnectionState,
    ExecutionsParams,
    TickerParams,
)

pytestmark = pytest.mark.virtual_time

ORDER = AddOrderParams(BTC, "buy", "limit", "0.1", limit_price="100.0", validate=True)
#: Limit and decay per second of the REST counter of the lowest tier.
HOLDS, LOSES = 15, 0.33


async def test_lockout_costs_one_call_and_ends_nothing() -> None:
    async with trading(max_reconnect_attempts=1) as (sim, client):
        await client.subscribe(ExecutionsParams())
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.refuse_tokens("EGeneral:Temporary lockout", times=1)
        for _ in range(5):
            sim.faults.reset_connections()
            await asyncio.sleep(100)
        with pytest.raises(RequestTimeout, match="no token"):
            await client.add_order(ORDER)
        # Market data is back, the private stream is not yet.
        assert client.state is ConnectionState.RECONNECTING
        assert sim.registry.count("ticker", BTC)
        assert not sim.registry.count("executions", None)
        assert sim.rest.calls == 2
        await asyncio.sleep(430)
        assert sim.registry.count("executions", None)
        assert sim.rest.calls == 3
        assert (await client.add_order(ORDER)).success


async def test_socket_that_flaps_stays_within_the_allowance() -> None:
    async with trading(max_reconnect_attempts=3) as (sim, client):
        await client.subscribe(ExecutionsParams())
        for second in range(240):
            if sim.registry.count("executions", None):
                sim.faults.reset_connections()
            await asyncio.sleep(0.5)
            assert sim.rest.calls <= HOLDS + LOSES * second * 0.5
        # While tokens are accepted, only the rate of calls is limited.
        assert sim.rest.calls >= 40
        assert client.state is not ConnectionState.DISCONNECTED


async def test_tokens_that_are_all_refused_are_fetched_ever_more_rarely() -> None:
    async with trading(request_timeout=2.0) as (sim, client):
        assert (await client.add_order(ORDER)).success
        sim.faults.revoke_tokens()
        sim.tokens.expire_next(100)
        end = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < end:
            with pytest.raises((TradingError, RequestTimeout, TokenAcquisitionError)):
                await client.add_order(ORDER)
            await asyncio.sleep(0.01)
        # After 0, 1, 2, 4, 8, 16 and 30 s.
        assert sim.rest.calls <= 8
        sim.tokens.expire_next(0)
        await asyncio.sleep(31)
        assert (await client.add_order(ORDER)).success


async def test_private_channel_comes_back_whenever_its_tokens_are_good_again() -> None:
    async with trading() as (sim, client):
        await client.subscribe(ExecutionsParams())
        sim.tokens.expire_next(50)
        sim.faults.reset_connections()
        await asyncio.sleep(600)
        assert not sim.registry.count("executions", None)
        assert sim.rest.calls <= 1 + 6 + 600 / 30
        sim.tokens.expire_next(0)
        await asyncio.sleep(31)
        assert sim.registry.count("executions", None)
