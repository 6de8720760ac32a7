"""`SocketTransport` keeps the contract of `asyncio.Transport`, with each kind of stream.

The transports of asyncio itself are measured by the same tests: the page "Transports and Protocols"
of Python's documentation says what they promise, and where it is silent, they are the model.
"""

from __future__ import annotations

import asyncio
import gc
import random
import select
import shutil
import socket
import ssl
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.patience import PatientLoop
from tests.peers import Peer, tcp_pair
from tests.ws.helpers import PATIENCE, eventually, tls_contexts

from kraken_connector import _backend
from kraken_connector.ws.network.streams import Line, PlainStream, Stream, TlsStream
from kraken_connector.ws.network.transport import SocketTransport, shake_hands

pytestmark = pytest.mark.skipif(
    not hasattr(asyncio.SelectorEventLoop, "add_reader"), reason="needs sockets of Unix"
)

NAME = "localhost"
#: Streams of the package.
OURS = ["python", "python tls"]
if _backend.TlsConfig is not None:
    OURS += ["native", "native tls"]
KINDS = ["asyncio", "asyncio tls", *OURS]
PLAIN = [kind for kind in KINDS if "tls" not in kind]
SECURE = [kind for kind in KINDS if "tls" in kind]

#: Without the one of asyncio that is no model: it fails or waits where the others go on.
MODEL = [kind for kind in KINDS if kind != "asyncio tls"]

Test = Callable[[str], Coroutine[Any, Any, None]]


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    if name == "asyncio":
        return PatientLoop()
    made: asyncio.AbstractEventLoop = pytest.importorskip(name).new_event_loop()
    return made


def run(loop: str, main: Coroutine[Any, Any, None]) -> None:
    try:
        with asyncio.Runner(loop_factory=lambda: new_loop(loop)) as runner:
            runner.run(asyncio.wait_for(main, PATIENCE))
    finally:
        main.close()  # It was not started if there is no such loop.


def contract(kinds: list[str] = KINDS) -> Callable[[Test], Callable[[str, str], None]]:
    """Run a test for each kind of stream, and those of the package on uvloop too."""

    def decorate(test: Test) -> Callable[[str, str], None]:
        def check(loop: str, kind: str) -> None:
            run(loop, test(kind))

        cases: list[Any] = [("asyncio", kind) for kind in kinds]
        for kind in [kind for kind in kinds if kind in OURS]:
            marks = () if kind == OURS[-1] else pytest.mark.long
            cases.append(pytest.param("uvloop", kind, marks=marks))
        check.__name__, check.__doc__ = test.__name__, test.__doc__
        check.__module__, check.__qualname__ = test.__module__, test.__qualname__
        return pytest.mark.parametrize(("loop", "kind"), cases)(check)

    return decorate


