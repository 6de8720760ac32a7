"""A thread of the native core that reads a connection's text frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..._backend import ThreadReader
from .bypass import OnEvents
from .transport import SocketTransport, Source
from .websocket import DirectConnection

if TYPE_CHECKING:
    from ..._backend import Engine, Receiver

__all__ = ["ThreadBypass"]

#: Events after which the event loop gets its turn: about as many as those of the largest read.
IN_A_TURN = 512


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
        connection: DirectConnection,
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
        transport = self._transport
        if transport.is_closing():
            return
        self._reader = reader = ThreadReader(
            transport.stream,  # type: ignore[arg-type] # the dialer makes native ones for it
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
            self._transport.read_from(None)
            # Only now: it closes its descriptor, which must not be watched then.
            self._reader = None
            self._connection.data_received(rest)

    @property
    def _transport(self) -> SocketTransport:
        # The dialer makes no other for it.
        return cast(SocketTransport, self._connection.transport)

    def _end(self) -> None:
        """End the thread, as the transport closes."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def _read(self) -> None:
        """Handle what the thread has read; what is left rings again."""
        connection, transport = self._connection, self._transport
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
