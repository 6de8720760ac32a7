"""A thread that is ahead of who handles what it reads: it loses nothing, and damages no book.

The expected states are those of an engine that is fed frame by frame, with the same calls between
the same frames: what the event loop does when it reads itself.
"""

from __future__ import annotations

import os
import random
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
import trustme
from tests.marks import long
from tests.oracle import Market
from tests.ws.helpers import BTC, text_frame

from kraken_connector import Engine
from kraken_connector._backend import PlainStream, ThreadReader, TlsConfig
from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import BookChecksumEvent, SequenceGapEvent

pytestmark = pytest.mark.skipif(ThreadReader is None, reason="needs threads of the native core")

PATIENCE = 10.0
MAX_SIZE = 2 * 2**20
PING, PONG = b"\x89\x02hi", b"\x8a\x00"
CLOSE = b"\x88\x02\x03\xe8"
#: The limit of what waits (docstring of `ThreadReader`).
LONGEST_QUEUE = 64 * 2**20


def eventually(predicate: Callable[[], Any]) -> Any:
    """Return the value of `predicate` as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (value := predicate()):
        assert time.monotonic() < end
        time.sleep(0.0002)
    return value


class Bench:
    """A thread that reads what a test sends.

    Attributes:
        engine: what it feeds.
        reader: the reader.
        events: what was drained.
        control: the control frames that were drained.
        sent: the number of messages sent.
    """

    def __init__(
        self,
        ours: socket.socket,
        theirs: socket.socket,
        pending: bytes = b"",
        stream: Any = None,
    ) -> None:
        self.engine = Engine()
        self.events: list[Any] = []
        self.stamps: list[int] = []
        self.control = b""
        self.sent = 0
        self.theirs = theirs
        self.stream = stream or PlainStream(ours.fileno(), quickack=False)
        self.reader = ThreadReader(self.stream, self.engine, MAX_SIZE, pending)

    def send(self, *messages: bytes, awaited: bool = True) -> None:
        """Send messages; wait until the engine has them."""
        self.theirs.sendall(b"".join(map(text_frame, messages)))
        self.sent += len(messages)
        if awaited:
            eventually(lambda: self.engine.counters()["frames"] == self.sent)

    def drain(self) -> int | None:
        """Take a batch; return how many events it has."""
        taken = self.reader.drain(self._take)
        if taken is None:
            return None
        self.control += taken[1]
        return taken[0]

    def drain_all(self, count: int | None = None) -> list[Any]:
        """Take all messages that were sent; return their events."""
        wanted = self.sent if count is None else count

        def is_complete() -> bool:
            self.drain()
            return sum(not _is_notice(event) for event in self.events) == wanted

        eventually(is_complete)
        return self.events

    def rings(self) -> bool:
        """Return whether there is something to take."""
        return bool(select.select([self.reader], [], [], 0)[0])

    def _take(self, events: list[Any], received_ns: int) -> None:
        self.events += events
        self.stamps.append(received_ns)


def _is_notice(event: Any) -> bool:
    return isinstance(event, BookChecksumEvent | SequenceGapEvent)


@contextmanager
def bench(pending: bytes = b"") -> Iterator[Bench]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        made = Bench(ours, theirs, pending)
        try:
            yield made
        finally:
            made.reader.stop()


def numbered(number: int, size: int = 0) -> bytes:
    padding = "x" * size
    return f'{{"channel":"test","type":"update","data":[{number},"{padding}"]}}'.encode()


def numbers(events: list[Any]) -> list[int]:
    return [event.data[0] for event in events]


def reply(method: str, **result: Any) -> bytes:
    fields = ",".join(
        f'"{name}":{value}' if isinstance(value, int) else f'"{name}":"{value}"'
        for name, value in result.items()
    )
    return f'{{"method":"{method}","result":{{{fields}}},"success":true}}'.encode()


# Reading.


def test_messages_come_once_and_in_order() -> None:
    with bench() as b:
        for start in range(0, 3000, 500):
            b.send(*map(numbered, range(start, start + 500)))
        assert numbers(b.drain_all()) == list(range(3000))
        assert b.drain() is None
        assert all(event.received_ns for event in b.events)
        assert b.stamps == sorted(b.stamps)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_anywhere_change_nothing(seed: int) -> None:
    choose = random.Random(seed)
    sizes = [choose.choice([0, 50, 3000, 70_000, 250_000]) for _ in range(40)]
    stream = b"".join(text_frame(numbered(n, size)) for n, size in enumerate(sizes))
    first = choose.randrange(200)
    with bench(pending=stream[:first]) as b:
        cuts = sorted(
            {first, len(stream), *(choose.randrange(first, len(stream)) for _ in range(60))}
        )
        for start, end in pairwise(cuts):
            b.theirs.sendall(stream[start:end])
        assert numbers(b.drain_all(40)) == list(range(40))


def test_the_bell_rings_while_something_waits_and_then_no_more() -> None:
    with bench() as b:
        assert not b.rings()
        for number in range(200):
            b.send(numbered(number))
            assert b.rings()
            if number % 3 == 0:
                while b.drain() is not None:
                    pass
                assert not b.rings()


def test_pings_and_pongs_are_for_the_library() -> None:
    with bench() as b:
        b.theirs.sendall(PING + text_frame(numbered(0)) + PONG)
        assert numbers(b.drain_all(1)) == [0]
        b.theirs.sendall(PING)
        eventually(lambda: b.drain() is None and b.control == PING + PONG + PING)


FOREIGN = {
    "fragment": bytes([0x01, 1]) + b"x",
    "binary": bytes([0x82, 1]) + b"x",
    "close": CLOSE,
    "masked": bytes([0x81, 0x81, 0, 0, 0, 0, 0x78]),
    "too long": bytes([0x81, 127]) + (MAX_SIZE + 1).to_bytes(8, "big"),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_the_thread_stops_at_a_frame_for_others(foreign: bytes) -> None:
    rest = foreign + text_frame(numbered(2)) + b"\x81"
    with bench() as b:
        b.theirs.sendall(text_frame(numbered(0)) + text_frame(numbered(1)) + rest)
        eventually(lambda: b.drain() is None and b.reader.has_ended)
        assert numbers(b.events) == [0, 1]
        assert b.rings()
        b.theirs.sendall(b"more")
        assert b.reader.stop() == rest
        buffer = bytearray(10)
        assert b.stream.recv_into(buffer) == 4


def test_the_end_of_a_connection_is_for_who_reads_next() -> None:
    with bench() as b:
        b.send(numbered(0))
        b.theirs.sendall(b"\x81")
        b.theirs.close()
        eventually(lambda: b.drain() is None and b.reader.has_ended)
        assert b.reader.stop() == b"\x81"
        assert b.stream.recv_into(bytearray(10)) == 0


def test_an_error_of_a_connection_is_for_who_reads_next() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        with ours:
            ours.setblocking(False)
            b = Bench(ours, theirs)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            theirs.close()
            eventually(lambda: b.drain() is None and b.reader.has_ended)
            assert b.reader.stop() == b""
            for _ in range(2):
                with pytest.raises(ConnectionResetError):
                    b.stream.recv_into(bytearray(10))


def test_stop_returns_what_is_for_others_and_drops_messages() -> None:
    with bench() as b:
        b.theirs.sendall(PING + text_frame(numbered(0)))
        b.sent = 1
        eventually(lambda: b.engine.counters()["frames"] == 1)
        b.theirs.sendall(b"\x81\x05ab")
        eventually(b.rings)
        time.sleep(0.01)
        assert b.reader.stop() == PING + b"\x81\x05ab"
        assert b.drain() is None
        assert b.reader.stop() == b""


def test_a_full_queue_holds_the_sender_and_loses_nothing() -> None:
    size, count = 2**20, 90
    with bench() as b:
        b.theirs.setblocking(False)
        stream = memoryview(b"".join(text_frame(numbered(n, size)) for n in range(count)))
        sent, since = 0, time.monotonic()
        while sent < len(stream) and time.monotonic() - since < 0.3:
            try:
                sent += b.theirs.send(stream[sent : sent + 2**18])
                since = time.monotonic()
            except BlockingIOError:
                time.sleep(0.001)
        assert LONGEST_QUEUE < sent < LONGEST_QUEUE + 8 * 2**20
        while sent < len(stream):
            b.drain()
            try:
                sent += b.theirs.send(stream[sent:])
            except BlockingIOError:
                time.sleep(0.001)
        assert numbers(b.drain_all(count)) == list(range(count))


def test_what_is_raised_by_the_handler_is_raised() -> None:
    with bench() as b:
        b.send(numbered(0))

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            b.reader.drain(fail)
        b.send(numbered(1))
        assert numbers(b.drain_all(1)) == [1]


def test_the_handler_may_stop_the_thread() -> None:
    with bench() as b:
        b.send(numbered(0))
        rests = []
        taken = b.reader.drain(lambda *_: rests.append(b.reader.stop()))
        assert taken == (1, b"")
        assert rests == [b""]


def test_other_streams_are_refused() -> None:
    with pytest.raises(TypeError, match="native core"):
        ThreadReader(object(), Engine(), MAX_SIZE)  # type: ignore[arg-type]


def test_a_processor_that_is_not_there_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="Invalid argument"):
        ThreadReader(PlainStream(ours.fileno()), Engine(), MAX_SIZE, cpu=100_000)


# TLS.


@contextmanager
def secure_bench() -> Iterator[tuple[Bench, ssl.SSLSocket, socket.socket]]:
    """Read by TLS; yield the server's sockets too, with TLS and below it."""
    authority, settings = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("exchange.test").configure_cert(settings)
    root = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        below = socket.socket(fileno=os.dup(theirs.fileno()))
        stream = TlsConfig([root]).stream(ours.fileno(), "exchange.test", quickack=False)
        with ThreadPoolExecutor(1) as pool, below:
            wrapped = pool.submit(settings.wrap_socket, theirs, server_side=True)
            eventually(stream.handshake)
            server = wrapped.result(PATIENCE)
            made = Bench(ours, server, stream=stream)
            try:
                with server:
                    yield made, server, below
            finally:
                made.reader.stop()


