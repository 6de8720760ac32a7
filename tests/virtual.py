"""An event loop in virtual time, whose sockets are pipes in memory.

When no callback is ready, its clock jumps to the next timer, so waiting takes no real time. Client
and exchange run on it unchanged, from the transport up. Which bytes arrive together, and when, is
decided here and not by a kernel, so a run that fails once fails always.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

from kraken_connector.rest import counter
from kraken_connector.rest.transport import are_modules_loaded, load_modules

T = TypeVar("T")

#: Seconds that bytes take from one end of a pipe to the other.
LATENCY = 0.0005
#: Bytes that a pipe buffers before its writer has to pause; a kernel's buffers are about so big.
CAPACITY = 256 * 1024
#: Seconds after which a run fails.
LONGEST = 20_000.0


#: The parts of a socket that HTTP clients read.
_NEVER_READABLE, _ = os.pipe()
_SOCKET = SimpleNamespace(
    family=socket.AF_INET,
    fileno=lambda: _NEVER_READABLE,
    getpeername=lambda: ("127.0.0.1", 1),
    getsockname=lambda: ("127.0.0.1", 2),
)


class Arrivals:
    """When the bytes were sent that clients read on the connections to one port.

    Bytes may take any time to arrive, and a suspended process reads nothing. All times are those of
    the wall clock, nanoseconds since the epoch.
    """

    def __init__(self) -> None:
        self._sent: dict[int, tuple[int, int]] = {}

    def record(self, read_ns: int, sent_ns: int) -> None:
        """Record a read, and when its bytes were sent."""
        first_ns, last_ns = self._sent.get(read_ns, (sent_ns, sent_ns))
        self._sent[read_ns] = min(first_ns, sent_ns), max(last_ns, sent_ns)

    def sent_ns(self, read_ns: int) -> tuple[int, int]:
        """Return when the first and the last bytes were sent that were read at some time.

        Where nothing was read then, both are that time itself.
        """
        return self._sent.get(read_ns, (read_ns, read_ns))


#: Each server has a port of its own: limits of an API key are kept by address.
_PORTS = itertools.cycle(range(40_000, 65_000))


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop, and the network that its transports are connected by.

    Attributes:
        reads: how many bytes the next reads take at most; when it ends, as many as there are.
        lag: gives the seconds that bytes take beyond `LATENCY`; they arrive in order all the same.
        wall_offset: what the wall clock shows beyond the loop's own time, seconds.
        after_turn: is called whenever all that was ready has run.
        arrivals: by port, when what was read from there was sent.
    """

    def __init__(self) -> None:
        super().__init__()
        if not are_modules_loaded():
            load_modules()  # What is done in a thread takes no time of this loop.
        # Counters go by the time of a loop, which starts anew, and its exchanges have old names.
        counter._counters.clear()
        self.reads: Iterator[int] = iter(())
        self.lag: Callable[[], float] = lambda: 0.0
        self.wall_offset = 1_700_000_000.0
        self.after_turn: Callable[[], object] = bool
        self.arrivals: dict[int, Arrivals] = defaultdict(Arrivals)
        self._selector = self
        self._now = 1000.0
        self._listening: dict[int, Callable[[], asyncio.BaseProtocol]] = {}

    # Methods that `BaseEventLoop` calls.

    def run_forever(self) -> None:
        """Run, while the clocks of `time` follow the loop."""
        with mock.patch("time.time_ns", self.time_ns), mock.patch("time.monotonic", self.time):
            super().run_forever()

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Let time pass until the next timer.

        Raises:
            RuntimeError: there is none, so nothing can happen any more; or `LONGEST` has passed, as
                when a task waits in vain while heartbeats continue.
        """
        self.after_turn()
        if timeout is None:
            raise RuntimeError("no timer is left, and no callback is ready")
        if self._now > LONGEST:
            raise RuntimeError(f"not at an end after {LONGEST:g} s")
        self._now += max(timeout, 0.0)
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: `select` returns no events."""

    def _write_to_self(self) -> None:
        """Do nothing: `select` never blocks."""

    def time_ns(self) -> int:
        """Return the wall clock's time, nanoseconds since the epoch."""
        return int((self._now + self.wall_offset) * 1e9)

    # The network.

    def pass_over(self, seconds: float) -> None:
        """Advance the clock without running anything, as when a process is suspended."""
        self._now += seconds

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], *_: Any, **__: Any
    ) -> Any:
        port = next(_PORTS)
        self._listening[port] = protocol_factory
        address = SimpleNamespace(getsockname=lambda: ("127.0.0.1", port))
        return SimpleNamespace(sockets=[address], close=lambda: self._listening.pop(port, None))

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **_: Any,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        await asyncio.sleep(LATENCY)
        serve = self._listening.get(port or 0)
        if serve is None:
            raise ConnectionRefusedError(f"no server listens on {host}:{port}")
        near = Pipe(self, protocol_factory(), self.arrivals[port or 0])
        far = Pipe(self, serve())
        near.peer, far.peer = far, near
        far.begin()
        near.begin()
        return near, near.protocol