class Recorder(asyncio.BufferedProtocol):
    """A protocol that records what it is told.

    Args:
        size: bytes of its buffer.

    Attributes:
        told: the calls, without their repetitions.
        hooks: what to do within a call.
        at_first: a method of the transport to call when the connection is made.
        keeps_open: the result of `eof_received`.
    """

    def __init__(self, size: int = 65536) -> None:
        self.told: list[str] = []
        self.received = bytearray()
        self.hooks: dict[str, Callable[[], object]] = {}
        self.at_first = ""
        self.keeps_open = False
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self.buffer: memoryview | bytearray = memoryview(bytearray(size))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._tell("made")
        if self.at_first:
            getattr(transport, self.at_first)()

    def get_buffer(self, sizehint: int) -> memoryview | bytearray:
        if hook := self.hooks.get("buffer"):
            hook()
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += self.buffer[:nbytes]
        self._tell("data")

    async def has(self, data: bytes) -> None:
        """Wait until it has received these bytes, and no other."""
        await eventually(lambda: self.received == data)

    def eof_received(self) -> bool:
        self._tell("eof")
        return self.keeps_open

    def pause_writing(self) -> None:
        self._tell("pause")

    def resume_writing(self) -> None:
        self._tell("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        # A second call fails.
        self.lost.set_result(exc)
        self._tell(f"lost {type(exc).__name__}")

    def _tell(self, name: str) -> None:
        if name != "data" or self.told[-1] != name:
            self.told.append(name)
        if hook := self.hooks.get(name.partition(" ")[0]):
            hook()


class Lines(asyncio.Protocol):
    """Passes on to a recorder what it receives as bytes."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.connection_made = recorder.connection_made  # type: ignore[method-assign]
        self.connection_lost = recorder.connection_lost  # type: ignore[method-assign]
        self.eof_received = recorder.eof_received  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        assert type(data) is bytes
        self.recorder.received += data
        self.recorder._tell("data")


def stream_of(kind: str, connection: socket.socket, trusting: ssl.SSLContext | None = None) -> Line:
    """Return a line of one of `OURS`; its handshake is to do."""
    context = (trusting or tls_contexts(NAME)[1]) if "tls" in kind else None
    stream: Stream
    if kind == "python":
        stream = PlainStream(connection)
    elif kind == "native":
        stream = _backend.PlainStream(connection.fileno())
    elif context is not None and kind == "python tls":
        stream = TlsStream(connection, context, NAME)
    else:
        assert context is not None
        config = _backend.TlsConfig(context.get_ca_certs(binary_form=True))
        stream = config.stream(connection.fileno(), NAME)
    return Line(connection, stream, context)


async def transport_of(
    kind: str, connection: socket.socket, protocol: asyncio.BaseProtocol
) -> asyncio.Transport:
    """Connect a protocol, with a handshake if there is one."""
    if kind in OURS:
        line = stream_of(kind, connection)
        await shake_hands(connection, line.stream)
        return SocketTransport(line, protocol)  # type: ignore[arg-type]
    options = {"ssl": tls_contexts(NAME)[1], "server_hostname": NAME} if "tls" in kind else {}
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: protocol, sock=connection, **options)
    return transport


@asynccontextmanager
async def connected(
    kind: str,
    recorder: Recorder,
    *,
    room: int | None = None,
    as_bytes: bool = False,
) -> AsyncIterator[tuple[asyncio.Transport, Peer]]:
    """Connect a recorder with a peer; in the end both sockets are closed."""
    ours, theirs = tcp_pair(room=room)
    peer = Peer(theirs, tls_contexts(NAME)[0] if "tls" in kind else None)
    protocol = Lines(recorder) if as_bytes else recorder
    try:
        transport, _ = await asyncio.gather(transport_of(kind, ours, protocol), peer.handshake())
        try:
            yield transport, peer
        finally:
            if not recorder.lost.done():
                transport.abort()
            await recorder.lost
            await turns(2)  # Sockets are closed after the protocol was told.
    finally:
        theirs.close()


async def turns(count: int = 20) -> None:
    """Let so many turns of the event loop pass, in which nothing is to happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def handled() -> list[BaseException]:
    """Return the exceptions that the event loop is told of from now on."""
    found: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: found.append(context["exception"])
    )
    return found


def data_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


# Order.


