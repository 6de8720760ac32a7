"""Sockets, TLS, HTTP, heartbeats, slow clients and the helpers to wait for things."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import httpx
import pytest
import websockets
from tests.sim.client import PATIENCE, BookReader, connected, signed
from tests.ws.helpers import tls_contexts
from websockets.asyncio.client import connect

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.flat_out import FlatOutFeed


def still() -> SimulatedExchange:
    return SimulatedExchange(rate=0, heartbeat_interval=0)


async def test_tls_serves_both_protocols() -> None:
    server, client = tls_contexts("127.0.0.1")
    async with (
        SimulatedExchange(ssl=server, rate=0) as sim,
        httpx.AsyncClient(verify=client, trust_env=False) as http,
        connected(sim, context=client) as socket,
    ):
        assert sim.url.startswith("wss://")
        assert sim.rest_url.startswith("https://")
        assert (await http.post(**signed(sim, 1))).json()["error"] == []
        BookReader(10).read(await socket.subscribe("book", "BTC/USD"))


async def test_http_connection_is_reused() -> None:
    async with still() as sim:
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        request = (
            b"POST /0/private/GetWebSocketsToken HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n"
        )
        for _ in range(2):
            for part in (request[:20], request[20:], b"nonce=1"):
                writer.write(part)
                await writer.drain()
            answer = await reader.readuntil(b"}")
            assert answer.startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
        assert sim.rest.calls == 2


async def test_requests_that_arrive_together_are_answered_in_order() -> None:
    async with still() as sim:
        sim.faults.delay_calls(0.01, calls=("SystemStatus",))
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        names = ("SystemStatus", "Time")
        writer.write(
            b"".join(b"GET /0/public/%b HTTP/1.1\r\nHost: x\r\n\r\n" % n.encode() for n in names)
        )
        answers = [await reader.readuntil(b"}}") for _ in names]
        assert b'"status":"online"' in answers[0]
        assert b'"unixtime":' in answers[1]
        writer.close()


async def test_connection_that_the_client_wants_closed_is_closed_after_the_answer() -> None:
    async with still() as sim:
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        writer.write(b"GET /0/public/Time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"}}")
        writer.close()


async def test_what_is_no_http_is_dropped() -> None:
    async with still() as sim:
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert await reader.read() == b""
        assert sim.connections_total == 0
        writer.close()


@pytest.mark.parametrize("path", ["/", "/v2"])
async def test_paths_of_the_exchange(path: str) -> None:
    async with (
        still() as sim,
        connect(f"ws://{sim.host}:{sim.port}{path}", proxy=None) as socket,
    ):
        assert json.loads(await socket.recv())["channel"] == "status"


async def test_other_paths_are_not_found() -> None:
    async with still() as sim:
        with pytest.raises(websockets.InvalidStatus, match="404"):
            await connect(f"ws://{sim.host}:{sim.port}/v1", proxy=None)


async def test_fragmented_request_is_one_request() -> None:
    async with still() as sim, connected(sim) as client:
        await client.socket.send(['{"method"', ':"ping"', "}"])
        assert (await client.receive())["method"] == "pong"


async def test_protocol_ping_is_answered() -> None:
    async with still() as sim, connected(sim) as client:
        assert await (await client.socket.ping()) >= 0


async def test_heartbeats_start_with_the_first_subscription() -> None:
    async with SimulatedExchange(rate=0, heartbeat_interval=0.005) as sim:
        async with connected(sim) as client, connected(sim) as idle:
            await client.subscribe("ticker", "BTC/USD")
            assert [await client.receive() for _ in range(3)] == [{"channel": "heartbeat"}] * 3
            assert (await idle.answer({"method": "ping"}))["method"] == "pong"
            idle_heard = [entry for entry in sim.log if entry.connection == 2]
        assert [entry.event for entry in idle_heard] == ["connected"]


async def test_slow_client_is_dropped_before_memory_grows() -> None:
    async with (
        SimulatedExchange(rate=0, send_buffer_limit=100_000) as sim,
        connected(sim, max_queue=1) as client,
    ):
        # Far more than the system's buffers and the exchange's limit hold together.
        for _ in range(1000):
            sim.connections[0].send_text(bytes(50_000))
            if any(entry.event == "slow_consumer" for entry in sim.log):
                break
        else:
            pytest.fail("50 MB are kept for a client that reads nothing")
        await sim.wait_for(lambda: not sim.connections)
        client.leave()


async def test_steps_wait_for_slow_clients() -> None:
    reader = BookReader(10)
    async with still() as sim, connected(sim, max_queue=1) as client:
        reader.read(await client.subscribe("book", "BTC/USD"))
        stepping = asyncio.create_task(sim.step("BTC/USD", 5000))
        for message in await client.updates("book", 5000):
            reader.read(message)
        await stepping


async def test_flat_out_loops_stay_right() -> None:
    readers = {"BTC/USD": BookReader(25), "KEEP/EUR": BookReader(25)}
    count = dict.fromkeys(readers, 0)
    exchange = SimulatedExchange(rate=math.inf)
    exchange.feed = FlatOutFeed(exchange.markets, steps=100)
    async with exchange as sim, connected(sim) as client:
        await client.request("subscribe", channel="book", symbol=list(readers), depth=25)
        await client.request("subscribe", channel="trade", symbol=["BTC/USD"])
        async with asyncio.timeout(PATIENCE):
            while min(count.values()) < 250:
                (message,) = await client.updates("book", 1)
                symbol = message["data"][0]["symbol"]
                readers[symbol].read(message)
                count[symbol] += 1
        await client.request("unsubscribe", channel="book", symbol=list(readers))
        await client.request("unsubscribe", channel="trade", symbol=["BTC/USD"])
        await client.find(
            lambda message: (
                message.get("result") == {"channel": "trade", "symbol": "BTC/USD"}
                and message["method"] == "unsubscribe"
            )
        )
        BookReader(25).read(await client.subscribe("book", "BTC/USD", depth=25))
        client.leave()


async def test_wait_for_gives_the_value_or_times_out() -> None:
    async with still() as sim:
        waiting = asyncio.create_task(sim.wait_for(lambda: sim.connections))
        async with connected(sim):
            assert [connection.number for connection in await waiting] == [1]
        with pytest.raises(TimeoutError):
            await sim.wait_for(lambda: False, timeout=0)
        with pytest.raises(TimeoutError):
            await sim.wait_subscribed("book", timeout=0)


async def test_wait_for_passes_on_what_the_predicate_raises() -> None:
    async with still() as sim:
        waiting = asyncio.create_task(sim.wait_for(lambda: sim.requests and 1 / 0))
        async with connected(sim) as client:
            await client.answer({"method": "ping"})
            with pytest.raises(ZeroDivisionError):
                await waiting


async def test_leaving_ends_every_connection() -> None:
    async with still() as sim:
        socket = await connect(sim.url, proxy=None)
    await socket.wait_closed()
    assert socket.close_code == 1006


async def test_port_is_free_again() -> None:
    async with still() as first:
        port = first.port
    async with SimulatedExchange(port=port, rate=0) as second:
        assert second.port == port


@pytest.mark.virtual_time
async def test_connection_without_a_subscription_is_closed() -> None:
    """Source: Kraken's own SDK; pings do not help."""
    options: dict[str, Any] = {"rate": 0, "idle_seconds": 60, "heartbeat_interval": 0}
    async with (
        SimulatedExchange(**options) as sim,
        connected(sim, ping_interval=None) as idle,
        connected(sim, ping_interval=None) as busy,
    ):
        await busy.subscribe("ticker", "BTC/USD")
        await asyncio.sleep(59)
        await idle.answer({"method": "ping"})
        assert len(sim.connections) == 2
        await asyncio.sleep(2)
        assert (await idle.closed()).rcvd
        await asyncio.sleep(1000)
        await busy.request("unsubscribe", channel="ticker", symbol=["BTC/USD"])
        await asyncio.sleep(59)
        assert (await busy.answer({"method": "ping"}))["method"] == "unsubscribe"
        await asyncio.sleep(62)
        assert (await busy.closed()).rcvd
