"""Faults that users of other market data clients reported; each test names their threads."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ws.rig import TIMES, acks, book, status, trade
from tests.ws.helpers import BTC, ETH, connected, eventually, find_channel, tokens_of
from websockets.asyncio.server import ServerConnection, serve

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    KrakenWSClient,
    TradeParams,
)

ROOT = Path(__file__).parents[2]


async def speak(
    session: Callable[[KrakenWSClient], Awaitable[None]],
    frames: Iterable[str | bytes],
    *,
    for_ever: bool = False,
    **options: Any,
) -> int:
    """Run a client at a server that sends `frames` after each ack.

    Returns:
        How often the client connected.
    """
    opened = 0
    said = list(frames)

    async def answer(connection: ServerConnection) -> None:
        nonlocal opened
        opened += 1
        await connection.send(json.dumps(status()))
        async for text in connection:
            request = json.loads(text)
            if request["method"] == "ping":
                await connection.send(json.dumps({**request, "method": "pong", **TIMES}))
                continue
            for ack in acks(request):
                await connection.send(json.dumps(ack))
            for frame in said:
                await connection.send(frame)
            while for_ever:
                await connection.send(said[-1])

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with KrakenWSClient(url, proxy=False, **options) as client:
            await session(client)
    return opened


@pytest.mark.parametrize("mebibytes", [1.5, 12])
async def test_message_of_many_mebibytes_is_read(mebibytes: float) -> None:
    """websockets#1247, project-x-py#128, alpaca-trade-api-python#319: closed with code 1009."""
    pair = {"symbol": "", "status": "online", "qty_increment": 1e-8, "qty_min": 0.1}
    pair |= {"price_increment": 0.1, "cost_min": 0.5}
    pair["base"] = "A" * 500
    count = int(mebibytes * 2**20 / len(json.dumps(pair)))
    pairs = [{**pair, "symbol": f"A{number}/USD"} for number in range(count)]
    data = {"assets": [], "pairs": pairs}
    frame = json.dumps({"channel": "instrument", "type": "snapshot", "data": data})
    assert len(frame) > mebibytes * 2**20

    async def session(client: KrakenWSClient) -> None:
        await client.subscribe(InstrumentParams())
        message = await find_channel(client, "instrument")
        assert len(message.data[0].pairs) == count

    assert await speak(session, [frame]) == 1


async def test_unrequested_messages_do_no_harm() -> None:
    """cryptofeed#102, #347: `KeyError` of an update before its snapshot, of an unknown channel;
    barter-rs#205: a "pong" that is no JSON."""
    unknown = {"channel": "new", "type": "update", "data": [{"a": 1}]}
    report = {"order_id": "O1", "exec_type": "new", "order_status": "new"}
    private = {"channel": "executions", "type": "update", "data": [report], "sequence": 9}
    answer = {"method": "add_order", "req_id": 2**40, "success": True, "result": {}, **TIMES}
    strays = [book("XX/YY", "update"), book("XX/YY"), book(BTC, "update")]
    strays += map(json.dumps, (unknown, private, answer, trade("XX/YY")))
    strays += ["pong", "", "{}", "[]", "null", '"pong"']

    async def session(client: KrakenWSClient) -> None:
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)

    assert await speak(session, [*strays, b"\x00\xff", book(BTC)]) == 1


async def test_disconnect_ends_during_an_unread_flood() -> None:
    """websockets#1555, python-binance#1503, python-kraken-sdk#318: closing hangs."""

    async def session(client: KrakenWSClient) -> None:
        await client.subscribe(TradeParams(symbol=[BTC]))
        (url,) = client.stats()["connections"]
        await eventually(lambda: client.stats()["connections"][url]["frames"] > 2000)
        async with asyncio.timeout(30):
            await client.disconnect()

    flood = [json.dumps(trade(BTC))]
    assert await speak(session, flood, for_ever=True, close_timeout=0.5) == 1


