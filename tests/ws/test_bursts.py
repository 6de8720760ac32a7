"""Bursts larger than any queue, over real sockets, with a consumer that keeps up."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.marks import long
from tests.ws.helpers import BTC, ETH, PATIENCE, client_of, gaps_of, text_frame, tls_contexts
from tests.ws.test_event_loops import loop_factory

from kraken_connector import backend
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import GapEvent, TickerParams, WSDataMessage

TICKER = b'{"channel":"ticker","type":"update","data":[{"symbol":"%b"}]}'
FRAME, LAST = (text_frame(TICKER % symbol.encode()) for symbol in (BTC, ETH))
#: About 7 MB; the pure core needs thirty times as long per message.
BURST = 100_000 if backend() == "native" else 20_000

LOOPS: dict[str, Callable[[], Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": lambda: asyncio.new_event_loop,
    "uvloop": lambda: loop_factory("uvloop"),
}


def kind(message: object) -> str:
    """Return the symbol of a ticker, the cause of a gap, and the class of everything else."""
    if isinstance(message, GapEvent):
        return message.cause
    is_ticker = isinstance(message, WSDataMessage) and message.channel == "ticker"
    return str(message.symbol) if is_ticker else type(message).__name__


async def read_burst(
    overflow: Any, tls: tuple[ssl.SSLContext, ssl.SSLContext] | None
) -> tuple[Counter[str], dict[str, Any], list[GapEvent], int]:
    """Send a burst to `async for` that only counts.

    Returns:
        What was received by kind, the client's counts, its gaps, and how often it connected.
    """
    server, trusting = tls or (None, None)
    received: Counter[str] = Counter()
    async with (
        SimulatedExchange(symbols=[BTC, ETH], rate=0, ssl=server, send_buffer_limit=2**26) as sim,
        client_of(sim, ssl=trusting) as client,
    ):
        ticker = TickerParams(symbol=[BTC, ETH], event_trigger="bbo", snapshot=False)
        await client.subscribe(ticker, overflow=overflow)
        sim.connections[0].send_bytes(FRAME * BURST + LAST)
        async for message in client:
            received[kind(message)] += 1
            if received[ETH]:
                break
        return received, client.stats(), gaps_of(client), sim.connections_total


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", ["asyncio", *long("uvloop")])
@pytest.mark.parametrize("overflow", ["drop_oldest", "block", "conflate", "disconnect"])
def test_consumer_that_keeps_up_loses_nothing_of_a_burst(
    overflow: str, loop: str, tls: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]()) as runner:
        received, stats, gaps, sockets = runner.run(
            asyncio.wait_for(read_burst(overflow, tls_contexts("127.0.0.1") if tls else None), 30)
        )
    assert sockets == 1
    assert received[BTC] + stats["conflated"] == BURST
    assert (gaps, stats["dropped"]) == ([], 0)
    assert (stats["conflated"] > 0) == (overflow == "conflate")
    assert "too slow" not in caplog.text


async def test_consumer_that_is_too_slow_gets_the_latest_and_a_record() -> None:
    async with (
        SimulatedExchange(symbols=[BTC, ETH], rate=0, send_buffer_limit=2**26) as sim,
        client_of(sim) as client,
    ):
        ticker = TickerParams(symbol=[BTC, ETH], event_trigger="bbo", snapshot=False)
        await client.subscribe(ticker)
        sent, received = BURST // 10, Counter[str]()
        sim.connections[0].send_bytes(FRAME * sent)
        async with asyncio.timeout(PATIENCE):
            while not client.stats()["dropped"]:
                received[kind(await client.receive())] += 1
                await asyncio.sleep(0.01)
                sim.connections[0].send_bytes(FRAME)
                sent += 1
        queue = client.stats()["queues"]["drop_oldest"]
        assert queue["queued"] <= queue["bound"]
        sim.connections[0].send_bytes(LAST)
        async with asyncio.timeout(PATIENCE):
            while not received[ETH]:
                received[kind(await client.receive())] += 1
        dropped = client.stats()["dropped"]
        assert received[BTC] + dropped == sent
        gaps = gaps_of(client)
        assert [gap.cause for gap in gaps] == ["overflow"] * received["overflow"]
        assert sum(gap.dropped for gap in gaps) == dropped
