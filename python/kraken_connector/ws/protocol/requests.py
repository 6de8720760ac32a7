"""Subscribing and unsubscribing on one connection: from a caller's call to the last answer.

Like the whole session it has no socket and no clock. What is to be sent collects in `outgoing`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..._backend import Engine
from ...exceptions import ConnectionLost, RequestTimeout, SubscriptionError, TransportError
from ...models import WSErrorResponse, WSResponse
from ...refusals import is_stale_token
from ..base.isolation import isolated
from ..base.pacing import Allowance
from ..constants import PRIVATE_CHANNELS, RATE_EXCEEDED, REPLAY_BATCH, SNAPSHOTS_EXCEEDED
from ..subscribe import SubscriptionParams
from .engine_books import expect
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
from .request_queue import OutgoingRequest, Purpose, RequestQueue, says
from .token_requests import TokenRequests

__all__ = ["Answer", "Requests"]

logger = logging.getLogger(__name__)

#: How often a message that met the message limit, or a replay without an answer, is sent.
MAX_TRIES = 6


class Answer(NamedTuple):
    """What the exchange answered about one stream.

    Attributes:
        request: the message that it answers.
        subscription: the stream.
        response: the answer.
        effective: the same, but a success where the stream was so already.
    """

    request: OutgoingRequest
    subscription: Subscription
    response: WSResponse | WSErrorResponse
    effective: WSResponse | WSErrorResponse


class Requests(Part):
    """The subscribe and unsubscribe messages of one connection.

    Args:
        url: where it connects.
        engine: holds the books.
        registry: what is subscribed.
        on_sent: called when a message is being sent, with the time.
        on_answer: called when a stream has an answer, before the callers that wait for it get it.
        on_drop: called when a stream is no longer wanted.
        on_change: called when what is subscribed may have changed.
        timeout: seconds to wait for an answer.
        tokens: the token of this connection.
        allowance: what the connections of a client may spend on snapshots of `level3`.

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
        self.tokens = tokens
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
        self._unsettled: set[Topic] = set()
        self._open = self._paused = False

    @property
    def is_settled(self) -> bool:
        """Whether everything that a new connection replays has an answer."""
        return self._open and not self._unsettled

    def new_id(self) -> int:
        """Return an id for a message that is not ours to match."""
        return self._queue.new_id()

    # What callers want.

    def subscribe(
        self,
        params: SubscriptionParams,
        sink: Sink,
        now: float,
        call: SubscribeCall | None = None,
    ) -> PendingRequest:
        """Ask for `params`, as far as it is not subscribed; without a socket, with the next one.

        Args:
            params: what to request for here.
            sink: where its events go.
            now: the time.
            call: the whole call, where it is for several connections.

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
            self._launch("subscribe", fresh, "call", now)
        return request

    def hold(self, params: SubscriptionParams, sink: Sink, now: float, call: SubscribeCall) -> None:
        """Want `params` from here on, whatever became of asking for it: another leg has it."""
        if any(self._registry.get(topic) is None for topic in topics_of(params)):
            _, fresh = self._registry.add(params, sink, call)
            self._on_change()
            if self._open:
                self._launch("subscribe", fresh, "replay", now)
        for topic in topics_of(params):
            if (subscription := self._registry.get(topic)) is not None:
                subscription.is_standing = True

    def unsubscribe(
        self, params: SubscriptionParams, now: float, whole: SubscriptionParams | None = None
    ) -> PendingRequest:
        """End a subscription, or the named symbols of all subscriptions.

        Args:
            params: what to end here.
            now: the time.
            whole: the whole call, where it is for several connections.

        Raises:
            KeyError: it is not subscribed.
        """
        unwanted = self._registry.release(params, whole)
        request = PendingRequest("unsubscribe", [subscription.topic for subscription in unwanted])
        leaving = []
        for subscription in unwanted:
            if not self._open or subscription.state == "rejected":
                self._withdraw(subscription)
                continue
            subscription.state = "unsubscribing"
            subscription.requests.append(request)
            request.outstanding.add(subscription.topic)
            leaving.append(subscription)
        self._track(request, now)
        self._launch("unsubscribe", leaving, "call", now)
        self._on_change()
        return request

    def _drop(self, subscription: Subscription) -> None:
        self._registry.drop(subscription)
        if self._registry.get(subscription.topic) is None:
            self._unsettled.discard(subscription.topic)
            self._on_drop(subscription.topic)

    def _withdraw(self, subscription: Subscription) -> None:
        """Forget what the exchange does not know of; those who wait for it are told."""
        self._drop(subscription)
        name = subscription.topic.name
        for request in list(subscription.requests):
            text = "unsubscribed before it was subscribed"
            self.abandon(request, SubscriptionError(f"{name}: {text}", rejected={name: text}))

    def abandon(self, request: PendingRequest, error: BaseException) -> None:
        """End an request without an answer; what nobody else waits for is given up with it.

        What was sent of it is unsubscribed: should its answer be lost, its data would never end.
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
            # The next tick sends it, which is due at once.
            self._queue.enqueue(OutgoingRequest("unsubscribe", unwanted, "cleanup"))
        self._pending.discard(request)
        self._on_change()
        request.fail(error)

    def is_waiting(self, topic: Topic) -> bool:
        """Tell whether a message about a topic stands in line, or waits for a token."""
        is_held = any(topic in outgoing.topics for outgoing in self.tokens.waiting)
        return is_held or self._queue.is_waiting(topic)

    def resubscribe(self, method: str, subscription: Subscription, now: float) -> None:
        """Send one message of a stream that is asked for again."""
        self._launch(method, [subscription], "resync", now)

    # The socket comes and goes.

    def connection_made(self, now: float) -> None:
        """Replay everything, symbols of equal parameters together."""
        self._open, self._paused = True, False
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

    def connection_lost(self, error: TransportError) -> None:
        """Fail what waits; what was confirmed once stays and is replayed."""
        self._open = False
        self.outgoing.clear()
        self._queue.clear()
        self._unsettled.clear()
        self.tokens.reset()
        self.fail_all(error)
        for subscription in list(self._registry):
            if subscription.state == "unsubscribing" or _is_orphan(subscription):
                self._drop(subscription)
        self._on_change()

    def fail_all(self, error: BaseException) -> None:
        """Fail everything that waits for an answer."""
        for request in list(self._pending):
            with isolated(f"ending a {request.method}"):
                self.abandon(request, error)

    # Time.

    def deadline(self, now: float) -> float:
        """Return when `tick` has something to do."""
        times = [request.deadline for request in self._pending if request.deadline is not None]
        if not self._paused:
            times.append(self._queue.deadline())
        return min(*times, self._queue.next_due(now), float("inf"))

    def pause(self) -> None:
        """Judge no missing answer until `resume`, as none is read; callers still time out."""
        self._paused = True

    def resume(self) -> None:
        """Judge missing answers again."""
        self._paused = False

    def tick(self, now: float) -> None:
        """End what took too long, and send what may be sent."""
        self._end_overdue(now)
        if not self._paused:
            for outgoing in self._queue:
                if now >= outgoing.deadline:
                    self._overdue(outgoing, now)
        self.pump(now)

    def _end_overdue(self, now: float) -> None:
        for request in [a for a in self._pending if a.deadline is not None and now >= a.deadline]:
            self.abandon(
                request, self._without_token(request, now) or request.overdue(self._timeout)
            )

    def _without_token(self, request: PendingRequest, now: float) -> RequestTimeout | None:
        """Return the error of a caller whose request waits for a token, `None` if it does not."""
        waiting = {topic for outgoing in self.tokens.waiting for topic in outgoing.topics}
        if waiting.isdisjoint(request.outstanding):
            return None
        names = sorted(topic.name for topic in request.outstanding)
        text = f"{request.method} of {', '.join(names)} was not sent: {self.tokens.problem(now)}"
        return RequestTimeout(text, unanswered=names)

    def remark(self, method: str | None, remark: str) -> None:
        """Let the timeouts of requests that are out say what the exchange said meanwhile.

        Args:
            method: whose requests; `None` for all.
            remark: what to add to the text of their errors.
        """
        for request in self._pending:
            if request.req_id is not None and method in (None, request.method):
                request.remark = remark

    def excuse(self, now: float, grace: float) -> None:
        """Grant all deadlines `grace` seconds more."""
        for request in self._pending:
            if request.deadline is not None:
                request.deadline = max(request.deadline, now + grace)
        for outgoing in self._queue:
            outgoing.deadline = max(outgoing.deadline, now + grace)

    def pump(self, now: float) -> None:
        """Send what may go: paced, and private messages with their token."""
        while (outgoing := self._queue.pop_due(now)) is not None:
            self._drop_unwanted(outgoing)
            self._start_clock(outgoing, now)
            if not outgoing.topics or (outgoing.needs_token and not self.tokens.admit(outgoing)):
                self._queue.withdraw(outgoing)
            else:
                self._send(outgoing, now)

    def token_arrived(self, token: str, now: float, good_for: float) -> None:
        """Send what waited for the token."""
        for outgoing in self.tokens.arrived(token, now + good_for):
            self._queue.enqueue(outgoing)
        self.pump(now)

    def token_failed(self, error: Exception) -> None:
        """Fail the callers that waited for the token; replays go on waiting."""
        for outgoing in self.tokens.waiting:
            for subscription in list(outgoing.topics.values()):
                for request in list(subscription.requests):
                    self.abandon(request, error)
        self.tokens.retain(lambda outgoing: outgoing.purpose == "replay")

    # Answers.

    def handle(self, response: WSResponse | WSErrorResponse, now: float) -> bool:
        """Take a response; false when it answers nothing of ours."""
        outgoing = self._queue.match(response)
        if outgoing is None:
            return False
        topics = outgoing.answered(response)
        if not topics:
            return False
        if isinstance(response, WSErrorResponse) and self._try_again(
            outgoing, topics, response, now
        ):
            return True
        try:
            for topic in topics:
                self._answered(outgoing, outgoing.topics.pop(topic), response, now)
        finally:
            self._queue.remove_if_answered(outgoing)
            self._on_change()
        return True

    def _answered(
        self,
        outgoing: OutgoingRequest,
        subscription: Subscription,
        answer: WSResponse | WSErrorResponse,
        now: float,
    ) -> None:
        response = outgoing.in_effect(subscription.topic, answer)
        try:
            if outgoing.purpose != "resync" and outgoing.method == "subscribe":
                self._subscribed(outgoing, subscription, response, now)
            elif outgoing.purpose != "resync":
                self._unsubscribed(subscription, response)
            self._on_answer(Answer(outgoing, subscription, answer, response), now)
        finally:
            # Whatever became of the bookkeeping, who waits is told what the exchange answered.
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

    def _subscribed(
        self,
        outgoing: OutgoingRequest,
        subscription: Subscription,
        response: WSResponse | WSErrorResponse,
        now: float,
    ) -> None:
        topic = subscription.topic
        self._unsettled.discard(topic)
        if isinstance(response, WSErrorResponse):
            state: SymbolState = "pending" if _is_kept(subscription) else "rejected"
            subscription.state, subscription.error = state, str(response.error)
            logger.warning("%s of %s refused: %s", topic.channel, topic.name, response.error)
            return
        self._queue.accepted(subscription)
        if outgoing.token is not None:
            self.tokens.accepted()
        if self._registry.get(topic) is None:
            self._clean_up(subscription, now)
        elif subscription.state == "pending":
            subscription.state, subscription.error = "confirmed", ""
            subscription.ack = response

    def _clean_up(self, subscription: Subscription, now: float) -> None:
        """Unsubscribe what nobody waits for any more: its caller was cancelled or timed out."""
        if self._queue.is_unsubscribing(subscription.topic):
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
        self._drop(subscription)

    def _try_again(
        self, outgoing: OutgoingRequest, topics: list[Topic], response: WSErrorResponse, now: float
    ) -> bool:
        """Send the refused part again, if the refusal is about the moment and not about it."""
        if is_stale_token(response.error):
            # Replays wait for a good one without end: `TokenManager` spaces the calls.
            if not self.tokens.on_refused(outgoing.token, patiently=outgoing.purpose != "call"):
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
        self.pump(now)
        return True

    def _overdue(self, outgoing: OutgoingRequest, now: float) -> None:
        """Deal with a message that was not answered in time."""
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

    def _start_clock(self, outgoing: OutgoingRequest, now: float) -> None:
        """Begin to count for those who wait; what stands in line is our own delay.

        A further attempt at a stream that was refused gives nobody more time.
        """
        if outgoing.purpose == "resync":
            return
        requests = {request for entry in outgoing.topics.values() for request in entry.requests}
        for request in requests:
            if request.method == outgoing.method:
                request.req_id = outgoing.req_id
                is_whole = not any(map(self.is_waiting, request.outstanding))
                request.deadline = now + self._timeout if is_whole else None

    def _launch(
        self, method: str, subscriptions: Iterable[Subscription], purpose: Purpose, now: float
    ) -> None:
        for batch in self._queue.batches(method, subscriptions):
            self._queue.enqueue(OutgoingRequest(method, batch, purpose))
        self.pump(now)

    def _drop_unwanted(self, outgoing: OutgoingRequest) -> None:
        """Drop what was given up while it stood in line, or is wanted again."""
        if outgoing.method == "subscribe":
            outgoing.topics = {
                topic: subscription
                for topic, subscription in outgoing.topics.items()
                if self._registry.get(topic) is subscription
            }
        elif outgoing.purpose == "cleanup":
            outgoing.topics = {
                topic: subscription
                for topic, subscription in outgoing.topics.items()
                if self._registry.get(topic) is None
            }

    def _send(self, outgoing: OutgoingRequest, now: float) -> None:
        if outgoing.method == "subscribe":
            for subscription in outgoing.topics.values():
                expect(self._engine, subscription.params, subscription.topic.symbol)
        self._on_sent(outgoing, now)
        self._queue.allowance.spend(outgoing.cost, now)
        outgoing.deadline = now + self._timeout
        for subscription in outgoing.topics.values():
            subscription.req_id = outgoing.req_id
        logger.debug(
            "> %s %s %s", outgoing.method, outgoing.channel, [t.symbol for t in outgoing.topics]
        )
        outgoing.token = self.tokens.token_for(outgoing)
        self.outgoing.append(outgoing.frame())


def _is_kept(subscription: Subscription) -> bool:
    """Tell whether a refusal does not end it: a private stream that was accepted once."""
    return subscription.ack is not None and subscription.topic.channel in PRIVATE_CHANNELS


def _will_be_repeated(
    outgoing: OutgoingRequest, subscription: Subscription, response: WSResponse | WSErrorResponse
) -> bool:
    """Tell whether an answer is not the last word, so that those who wait go on waiting."""
    if outgoing.purpose == "resync":
        return outgoing.method != "subscribe" or isinstance(response, WSErrorResponse)
    is_refusal = outgoing.method == "subscribe" and isinstance(response, WSErrorResponse)
    return is_refusal and _is_kept(subscription)


def _is_orphan(subscription: Subscription) -> bool:
    """Tell whether it was never confirmed and nobody waits for it."""
    return subscription.ack is None and not subscription.requests and not subscription.is_standing