def test_tls_is_read_and_written_at_the_same_time() -> None:
    with secure_bench() as (b, server, _):
        for start in range(0, 2000, 100):
            b.send(*(numbered(n, n % 500) for n in range(start, start + 100)))
            b.stream.write(b"%04d" % start)
            assert server.recv(4) == b"%04d" % start
        assert numbers(b.drain_all()) == list(range(2000))


TLS_ENDS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "close_notify": (lambda server, below: _close_notify(server), 0),
    "without close_notify": (lambda server, below: below.shutdown(socket.SHUT_RDWR), 0),
    "no record": (lambda server, below: below.sendall(b"GET / HTTP/1.1"), ssl.SSLError),
}


def _close_notify(server: ssl.SSLSocket) -> None:
    server.settimeout(0)
    with suppress(OSError):
        server.unwrap()


@pytest.mark.parametrize(("end", "outcome"), TLS_ENDS.values(), ids=TLS_ENDS)
def test_the_end_of_tls_is_for_who_reads_next(end: Any, outcome: Any) -> None:
    with secure_bench() as (b, server, below):
        b.send(numbered(0))
        end(server, below)
        eventually(lambda: b.drain() is None and b.reader.has_ended)
        assert numbers(b.events) == [0]
        assert b.reader.stop() == b""
        # The socket may tell of nothing more.
        assert b.stream.pending
        if outcome == 0:
            assert b.stream.recv_into(bytearray(10)) == 0
        else:
            with pytest.raises(outcome):
                b.stream.recv_into(bytearray(10))