async def test_one_loss_opens_one_connection_and_leaves_the_other_alone() -> None:
    """binance-connector-python#505: each loss is repaired twice, and on healthy connections too."""
    async with SimulatedExchange(symbols=[BTC], rate=0, hosts="three") as sim:
        urls = {"auth_url": sim.auth_url, "level3_url": sim.level3_url}
        async with connected(sim, token_manager=tokens_of(sim), **urls) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await client.subscribe(ExecutionsParams())
            public = sim.connections_to("public")
            for total in range(3, 8):
                sim.faults.close_connections(host="private")
                await eventually(lambda total=total: sim.connections_total >= total)
                await sim.wait_subscribed("executions")
            assert sim.connections_total == total
            assert sim.connections_to("public") == public
            private = sim.connections_to("private")
            sim.faults.close_connections(host="public")
            await eventually(lambda: sim.connections_total == total + 1)
            await sim.wait_subscribed("book")
            assert sim.connections_to("private") == private


async def test_reconnecting_leaves_nothing_behind(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    """websockets#699, #625, python-bittrex-websocket#61, aiohttp#6325: tasks, sockets and memory
    grow; kraky#70: `socket.send() raised exception`."""

    async def lose(times: int) -> None:
        for number in range(times):
            total = sim.connections_total
            close = sim.faults.close_connections if number % 2 else sim.faults.reset_connections
            close()
            await eventually(lambda total=total: sim.connections_total > total)
            await eventually(lambda: client.book(BTC).is_valid and client.book(ETH).is_valid)

    async def read(client: KrakenWSClient) -> None:
        async for _ in client:
            pass

    def held() -> tuple[int, int]:
        sim.log.clear()
        sim.requests.clear()
        gc.collect()
        return len(asyncio.all_tasks()), len(gc.get_objects())

    async with connected(sim, max_reconnect_attempts=1000, ping_interval=0.01) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        reading = asyncio.create_task(read(client))
        await lose(10)
        tasks, objects = held()
        await lose(40)
        assert held()[0] <= tasks
        assert held()[1] < objects + 40 * 40, "a connection is some hundred objects"
    await reading
    others = [entry for entry in caplog.records if not entry.name.startswith("kraken_connector")]
    assert [entry for entry in others if entry.levelno >= logging.WARNING] == []


LEAVING = """
    import asyncio, os, signal, sys
    from kraken_connector.sim import SimulatedExchange
    from kraken_connector.ws import BookParams, KrakenWSClient

    async def main():
        sim = SimulatedExchange(symbols=["BTC/USD"], rate=100)
        await sim.start_serving()
        client = KrakenWSClient(sim.url, proxy=False)
        await client.connect()
        await client.subscribe(BookParams(symbol=["BTC/USD"]))
        await client.receive()
        {leave}
        async for _ in client:
            pass

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
    asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("leave", "codes"),
    [
        ("return", {0}),
        ("raise ValueError('mine')", {1}),
        ("sys.exit(3)", {3}),
        ("os.kill(os.getpid(), signal.SIGINT)", {-signal.SIGINT, 1, 130}),
    ],
)
def test_program_that_leaves_without_closing_says_nothing_about_it(
    leave: str, codes: set[int]
) -> None:
    """websockets#1235, #770, cryptofeed#398: `Event loop is closed`, `Task was destroyed`."""
    code = textwrap.dedent(LEAVING.format(leave=leave))
    ended = python("-c", code)
    assert ended.returncode in codes
    assert not re.search("is closed|destroyed|never awaited|ignored", ended.stderr)


def test_python_without_assertions_and_docstrings_suffices() -> None:
    """bitstring#321, transformers#36045, Mastodon.py#347: fails at import."""
    code = "from kraken_connector.cli import main; main()"
    ended = python("-OO", "-c", code, "demo", "--seconds", "0.2", "--plain")
    assert (ended.returncode, ended.stderr.count("Traceback")) == (0, 0), ended.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_children_of_a_fork_name_their_orders_apart() -> None:
    """gunicorn#1953: what was made before the fork is the same in each worker."""
    code = """
        import os
        from kraken_connector.security import next_nonce
        from kraken_connector.ws.trading.trader import client_names

        names = client_names()
        for _ in range(2):
            if os.fork() == 0:
                os.write(1, f"{next(names)} {next_nonce('key', 'us')}\\n".encode())
                os._exit(0)
            os.wait()
    """
    first, second = python("-c", textwrap.dedent(code)).stdout.splitlines()
    assert not set(first.split()) & set(second.split())


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program without the warning filters of the test."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
