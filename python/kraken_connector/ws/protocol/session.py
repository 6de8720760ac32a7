"""The state machine of one connection.

It has no socket, no task and no clock: frames and time are passed in, and it says what to send,
what to deliver and when to be called next. Its driver (`connection.py`) calls `receive` for each
frame, or `handle` with its events, and `tick` at the time that `deadline` returns. Whenever
`attention` is set, the driver sends the frames in `outgoing`, drops the socket if there is a
`failure`, and reads `deadline` and `token_deadline` again. A session lives as long as the client:
`connection_made` and `connection_lost` are called for each socket, so books and subscriptions
outlive the sockets.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, cast

import orjson

from ..._backend import Engine, WSDataMessage, runs
from ...exceptions import TokenAcquisitionError, TransportError
from ...models import (
    BookChecksumEvent,
    BookCrossedEvent,
    BookQuarantinedEvent,
    HeartbeatMessage,
    InvalidFrameEvent,
    PongResponse,
    SequenceGapEvent,
    StatusData,
    StreamStaleEvent,
    WSErrorResponse,
    WSRequest,
    WSResponse,
)
from ..base.encoding import encode
from ..base.exchange_clock import ExchangeClock
from ..base.followers import Follower
from ..base.isolation import Isolated, isolated
from ..base.limited_log import LimitedLog
from ..base.options import SessionOptions
from ..base.pacing import Allowance
from ..base.streams import ACCOUNT_CHANNELS
from ..constants import BOOK_CHANNELS, SystemState
from ..orders import Orders
from ..subscribe import ChannelParams
from .gaps import Gaps
from .keepalive import Keepalive
from .merge import OPEN, Gate
from .numbers import COUNTED_BY_CONNECTION, ConnectionNumbers
from .order_requests import OrderRequests
from .part import Part
from .pauses import PauseWatch
from .private_streams import PrivateStreams
from .rates import RateMeter
from .registry import Outlet, PendingRequest, Registry, Sink, SubscribeCall, Topic
from .request_queue import OutgoingRequest
from .requests import Answer, Requests
from .resync import Resyncs
from .resync_policy import Resync
from .routes import Handler, Routes, RunHandler
from .staleness import Staleness
from .token_requests import TokenRequests

if TYPE_CHECKING:
    from ..._backend import Event

__all__ = ["Session"]

logger = logging.getLogger(__name__)

#: Number of bytes shown of a dropped frame in the log, and of a refusal in an error.
HEAD = 200
#: Largest frame in bytes of which the log shows the wrong value: the search for it takes time.
LOCATED = 4096


class Session:
    """The protocol of one connection.

    Args:
        url: the URL of the host.
        outlet: gets everything that belongs to no subscription.
        options: timeouts, intervals and limits.
        has_token_source: whether tokens can be fetched.
        orders: the orders of the account.
        exchange: the estimate of the exchange's clock; replies improve it.
        observers: by channel, a function that gets each message before it is delivered. If it
            raises, the message is dropped like a frame that cannot be parsed.
        followers: by private channel, the objects that keep its state, in the order of the calls.
        allowance: limits the snapshots of `level3` of all connections of a client.
        name: its name in the records of gaps; the URL by default.
        engine: parses its frames and holds its books.
        gate: decides what subscribers get of its books, if two connections bring them.
        on_lost: called when a socket was lost and its books are invalid.

    Attributes:
        registry: the subscriptions.
        gaps: the records of missed messages.
        requests: the subscribe and unsubscribe requests.
        private_streams: passes events of the private channels on to the followers.
        trading: the trading requests.
        resyncs: the streams that are being subscribed again.
        staleness: the time of each stream's last message.
        keepalive: pings and the limit to silence.
        tokens: the token of the connection.
        attention: whether the driver has something to do; the driver resets it.
        failure: why the socket must be dropped, `None` if it need not be.
        is_open: whether there is a socket.
        system_status: state of the exchange's engine, `None` before the first status message.
        connection_id: the exchange's id of the connection.
        upcoming_maintenance: the maintenance that the last status message announced.
        last_received_ns: local time of the last frame, nanoseconds since the epoch.
        is_after_maintenance: whether the last socket was lost while the exchange was under
            maintenance.
    """

    #: Seconds by which deadlines are extended when this process did not read for a while.
    GRACE = 0.5
    #: Longest wait for the first frame of a socket before its token is fetched, seconds.
    FIRST_FRAME = 1.0

    def __init__(
        self,
        url: str,
        outlet: Outlet,
        options: SessionOptions | None = None,
        *,
        has_token_source: bool = False,
        orders: Orders | None = None,
        exchange: ExchangeClock | None = None,
        observers: Mapping[str, Handler] | None = None,
        followers: Mapping[str, Sequence[Follower]] | None = None,
        allowance: Allowance | None = None,
        name: str = "",
        engine: Engine | None = None,
        gate: Gate | None = None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self.name = name or url
        self.engine = Engine() if engine is None else engine
        self.registry = Registry()
        self.gaps = Gaps(self.name, self.registry, outlet.gap)
        self.attention = False
        self.failure: TransportError | None = None
        self.is_open = False
        self.system_status: str | None = None
        self.connection_id: int | None = None
        self.upcoming_maintenance: list[Any] = []
        self.last_received_ns = 0
        #: When the last frame came, monotonic seconds; `Keepalive.heard` may be later.
        self._heard = self._opened_at = 0.0
        self.is_after_maintenance = False
        self._log = LimitedLog(logger)
        self._outlet = outlet
        self._gate = gate or OPEN
        self._on_lost = on_lost
        self._options = options = options or SessionOptions()
        self.keepalive = Keepalive(
            options.ping_interval, options.ping_timeout, options.heartbeat_timeout
        )
        self.tokens = TokenRequests(has_token_source)
        self.requests = Requests(
            url,
            self.engine,
            self.registry,
            on_sent=self._on_request_sent,
            on_answer=self._on_request_answered,
            on_drop=self._on_stream_dropped,
            on_change=self._rebuild_routes,
            timeout=options.request_timeout,
            tokens=self.tokens,
            allowance=allowance,
        )
        self._exchange = exchange = exchange or ExchangeClock()
        self.trading = OrderRequests(
            url,
            self.requests.outgoing,
            self.tokens,
            self.requests.new_id,
            timeout=options.request_timeout,
            orders=Orders(lambda: self.keepalive.heard, exchange) if orders is None else orders,
            exchange=exchange,
            wall_ns=time.time_ns,
            order_deadline=options.order_deadline,
            shared=options.order_params,
        )
        self.staleness = Staleness(
            self.registry,
            self.engine,
            inf if options.stale_after is None else options.stale_after,
            self._on_silence,
            is_ahead=self._is_ahead,
            on_fault=self._on_silent_fault,
        )
        self.resyncs = Resyncs(
            self.requests,
            self.registry,
            self.engine,
            on_event=self._on_resync_event,
            on_silent=self.staleness.report,
            on_end=self._on_resync_end,
            on_change=self._rebuild_routes,
            on_gap=self._on_private_gap,
            split_off=self.gaps.split_off,
            attempts=options.resync_attempts,
            patience=options.request_timeout,
            now_ns=lambda: self.last_received_ns,
            proven_ns=self._proven_ns,
        )
        self._paused = False
        self._watch = PauseWatch()
        self._rates = RateMeter()
        self._numbers = ConnectionNumbers()
        #: Id of the last ping, and when it was sent.
        self._last_ping: tuple[int, float] | None = None
        self._planned = inf
        self._routes = Routes()
        self._run_routes: dict[str, RunHandler] = {}
        self._routes_basis: tuple[int, frozenset[str]] = (-1, frozenset())
        self._feed = self.engine.feed
        self._unrouted: Handler = outlet.put
        self._past_gate: Handler = outlet.put
        self._settle = outlet.settle
        followers = dict(followers or {})
        self.private_streams = PrivateStreams(
            {channel: list(map(_isolated, group)) for channel, group in followers.items()},
            self.registry,
            self.resyncs,
            lambda: self._heard,
            self.keepalive.ping_soon,
        )
        # A lost socket is handled in reverse order: `Requests` clears `outgoing`, in which
        # `OrderRequests` looks for frames that were not sent.
        self._senders: tuple[Part, ...] = (self.requests, self.trading)
        self._parts = (*self._senders, self.resyncs, self.private_streams, self.staleness)
        # Not isolated: the message at which one of these raises is reported as lost.
        self._observers = [
            *(observers or {}).items(),
            *((name, f.observe) for name, group in followers.items() for f in reversed(group)),
        ]
        self._handlers: dict[type, Callable[[Any], None]] = {
            HeartbeatMessage: self._on_heartbeat,
            PongResponse: self._on_pong,
            WSResponse: self._on_response,
            WSErrorResponse: self._on_response,
            SequenceGapEvent: self._on_sequence_gap,
            BookChecksumEvent: self._on_checksum,
            BookCrossedEvent: self._on_crossed,
            InvalidFrameEvent: self._on_invalid_frame,
        }
        self._rebuild_routes()

    # The hot path.

    def receive(self, frame: bytes, received_ns: int, now: float) -> list[Event]:
        """Parse one text frame, deliver its data and return the engine's events.

        It arrived at `received_ns`, nanoseconds since the epoch; in the driver's monotonic seconds
        that is `now`.
        """
        events = self._feed(frame, received_ns)
        self.handle(events, received_ns, now)
        return events

    def handle(self, events: list[Event], received_ns: int, now: float) -> None:
        """Handle the engine's events of frames that arrived together; otherwise like `receive`.

        An event whose handler raises is reported, and the others are still handled.
        """
        if not self.last_received_ns:
            self.attention = True  # A token may be fetched now.
        self.keepalive.heard = self._heard = now
        self.last_received_ns = self.staleness.received_ns = received_ns
        for channel, run in runs(events):
            if channel is not None and (put_all := self._run_routes.get(channel)) is not None:
                put_all(run)
            else:
                self._handle_each(run)
        self._settle()

    def _handle_each(self, events: list[Event]) -> None:
        routes = self._routes
        for event in events:
            try:
                if type(event) is WSDataMessage:
                    routes.get(event.channel, self._unrouted)(event)
                else:
                    self._handlers[type(event)](event)
            except Exception as error:  # noqa: BLE001 (whatever it was, reading must go on)
                self._on_failure(event, error)

    # The driver.

    def fail(self, failure: TransportError) -> None:
        """Have the driver drop the socket."""
        self.failure, self.attention = failure, True

    @property
    def outgoing(self) -> deque[bytes]:
        """Frames to send, in order; the driver removes each frame that it sends."""
        return self.requests.outgoing

    @property
    def is_settled(self) -> bool:
        """Whether frames arrive and every replayed subscription has an answer."""
        return self.is_open and self.last_received_ns > 0 and self.requests.is_settled

    def is_stream_current(self, channel: str) -> bool:
        """Return whether a private channel is subscribed, has begun, and has no open gap."""
        return self.is_open and self.resyncs.is_current(Topic(channel, None, ""))

    def rates(self) -> dict[str, float]:
        """Return `frames` and `bytes` per second over the last few seconds."""
        return self._rates.per_second("frames", "bytes")

    def connection_made(self, now: float) -> None:
        """Begin with a new socket: reset books and sequences, and replay subscriptions."""
        self.engine.reset()
        self._numbers.reset()
        self.is_open, self._opened_at = True, now
        self.gaps.epoch += 1
        self.failure = None
        self.last_received_ns = 0
        self._paused = False
        self.keepalive.reset(now)
        self._last_ping = None
        self._ping_if_due(now)
        for part in self._parts:
            part.connection_made(now)
        self._rebuild_routes()
        self._after(now)

    def connection_lost(
        self, error: TransportError, now_ns: int, cause: str = "disconnect"
    ) -> None:
        """Handle the loss of the socket: pending requests fail, and a gap begins."""
        if self.is_open:
            with isolated("recording the gap"):
                self._open_gap(now_ns, cause)
        self.is_open = False
        self._watch.forget()
        self._rates.forget()
        if self.system_status is not None:
            self.is_after_maintenance = self.system_status == SystemState.MAINTENANCE
        self.system_status = self.connection_id = None
        self.engine.reset()
        for part in reversed(self._parts):
            with isolated(f"{type(part).__name__}.connection_lost"):
                part.connection_lost(error)
        with isolated("the callback for a lost socket"):
            self._on_lost()

    def give_up(self, error: BaseException) -> None:
        """End for good: pending requests fail, and an open gap is reported without an end."""
        self.requests.fail_all(error)
        self.gaps.give_up()

    def clear(self) -> None:
        """Forget all subscriptions and gaps: the user disconnected."""
        self.gaps.forget()
        self.registry.clear()
        self._rebuild_routes()

    def check_pause(self, now: float, now_ns: int) -> None:
        """Report a pause if the process did not run for a while; call it before `tick`."""
        if self.is_open and self._rates.is_due(now):
            self._rates.add(now, self.engine.counters())
        since_ns = self._watch.check(now, now_ns) if self.is_open else None
        if since_ns is not None and not (self._paused and self._ran_until_pause(since_ns)):
            logger.warning("nothing was read for %.1f s", (now_ns - since_ns) / 1e9)
            self._excuse(now)
            self.gaps.pause(since_ns, now_ns)

    def tick(self, now: float) -> None:
        """Do the work that is due."""
        if not self.is_open:
            return
        if now - self._planned > Keepalive.STALL:
            # This comes late, so frames that arrived meanwhile are not read yet.
            self._excuse(now)
        for part in self._active:
            part.tick(now)
        if not self._paused:
            self.keepalive.count_frames(self._data_frames(), now)
            self.failure = (
                self.failure or self.keepalive.failure(self.url, now) or self.requests.failure
            )
        if now >= self._gate.deadline():
            self._pass_overdue()
        self._ping_if_due(now)
        self._after(now)

    @property
    def _active(self) -> tuple[Part, ...]:
        """The parts to call; while nothing is read, the others must not act on silence."""
        return self._senders if self._paused else self._parts

    def deadline(self, now: float) -> float:
        """Return when to call `tick`; infinity without a socket."""
        if not self.is_open:
            self._planned = inf
        else:
            times = [part.deadline(now) for part in self._active]
            self._planned = min(self.keepalive.deadline(), self._gate.deadline(), *times)
        return min(self._planned, self._watch.due)

    def is_overtaken(self, now: float) -> bool:
        """Return whether the answer to an order brings work before the last `deadline`."""
        if self.outgoing or self.failure is not None or self.token_deadline <= now:
            return True
        due = min(self.trading.deadline(now), self.private_streams.deadline(now))
        return due < min(self._planned, self._watch.due)

    def pause(self) -> None:
        """Expect no frames until `resume`: the driver has stopped reading."""
        self._paused = True
        self.keepalive.pause()
        self.requests.pause()

    def _ran_until_pause(self, since_ns: int) -> bool:
        """Return whether the process stood still only after `pause`, which `resume` reports."""
        return self.last_received_ns - since_ns <= PauseWatch.BOUND * 1e9

    def resume(self, now: float) -> None:
        """Expect frames again; a longer pause is reported."""
        if self._paused:
            self._paused = False
            since_ns = self.last_received_ns
            # Either clock may have stood still or been set back, and `excuse` changes `heard`.
            silence_ns = int((now - self.keepalive.heard) * 1e9)
            until_ns = max(since_ns + silence_ns, self._watch.wall_time(now))
            if until_ns - since_ns > PauseWatch.BOUND * 1e9:
                self.gaps.pause(since_ns, until_ns)
            self.keepalive.resume(now, self.GRACE)
            self.requests.resume()
            self._excuse(now)

    # The token.

    @property
    def token_deadline(self) -> float:
        """When to fetch a token: a time in the past for at once, infinity for never.

        A new socket gets a status first (page "Status"). One that is closed before must not cost a
        token, as token calls are limited.
        """
        if not self.is_open:
            return inf
        due = self.tokens.deadline(is_kept=self._has_private_stream())
        return due if self.last_received_ns else max(due, self._opened_at + self.FIRST_FRAME)

    def set_token(self, token: str, now: float, good_for: float = inf) -> None:
        """Set the token of this socket and send the requests that waited for it.

        It must be replaced after `good_for` seconds, unless a private subscription keeps it valid.
        """
        self.requests.token_arrived(token, now, good_for)
        self.trading.token_arrived(now)
        self._after(now)

    def token_failed(self, error: Exception, now: float, next_call_in: float = 0.0) -> None:
        """Handle a failed token fetch: callers get `error`, replays wait for the next fetch."""
        reason = error.error if isinstance(error, TokenAcquisitionError) else type(error).__name__
        self.tokens.postpone(now + next_call_in, reason)
        self.requests.token_failed(error)
        self.trading.token_failed(error)
        self._after(now)

    def token_delayed(self, reason: str, now: float, next_call_in: float) -> None:
        """Postpone the token fetch; callers wait until their timeout."""
        self.tokens.postpone(now + next_call_in, reason)
        self._after(now)

    # Calls of users.

    def subscribe(
        self,
        params: ChannelParams,
        sink: Sink,
        now: float,
        call: SubscribeCall | None = None,
    ) -> PendingRequest:
        """Subscribe; see `Requests.subscribe`."""
        request = self.requests.subscribe(params, sink, now, call)
        if not request.done and params.channel in ACCOUNT_CHANNELS:
            # If the exchange refused the stream before, the next attempt may be far away.
            self.resyncs.retry_now(Topic(params.channel, None, ""), now)
        self._after(now)
        return request

    def unsubscribe(
        self, params: ChannelParams, now: float, whole: ChannelParams | None = None
    ) -> PendingRequest:
        """Unsubscribe; see `Requests.unsubscribe`."""
        request = self.requests.unsubscribe(params, now, whole)
        self._after(now)
        return request

    def resync(self, symbol: str, now: float, channel: str = "book") -> PendingRequest:
        """Subscribe to a book again, even to a quarantined one.

        Without a socket the replay on the next one does it.

        Raises:
            KeyError: it is not subscribed.
        """
        subscription = self.registry.book(symbol, channel)
        if subscription is None:
            raise KeyError(f"not subscribed to {channel} of {symbol}")
        request = self.resyncs.restart(subscription, now, is_open=self.is_open)
        self._gate_of(subscription.topic).on_invalid(symbol, self.last_received_ns)
        self._after(now)
        return request

    def refresh(self, channel: str, now: float) -> None:
        """Subscribe to a private stream again, to get its snapshot.

        A stream that waits for its next attempt is subscribed at once. Without a socket the replay
        on the next one brings the snapshot.
        """
        if self.is_open:
            self.resyncs.refresh(Topic(channel, None, ""), now)
            self._after(now)

    def abandon(self, request: PendingRequest, error: BaseException, now: float) -> None:
        """End a request whose caller no longer waits for it."""
        self.requests.abandon(request, error)
        self._after(now)

    def send(self, request: WSRequest) -> None:
        """Send a request as it is, but a ping without `params`: the exchange refuses them."""
        plain = request.to_dict()
        if request.method == "ping":
            plain.pop("params", None)
        elif request.method == "subscribe":
            self.registry.expect_strays(str(request.params.get("channel")))
            self._rebuild_routes()
        self.outgoing.append(encode(plain))
        self.attention = True

    # Handlers of the engine's events.

    def _on_status(self, message: WSDataMessage) -> None:
        """Store the state of the exchange.

        Raises:
            ValueError: the message has none; the last known state stays.
        """
        states = [status for status in message.data if isinstance(status, StatusData)]
        if any(status.system is None for status in states):
            raise ValueError("a status message has no 'system'")
        for status in states:
            self.system_status = status.system
            # The format of announcements is not documented.
            announced: Any = status.upcoming_maintenance or []
            self.upcoming_maintenance = announced if isinstance(announced, list) else [announced]
            if type(status.connection_id) is int:
                self.connection_id = status.connection_id
        self.attention = True
        self._outlet.put_event(message)

    def _on_heartbeat(self, heartbeat: HeartbeatMessage) -> None:
        self.keepalive.on_heartbeat()
        if self._options.deliver_heartbeats:
            self._unrouted(heartbeat)

    def _on_pong(self, pong: PongResponse) -> None:
        self.keepalive.on_pong(self.keepalive.heard)
        req_id, sent = self._last_ping or (None, None)
        if pong.req_id != req_id:
            sent = None
        self._exchange.learn(pong.time_in, pong.time_out, sent, self.keepalive.heard)

    def _on_response(self, response: WSResponse | WSErrorResponse) -> None:
        response = self.tokens.mask.reply(response)
        if self.trading.handle(response, self.keepalive.heard):
            self.attention = self.attention or self.is_overtaken(self.keepalive.heard)
            return
        self.attention = True
        self._exchange.learn(response.time_in, response.time_out, None, self.keepalive.heard)
        if self.requests.handle(response, self.keepalive.heard):
            self._after(self.keepalive.heard)
        elif response.method == "ping":
            # A refused ping is still an answer.
            self.keepalive.on_pong(self.keepalive.heard)
            self._log.warning("the exchange refused a ping: %s", response)
        else:
            if isinstance(response, WSErrorResponse) and type(response.req_id) is not int:
                self._on_unmatched_error(response)
            elif isinstance(response, WSResponse) and response.method == "unsubscribe":
                for topic in self.registry.named(response.result):
                    self._on_unsubscribed(topic)
            self._outlet.reply(response)

    def _on_unmatched_error(self, refusal: WSErrorResponse) -> None:
        """Add an error without a request id to the timeouts of the requests it may answer."""
        method, text = refusal.method, quoted(refusal)
        self._log.warning("the exchange refused a request without its req_id: %s: %s", method, text)
        remark = f"; meanwhile the exchange answered {text} without naming a request"
        about = None if method == "error" else method
        self.trading.remark(about, remark)
        self.requests.remark(about, remark)

    def _on_sequence_gap(self, event: SequenceGapEvent) -> None:
        self._log.warning(
            "gap in %s: expected %d, received %d", event.channel, event.expected, event.received
        )
        topic = Topic(event.channel, None, "")
        self.private_streams.gap_began(event.channel)
        self._put_event(topic, event)
        self._start_resync(topic, "sequence")

    def _on_checksum(self, event: BookChecksumEvent) -> None:
        if event.expected is None:
            self._log.warning("a message of %s of %s has no checksum", event.channel, event.symbol)
        else:
            self._log.warning(
                "%s of %s failed its checksum: expected %d, computed %d",
                event.channel,
                event.symbol,
                event.expected,
                event.computed,
            )
        topic = Topic(event.channel, None, event.symbol)
        if self._on_invalid_book(topic):
            self._put_event(topic, event)
        self._start_resync(topic, "resync")

    def _on_crossed(self, event: BookCrossedEvent) -> None:
        # Behind a gate, the published book reports it.
        topic = Topic(event.channel, None, event.symbol)
        if self._gate_of(topic) is OPEN:
            self._put_event(topic, event)

    def _on_invalid_frame(self, event: InvalidFrameEvent) -> None:
        event = self._without_tokens(event)
        self._log.warning(
            "unreadable frame of %s dropped: %s at byte %d (%s): %s",
            event.channel or "no known channel",
            event.kind,
            event.offset,
            event.place if len(event.frame) <= LOCATED else "in a long frame",
            head_of(event.frame),
        )
        self._outlet.put_event(event)
        self._resync_after_loss(event.channel)

    def _without_tokens(self, event: InvalidFrameEvent) -> InvalidFrameEvent:
        """Return the event with tokens masked in its frame, as a reply may repeat one."""
        text = event.frame.decode(errors="surrogateescape")
        if (hidden := self.tokens.mask.text(text)) == text:
            return event
        frame = hidden.encode(errors="surrogateescape")
        return event.__replace__(frame=frame, received_ns=event.received_ns)

    def _resync_after_loss(self, channel: str | None) -> None:
        """Resync the streams that a dropped message of this channel may belong to."""
        if channel in ACCOUNT_CHANNELS:
            self.private_streams.gap_began(channel)
            self._start_resync(Topic(channel, None, ""), "sequence")
        elif channel == "instrument":
            self.gaps.unreadable(channel, self.last_received_ns)
            self._start_resync(Topic(channel, None, ""), "resync")
        elif channel in BOOK_CHANNELS:
            for symbol, book in self.engine.books_of(channel).items():
                if book.state == "stale":
                    self._on_invalid_book(topic := Topic(channel, None, symbol))
                    self._start_resync(topic, "resync")
        else:
            self.gaps.unreadable(channel, self.last_received_ns)

    def _on_failure(self, event: Any, error: Exception) -> None:
        """Report an event whose handler raised, and resync its stream."""
        self.attention = True
        if type(event) is not WSDataMessage:
            # Replies are not logged: they may repeat a token.
            self._log.error("a %s could not be processed", type(event).__name__, exc_info=error)
            return
        frame = event.raw or b""
        self._log.error(
            "a message of %s could not be processed: %s",
            event.channel,
            head_of(frame),
            exc_info=error,
        )
        self._outlet.put_event(
            InvalidFrameEvent(frame, "type", 0, event.channel, received_ns=self.last_received_ns)
        )
        self._resync_after_loss(event.channel)

    def _gated(self, handler: Handler) -> Handler:
        gate = self._gate

        def pass_on(message: WSDataMessage) -> None:
            for event in gate.admit(message):
                if type(event) is WSDataMessage:
                    handler(event)
                else:
                    self._put_event(Topic("book", None, message.symbol or ""), event)
            if gate.leads and gate.deadline() < self._planned:
                self.attention = True

        return pass_on

    def _pass_overdue(self) -> None:
        """Deliver the book messages that the gate kept for long enough."""
        for event in self._gate.overdue():
            if type(event) is WSDataMessage:
                self._past_gate(event)
            else:
                self._put_event(Topic("book", None, getattr(event, "symbol", "")), event)
        self._settle()

    def _counted(self, channel: str, handler: Handler) -> Handler:
        """Return a handler that checks the sequence number of snapshots, then calls `handler`.

        A subscription counts from 1, beginning with its snapshot (page "Executions"). So a second
        snapshot with number 1 shows that the exchange restarted the stream: messages before it may
        be lost, and it replaces them. An expected snapshot with a higher number shows that messages
        before it are lost.
        """
        topic = Topic(channel, None, "")

        def handle(message: WSDataMessage) -> None:
            number = message.sequence
            is_cut = False
            if message.type == "snapshot" and number == 1:
                self._on_new_count(topic)
            elif message.type == "snapshot" and number is not None:
                is_cut = self.resyncs.awaits(topic)
            handler(message)
            if is_cut:
                assert number is not None
                self._on_sequence_gap(SequenceGapEvent(1, number, channel))

        return handle

    def _numbered(self, handler: Handler) -> Handler:
        """Return a handler that checks a number of the connection, then calls `handler`."""

        def handle(message: WSDataMessage) -> None:
            if (gap := self._numbers.follow(message)) is not None:
                self._on_sequence_gap(gap)
            handler(message)

        return handle

    def _on_new_count(self, topic: Topic) -> None:
        subscription = self.registry.get(topic)
        since_ns = self.staleness.last_ns(topic)
        if subscription is None or since_ns is None or not self.resyncs.is_current(topic):
            return
        if self.resyncs.is_under_way(topic):
            return
        self._log.warning("the exchange restarted %s without a request", topic)
        self.gaps.resynced(topic.channel, topic.symbol, "sequence", since_ns, self.last_received_ns)
        self.private_streams.gap_began(topic.channel)
        self.private_streams.subscribing(subscription)

    def _watched(self, handler: Handler) -> Handler:
        def watch(message: WSDataMessage) -> None:
            handler(message)
            if self.resyncs.observe(message, self.keepalive.heard):
                self.attention = True

        return watch

    # Callbacks of `Requests`.

    def _on_request_sent(self, outgoing: OutgoingRequest, now: float) -> None:
        if outgoing.method == "subscribe":
            for subscription in outgoing.topics.values():
                if outgoing.purpose != "resync":
                    self.resyncs.expect(subscription, now)
                self.private_streams.subscribing(subscription)
        elif outgoing.purpose == "resync":
            self.private_streams.resubscribing(outgoing.channel)

    def _on_request_answered(self, answer: Answer, now: float) -> None:
        outgoing, topic, response = answer.outgoing, answer.subscription.topic, answer.effective
        if outgoing.method == "subscribe":
            if isinstance(response, WSResponse):
                self.private_streams.subscribed(topic.channel, response.result)
            elif outgoing.purpose != "resync" and not answer.subscription.requests:
                self._outlet.reply(response)
        self.resyncs.on_answer(answer, now)
        if outgoing.method == "unsubscribe" and isinstance(answer.response, WSResponse):
            self._on_unsubscribed(topic)

    def _on_stream_dropped(self, topic: Topic) -> None:
        self.resyncs.forget(topic)

    def _on_private_gap(self, channel: str) -> None:
        self.private_streams.gap_began(channel)

    def _start_resync(self, topic: Topic, cause: str) -> None:
        self.resyncs.start(topic, cause, self.keepalive.heard)
        self._after(self.keepalive.heard)

    def _proven_ns(self, topic: Topic) -> int | None:
        """Return when the last message came that proves that no earlier one is missing."""
        if topic.channel in BOOK_CHANNELS:
            return self.engine.books_of(topic.channel).get_or_create(topic.symbol).verified_ns
        return self.staleness.last_ns(topic) if topic.channel in ACCOUNT_CHANNELS else None

    def _followed(self, handler: Handler) -> Handler:
        def handle(message: WSDataMessage) -> None:
            handler(message)
            # The message may have changed when the follower is due.
            self.attention = (
                self.attention or self.private_streams.deadline(self._heard) < self._planned
            )

        return handle

    def _on_invalid_book(self, topic: Topic) -> bool:
        """Handle a book that is invalid here; return whether it is on all connections."""
        since_ns = self._proven_ns(topic) or self.last_received_ns
        return self._gate_of(topic).on_invalid(topic.symbol, since_ns)

    def _on_resync_event(self, topic: Topic, event: Any) -> None:
        is_quarantine = type(event) is BookQuarantinedEvent
        if not is_quarantine or self._gate_of(topic).on_quarantined(topic.symbol):
            self._put_event(topic, event)

    def _on_silence(self, topic: Topic, seconds: float, last_ns: int | None) -> None:
        """Report a silent stream, unless another connection brings it."""
        if not self._gate_of(topic).on_silent(topic.symbol, last_ns):
            return
        logger.warning("%s has been silent for %.1f s", topic, seconds)
        interval = topic.identity if topic.channel == "ohlc" else None
        details = (topic.channel, topic.symbol, seconds, last_ns, interval, self.name)
        self._put_event(topic, StreamStaleEvent(*details, received_ns=self.last_received_ns))

    def _is_ahead(self, topic: Topic, last_ns: int) -> bool:
        """Return whether another connection brought newer messages of a book valid here."""
        has_newer = self._gate_of(topic).has_newer(topic.symbol, last_ns)
        return has_newer and self.engine.book(topic.symbol).is_valid

    def _on_unsubscribed(self, topic: Topic) -> None:
        """Subscribe again to a stream that the exchange has unsubscribed but is in the registry.

        The answer to an unsubscribe may come after the stream was subscribed again, and does not
        say which of the two was processed last.
        """
        if self.registry.get(topic) is None or self.resyncs.awaits(topic):
            return
        self._log.warning("%s was unsubscribed without a request", topic)
        is_private = topic.channel in ACCOUNT_CHANNELS
        if is_private:
            self.private_streams.gap_began(topic.channel)
        self._on_invalid_book(topic)
        self._start_resync(topic, "sequence" if is_private else "resync")

    def _on_silent_fault(self, topic: Topic) -> None:
        """Subscribe again to a silent book that is not silent on the other connection."""
        logger.warning("%s is silent on %s and not on the other connection", topic, self.name)
        self._on_invalid_book(topic)
        self.engine.books_of(topic.channel).invalidate(topic.symbol)
        self._start_resync(topic, "resync")

    def _put_event(self, topic: Topic, event: Any) -> None:
        """Deliver an event about a topic to its subscribers."""
        for sink in self.registry.sinks(topic) or [self._outlet]:
            sink.put_event(event)

    def _rebuild_routes(self) -> None:
        """Build the handlers of all channels again, if subscriptions or resyncs have changed.

        A message passes the last wrapper first: numbered, counted, observed, watched, followed,
        timed, gated.
        """
        watched = self.resyncs.watched
        basis = (self.registry.version, watched)
        if basis == self._routes_basis:
            return
        self._routes_basis = basis
        self.private_streams.end_unsubscribed()
        self._routes.rebuild(self.registry, self._outlet)
        self.staleness.rebuild(self.keepalive.heard)
        self._routes["status"] = self._on_status
        if self._gate is not OPEN and "book" in self._routes:
            self._past_gate = self._routes["book"]
            self._routes["book"] = self._gated(self._past_gate)
        for channel in self._routes.keys() - BOOK_CHANNELS - {"status"}:
            self._routes[channel] = self.staleness.timed(channel, self._routes[channel])
        for private in ACCOUNT_CHANNELS & self._routes.keys():
            self._routes[private] = self._followed(self._routes[private])
        for channel in watched & self._routes.keys():
            self._routes[channel] = self._watched(self._routes[channel])
        for channel, observe in self._observers:
            self._routes[channel] = _observed(observe, self._routes.get(channel, self._unrouted))
        for private in ACCOUNT_CHANNELS & self._routes.keys():
            self._routes[private] = self._counted(private, self._routes[private])
        for channel in COUNTED_BY_CONNECTION & self._routes.keys():
            self._routes[channel] = self._numbered(self._routes[channel])
        self._run_routes = self._routes.of_runs()

    def _after(self, now: float) -> None:
        """Wake the driver, and end the gap if everything is subscribed again."""
        self.attention = True
        if self.gaps.is_open and self.is_settled:
            logger.info("everything is subscribed again on %s", self.url)
            self.gaps.end(self.last_received_ns)

    def _ping_if_due(self, now: float) -> None:
        if self.keepalive.start_ping(now):
            req_id = self.requests.new_id()
            self._last_ping = req_id, now
            self.outgoing.append(orjson.dumps({"method": "ping", "req_id": req_id}))

    def _has_private_stream(self) -> bool:
        """Return whether a private subscription is confirmed: it keeps the token valid."""
        if self.tokens.token is None:
            return False
        return any(
            entry.state == "confirmed" and entry.topic.channel in ACCOUNT_CHANNELS
            for entry in self.registry
        )

    def _data_frames(self) -> int | None:
        """Return the number of frames other than pongs; `None` if none are expected.

        Heartbeats come with the first subscription (docs.kraken.com, page "Heartbeat").
        """
        if all(entry.state != "confirmed" for entry in self.registry):
            return None
        counters = self.engine.counters()
        return counters["frames"] - counters["pongs"]

    def _excuse(self, now: float) -> None:
        self.keepalive.excuse(now, self.GRACE)
        for part in self._parts:
            part.excuse(now, self.GRACE)

    def _gate_of(self, topic: Topic) -> Gate:
        """Return the gate of a stream's messages; only channel `book` may have one."""
        return self._gate if topic.channel == "book" else OPEN

    def _open_gap(self, now_ns: int, cause: str) -> None:
        since_ns = self.last_received_ns or now_ns
        self._gate.connection_lost(since_ns, cause)
        # If two connections bring the books, `Merge` records their gaps.
        self.gaps.begin(cause, since_ns, () if self._gate is OPEN else {"book"})

    def _on_resync_end(self, entry: Resync, success: bool) -> None:
        topic = entry.topic
        if self._gate_of(topic) is OPEN:
            end_ns = self.last_received_ns if success else None
            self.gaps.resynced(topic.channel, topic.symbol, entry.cause, entry.since_ns, end_ns)


def quoted(refusal: WSErrorResponse) -> str:
    """Return the text of a refusal in quotes, or that it has none."""
    error: object = refusal.error
    return repr(error[:HEAD]) if isinstance(error, str) else "without a text"


def head_of(frame: bytes) -> str:
    """Return the beginning of a frame, for the log."""
    return frame[:HEAD].decode(errors="replace")


def _isolated(follower: Follower) -> Follower:
    return cast(Follower, Isolated(follower, deadline=inf, check_due=inf, tick=False))


def _observed(observe: Handler, handler: Handler) -> Handler:
    def both(message: WSDataMessage) -> None:
        observe(message)
        handler(message)

    return both
