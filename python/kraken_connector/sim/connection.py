"""The receiving half of a connection: tells WebSocket from HTTP and reads requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeAlias, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.protocol import State

from .admission import Admission
from .hosts import Host
from .http import HttpConversation, no_such_page
from .observe import Journal
from .requests import Role
from .rest.api import RestApi
from .session import Session
from .settings import Settings
from .writer import Writer

LARGEST_HEAD = 65_536


class Connection(Writer):
    """One TCP connection.

    Args:
        host: the port that the client connected to.
        settings: of the exchange.
        journal: the log.
        connections: the connections of the exchange; this one adds and removes itself.
        admission: decides whether it is accepted.
        rest: answers HTTP requests, if the host serves them.
        open_session: opens the session of a connection of a given number.

    Attributes:
        session: the WebSocket session, set after the handshake.
    """

    def __init__(
        self,
        host: Host,
        *,
        settings: Settings,
        journal: Journal,
        connections: Connections,
        admission: Admission,
        rest: RestApi,
        open_session: OpenSession,
    ) -> None:
        super().__init__(host, settings, journal)
        self.session: Session | None = None
        self._connections = connections
        self._admission = admission
        self._open_session = open_session
        respond = rest.respond if host.serves_rest else no_such_page
        self._http = HttpConversation(respond, self)
        self._receive = self._choose
        self._head = bytearray()
        self._fragments: list[bytes] = []
        self._unread: bytearray | None = None

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        if self._admission.resets(self.host):
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self._unread is not None:
            self._unread += data
        elif not self._silent:
            self._receive(data)

    def eof_received(self) -> bool:
        if self._websocket.state is not State.CONNECTING and self._unread is None:
            self._websocket.receive_eof()
            self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if self.session is not None:
            self.session.close()
        self.closed.set()
        self._connections.remove(self)

    # Faults call these.

    def stall(self) -> None:
        """Send and read nothing until `resume`; the data received meanwhile is kept."""
        self._silent, self._unread = True, bytearray()

    def resume(self) -> None:
        """Read the data received since `stall`, even if the client is gone."""
        unread, self._unread, self._silent = self._unread, None, False
        if unread:
            self._receive(bytes(unread))

    # From bytes to requests.

    def _choose(self, data: bytes) -> None:
        self._head += data
        head, complete, _ = self._head.partition(b"\r\n\r\n")
        if not complete:
            if len(head) > LARGEST_HEAD:
                self.abort()
            return
        is_websocket = b"\nupgrade: websocket" in head.lower()
        self._receive = self._receive_websocket if is_websocket else self._receive_http
        self._receive(bytes(self._head))

    def _receive_websocket(self, data: bytes) -> None:
        self._websocket.receive_data(data)
        events = self._websocket.events_received()
        self._flush()
        for event in events:
            if isinstance(event, HandshakeRequest):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._receive_frame(event)

    def _shake_hands(self, request: HandshakeRequest) -> None:
        if self._admission.ignores_handshake(self.host):
            self.fall_silent()
            return
        status = self._admission.handshake_status(self.host)
        self.path = request.path.partition("?")[0]
        if status is None and self.path not in self.host.paths:
            status = HTTPStatus.NOT_FOUND
        if status is not None:
            response = self._websocket.reject(status, f"{status.value} {status.phrase}\n")
        else:
            response = self._websocket.accept(request)
        self._websocket.send_response(response)
        self._flush()
        if self._websocket.state is State.OPEN:
            self.number = self._connections.next_number()
            self.session = self._open_session(self)
            where = "" if self.host.is_only else f"to {self.host.role}"
            self._journal.add("connected", where, connection=self.number)
            self.session.start()

    def _receive_frame(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT) or self.session is None:
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            text = b"".join(self._fragments).decode("utf-8", "replace")
            self._fragments.clear()
            self.session.receive(text)

    def _receive_http(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._http.receive(data)


OpenSession: TypeAlias = Callable[[Connection], Session]


class Connections:
    """The connections of an exchange.

    Args:
        journal: records lost connections.

    Attributes:
        total: how many WebSocket connections there were so far.
    """

    def __init__(self, journal: Journal) -> None:
        self.total = 0
        self._journal = journal
        self._connections: dict[Connection, None] = {}

    def add(self, connection: Connection) -> None:
        """Add a new TCP connection."""
        self._connections[connection] = None

    def next_number(self) -> int:
        """Return the number of a new WebSocket connection."""
        self.total += 1
        return self.total

    def remove(self, connection: Connection) -> None:
        """Remove a connection that was lost."""
        del self._connections[connection]
        if connection.session is not None:
            self._journal.add("disconnected", connection=connection.number)

    def to(self, host: Role | None) -> list[Connection]:
        """Return the live WebSocket connections to one host, oldest first; `None` is all hosts."""
        return [
            connection
            for connection in self._connections
            if connection.session is not None and connection.host.plays(host)
        ]

    async def reset_all(self) -> None:
        """Reset all TCP connections and wait until they are lost."""
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.closed.wait() for connection in connections))
