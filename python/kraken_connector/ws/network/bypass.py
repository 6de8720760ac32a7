"""The short way of text frames from a socket to the engine, past the WebSocket library.

The event loop reads, or a thread of the native core does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..._backend import ThreadReader
from .transport import SocketTransport, Source

if TYPE_CHECKING:
    from ..._backend import Engine, Event, Receiver

__all__ = ["Bypass", "LoopBypass", "OnEvents", "ThreadBypass"]

#: Called with the events of a read and the time of receipt, nanoseconds since the epoch.
OnEvents = Callable[["list[Event]", int], None]

#: Events after which the event loop gets its turn: about as many as those of the largest read.
IN_A_TURN = 512


class Bypass(Protocol):
    """The short way of one connection."""

    @property
    def is_on(self) -> bool:
        """Whether text frames take it."""

    def start(self) -> None:
        """Let text frames take it, from the next one on.

        Raises:
            OSError: there are no means for it.
        """

    def stop(self) -> None:
        """Give all frames to the library from now on, so that the engine receives none."""


class LoopBypass:
    """The short way if the event loop reads.

    Args:
        receiver: finds the frames in what is read.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def is_on(self) -> bool:
        """Whether text frames take it."""
        return self._receiver.is_direct

    def start(self) -> None:
        """Let text frames take it."""
        self._receiver.is_direct = True

    def stop(self) -> None:
        """Give all frames to the library."""
        self._receiver.is_direct = False


class Reads(Protocol):
    """A connection, as far as a thread that reads for it has to do with it."""

    @property
    def transport(self) -> SocketTransport: ...
    def data_received(self, data: bytes) -> None:
        """Handle bytes that were read."""

    def control_received(self, frames: bytes) -> None:
        """Handle pings and pongs."""

    def fail(self, error: Exception) -> None:
        """End the connection because of an error."""


class ThreadBypass:
    """The short way if a thread reads.

    The thread takes over when the short way begins. It stops at whatever does not take it: then the
    event loop reads again, as it does before the first and after the last message.

    Args:
        engine: what the thread feeds.
        max_size: longest message, bytes.
        cpu: the processor that the thread runs on, `None` for any.
        connection: the connection.
        receiver: has what the event loop has read.
        on_events: called with the events of each read.
    """

    def __init__(
        self,
        engine: Engine,
        max_size: int,
        cpu: int | None,
        connection: Reads,
        receiver: Receiver,
        on_events: OnEvents,
    ) -> None:
        self._connection = connection
        self._receiver = receiver
        self._engine = engine
        self._max_size = max_size
        self._cpu = cpu
        self._on_events = on_events
        self._reader: ThreadReader | None = None

    @property
    def is_on(self) -> bool:
        """Whether text frames take it."""
        return self._reader is not None

    def start(self) -> None:
        """Start the thread."""
        transport = self._connection.transport
        if transport.is_closing():
            return
        self._reader = reader = ThreadReader(
            transport.stream,  # type: ignore[arg-type] # the dialer makes native ones then
            self._engine,
            self._max_size,
            self._receiver.take(),
            self._cpu,
        )
        transport.read_from(Source(reader.fileno(), self._read, self._end))

    def stop(self) -> None:
        """End the thread, and let the event loop read."""
        if self._reader is not None:
            rest = self._reader.stop()
            self._connection.transport.read_from(None)
            # Only now: it closes its descriptor, which must not be watched then.
            self._reader = None
            self._connection.data_received(rest)

    def _end(self) -> None:
        """End the thread, as the transport closes."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def _read(self) -> None:
        """Handle what the thread has read; what is left rings again."""
        connection, transport = self._connection, self._connection.transport
        handled = 0
        while handled < IN_A_TURN and transport.is_reading() and (reader := self._reader):
            try:
                taken = reader.drain(self._on_events)
            except Exception as error:  # noqa: BLE001 (raised by the reader of this connection)
                connection.fail(error)
                return
            if taken is None:
                if reader.has_ended:
                    self.stop()
                return
            count, control = taken
            handled += count
            if control:
                connection.control_received(control)
