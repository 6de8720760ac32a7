"""The WebSocket: `websockets` does handshake, control frames and closing.

With the native core, text frames bypass the library: they go straight to the engine. All
other frames (pings, pongs, closes, fragments, compressed frames) go to the library, always whole.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined] # the fast one
from websockets.protocol import State

from .bypass import Bypass, LoopBypass, OnEvents
from .socket_options import ReceiveStamps
from .streams import Stream

if TYPE_CHECKING:
    from ..._backend import Receiver

__all__ = ["DirectConnection", "FrameWriter", "MakeBypass"]

#: Frame headers by payload length (RFC 6455, section 5.2).
_SHORT, _MIDDLE, _LONG = (struct.Struct(f"!BB{size}4s").pack for size in ("", "H", "Q"))
#: Looked up once, as access to an enum member is slow.
OPEN = State.OPEN

#: The end of the headers of an HTTP response.
_END_OF_HEAD = b"\r\n\r\n"


class DirectConnection(ClientConnection, asyncio.BufferedProtocol):
    """A connection whose text frames can bypass the library.

    At first, and again after each frame of another kind, all frames go to the library. `go_direct`
    starts the bypass once everything that the library holds was received, so messages stay in
    order.

    Attributes:
        failure: the exception that `on_events` raised, which ended the connection.
        stamped: tells when the kernel received the data of a read, if it is asked.
    """

    def __init__(
        self,
        receiver: Receiver,
        on_events: OnEvents,
        make_bypass: MakeBypass | None,
        protocol: ClientProtocol,
        **options: Any,
    ) -> None:
        super().__init__(protocol, **options)
        self.failure: Exception | None = None
        self.stamped: Stream | None = None
        self._receiver = receiver
        self._on_events = on_events
        self._bypass: Bypass = (
            LoopBypass(receiver) if make_bypass is None else make_bypass(self, receiver, on_events)
        )
        self._head = bytearray()
        self._early: bytearray | None = bytearray(64 * 1024)

    def go_direct(self) -> None:
        """Bypass the library from now on, if it holds no more messages.

        Not after a close or an error: later data must not be processed (RFC 6455, sections 1.4 and
        7.1.7), and the library drops it.
        """
        bypass = self._bypass
        if bypass.is_on or self._early is not None or len(self.recv_messages.frames):
            return
        if self.protocol.state is OPEN:
            bypass.start()

    def go_indirect(self) -> None:
        """Give all frames to the library from now on, so that the engine receives none."""
        self._bypass.stop()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer that the event loop reads into."""
        if self._early is not None:
            return memoryview(self._early)
        # Reached with TLS only, which looks this method up once, before the handshake.
        return self._receiver.get_buffer(sizehint)

    def data_received(self, data: bytes) -> None:
        """Handle data of an event loop that passes bytes, such as uvloop."""
        while data:
            room = self.get_buffer(len(data))
            size = min(len(room), len(data))
            room[:size] = data[:size]
            data = data[size:]
            self.buffer_updated(size)

    def buffer_updated(self, nbytes: int) -> None:
        """Handle `nbytes` that the event loop has read into the buffer."""
        if self._early is not None:
            self._handshake(bytes(self._early[:nbytes]))
            return
        received_ns = time.time_ns() if self.stamped is None else self._stamp()
        try:
            rest = self._receiver.buffer_updated(nbytes, received_ns, self._on_events)
        except Exception as error:  # noqa: BLE001 (raised by the reader of this connection)
            self.fail(error)
            return
        if rest is not None:
            super().data_received(rest)

    def control_received(self, frames: bytes) -> None:
        """Handle pings and pongs."""
        super().data_received(frames)

    def fail(self, error: Exception) -> None:
        """End the connection because of an error."""
        self.failure = error
        self.transport.abort()

    @property
    def stamp(self) -> ReceiveStamps:
        """Whose clock the time of the last read was by."""
        return "kernel" if self.stamped is not None and self.stamped.received_ns else "user"

    def _stamp(self) -> int:
        """Return when the kernel received the data, or the present time if it does not tell."""
        return (self.stamped.received_ns if self.stamped is not None else 0) or time.time_ns()

    def _handshake(self, data: bytes) -> None:
        """Give the library the headers of the response; frames follow them.

        A response that refuses the connection is given to the library completely.
        """
        size_before = len(self._head)
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if end < 0 or not self._head.startswith(b"HTTP/1.1 101"):
            super().data_received(data)
            return
        end += len(_END_OF_HEAD)
        frames = bytes(self._head[end:])
        super().data_received(data[: end - size_before])
        self._early = None
        # Bound directly, as it is called before every read.
        self.get_buffer = self._receiver.get_buffer  # type: ignore[method-assign]
        self._head.clear()
        self.data_received(frames)


#: Makes the short way of a connection.
MakeBypass = Callable[[DirectConnection, "Receiver", OnEvents], Bypass]


class FrameWriter:
    """Writes text frames to one socket, without an await.

    `socket.send` writes the same bytes, a whole and masked text frame (RFC 6455, section 5.2), but
    needs a coroutine and a frame object for it.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._masks = _masks()

    def write(self, payload: bytes) -> bool:
        """Write a text frame.

        Returns:
            False if nothing was written: the socket is closing, or its peer is too slow.
        """
        socket = self._socket
        transport = socket.transport
        if socket.paused or socket.protocol.state is not OPEN or transport.is_closing():
            return False
        size = len(payload)
        mask = next(self._masks)
        if size < 126:
            head = _SHORT(0x81, 0x80 | size, mask)
        elif size < 1 << 16:
            head = _MIDDLE(0x81, 0xFE, size, mask)
        else:
            head = _LONG(0x81, 0xFF, size, mask)
        transport.write(head + apply_mask(payload, mask))
        return True


def _masks() -> Iterator[bytes]:
    """Yield unpredictable masks (RFC 6455, section 5.3)."""
    while True:
        pool = os.urandom(4096)
        for start in range(0, len(pool), 4):
            yield pool[start : start + 4]
