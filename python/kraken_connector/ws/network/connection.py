"""One connection to one host: a session, and the sockets that serve it one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from ..._backend import Receiver, WSDataMessage, backend
from ...exceptions import (
    ConnectFailed,
    ConnectionLost,
    KrakenConnectorError,
    TokenAcquisitionError,
    TransportError,
)
from ...http import WebSocketToken
from ...models.checks import checked_integer
from ...network import Network, without_frames
from ..base.latency import LatencyHistogram
from ..base.listeners import check_plain_function, check_result
from ..base.options import check_seconds
from ..base.shielding import wait_shielded
from ..constants import ConnectionState
from ..delivery.queues import IN_A_ROW, StoppingQueue
from ..protocol.order_requests import Command
from ..protocol.session import Session
from ..token.manager import TokenDelayed, TokenManager
from .backoff import connect_budget, connect_failed, delays, is_final, is_retryable, spread
from .dialing import Dialer, check_engine
from .opening import open_socket
from .reading_thread import ThreadBypass
from .socket_options import ReceiveStamps, SocketOptions
from .websocket import DirectConnection, FrameWriter, MakeBypass

if TYPE_CHECKING:
    from ..._backend import Event

__all__ = ["Connection", "ConnectionOptions"]

logger = logging.getLogger(__name__)

#: Bytes of a frame that the log shows at DEBUG.
FRAME_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """The options of a client that concern its sockets; durations in seconds.

    Raises:
        TypeError, ValueError: a value is invalid.
    """

    backoff_base: float = 0.5
    backoff_max: float = 30.0
    maintenance_pause: float = 5.0
    max_reconnect_attempts: int = 10
    open_timeout: float = 10.0
    close_timeout: float = 2.0
    max_frame_size: int = 16 * 2**20
    network: Network = field(default_factory=Network)
    sockets: SocketOptions = field(default_factory=SocketOptions)
    retryable: Callable[[BaseException], bool] = is_retryable

    def __post_init__(self) -> None:
        check_seconds(
            self,
            "backoff_base",
            "backoff_max",
            "maintenance_pause",
            "open_timeout",
            "close_timeout",
        )
        checked_integer("max_reconnect_attempts", self.max_reconnect_attempts, 0)
        checked_integer("max_frame_size", self.max_frame_size, 1)
        if self.backoff_max < self.backoff_base:
            least = f"backoff_base ({self.backoff_base})"
            raise ValueError(f"backoff_max must be at least {least}, not {self.backoff_max}")
        check_plain_function("retryable", self.retryable)
        check_engine(self.network, self.sockets)

    def may_retry(self, error: BaseException) -> bool:
        """Return what `retryable` says about an error from opening a socket.

        Raises:
            NotPlainError: `retryable` returned a coroutine.
            Exception: `retryable` raised it.
        """
        answer = self.retryable(error.__cause__ or error)
        check_result("retryable", self.retryable, answer)
        return answer


class Connection:
    """Drives a session over one socket after another.

    Args:
        session: the protocol.
        options: how to open sockets.
        tokens: the source of tokens, for hosts that need them.
        on_end: called with the connection and the reason when it gave up.

    Attributes:
        state: whether it is connected.
        reconnects: the number of sockets opened after the first.
        dispatch: times from a read until its messages were delivered.
        transit: times from the exchange's timestamp until receipt, by two clocks that may differ.
    """

    def __init__(
        self,
        session: Session,
        options: ConnectionOptions,
        tokens: TokenManager | None,
        on_end: Callable[[Connection, Exception], None],
    ) -> None:
        self.session = session
        self.state = ConnectionState.DISCONNECTED
        self.reconnects = 0
        self.dispatch = LatencyHistogram()
        self.transit = LatencyHistogram()
        self._options = options
        self._dialer = Dialer(options.network, options.sockets)
        self._tokens = tokens
        self._on_end = on_end
        self._socket: ClientConnection | None = None
        self._writer: FrameWriter | None = None
        self._opening: asyncio.Task[ClientConnection] | None = None
        self._task: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[WebSocketToken] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing: ClientConnection | None = None
        self._stopping: set[asyncio.Task[Any]] = set()
        self._writable = asyncio.Event()
        self._readable = asyncio.Event()
        self._drain: StoppingQueue | None = None
        self._attempts = 0
        self._reset_pauses()
        #: When the socket was opened.
        self._since = 0.0
        # The clock of the event loop, set by `open`: a client may be used on several, in turn.
        self.now = time.monotonic

    @property
    def stamp(self) -> ReceiveStamps:
        """Whose clock `received_ns` of the last messages is by."""
        return self._socket.stamp if isinstance(self._socket, DirectConnection) else "user"

    async def open(self) -> None:
        """Open the first socket; when it is lost, open another one, and so on.

        Raises:
            ConnectFailed: it cannot be opened, or `stop` was called meanwhile.
        """
        self.state = ConnectionState.CONNECTING
        self.now = asyncio.get_running_loop().time
        self._attempts = 0
        self._opening = opening = asyncio.create_task(self._dial())
        try:
            socket = await asyncio.shield(opening)
        except BaseException:
            self.state = ConnectionState.DISCONNECTED
            was_stopped, self._opening = self._opening is None, None
            await _undo(opening)
            if was_stopped:
                raise ConnectFailed(self.session.url, 1, "disconnect() was called") from None
            raise
        if self._opening is None:
            socket.transport.abort()
            raise ConnectFailed(self.session.url, 1, "disconnect() was called")
        self._opening = None
        self._attempts = 0
        self._reset_pauses()
        self._start(socket)
        self._task = asyncio.create_task(self._run())

    def may_try_again(self, error: Exception) -> bool:
        """Return whether to start another round of attempts after one that failed."""
        options = self._options
        return options.max_reconnect_attempts > 0 and options.may_retry(error)

    def keep_trying(self, reason: Exception) -> None:
        """Reconnect as after a lost socket, without resetting the pauses."""
        self.state = ConnectionState.RECONNECTING
        self.now = asyncio.get_running_loop().time
        self._attempts = 0
        self._task = asyncio.create_task(self._run(reason))

    def stop(self, *, forget: bool = True) -> None:
        """Stop connecting, reading and writing; call `wait_closed` or `abort` next.

        With `forget` its subscriptions end; otherwise `open` renews them.
        """
        self.state = ConnectionState.DISCONNECTED
        self._closing = self._socket or self._closing
        if forget:
            # Before the socket is lost: a disconnect by the user is not a gap.
            self.session.gaps.give_up()
        opening, self._opening = self._opening, None
        task, self._task = self._task, None
        running = (opening, task, self._fetching)
        self._stopping |= {task for task in running if task is not None}
        for task in self._stopping:
            task.cancel()
        if forget:
            self._stop(ConnectionLost(self.session.url, "disconnect() was called"))
            self.session.clear()
        else:
            self._stop(ConnectionLost(self.session.url, "the client gave up"))
            self.session.gaps.give_up()

    async def wait_closed(self) -> None:
        """Wait for the closing handshake, at most `close_timeout` seconds."""
        if self._stopping:
            await asyncio.wait(self._stopping)
            self._stopping.clear()
        if self._closing is None:
            return
        try:
            # The library's own timeout starts only when the peer has read everything.
            async with asyncio.timeout(self._options.close_timeout):
                await self._closing.close()
        except TimeoutError:
            self._closing.transport.abort()
            await self._closing.wait_closed()

    def abort(self) -> None:
        """Drop the socket of a stopped connection."""
        if self._closing is not None:
            self._closing.transport.abort()
            self._closing = None

    @contextlib.contextmanager
    def step(self) -> Iterator[Session]:
        """Return a context in which the session can be called.

            with connection.step() as session:
                session.send(request)

        When the block ends, the connection sends what the session wants to send and sets its
        timer. Reading the session's state needs no step.
        """
        try:
            yield self.session
        finally:
            self._attend()

    def send_order(self, command: Command) -> None:
        """Send a trading request: a `step` that takes less time.

        Raises:
            NotConnected: there is no socket; nothing was sent.
        """
        self.session.trading.send(command, self.now())
        try:
            if self._socket is not None:
                self._send()
            # Nearly always the timer, which checks the clocks too, comes before the answer is due.
            if self.session.outgoing or self._timer is None or command.is_due(self._timer.when()):
                self._attend()
        except Exception as error:  # noqa: BLE001 (the request may have left: it is not withdrawn)
            self._give_up_socket("sending an order failed", error)

    def _attend(self) -> None:
        """Send what the session wants to send, set the timer, or drop a failed socket."""
        session = self.session
        session.attention = False
        if self._socket is None:
            return
        self._send()
        if session.failure is not None:
            self._socket.transport.abort()
            self._readable.set()
            return
        if self._attempts and session.is_settled:
            self._attempts = 0
        self._set_timer()

    # Slow consumers.

    def block(self, queue: StoppingQueue) -> None:
        """Stop reading from an open socket until there is room in `queue`."""
        is_open = self._socket is not None and self._socket.state is State.OPEN
        if is_open and self._readable.is_set():
            self._readable.clear()
            self.session.pause()
            queue.when_drained(self._unblock)

    def give_up_until_drained(self, queue: StoppingQueue) -> None:
        """Drop the socket, and open another one when there is room in `queue`."""
        if self._drain is None and self._socket is not None:
            self._drain = queue
            self.session.fail(ConnectionLost(self.session.url, "the consumer is too slow"))

    def refresh(self, channel: str) -> None:
        """Subscribe to a private channel again, to get its snapshot."""
        with self.step() as session:
            session.refresh(channel, self.now())

    def _unblock(self) -> None:
        self._readable.set()
        if self._socket is not None:
            # If `websockets` paused reading, only it may resume: it would not pause again.
            if not self._socket.recv_messages.paused:
                self._socket.transport.resume_reading()
            self.session.resume(self.now())
            self._attend()

    # Sockets.

    async def _run(self, reason: Exception | None = None) -> None:
        """Serve one socket after another until none can be opened."""
        try:
            if reason is not None:
                self._start(await self._redial(reason))
            while True:
                socket = self._socket
                assert socket is not None
                reason = await self._serve(socket)
                self._start(await self._redial(reason))
        except KrakenConnectorError as error:
            self._end(error)
        except Exception as error:
            logger.exception("a connection ended unexpectedly")
            self._end(error)

    def _end(self, error: Exception) -> None:
        self.state = ConnectionState.DISCONNECTED
        self.session.give_up(error)
        self._on_end(self, error)

    async def _serve(self, socket: ClientConnection) -> TransportError:
        """Read and write until the socket ends; return the reason."""
        writer = asyncio.create_task(self._write(socket))
        reason = ""
        code: int | None = None
        fault: Exception | None = None
        try:
            await self._read(socket)
        except ConnectionClosed as closed:
            reason = str(closed)
            code = None if closed.rcvd is None else closed.rcvd.code
        except Exception as unexpected:  # noqa: BLE001 (another socket is opened after any error)
            fault = unexpected
        finally:
            writer.cancel()
            await asyncio.wait([writer])
        if isinstance(socket, DirectConnection) and socket.failure is not None:
            fault = socket.failure
        if fault is not None:
            logger.error("reading from %s failed", self.session.url, exc_info=fault)
            reason = f"reading failed: {fault!r}"
        error = self.session.failure or ConnectionLost(self.session.url, reason)
        if isinstance(error, ConnectionLost):
            error.code = code
        # Sockets that open and soon end must not keep resetting the pauses.
        if self.now() - self._since >= self._options.backoff_max:
            self._reset_pauses()
        self._stop(error)
        socket.transport.abort()
        await socket.wait_closed()
        return error

    async def _read(self, socket: ClientConnection) -> None:
        """Receive frames until the socket ends.

        With the native core nearly all frames go to `_on_events` instead. `recv` suspends only if
        no frame is queued, so other tasks get their turn every `IN_A_ROW` frames.
        """
        session = self.session
        receive = self._log_and_receive if logger.isEnabledFor(logging.DEBUG) else session.receive
        # Frames that are to be logged must come through here.
        direct = None
        if isinstance(socket, DirectConnection) and receive == session.receive:
            direct = socket
        recv = socket.recv
        time_ns, now = time.time_ns, self.now
        for count in itertools.count(1):
            if direct is not None:
                direct.go_direct()
            frame = await recv(decode=False)
            received_ns = time_ns()
            self._measure(receive(frame, received_ns, now()), received_ns)
            if session.attention:
                self._attend()
            if not self._readable.is_set():
                await self._until_readable(socket)
            elif count % IN_A_ROW == 0:
                await asyncio.sleep(0)

    async def _until_readable(self, socket: ClientConnection) -> None:
        """Wait until reading may go on, or until the socket has ended."""
        room = asyncio.ensure_future(self._readable.wait())
        end = asyncio.ensure_future(socket.wait_closed())
        try:
            await asyncio.wait((room, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.cancel()
            end.cancel()

    def _log_and_receive(self, frame: bytes, received_ns: int, now: float) -> list[Event]:
        shown = self.session.tokens.mask.text(frame.decode(errors="replace"))
        logger.debug("< %s%s", shown[:FRAME_SHOWN], "..." if len(frame) > FRAME_SHOWN else "")
        return self.session.receive(frame, received_ns, now)

    def _receiver(self) -> Receiver | None:
        """Return the native reader of a new socket's frames, `None` with the pure core."""
        if backend() == "pure":
            return None
        return Receiver(self.session.engine, self._options.max_frame_size)

    def _make_bypass(self) -> MakeBypass | None:
        """Return what makes a socket's way past the library, `None` if the event loop reads."""
        options = self._options
        if options.sockets.reader == "loop":
            return None
        return functools.partial(
            ThreadBypass, self.session.engine, options.max_frame_size, options.sockets.cpu
        )

    def _on_events(self, events: list[Event], received_ns: int) -> None:
        """Process the events of a read that bypassed the library; see `DirectConnection`."""
        session = self.session
        session.handle(events, received_ns, self.now())
        self._measure(events, received_ns)
        if session.attention:
            self._attend()
        if not self._readable.is_set() and self._socket is not None:
            self._socket.transport.pause_reading()

    def _measure(self, events: list[Event], received_ns: int) -> None:
        """Record the dispatch time of a read and the transit time of its last message."""
        self.dispatch.record(time.time_ns() - received_ns)
        last = events[-1]
        if type(last) is WSDataMessage and (sent_ns := last.timestamp_ns) is not None:
            self.transit.record(received_ns - sent_ns)

    def _send(self) -> None:
        """Send the session's frames; `_write` sends those that the socket cannot take now."""
        outgoing = self.session.outgoing
        assert self._writer is not None
        while outgoing:
            if not self._writer.write(outgoing[0]):
                self._writable.set()
                return
            outgoing.popleft()

    async def _write(self, socket: ClientConnection) -> None:
        """Send the frames that the socket could not take at once, in order."""
        outgoing = self.session.outgoing
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._writable.wait()
                self._writable.clear()
                while outgoing:
                    await socket.send(outgoing.popleft(), text=True)

    def _start(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._writer = FrameWriter(socket)
        # New events each time, as the event loop may be another one.
        self._writable = asyncio.Event()
        self._readable = asyncio.Event()
        self._readable.set()
        self._drain = None
        self._since = self.now()
        self.state = ConnectionState.CONNECTED
        logger.info("connected to %s", self.session.url)
        try:
            self.session.connection_made(self.now())
            self._attend()
        except Exception as error:  # noqa: BLE001 (whatever it was, it is logged)
            self._give_up_socket("starting the session failed", error)

    def _stop(self, error: TransportError) -> None:
        """Detach from the socket, and report its loss to the session."""
        if isinstance(self._socket, DirectConnection):
            # A frame that still arrives must not make a book valid, as no update would follow.
            self._socket.go_indirect()
        self._socket = self._writer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None
        self._readable.set()
        cause = "disconnect" if self._drain is None else "overflow"
        self.session.connection_lost(error, time.time_ns(), cause)

    async def _dial(self) -> ClientConnection:
        """Open a socket.

        Raises:
            ConnectFailed: it cannot be opened.
        """
        url, options = self.session.url, self._options
        now = self.now()
        wait = connect_budget.reserve(url, now)
        if wait > 0:
            logger.warning("connection limit reached: waiting %.1f s", wait)
            try:
                await asyncio.sleep(wait)
            except asyncio.CancelledError:
                connect_budget.give_back(now + wait)
                raise
        self._attempts += 1
        try:
            return await open_socket(
                url,
                network=options.network,
                dialer=self._dialer,
                max_frame_size=options.max_frame_size,
                open_timeout=options.open_timeout,
                close_timeout=options.close_timeout,
                receiver=self._receiver(),
                on_events=self._on_events,
                make_bypass=self._make_bypass(),
            )
        except Exception as error:
            without_frames(error)
            raise connect_failed(url, self._attempts, error) from error

    async def _redial(self, reason: Exception) -> ClientConnection:
        """Open a socket after one was lost, with growing pauses.

        Raises:
            KrakenConnectorError: reconnecting is disabled, the error is final, or all attempts
                failed.
        """
        options = self._options
        is_end = is_final(reason) and not options.retryable(reason)
        if options.max_reconnect_attempts == 0 or is_end:
            logger.info("lost %s: %s", self.session.url, reason)
            raise reason
        self.state = ConnectionState.RECONNECTING
        await self._drained()
        while self._attempts < options.max_reconnect_attempts:
            delay = next(self._delays)
            if self.session.is_after_maintenance:
                delay = max(delay, spread(options.maintenance_pause))
            if isinstance(reason, ConnectFailed) and reason.retry_after is not None:
                delay += reason.retry_after
            logger.info(
                "lost %s; reconnecting in %.1f s because of: %s", self.session.url, delay, reason
            )
            await asyncio.sleep(delay)
            try:
                socket = await self._dial()
            except ConnectFailed as error:
                if not options.may_retry(error):
                    raise
                reason = error
            else:
                self.reconnects += 1
                return socket
        if isinstance(reason, ConnectFailed):
            raise reason
        raise ConnectFailed(self.session.url, self._attempts, str(reason)) from reason

    def _reset_pauses(self) -> None:
        self._delays = delays(self._options.backoff_base, self._options.backoff_max)

    async def _drained(self) -> None:
        """Wait until there is room in the queue that overflowed."""
        if self._drain is not None:
            roomy = asyncio.Event()
            self._drain.when_drained(roomy.set)
            await roomy.wait()

    # Time and tokens.

    def _set_timer(self) -> None:
        """Schedule the session's next deadline, and fetch a token if it needs one."""
        if self._timer is not None:
            self._timer.cancel()
        now = self.now()
        self.session.check_pause(now, time.time_ns())
        due = self.session.deadline(now)
        token_due = self.session.token_deadline
        if token_due <= now:
            self._fetch_token()
        elif self._fetching is None:
            due = min(due, token_due)
        self._timer = asyncio.get_running_loop().call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        now = self.now()
        try:
            self.session.check_pause(now, time.time_ns())
            self.session.tick(now)
            self._attend()
        except Exception as error:  # noqa: BLE001 (logged)
            # Without a timer no request would ever time out; a new socket starts a new one.
            self._give_up_socket("the timer failed", error)

    def _give_up_socket(self, why: str, error: Exception) -> None:
        """Replace the socket after an unexpected error."""
        logger.error("%s: %s", self.session.url, why, exc_info=error)
        self.session.fail(ConnectionLost(self.session.url, why))
        if self._socket is not None:
            self._socket.transport.abort()
        self._readable.set()

    def _fetch_token(self) -> None:
        if self._fetching is not None or self._tokens is None:
            return
        if (refused := self.session.tokens.pop_refused()) is not None:
            self._tokens.refused(refused)
        self._fetching = asyncio.create_task(_fetched(self._tokens))
        # Called in a later step, even if an eager task is done by now.
        self._fetching.add_done_callback(self._take_token)

    def _take_token(self, fetching: asyncio.Task[WebSocketToken]) -> None:
        if not fetching.cancelled():
            fetching.exception()  # Otherwise asyncio logs that it was never retrieved.
        if fetching is not self._fetching or self._tokens is None:
            return  # For an earlier socket.
        self._fetching = None
        try:
            self._use_token(fetching)
            self._attend()
        except Exception as error:  # noqa: BLE001 (logged)
            self._give_up_socket("using a token failed", error)

    def _use_token(self, fetching: asyncio.Task[WebSocketToken]) -> None:
        assert self._tokens is not None
        error = None if fetching.cancelled() else fetching.exception()
        if fetching.cancelled():
            error = TokenAcquisitionError("the call was cancelled")
        if isinstance(error, TokenDelayed):
            self.session.token_delayed(error.reason, self.now(), error.seconds)
        elif isinstance(error, Exception):
            self.session.token_failed(error, self.now(), self._tokens.next_call_in)
        else:
            token = fetching.result()
            self.session.set_token(token.token, self.now(), token.expires)
        if self.session.tokens.is_wanted:
            # The socket works, so connecting did not fail; its pauses stay.
            self._attempts = 0


async def _fetched(tokens: TokenManager) -> WebSocketToken:
    """Fetch a token, as an object that hides it: asyncio logs the results of tasks.

    It is not replaced if tokens expire within the manager's `refresh_margin`.
    """
    return WebSocketToken(await tokens.new_token(), tokens.good_for or inf)


async def _undo(opening: asyncio.Task[ClientConnection]) -> None:
    """Cancel an attempt to connect; close its socket if it was opened already."""
    opening.cancel()
    try:
        await wait_shielded(opening)
    finally:
        if not opening.cancelled() and opening.exception() is None:
            opening.result().transport.abort()
