"""The simulated exchange flat out, in a process of its own that reads commands by line.

It prints one line of JSON with its addresses, keys and the certificate of its authority, then
answers each command with its name.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import trustme

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.flat_out import FlatOutFeed

ROOT = Path(__file__).parents[2]
SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
#: Short loops are made quickly, and a connection that makes one sends nothing meanwhile.
LOOP_STEPS = 500
#: Seconds until an exchange that does not answer counts as broken, or a client that does not
#: recover: it reads what waits in the system's buffers first, some ten thousand messages.
PATIENCE = 120.0

WRONG_CHECKSUM = {"symbol": SYMBOLS[0], "bids": [], "asks": [], "checksum": 1}
WRONG_UPDATE = json.dumps({"channel": "book", "type": "update", "data": [WRONG_CHECKSUM]})

#: What each fault does, and the cause of the gap that it makes.
FAULTS: dict[str, tuple[Callable[[SimulatedExchange], None], str]] = {
    "reset": (lambda sim: sim.faults.reset_connections(), "disconnect"),
    "wrong checksum": (lambda sim: sim.faults.send_text(WRONG_UPDATE), "resync"),
    "silence": (lambda sim: sim.faults.silence_connections(), "disconnect"),
    "close": (lambda sim: sim.faults.close_connections(1012), "disconnect"),
}


class ExchangeProcess:
    """The other end of the process."""

    def __init__(self, process: asyncio.subprocess.Process, introduction: dict[str, str]) -> None:
        self._process = process
        self.url = introduction["url"]
        self.rest_url = introduction["rest_url"]
        self.api_key = introduction["api_key"]
        self.api_secret = introduction["api_secret"]

    async def do(self, command: str) -> None:
        """Cause a fault, or `trade`: an order that is placed and cancelled."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        async with asyncio.timeout(PATIENCE):
            answer = await self._process.stdout.readline()
        if answer.decode().strip() != command:
            raise RuntimeError(f"the exchange failed at {command!r}")


@asynccontextmanager
async def exchange_process() -> AsyncIterator[ExchangeProcess]:
    """Start an exchange; it ends when its input does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak.exchange"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            introduction = json.loads(await process.stdout.readline())
        with trusted(introduction["authority"]):
            yield ExchangeProcess(process, introduction)
    finally:
        process.stdin.close()
        await process.wait()


@contextmanager
def trusted(authority: str) -> Iterator[None]:
    """Trust an authority as the system's are trusted, so that TLS needs no settings."""
    before = os.environ.get("SSL_CERT_FILE")
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(authority)
        file.flush()
        os.environ["SSL_CERT_FILE"] = file.name
        try:
            yield
        finally:
            del os.environ["SSL_CERT_FILE"]
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before


async def serve() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    exchange = SimulatedExchange(
        symbols=SYMBOLS, rate=math.inf, heartbeat_interval=0.5, history=1, ssl=context
    )
    exchange.feed = FlatOutFeed(exchange.markets, steps=LOOP_STEPS)
    async with exchange as sim:
        names = ("url", "rest_url", "api_key", "api_secret")
        introduction = {name: getattr(sim, name) for name in names}
        write(json.dumps(introduction | {"authority": authority.cert_pem.bytes().decode()}))
        while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if command == "trade":
                await trade(sim)
            else:
                act, _ = FAULTS[command]
                act(sim)
            write(command)


async def trade(sim: SimulatedExchange) -> None:
    order: Any = await sim.account.place(SYMBOLS[0], "buy", "0.1", limit_price="100")
    await sim.account.cancel(order)


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
