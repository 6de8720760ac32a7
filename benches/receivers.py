"""The client's end of a socket: each library receives the same messages. Runs in a worker.

Each of them calls the same `Tap` with its result: this client with a typed message after the book
was updated and verified, the others with what their decoder returns.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from benches import corpus
from benches.taps import Stamps, Tap, Waits
from benches.targets import OLD, PICOWS, PICOWS_ASYNCIO

# ruff: noqa: PLC0415 (each process has only one of these libraries)

TIMEOUT = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a client has to do.

    Attributes:
        client: its name.
        loop: the event loop.
        port: the port of the sender.
        tls: whether the connection has TLS.
        stream: the book to subscribe to.
        count: messages to receive in all, the snapshot included.
    """

    client: str
    loop: str
    port: int
    tls: bool
    stream: str
    count: int

    @property
    def url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/v2"

    @property
    def book(self) -> corpus.Stream:
        return corpus.endless(self.stream)

    @property
    def request(self) -> bytes:
        """The subscribe request, for clients without a method for it."""
        params = {"channel": "book", "symbol": [self.book.symbol], "depth": self.book.depth}
        return json.dumps({"method": "subscribe", "params": params, "req_id": 1}).encode()


Client = Callable[[Job, Tap], Awaitable[None]]


def receive(skip: int, **job: Any) -> dict[str, float]:
    """Receive messages at full load; return ns per message, `wall` and `cpu`.

    Args:
        skip: messages to receive before the clock starts, including the snapshot.
        job: the attributes of `Job`.
    """
    return _tapped(Job(**job), lambda count: Tap(count, skip))


def stamp(file: str, **job: Any) -> dict[str, float]:
    """Write the arrival times of messages to a file."""
    return _tapped(Job(**job), lambda count: Stamps(count, file))


def wait(**job: Any) -> dict[str, float]:
    """Return how long messages wait between the read of the socket and the callback, ns."""
    return _tapped(Job(**job), Waits)


def _tapped(job: Job, make_tap: Callable[[int], Tap]) -> dict[str, float]:
    async def main() -> dict[str, float]:
        tap = make_tap(job.count)
        await CLIENTS[job.client](job, tap)
        return tap.measured

    return run(main(), job.loop)


def run(work: Coroutine[Any, Any, T], loop: str) -> T:
    """Run the work of a worker on an event loop, without garbage collection."""
    logging.disable()
    with asyncio.Runner(loop_factory=_loop(loop)) as runner:
        return runner.run(_uncollected(work))


async def _uncollected(work: Coroutine[Any, Any, T]) -> T:
    gc.collect()
    gc.disable()
    try:
        async with asyncio.timeout(TIMEOUT):
            return await work
    finally:
        gc.enable()


def _loop(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    if name == "aiofastnet":
        import aiofastnet

        return aiofastnet.loop_factory()
    return asyncio.new_event_loop


# Ours.


async def our_callback(job: Job, tap: Tap) -> None:
    """`KrakenWSClient` with a plain function."""
    from benches import ours

    async with ours.client(job.url, job.client) as client:
        await client.subscribe(ours.book_params(job.book), callback=tap.on_message)
        await tap.done
        ours.check(client, job.count)
    assert tap.last.channel == "book"


async def our_iterator(job: Job, tap: Tap) -> None:
    """`async for` over a `KrakenWSClient` that pauses the socket instead of dropping messages."""
    from benches import ours

    async with ours.client(job.url, job.client) as client:
        await client.subscribe(ours.book_params(job.book), overflow="block")
        on_message, done = tap.on_message, tap.done.done
        async for message in client:
            on_message(message)
            if done():
                break
        ours.check(client, job.count)
        assert client.stats()["dropped"] == 0
    assert tap.last.channel == "book"


# Others.


async def websockets_orjson(job: Job, tap: Tap) -> None:
    """The usual loop over a `websockets` connection, orjson decodes."""
    import orjson
    from websockets.asyncio.client import connect

    async with connect(job.url, compression=None, proxy=None) as connection:
        await connection.send(job.request.decode())
        await connection.recv()
        on_message, done = tap.on_message, tap.done.done
        while not done():
            on_message(orjson.loads(await connection.recv(decode=False)))
    assert tap.last["channel"] == "book"


async def kraken_connector_020(job: Job, tap: Tap) -> None:
    """`async for` over the client of version 0.2.0; its false checksum errors are not counted."""
    from kraken_connector.ws import KrakenWSClient
    from kraken_connector.ws.envelopes import WSDataMessage
    from kraken_connector.ws.subscribe import BookParams

    client = KrakenWSClient(url=job.url)
    async with client:
        await client.subscribe(BookParams(symbol=[job.book.symbol], depth=job.book.depth))
        async for message in client:
            if isinstance(message, WSDataMessage):
                tap.on_message(message)
                if tap.done.done():
                    break
    assert tap.last.channel == "book"


async def python_kraken_sdk(job: Job, tap: Tap) -> None:
    """Its order book client with a callback; it gets the decimals that it would request by REST."""
    from kraken.spot import SpotOrderBookClient

    class Client(SpotOrderBookClient):
        WS_URL = job.url.removesuffix("/v2")

        async def on_book_update(self, pair: str, message: Any) -> None:
            tap.on_message(message)

    decimals = {"pair_decimals": 1, "lot_decimals": 8}
    market = type("Market", (), {"get_asset_pairs": lambda *_, pair: {pair: decimals}})
    client: Any = Client(depth=job.book.depth)
    client._SpotOrderBookClient__market = market()
    await client.start()
    await client.add_book(pairs=[job.book.symbol])
    await tap.done
    assert client.get(job.book.symbol)["valid"]
    client._pub_conn.task.cancel()
    await client.async_close()


async def drain(job: Job, tap: Tap) -> None:
    """Only `recv`: the time that socket and sender need."""
    from benches import blocking

    await blocking.drain(job, tap)


async def picows_orjson(job: Job, tap: Tap) -> None:
    """picows and `orjson.loads`."""
    from benches.picows_clients import receive_messages

    await receive_messages(job, tap)


CLIENTS: dict[str, Client] = {
    "callback": our_callback,
    "callback, OpenSSL": our_callback,
    "callback, thread": our_callback,
    "async for": our_iterator,
    PICOWS: picows_orjson,
    PICOWS_ASYNCIO: picows_orjson,
    "websockets + orjson.loads": websockets_orjson,
    OLD: kraken_connector_020,
    "python-kraken-sdk": python_kraken_sdk,
    "recv alone": drain,
}