@contract()
async def test_protocol_is_told_of_connection_data_and_end_in_this_order(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        await peer.send(b"first ")
        await peer.send(b"second")
        await recorder.has(b"first second")
        assert transport.is_reading()
        assert not transport.is_closing()
        await peer.send_eof()
        assert await recorder.lost is None
        assert transport.is_closing()
    assert recorder.told == ["made", "data", "eof", "lost NoneType"]


@contract(MODEL)
async def test_data_before_an_end_arrives_though_both_are_there_at_once(kind: str) -> None:
    sent = data_of(200_000)
    recorder = Recorder(1000)
    async with connected(kind, recorder) as (transport, peer):
        transport.pause_reading()
        await peer.send(sent)
        await peer.send_eof()
        await turns()
        assert recorder.received == b""
        transport.resume_reading()
        assert await recorder.lost is None
    assert recorder.received == sent
    assert recorder.told == ["made", "data", "eof", "lost NoneType"]


@contract()
async def test_protocol_without_a_buffer_receives_bytes(kind: str) -> None:
    sent = data_of(300_000)
    recorder = Recorder()
    async with connected(kind, recorder, as_bytes=True) as (_, peer):
        sending = asyncio.create_task(peer.send(sent))
        await recorder.has(sent)
        await sending


@contract()
async def test_peer_that_sends_byte_by_byte_is_understood(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (_, peer):
        peer.pieces = lambda sent: (sent[i : i + 1] for i in range(len(sent)))
        for _ in range(3):
            await peer.send(b"one at a time")
        await recorder.has(b"one at a time" * 3)


@contract(MODEL)
async def test_buffer_may_be_of_any_kind(kind: str) -> None:
    """Slices of a `bytearray` are copies, into which nothing must be read."""
    sent = data_of(100_000)
    recorder = Recorder()
    recorder.buffer = bytearray(1000)
    async with connected(kind, recorder) as (_, peer):
        await peer.send(sent)
        await eventually(lambda: len(recorder.received) == len(sent))
    assert recorder.received == sent


# Pausing to read.


@contract()
async def test_nothing_is_received_while_reading_is_paused(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        transport.pause_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        await peer.send(b"later")
        await turns()
        assert recorder.received == b""
        transport.resume_reading()
        transport.resume_reading()
        assert transport.is_reading()
        await recorder.has(b"later")


@contract(OURS)
async def test_paused_connection_with_data_costs_no_more_turns(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        transport.pause_reading()
        connection = transport.get_extra_info("socket")
        await peer.send(b"later")
        await eventually(lambda: select.select([connection], [], [], 0)[0])
        await turns()
        assert not asyncio.get_running_loop().remove_reader(connection)
        transport.resume_reading()
        await recorder.has(b"later")


@contract()
async def test_pause_within_a_callback_holds_at_once(kind: str) -> None:
    """With TLS, more is decrypted already than the protocol has taken."""
    sent = data_of(50_000)
    recorder = Recorder(1000)
    async with connected(kind, recorder) as (transport, peer):
        recorder.hooks["data"] = transport.pause_reading
        await peer.send(sent)
        for count in range(1, 51):
            await eventually(lambda count=count: len(recorder.received) == 1000 * count)
            await turns(3)
            assert len(recorder.received) == 1000 * count
            transport.resume_reading()
    assert recorder.received == sent


@contract()
async def test_pause_and_resume_within_a_callback_lose_and_repeat_nothing(kind: str) -> None:
    sent = data_of(100_000)
    recorder = Recorder(777)

    async with connected(kind, recorder) as (transport, peer):

        def flicker() -> None:
            transport.pause_reading()
            transport.resume_reading()

        recorder.hooks["data"] = flicker
        await peer.send(sent)
        await eventually(lambda: len(recorder.received) >= len(sent))
        await turns()
    assert recorder.received == sent


@contract(PLAIN)
async def test_pause_when_the_connection_is_made_holds(kind: str) -> None:
    recorder = Recorder()
    recorder.at_first = "pause_reading"
    async with connected(kind, recorder) as (transport, peer):
        await peer.send(b"later")
        await turns()
        assert recorder.received == b""
        transport.resume_reading()
        await recorder.has(b"later")


@contract()
async def test_protocol_can_be_exchanged_within_a_callback(kind: str) -> None:
    first, second = Recorder(10), Recorder(10)
    async with connected(kind, first) as (transport, peer):
        assert transport.get_protocol() is first
        first.hooks["data"] = lambda: transport.set_protocol(second)
        second.told.append("exchanged")
        await peer.send(b"0123456789abcdef")
        await second.has(b"abcdef")
        assert transport.get_protocol() is second
        assert first.received == b"0123456789"
        transport.abort()
        assert await second.lost is None
        first.lost.set_result(None)


# Writing.


@contract()
async def test_what_is_written_arrives_whole_and_in_order(kind: str) -> None:
    sizes = [1, 0, 16_384, 16_385, 2_000_000, 3]
    sent = [data_of(size) for size in sizes]
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        for data in sent:
            transport.write(data)
        assert await peer.receive_exactly(sum(sizes)) == b"".join(sent)
        await eventually(lambda: transport.get_write_buffer_size() == 0)


@contract()
async def test_buffer_may_be_changed_after_it_was_written(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        buffer = bytearray(b"a" * 500_000)
        transport.write(buffer)
        buffer[:] = b"b" * 500_000
        transport.write(memoryview(buffer)[:7])
        assert await peer.receive_exactly(500_007) == b"a" * 500_000 + b"b" * 7


@contract()
async def test_protocol_is_told_once_each_when_too_much_waits_and_when_little_does(
    kind: str,
) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.set_write_buffer_limits(high=100_000, low=1000)
        assert transport.get_write_buffer_limits() == (1000, 100_000)
        for _ in range(100):
            transport.write(bytes(10_000))
        assert recorder.told == ["made", "pause"]
        assert transport.get_write_buffer_size() > 100_000
        sizes: list[int] = []
        recorder.hooks["resume"] = lambda: sizes.append(transport.get_write_buffer_size())
        assert len(await peer.receive_exactly(1_000_000)) == 1_000_000
        await eventually(lambda: transport.get_write_buffer_size() == 0)
        assert recorder.told == ["made", "pause", "resume"]
        assert sizes[0] <= 1000


@contract()
async def test_new_limits_hold_at_once(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.set_write_buffer_limits(high=2_000_000)
        assert transport.get_write_buffer_limits() == (500_000, 2_000_000)
        transport.write(bytes(1_000_000))
        assert recorder.told == ["made"]
        transport.set_write_buffer_limits(high=0)
        assert recorder.told == ["made", "pause"]
        await peer.receive_exactly(1_000_000)
        await eventually(lambda: recorder.told == ["made", "pause", "resume"])
        transport.set_write_buffer_limits(low=100)
        assert transport.get_write_buffer_limits() == (100, 400)
        for high, low in [(-1, None), (10, 11), (None, -1)]:
            with pytest.raises(ValueError, match=r"high .* low"):
                transport.set_write_buffer_limits(high=high, low=low)


@contract()
async def test_text_cannot_be_written_and_harms_nothing(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        for value in ("text", 7):
            with pytest.raises(TypeError):
                transport.write(value)  # type: ignore[arg-type]
        transport.write(b"bytes")
        assert await peer.receive_exactly(5) == b"bytes"
        assert not transport.is_closing()


@contract()
async def test_callbacks_can_write(kind: str) -> None:
    recorder = Recorder(10)
    recorder.hooks["made"] = lambda: recorder.transport.write(b"hello")
    recorder.hooks["data"] = lambda: recorder.transport.write(bytes(recorder.received[-3:]))
    async with connected(kind, recorder) as (_, peer):
        assert await peer.receive_exactly(5) == b"hello"
        for text in (b"abc", b"def"):
            await peer.send(text)
            assert await peer.receive_exactly(3) == text


@contract(MODEL)
async def test_protocol_can_write_when_it_is_told_to_go_on(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.set_write_buffer_limits(high=1000)
        recorder.hooks["pause"] = lambda: transport.write(b"pause")
        recorder.hooks["resume"] = lambda: transport.write(b"resume")
        transport.write(bytes(500_000))
        assert await peer.receive_exactly(500_011) == bytes(500_000) + b"pauseresume"


@contract()
async def test_writes_after_the_end_are_dropped(kind: str) -> None:
    for end in ("close", "abort"):
        recorder = Recorder()
        async with connected(kind, recorder) as (transport, peer):
            transport.write(b"before")
            getattr(transport, end)()
            for _ in range(10):
                transport.write(b"after")
            assert await peer.receive_exactly(6) == b"before"
            await peer.send_close_notify()
            assert await recorder.lost is None
            transport.write(b"after")
            with suppress(ConnectionResetError):
                assert await peer.receive() == b""


# Closing.


@contract()
async def test_close_sends_what_waits_first_to_a_slow_peer_too(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.write(data_of(1_000_000))
        transport.close()
        assert transport.is_closing()
        transport.close()
        await turns()
        assert not recorder.lost.done()
        assert await peer.receive_exactly(1_000_000) == data_of(1_000_000)
        assert await peer.receive() == b""
        await peer.send_close_notify()
        assert await recorder.lost is None
    assert recorder.told[-1] == "lost NoneType"


@contract()
async def test_abort_drops_what_waits(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.write(bytes(1_000_000))
        transport.abort()
        transport.abort()
        assert not recorder.lost.done(), "never within a call"
        assert await recorder.lost is None
        received = 0
        with suppress(ConnectionResetError):
            while data := await peer.receive():
                received += len(data)
        assert received < 1_000_000
    assert set(recorder.told) <= {"made", "pause", "lost NoneType"}


@contract(MODEL)
async def test_nothing_follows_a_close_or_an_abort_within_a_callback(kind: str) -> None:
    for end in ("close", "abort"):
        recorder = Recorder(10)
        async with connected(kind, recorder) as (transport, peer):
            recorder.hooks["data"] = getattr(transport, end)
            await peer.send(bytes(100))
            await peer.send_eof()
            assert await recorder.lost is None
        assert recorder.told == ["made", "data", "lost NoneType"]
        assert len(recorder.received) == 10


@contract(MODEL)
async def test_close_when_the_connection_is_made(kind: str) -> None:
    recorder = Recorder()
    recorder.at_first = "close"
    async with connected(kind, recorder) as (_, peer):
        with suppress(OSError):
            await peer.send_close_notify()
        assert await recorder.lost is None
    assert recorder.told == ["made", "lost NoneType"]


# One direction.


@contract(PLAIN)
async def test_one_direction_can_be_closed_without_tls(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        assert transport.can_write_eof()
        transport.write(data_of(500_000))
        transport.write_eof()
        transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            transport.write(b"more")
        assert await peer.receive_all() == data_of(500_000)
        await peer.send(b"answer")
        await recorder.has(b"answer")
        assert not transport.is_closing()
        await peer.send_eof()
        assert await recorder.lost is None


@contract(SECURE)
async def test_one_direction_cannot_be_closed_with_tls(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        assert not transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            transport.write_eof()
        transport.write(b"still")
        assert await peer.receive_exactly(5) == b"still"


@contract(PLAIN)
async def test_protocol_can_go_on_writing_after_the_peers_end(kind: str) -> None:
    recorder = Recorder()
    recorder.keeps_open = True
    async with connected(kind, recorder) as (transport, peer):
        await peer.send_eof()
        await eventually(lambda: "eof" in recorder.told)
        if kind in OURS:  # That of asyncio tells of the same end again.
            transport.pause_reading()
        transport.resume_reading()
        await turns()
        transport.write(b"answer")
        assert await peer.receive_exactly(6) == b"answer"
        assert not transport.is_closing()
        transport.close()
        assert await recorder.lost is None
    assert recorder.told == ["made", "eof", "lost NoneType"]


@pytest.mark.filterwarnings("default")
@contract(SECURE)
async def test_peers_end_is_the_end_with_tls(kind: str) -> None:
    """Python's documentation of `eof_received`: SSL transports cannot be half closed."""
    recorder = Recorder()
    recorder.keeps_open = True
    async with connected(kind, recorder) as (_, peer):
        await peer.send_eof()
        assert await recorder.lost is None
    assert recorder.told == ["made", "eof", "lost NoneType"]


# Errors.


@contract()
async def test_reset_is_told_once(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        peer.reset()
        assert isinstance(await recorder.lost, ConnectionResetError)
        transport.write(b"dropped")
        transport.close()
        transport.abort()
        await turns()
    assert recorder.told == ["made", "lost ConnectionResetError"]


@contract()
async def test_reset_is_found_by_writing_though_reading_is_paused(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.pause_reading()
        transport.write(bytes(1_000_000))
        peer.reset()
        assert isinstance(await recorder.lost, ConnectionError)
    assert recorder.told[-1].startswith("lost Connection")


@contract()
async def test_reset_while_it_closes_ends_the_wait(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.write(bytes(1_000_000))
        transport.close()
        await turns(3)
        peer.reset()
        await recorder.lost
    assert len([one for one in recorder.told if one.startswith("lost")]) == 1


@contract()
async def test_exception_of_a_callback_loses_the_connection_and_is_handled(kind: str) -> None:
    for name in ("data", "eof"):
        found = handled()
        recorder = Recorder()
        async with connected(kind, recorder) as (transport, peer):
            error = ZeroDivisionError(name)
            recorder.hooks[name] = raising(error)
            await peer.send(b"x")
            if name == "eof":
                await recorder.has(b"x")
                await peer.send_eof()
            assert await recorder.lost is error
            assert transport.is_closing()
        assert found == [error]


@contract(MODEL)
async def test_protocol_without_room_loses_the_connection(kind: str) -> None:
    """No room is no end of the stream."""
    found = handled()
    recorder = Recorder(0)
    async with connected(kind, recorder) as (_, peer):
        with suppress(ConnectionError):
            await peer.send(b"x")
        assert isinstance(error := await recorder.lost, RuntimeError | ValueError)
    assert found == [error]
    assert recorder.told == ["made", f"lost {type(error).__name__}"]


@contract(MODEL)
async def test_exception_of_flow_control_is_handled_and_harms_nothing(kind: str) -> None:
    found = handled()
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        transport.set_write_buffer_limits(high=1000)
        errors = [ZeroDivisionError("pause"), ZeroDivisionError("resume")]
        for name, error in zip(("pause", "resume"), errors, strict=True):
            recorder.hooks[name] = raising(error)
        transport.write(data_of(500_000))
        transport.close()
        assert await peer.receive_exactly(500_000) == data_of(500_000)
        await peer.send_close_notify()
        assert await recorder.lost is None
    assert found == errors


@contract()
async def test_exception_when_told_of_the_loss_leaves_no_socket(kind: str) -> None:
    found = handled()
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, _):
        connection = transport.get_extra_info("socket")
        error = ZeroDivisionError()
        recorder.hooks["lost"] = raising(error)
        transport.abort()
        await recorder.lost
        await turns(2)
        assert connection.fileno() == -1
    assert found == [error]


def raising(error: Exception) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


# What is known of a connection.


@contract()
async def test_addresses_and_settings_are_told(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder) as (transport, peer):
        assert transport.get_extra_info("peername") == peer.socket.getsockname()
        assert transport.get_extra_info("sockname") == peer.socket.getpeername()
        nodelay = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        assert nodelay == socket.SOCK_STREAM
        assert (transport.get_extra_info("sslcontext") is not None) == ("tls" in kind)
        assert transport.get_extra_info("nonsense", 7) == 7


@contract(OURS)
async def test_repr_tells_the_state_and_no_data(kind: str) -> None:
    recorder = Recorder()
    async with connected(kind, recorder, room=4096) as (transport, peer):
        await peer.send(b"secret-of-the-peer")
        await eventually(lambda: recorder.received)
        shown = [repr(transport)]
        transport.write(b"secret-of-ours" * 50_000)
        transport.close()
        shown.append(repr(transport))
        transport.abort()
        await recorder.lost
        await turns(2)
        shown.append(repr(transport))
    assert [text.split()[1] for text in shown] == ["open", "closing", "lost"]
    assert "secret" not in "".join(shown)


# What is left behind.


FILES = Path("/proc/self/fd")


def open_files() -> set[str]:
    return {path.name for path in FILES.iterdir()}


@pytest.mark.skipif(not FILES.is_dir(), reason="needs Linux")
@contract()
async def test_no_end_leaves_a_file_open(kind: str) -> None:
    gc.collect()
    before = open_files()
    for end in ("close", "abort", "eof", "reset", "raise"):
        handled()
        recorder = Recorder()
        async with connected(kind, recorder) as (transport, peer):
            if end in ("close", "abort"):
                getattr(transport, end)()
                await peer.send_close_notify()
            elif end == "eof":
                await peer.send_eof()
            elif end == "reset":
                peer.reset()
            else:
                recorder.hooks["data"] = raising(ZeroDivisionError())
                await peer.send(b"x")
            await recorder.lost
    assert open_files() == before


@contract(MODEL)
async def test_lost_connection_leaves_no_cycle(kind: str) -> None:
    """Buffers are freed at once, and not when the garbage is collected."""
    for as_bytes in (False, True):
        recorder = Recorder()
        async with connected(kind, recorder, as_bytes=as_bytes) as (transport, peer):
            await peer.send(b"x")
            await recorder.has(b"x")
            transport.set_write_buffer_limits(high=0)
        assert transport.get_write_buffer_size() == 0
        transport.set_write_buffer_limits(high=1)
        lost = weakref.ref(recorder)
        gc.disable()
        try:
            del recorder, transport, peer
            assert lost() is None
        finally:
            gc.enable()


@pytest.mark.parametrize(
    ("loop", "kind"),
    [*(("asyncio", kind) for kind in KINDS), *(("uvloop", kind) for kind in OURS)],
)
def test_connection_that_nobody_closed_is_warned_of_and_closed(loop: str, kind: str) -> None:
    ends: list[socket.socket] = []

    async def main() -> None:
        ours, theirs = tcp_pair()
        ends.append(theirs)
        peer = Peer(theirs, tls_contexts(NAME)[0] if "tls" in kind else None)
        await asyncio.gather(transport_of(kind, ours, Recorder()), peer.handshake())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(loop, main())
        gc.collect()
    assert {one.category for one in caught} == {ResourceWarning}
    ends[0].settimeout(PATIENCE)
    with suppress(ConnectionResetError):
        while ends[0].recv(65536):
            pass
    ends[0].close()


# The handshake.


@contract([kind for kind in OURS if "tls" in kind])
async def test_handshake_that_is_cancelled_leaves_nothing(kind: str) -> None:
    """After each part of the server's answer, the first of which is nothing."""
    loop = asyncio.get_running_loop()
    for parts in range(4):
        ours, theirs = tcp_pair()
        peer = Peer(theirs, tls_contexts(NAME)[0])
        peer.pieces = lambda sent, size=300 * parts: [sent[:size]]
        line = stream_of(kind, ours)
        shaking = asyncio.create_task(shake_hands(ours, line.stream))
        answering = asyncio.create_task(peer.handshake())
        await turns()
        for task in (shaking, answering):
            assert task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not loop.remove_reader(ours)
        assert not loop.remove_writer(ours)
        ours.close()
        theirs.close()


# New keys.


class CommandLineServer:
    """`openssl s_server`: sends the lines that it is told, or changes its keys.

    Attributes:
        trusting: settings of clients that trust it.
    """

    def __init__(self) -> None:
        self.trusting = ssl.create_default_context()
        self._process: asyncio.subprocess.Process

    async def start(self, folder: Path, *options: str) -> int:
        """Return the port."""
        authority, path = trustme.CA(), str(folder / "certificate.pem")
        authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(path)
        authority.configure_trust(self.trusting)
        self._process = await asyncio.create_subprocess_exec(
            *("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", path, *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        line = await self.shows(b"ACCEPT ")
        return int(line.rpartition(b":")[2])

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def shows(self, start: bytes) -> bytes:
        """Return the next line that begins so."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(start):
                return line
        raise AssertionError("the server has ended")

    async def stop(self) -> None:
        self._process.kill()
        await self._process.communicate()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
@pytest.mark.long
@pytest.mark.parametrize(
    ("version", "command", "refusing"),
    [
        pytest.param("-tls1_3", "k", (), id="new keys of the server"),
        pytest.param("-tls1_3", "K", (), id="new keys of both"),
        # rustls has none (RFC 5746); nothing that comes after it is read.
        pytest.param("-tls1_2", "r", ("native tls",), id="renegotiation"),
    ],
)
@pytest.mark.parametrize("kind", [kind for kind in OURS if "tls" in kind])
async def test_data_goes_on_under_new_keys_or_the_connection_is_lost(
    kind: str, version: str, command: str, refusing: tuple[str, ...], tmp_path: Path
) -> None:
    server = CommandLineServer()
    recorder = Recorder()
    port = await server.start(tmp_path, version)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setblocking(False)
    line = stream_of(kind, connection, server.trusting)
    try:
        await shake_hands(connection, line.stream)
        transport = SocketTransport(line, recorder)
        server.tell("begin")
        await recorder.has(b"begin\n")
        server.tell(command)
        if kind in refusing:
            assert isinstance(await recorder.lost, ssl.SSLError)
        else:
            # It drops what it reads together with a command.
            while not recorder.received.endswith(b"end\n"):
                server.tell("end")
                await asyncio.sleep(0.01)
            transport.write(b"answer\n")
            await server.shows(b"answer")
            transport.abort()
            assert await recorder.lost is None
        await turns(2)
    finally:
        await server.stop()
