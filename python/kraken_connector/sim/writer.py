"""The sending half of a connection: frames and bytes to one client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, TypeAlias

from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from .hosts import Host
from .observe import Journal
from .settings import Settings

CLOSE_GRACE_SECONDS = 2.0

Kind: TypeAlias = Literal["data", "answer", "reply", "pong", "heartbeat", "status"]
"""`answer` is the response to a subscribe or unsubscribe, `reply` that to an order method."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to one client; faults can change or drop it before it is sent.

    Attributes:
        kind: what family of message it is.
        payload: the text of the frame.
        channel: of data and of answers to subscriptions.
        type: `snapshot` or `update`, of data.
        symbol: the pair, where there is one.
        method: of replies.
    """

    kind: Kind
    payload: bytes
    channel: str | None = None
    type: str | None = None
    symbol: str | None = None
    method: str | None = None


class Writer(asyncio.Protocol):
    """The sending half of a connection.

    Args:
        host: the port that the client connected to.
        settings: gives the size of the send buffer.
        journal: records a client that is too slow.

    Attributes:
        number: counted from 1 over WebSocket connections; 0 before the handshake.
        path: the path of the endpoint; empty before the handshake.
        closed: set when the connection is lost.
        last_channel_message: event loop time of the last channel message.
    """

    def __init__(self, host: Host, settings: Settings, journal: Journal) -> None:
        self.host = host
        self.number = 0
        self.path = ""
        self.closed = asyncio.Event()
        self.last_channel_message = 0.0
        self._settings = settings
        self._journal = journal
        self._transport: asyncio.Transport
        self._websocket = ServerProtocol(max_size=2**20)
        self._silent = False
        self._writable = asyncio.Event()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def open(self) -> bool:
        """Whether WebSocket messages can be sent."""
        return self._websocket.state is State.OPEN and not self._transport.is_closing()

    @property
    def long_form(self) -> bool:
        """Whether messages have the fields that only some recorded ones have.

        Every other connection gets them.
        """
        return self.number % 2 == 0

    async def writable(self) -> None:
        """Wait until the send buffer has room, or the connection is lost."""
        await self._writable.wait()

    def transmit(self, message: Outgoing) -> None:
        """Send a message, past all faults."""
        if message.kind == "data":
            self.last_channel_message = asyncio.get_running_loop().time()
        self.send_text(message.payload)

    def send_frames(self, frames: bytes) -> None:
        """Send channel messages that are already WebSocket frames."""
        if self.open:
            self.last_channel_message = asyncio.get_running_loop().time()
            self.send_bytes(frames)

    def send_text(self, payload: bytes) -> None:
        """Send one text frame."""
        if not self.open:
            return
        self._websocket.send_text(payload)
        self._flush()

    def send_bytes(self, data: bytes) -> None:
        """Write bytes to the socket, between two frames or instead of one."""
        if self._silent or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._settings.send_buffer_limit:
            self._journal.add("slow_consumer", connection=self.number)
            self.abort()

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake; reset the connection if the client does not complete it."""
        if not self.open:
            self.abort()
            return
        self._websocket.send_close(code, reason)
        self._flush()
        asyncio.get_running_loop().call_later(CLOSE_GRACE_SECONDS, self.abort)

    def hang_up(self) -> None:
        """Close the TCP connection once the send buffer is empty, without a closing handshake."""
        self._transport.close()

    def fall_silent(self) -> None:
        """Keep the socket open but send and read nothing from now on, protocol pongs included."""
        self._silent = True

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data is not SEND_EOF:
                self.send_bytes(data)
            elif not self._transport.is_closing():
                self._transport.close()
