"""The exchange's end of a socket: sends ready frames, flat out or at fixed times. Runs in a worker.

It is simpler than `kraken_connector.sim` (one symbol, no pings, blocking calls) so that it takes
less time than any client.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import time
from decimal import Decimal
from functools import cache
from typing import Any

import trustme
from benches import corpus
from benches.timing import percentiles
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

RECEIVE_BYTES = 65_536
#: Seconds to wait for a client.
PATIENCE = 20.0
#: How long before a message is due the sender stops sleeping and polls the clock.
WATCH_NS = 200_000
#: Between the subscription and the first message of a timetable.
LEAD_NS = 100_000_000
#: Between the answer to an amend and the next update.
PAUSE_NS = 1_000_000


@cache
def _listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    return listener


@cache
def _tls() -> tuple[ssl.SSLContext, str]:
    """Return the server's settings and the certificate of the authority that clients trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, authority.cert_pem.bytes().decode()


def address() -> dict[str, Any]:
    """Return the port and, for TLS, the certificate of the authority."""
    return {"port": _listener().getsockname()[1], "authority": _tls()[1]}


def flat_out(stream: str, loops: int, tls: bool) -> None:
    """Serve one client: the updates of an endless stream `loops` times, as fast as it reads."""
    with Client(tls) as client:
        loop = b"".join(client.subscribed(stream))
        for _ in range(loops):
            client.socket.sendall(loop)
        client.wait_for_end()


def timetable(stream: str, rate: int, count: int, tls: bool) -> dict[str, Any]:
    """Serve one client: message `i` is due at `first_ns + i * 1e9 / rate`.

    A late sender does not move the timetable: overdue messages are sent at once.

    Returns:
        `first_ns` on the system's monotonic clock, and how late messages were handed to the
        socket: `late_ns` by percentile.
    """
    with Client(tls) as client:
        frames = client.subscribed(stream)
        first = time.perf_counter_ns() + LEAD_NS
        late = [0] * count
        send, size = client.socket.sendall, len(frames)
        for number in range(count):
            due = first + number * 1_000_000_000 // rate
            late[number] = _wait_until(due) - due
            send(frames[number % size])
        client.wait_for_end()
    return {"first_ns": first, "late_ns": percentiles(late)}


def _wait_until(due: int) -> int:
    """Wait for a time of the monotonic clock; return the time, which is a little later."""
    now = time.perf_counter_ns
    spare = due - now() - WATCH_NS
    if spare > 0:
        time.sleep(spare / 1e9)
    while (at := now()) < due:
        pass
    return at


def snapshots(stream: str, clients: int, tls: bool) -> None:
    """Serve one client after the other: a subscription and the snapshot."""
    for _ in range(clients):
        with Client(tls) as client:
            client.subscribed(stream)
            client.wait_for_end()


def trade(stream: str, count: int, prices: list[str], tls: bool) -> dict[str, Any]:
    """Serve a client that amends an order at every update, and check and answer its amends.

    The next update is due `PAUSE_NS` after the last answer.

    Args:
        stream: the book.
        count: updates to send.
        prices: the price of the amend that each update of the endless stream leads to.
        tls: whether the connection has TLS.

    Returns:
        `trade_ns`, the time from when each update was due until the first byte of its amend could
        be read from the socket, and `late_ns`, how late updates were handed to the socket.
    """
    taken, late = [0] * count, [0] * count
    with Client(tls) as client:
        frames = client.subscribed(stream)
        due = time.perf_counter_ns() + LEAD_NS
        for number in range(count):
            late[number] = _wait_until(due) - due
            client.socket.sendall(frames[number % len(frames)])
            taken[number] = client.watch() - due
            amend = client.receive_amend()
            assert price_of(amend) == Decimal(prices[number % len(frames)]), amend
            client.confirm(amend)
            due = time.perf_counter_ns() + PAUSE_NS
        client.wait_for_end()
    return {"trade_ns": taken, "late_ns": percentiles(late)}


class Client:
    """One accepted connection, after its handshake."""

    def __init__(self, tls: bool) -> None:
        plain, _ = _listener().accept()
        plain.settimeout(PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = _tls()[0].wrap_socket(plain, server_side=True) if tls else plain
        self._readable = select.poll()
        self._readable.register(self.socket, select.POLLIN)
        self._protocol = ServerProtocol(max_size=None)
        (request,) = self._received()
        assert isinstance(request, Request)
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def subscribed(self, stream: str) -> list[bytes]:
        """Answer the subscription and send the snapshot; return the updates, ready to send."""
        book = corpus.endless(stream)
        request: dict[str, Any] = {}
        while request.get("method") != "subscribe":
            for event in self._received():
                assert isinstance(event, Frame)
                request = json.loads(bytes(event.data))
        ack, snapshot, *updates = (_ack(book, request.get("req_id")), *book.frames)
        self.socket.sendall(_on_wire(ack) + _on_wire(snapshot))
        return [_on_wire(update) for update in updates]

    def is_readable(self) -> bool:
        """Return whether there is something to read."""
        return bool(self._readable.poll(0))

    def watch(self) -> int:
        """Wait until there is something to read, without sleeping; return when, ns."""
        now = time.perf_counter_ns
        end = now() + int(PATIENCE * 1e9)
        while not self.is_readable():
            if now() > end:
                raise TimeoutError("the client does not trade")
        return now()

    def receive_amend(self) -> dict[str, Any]:
        (event,) = self._received()
        request: dict[str, Any] = json.loads(bytes(event.data), parse_float=Decimal)
        assert request["method"] == "amend_order", request
        return request

    def confirm(self, amend: dict[str, Any]) -> None:
        self.socket.sendall(_on_wire(_amended(amend)))

    def wait_for_end(self) -> None:
        """Wait until the client has closed, and reply; the server closes the socket."""
        with contextlib.suppress(OSError):
            while not self._protocol.close_expected() and self._receive():
                self._flush()

    def _received(self) -> list[Any]:
        while not (events := self._protocol.events_received()):
            if not self._receive():
                raise ConnectionError("the client has gone")
        return events

    def _receive(self) -> bool:
        """Read from the socket; return whether there may be more."""
        data = self.socket.recv(RECEIVE_BYTES)
        if data:
            self._protocol.receive_data(data)
        return bool(data)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.socket.sendall(data)


def _ack(book: corpus.Stream, req_id: int | None) -> bytes:
    ack = {
        "method": "subscribe",
        "result": {
            "channel": "book",
            "depth": book.depth,
            "snapshot": True,
            "symbol": book.symbol,
        },
        "success": True,
        "time_in": "2026-01-01T00:00:00.000000Z",
        "time_out": "2026-01-01T00:00:00.000001Z",
        **({} if req_id is None else {"req_id": req_id}),
    }
    return json.dumps(ack, separators=(",", ":")).encode()


def price_of(amend: dict[str, Any]) -> Decimal:
    price: Decimal = amend["params"]["limit_price"]
    return price


def _amended(request: dict[str, Any]) -> bytes:
    """Return the reply to an amend (docs.kraken.com, WebSocket v2, page "Amend Order")."""
    reply = {
        "method": "amend_order",
        "req_id": request["req_id"],
        "result": {
            "amend_id": "TTW6PD-RC36L-ZZSWNU",
            "order_id": request["params"]["order_id"],
        },
        "success": True,
        "time_in": "2026-01-01T00:00:00.000000Z",
        "time_out": "2026-01-01T00:00:00.000001Z",
    }
    return json.dumps(reply, separators=(",", ":")).encode()


def _on_wire(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)
