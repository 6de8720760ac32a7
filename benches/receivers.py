"""The client's end of a socket: each library receives the same messages. Runs in a worker.

Each of them calls the same `Tap` with its result: this client with a typed message after the book
was updated and verified, the others with what their decoder returns.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import ssl
import time
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches import corpus

# ruff: noqa: PLC0415 (each process has only one of these libraries)

TIMEOUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a client has to do.

    Attributes:
        port: the port of the sender.
        authority: certificate of the authority to trust; empty for a plain connection.
        stream: the book to subscribe to.
        skip: messages to receive before the clock starts, including the snapshot.
        count: messages to receive in all, which is how many the sender sends.
        stamps: file for the arrival times of all messages; empty for none.
    """

    port: int
    authority: str
    stream: str
    skip: int
    count: int
    stamps: str = ""

    @property
    def url(self) -> str:
        return f"{'wss' if self.authority else 'ws'}://127.0.0.1:{self.port}/v2"

    @property
    def tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cadata=self.authority) if self.authority else None

    @property
    def book(self) -> corpus.Stream:
        return corpus.endless(self.stream)

    @property
    def request(self) -> bytes:
        """The subscribe request, for clients without a method for it."""
        params = {"channel": "book", "symbol": [self.book.symbol], "depth": self.book.depth}
        return json.dumps({"method": "subscribe", "params": params, "req_id": 1}).encode()


class Tap:
    """Counts messages: starts the clock after the first `skip`, stops it at the last."""

    def __init__(self, job: Job) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.measured: dict[str, float] = {}
        self.last: Any = None
        self._job = job
        self._arrivals = array("q", bytes(8 * job.count)) if job.stamps else None
        self.on_message = self._stamping() if job.stamps else self._counting()

    def _counting(self) -> Callable[[Any], None]:
        skip, count = self._job.skip, self._job.count
        seen = 0

        def on_message(message: Any) -> None:
            nonlocal seen
            seen += 1
            if seen == skip:
                self._start()
            elif seen == count:
                self._stop(message)

        return on_message

    def _stamping(self) -> Callable[[Any], None]:
        last, now, arrivals = self._job.count - 1, time.perf_counter_ns, self._arrivals
        assert arrivals is not None
        seen = 0

        def on_message(message: Any) -> None:
            nonlocal seen
            arrivals[seen] = now()
            if seen == last:
                self._stop(message)
            seen += 1

        return on_message

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter_ns(), time.process_time_ns()

    def _stop(self, message: Any) -> None:
        self.last = message
        if self._arrivals is not None:
            with Path(self._job.stamps).open("wb") as file:
                self._arrivals.tofile(file)
        else:
            received = self._job.count - self._job.skip
            self.measured = {
                "wall": (time.perf_counter_ns() - self._wall) / received,
                "cpu": (time.process_time_ns() - self._cpu) / received,
            }
        self.done.set_result(None)


Client = Callable[[Job, Tap], Awaitable[None]]


def receive(client: str, loop: str, **job: Any) -> dict[str, float]:
    """Receive the messages; return ns per message, `wall` and `cpu`, empty with `stamps`."""
    logging.disable()
    with asyncio.Runner(loop_factory=_loop(loop)) as runner:
        return runner.run(_receive(CLIENTS[client], Job(**job)))


async def _receive(client: Client, job: Job) -> dict[str, float]:
    tap = Tap(job)
    gc.collect()
    gc.disable()
    async with asyncio.timeout(TIMEOUT):
        await client(job, tap)
    gc.enable()
    return tap.measured


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
    from kraken_connector.ws import KrakenWSClient
    from kraken_connector.ws.subscribe import BookParams

    async with KrakenWSClient(url=job.url, ssl=job.tls, proxy=False) as client:
        params = BookParams(symbol=[job.book.symbol], depth=job.book.depth)
        await client.subscribe(params, callback=tap.on_message)
        await tap.done
        _check_ours(client, job, tap)


async def our_iterator(job: Job, tap: Tap) -> None:
    """`async for` over a `KrakenWSClient` that pauses the socket instead of dropping messages."""
    from kraken_connector.ws import KrakenWSClient
    from kraken_connector.ws.subscribe import BookParams

    async with KrakenWSClient(url=job.url, ssl=job.tls, proxy=False) as client:
        params = BookParams(symbol=[job.book.symbol], depth=job.book.depth)
        await client.subscribe(params, overflow="block")
        on_message, done = tap.on_message, tap.done.done
        async for message in client:
            on_message(message)
            if done():
                break
        _check_ours(client, job, tap)


def _check_ours(client: Any, job: Job, tap: Tap) -> None:
    """Every message was verified, none was dropped, and the last one is a message."""
    stats = client.stats()
    (counts,) = stats["connections"].values()
    assert counts["verified"] >= job.count, stats
    assert counts["mismatches"] == stats["dropped"] == stats["callback_errors"] == 0, stats
    assert tap.last.channel == "book"


# Others.


async def picows_orjson(job: Job, tap: Tap) -> None:
    """picows passes a view of each frame, orjson decodes it."""
    import orjson
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    class Listener(WSListener):
        def on_ws_connected(self, transport: WSTransport) -> None:
            transport.send(WSMsgType.TEXT, job.request)
            self.on_message: Callable[[Any], None] = self.skip_ack

        def skip_ack(self, _: Any) -> None:
            self.on_message = tap.on_message

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            self.on_message(orjson.loads(frame.get_payload_as_memoryview()))

    transport, _ = await ws_connect(Listener, job.url, ssl_context=job.tls)
    await tap.done
    transport.disconnect()
    await transport.wait_disconnected()
    assert tap.last["channel"] == "book"


async def websockets_orjson(job: Job, tap: Tap) -> None:
    """The usual loop over a `websockets` connection, orjson decodes."""
    import orjson
    from websockets.asyncio.client import connect

    async with connect(job.url, ssl=job.tls, compression=None, proxy=None) as connection:
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
    from websockets.client import ClientProtocol
    from websockets.frames import Frame, Opcode
    from websockets.uri import parse_uri

    updates = job.book.frames[1:]
    plain = socket.create_connection(("127.0.0.1", job.port))
    connection = job.tls.wrap_socket(plain, server_hostname="127.0.0.1") if job.tls else plain
    protocol = ClientProtocol(parse_uri(job.url))
    protocol.send_request(protocol.connect())
    connection.sendall(b"".join(protocol.data_to_send()))
    while protocol.handshake_exc is None and not protocol.events_received():
        protocol.receive_data(connection.recv(65_536))
    connection.sendall(Frame(Opcode.TEXT, job.request).serialize(mask=True))
    loop = sum(len(Frame(Opcode.TEXT, update).serialize(mask=False)) for update in updates)
    wanted = loop * (job.count // len(updates))
    buffer = bytearray(262_144)
    got = connection.recv_into(buffer)
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    while got < wanted:
        got += connection.recv_into(buffer)
    tap.measured = {
        "wall": (time.perf_counter_ns() - wall) / job.count,
        "cpu": (time.process_time_ns() - cpu) / job.count,
    }
    connection.close()


CLIENTS: dict[str, Client] = {
    "callback": our_callback,
    "async for": our_iterator,
    "picows + orjson.loads": picows_orjson,
    "websockets + orjson.loads": websockets_orjson,
    "kraken-connector 0.2.0": kraken_connector_020,
    "python-kraken-sdk": python_kraken_sdk,
    "recv alone": drain,
}