# Ahead of the handler.


def damaged(frame: bytes) -> bytes:
    """Return a book message with another checksum."""
    head, mark, tail = frame.partition(b'"checksum":')
    return head + mark + b"1" + tail


def content(engine: Engine, symbol: str = BTC) -> Any:
    """Return what can be read of a book, `None` if that is nothing."""
    book = engine.book(symbol)
    try:
        return book.depth, book.bids, book.asks
    except BookNotReady:
        return None


#: What the handler may answer with a call of the engine: the engine must not be ahead then.
AWAITED: dict[str, Callable[[Market], list[bytes]]] = {
    "ack": lambda market: [reply("subscribe", channel="book", symbol=BTC, depth=10)],
    "end": lambda market: [reply("unsubscribe", channel="book", symbol=BTC)],
    "refusal": lambda _: [b'{"method":"subscribe","success":false,"error":"no"}'],
    "checksum": lambda market: [damaged(market.update())],
    "no checksum": lambda market: [market.update().replace(b"checksum", b"checksuM")],
    "unreadable": lambda _: [b"junk"],
    "gap": lambda _: [
        b'{"channel":"executions","type":"update","data":[],"sequence":1}',
        b'{"channel":"executions","type":"update","data":[],"sequence":3}',
    ],
}


@pytest.mark.parametrize("awaited", AWAITED.values(), ids=AWAITED)
def test_the_engine_waits_until_such_a_message_is_handled(awaited: Any) -> None:
    market = Market(BTC)
    with bench() as b:
        b.send(market.snapshot())
        b.drain_all()
        messages = awaited(market)
        b.send(*messages, *map(numbered, range(100)), awaited=False)
        wanted = 1 + len(messages)
        eventually(lambda: b.engine.counters()["frames"] == wanted)
        time.sleep(0.01)
        assert b.engine.counters()["frames"] == wanted
        while b.engine.counters()["frames"] == wanted:
            b.drain()
        b.drain_all()
        assert numbers(b.events[-100:]) == list(range(100))