class Pipe(asyncio.Transport):
    """One end of a connection."""

    peer: Pipe

    def __init__(self, loop: VirtualLoop, protocol: Any, arrivals: Arrivals | None = None) -> None:
        super().__init__()
        self.protocol = protocol
        self._loop = loop
        self._arrivals = arrivals
        #: What is under way to this end: when it arrives, when it was sent, and bytes, an end or an
        #: error.
        self._coming: deque[tuple[float, int, bytes | Exception | None]] = deque()
        self._unread = bytearray()
        #: How many bytes of what is unread were sent together, and when.
        self._unread_ns: deque[tuple[int, int]] = deque()
        self._outcome: list[Exception | None] = []
        self._is_reading = True
        self._is_closing = False
        self._is_gone = False
        self._timer: asyncio.Handle | None = None
        self._writer_paused = False

    def begin(self) -> None:
        """Call `connection_made` of the protocol."""
        self.protocol.connection_made(self)

    # Writing.

    def write(self, data: Any) -> None:
        if data and not self._is_closing:
            if self.peer._is_gone and not self._is_reading:
                self._loop.call_soon(self._leave, BrokenPipeError("the other end is closed"))
            self.peer._receive(bytes(data))
            self._watch_level()

    def write_eof(self) -> None:
        if not self._is_closing:
            self.peer._receive(None)

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self.peer._receive(None)
            self._loop.call_soon(self._leave, None)

    def abort(self) -> None:
        if not self._is_gone:
            self._is_closing = True
            self.peer._receive(ConnectionResetError("reset by peer"))
            self._loop.call_soon(self._leave, None)

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return max(0, self.peer._waiting() - CAPACITY)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: the limit is `CAPACITY`."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _SOCKET if name == "socket" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def _watch_level(self) -> None:
        is_full = self.peer._waiting() > CAPACITY
        if is_full != self._writer_paused and not self._is_gone:
            self._writer_paused = is_full
            (self.protocol.pause_writing if is_full else self.protocol.resume_writing)()

    # Reading.

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._plan()

    def is_reading(self) -> bool:
        return self._is_reading

    def _receive(self, what: bytes | Exception | None) -> None:
        if not self._is_gone:
            at = self._loop.time() + LATENCY + self._loop.lag()
            if self._coming:
                at = max(at, self._coming[-1][0])
            self._coming.append((at, self._loop.time_ns(), what))
            self._plan()

    def _waiting(self) -> int:
        under_way = sum(len(what) for *_, what in self._coming if isinstance(what, bytes))
        return len(self._unread) + under_way

    def _plan(self) -> None:
        if self._timer is not None or self._is_gone:
            return
        if self._unread or self._outcome:
            if self._is_reading:
                self._timer = self._loop.call_soon(self._read)
        elif self._coming:
            self._timer = self._loop.call_at(self._coming[0][0], self._read)

    def _read(self) -> None:
        """Do one read, as a selector's loop does one for each turn."""
        self._timer = None
        while self._coming and self._coming[0][0] <= self._loop.time() and not self._outcome:
            _, sent_ns, what = self._coming.popleft()
            if isinstance(what, bytes):
                self._unread += what
                self._unread_ns.append((len(what), sent_ns))
            else:
                self._outcome.append(what)
        if self._is_gone or not self._is_reading:
            return
        if self._unread:
            # After `close` nothing is read any more.
            if self._is_closing:
                self._unread.clear()
            else:
                self._hand_over()
        elif self._outcome:
            self._end(self._outcome.pop())
        if not self._is_gone:
            self.peer._watch_level()
        self._plan()

    def _hand_over(self) -> None:
        size = min(len(self._unread), next(self._loop.reads, 1 << 18))
        if isinstance(self.protocol, asyncio.BufferedProtocol):
            room = self.protocol.get_buffer(-1)
            size = min(size, len(room))
            room[:size] = self._unread[:size]
            self._forget_read(size)
            self.protocol.buffer_updated(size)
            return
        data = bytes(self._unread[:size])
        self._forget_read(size)
        self.protocol.data_received(data)

    def _forget_read(self, size: int) -> None:
        """Remove what is being read, and record when it was sent."""
        del self._unread[:size]
        while size:
            together, sent_ns = self._unread_ns.popleft()
            if together > size:
                self._unread_ns.appendleft((together - size, sent_ns))
            size -= min(size, together)
            if self._arrivals is not None:
                self._arrivals.record(self._loop.time_ns(), sent_ns)

    def _end(self, error: Exception | None) -> None:
        if error is not None:
            self._is_closing = True
            self._leave(error)
        elif not self._is_closing and not self.protocol.eof_received():
            self.close()

    def _leave(self, error: Exception | None) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._coming.clear()
            self._unread.clear()
            self.protocol.connection_lost(error)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end of `main` in virtual time, as a test marked `virtual_time` does."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def current() -> VirtualLoop:
    """Return the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
