"""A TLS server by `ssl` on one real socket, driven step by step, and certificates for it.

What it sends can be changed on the way, as its ciphertext passes through `outgoing`.
"""

from __future__ import annotations

import functools
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import trustme

from kraken_connector._backend import PlainStream, TlsConfig, TlsStream

PATIENCE = 10.0
NAME = "exchange.test"
NAMES = (NAME, "127.0.0.1", "::1")


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def der(ca: trustme.CA) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ca.cert_pem.bytes().decode())


@functools.cache
def config() -> TlsConfig:
    """Return settings that trust the authority of `server_context`."""
    return TlsConfig([der(authority())])


def server_context(
    *names: str,
    ca: trustme.CA | None = None,
    version: ssl.TLSVersion | None = None,
    not_after: datetime | None = None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = (ca or authority()).issue_cert(*(names or NAMES), not_after=not_after)
    certificate.configure_cert(context)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def wait_readable(sock: socket.socket) -> None:
    ready, _, _ = select.select([sock], [], [], PATIENCE)
    assert ready, "nothing came"


@contextmanager
def socket_pair(family: socket.AddressFamily = socket.AF_INET) -> Iterator[Any]:
    """Yield the client's and the server's end of a TCP connection; neither waits."""
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
    with client, server:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        yield client, server


class Peer:
    """The server's side.

    Attributes:
        sock: its socket.
        outgoing: ciphertext that was not sent yet.
        tls: the session.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def send(self, ciphertext: bytes | None = None) -> None:
        """Send all, by default what is in `outgoing`."""
        rest = memoryview(self.outgoing.read() if ciphertext is None else ciphertext)
        while rest:
            _, ready, _ = select.select([], [self.sock], [], PATIENCE)
            assert ready, "the client does not read"
            rest = rest[self.sock.send(rest) :]

    def receive(self) -> None:
        """Take in what has come, at least one byte or the end."""
        wait_readable(self.sock)
        if ciphertext := self.sock.recv(1 << 18):
            self.incoming.write(ciphertext)
        else:
            self.incoming.write_eof()

    def answer(self) -> bool:
        """Go on with the handshake; return whether it is complete on this side."""
        self.receive()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.send()
        return True

    def encrypt(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes of plaintext."""
        data = bytearray()
        while len(data) < count:
            try:
                data += self.tls.read(count - len(data))
            except ssl.SSLWantReadError:
                self.receive()
        return bytes(data)


def shake_hands(stream: TlsStream, client: socket.socket, peer: Peer) -> None:
    """Complete the handshake on both sides; a failure of the client's is raised."""
    is_done = stream.handshake()
    is_peer_done = False
    while not (is_done and is_peer_done):
        is_peer_done = is_peer_done or peer.answer()
        if not is_done:
            wait_readable(client)
            is_done = stream.handshake()


@contextmanager
def established(
    context: ssl.SSLContext | None = None, *, name: str = NAME, **options: Any
) -> Iterator[tuple[TlsStream, socket.socket, Peer]]:
    """Yield a stream after its handshake, its socket, and the server."""
    settings = options.pop("settings", None) or config()
    with socket_pair() as (client, server):
        peer = Peer(server, context or server_context())
        stream = settings.stream(client.fileno(), name, **options)
        shake_hands(stream, client, peer)
        yield stream, client, peer


def receive(stream: TlsStream | PlainStream, sock: socket.socket, room: int = 1 << 18) -> bytes:
    """Return the next bytes that the stream has; none at its end."""
    buffer = bytearray(room)
    while True:
        if not stream.pending:
            wait_readable(sock)
        try:
            return bytes(buffer[: stream.recv_into(buffer)])
        except BlockingIOError:
            continue


def receive_all(
    stream: TlsStream | PlainStream, sock: socket.socket, count: int, room: int = 1 << 18
) -> bytes:
    """Return the next `count` bytes."""
    data = bytearray()
    while len(data) < count:
        part = receive(stream, sock, room)
        assert part, f"the stream ended after {len(data)} bytes"
        data += part
    assert len(data) == count
    return bytes(data)
