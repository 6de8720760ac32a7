"""The other end of a connection, in the hands of a test: what it sends, in which pieces, how it
ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress

__all__ = ["Peer", "tcp_pair"]

#: Waits for nothing when the socket is closed: the peer is told by RST (socket(7), `SO_LINGER`).
_NO_LINGER = struct.pack("ii", 1, 0)


def tcp_pair(*, room: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection of this machine.

    Args:
        room: bytes of the buffers of the system in the first end's direction, at least.
    """
    first = socket.socket()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if room is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            first.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        first.connect(listening.getsockname())
        second, _ = listening.accept()
    for one in (first, second):
        one.setblocking(False)
    return first, second


class Peer:
    """A server's side of a connection.

    Args:
        connection: its socket, non-blocking.
        context: its TLS settings; `None` for none.

    Attributes:
        pieces: cuts what goes to the wire, for instance into bytes; each piece is sent alone.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self.socket = connection
        self.pieces: Callable[[bytes], Iterable[bytes]] = lambda sent: [sent]
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session: ssl.SSLObject | None = None
        if context is not None:
            self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> None:
        """Do the handshake.

        Raises:
            OSError: it failed.
        """
        while self._session is not None:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return
            if not await self._feed():
                raise ConnectionResetError("the client closed in the handshake")

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        if self._session is None:
            await self.send_raw(data)
            return
        while data:
            data = data[self._session.write(data) :]
        await self._flush()

    async def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, in pieces."""
        for piece in self.pieces(data):
            await self._loop.sock_sendall(self.socket, piece)

    async def receive(self) -> bytes:
        """Return some bytes, none at the end of the stream.

        Raises:
            OSError: the stream is broken.
        """
        if self._session is None:
            return await self._loop.sock_recv(self.socket, 65536)
        while True:
            try:
                return self._session.read(65536)
            except ssl.SSLWantReadError:
                await self._feed()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""
            except ssl.SSLError:
                await self._flush()  # The alert.
                raise

    async def receive_exactly(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end of the stream."""
        received = b""
        while len(received) < size and (data := await self.receive()):
            received += data
        return received

    async def receive_all(self) -> bytes:
        """Return everything until the end of the stream."""
        received = b""
        while data := await self.receive():
            received += data
        return received

    async def send_close_notify(self) -> None:
        """Say by TLS that nothing more comes; without TLS say nothing."""
        if self._session is not None:
            with suppress(ssl.SSLError):
                self._session.unwrap()
            await self._flush()

    async def send_eof(self) -> None:
        """Send nothing more, and say so by all means."""
        await self.send_close_notify()
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close the socket by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.socket.close()

    async def _feed(self) -> int:
        data = await self._loop.sock_recv(self.socket, 65536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return len(data)

    async def _flush(self) -> None:
        await self.send_raw(self._outgoing.read())
