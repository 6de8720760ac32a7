"""The client's page, "Connection lifecycle", "Configuration" and "Connection state"."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import socket
from typing import Any

import pytest
from tests.ws.helpers import BTC, client_of, connected, eventually

from kraken_connector import backend
from kraken_connector.exceptions import ConnectFailed, NotConnected
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import ConnectionState, KrakenWSClient, TickerParams, WSRequest


async def test_context_manager_connects_and_disconnects(sim: SimulatedExchange) -> None:
    async with KrakenWSClient(sim.url, proxy=False) as client:
        assert client.state == ConnectionState.CONNECTED == "connected"
        assert len(sim.connections) == 1
    assert client.state is ConnectionState.DISCONNECTED
    await sim.wait_for(lambda: not sim.connections)


def test_parameters_and_defaults_are_those_of_the_page() -> None:
    parameters = inspect.signature(KrakenWSClient).parameters.values()
    positional = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(positional.items()) == [
        ("url", "wss://ws.kraken.com/v2"),
        ("ping_interval", 10.0),
        ("ping_timeout", 10.0),
        ("heartbeat_timeout", 30.0),
        ("backoff_base", 0.5),
        ("backoff_max", 30.0),
        ("max_reconnect_attempts", 10),
        ("request_timeout", 10.0),
        ("token_manager", None),
        ("message_queue_max", 1024),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {name: value}
        for name in (
            "ping_interval",
            "ping_timeout",
            "heartbeat_timeout",
            "backoff_base",
            "backoff_max",
            "request_timeout",
            "open_timeout",
            "close_timeout",
        )
        for value in (0, -1, math.nan, math.inf)
    ]
    + [
        {"max_reconnect_attempts": -1},
        {"message_queue_max": 0},
        {"private_queue_max": 0},
        {"resync_attempts": -1},
        {"max_frame_size": 0},
        {"backoff_base": 2.0, "backoff_max": 1.0},
        {"url": "ws.kraken.com"},
        {"url": "wss://"},
        {"auth_url": "ftp://ws.kraken.com"},
        {"level3_url": "https://ws-l3.kraken.com"},
        {"symbols_per_connection": 0},
        {"level3_allowance": 0},
    ],
)
def test_values_that_make_no_sense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        KrakenWSClient(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"ping_interval": "10"},
        {"ping_interval": None},
        {"heartbeat_timeout": True},
        {"max_reconnect_attempts": 1.5},
        {"message_queue_max": "many"},
        {"url": None},
        {"token_manager": "a token"},
        {"on_message": 5},
        {"symbols_per_connection": "all"},
        {"level3_allowance": 200.0},
    ],
)
def test_values_of_a_wrong_type_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(arguments))):
        KrakenWSClient(**arguments)


def test_http_address_is_answered_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"wss://ws\.kraken\.com/v2"):
        KrakenWSClient("https://ws.kraken.com/v2")


async def test_state_system_status_and_connection_id(sim: SimulatedExchange) -> None:
    client = client_of(sim)
    assert (client.system_status, client.connection_id) == (None, None)
    await client.connect()
    await eventually(lambda: client.connection_id)
    assert client.connection_id is not None
    assert client.connection_id >= 2**63
    assert client.system_status == "online"
    sim.faults.set_system("maintenance", connection_id=False)
    await eventually(lambda: client.system_status == "maintenance")
    await client.disconnect()
    assert (client.system_status, client.connection_id) == (None, None)


async def test_connecting_twice_is_refused(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        with pytest.raises(RuntimeError, match="connect"):
            await client.connect()
        assert client.state is ConnectionState.CONNECTED


async def test_disconnecting_again_or_without_connecting_does_nothing(
    sim: SimulatedExchange,
) -> None:
    client = client_of(sim)
    await client.disconnect()
    await client.connect()
    await asyncio.gather(client.disconnect(), client.disconnect())
    await client.disconnect()
    assert client.state is ConnectionState.DISCONNECTED


async def test_client_can_be_connected_again(sim: SimulatedExchange) -> None:
    client = client_of(sim)
    for _ in range(2):
        await client.connect()
        assert client.subscriptions == {}
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert (await client.receive()) is not None
        await client.disconnect()
    assert sim.connections_total == 2


async def test_refused_connection_raises_at_once(sim: SimulatedExchange) -> None:
    sim.faults.refuse_connections(status=403)
    client = client_of(sim)
    with pytest.raises(ConnectFailed) as caught:
        await client.connect()
    assert isinstance(caught.value, ConnectionError)
    assert "403" in caught.value.reason
    assert client.state is ConnectionState.DISCONNECTED
    await client.connect()
    await client.disconnect()


async def test_connecting_to_nothing_raises() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = KrakenWSClient(f"ws://127.0.0.1:{port}/v2", proxy=False)
    with pytest.raises(ConnectFailed):
        await client.connect()
    with pytest.raises(NotConnected):
        await client.receive()


async def test_disconnecting_while_connecting_ends_both() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}/v2"
        client = KrakenWSClient(url, proxy=False)
        connecting = asyncio.create_task(client.connect())
        await eventually(lambda: client.state is ConnectionState.CONNECTING)
        await client.disconnect()
        with pytest.raises(ConnectFailed, match="disconnect"):
            await connecting
        assert client.state is ConnectionState.DISCONNECTED


async def test_disconnecting_while_reconnecting_ends_both(sim: SimulatedExchange) -> None:
    async with connected(sim, backoff_base=30.0, backoff_max=30.0) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.reset_connections()
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
    assert client.state is ConnectionState.DISCONNECTED
    (gap,) = client.gaps
    assert (gap.cause, gap.end_ns, gap.symbols) == ("disconnect", None, [BTC])
    assert gap in [message async for message in client]


async def test_client_that_is_not_connected_refuses_requests(
    sim: SimulatedExchange,
) -> None:
    client = client_of(sim)
    for request in (
        client.subscribe(TickerParams(symbol=[BTC])),
        client.unsubscribe(TickerParams(symbol=[BTC])),
        client.send(WSRequest("ping")),
        client.receive(),
    ):
        with pytest.raises(RuntimeError, match="connect"):
            await request


async def test_client_that_was_never_connected_has_nothing_to_iterate(
    sim: SimulatedExchange,
) -> None:
    client = client_of(sim)
    with pytest.warns(RuntimeWarning, match=r"never connected; call connect\(\) first") as caught:
        assert [message async for message in client] == []
    assert caught[0].filename == __file__


async def test_iteration_ends_after_disconnecting_with_what_had_arrived(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        await eventually(lambda: client.stats()["queued"] == 2)
    channels = [message.channel async for message in client]  # type: ignore[union-attr]
    assert channels == ["status", "ticker"]
    with pytest.raises(NotConnected):
        await client.receive()


async def test_waiting_consumer_ends_when_the_client_is_disconnected(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        consumer = asyncio.create_task(_consume(client))
        await eventually(lambda: client.connection_id and not client.stats()["queued"])
    await asyncio.wait_for(consumer, 5)


async def _consume(client: KrakenWSClient) -> None:
    async for _ in client:
        pass


async def test_first_log_line_names_the_backend(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="kraken_connector"):
        async with connected(sim):
            pass
    assert backend() in caplog.records[0].getMessage()
