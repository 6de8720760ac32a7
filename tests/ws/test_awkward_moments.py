"""Calls at awkward moments, over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.ws.helpers import BTC, client_of, connected, eventually, tokens_of

from kraken_connector.exceptions import ConnectFailed, ConnectionLost, NotConnected
from kraken_connector.sim import Outgoing, SimulatedExchange
from kraken_connector.sim.session import Session
from kraken_connector.ws import (
    BookParams,
    ConnectionState,
    ExecutionsParams,
    KrakenWSClient,
    TickerParams,
)


async def test_subscribe_in_line_for_a_connection_opens_none_after_disconnect(
    sim: SimulatedExchange,
) -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0, role="private") as private:
        private.faults.refuse_connections(status=None)
        options: dict[str, Any] = {"auth_url": private.url, "token_manager": tokens_of(private)}
        async with connected(sim, **options) as client:
            waiting = [asyncio.create_task(client.subscribe(ExecutionsParams())) for _ in range(2)]
            await asyncio.sleep(0)
            await client.disconnect()
            results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ConnectFailed, NotConnected]
        assert client.state is ConnectionState.DISCONNECTED
        assert not private.connections


async def test_disconnect_when_the_socket_was_just_opened(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(sim)
    connection = client._pool._first(client._pool.hosts.public).connection
    dial = connection._dial

    async def dial_and_stop() -> Any:
        socket = await dial()
        # Runs before the task that waits for the socket.
        asyncio.get_running_loop().call_soon(connection.stop)
        return socket

    monkeypatch.setattr(connection, "_dial", dial_and_stop)
    with pytest.raises(ConnectFailed, match="disconnect"):
        await client.connect()
    assert client.state is ConnectionState.DISCONNECTED
    await client.disconnect()
    await sim.wait_for(lambda: not sim.connections)


async def test_no_book_becomes_valid_after_disconnect(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert client._pool.primary is not None
        connection = client._pool.primary.connection
        frames: list[int] = []

        def stop_first(session: Session, message: Outgoing) -> list[Outgoing]:
            frames.append(connection.session.engine.counters()["frames"])
            connection.stop()
            return [message]

        sim.faults.add("stop", lambda message: message.kind == "answer", stop_first)
        subscribing = asyncio.create_task(client.subscribe(BookParams(symbol=[BTC])))
        await asyncio.sleep(0)
        book = client.book(BTC)
        with pytest.raises(ConnectionLost):
            await subscribing
        await client.disconnect()
        assert connection.session.engine.counters()["frames"] == frames[0]
        assert not book.is_valid


async def test_callback_may_disconnect(sim: SimulatedExchange) -> None:
    tasks: list[asyncio.Task[None]] = []
    client: KrakenWSClient

    def leave(_: object) -> None:
        if not tasks:
            tasks.append(asyncio.create_task(client.disconnect()))

    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]), callback=leave)
        await eventually(lambda: tasks)
        await tasks[0]
        assert client.state is ConnectionState.DISCONNECTED
    await sim.wait_for(lambda: not sim.connections)


async def test_callback_with_a_cancelled_future_does_not_end_the_feed(
    sim: SimulatedExchange,
) -> None:
    seen: list[object] = []

    def raise_cancelled(event: object) -> None:
        seen.append(event)
        raise asyncio.CancelledError

    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]), callback=raise_cancelled)
        await sim.step(BTC, 3)
        await eventually(lambda: len(seen) == 4)
        assert client.stats()["callback_errors"] == 4
        assert sim.connections_total == 1


async def test_disconnect_alone_is_no_gap(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
    assert client.gaps == []
