"""The state machine of one connection: frames and time in; frames, events and timers out.

It has no socket, no task and no clock. Its driver (`connection.py`) calls `receive` for each
frame and `tick` when `deadline()` has come, and looks at `outgoing`, `failure`, `wants_token` and
`deadline()` whenever `attention` is set. It lives as long as the client: `opened` and `lost` are
called once for each socket, so books and subscriptions outlive the sockets.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import orjson

from .._backend import Engine, WSDataMessage
from ..exceptions import TokenAcquisitionError, TransportError
from ..models import (
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
from .arbiter import Gate
from .constants import BOOK_CHANNELS, PRIVATE_CHANNELS, SystemState
from .encoding import encode
from .exchange_clock import ExchangeClock
from .holes import Holes
from .isolation import Isolated, isolated
from .keepers import Keeper
from .latency import LatencyHistogram
from .liveness import Liveness
from .options import SessionOptions
from .orders import Orders
from .pacing import Allowance
from .pauses import PauseWatch
from .rates import RateMeter
from .repair import Repair
from .requests import Requests
from .resync import Resync
from .routes import Routes, Take
from .seldom import SeldomLog
from .staleness import Staleness
from .stream_care import StreamCare
from .subscribe import SubscriptionParams
from .subscriptions import Ask, Outlet, Registry, Sink, Topic, Wish
from .token_desk import TokenDesk
from .trading_requests import TradingRequests

if TYPE_CHECKING:
    from .._backend import Event

__all__ = ["Session"]

logger = logging.getLogger(__name__)

#: Bytes of a frame that the log shows when it is dropped, and of a refusal in an error.
HEAD = 200
#: Bytes of the longest frame of which the log shows which value is wrong: finding it takes time.
LOCATED = 4096

_NEVER = float("inf")


class Session:
    """One connection's protocol.

    Args:
        url: where it connects.
        outlet: where everything goes that belongs to no subscription.
        options: how the protocol is spoken.
        has_token_source: whether tokens can be fetched.
        orders: the orders of the account.
        exchange: the exchange's clock, which replies teach.
        observers: by channel, what sees each message before it is delivered. A message at which
            one raises is dropped like a frame that cannot be read.
        keepers: by private channel, who keeps its state.
        allowance: what the connections of a client may spend on snapshots of `level3`.
        name: what it is called in the records of holes; its URL by default.
        gate: what its books pass on their way to subscribers, where two connections feed them.
        on_lost: called when a socket was lost, after its books turned unreadable.

    Attributes:
        url: where it connects.
        name: what it is called in the records of holes.
        engine: parser and books.
        registry: subscriptions.
        holes: what was missed.
        requests: subscribes and unsubscribes.
        care: what is done for the keepers.
        trading: orders and what happens to them.
        repair: streams that are asked for again.
        staleness: when each stream brought its last message.
        attention: whether something other than data happened; the driver resets it.
        failure: why the socket must be given up, if it must.
        is_open: whether there is a socket.
        system_status: state of the exchange's engine, `None` before the first status message.
        connection_id: the exchange's id of the connection.
        upcoming_maintenance: what the last status message announced.
        last_received_ns: local time of the last frame, nanoseconds since the epoch.
        is_after_maintenance: whether the last socket was lost while the exchange was under
            maintenance.
    """

    #: Seconds granted when it was this process that did not read.
    GRACE = 0.5

    def __init__(
        self,
        url: str,
        outlet: Outlet,
        options: SessionOptions | None = None,
        *,
        has_token_source: bool = False,
        orders: Orders | None = None,
        exchange: ExchangeClock | None = None,
        observers: Mapping[str, Take] | None = None,
        keepers: Mapping[str, Keeper] | None = None,
        allowance: Allowance | None = None,
        name: str = "",
        gate: Gate | None = None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self.name = name or url
        self.engine = Engine()
        self.registry = Registry()
        self.holes = Holes(self.name, self.registry, outlet.gap)
        self.attention = False
        self.failure: TransportError | None = None
        self.is_open = False
        self.system_status: str | None = None
        self.connection_id: int | None = None
        self.upcoming_maintenance: list[Any] = []
        self.last_received_ns = 0
        #: When the last frame came, monotonic seconds; no excuse changes it.
        self._heard = 0.0
        self.is_after_maintenance = False
        self._log = SeldomLog(logger)
        self._outlet = outlet
        self._gate = gate
        self._on_lost = on_lost
        self._options = options = options or SessionOptions()
        self._live = Liveness(
            options.ping_interval, options.ping_timeout, options.heartbeat_timeout
        )
        self._tokens = TokenDesk(has_token_source)
        self.requests = Requests(
            url,
            self.engine,
            self.registry,
            refused=outlet.reply,
            changed=self._rebuild_routes,
            timeout=options.request_timeout,
            tokens=self._tokens,
            allowance=allowance,
        )
        self._exchange = exchange = exchange or ExchangeClock()
        self.trading = TradingRequests(
            url,
            self.requests.outgoing,
            self._tokens,
            self.requests.new_id,
            timeout=options.request_timeout,
            orders=Orders(lambda: self._live.heard, exchange) if orders is None else orders,
            exchange=exchange,
            wall_ns=time.time_ns,
            order_deadline=options.order_deadline,
        )
        self.staleness = Staleness(
            self.registry,
            self.engine,
            math.inf if options.stale_after is None else options.stale_after,
            self._note_silence,
            is_ahead=self._is_ahead,
            broken=self._resume_silent,
            receiving=self,
        )
        self.repair = self.requests.repairs = Repair(
            self.requests,
            self.registry,
            self.engine,
            note=self._note_repair,
            silent=self.staleness.overdue,
            closed=self._repaired,
            changed=self._rebuild_routes,
            broken=self._broken,
            split_off=self.holes.split_off,
            attempts=options.resync_attempts,
            patience=options.request_timeout,
            now_ns=lambda: self.last_received_ns,
        )
        self._paused = False
        self._watch = PauseWatch()
        self._rates = RateMeter()
        self._pongs = 0
        #: Id of the last ping, and when it was sent.
        self._last_ping: tuple[int, float] | None = None
        self._planned = float("inf")
        self._routes = Routes()
        self._routes_basis: tuple[int, frozenset[str]] = (-1, frozenset())
        self._feed = self.engine.feed
        self._unrouted: Take = outlet.put
        self._past_gate: Take = outlet.put
        self._settle = outlet.settle
        keepers = dict(keepers or {})
        isolated = {
            name: cast(Keeper, Isolated(keeper, deadline=_NEVER, check_due=_NEVER))
            for name, keeper in keepers.items()
        }
        self.care = self.requests.care = StreamCare(isolated, self.registry, self.repair)
        # What these raise is told of, as their message is lost to them.
        self._observers = dict(observers or {})
        self._observers |= {name: keeper.observe for name, keeper in keepers.items()}
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
        """Take one text frame; its data is delivered when this returns what the engine said.

        Args:
            frame: the frame.
            received_ns: local time of its arrival, nanoseconds since the epoch.
            now: the same in the driver's monotonic seconds.
        """
        events = self._feed(frame, received_ns)
        self.take(events, received_ns, now)
        return events

    def take(self, events: list[Event], received_ns: int, now: float) -> None:
        """Take what the engine said about frames that arrived together; else like `receive`.

        An event that cannot be booked is reported and costs no other one.
        """
        self._live.heard = self._heard = now
        self.last_received_ns = received_ns
        routes = self._routes
        for event in events:
            try:
                if type(event) is WSDataMessage:
                    routes.get(event.channel, self._unrouted)(event)
                else:
                    self._handlers[type(event)](event)
            except Exception as error:  # noqa: BLE001 (whatever it was, reading must go on)
                self._not_booked(event, error)
        self._settle()

    # The driver.

    @property
    def outgoing(self) -> deque[bytes]:
        """Frames to send, in order; whoever sends them takes them out."""
        return self.requests.outgoing

    @property
    def is_settled(self) -> bool:
        """Whether the socket works and everything that was replayed has an answer."""
        return self.is_open and self.last_received_ns > 0 and self.requests.is_settled

    @property
    def latency(self) -> float | None:
        """Seconds that the last ping took, `None` before the first pong."""
        return self._live.latency

    @property
    def round_trips(self) -> LatencyHistogram:
        """What all pings took."""
        return self._live.round_trips

    @property
    def has_stale_stream(self) -> bool:
        """Whether something of a private stream was missed, and no snapshot came since."""
        return self.repair.has_stale_stream

    def is_stream_current(self, channel: str) -> bool:
        """Tell whether a private channel is subscribed here, has begun, and has no open gap."""
        return self.is_open and self.repair.is_current(Topic(channel, None, ""))

    def rates(self) -> dict[str, float]:
        """Return `frames` and `bytes` per second, of the last few seconds."""
        return self._rates.per_second("frames", "bytes")

    def opened(self, now: float) -> None:
        """Begin with a new socket: books and sequences start over, subscriptions are replayed."""
        self.engine.reset()
        self.is_open = True
        self.holes.epoch += 1
        self.failure = None
        self.last_received_ns = 0
        self._paused = False
        self._live.opened(now)
        self._last_ping = None
        self._ping_if_due(now)
        self.requests.opened(now)
        self.trading.opened()
        self._rebuild_routes()
        self._after(now)

    def lost(self, error: TransportError, now_ns: int, cause: str = "disconnect") -> None:
        """End with a socket: what waits fails, and the hole begins."""
        if self.is_open:
            with isolated("recording the gap"):
                self._open_hole(now_ns, cause)
        self.is_open = False
        for forget in (
            self.staleness.lost,
            self._watch.forget,
            self._rates.forget,
            self.care.broken,
        ):
            with isolated(forget.__qualname__):
                forget()
        if self.system_status is not None:
            self.is_after_maintenance = self.system_status == SystemState.MAINTENANCE
        self.system_status = self.connection_id = None
        self.engine.reset()
        # Trading comes before requests, as it must see what has not left.
        for lose in (self.repair.lost, self.trading.lost, self.requests.lost):
            with isolated(lose.__qualname__):
                lose(error)
        with isolated("telling of the lost socket"):
            self._on_lost()

    def ended(self, error: BaseException) -> None:
        """End for good: what waits fails, and an open hole is reported as such."""
        self.requests.fail(error)
        self.holes.give_up()

    def closed(self) -> None:
        """Forget everything, on the user's wish."""
        self.holes.forget()
        self.registry.clear()
        self._rebuild_routes()

    def look(self, now: float, now_ns: int) -> None:
        """Note that the process runs; comes before `tick` and `deadline`."""
        if self.is_open and self._rates.is_due(now):
            self._rates.look(now, self.engine.counters())
        since_ns = self._watch.look(now, now_ns) if self.is_open else None
        if since_ns is not None and not self._paused:
            logger.warning("nothing was read for %.1f s", (now_ns - since_ns) / 1e9)
            self._excuse(now)
            self.holes.pause(since_ns, now_ns)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if not self.is_open:
            return
        self._forgive_stall(now)
        if self._paused:
            self.requests.tick_unheard(now)
        else:
            self.requests.tick(now)
            self.repair.tick(now)
            self.care.tick(now, self._heard)
            self.staleness.tick(now)
            self._live.count(self._fed_frames(), now)
            self.failure = (
                self.failure or self._live.failure(self.url, now) or self.requests.failure
            )
        self.trading.tick(now)
        if self._gate is not None and now >= self._gate.deadline():
            self._pass_overdue(self._gate)
        self._ping_if_due(now)
        self._after(now)

    def deadline(self, now: float) -> float:
        """Return when to call `tick`; infinity without a socket."""
        if not self.is_open:
            self._planned = float("inf")
        else:
            self._planned = min(self._live.deadline(), self.trading.deadline())
            if self._gate is not None:
                self._planned = min(self._planned, self._gate.deadline())
            if self._paused:
                self._planned = min(self._planned, self.requests.deadline_unheard(now))
            else:
                self._planned = min(
                    self._planned,
                    self.requests.deadline(now),
                    self.repair.deadline(),
                    self.care.deadline(),
                    self.staleness.deadline(),
                )
        return min(self._planned, self._watch.due)

    def paused(self) -> None:
        """Note that frames are not read for a while, so silence means nothing."""
        self._paused = True
        self._live.pause()

    def resumed(self, now: float) -> None:
        """Note that frames are read again."""
        if self._paused:
            self._paused = False
            silence = now - self._live.heard
            if silence > PauseWatch.BOUND:
                since_ns = self.last_received_ns
                self.holes.pause(since_ns, since_ns + int(silence * 1e9))
            self._live.resume(now, self.GRACE)
            self._excuse(now)

    # The token.

    @property
    def token_deadline(self) -> float:
        """When to fetch a token: a time in the past if at once, infinity if not."""
        if not self.is_open:
            return float("inf")
        return self._tokens.deadline(is_kept=self._has_private_stream())

    @property
    def wants_token(self) -> bool:
        """Whether something waits for a token."""
        return self._tokens.is_wanted

    @property
    def token_refused(self) -> bool:
        """Whether the exchange refused the token of this socket."""
        return self._tokens.refused

    def token_problem(self, now: float) -> str | None:
        """Say why a private request could not be sent at once for want of a token."""
        if self._tokens.token is not None or not self._tokens.has_source:
            return None
        return self._tokens.problem(now)

    def masked(self, text: str) -> str:
        """Return a text in which the tokens of this connection are hidden."""
        return self._tokens.mask.text(text)

    def take_refused_token(self) -> str | None:
        """Return the token that the exchange refused since the last call, if it did."""
        return self._tokens.take_refused()

    def set_token(self, token: str, now: float, good_for: float = float("inf")) -> None:
        """Take the token of this socket and send what waited for it.

        Args:
            token: the token.
            now: monotonic seconds.
            good_for: seconds until it should be replaced, unless a private subscription keeps it.
        """
        self.requests.token_arrived(token, now, good_for)
        self.trading.token_arrived(now)
        self._after(now)

    def token_failed(self, error: Exception, now: float, next_call_in: float = 0.0) -> None:
        """Note that a token was not to be had: callers fail, replays wait for the next try.

        Args:
            error: what the callers get.
            now: monotonic seconds.
            next_call_in: seconds until the next try.
        """
        reason = error.error if isinstance(error, TokenAcquisitionError) else type(error).__name__
        self._tokens.postpone(now + next_call_in, reason)
        self.requests.token_failed(error)
        self.trading.token_failed(error)
        self._after(now)

    def token_delayed(self, reason: str, now: float, next_call_in: float) -> None:
        """Note that it is too early to fetch a token: callers wait, as long as they want to."""
        self._tokens.postpone(now + next_call_in, reason)
        self._after(now)

    # What callers want.

    def subscribe(
        self, params: SubscriptionParams, sink: Sink, now: float, wish: Wish | None = None
    ) -> Ask:
        """Ask for `params`; see `Requests.subscribe`."""
        ask = self.requests.subscribe(params, sink, now, wish)
        if not ask.done and params.channel in PRIVATE_CHANNELS:
            # The exchange refused the stream lately, and the next attempt may be far.
            self.repair.hurry(Topic(params.channel, None, ""), now)
        self._after(now)
        return ask

    def unsubscribe(
        self, params: SubscriptionParams, now: float, whole: SubscriptionParams | None = None
    ) -> Ask:
        """End `params`; see `Requests.unsubscribe`."""
        ask = self.requests.unsubscribe(params, now, whole)
        self._after(now)
        return ask

    def resync(self, symbol: str, now: float, channel: str = "book") -> Ask:
        """Ask for a book again, also for one that was given up; without a socket, with the next.

        Raises:
            KeyError: it is not subscribed.
        """
        subscription = self.registry.book(symbol, channel)
        if subscription is None:
            raise KeyError(f"not subscribed to {channel} of {symbol}")
        ask = self.repair.release(subscription, now, is_open=self.is_open)
        if self._gate is not None and channel == "book":
            self._gate.unsound(symbol, self.last_received_ns)
        self._after(now)
        return ask

    def refresh(self, channel: str, now: float) -> None:
        """Ask for a private stream again, for the sake of its snapshot.

        A stream that the exchange refused, or that is silent, is asked for at once. Without a
        socket the next one brings it anyway.
        """
        if self.is_open:
            self.repair.refresh(Topic(channel, None, ""), now)
            self._after(now)

    def abandon(self, ask: Ask, error: BaseException, now: float) -> None:
        """End an ask that nobody waits for any more."""
        self.requests.abandon(ask, error)
        self._after(now)

    def send(self, request: WSRequest) -> None:
        """Send a request as it is; a ping loses its `params`, which the exchange refuses."""
        plain = request.to_dict()
        if request.method == "ping":
            plain.pop("params", None)
        elif request.method == "subscribe":
            self.registry.expect_strays(str(request.params.get("channel")))
            self._rebuild_routes()
        self.outgoing.append(encode(plain))
        self.attention = True

    # What frames say.

    def _on_status(self, message: WSDataMessage) -> None:
        """Take the state of the exchange.

        Raises:
            ValueError: there is none, so that the last one known goes on.
        """
        states = [status for status in message.data if isinstance(status, StatusData)]
        if any(status.system is None for status in states):
            raise ValueError("a status message has no 'system'")
        for status in states:
            self.system_status = status.system
            # What an announcement looks like is not documented.
            announced: Any = status.upcoming_maintenance or []
            self.upcoming_maintenance = announced if isinstance(announced, list) else [announced]
            if type(status.connection_id) is int:
                self.connection_id = status.connection_id
        self.attention = True
        self._outlet.note(message)

    def _on_heartbeat(self, heartbeat: HeartbeatMessage) -> None:
        self._live.beat()
        if self._options.deliver_heartbeats:
            self._unrouted(heartbeat)

    def _on_pong(self, pong: PongResponse) -> None:
        self._pongs += 1
        self._live.pong(self._live.heard)
        req_id, sent = self._last_ping or (None, None)
        if pong.req_id != req_id:
            sent = None
        self._exchange.learn(pong.time_in, pong.time_out, sent, self._live.heard)

    def _on_response(self, response: WSResponse | WSErrorResponse) -> None:
        self.attention = True
        response = self._tokens.mask.reply(response)
        if self.trading.take(response, self._live.heard):
            return
        self._exchange.learn(response.time_in, response.time_out, None, self._live.heard)
        if self.requests.take(response, self._live.heard):
            self._after(self._live.heard)
        elif response.method == "ping":
            # A refused ping is a sign of life all the same.
            self._live.pong(self._live.heard)
            self._log.warning("the exchange refused a ping: %s", response)
        else:
            if isinstance(response, WSErrorResponse) and type(response.req_id) is not int:
                self._names_no_request(response)
            self._outlet.reply(response)

    def _names_no_request(self, refusal: WSErrorResponse) -> None:
        """Tell of an error that may be the only answer to a request: its timeout will name it."""
        method, text = refusal.method, said(refusal)
        self._log.warning("the exchange refused a request without naming it: %s: %s", method, text)
        remark = f"; meanwhile the exchange answered {text} without naming a request"
        about = None if method == "error" else method
        self.trading.remark(about, remark)
        self.requests.remark(about, remark)

    def _on_sequence_gap(self, event: SequenceGapEvent) -> None:
        self._log.warning(
            "gap in %s: expected %d, received %d", event.channel, event.expected, event.received
        )
        topic = Topic(event.channel, None, "")
        self.care.broken(event.channel)
        self._note(topic, event)
        self._needs_repair(topic, "sequence")

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
        if self._is_lost_by(topic):
            self._note(topic, event)
        self._needs_repair(topic, "resync")

    def _on_crossed(self, event: BookCrossedEvent) -> None:
        # With a gate it is what comes out of that which counts.
        if self._gate is None or event.channel != "book":
            self._note(Topic(event.channel, None, event.symbol), event)

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
        self._outlet.note(event)
        self._made_up_for(event.channel)

    def _without_tokens(self, event: InvalidFrameEvent) -> InvalidFrameEvent:
        """Return an event whose frame repeats no token, as a reply may; mostly the same object."""
        text = event.frame.decode(errors="surrogateescape")
        if (hidden := self._tokens.mask.text(text)) == text:
            return event
        frame = hidden.encode(errors="surrogateescape")
        return event.__replace__(frame=frame, received_ns=event.received_ns)

    def _made_up_for(self, channel: str | None) -> None:
        """Ask for what a message that was dropped may have changed."""
        if channel in PRIVATE_CHANNELS:
            self.care.broken(channel)
            self._needs_repair(Topic(channel, None, ""), "sequence")
        elif channel == "instrument":
            self.holes.unreadable(channel, self.last_received_ns)
            self._needs_repair(Topic(channel, None, ""), "resync")
        elif channel in BOOK_CHANNELS:
            for symbol, book in self.engine.books_of(channel).items():
                if book.state == "stale":
                    self._is_lost_by(topic := Topic(channel, None, symbol))
                    self._needs_repair(topic, "resync")
        else:
            self.holes.unreadable(channel, self.last_received_ns)

    def _not_booked(self, event: Any, error: Exception) -> None:
        """Report an event at which the bookkeeping failed; what it was about is asked for again."""
        self.attention = True
        if type(event) is not WSDataMessage:
            # Replies are not shown: they may repeat a token.
            self._log.error("a %s could not be booked", type(event).__name__, exc_info=error)
            return
        frame = event.raw or b""
        self._log.error(
            "a message of %s could not be booked: %s",
            event.channel,
            head_of(frame),
            exc_info=error,
        )
        self._outlet.note(
            InvalidFrameEvent(frame, "type", 0, event.channel, received_ns=self.last_received_ns)
        )
        self._made_up_for(event.channel)

    def _gated(self, take: Take, gate: Gate) -> Take:
        def pass_on(message: WSDataMessage) -> None:
            for event in gate.admit(message):
                if type(event) is WSDataMessage:
                    take(event)
                else:
                    self._note(Topic("book", None, message.symbol or ""), event)
            if gate.leads and gate.deadline() < self._planned:
                self.attention = True

        return pass_on

    def _pass_overdue(self, gate: Gate) -> None:
        """Deliver what was kept back for long enough."""
        for event in gate.overdue():
            if type(event) is WSDataMessage:
                self._past_gate(event)
            else:
                self._note(Topic("book", None, getattr(event, "symbol", "")), event)
        self._settle()

    def _counted(self, channel: str, take: Take) -> Take:
        """Notice where the exchange began to count.

        Each subscription counts from 1, with its snapshot (page "Executions"). Of a snapshot that
        nobody asked for, what came before it and after the last message that was read is lost, and
        it makes up for that. One that was asked for and begins later has lost its first message.
        """
        topic = Topic(channel, None, "")

        def note(message: WSDataMessage) -> None:
            number = message.sequence
            is_cut = False
            if message.type == "snapshot" and number == 1:
                self._begins_anew(topic)
            elif message.type == "snapshot" and number is not None:
                is_cut = self.repair.awaits(topic)
            take(message)
            if is_cut:
                assert number is not None
                self._on_sequence_gap(SequenceGapEvent(1, number, channel))

        return note

    def _begins_anew(self, topic: Topic) -> None:
        subscription = self.registry.get(topic)
        since_ns = self.staleness.last_ns(topic)
        if subscription is None or since_ns is None or not self.repair.is_current(topic):
            return
        if self.repair.is_under_way(topic):
            return
        self._log.warning("%s began anew unasked", topic)
        self.holes.repaired(
            topic.channel, topic.symbol, "sequence", since_ns, self.last_received_ns
        )
        self.care.broken(topic.channel)
        self.care.asked(subscription, self._live.heard)

    def _watched(self, take: Take) -> Take:
        def watch(message: WSDataMessage) -> None:
            take(message)
            if self.repair.watch(message, self._live.heard):
                self.attention = True

        return watch

    # Inner workings.

    def _broken(self, channel: str) -> None:
        """Let a channel's keepers know that messages may be missing."""
        self.care.broken(channel)

    def _needs_repair(self, topic: Topic, cause: str) -> None:
        self.repair.needed(topic, cause, self._live.heard, self._trusted_ns(topic))
        self._after(self._live.heard)

    def _trusted_ns(self, topic: Topic) -> int | None:
        """Return when the last message of a stream came that shows no hole before it."""
        if topic.channel in BOOK_CHANNELS:
            return self.engine.books_of(topic.channel).get_or_create(topic.symbol).verified_ns
        return self.staleness.last_ns(topic) if topic.channel in PRIVATE_CHANNELS else None

    def _attentive(self, take: Take) -> Take:
        def note(message: WSDataMessage) -> None:
            take(message)
            # A keeper may have something to do because of it.
            self.attention = self.attention or self.care.deadline() < self._planned

        return note

    def _is_lost_by(self, topic: Topic) -> bool:
        """Tell whether a book that is not sound here can be read nowhere."""
        if self._gate is None or topic.channel != "book":
            return True
        return self._gate.unsound(topic.symbol, self._trusted_ns(topic) or self.last_received_ns)

    def _note_repair(self, topic: Topic, event: Any) -> None:
        is_end = type(event) is BookQuarantinedEvent
        is_gated = self._gate is not None and topic.channel == "book"
        if self._gate is None or not (is_gated and is_end) or self._gate.given_up(topic.symbol):
            self._note(topic, event)

    def _note_silence(self, topic: Topic, seconds: float, last_ns: int | None) -> None:
        """Tell of a stream that brings nothing, unless another connection brings it."""
        is_gated = self._gate is not None and topic.channel == "book"
        if self._gate is not None and is_gated and not self._gate.silent(topic.symbol, last_ns):
            return
        logger.warning("%s has been silent for %.1f s", topic, seconds)
        interval = topic.identity if topic.channel == "ohlc" else None
        place = (topic.channel, topic.symbol, seconds, last_ns, interval, self.name)
        self._note(topic, StreamStaleEvent(*place, received_ns=self.last_received_ns))

    def _is_ahead(self, topic: Topic, last_ns: int) -> bool:
        """Tell whether another connection brought more of a book that looks sound here."""
        if (
            self._gate is None
            or topic.channel != "book"
            or not self.engine.book(topic.symbol).is_valid
        ):
            return False
        return self._gate.has_newer(topic.symbol, last_ns)

    def _resume_silent(self, topic: Topic) -> None:
        """Subscribe again to a book that another connection goes on bringing."""
        logger.warning("%s is silent on %s and not on the other connection", topic, self.name)
        self._is_lost_by(topic)
        self.engine.books_of(topic.channel).invalidate(topic.symbol)
        self._needs_repair(topic, "resync")

    def _note(self, topic: Topic, event: Any) -> None:
        """Say something about a topic, to those who subscribed to it."""
        for sink in self.registry.sinks(topic) or [self._outlet]:
            sink.note(event)

    def _rebuild_routes(self) -> None:
        """Work out the routes anew, if what they depend on has changed."""
        watched = self.repair.watched
        basis = (self.registry.version, watched)
        if basis == self._routes_basis:
            return
        self._routes_basis = basis
        self.care.changed()
        self._routes.rebuild(self.registry, self._outlet)
        self.staleness.rebuild(self._live.heard)
        self._routes["status"] = self._on_status
        if self._gate is not None and "book" in self._routes:
            self._past_gate = self._routes["book"]
            self._routes["book"] = self._gated(self._past_gate, self._gate)
        for channel in self._routes.keys() - BOOK_CHANNELS - {"status"}:
            self._routes[channel] = self.staleness.noted(channel, self._routes[channel])
        for private in PRIVATE_CHANNELS & self._routes.keys():
            self._routes[private] = self._attentive(self._routes[private])
        for channel in watched & self._routes.keys():
            self._routes[channel] = self._watched(self._routes[channel])
        for channel, see in self._observers.items():
            self._routes[channel] = _seen_by(see, self._routes.get(channel, self._unrouted))
        for private in PRIVATE_CHANNELS & self._routes.keys():
            self._routes[private] = self._counted(private, self._routes[private])

    def _after(self, now: float) -> None:
        """Draw the consequences of a change."""
        self.attention = True
        if self.holes.is_open and self.is_settled:
            logger.info("everything is subscribed again on %s", self.url)
            self.holes.end(self.last_received_ns)

    def _ping_if_due(self, now: float) -> None:
        if self._live.wants_ping(now):
            req_id = self.requests.new_id()
            self._last_ping = req_id, now
            self.outgoing.append(orjson.dumps({"method": "ping", "req_id": req_id}))

    def _has_private_stream(self) -> bool:
        """Tell whether a private subscription is in force, which keeps its token good."""
        if self._tokens.token is None:
            return False
        return any(
            entry.state == "confirmed" and entry.topic.channel in PRIVATE_CHANNELS
            for entry in self.registry
        )

    def _fed_frames(self) -> int | None:
        """Return how many frames other than pongs came, `None` where none need come.

        Heartbeats come with the first subscription (docs.kraken.com, page "Heartbeat").
        """
        if all(entry.state != "confirmed" for entry in self.registry):
            return None
        return self.engine.counters()["frames"] - self._pongs

    def _forgive_stall(self, now: float) -> None:
        """When this is called much too late, frames that came meanwhile are not read yet."""
        if now - self._planned > Liveness.STALL:
            self._excuse(now)

    def _excuse(self, now: float) -> None:
        self._live.excuse(now, self.GRACE)
        self.requests.excuse(now, self.GRACE)
        self.trading.excuse(now, self.GRACE)
        self.repair.excuse(now, self.GRACE)
        self.staleness.excuse(now)

    def _open_hole(self, now_ns: int, cause: str) -> None:
        since_ns = self.last_received_ns or now_ns
        if self._gate is None:
            self.holes.begin(cause, since_ns, ())
        else:
            # What passes the gate has another leg, and its own record of holes.
            self._gate.lost(since_ns, cause)
            self.holes.begin(cause, since_ns, {"book"})

    def _repaired(self, entry: Resync, sound: bool) -> None:
        topic = entry.topic
        if self._gate is not None and topic.channel == "book":
            return
        end_ns = self.last_received_ns if sound else None
        self.holes.repaired(topic.channel, topic.symbol, entry.cause, entry.since_ns, end_ns)


def said(refusal: WSErrorResponse) -> str:
    """Return the exchange's text of a refusal, quoted, or the lack of one in words."""
    error: object = refusal.error
    return repr(error[:HEAD]) if isinstance(error, str) else "without a text"


def head_of(frame: bytes) -> str:
    """Return the beginning of a frame for the log."""
    return frame[:HEAD].decode(errors="replace")


def _seen_by(see: Take, take: Take) -> Take:
    def both(message: WSDataMessage) -> None:
        see(message)
        take(message)

    return both
