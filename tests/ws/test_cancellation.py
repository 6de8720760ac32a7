"""Every await can be cancelled; the state stays consistent, and nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from tests.ws.helpers import (
    BTC,
    ETH,
    PATIENCE,
    client_of,
    connected,
    eventually,
    find_channel,
    requests_of,
    tokens_of,
)

from kraken_connector.exceptions import ConnectionLost
from kraken_connector.http import WebSocketToken
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    ConnectionState,
    ExecutionsParams,
    TickerParams,
    TokenManager,
)

ROLES: tuple[Literal["public"], Literal["private"]] = ("public", "private")


async def cancelled(action: Awaitable[object], when: Callable[[], object]) -> None:
    """Cancel an action as soon as `when` is true."""
    task = asyncio.ensure_future(action)
    await eventually(when)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_connect_leaves_a_client_that_can_connect(sim: SimulatedExchange) -> None:
    client = client_of(sim)
    connecting = asyncio.create_task(client.connect())
    for _ in range(3):
        await asyncio.sleep(0)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert client.state is ConnectionState.DISCONNECTED
    await client.connect()
    await client.disconnect()
    await sim.wait_for(lambda: not sim.connections)


async def test_cancelled_subscribe_leaves_nothing_subscribed(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        sim.faults.delay_acks(0.5, times=1)  # long after the cancellation, on a busy machine too
        subscribing = client.subscribe(TickerParams(symbol=[BTC]))
        await cancelled(subscribing, lambda: requests_of(sim))
        assert client.subscriptions == {}
        await sim.wait_for(lambda: sim.requests[-1].method == "unsubscribe")
        await sim.wait_for(lambda: sim.registry.count("ticker", None) == 0)
        await client.subscribe(TickerParams(symbol=[BTC]))


async def test_cancelled_subscribe_keeps_what_was_accepted(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        sim.faults.delay_acks(0.5, times=1)  # as above

        def states() -> dict[str, str]:
            return {k: v for e in client.subscriptions.values() for k, v in e.states.items()}

        subscribing = client.subscribe(TickerParams(symbol=[BTC, ETH]))
        await cancelled(subscribing, lambda: states().get(ETH) == "confirmed")
        assert states() == {ETH: "confirmed"}
        await sim.wait_for(lambda: sim.registry.count("ticker", BTC) == 0)


async def test_cancelled_unsubscribe_can_be_repeated(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.swallow_acks(1)
        await cancelled(
            client.unsubscribe(TickerParams(symbol=[BTC])), lambda: len(requests_of(sim)) == 2
        )
        await client.unsubscribe(TickerParams(symbol=[BTC]))
        assert client.subscriptions == {}


async def test_cancelled_subscribe_while_reconnecting_is_not_replayed(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, backoff_base=0.05, backoff_max=0.05) as client:
        sim.faults.reset_connections()
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        await cancelled(client.subscribe(TickerParams(symbol=[BTC])), lambda: client.subscriptions)
        await eventually(lambda: client.state is ConnectionState.CONNECTED)
        await client.subscribe(TickerParams(symbol=[ETH]))
        assert [request.symbols for request in requests_of(sim)] == [(ETH,)]


async def test_cancelled_receive_loses_no_message(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await find_channel(client, "status")
        await cancelled(client.receive(), lambda: client._inbox.waiters)
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert (await client.receive()).channel == "ticker"  # type: ignore[union-attr]


async def test_cancelled_disconnect_ends_the_connections_of_both_hosts() -> None:
    hosts = [SimulatedExchange(symbols=[BTC], rate=0, role=role) for role in ROLES]
    async with hosts[0] as public, hosts[1] as private:
        client = client_of(
            public, auth_url=private.url, token_manager=tokens_of(private), close_timeout=30
        )
        await client.connect()
        await client.subscribe(ExecutionsParams())
        for host in hosts:
            host.faults.silence_connections()
        closing = asyncio.create_task(client.disconnect())
        await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        for host in hosts:
            await host.wait_for(lambda host=host: not host.connections)  # type: ignore[misc]
        await client.disconnect()


async def test_token_call_ends_with_the_client(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        subscribing = asyncio.create_task(client.subscribe(ExecutionsParams()))
        await asyncio.sleep(0)
        await client.disconnect()
        with pytest.raises(ConnectionError):
            await subscribing


async def test_client_that_gave_up_leaks_nothing(sim: SimulatedExchange) -> None:
    before = asyncio.all_tasks()
    client = client_of(sim, max_reconnect_attempts=1)
    await client.connect()
    sim.faults.refuse_connections(times=None)
    sim.faults.reset_connections()
    await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
    await client.disconnect()
    await eventually(lambda: asyncio.all_tasks() == before)
    assert not sim.connections


async def test_token_call_ends_with_the_last_client_that_waits_for_it(
    sim: SimulatedExchange,
) -> None:
    before = asyncio.all_tasks()
    calls: list[asyncio.Task[Any] | None] = []

    class Hanging:
        async def get_websockets_token(self) -> WebSocketToken:
            calls.append(asyncio.current_task())
            await asyncio.sleep(PATIENCE)
            raise AssertionError

    manager = TokenManager(Hanging())
    async with (
        connected(sim, token_manager=manager) as one,
        connected(sim, token_manager=manager) as other,
    ):
        subscribing = [asyncio.create_task(c.subscribe(ExecutionsParams())) for c in (one, other)]
        await eventually(lambda: calls)
        await asyncio.sleep(0.01)
        await one.disconnect()
        (call,) = calls
        assert call is not None
        assert not call.done()
        await other.disconnect()
        assert call.cancelled()
        results = await asyncio.gather(*subscribing, return_exceptions=True)
        assert all(isinstance(result, ConnectionLost) for result in results)
    await eventually(lambda: asyncio.all_tasks() == before)


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_connect_that_is_cancelled_again_and_again_leaves_nothing(
    sim: SimulatedExchange, turns: int
) -> None:
    before = asyncio.all_tasks()
    client = client_of(sim)
    connecting = asyncio.create_task(client.connect())
    for _ in range(turns):
        await asyncio.sleep(0)
    # As a cancel scope of anyio does.
    async with asyncio.timeout(PATIENCE):
        while not connecting.done():
            connecting.cancel()
            await asyncio.sleep(0)
    with contextlib.suppress(asyncio.CancelledError):
        await connecting
    await client.disconnect()
    assert client.state is ConnectionState.DISCONNECTED
    await sim.wait_for(lambda: not sim.connections)
    await eventually(lambda: asyncio.all_tasks() == before)
