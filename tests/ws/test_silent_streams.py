"""Subscriptions that bring nothing while their connection works."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest
from tests.ws.helpers import (
    BTC,
    ETH,
    PATIENCE,
    client_of,
    connected,
    eventually,
    find_type,
    tokens_of,
)

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BookParams,
    ConnectionState,
    ExecutionsParams,
    KrakenWSClient,
    OHLCParams,
    StreamStaleEvent,
    TickerParams,
    TradeParams,
    WSDataMessage,
)


def streams_of(client: KrakenWSClient) -> dict[str, Any]:
    (connection,) = client.stats()["connections"].values()
    streams: dict[str, Any] = connection["streams"]
    return streams


async def test_candles_that_are_acked_and_do_not_come_are_reported_and_subscribed_again(
    sim: SimulatedExchange,
) -> None:
    sim.faults.mute_subscriptions(channel="ohlc", symbol=BTC)
    async with connected(sim, request_timeout=0.2) as client:
        await client.subscribe(OHLCParams(symbol=[BTC, ETH]))
        event = await find_type(client, StreamStaleEvent)
        assert (event.channel, event.symbol, event.interval) == ("ohlc", BTC, 1)
        assert event.last_ns is None
        await eventually(lambda: streams_of(client)[f"ohlc {BTC} 1"]["age"] is not None)
        assert client.stats()["connections"][sim.url]["reconnects"] == 0


async def test_subscription_says_how_long_it_may_be_silent(sim: SimulatedExchange) -> None:
    seen: list[Any] = []
    async with connected(sim) as client:
        trades = TradeParams(symbol=[BTC], snapshot=True)
        await client.subscribe(trades, stale_after=0.1, callback=seen.append)
        await client.subscribe(TickerParams(symbol=[ETH]))
        await eventually(lambda: type(seen[-1]) is StreamStaleEvent if seen else False)
        assert streams_of(client)[f"trade {BTC}"]["is_stale"]
        assert streams_of(client)[f"trade {BTC}"]["age"] > 0
        assert streams_of(client)[f"ticker {ETH}"] == {
            "age": pytest.approx(0, abs=60),
            "is_stale": False,
        }


@pytest.mark.parametrize("bound", [0, -1, math.nan, "30", True])
async def test_bound_makes_sense(sim: SimulatedExchange, bound: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="stale_after must be a"):
        client_of(sim, stale_after=bound)
    async with connected(sim, stale_after=math.inf) as client:
        with pytest.raises((TypeError, ValueError), match="stale_after must be a"):
            await client.subscribe(TradeParams(symbol=[BTC]), stale_after=bound)
        assert client.subscriptions == {}


async def test_redundant_book_is_reported_when_both_connections_are_silent(
    sim: SimulatedExchange,
) -> None:
    events: list[Any] = []

    def see(event: Any) -> None:
        if type(event) is StreamStaleEvent:
            events.append(event)

    sim.faults.mute_subscriptions(channel="book", symbol=BTC, after=1)
    async with connected(sim, redundant=True, stale_after=0.3) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]), callback=see)
        views = client.connections.values()
        await eventually(lambda: sim.registry.count("book") == 4)
        name = f"book {BTC}"
        async with asyncio.timeout(PATIENCE):
            while not any(view.stats()["streams"][name]["is_stale"] for view in views):
                await sim.step(BTC)
                await sim.step(ETH)
                await asyncio.sleep(0.02)
            assert events == []
            sim.faults.mute_streams(channel="book", symbol=BTC)
            while not all(view.stats()["streams"][name]["is_stale"] for view in views):
                await sim.step(ETH)
                await asyncio.sleep(0.02)
        assert [event.symbol for event in events] == [BTC]


async def test_redundant_book_that_is_silent_on_one_connection_is_subscribed_to_again(
    sim: SimulatedExchange,
) -> None:
    seen: list[Any] = []
    sim.faults.mute_subscriptions(channel="book", symbol=BTC, after=1)
    async with connected(sim, redundant=True, stale_after=0.2) as client:
        await client.subscribe(BookParams(symbol=[BTC]), callback=seen.append)
        views = list(client.connections.values())
        await eventually(lambda: sim.registry.count("book") == 2)

        async def moving_until(done: Callable[[], bool]) -> None:
            async with asyncio.timeout(PATIENCE):
                while not done():
                    await sim.step(BTC)
                    await asyncio.sleep(0.02)

        def streams() -> list[Any]:
            return [view.stats()["streams"][f"book {BTC}"] for view in views]

        await moving_until(lambda: any(stream["is_stale"] for stream in streams()))
        await moving_until(lambda: sum(view.stats()["resyncs"] for view in views) == 1)
        await moving_until(lambda: not any(stream["is_stale"] for stream in streams()))
        assert client.book(BTC).is_valid
        assert client.gaps == []
        assert {type(message) for message in seen} == {WSDataMessage}


async def test_quiet_redundant_book_is_left_alone(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True, stale_after=0.1) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        views = list(client.connections.values())
        await eventually(
            lambda: all(view.stats()["streams"][f"book {BTC}"]["is_stale"] for view in views)
        )
        await sim.step(BTC)
        await asyncio.sleep(0.4)
        assert [view.stats()["resyncs"] for view in views] == [0, 0]


@pytest.mark.virtual_time
async def test_quiet_account_on_a_host_without_heartbeats_keeps_its_connection() -> None:
    exchange = SimulatedExchange(rate=0, heartbeat_interval=0)
    async with exchange as sim, connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams())
        (view,) = client.connections.values()
        await asyncio.sleep(100)
        assert view.reconnects == 2
        await asyncio.sleep(1000)
        assert view.reconnects == 2
        assert view.state is ConnectionState.CONNECTED
