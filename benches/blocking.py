"""A blocking socket without a client: the time that socket, TLS and scheduler need alone."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

if TYPE_CHECKING:
    from benches.receivers import Job
    from benches.taps import Tap

RECEIVE_BYTES = 262_144


class Connection:
    """A subscribed connection; what it receives is not decoded.

    Args:
        job: host and subscription.
    """

    def __init__(self, job: Job) -> None:
        plain = socket.create_connection(("127.0.0.1", job.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = ssl.create_default_context() if job.tls else None
        self.socket = tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain
        protocol = ClientProtocol(parse_uri(job.url))
        protocol.send_request(protocol.connect())
        self.socket.sendall(b"".join(protocol.data_to_send()))
        while protocol.handshake_exc is None and not protocol.events_received():
            protocol.receive_data(self.socket.recv(RECEIVE_BYTES))
        self.socket.sendall(masked(job.request))
        self._received = bytearray()

    def receive_frame(self) -> None:
        """Wait for one frame, of less than 65,536 bytes."""
        received = self._received
        while len(received) < 4 or len(received) < (end := _frame_end(received)):
            received += self.socket.recv(RECEIVE_BYTES)
        del received[:end]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def _frame_end(data: bytearray) -> int:
    """Return the size of an unmasked frame from its header (RFC 6455, section 5.2)."""
    length = data[1]
    return 2 + length if length < 126 else 4 + int.from_bytes(data[2:4])


def masked(payload: bytes) -> bytes:
    """Return a frame that a client may send."""
    return Frame(Opcode.TEXT, payload).serialize(mask=True)


async def drain(job: Job, tap: Tap) -> None:
    """Only `recv`, until about `job.count` messages have come."""
    updates = job.book.frames[1:]
    loop = sum(len(Frame(Opcode.TEXT, update).serialize(mask=False)) for update in updates)
    wanted = loop * (job.count // len(updates))
    buffer = bytearray(RECEIVE_BYTES)
    with Connection(job) as connection:
        got = connection.socket.recv_into(buffer)
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        while got < wanted:
            got += connection.socket.recv_into(buffer)
        tap.finish(
            None,
            wall=(time.perf_counter_ns() - wall) / job.count,
            cpu=(time.process_time_ns() - cpu) / job.count,
        )


def trade(job: Job, amends: Sequence[bytes]) -> None:
    """Only `recv` and `send`: a ready amend for each update, until the last one is answered."""
    ready = [masked(amend) for amend in amends]
    with Connection(job) as connection:
        receive, send = connection.receive_frame, connection.socket.sendall
        receive()  # the reply to the subscription
        receive()  # the snapshot
        for number in range(job.count - 1):
            receive()
            send(ready[number % len(ready)])
            receive()  # the reply to the amend
