"""What a transport reads and writes: a connected socket, plain or with TLS.

A stream does not wait and knows no event loop. The native core has two more, of the same interface.
"""

from __future__ import annotations

import socket
import ssl as tls
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

__all__ = ["BytesLike", "Line", "PlainStream", "Stream", "TlsStream"]

BytesLike = bytes | bytearray | memoryview

#: Bytes that are read from a socket at once.
READ_SIZE = 128 * 1024


class Stream(Protocol):
    """Both directions of a connected, non-blocking socket.

    Attributes:
        pending: whether data is at hand that the socket does not tell of: `recv_into` before
            waiting for the socket.
        received_ns: when the kernel received the end of the last read, nanoseconds since the
            epoch; 0 if that is not known.
    """

    @property
    def pending(self) -> bool: ...
    @property
    def received_ns(self) -> int: ...

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is done.

        Raises:
            OSError: it failed; `ssl.SSLError` is one too.
        """

    def recv_into(self, buffer: memoryview) -> int:
        """Read into a buffer, from the socket at most once.

        Returns:
            The number of bytes; 0 at the end of the stream.

        Raises:
            BlockingIOError: there is nothing to read yet.
            OSError: the stream is broken; `ssl.SSLError` is one too.
        """

    def write(self, data: BytesLike) -> int:
        """Send data, as far as the socket takes it, and keep the rest.

        Returns:
            The number of bytes that wait for the socket.

        Raises:
            OSError: the stream is broken.
        """

    def flush(self) -> int:
        """Send what waits for the socket; return how many bytes still wait.

        Raises:
            OSError: the stream is broken.
        """

    def close_write(self) -> None:
        """Tell the peer that nothing more comes, as far as the socket takes it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A connected socket, whose handshake is done.

    Attributes:
        connection: the socket.
        stream: what is read and written.
        context: the TLS settings, `None` without TLS.
        has_stamps: whether the kernel is asked when it received data.
    """

    connection: socket.socket
    stream: Stream
    context: tls.SSLContext | None
    has_stamps: bool = False


class _Outgoing:
    """Bytes on their way into a socket.

    Args:
        connection: the socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._waiting = bytearray()

    def send(self, data: BytesLike) -> int:
        """Send data after what waits; return how many bytes wait then."""
        if self._waiting:
            self._waiting += data
            return self.flush()
        sent = self._send(data)
        if sent < len(data):
            self._waiting += memoryview(data)[sent:]
        return len(self._waiting)

    def flush(self) -> int:
        """Send what waits; return how many bytes still wait."""
        if self._waiting:
            del self._waiting[: self._send(self._waiting)]
        return len(self._waiting)

    def _send(self, data: BytesLike) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0


class PlainStream:
    """A stream without TLS; see `Stream`.

    Args:
        connection: the socket.
    """

    pending = False
    received_ns = 0

    def __init__(self, connection: socket.socket) -> None:
        outgoing = _Outgoing(connection)
        # Bound directly, as they are called for each read and write.
        self.recv_into = connection.recv_into
        self.write = outgoing.send
        self.flush = outgoing.flush

    def handshake(self) -> bool:
        """Return true, as there is none."""
        return True

    def close_write(self) -> None:
        """Do nothing: closing the socket tells the peer."""


class TlsStream:
    """A stream with TLS by module `ssl`, for any context; see `Stream`.

    Args:
        connection: the socket.
        context: the settings.
        server_name: the name that the peer's certificate must have.
    """

    received_ns = 0

    def __init__(
        self, connection: socket.socket, context: tls.SSLContext, server_name: str
    ) -> None:
        self._socket = connection
        self._outgoing = _Outgoing(connection)
        self._has_ended = False
        self._failure: tls.SSLError | None = None
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._incoming, self._encrypted = tls.MemoryBIO(), tls.MemoryBIO()
        self._session = context.wrap_bio(
            self._incoming, self._encrypted, server_hostname=server_name
        )

    @property
    def pending(self) -> bool:
        """Whether `recv_into` has something to return or to raise."""
        return self._has_data() or self._has_ended or self._failure is not None

    def handshake(self) -> bool:
        """Go on with the handshake; see `Stream`."""
        while True:
            try:
                self._session.do_handshake()
            except tls.SSLWantReadError:
                self.flush()
            except tls.SSLError:
                with suppress(OSError):
                    self.flush()  # The alert that tells the peer why.
                if self._has_ended:
                    raise ConnectionResetError("closed by the peer in the TLS handshake") from None
                raise
            else:
                self.flush()
                return True
            try:
                self._receive()
            except BlockingIOError:
                return False

    def recv_into(self, buffer: memoryview) -> int:
        """Read into a buffer; see `Stream`."""
        if self._failure is not None:
            raise self._failure
        if not self._has_data() and not self._has_ended:
            self._receive()
        filled = 0
        try:
            filled = self._decrypt_into(buffer)
        except tls.SSLWantReadError:
            raise BlockingIOError from None
        finally:
            if self._encrypted.pending:
                self.flush()
        return filled

    def _decrypt_into(self, buffer: memoryview) -> int:
        """Decrypt records while there are whole ones and there is room."""
        read: Callable[[int, memoryview], int] = self._session.read  # type: ignore[assignment]
        size = len(buffer)
        filled = 0
        try:
            while filled < size:
                # A slice of anything else would be a copy.
                room = memoryview(buffer)[filled:] if filled else buffer
                count = read(size - filled, room)
                if not count:
                    self._has_ended = True
                    break
                filled += count
                # Asking costs a fortieth of the exception that says that there is no more.
                if not self._has_data():
                    break
        except tls.SSLEOFError:
            pass  # The peer has closed the socket without a word.
        except tls.SSLError as error:
            if not filled:
                raise
            if not isinstance(error, tls.SSLWantReadError):
                self._failure = error
        return filled

    def write(self, data: BytesLike) -> int:
        """Send data; see `Stream`."""
        self._session.write(data)
        return self._outgoing.send(self._encrypted.read())

    def flush(self) -> int:
        """Send what waits for the socket; see `Stream`."""
        if self._encrypted.pending:
            return self._outgoing.send(self._encrypted.read())
        return self._outgoing.flush()

    def close_write(self) -> None:
        """Send a closing alert; see `Stream`."""
        with suppress(OSError):  # `SSLWantReadError` is one: the peer's alert is not waited for.
            self._session.unwrap()
        with suppress(OSError):
            self.flush()

    def _has_data(self) -> bool:
        return bool(self._incoming.pending or self._session.pending())

    def _receive(self) -> None:
        """Read from the socket.

        Raises:
            BlockingIOError: there is nothing to read yet.
        """
        if count := self._socket.recv_into(self._buffer):
            self._incoming.write(self._buffer[:count])
        else:
            self._incoming.write_eof()
            self._has_ended = True