@pytest.mark.parametrize(
    "ordinary",
    [
        b'{"method":"add_order","result":{"order_id":"O"},"success":true}',
        b'{"method":"pong"}',
        b'{"channel":"heartbeat"}',
        b'{"channel":"executions","type":"update","data":[],"sequence":5}',
        b'{"channel":"ticker","type":"snapshot","data":[]}',
    ],
)
def test_the_engine_does_not_wait_for_other_messages(ordinary: bytes) -> None:
    market = Market(BTC)
    with bench() as b:
        b.send(market.snapshot(), ordinary, market.update())
        assert b.engine.book(BTC).updates == 2


def test_the_engine_waits_as_long_as_the_message_is_being_handled() -> None:
    with bench() as b:
        b.send(b"junk", numbered(0), awaited=False)
        seen = []

        def handle(*_: object) -> None:
            time.sleep(0.01)
            seen.append(b.engine.counters()["frames"])

        eventually(lambda: b.reader.drain(handle))
        assert seen == [1]
        eventually(lambda: b.engine.counters()["frames"] == 2)


#: A call that is made before a snapshot is known of, and whether the book can be read then.
LATE_CALLS: dict[str, tuple[Callable[[Engine], None], bool]] = {
    "stale": (lambda engine: engine.books.invalidate(BTC), True),
    "awaiting": (lambda engine: engine.books.invalidate(BTC, "awaiting_snapshot"), True),
    "quarantined": (lambda engine: engine.books.invalidate(BTC, "quarantined"), False),
    "expected": (lambda engine: engine.books.expect(BTC, 10), True),
    "other depth": (lambda engine: engine.books.expect(BTC, 25), True),
    "reset": (lambda engine: engine.reset(), False),
}


