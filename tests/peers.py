"""The other end of a connection, in the hands of a test: what it sends, in which pieces, how it
ends. And a front that ends TLS for an exchange that speaks none."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Front", "Peer", "tcp_pair"]

#: A record that no key has encrypted (RFC 8446, section 5.2).
FORGED_RECORD = b"\x17\x03\x03\x00\x40" + bytes(64)

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
        reading: while it is not set, nothing is read.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self.socket = connection
        self.pieces: Callable[[bytes], Iterable[bytes]] = lambda sent: [sent]
        self._loop = asyncio.get_running_loop()
        self.reading = asyncio.Event()
        self.reading.set()
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
            await self.reading.wait()
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

    async def send_alert(self) -> None:
        """Send the fatal alert of a session that has received nonsense."""
        assert self._session is not None
        self._incoming.write(FORGED_RECORD)
        with suppress(ssl.SSLError):
            while self._session.read(65536):
                pass
        await self._flush()

    async def send_eof(self) -> None:
        """Send nothing more, and say so by all means."""
        await self.send_close_notify()
        self.socket.shutdown(socket.SHUT_WR)

    def reset_at_end(self) -> None:
        """Let closing the socket be a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)

    def reset(self) -> None:
        """Close the socket by a reset."""
        self.reset_at_end()
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


class Front:
    """Ends TLS for an exchange that speaks none, as a balancer does; a test handles its wire.

    Args:
        context: TLS settings.

    Attributes:
        port: where it listens.
        attempts: how many connections it has accepted.
        peers: the connections whose handshake is done.
        pieces: cuts what goes to each new client; see `Peer`.
        answer: what to do with a new connection; by default the handshake.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.port = self.attempts = 0
        self.peers: list[Peer] = []
        self.pieces: Callable[[bytes], Iterable[bytes]] | None = None
        self.answer: Callable[[Peer], Awaitable[None]] = Peer.handshake
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, url: str, host: str = "127.0.0.1") -> str:
        """Return the URL of an exchange by way of this front."""
        return urlsplit(url)._replace(scheme="wss", netloc=f"{host}:{self.port}").geturl()

    @asynccontextmanager
    async def serving(self, url: str = "ws://127.0.0.1:9") -> AsyncIterator[Front]:
        """Serve for the exchange at `url`."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            self.port = listening.getsockname()[1]
            self._begin(self._accept(listening, urlsplit(url).port or 0))
            try:
                yield self
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket, port: int) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            self.attempts += 1
            self._begin(self._serve(connection, port))

    async def _serve(self, connection: socket.socket, port: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(connection, self._context)
        if self.pieces is not None:
            peer.pieces = self.pieces
        with connection, suppress(OSError):
            await self.answer(peer)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            self.peers.append(peer)
            try:
                await self._pump(peer, reader, writer)
            finally:
                self.peers.remove(peer)
                writer.close()

    async def _pump(
        self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on both directions until the client ends its own, or the socket is closed."""

        async def down() -> None:
            with suppress(OSError):
                while data := await reader.read(65536):
                    await peer.send(data)
                await peer.send_eof()

        passing = asyncio.create_task(down())
        try:
            while data := await peer.receive():
                writer.write(data)
        finally:
            passing.cancel()
