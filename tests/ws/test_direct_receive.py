"""Frames that bypass the library: none is lost or reordered, and the RFC is kept."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from tests.ws.helpers import PATIENCE, eventually, text_frame
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kraken_connector import Engine, WSDataMessage, backend
from kraken_connector._backend import Receiver, ThreadReader
from kraken_connector.network import Network
from kraken_connector.ws.network.dialing import Dialer
from kraken_connector.ws.network.opening import open_socket
from kraken_connector.ws.network.reading_thread import ThreadBypass
from kraken_connector.ws.network.socket_options import ReadBy, SocketOptions
from kraken_connector.ws.network.websocket import DirectConnection

pytestmark = pytest.mark.skipif(backend() == "pure", reason="the pure core has no short way")

Script = Callable[[ServerConnection], Awaitable[None]]
MAX_SIZE = 300_000
NETWORK = Network(proxy=False)


def message(number: int, padding: int = 0) -> str:
    text = "x" * padding
    return f'{{"channel":"test","type":"update","data":[{number},"{text}"]}}'


def framed(number: int, padding: int = 0) -> bytes:
    return text_frame(message(number, padding).encode())


@pytest.fixture(params=["loop", "thread"])
def reader(request: pytest.FixtureRequest) -> Any:
    """Who reads."""
    if request.param == "thread" and ThreadReader is None:
        pytest.skip("needs threads of the native core")
    return request.param


async def open_direct(
    port: int, engine: Engine, sink: Callable[[list[Any], int], None], reader: ReadBy = "loop"
) -> Any:
    make_bypass = partial(ThreadBypass, engine, MAX_SIZE, None)
    return await open_socket(
        f"ws://127.0.0.1:{port}",
        network=NETWORK,
        dialer=Dialer(NETWORK, SocketOptions()),
        max_frame_size=MAX_SIZE,
        open_timeout=5,
        close_timeout=1,
        receiver=Receiver(engine, MAX_SIZE),
        on_events=sink,
        make_bypass=make_bypass if reader == "thread" else None,
    )


async def receive(reader: ReadBy, script: Script) -> tuple[list[int], list[str], ConnectionClosed]:
    """Run `script` as the server; return the numbers received, by which way, and the end."""
    engine = Engine()
    numbers: list[int] = []
    ways: list[str] = []

    def record(events: Iterable[Any], way: str) -> None:
        for event in events:
            assert isinstance(event, WSDataMessage)
            numbers.append(event.data[0])
            ways.append(way)

    async with serve(script, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await open_direct(port, engine, lambda events, _: record(events, "short"), reader)
        assert isinstance(socket, DirectConnection)
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    socket.go_direct()
                    record(engine.feed(await socket.recv(decode=False)), "long")
        except ConnectionClosed as closed:
            return numbers, ways, closed
        finally:
            await socket.close()


def raw(*chunks: bytes) -> Script:
    """Return a server that writes bytes as they are, each chunk on its own."""

    async def script(connection: ServerConnection) -> None:
        for chunk in chunks:
            connection.transport.write(chunk)
            await connection.drain()
            # The client answers this ping when it has read the chunk.
            await (await connection.ping())

    return script


async def test_text_bypasses_the_library(reader: ReadBy) -> None:
    numbers, ways, _ = await receive(reader, raw(*(framed(n) for n in range(20))))
    assert numbers == list(range(20))
    assert ways[-1] == "short"


async def test_frames_of_one_read_keep_their_order(reader: ReadBy) -> None:
    numbers, _, _ = await receive(reader, raw(b"".join(framed(n) for n in range(5000))))
    assert numbers == list(range(5000))


@pytest.mark.parametrize("seed", range(3))
async def test_cuts_anywhere_change_nothing(seed: int, reader: ReadBy) -> None:
    choose = random.Random(seed)
    sizes = [choose.choice([0, 50, 200, 3000, 70_000, 250_000]) for _ in range(40)]
    stream = b"".join(framed(n, size) for n, size in enumerate(sizes))
    cuts = sorted({0, len(stream), *(choose.randrange(len(stream)) for _ in range(60))})

    async def script(connection: ServerConnection) -> None:
        for start, end in pairwise(cuts):
            connection.transport.write(stream[start:end])
            await asyncio.sleep(0)

    numbers, _, _ = await receive(reader, script)
    assert numbers == list(range(40))


async def test_fragments_between_texts_stay_in_order(reader: ReadBy) -> None:
    async def script(connection: ServerConnection) -> None:
        for n in range(0, 60, 3):
            await connection.send(message(n))
            whole = message(n + 1)
            await connection.send([whole[:10], whole[10:20], whole[20:]])
            await connection.send(message(n + 2))

    numbers, ways, _ = await receive(reader, script)
    assert numbers == list(range(60))
    assert "long" in ways


async def test_fragment_in_the_middle_of_a_read_stays_in_order(reader: ReadBy) -> None:
    whole = message(1).encode()
    fragments = bytes([0x01, 5]) + whole[:5] + bytes([0x80, len(whole) - 5]) + whole[5:]
    stream = framed(0) + fragments + framed(2)
    numbers, _, _ = await receive(reader, raw(framed(-1), stream, framed(3)))
    assert numbers == [-1, 0, 1, 2, 3]


async def test_pings_are_answered_while_text_bypasses_the_library(reader: ReadBy) -> None:
    async def script(connection: ServerConnection) -> None:
        for n in range(10):
            await connection.send(message(n))
            assert await (await connection.ping()) >= 0

    numbers, ways, closed = await receive(reader, script)
    assert numbers == list(range(10))
    assert ways[-1] == "short"
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1000


async def test_a_close_frame_is_understood(reader: ReadBy) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(message(0))
        await connection.close(1012, "service restart")

    numbers, _, closed = await receive(reader, script)
    assert numbers == [0]
    assert closed.rcvd is not None
    assert (closed.rcvd.code, closed.rcvd.reason) == (1012, "service restart")


async def test_a_frame_that_is_too_long_ends_the_connection(reader: ReadBy) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(message(0))
        await connection.send(message(1, MAX_SIZE))
        await connection.wait_closed()

    numbers, _, closed = await receive(reader, script)
    assert numbers == [0]
    assert closed.sent is not None
    assert closed.sent.code == 1009


async def test_a_masked_frame_ends_the_connection(reader: ReadBy) -> None:
    masked = bytes([0x81, 0x81, 0, 0, 0, 0, 0x78])

    async def script(connection: ServerConnection) -> None:
        await connection.send(message(0))
        connection.transport.write(masked)
        await connection.wait_closed()

    numbers, _, closed = await receive(reader, script)
    assert numbers == [0]
    assert closed.sent is not None
    assert closed.sent.code == 1002


async def test_a_refused_handshake_is_the_librarys_business() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Exception, match="429"):
            await open_direct(port, Engine(), lambda events, received_ns: None)


async def test_data_received_bypasses_the_library_too() -> None:
    """uvloop calls `data_received` of every `asyncio.Protocol`."""
    engine = Engine()
    received: list[Any] = []

    async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await open_direct(port, engine, lambda events, _: received.extend(events))
        assert isinstance(socket, DirectConnection)
        socket.go_direct()
        stream = b"".join(framed(n, 5000) for n in range(100))
        for start in range(0, len(stream), 200_000):
            socket.data_received(stream[start : start + 200_000])
        await socket.close()
    assert [event.data[0] for event in received] == list(range(100))


@pytest.mark.parametrize("is_one_read", [True, False])
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(b"\x88\x02\x03\xe8", id="close"),
        pytest.param(b"\x88\x01x", id="close with half a code"),
        pytest.param(b"\x8b\x01x", id="reserved control frame"),
        pytest.param(b"\x83\x01x", id="reserved data frame"),
        pytest.param(b"\xc1\x01x", id="compressed"),
        pytest.param(b"\x80\x01x", id="continuation of nothing"),
        pytest.param(b"\x81\x81\0\0\0\0x", id="masked"),
    ],
)
async def test_nothing_is_received_after_a_close_or_an_error(end: bytes, is_one_read: bool) -> None:
    received: list[Any] = []
    async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await open_direct(port, Engine(), lambda events, _: received.extend(events))
        assert isinstance(socket, DirectConnection)
        socket.go_direct()
        if is_one_read:
            socket.data_received(framed(0) + end + framed(1))
        else:
            socket.data_received(framed(0))
            socket.data_received(end)
        socket.go_direct()
        socket.data_received(framed(2))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert [event.data[0] for event in received] == [0]


@pytest.mark.parametrize("end", ["abort", "close"])
async def test_nothing_is_fed_after_the_transport_is_closed(reader: ReadBy, end: str) -> None:
    engine = Engine()

    async def script(connection: ServerConnection) -> None:
        await connection.recv()
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(message(0))

    async with serve(script, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await open_direct(port, engine, lambda *_: None, reader)
        socket.go_direct()
        await socket.send("begin")
        await eventually(lambda: engine.counters()["frames"] > 10)
        getattr(socket.transport, end)()
        frames = engine.counters()["frames"]
        await asyncio.sleep(0.02)
        assert engine.counters()["frames"] == frames
        await socket.wait_closed()


async def test_a_paused_transport_hands_nothing_over(reader: ReadBy) -> None:
    received: list[Any] = []
    while_reading: list[bool] = []

    def take(events: list[Any], _: int) -> None:
        while_reading.append(socket.transport.is_reading())
        received.extend(events)
        if len(received) < 300:
            socket.transport.pause_reading()

    async def script(connection: ServerConnection) -> None:
        await connection.recv()
        for number in range(1000):
            await connection.send(message(number))
        await connection.wait_closed()

    async with serve(script, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await open_direct(port, Engine(), take, reader)
        socket.go_direct()
        await socket.send("begin")
        async with asyncio.timeout(PATIENCE):
            while len(received) < 1000:
                await asyncio.sleep(0.001)
                if not socket.transport.is_reading():
                    seen = len(received)
                    await asyncio.sleep(0.001)
                    assert len(received) == seen
                    socket.transport.resume_reading()
        await socket.close()
    assert all(while_reading)
    assert [event.data[0] for event in received] == list(range(1000))
