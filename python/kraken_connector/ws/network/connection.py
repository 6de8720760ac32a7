"""One connection to one host: sockets that come and go under a session that stays."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
from ...models._checks import checked_integer
from ...network import Network, without_frames
from ..base.callbacks import check_plain_function, check_result
from ..base.latency import LatencyHistogram
from ..base.options import check_seconds
from ..base.shielding import wait_shielded
from ..constants import ConnectionState
from ..delivery.queues import IN_A_ROW, StoppingQueue
from ..protocol.session import Session
from ..token.manager import OwnTokens, TokenDelayed
from .backoff import connect_budget, connect_failed, delays, gentle, is_final, is_retryable
from .transport import DirectConnection, FrameWriter, open_socket

if TYPE_CHECKING:
    from ..._backend import Event

__all__ = ["Connection", "ConnectionOptions"]

logger = logging.getLogger(__name__)

#: Bytes of a frame that the log shows at DEBUG.
FRAME_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """The parts of a client's configuration that concern its sockets; durations in seconds.

    Raises:
        TypeError, ValueError: a value makes no sense.
    """

    backoff_base: float = 0.5
    backoff_max: float = 30.0
    maintenance_pause: float = 5.0
    max_reconnect_attempts: int = 10
    open_timeout: float = 10.0
    close_timeout: float = 2.0
    max_frame_size: int = 16 * 2**20
    network: Network = field(default_factory=Network)
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
            raise ValueError(f"backoff_max ({self.backoff_max}) is less than backoff_base")
        check_plain_function("retryable", self.retryable)

    def may_retry(self, error: BaseException) -> bool:
        """Ask `retryable` about what kept a socket from being opened.

        Raises:
            NotPlainError: it returned a coroutine, which says neither yes nor no.
            Exception: what it raises.
        """
        answer = self.retryable(error.__cause__ or error)
        check_result("retryable", self.retryable, answer)
        return answer


class Connection:
    """Drives a session over sockets, one after the other.

    Args:
        session: the protocol.
        options: how to open sockets.
        tokens: where tokens come from, for hosts that want them.
        on_end: called once when it has ended by itself, with the reason.

    Attributes:
        state: what it is doing.
        reconnects: how many sockets it opened after the first.
        dispatch: from receiving a read until its messages were delivered.
        transit: from the exchange's timestamp until receiving, by two clocks that may disagree.
    """

    def __init__(
        self,
        session: Session,
        options: ConnectionOptions,
        tokens: OwnTokens | None,
        on_end: Callable[[Exception], None],
    ) -> None:
        self.session = session
        self.state = ConnectionState.DISCONNECTED
        self.reconnects = 0
        self.dispatch = LatencyHistogram()
        self.transit = LatencyHistogram()
        self._options = options
        self._tokens = tokens
        self._on_end = on_end
        self._socket: ClientConnection | None = None
        self._writer: FrameWriter | None = None
        self._opening: asyncio.Task[ClientConnection] | None = None
        self._life: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[WebSocketToken] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: ClientConnection | None = None
        self._stopping: set[asyncio.Task[Any]] = set()
        self._writable = asyncio.Event()
        self._readable = asyncio.Event()
        self._drain: StoppingQueue | None = None
        self._attempts = 0
        self._start_pauses_anew()
        #: When the socket was opened.
        self._since = 0.0
        # That of the event loop, from `open` on: a client may be used in one after the other.
        self.now = time.monotonic

    async def open(self) -> None:
        """Open the first socket; from then on lost ones are replaced.

        Raises:
            ConnectFailed: it cannot be opened, or `close` was called meanwhile.
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
        self._start_pauses_anew()
        self._start(socket)
        self._life = asyncio.create_task(self._live())

    def may_try_again(self, error: Exception) -> bool:
        """Tell whether another round of attempts makes sense after one that ended so."""
        options = self._options
        if options.max_reconnect_attempts == 0:
            return False
        return options.may_retry(error)

    def keep_trying(self, reason: Exception) -> None:
        """Go on as if a socket had been lost, with pauses as long as they were."""
        self.state = ConnectionState.RECONNECTING
        self.now = asyncio.get_running_loop().time
        self._attempts = 0
        self._life = asyncio.create_task(self._live(reason))

    def stop(self, *, forget: bool = True) -> None:
        """End, whatever it is doing; `wait_closed` or `abort` must follow.

        Args:
            forget: whether its subscriptions end too; otherwise `open` asks for them again.
        """
        self.state = ConnectionState.DISCONNECTED
        self._leaving = self._socket or self._leaving
        if isinstance(self._socket, DirectConnection):
            # What still comes must not make a book valid that nobody keeps up to date.
            self._socket.go_long()
        if forget:
            # Before the socket goes: a user who leaves makes no gap.
            self.session.gaps.give_up()
        opening, self._opening = self._opening, None
        life, self._life = self._life, None
        leaving = (opening, life, self._fetching)
        self._stopping |= {task for task in leaving if task is not None}
        for task in self._stopping:
            task.cancel()
        if forget:
            self._stop(ConnectionLost(self.session.url, "disconnect() was called"))
            self.session.closed()
        else:
            self._stop(ConnectionLost(self.session.url, "the client gave up"))
            self.session.gaps.give_up()

    async def wait_closed(self) -> None:
        """Wait for the closing handshake, at most `close_timeout` seconds."""
        if self._stopping:
            await asyncio.wait(self._stopping)
            self._stopping.clear()
        if self._leaving is None:
            return
        try:
            # The library's own bound begins when the peer has taken what was written.
            async with asyncio.timeout(self._options.close_timeout):
                await self._leaving.close()
        except TimeoutError:
            self._leaving.transport.abort()
            await self._leaving.wait_closed()

    def abort(self) -> None:
        """Drop the socket of a stopped connection."""
        if self._leaving is not None:
            self._leaving.transport.abort()
            self._leaving = None

    def attend(self) -> None:
        """Act on what the session wants; after every call into it except `receive`."""
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

    # A consumer that is too slow.

    def block(self, lane: StoppingQueue) -> None:
        """Stop reading until there is room in `lane`, while there is something to read from."""
        is_open = self._socket is not None and self._socket.state is State.OPEN
        if is_open and self._readable.is_set():
            self._readable.clear()
            self.session.paused()
            lane.when_drained(self._unblock)

    def give_up_until_drained(self, lane: StoppingQueue) -> None:
        """Drop the socket, and open another one when there is room in `lane`.

        Opening it sooner would only fill the lane again.
        """
        if self._drain is None and self._socket is not None:
            self._drain = lane
            self.session.failure = ConnectionLost(self.session.url, "the consumer is too slow")
            self.session.attention = True

    def refresh(self, channel: str) -> None:
        """Subscribe to a private channel again, for the sake of its snapshot."""
        self.session.refresh(channel, self.now())
        self.attend()

    def _unblock(self) -> None:
        self._readable.set()
        if self._socket is not None:
            # What `websockets` paused it resumes itself, and it would not pause a second time.
            if not self._socket.recv_messages.paused:
                self._socket.transport.resume_reading()
            self.session.resumed(self.now())
            self.attend()

    # Sockets.

    async def _live(self, reason: Exception | None = None) -> None:
        """Serve socket after socket until one cannot be had any more."""
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
        self.session.ended(error)
        self._on_end(error)

    async def _serve(self, socket: ClientConnection) -> TransportError:
        """Read and write until the socket ends; return why it did."""
        writer = asyncio.create_task(self._write(socket))
        reason = ""
        code: int | None = None
        fault: Exception | None = None
        try:
            await self._read(socket)
        except ConnectionClosed as closed:
            reason = str(closed)
            code = None if closed.rcvd is None else closed.rcvd.code
        except Exception as unexpected:  # noqa: BLE001 (whatever it was, another socket follows)
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
        # One that works and soon ends, again and again, must not be opened at the shortest pause.
        if self.now() - self._since >= self._options.backoff_max:
            self._start_pauses_anew()
        self._stop(error)
        socket.transport.abort()
        await socket.wait_closed()
        return error

    async def _read(self, socket: ClientConnection) -> None:
        """Take frames until the socket ends.

        With the native core nearly all of them go to `_take` without passing here. `recv` suspends
        only when no frame is there, so after some in a row others get their turn.
        """
        session = self.session
        receive = self._log_and_receive if logger.isEnabledFor(logging.DEBUG) else session.receive
        # Frames that are logged take the long way.
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
                self.attend()
            if not self._readable.is_set():
                await self._until_readable(socket)
            elif count % IN_A_ROW == 0:
                await asyncio.sleep(0)

    async def _until_readable(self, socket: ClientConnection) -> None:
        """Wait for room, or for the end of the socket: nothing is gained by waiting longer then."""
        room = asyncio.ensure_future(self._readable.wait())
        end = asyncio.ensure_future(socket.wait_closed())
        try:
            await asyncio.wait((room, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.cancel()
            end.cancel()

    def _log_and_receive(self, frame: bytes, received_ns: int, now: float) -> list[Event]:
        shown = self.session.masked(frame.decode(errors="replace"))
        logger.debug("< %s%s", shown[:FRAME_SHOWN], "..." if len(frame) > FRAME_SHOWN else "")
        return self.session.receive(frame, received_ns, now)

    def _receiver(self) -> Receiver | None:
        """Return what reads the frames of a new socket, with the native core."""
        if backend() == "pure":
            return None
        return Receiver(self.session.engine, self._options.max_frame_size)

    def _take(self, events: list[Event], received_ns: int) -> None:
        """Take what came the short way from the socket."""
        session = self.session
        session.take(events, received_ns, self.now())
        self._measure(events, received_ns)
        if session.attention:
            self.attend()
        if not self._readable.is_set() and self._socket is not None:
            self._socket.transport.pause_reading()

    def _measure(self, events: list[Event], received_ns: int) -> None:
        """Note how long a read took to be dispatched, and its last message to get here."""
        self.dispatch.record(time.time_ns() - received_ns)
        last = events[-1]
        if type(last) is WSDataMessage and (sent_ns := last.timestamp_ns) is not None:
            self.transit.record(received_ns - sent_ns)

    def _send(self) -> None:
        """Send what the session wants to send; what the socket cannot take now is written later."""
        outgoing = self.session.outgoing
        assert self._writer is not None
        while outgoing:
            if not self._writer.write(outgoing[0]):
                self._writable.set()
                return
            outgoing.popleft()

    async def _write(self, socket: ClientConnection) -> None:
        """Send in order what a socket could not take at once."""
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
        # New ones each time: a client may be used in one event loop after the other.
        self._writable = asyncio.Event()
        self._readable = asyncio.Event()
        self._readable.set()
        self._drain = None
        self._since = self.now()
        self.state = ConnectionState.CONNECTED
        logger.info("connected to %s", self.session.url)
        try:
            self.session.opened(self.now())
            self.attend()
        except Exception as error:  # noqa: BLE001 (whatever it was, it is logged)
            self._give_up_socket("beginning with it failed", error)

    def _stop(self, error: TransportError) -> None:
        """Take leave of the socket."""
        self._socket = self._writer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None
        self._readable.set()
        cause = "disconnect" if self._drain is None else "overflow"
        self.session.lost(error, time.time_ns(), cause)

    async def _dial(self) -> ClientConnection:
        """Open a socket.

        Raises:
            ConnectFailed: it cannot be opened.
        """
        url, options = self.session.url, self._options
        now = self.now()
        wait = connect_budget.reserve(url, now)
        if wait > 0:
            logger.warning("too many connections lately: waiting %.1f s", wait)
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
                max_frame_size=options.max_frame_size,
                open_timeout=options.open_timeout,
                close_timeout=options.close_timeout,
                receiver=self._receiver(),
                take=self._take,
            )
        except Exception as error:
            without_frames(error)
            raise connect_failed(url, self._attempts, error) from error

    async def _redial(self, reason: Exception) -> ClientConnection:
        """Open a socket after one was lost, with growing pauses.

        Raises:
            KrakenConnectorError: reconnecting is off or makes no sense, or the allowed attempts
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
                delay = max(delay, gentle(options.maintenance_pause))
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

    def _start_pauses_anew(self) -> None:
        self._delays = delays(self._options.backoff_base, self._options.backoff_max)

    async def _drained(self) -> None:
        """Wait until the consumer whose lane overflowed has caught up."""
        if self._drain is not None:
            roomy = asyncio.Event()
            self._drain.when_drained(roomy.set)
            await roomy.wait()

    # Time and tokens.

    def _set_timer(self) -> None:
        """Come back when the session wants to, and when it wants a token."""
        if self._timer is not None:
            self._timer.cancel()
        now = self.now()
        self.session.look(now, time.time_ns())
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
            self.session.look(now, time.time_ns())
            self.session.tick(now)
            self.attend()
        except Exception as error:  # noqa: BLE001 (whatever it was, it is logged)
            # A timer that never came back would leave everybody waiting; a new socket has one.
            self._give_up_socket("its timer failed", error)

    def _give_up_socket(self, why: str, error: Exception) -> None:
        """Let another socket follow, as the bookkeeping of this one failed."""
        logger.error("%s: %s", self.session.url, why, exc_info=error)
        self.session.failure = ConnectionLost(self.session.url, why)
        if self._socket is not None:
            self._socket.transport.abort()
        self._readable.set()

    def _fetch_token(self) -> None:
        if self._fetching is not None or self._tokens is None:
            return
        if (refused := self.session.take_refused_token()) is not None:
            self._tokens.refused(refused)
        self._fetching = asyncio.create_task(_fetched(self._tokens))
        # Comes in a later step, also where tasks are eager and this one is done by now.
        self._fetching.add_done_callback(self._take_token)

    def _take_token(self, fetching: asyncio.Task[WebSocketToken]) -> None:
        if not fetching.cancelled():
            fetching.exception()  # Otherwise asyncio logs that nobody asked.
        if fetching is not self._fetching or self._tokens is None:
            return  # It was for a socket that is gone.
        self._fetching = None
        try:
            self._use_token(fetching)
            self.attend()
        except Exception as error:  # noqa: BLE001 (whatever it was, it is logged)
            self._give_up_socket("its token could not be used", error)

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
        if self.session.wants_token:
            # The socket works, so connecting did not fail; its pauses stay.
            self._attempts = 0


async def _fetched(tokens: OwnTokens) -> WebSocketToken:
    """Fetch a token. Logs of asyncio show what tasks return, so it is no string."""
    return WebSocketToken(await tokens.get_token(), tokens.good_for)


async def _undo(opening: asyncio.Task[ClientConnection]) -> None:
    """End an attempt to connect that nobody wants any more, successful or not."""
    opening.cancel()
    try:
        await wait_shielded(opening)
    finally:
        if not opening.cancelled() and opening.exception() is None:
            opening.result().transport.abort()
