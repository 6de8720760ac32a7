"""A transport of an event loop over any stream, plain or with TLS.

It is what the loop's own transports are, with parts that can be exchanged: asyncio's spend half of
their time on TLS with what a stream of records does not need.
"""

from __future__ import annotations

import asyncio
import socket
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from .streams import BytesLike, Line, Stream

__all__ = ["SocketTransport", "Source", "can_watch_sockets", "shake_hands"]

#: Bytes that are read at once for a protocol that has no buffer of its own.
READ_SIZE = 128 * 1024
#: Waiting bytes at which a protocol is told to pause, as in asyncio.
HIGH_WATER = 64 * 1024


def can_watch_sockets(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether an event loop tells when a socket can be read: that of Windows does not."""
    return type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader


async def shake_hands(connection: socket.socket, stream: Stream) -> None:
    """Do the handshake of a stream.

    Raises:
        OSError: it failed; `ssl.SSLError` is one too.
    """
    loop = asyncio.get_running_loop()
    while not stream.handshake():
        ready = asyncio.Event()
        loop.add_reader(connection, ready.set)
        if stream.flush():
            loop.add_writer(connection, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(connection)
            loop.remove_writer(connection)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a transport has its data from.

    Attributes:
        file: what the event loop watches.
        read: called when that can be read.
        stop: called when the transport closes; nothing must be read any more.
    """

    file: int | socket.socket
    read: Callable[[], object]
    stop: Callable[[], object] = lambda: None


class SocketTransport(asyncio.Transport):
    """Moves data between a stream and a protocol.

    Args:
        line: the stream and its socket, which the transport closes.
        protocol: the protocol; it is told of the connection at once.

    Attributes:
        stream: the stream.
    """

    def __init__(self, line: Line, protocol: asyncio.Protocol | asyncio.BufferedProtocol) -> None:
        self._socket, self.stream = line.connection, line.stream
        self._source = Source(self._socket, self._read)
        extra: dict[str, Any] = {"socket": self._socket, "peername": None, "sockname": None}
        if line.context is not None:
            extra["sslcontext"] = line.context
        with suppress(OSError):
            extra["sockname"] = self._socket.getsockname()
            extra["peername"] = self._socket.getpeername()
        super().__init__(extra)
        self._loop = asyncio.get_running_loop()
        self._is_paused = self._is_closing = self._is_lost = self._is_watching = False
        self._has_read_eof = self._has_written_eof = False
        self._waiting = 0
        self._is_full = False
        self.set_write_buffer_limits()
        self.set_protocol(protocol)
        protocol.connection_made(self)
        self._start_reading()

    def __repr__(self) -> str:
        state = "lost" if self._is_lost else "closing" if self._is_closing else "open"
        return f"<{type(self).__name__} {state} fd={self._socket.fileno()} of {self.stream!r}>"

    def __del__(self) -> None:
        if self._socket.fileno() >= 0:
            warnings.warn(
                f"unclosed transport {self!r}", ResourceWarning, stacklevel=2, source=self
            )
            self._source.stop()
            self._socket.close()

    # Reading.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Exchange the protocol."""
        self._protocol = cast("asyncio.BufferedProtocol", protocol)
        if not isinstance(protocol, asyncio.BufferedProtocol):
            self._protocol = _Buffered(cast("asyncio.Protocol", protocol))

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        protocol = self._protocol
        return protocol.protocol if isinstance(protocol, _Buffered) else protocol

    def is_reading(self) -> bool:
        """Return whether the protocol receives data."""
        return not (self._is_paused or self._is_closing or self._has_read_eof)

    def pause_reading(self) -> None:
        """Give the protocol no more data.

        The socket is watched until it can be read: most pauses end before.
        """
        if self.is_reading():
            self._is_paused = True

    def resume_reading(self) -> None:
        """Give the protocol data again."""
        if self._is_paused and not self._is_closing:
            self._is_paused = False
            self._start_reading()

    def read_from(self, source: Source | None) -> None:
        """Let another object read the stream, `None` for the transport itself again."""
        self._stop_watching()
        self._source = source or Source(self._socket, self._read)
        self._start_reading()

    def _start_reading(self) -> None:
        if self.is_reading():
            if not self._is_watching:
                self._is_watching = True
                self._loop.add_reader(self._source.file, self._on_readable)
            if self.stream.pending:
                self._loop.call_soon(self._on_readable)

    def _stop_watching(self) -> None:
        self._is_watching = False
        self._loop.remove_reader(self._source.file)

    def _on_readable(self) -> None:
        if self.is_reading():
            self._source.read()
        elif self._is_watching:
            self._stop_watching()

    def _read(self) -> None:
        """Give the protocol what there is to read."""
        stream = self.stream
        while True:
            try:
                buffer = self._protocol.get_buffer(-1)
                try:
                    count = stream.recv_into(buffer)  # type: ignore[arg-type]
                except BlockingIOError:
                    return
                except OSError as error:
                    self._fail(error)
                    return
                if not count:
                    self._end(buffer)
                    return
                self._protocol.buffer_updated(count)
            except Exception as error:
                self._fail(error)
                raise
            if not (stream.pending and self.is_reading()):
                return

    def _end(self, buffer: Any) -> None:
        """Tell the protocol that the peer sends no more, as nothing was read into its buffer."""
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer")
        self._end_reading()

    def _end_reading(self) -> None:
        """Tell the protocol that the peer sends no more."""
        self._stop_reading()
        self._has_read_eof = True
        # With TLS there is no half of a connection, as in asyncio.
        if not (self._protocol.eof_received() and self.can_write_eof()):
            self.close()

    # Writing.

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes may wait before the protocol is told to pause, and to go on."""
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not 0 <= low <= high:
            raise ValueError(f"high ({high}) must be at least low ({low}), and low at least 0")
        self._high, self._low = high, low
        self._control_flow()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the limits, the lower one first."""
        return self._low, self._high

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the socket."""
        return self._waiting

    def write(self, data: BytesLike) -> None:
        """Send data; after the connection was lost, drop it."""
        if self._has_written_eof:
            raise RuntimeError("nothing can be written after write_eof()")
        if self._is_lost or not data:
            return
        try:
            waiting = self.stream.write(data)
        except OSError as error:
            self._fail(error)
            return
        if waiting:
            if not self._waiting:
                self._loop.add_writer(self._socket, self._flush)
            self._waiting = waiting
            self._control_flow()

    def can_write_eof(self) -> bool:
        """Return whether one direction can be closed: not with TLS, as in asyncio."""
        return self.get_extra_info("sslcontext") is None

    def write_eof(self) -> None:
        """Close the direction of writing, after what waits."""
        if not self.can_write_eof():
            raise NotImplementedError("one direction of TLS cannot be closed")
        if not (self._has_written_eof or self._is_closing):
            self._has_written_eof = True
            if not self._waiting:
                self._socket.shutdown(socket.SHUT_WR)

    def _flush(self) -> None:
        """Send what waits, as the socket has room."""
        try:
            self._waiting = self.stream.flush()
        except OSError as error:
            self._fail(error)
            return
        if not self._waiting:
            self._loop.remove_writer(self._socket)
        self._control_flow()  # The protocol may write, or end the connection.
        if self._waiting or self._is_lost:
            return
        if self._is_closing:
            self._finish()
        elif self._has_written_eof:
            self._socket.shutdown(socket.SHUT_WR)

    def _control_flow(self) -> None:
        """Tell the protocol to pause or to go on, if it is time for it."""
        if self._is_full == (self._waiting > (self._low if self._is_full else self._high)):
            return
        self._is_full = not self._is_full
        tell = self._protocol.pause_writing if self._is_full else self._protocol.resume_writing
        try:
            tell()
        except Exception as error:  # noqa: BLE001 (not the fault of who writes)
            problem = {"message": f"{tell.__name__}() failed", "exception": error}
            self._loop.call_exception_handler(problem | {"transport": self})

    # Closing.

    def is_closing(self) -> bool:
        """Return whether the transport closes, or is closed."""
        return self._is_closing

    def close(self) -> None:
        """Close after what waits is sent."""
        if not self._is_closing:
            self._is_closing = True
            self._stop_reading()
            if not self._waiting:
                self._finish()

    def abort(self) -> None:
        """Close now; what waits is dropped."""
        self._fail(None)

    def _finish(self) -> None:
        self.stream.close_write()
        self._fail(None)

    def _fail(self, error: Exception | None) -> None:
        """Close because of an error, `None` if there is none."""
        if not self._is_lost:
            self._is_lost = self._is_closing = True
            self._waiting, self._is_full = 0, False
            self._stop_reading()
            self._loop.remove_writer(self._socket)
            self._loop.call_soon(self._lose, error)

    def _stop_reading(self) -> None:
        self._stop_watching()
        self._source.stop()

    def _lose(self, error: Exception | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._socket.close()
            # Without this cycle both are freed at once, as in asyncio.
            self._protocol = cast("asyncio.BufferedProtocol", None)


class _Buffered(asyncio.BufferedProtocol):
    """Gives a protocol without a buffer its data as bytes.

    Args:
        protocol: the protocol.
    """

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]
        self._buffer = memoryview(bytearray(READ_SIZE))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what was read."""
        self.protocol.data_received(bytes(self._buffer[:nbytes]))
