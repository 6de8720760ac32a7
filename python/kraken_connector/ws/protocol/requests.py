"""The subscribe and unsubscribe requests of one connection, from the call to the last answer.

Like the whole session this has no socket and no clock. The frames to send collect in `outgoing`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import NamedTuple

from ..._backend import Engine
from ...exceptions import ConnectionLost, RequestTimeout, SubscriptionError, TransportError
from ...models import WSErrorResponse, WSResponse
from ...refusals import is_stale_token
from ..base.isolation import isolated
from ..base.pacing import Allowance
from ..base.streams import ACCOUNT_CHANNELS
from ..constants import RATE_EXCEEDED, SNAPSHOTS_EXCEEDED
from ..subscribe import BookParams, ChannelParams, Level3Params
from .part import Part
from .registry import (
    PendingRequest,
    Registry,
    Sink,
    SubscribeCall,
    Subscription,
    SymbolState,
    Topic,
    topics_of,
)
from .replay import replay_batches
from .request_queue import OutgoingRequest, Purpose, RequestQueue, says
from .token_requests import TokenRequests

__all__ = ["Answer", "Requests"]

logger = logging.getLogger(__name__)

#: How often a request is sent if it exceeds the message limit, or is a replay without an answer.
MAX_TRIES = 6


class Answer(NamedTuple):
    """What the exchange answered about one stream.

    Attributes:
        outgoing: the message that it answers.
        subscription: the stream.
        response: the answer as received.
        effective: the answer, but a success if it says `Already subscribed` or the like.
    """

    outgoing: OutgoingRequest
    subscription: Subscription
    response: WSResponse | WSErrorResponse
    effective: WSResponse | WSErrorResponse


class Requests(Part):
    """The subscribe and unsubscribe messages of one connection.

    Args:
        url: the URL of the host.
        engine: holds the books.
        registry: the subscriptions.
        on_sent: called with each message that is sent and the time.
        on_answer: called with each answer about a stream, before the callers get it.
        on_drop: called with a stream that was removed from the registry.
        on_change: called when subscriptions may have changed.
        timeout: seconds to wait for an answer.
        tokens: the token of this connection.
        allowance: limits the snapshots of `level3` of all connections of a client.

    Attributes:
        outgoing: frames to send, in order.
        failure: why the socket must be dropped, `None` if it need not be.
    """

    def __init__(
        self,
        url: str,
        engine: Engine,
        registry: Registry,
        *,
        on_sent: Callable[[OutgoingRequest, float], None],
        on_answer: Callable[[Answer, float], None],
        on_drop: Callable[[Topic], None],
        on_change: Callable[[], None],
        timeout: float,
        tokens: TokenRequests,
        allowance: Allowance | None = None,
    ) -> None:
        self.outgoing: deque[bytes] = deque()
        self.failure: TransportError | None = None
        self._tokens = tokens
        self._url = url
        self._engine = engine
        self._registry = registry
        self._on_sent = on_sent
        self._on_answer = on_answer
        self._on_drop = on_drop
        self._on_change = on_change
        self._timeout = timeout
        self._queue = RequestQueue(allowance)
        self._pending: set[PendingRequest] = set()
        self._replaying: set[Topic] = set()
        self._open = self._paused = False

    @property
    def is_settled(self) -> bool:
        """Whether every replayed subscription has an answer."""
        return self._open and not self._replaying

    def new_id(self) -> int:
        """Return an id for a message that is sent elsewhere."""
        return self._queue.new_id()

    # Calls of users.

    def subscribe(
        self,
        params: ChannelParams,
        sink: Sink,
        now: float,
        call: SubscribeCall | None = None,
    ) -> PendingRequest:
        """Subscribe to the streams that are not subscribed yet; without a socket, on the next one.

        The arguments are those of `Registry.add`.

        Raises:
            SubscriptionError: a book is subscribed with another depth.
        """
        topics, fresh = self._registry.add(params, sink, call)
        request = PendingRequest("subscribe", topics)
        for topic in topics:
            subscription = self._registry.get(topic)
            assert subscription is not None
            if subscription.state == "pending":
                request.outstanding.add(topic)
                request.req_id = subscription.req_id or None
                subscription.requests.append(request)
            elif subscription.ack is not None:
                request.answer(topic, subscription.ack)
        self._on_change()
        self._track(request, now)
        if self._open:
            self._enqueue("subscribe", fresh, "call", now)
        return request

    def hold(self, params: ChannelParams, sink: Sink, now: float, call: SubscribeCall) -> None:
        """Keep a subscription even if its request fails: another connection has it."""
        if any(self._registry.get(topic) is None for topic in topics_of(params)):
            _, fresh = self._registry.add(params, sink, call)
            self._on_change()
            if self._open:
                self._enqueue("subscribe", fresh, "replay", now)
        for topic in topics_of(params):
            if (subscription := self._registry.get(topic)) is not None:
                subscription.is_held = True

    def unsubscribe(
        self, params: ChannelParams, now: float, whole: ChannelParams | None = None
    ) -> PendingRequest:
        """End a subscription, or the named symbols of all subscriptions.

        The arguments are those of `Registry.release`.

        Raises:
            KeyError: it is not subscribed.
        """
        unwanted = self._registry.release(params, whole)
        request = PendingRequest("unsubscribe", [subscription.topic for subscription in unwanted])
        ending = []
        for subscription in unwanted:
            if not self._open or subscription.state == "rejected":
                self._withdraw(subscription)
                continue
            subscription.state = "unsubscribing"
            subscription.requests.append(request)
            request.outstanding.add(subscription.topic)
            ending.append(subscription)
        self._track(request, now)
        self._enqueue("unsubscribe", ending, "call", now)
        self._on_change()
        return request

    def _drop(self, subscription: Subscription) -> None:
        self._registry.drop(subscription)
        if self._registry.get(subscription.topic) is None:
            self._replaying.discard(subscription.topic)
            self._on_drop(subscription.topic)

    def _withdraw(self, subscription: Subscription) -> None:
        """Drop a subscription that was never sent; requests that wait for it fail."""
        self._drop(subscription)
        name = subscription.topic.name
        for request in list(subscription.requests):
            text = "unsubscribed before it was subscribed"
            self.abandon(request, SubscriptionError(f"{name}: {text}", rejected={name: text}))

    def abandon(self, request: PendingRequest, error: BaseException) -> None:
        """End a request without an answer; streams that no other request waits for are dropped.

        Those that were sent are unsubscribed, as they may have been accepted.
        """
        unwanted = []
        for topic in list(request.outstanding):
            subscription = self._registry.get(topic)
            if subscription is None or request not in subscription.requests:
                continue
            subscription.requests.remove(request)
            if _is_orphan(subscription):
                self._drop(subscription)
                if self._open and self._queue.is_sent("subscribe", topic):
                    unwanted.append(subscription)
            elif subscription.state == "unsubscribing":
                subscription.state = "confirmed"
        if unwanted:
            # It is sent by the next tick, which is due at once.
            self._queue.enqueue(OutgoingRequest("unsubscribe", unwanted, "cleanup"))
        self._pending.discard(request)
        self._on_change()
        request.fail(error)

    def is_waiting(self, topic: Topic) -> bool:
        """Return whether a message about a topic is queued or waits for a token."""
        is_held = any(topic in outgoing.topics for outgoing in self._tokens.waiting)
        return is_held or self._queue.is_waiting(topic)

    def resubscribe(self, method: str, subscription: Subscription, now: float) -> None:
        """Send one message of a resync."""
        self._enqueue(method, [subscription], "resync", now)

    # The socket.

    def connection_made(self, now: float) -> None:
        """Replay the subscriptions."""
        self._open, self._paused = True, False
        self._registry.forget_strays()
        self.failure = None
        for batch in replay_batches(self._registry):
            for subscription in batch:
                subscription.state, subscription.error = "pending", ""
                self._replaying.add(subscription.topic)
            self._enqueue("subscribe", batch, "replay", now)

    def connection_lost(self, error: TransportError) -> None:
        """Fail all pending requests; subscriptions that were confirmed once stay."""
        self._open = False
        self.outgoing.clear()
        self._queue.clear()
        self._replaying.clear()
        self._tokens.reset()
        self.fail_all(error)
        for subscription in list(self._registry):
            if subscription.state == "unsubscribing" or _is_orphan(subscription):
                self._drop(subscription)
        self._on_change()

    def fail_all(self, error: BaseException) -> None:
        """Fail all pending requests."""
        for request in list(self._pending):
            with isolated(f"ending a {request.method}"):
                self.abandon(request, error)

    # Time.

    def deadline(self, now: float) -> float:
        times = [request.deadline for request in self._pending if request.deadline is not None]
        if not self._paused:
            times.append(self._queue.deadline())
        return min(*times, self._queue.next_due(now), inf)

    def pause(self) -> None:
        """Stop the timeouts of messages until `resume`, as no answer is read; not of callers."""
        self._paused = True

    def resume(self) -> None:
        """Let messages time out again."""
        self._paused = False

    def tick(self, now: float) -> None:
        """Time out requests and messages, and send the messages that are due."""
        self._time_out_callers(now)
        if not self._paused:
            for outgoing in self._queue:
                if now >= outgoing.deadline:
                    self._time_out_message(outgoing, now)
        self.send_due(now)

    def _time_out_callers(self, now: float) -> None:
        for request in [r for r in self._pending if r.deadline is not None and now >= r.deadline]:
            error = self._without_token(request, now) or request.overdue(self._timeout)
            self.abandon(request, error)

    def _without_token(self, request: PendingRequest, now: float) -> RequestTimeout | None:
        """Return the error of a request that waits for a token; `None` if it does not."""
        waiting = {topic for outgoing in self._tokens.waiting for topic in outgoing.topics}
        if waiting.isdisjoint(request.outstanding):
            return None
        names = sorted(topic.name for topic in request.outstanding)
        text = f"{request.method} of {', '.join(names)} was not sent: {self._tokens.problem(now)}"
        return RequestTimeout(text, unanswered=names)

    def remark(self, method: str | None, remark: str) -> None:
        """Add a remark to the timeout errors of requests that were sent.

        Args:
            method: the method of the requests; `None` for all.
            remark: the text to add.
        """
        for request in self._pending:
            if request.req_id is not None and method in (None, request.method):
                request.remark = remark

    def excuse(self, now: float, grace: float) -> None:
        for request in self._pending:
            if request.deadline is not None:
                request.deadline = max(request.deadline, now + grace)
        for outgoing in self._queue:
            outgoing.deadline = max(outgoing.deadline, now + grace)

    def send_due(self, now: float) -> None:
        """Send the messages that are due; a private one needs its token."""
        while (outgoing := self._queue.pop_due(now)) is not None:
            self._remove_unwanted(outgoing)
            self._start_timeouts(outgoing, now)
            if not outgoing.topics or (outgoing.needs_token and not self._tokens.admit(outgoing)):
                self._queue.discard_sent(outgoing)
            else:
                self._send(outgoing, now)

    def token_arrived(self, token: str, now: float, good_for: float) -> None:
        """Send the messages that waited for the token."""
        for outgoing in self._tokens.set(token, now + good_for):
            self._queue.enqueue(outgoing)
        self.send_due(now)

    def token_failed(self, error: Exception) -> None:
        """Fail the requests that wait for the token; replays go on waiting."""
        for outgoing in self._tokens.waiting:
            for subscription in list(outgoing.topics.values()):
                for request in list(subscription.requests):
                    self.abandon(request, error)
        self._tokens.retain(lambda outgoing: outgoing.purpose == "replay")

    # Answers.

    def handle(self, response: WSResponse | WSErrorResponse, now: float) -> bool:
        """Handle a response; return false if it answers no message of this queue."""
        outgoing = self._queue.match(response)
        if outgoing is None:
            return False
        topics = outgoing.topics_of(response)
        if not topics:
            return False
        if isinstance(response, WSErrorResponse) and self._retry(outgoing, topics, response, now):
            return True
        try:
            for topic in topics:
                self._handle_answer(outgoing, outgoing.topics.pop(topic), response, now)
        finally:
            self._queue.remove_if_answered(outgoing)
            self._on_change()
        return True

    def _handle_answer(
        self,
        outgoing: OutgoingRequest,
        subscription: Subscription,
        answer: WSResponse | WSErrorResponse,
        now: float,
    ) -> None:
        response = outgoing.effective_answer(subscription.topic, answer)
        try:
            if outgoing.purpose != "resync" and outgoing.method == "subscribe":
                self._handle_subscribe_answer(outgoing, subscription, response, now)
            elif outgoing.purpose != "resync":
                self._handle_unsubscribe_answer(subscription, response)
            self._on_answer(Answer(outgoing, subscription, answer, response), now)
        finally:
            # Callers get their answer even if handling it failed.
            if not _will_be_repeated(outgoing, subscription, response):
                self._answer_callers(subscription, outgoing.method, response)

    def _answer_callers(
        self, subscription: Subscription, method: str, response: WSResponse | WSErrorResponse
    ) -> None:
        for request in [request for request in subscription.requests if request.method == method]:
            subscription.requests.remove(request)
            request.answer(subscription.topic, response)
            if request.done:
                self._pending.discard(request)
                if request.is_refused:
                    self._registry.prune()

    def _handle_subscribe_answer(
        self,
        outgoing: OutgoingRequest,
        subscription: Subscription,
        response: WSResponse | WSErrorResponse,
        now: float,
    ) -> None:
        topic = subscription.topic
        self._replaying.discard(topic)
        if isinstance(response, WSErrorResponse):
            state: SymbolState = "pending" if _is_kept(subscription) else "rejected"
            subscription.state, subscription.error = state, str(response.error)
            logger.warning("%s of %s refused: %s", topic.channel, topic.name, response.error)
            return
        self._queue.reset_limits(subscription)
        if outgoing.token is not None:
            self._tokens.on_accepted()
        if self._registry.get(topic) is None:
            self._clean_up(subscription, now)
        elif subscription.state == "pending":
            subscription.state, subscription.error = "confirmed", ""
            subscription.ack = response

    def _clean_up(self, subscription: Subscription, now: float) -> None:
        """Unsubscribe an accepted stream whose caller was cancelled or timed out."""
        if self._queue.is_unsubscribing(subscription.topic):
            self.send_due(now)
        else:
            self._enqueue("unsubscribe", [subscription], "cleanup", now)

    def _handle_unsubscribe_answer(
        self, subscription: Subscription, response: WSResponse | WSErrorResponse
    ) -> None:
        if isinstance(response, WSErrorResponse):
            if subscription.state == "unsubscribing":
                subscription.state = "confirmed"
            return
        self._drop(subscription)

    def _retry(
        self, outgoing: OutgoingRequest, topics: list[Topic], response: WSErrorResponse, now: float
    ) -> bool:
        """Send the refused part again, if it may be accepted later; return whether it is."""
        if is_stale_token(response.error):
            # Replays wait for a valid token forever: `TokenManager` paces the fetches.
            if not self._tokens.on_refused(outgoing.token, patiently=outgoing.purpose != "call"):
                return False
        elif outgoing.tries >= MAX_TRIES:
            return False
        elif says(response, RATE_EXCEEDED):
            if (pause := self._queue.pacer.slow_down(now)) > 0:
                logger.warning("the exchange limits our messages; waiting %.1f s", pause)
        elif says(response, SNAPSHOTS_EXCEEDED):
            if (pause := self._queue.allowance.slow_down(now)) > 0:
                logger.warning("the exchange limits our snapshots; waiting %.1f s", pause)
        else:
            return False
        again = [outgoing.topics.pop(topic) for topic in topics]
        self._queue.retry(outgoing, again)
        self._queue.remove_if_answered(outgoing)
        for subscription in again:
            for request in subscription.requests:
                request.deadline = None
        self.send_due(now)
        return True

    def _time_out_message(self, outgoing: OutgoingRequest, now: float) -> None:
        """Handle a message that was not answered in time."""
        self._queue.mark_late(outgoing)
        if outgoing.purpose == "replay":
            if outgoing.tries + 1 >= MAX_TRIES:
                self.failure = ConnectionLost(self._url, "subscriptions were not confirmed")
                return
            again = [entry for entry in outgoing.topics.values() if entry.state == "pending"]
            self._queue.retry(outgoing, again)

    # Sending.

    def _track(self, request: PendingRequest, now: float) -> PendingRequest:
        if not request.done:
            self._pending.add(request)
            if request.req_id is not None:
                request.deadline = now + self._timeout
        return request

    def _start_timeouts(self, outgoing: OutgoingRequest, now: float) -> None:
        """Start the timeouts of the callers; time in the queue does not count.

        A resync of a stream that was refused does not start them again.
        """
        if outgoing.purpose == "resync":
            return
        for request in {r for entry in outgoing.topics.values() for r in entry.requests}:
            if request.method == outgoing.method:
                request.req_id = outgoing.req_id
                is_whole = not any(map(self.is_waiting, request.outstanding))
                request.deadline = now + self._timeout if is_whole else None

    def _enqueue(
        self, method: str, subscriptions: Iterable[Subscription], purpose: Purpose, now: float
    ) -> None:
        for batch in self._queue.batches(method, subscriptions):
            self._queue.enqueue(OutgoingRequest(method, batch, purpose))
        self.send_due(now)

    def _remove_unwanted(self, outgoing: OutgoingRequest) -> None:
        """Remove the streams whose subscription changed while the message was queued."""

        def is_wanted(topic: Topic, subscription: Subscription) -> bool:
            current = self._registry.get(topic)
            if outgoing.method == "subscribe":
                return current is subscription
            return outgoing.purpose != "cleanup" or current is None

        outgoing.topics = {t: entry for t, entry in outgoing.topics.items() if is_wanted(t, entry)}

    def _send(self, outgoing: OutgoingRequest, now: float) -> None:
        if outgoing.method == "subscribe":
            for subscription in outgoing.topics.values():
                topic, params = subscription.topic, subscription.params
                if isinstance(params, BookParams | Level3Params):
                    self._engine.books_of(topic.channel).expect(topic.symbol, params.depth)
        self._on_sent(outgoing, now)
        self._queue.allowance.spend(outgoing.cost, now)
        outgoing.deadline = now + self._timeout
        for subscription in outgoing.topics.values():
            subscription.req_id = outgoing.req_id
        logger.debug(
            "> %s %s %s", outgoing.method, outgoing.channel, [t.symbol for t in outgoing.topics]
        )
        outgoing.token = self._tokens.token_for(outgoing)
        self.outgoing.append(outgoing.frame())


def _is_kept(subscription: Subscription) -> bool:
    """Return whether a refusal does not end it: a private stream that was accepted once."""
    return subscription.ack is not None and subscription.topic.channel in ACCOUNT_CHANNELS


def _will_be_repeated(
    outgoing: OutgoingRequest, subscription: Subscription, response: WSResponse | WSErrorResponse
) -> bool:
    """Return whether the message will be sent again, so that callers go on waiting."""
    if outgoing.purpose == "resync":
        return outgoing.method != "subscribe" or isinstance(response, WSErrorResponse)
    is_refusal = outgoing.method == "subscribe" and isinstance(response, WSErrorResponse)
    return is_refusal and _is_kept(subscription)


def _is_orphan(subscription: Subscription) -> bool:
    """Return whether it was never confirmed and no request waits for it."""
    return subscription.ack is None and not subscription.requests and not subscription.is_held
