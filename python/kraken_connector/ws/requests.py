"""Subscribing and unsubscribing on one connection: from a caller's wish to the last answer.

Like the whole session it has no socket and no clock. What is to be sent collects in `outgoing`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from .._backend import Engine
from ..exceptions import ConnectionLost, RequestTimeout, SubscriptionError, TransportError
from ..models import WSErrorResponse, WSResponse
from ..refusals import is_stale_token
from .constants import (
    BOOK_CHANNELS,
    PRIVATE_CHANNELS,
    RATE_EXCEEDED,
    REPLAY_BATCH,
    SNAPSHOTS_EXCEEDED,
)
from .flights import Flight, Flights, Purpose, says
from .isolation import isolated
from .pacing import Allowance
from .subscribe import BookParams, Level3Params, SubscriptionParams
from .subscriptions import (
    Ask,
    Registry,
    Sink,
    Subscription,
    SymbolState,
    Topic,
    Wish,
    topics_of,
)
from .token_desk import TokenDesk

__all__ = ["Care", "Repairs", "Requests"]

logger = logging.getLogger(__name__)

#: How often a message that met the message limit, or a replay without an answer, is sent.
MAX_TRIES = 6


class Repairs(Protocol):
    """Who asks for streams again, as far as requests concern it."""

    def answered(
        self, method: str, topic: Topic, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        """Take the answer to a message of purpose `resync`."""

    def needed(self, topic: Topic, cause: str, now: float) -> None:
        """Begin to ask for a stream again."""

    def forget(self, topic: Topic) -> None:
        """Stop: nobody wants the stream any more."""

    def expect(self, subscription: Subscription, now: float) -> None:
        """Begin to wait for the first message of a subscription that is being sent."""

    def confirmed(self, topic: Topic, now: float) -> None:
        """Note that a subscription is accepted."""

    def refused(self, topic: Topic, now: float) -> None:
        """Note that a stream which was there before did not come back."""


class Care(Protocol):
    """Who keeps the state of streams, as far as requests concern it."""

    def asked(self, subscription: Subscription, now: float) -> None:
        """Note that a subscribe is being sent."""

    def acked(self, channel: str, result: object) -> None:
        """Note the answer to a subscribe."""

    def leaving(self, channel: str) -> None:
        """Note that an unsubscribe is being sent, to subscribe again."""


class Requests:
    """The subscribe and unsubscribe messages of one connection.

    Attributes:
        outgoing: frames to send, in order.
        failure: why the socket must be given up, if it must.
        tokens: the token of this connection and what waits for it.
    """

    def __init__(
        self,
        url: str,
        engine: Engine,
        registry: Registry,
        refused: Callable[[WSErrorResponse], None],
        changed: Callable[[], None],
        *,
        timeout: float,
        tokens: TokenDesk,
        allowance: Allowance | None = None,
    ) -> None:
        self.outgoing: deque[bytes] = deque()
        self.failure: TransportError | None = None
        self.tokens = tokens
        self.repairs: Repairs | None = None
        self.care: Care | None = None
        self._url = url
        self._engine = engine
        self._registry = registry
        self._refused = refused
        self._changed = changed
        self._timeout = timeout
        self._flights = Flights(allowance)
        self._asks: set[Ask] = set()
        self._unsettled: set[Topic] = set()
        self._open = False

    @property
    def is_settled(self) -> bool:
        """Whether everything that a new connection replays has an answer."""
        return self._open and not self._unsettled

    def new_id(self) -> int:
        """Return an id for a message that is not ours to match."""
        return self._flights.new_id()

    # What callers want.

    def subscribe(
        self, params: SubscriptionParams, sink: Sink, now: float, wish: Wish | None = None
    ) -> Ask:
        """Ask for `params`, as far as it is not subscribed; without a socket, with the next one.

        Args:
            params: what to ask for here.
            sink: where its events go.
            now: the time.
            wish: the whole call, where it is for several connections.

        Raises:
            SubscriptionError: a book is subscribed with another depth.
        """
        topics, fresh = self._registry.add(params, sink, wish)
        ask = Ask("subscribe", topics)
        for topic in topics:
            subscription = self._registry.get(topic)
            assert subscription is not None
            if subscription.state == "pending":
                ask.outstanding.add(topic)
                ask.req_id = subscription.req_id or None
                subscription.asks.append(ask)
            elif subscription.ack is not None:
                ask.answer(topic, subscription.ack)
        self._changed()
        self._track(ask, now)
        if self._open:
            self._launch("subscribe", fresh, "ask", now)
        return ask

    def keep(self, params: SubscriptionParams, sink: Sink, now: float, wish: Wish) -> None:
        """Want `params` from here on, whatever became of asking for it: another leg has it."""
        if any(self._registry.get(topic) is None for topic in topics_of(params)):
            _, fresh = self._registry.add(params, sink, wish)
            self._changed()
            if self._open:
                self._launch("subscribe", fresh, "replay", now)
        for topic in topics_of(params):
            if (subscription := self._registry.get(topic)) is not None:
                subscription.is_standing = True

    def unsubscribe(
        self, params: SubscriptionParams, now: float, whole: SubscriptionParams | None = None
    ) -> Ask:
        """End a subscription, or the named symbols of all subscriptions.

        Args:
            params: what to end here.
            now: the time.
            whole: the whole call, where it is for several connections.

        Raises:
            KeyError: it is not subscribed.
        """
        unwanted = self._registry.release(params, whole)
        ask = Ask("unsubscribe", [subscription.topic for subscription in unwanted])
        leaving = []
        for subscription in unwanted:
            if not self._open or subscription.state == "rejected":
                self._withdraw(subscription)
                continue
            subscription.state = "unsubscribing"
            subscription.asks.append(ask)
            ask.outstanding.add(subscription.topic)
            leaving.append(subscription)
        self._track(ask, now)
        self._launch("unsubscribe", leaving, "ask", now)
        self._changed()
        return ask

    def _drop(self, subscription: Subscription) -> None:
        self._registry.drop(subscription)
        if self._registry.get(subscription.topic) is None:
            self._unsettled.discard(subscription.topic)
            if self.repairs is not None:
                self.repairs.forget(subscription.topic)

    def _withdraw(self, subscription: Subscription) -> None:
        """Forget what the exchange does not know of; those who wait for it are told."""
        self._drop(subscription)
        name = subscription.topic.name
        for ask in list(subscription.asks):
            text = "unsubscribed before it was subscribed"
            self.abandon(ask, SubscriptionError(f"{name}: {text}", rejected={name: text}))

    def abandon(self, ask: Ask, error: BaseException) -> None:
        """End an ask without an answer; what nobody else waits for is given up with it.

        What was sent of it is unsubscribed: should its answer be lost, its data would never end.
        """
        unwanted = []
        for topic in list(ask.outstanding):
            subscription = self._registry.get(topic)
            if subscription is None or ask not in subscription.asks:
                continue
            subscription.asks.remove(ask)
            if _is_orphan(subscription):
                self._drop(subscription)
                if self._open and self._flights.is_out("subscribe", topic):
                    unwanted.append(subscription)
            elif subscription.state == "unsubscribing":
                subscription.state = "confirmed"
        if unwanted:
            # The next tick sends it, which is due at once.
            self._flights.enqueue(Flight("unsubscribe", unwanted, "cleanup"))
        self._asks.discard(ask)
        self._changed()
        ask.fail(error)

    def is_waiting(self, topic: Topic) -> bool:
        """Tell whether a message about a topic stands in line, or waits for a token."""
        is_held = any(topic in flight.topics for flight in self.tokens.waiting)
        return is_held or self._flights.is_waiting(topic)

    def resubscribe(self, method: str, subscription: Subscription, now: float) -> None:
        """Send one message of a stream that is asked for again."""
        self._launch(method, [subscription], "resync", now)

    # The socket comes and goes.

    def opened(self, now: float) -> None:
        """Replay everything, symbols of equal parameters together."""
        self._open = True
        self._registry.forget_strays()
        self.failure = None
        groups: dict[tuple[object, ...], list[Subscription]] = {}
        for subscription in self._registry:
            # What was accepted once is worth asking for again.
            if subscription.state == "rejected" and subscription.ack is None:
                continue
            subscription.state, subscription.error = "pending", ""
            self._unsettled.add(subscription.topic)
            parameters = subscription.params.subscribe_params()
            groups.setdefault(tuple(sorted(parameters.items())), []).append(subscription)
        for alike in groups.values():
            for start in range(0, len(alike), REPLAY_BATCH):
                self._launch("subscribe", alike[start : start + REPLAY_BATCH], "replay", now)

    def lost(self, error: TransportError) -> None:
        """Fail what waits; what was confirmed once stays and is replayed."""
        self._open = False
        self.outgoing.clear()
        self._flights.clear()
        self._unsettled.clear()
        self.tokens.lost()
        self.fail(error)
        for subscription in list(self._registry):
            if subscription.state == "unsubscribing" or _is_orphan(subscription):
                self._drop(subscription)
        self._changed()

    def fail(self, error: BaseException) -> None:
        """Fail everything that waits for an answer."""
        for ask in list(self._asks):
            with isolated(f"ending a {ask.method}"):
                self.abandon(ask, error)

    # Time.

    def deadline(self, now: float) -> float:
        """Return when `tick` has something to do."""
        return min(self.deadline_unheard(now), self._flights.deadline())

    def deadline_unheard(self, now: float) -> float:
        """Return when `tick_unheard` has something to do."""
        asks = (ask.deadline for ask in self._asks if ask.deadline is not None)
        return min(min(asks, default=float("inf")), self._flights.next_departure(now))

    def tick_unheard(self, now: float) -> None:
        """Do what needs no answer, as none is read at the moment: callers do not wait for ever."""
        self._end_overdue_asks(now)
        self.pump(now)

    def tick(self, now: float) -> None:
        """End what took too long, send what may go."""
        self._end_overdue_asks(now)
        for flight in self._flights:
            if now >= flight.deadline:
                self._overdue(flight, now)
        self.pump(now)

    def _end_overdue_asks(self, now: float) -> None:
        for ask in [a for a in self._asks if a.deadline is not None and now >= a.deadline]:
            self.abandon(ask, self._without_token(ask, now) or ask.overdue(self._timeout))

    def _without_token(self, ask: Ask, now: float) -> RequestTimeout | None:
        """Return the error of a caller whose request waits for a token, `None` if it does not."""
        waiting = {topic for flight in self.tokens.waiting for topic in flight.topics}
        if waiting.isdisjoint(ask.outstanding):
            return None
        names = sorted(topic.name for topic in ask.outstanding)
        text = f"{ask.method} of {', '.join(names)} was not sent: {self.tokens.problem(now)}"
        return RequestTimeout(text, unanswered=names)

    def remark(self, method: str | None, remark: str) -> None:
        """Let the timeouts of requests that are out say what the exchange said meanwhile.

        Args:
            method: whose requests; `None` for all.
            remark: what to add to the text of their errors.
        """
        for ask in self._asks:
            if ask.req_id is not None and method in (None, ask.method):
                ask.remark = remark

    def excuse(self, now: float, grace: float) -> None:
        """Grant all deadlines `grace` seconds more."""
        for ask in self._asks:
            if ask.deadline is not None:
                ask.deadline = max(ask.deadline, now + grace)
        for flight in self._flights:
            flight.deadline = max(flight.deadline, now + grace)

    def pump(self, now: float) -> None:
        """Send what may go: paced, and private messages with their token."""
        while (flight := self._flights.depart(now)) is not None:
            self._leave_out_unwanted(flight)
            self._start_clock(flight, now)
            if not flight.topics or (flight.needs_token and not self.tokens.admit(flight)):
                self._flights.withdraw(flight)
            else:
                self._send(flight, now)

    def token_arrived(self, token: str, now: float, good_for: float) -> None:
        """Send what waited for the token."""
        for flight in self.tokens.arrived(token, now + good_for):
            self._flights.enqueue(flight)
        self.pump(now)

    def token_failed(self, error: Exception) -> None:
        """Fail the callers that waited for the token; replays go on waiting."""
        for flight in self.tokens.waiting:
            for subscription in list(flight.topics.values()):
                for ask in list(subscription.asks):
                    self.abandon(ask, error)
        self.tokens.keep(lambda flight: flight.purpose == "replay")

    # Answers.

    def take(self, response: WSResponse | WSErrorResponse, now: float) -> bool:
        """Take a response; false when it answers nothing of ours."""
        flight = self._flights.match(response)
        if flight is None:
            return False
        topics = flight.answered(response)
        if not topics:
            return False
        if isinstance(response, WSErrorResponse) and self._try_again(flight, topics, response, now):
            return True
        try:
            for topic in topics:
                self._answered(flight, flight.topics.pop(topic), response, now)
        finally:
            self._flights.landed(flight)
            self._changed()
        return True

    def _answered(
        self,
        flight: Flight,
        subscription: Subscription,
        answer: WSResponse | WSErrorResponse,
        now: float,
    ) -> None:
        response = flight.in_effect(subscription.topic, answer)
        try:
            if isinstance(response, WSResponse) and flight.method == "subscribe" and self.care:
                self.care.acked(subscription.topic.channel, response.result)
            if flight.purpose == "resync":
                assert self.repairs is not None
                self.repairs.answered(flight.method, subscription.topic, response, now)
            elif flight.method == "subscribe":
                self._subscribed(flight, subscription, response, now, was_so=response is not answer)
            else:
                self._unsubscribed(subscription, response)
        finally:
            # Whatever became of the bookkeeping, who waits is told what the exchange answered.
            if not _will_be_repeated(flight, subscription, response):
                self._tell(subscription, flight.method, response)

    def _tell(
        self, subscription: Subscription, method: str, response: WSResponse | WSErrorResponse
    ) -> None:
        for ask in [ask for ask in subscription.asks if ask.method == method]:
            subscription.asks.remove(ask)
            ask.answer(subscription.topic, response)
            if ask.done:
                self._asks.discard(ask)
                if ask.is_refused:
                    self._registry.prune()

    def _subscribed(
        self,
        flight: Flight,
        subscription: Subscription,
        response: WSResponse | WSErrorResponse,
        now: float,
        *,
        was_so: bool,
    ) -> None:
        topic = subscription.topic
        self._unsettled.discard(topic)
        if isinstance(response, WSErrorResponse):
            state: SymbolState = "pending" if _is_kept(subscription) else "rejected"
            subscription.state, subscription.error = state, str(response.error)
            logger.warning("%s of %s refused: %s", topic.channel, topic.name, response.error)
            if not subscription.asks:
                self._refused(response)
            if self.repairs is not None and subscription.ack is not None:
                self.repairs.refused(topic, now)
            elif self.repairs is not None:
                self.repairs.forget(topic)
            return
        self._flights.accepted(subscription)
        if flight.token is not None:
            self.tokens.accepted()
        if self._registry.get(topic) is None:
            self._clean_up(subscription, now)
            return
        if subscription.state == "pending":
            subscription.state, subscription.error = "confirmed", ""
            subscription.ack = response
        if self.repairs is not None:
            self.repairs.confirmed(topic, now)
        if self._lacks_snapshot(topic, was_so):
            assert self.repairs is not None
            self.repairs.needed(topic, "resync", now)

    def _clean_up(self, subscription: Subscription, now: float) -> None:
        """Unsubscribe what nobody waits for any more: its caller was cancelled or timed out."""
        if self._flights.is_leaving(subscription.topic):
            self.pump(now)
        else:
            self._launch("unsubscribe", [subscription], "cleanup", now)

    def _unsubscribed(
        self, subscription: Subscription, response: WSResponse | WSErrorResponse
    ) -> None:
        if isinstance(response, WSErrorResponse):
            if subscription.state == "unsubscribing":
                subscription.state = "confirmed"
            return
        if self.repairs is not None:
            self.repairs.forget(subscription.topic)
        self._drop(subscription)

    def _lacks_snapshot(self, topic: Topic, was_so: bool) -> bool:
        """Tell whether a book waits in vain: its snapshot failed, or it was subscribed before."""
        if topic.channel not in BOOK_CHANNELS:
            return False
        state = self._engine.books_of(topic.channel).get_or_create(topic.symbol).state
        return state == "stale" or (was_so and state != "valid")

    def _try_again(
        self, flight: Flight, topics: list[Topic], response: WSErrorResponse, now: float
    ) -> bool:
        """Send the refused part again, if the refusal is about the moment and not about it."""
        if is_stale_token(response.error):
            # Replays wait for a good one without end: `TokenManager` spaces the calls.
            if not self.tokens.refuse(flight.token, patiently=flight.purpose != "ask"):
                return False
        elif flight.tries >= MAX_TRIES:
            return False
        elif says(response, RATE_EXCEEDED):
            if (pause := self._flights.pacer.slow_down(now)) > 0:
                logger.warning("the exchange limits our messages; waiting %.1f s", pause)
        elif says(response, SNAPSHOTS_EXCEEDED):
            if (pause := self._flights.allowance.slow_down(now)) > 0:
                logger.warning("the exchange limits our snapshots; waiting %.1f s", pause)
        else:
            return False
        again = [flight.topics.pop(topic) for topic in topics]
        self._flights.retry(flight, again)
        self._flights.landed(flight)
        for subscription in again:
            for ask in subscription.asks:
                ask.deadline = None
        self.pump(now)
        return True

    def _overdue(self, flight: Flight, now: float) -> None:
        """Deal with a message that was not answered in time."""
        self._flights.overdue(flight)
        if flight.purpose == "replay":
            if flight.tries + 1 >= MAX_TRIES:
                self.failure = ConnectionLost(self._url, "subscriptions were not confirmed")
                return
            again = [entry for entry in flight.topics.values() if entry.state == "pending"]
            self._flights.retry(flight, again)

    # Sending.

    def _track(self, ask: Ask, now: float) -> Ask:
        if not ask.done:
            self._asks.add(ask)
            if ask.req_id is not None:
                ask.deadline = now + self._timeout
        return ask

    def _start_clock(self, flight: Flight, now: float) -> None:
        """Begin to count for those who wait; what stands in line is our own delay.

        A further attempt at a stream that was refused gives nobody more time.
        """
        if flight.purpose == "resync":
            return
        asks = {ask for entry in flight.topics.values() for ask in entry.asks}
        for ask in asks:
            if ask.method == flight.method:
                ask.req_id = flight.req_id
                is_whole = not any(map(self.is_waiting, ask.outstanding))
                ask.deadline = now + self._timeout if is_whole else None

    def _launch(
        self, method: str, subscriptions: Iterable[Subscription], purpose: Purpose, now: float
    ) -> None:
        for batch in self._flights.batches(method, subscriptions):
            self._flights.enqueue(Flight(method, batch, purpose))
        self.pump(now)

    def _leave_out_unwanted(self, flight: Flight) -> None:
        """Drop what was given up while it stood in line, or is wanted again."""
        if flight.method == "subscribe":
            flight.topics = {
                topic: subscription
                for topic, subscription in flight.topics.items()
                if self._registry.get(topic) is subscription
            }
        elif flight.purpose == "cleanup":
            flight.topics = {
                topic: subscription
                for topic, subscription in flight.topics.items()
                if self._registry.get(topic) is None
            }

    def _send(self, flight: Flight, now: float) -> None:
        if flight.method == "subscribe":
            for subscription in flight.topics.values():
                topic, params = subscription.topic, subscription.params
                if isinstance(params, BookParams | Level3Params):
                    self._engine.books_of(topic.channel).expect(topic.symbol, params.depth)
                if self.repairs is not None and flight.purpose != "resync":
                    self.repairs.expect(subscription, now)
                if self.care is not None:
                    self.care.asked(subscription, now)
        elif flight.purpose == "resync" and self.care is not None:
            self.care.leaving(flight.channel)
        self._flights.allowance.spend(flight.cost, now)
        flight.deadline = now + self._timeout
        for subscription in flight.topics.values():
            subscription.req_id = flight.req_id
        logger.debug("> %s %s %s", flight.method, flight.channel, [t.symbol for t in flight.topics])
        flight.token = self.tokens.token_for(flight)
        self.outgoing.append(flight.frame())


def _is_kept(subscription: Subscription) -> bool:
    """Tell whether a refusal does not end it: a private stream that was accepted once."""
    return subscription.ack is not None and subscription.topic.channel in PRIVATE_CHANNELS


def _will_be_repeated(
    flight: Flight, subscription: Subscription, response: WSResponse | WSErrorResponse
) -> bool:
    """Tell whether an answer is not the last word, so that those who wait go on waiting."""
    if flight.purpose == "resync":
        return flight.method != "subscribe" or isinstance(response, WSErrorResponse)
    is_refusal = flight.method == "subscribe" and isinstance(response, WSErrorResponse)
    return is_refusal and _is_kept(subscription)


def _is_orphan(subscription: Subscription) -> bool:
    """Tell whether it was never confirmed and nobody waits for it."""
    return subscription.ack is None and not subscription.asks and not subscription.is_standing