@pytest.mark.parametrize(("call", "is_valid"), LATE_CALLS.values(), ids=LATE_CALLS)
def test_a_late_call_does_not_damage_a_newer_snapshot(
    call: Callable[[Engine], None], is_valid: bool
) -> None:
    market = Market(BTC)
    with bench() as b:
        b.send(market.snapshot())
        b.drain_all()
        b.send(numbered(0), market.snapshot(), market.update())
        call(b.engine)
        assert b.engine.book(BTC).is_valid is is_valid
        # Known of, it is an older one.
        b.drain_all()
        call(b.engine)
        assert not b.engine.book(BTC).is_valid
        b.send(market.update())
        assert not b.engine.book(BTC).is_valid


@pytest.mark.parametrize("call", [call for call, _ in LATE_CALLS.values()], ids=LATE_CALLS)
def test_a_call_ends_older_content_and_updates_do_not_revive_it(
    call: Callable[[Engine], None],
) -> None:
    market = Market(BTC)
    with bench() as b:
        b.send(market.snapshot())
        b.drain_all()
        b.send(market.update(), market.update())
        call(b.engine)
        assert not b.engine.book(BTC).is_valid
        b.send(market.update())
        assert not b.engine.book(BTC).is_valid
        b.drain_all()


def test_a_ping_makes_nothing_unknown() -> None:
    market = Market(BTC)
    with bench() as b:
        b.send(market.snapshot())
        b.drain_all()
        b.theirs.sendall(PING)
        eventually(lambda: b.drain() is None and b.control == PING)
        b.engine.books.invalidate(BTC)
        assert not b.engine.book(BTC).is_valid


def test_after_the_thread_nothing_is_unknown() -> None:
    market = Market(BTC)
    with bench() as b:
        b.send(market.snapshot())
        b.reader.stop()
        b.engine.books.invalidate(BTC)
        assert not b.engine.book(BTC).is_valid


class Twin:
    """An engine that is fed when a message is handled, as the event loop does it."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.frames: list[bytes] = []

    def handle(self, count: int) -> None:
        for frame in self.frames[:count]:
            self.engine.feed(frame)
        del self.frames[:count]


CALLS: list[tuple[str, ...]] = [
    ("invalidate", "stale"),
    ("invalidate", "awaiting_snapshot"),
    ("invalidate", "quarantined"),
    ("expect", "10"),
    ("expect", "10"),
]


def play(seed: int, rounds: int) -> int:
    """Send, handle and call at random; return how often a book could be read in the end."""
    choose = random.Random(seed)
    readable = 0
    with bench() as b:
        twin, handled = Twin(), 0
        for number in range(rounds):
            symbol = f"{number}/USD"
            market = Market(symbol, seed=number)
            was_quarantined = False
            frames = [market.snapshot()]
            for _ in range(choose.randrange(1, 6)):
                frames += [
                    market.snapshot() if choose.random() < 0.3 else market.update()
                    for _ in range(choose.randrange(4))
                ]
                b.send(*frames)
                twin.frames += frames
                frames.clear()
                for _ in range(choose.randrange(3)):
                    count = b.drain() or 0
                    handled += count
                    twin.handle(count)
                if choose.random() < 0.7:
                    name, value = choose.choice(CALLS)
                    was_quarantined |= value == "quarantined"
                    for engine in (b.engine, twin.engine):
                        if name == "invalidate":
                            engine.books.invalidate(symbol, value)  # type: ignore[arg-type]
                        else:
                            engine.books.expect(symbol, int(value))
            b.drain_all()
            twin.handle(len(twin.frames))
            ours, theirs = content(b.engine, symbol), content(twin.engine, symbol)
            # A snapshot that came while the book ignored snapshots is not used later.
            assert ours == theirs or (ours is None and was_quarantined)
            readable += ours is not None
    return readable


@pytest.mark.parametrize("seed", [*range(4), *long(*range(4, 40))])
def test_late_calls_lead_to_what_they_lead_to_in_time(seed: int) -> None:
    assert play(seed, 250) > 50
