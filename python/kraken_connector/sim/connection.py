"""One TCP connection: tells WebSocket from HTTP, and moves frames down to the byte."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from .http import HttpConversation, no_such_page
from .messages import HEARTBEAT
from .session import Outgoing, Session

if TYPE_CHECKING:
    from .hosts import Host
    from .server import SimulatedExchange

PATHS = frozenset({"/", "/v2"})
LARGEST_HEAD = 65_536
CLOSE_GRACE_SECONDS = 2.0


class Connection(asyncio.Protocol):
    """One client.

    Args:
        exchange: what answers.
        host: the port that the client connected to.

    Attributes:
        number: counted from 1 over WebSocket connections, 0 while it is none.
        session: the conversation, once the WebSocket handshake is done.
    """

    def __init__(self, exchange: SimulatedExchange, host: Host) -> None:
        self.exchange = exchange
        self.host = host
        self.number = 0
        self.session: Session | None = None
        self.closed = asyncio.Event()
        self._transport: asyncio.Transport
        self._receive = self._choose
        self._head = bytearray()
        respond = exchange.rest.respond if host.serves_rest else no_such_page
        self._http = HttpConversation(respond, self.send_bytes, self._send_body)
        self._websocket = ServerProtocol(max_size=2**20)
        self._fragments: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._silent = False
        self._unread: bytearray | None = None
        self._last_channel_message = 0.0
        self._heartbeat: asyncio.TimerHandle | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self.exchange.accepts(self):
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
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self.session is not None:
            self.session.close()
        self.closed.set()
        self.exchange.left(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What the exchange and its faults call.

    @property
    def open(self) -> bool:
        """Whether WebSocket messages can be sent."""
        return self._websocket.state is State.OPEN and not self._transport.is_closing()

    async def writable(self) -> None:
        """Wait until the socket takes more, or is gone."""
        await self._writable.wait()

    def transmit(self, message: Outgoing) -> None:
        """Send a message; channel messages put the next heartbeat off."""
        if message.kind == "data":
            self._last_channel_message = asyncio.get_running_loop().time()
        self.send_text(message.payload)

    def send_frames(self, frames: bytes) -> None:
        """Send channel messages that are WebSocket frames already."""
        if self.open:
            self._last_channel_message = asyncio.get_running_loop().time()
            self.send_bytes(frames)

    def send_text(self, payload: bytes) -> None:
        """Send one text frame."""
        if not self.open:
            return
        self._websocket.send_text(payload)
        self._flush()

    def send_bytes(self, data: bytes) -> None:
        """Put bytes on the socket as they are, between two frames or instead of one."""
        if self._silent or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self.exchange.send_buffer_limit:
            self.exchange.journal.note("slow_consumer", connection=self.number)
            self.abort()

    def abort(self) -> None:
        """Reset the connection without a word."""
        self._transport.abort()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake; the connection is reset if the client does not join in."""
        if not self.open:
            self.abort()
            return
        self._websocket.send_close(code, reason)
        self._flush()
        asyncio.get_running_loop().call_later(CLOSE_GRACE_SECONDS, self.abort)

    def hang_up(self) -> None:
        """Close the TCP connection after what was sent, without a closing handshake."""
        self._transport.close()

    def fall_silent(self) -> None:
        """Keep the socket but send and read nothing any more, not even protocol pongs."""
        self._silent = True

    def stall(self) -> None:
        """Send and read nothing until `resume`, which reads what came meanwhile."""
        self._silent, self._unread = True, bytearray()

    def resume(self) -> None:
        """Read what came meanwhile, even if the client is gone."""
        unread, self._unread, self._silent = self._unread, None, False
        if unread:
            self._receive(bytes(unread))

    def start_heartbeats(self) -> None:
        """Send heartbeats whenever no channel message was sent for a while."""
        if self._heartbeat is None and self.exchange.heartbeat_interval > 0:
            self._last_channel_message = asyncio.get_running_loop().time()
            self._beat_at(self._last_channel_message + self.exchange.heartbeat_interval)

    def _beat_at(self, when: float) -> None:
        self._heartbeat = asyncio.get_running_loop().call_at(when, self._beat)

    def _beat(self) -> None:
        now = asyncio.get_running_loop().time()
        due = self._last_channel_message + self.exchange.heartbeat_interval
        if now >= due and self.session is not None:
            self.session.send(Outgoing("heartbeat", HEARTBEAT, "heartbeat"))
            self._last_channel_message = now
            due = now + self.exchange.heartbeat_interval
        self._beat_at(due)

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
        if self.exchange.faults.ignores_handshake(self.host):
            self.fall_silent()
            return
        status = self.exchange.faults.handshake_status(self.host)
        if status is None and request.path.partition("?")[0] not in PATHS:
            status = HTTPStatus.NOT_FOUND
        if status is not None:
            response = self._websocket.reject(status, f"{status.value} {status.phrase}\n")
        else:
            response = self._websocket.accept(request)
        self._websocket.send_response(response)
        self._flush()
        if self._websocket.state is State.OPEN:
            self.session = self.exchange.joined(self)
            self.number = self.session.number
            self.session.greet()
            self._watch_idle(self.exchange.idle_seconds)

    def _watch_idle(self, seconds: float | None) -> None:
        """Close the connection once it has had no subscription for so long."""
        if seconds is not None and self.open and self.session is not None:
            idle = self.session.idle_time()
            if idle >= seconds:
                self.exchange.journal.note("idle", connection=self.number)
                self.close()
                return
            loop = asyncio.get_running_loop()
            # A clock of floats may never reach what is left by rounding alone.
            loop.call_later(max(seconds - idle, 0.001), self._watch_idle, seconds)

    def _receive_frame(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT) or self.session is None:
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            text = b"".join(self._fragments).decode("utf-8", "replace")
            self._fragments.clear()
            self.session.receive(text)

    def _receive_http(self, data: bytes) -> None:
        if (delay := self.exchange.faults.token_delay) > 0:
            asyncio.get_running_loop().call_later(delay, self._answer_http, data)
        else:
            self._answer_http(data)

    def _answer_http(self, data: bytes) -> None:
        if self._transport.is_closing() or self._silent:
            return
        fate = self.exchange.faults.token_fate()
        if fate == "dropped":
            self.abort()
        elif fate == "hung":
            self.fall_silent()
        elif not self._http.receive(data):
            self._transport.close()

    def _send_body(self, body: bytes) -> None:
        drip = self.exchange.faults.token_drip
        if not drip:
            self.send_bytes(body)
            return
        loop = asyncio.get_running_loop()
        for place in range(len(body)):
            loop.call_later(place * drip, self.send_bytes, body[place : place + 1])

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data is not SEND_EOF:
                self.send_bytes(data)
            elif not self._transport.is_closing():
                self._transport.close()
