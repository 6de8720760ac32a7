"""Resync a stream: unsubscribe, wait for the answer, subscribe, wait for the snapshot.

A second subscribe alone brings no snapshot: it is refused (seen live: `Already subscribed`). An ack
does not mean that the snapshot comes (seen live: within milliseconds after an unsubscribe it may
not). So both have a deadline.

A book is quarantined after some attempts. A private stream that was accepted once is never given
up, whatever the exchange answers to later subscribes. Any other stream is given up when the
exchange refuses it, and subscribed again while it brings nothing. The pauses between attempts grow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from ..._backend import Engine, WSDataMessage
from ...exceptions import BookNotReady, TransportError
from ...models import BookQuarantinedEvent, WSErrorResponse, WSResponse
from ..base.streams import ACCOUNT_CHANNELS, COMPLETE_CHANNELS
from ..constants import ALREADY_SUBSCRIBED, BOOK_CHANNELS, EventTrigger
from .part import Part
from .registry import PendingRequest, Registry, Subscription, Topic
from .request_queue import says
from .requests import Answer, Requests
from .resync_policy import Resync, ResyncPolicy

__all__ = ["Resyncs"]

logger = logging.getLogger(__name__)

#: Channels of which any message shows that the stream works: a pair that never traded may have no
#: snapshot and begin with an update. The other channels need their snapshot.
INDEPENDENT = frozenset({"ticker", "trade", "ohlc"})
#: The channels of which any message ends the wait for the first one.
BEGUN_BY_ANY = INDEPENDENT | COMPLETE_CHANNELS


@dataclass(slots=True)
class _Awaited:
    """A subscription without a first message.

    Attributes:
        topic: the stream.
        since_ns: local time of its subscribe or ack, nanoseconds since the epoch.
        since: the same time in monotonic seconds.
        deadline: when to subscribe again.
    """

    topic: Topic
    since_ns: int
    since: float
    deadline: float


class Resyncs(Part):
    """The resyncs of one connection.

    Args:
        requests: sends the messages.
        registry: the subscriptions.
        engine: holds the books.
        on_event: called with a topic and an event about it.
        on_silent: called with a topic without a first message, and the seconds since its ack.
        on_end: called with a resync that has ended, and whether it succeeded.
        on_change: called when `watched` may have changed.
        on_gap: called with a private channel of which messages may be missing.
        split_off: removes a channel from the gap of a lost socket; returns when that began,
            nanoseconds since the epoch, `None` if the channel is not part of it.
        attempts: how often a book is subscribed again before it is quarantined.
        patience: seconds to wait for an answer or a snapshot.
        now_ns: returns the local time of the last frame.
        proven_ns: returns the local time of a stream's last message that proves that no earlier one
            is missing, `None` if there is none: what came after it may be incomplete.

    Attributes:
        count: number of attempts so far.
    """

    def __init__(
        self,
        requests: Requests,
        registry: Registry,
        engine: Engine,
        *,
        on_event: Callable[[Topic, Any], None],
        on_silent: Callable[[Topic, float], None],
        on_end: Callable[[Resync, bool], None],
        on_change: Callable[[], None],
        on_gap: Callable[[str], None],
        split_off: Callable[[str], int | None],
        attempts: int,
        patience: float,
        now_ns: Callable[[], int],
        proven_ns: Callable[[Topic], int | None],
    ) -> None:
        self.count = 0
        self._requests = requests
        self._registry = registry
        self._engine = engine
        self._on_event = on_event
        self._on_silent = on_silent
        self._on_end = on_end
        self._on_change = on_change
        self._on_gap = on_gap
        self._split_off = split_off
        self._patience = patience
        self._now_ns = now_ns
        self._proven_ns = proven_ns
        self._policy = ResyncPolicy(attempts)
        self._awaited: dict[str, dict[Topic, _Awaited]] = {}
        self._pending: dict[Topic, list[PendingRequest]] = {}
        #: Private streams of which messages were missed, and no snapshot came since.
        self._stale: set[Topic] = set()

    @property
    def watched(self) -> frozenset[str]:
        """The channels whose messages `observe` must get."""
        waiting = (channel for channel, topics in self._awaited.items() if topics)
        return frozenset({*waiting, *(entry.topic.channel for entry in self._policy)})

    @property
    def has_stale_stream(self) -> bool:
        """Whether messages of a private stream were missed, and no snapshot came since."""
        return any(self._registry.get(topic) is not None for topic in self._stale)

    def is_current(self, topic: Topic) -> bool:
        """Return whether a stream is confirmed, has begun, and has no gap."""
        return topic not in self._stale and self._has_begun(topic)

    def start(self, topic: Topic, cause: str, now: float, since_ns: int | None = None) -> None:
        """Start the resync of a stream, unless one is under way."""
        if topic.channel in ACCOUNT_CHANNELS:
            self._stale.add(topic)
        self._begin(topic, cause, now, since_ns)

    def _begin(
        self,
        topic: Topic,
        cause: str,
        now: float,
        since_ns: int | None = None,
        *,
        is_planned: bool = False,
    ) -> None:
        subscription = self._registry.get(topic)
        if subscription is not None and subscription.state == "unsubscribing":
            # If the unsubscribe fails, the stream must be resynced then.
            self._await(topic, now, self._patience)
        if subscription is None or subscription.state != "confirmed" or self._policy.get(topic):
            return
        self._awaited.get(topic.channel, {}).pop(topic, None)
        if not subscription.params.HEALS:
            self._report_loss(topic, cause, since_ns)
            return
        self._try_again(topic, cause, now, since_ns, is_planned=is_planned)

    def _report_loss(self, topic: Topic, cause: str, since_ns: int | None) -> None:
        """Report a gap of a stream that subscribing again would not fill."""
        self._stale.discard(topic)
        self._on_end(Resync(topic, cause, self._began_ns(topic, since_ns)), True)

    def _began_ns(self, topic: Topic, since_ns: int | None) -> int:
        """Return since when messages may be missing, by default since the last proven one."""
        if since_ns is None:
            since_ns = self._proven_ns(topic)
        return self._now_ns() if since_ns is None else since_ns

    def restart(self, subscription: Subscription, now: float, *, is_open: bool) -> PendingRequest:
        """Resync a stream because the user called for it, even if it was given up before.

        Without a socket the replay on the next one does it.
        """
        topic = subscription.topic
        request = PendingRequest("resync", [topic])
        request.outstanding.add(topic)
        self._pending.setdefault(topic, []).append(request)
        if self._policy.get(topic) is None and subscription.state in ("confirmed", "rejected"):
            self._policy.forget(topic)
            subscription.state, subscription.error = "confirmed", ""
            if self._engine.books_of(topic.channel).get_or_create(topic.symbol).is_valid:
                self._engine.books_of(topic.channel).invalidate(topic.symbol)
            if is_open:
                self.start(topic, "resync", now)
        return request

    def can_refresh(self, topic: Topic) -> bool:
        """Return whether a private stream can be resynced now."""
        return self._policy.get(topic) is None and self._has_begun(topic)

    def refresh(self, topic: Topic, now: float) -> None:
        """Resync a private stream to get its snapshot.

        If a resync waits for its next attempt, that is made at once. If one is under way, it brings
        the snapshot.
        """
        self.retry_now(topic, now)
        if self.can_refresh(topic):
            # The stream did not fail, so earlier attempts do not count.
            self._policy.forget(topic)
            self._begin(topic, "resync", now, is_planned=topic not in self._stale)

    def retry_now(self, topic: Topic, now: float) -> None:
        """Make the next attempt for a stream at once, if it waits for one."""
        entry = self._policy.get(topic)
        if entry is not None and entry.phase == "waiting":
            entry.attempts, entry.deadline = 1, now
            self._advance(entry, now)

    def awaits(self, topic: Topic) -> bool:
        """Return whether the first message of a subscription is awaited."""
        return self._is_awaited(topic) or self.is_under_way(topic)

    def is_under_way(self, topic: Topic) -> bool:
        """Return whether a stream is being resynced."""
        return self._policy.get(topic) is not None

    def expect(self, subscription: Subscription, now: float) -> None:
        """Wait for the first message of a subscription that is sent."""
        if subscription.params.brings_snapshot:
            self._await(subscription.topic, now, 2 * self._patience)
            self._on_change()

    def _on_ack(self, topic: Topic, now: float) -> None:
        """Start the wait again from the ack, if no message came before it."""
        if (entry := self._awaited.get(topic.channel, {}).get(topic)) is not None:
            if self._sends_no_snapshot(topic):
                del self._awaited[topic.channel][topic]
                self._on_change()
                return
            entry.since_ns, entry.since = self._now_ns(), now
            entry.deadline = now + self._patience
        elif topic in self._stale:
            subscription = self._registry.get(topic)
            assert subscription is not None
            if subscription.params.brings_snapshot:
                # The snapshot came before the ack, and messages between the two were missed.
                self._begin(topic, "sequence", now)
            else:
                self._stale.discard(topic)

    def _on_refusal(self, topic: Topic, now: float) -> None:
        """Handle a stream that was accepted before and whose replay was refused."""
        if topic.channel in ACCOUNT_CHANNELS:
            self._awaited.get(topic.channel, {}).pop(topic, None)
            since_ns = self._split_off(topic.channel)
            self._try_again(topic, "disconnect", now, since_ns, tried=1)
            return
        self._report_quarantine(topic, 0)
        self._on_end(Resync(topic, "disconnect", self._now_ns()), False)

    def observe(self, message: WSDataMessage, now: float) -> bool:
        """Check whether a message is awaited or ends a resync; return whether it is."""
        if message.type != "snapshot" and message.channel not in BEGUN_BY_ANY:
            return False
        ended = [self._observe(message, topic, now) for topic in self._topics(message)]
        return any(ended)

    def _observe(self, message: WSDataMessage, topic: Topic, now: float) -> bool:
        came = self._awaited.get(message.channel, {}).pop(topic, None)
        if came is not None and message.verified is not False:
            self._stale.discard(topic)
            self._end_callers(topic)
        entry = self._policy.get(topic)
        is_awaited = entry is not None and self._may_end(entry)
        if entry is not None and is_awaited:
            if message.verified is False:
                self._try_again(topic, entry.cause, now)
            else:
                self._finish(entry, now)
        if came is not None or is_awaited:
            self._on_change()
            return True
        return False

    def _may_end(self, entry: Resync) -> bool:
        """Return whether a message of its stream may end a resync now."""
        if entry.phase == "waiting":
            return entry.topic.channel in INDEPENDENT
        return entry.phase in ("subscribing", "snapshot")

    def _topics(self, message: WSDataMessage) -> list[Topic]:
        """Return the streams that a message may belong to."""
        channel = message.channel
        if channel in BOOK_CHANNELS:
            return [Topic(channel, None, message.symbol or "")]
        if channel not in INDEPENDENT:
            return [Topic(channel, None, "")]
        if not message.data:
            # An empty snapshot names no pair: assume the first one that waits.
            resynced = (entry.topic for entry in self._policy if entry.topic.channel == channel)
            return [*self._awaited.get(channel, {}), *resynced][:1]
        found = (topic for item in message.data for topic in _topics_of(channel, item))
        return list(dict.fromkeys(found))

    def on_answer(self, answer: Answer, now: float) -> None:
        """Handle the exchange's answer about a stream."""
        topic, response = answer.subscription.topic, answer.effective
        if answer.outgoing.purpose == "resync":
            self._on_resync_answer(answer.outgoing.method, topic, response, now)
        elif answer.outgoing.method == "subscribe":
            if isinstance(response, WSErrorResponse) and answer.subscription.ack is not None:
                self._on_refusal(topic, now)
            elif isinstance(response, WSErrorResponse):
                self.forget(topic)
            elif self._registry.get(topic) is not None:
                self._on_ack(topic, now)
                if self._lacks_snapshot(topic, was_subscribed=response is not answer.response):
                    self.start(topic, "resync", now)

    def _on_resync_answer(
        self, method: str, topic: Topic, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        entry = self._policy.get(topic)
        subscription = self._registry.get(topic)
        if entry is None or subscription is None or not _is_in_force(subscription):
            return
        if method == "unsubscribe" and entry.phase == "unsubscribing":
            self._step(entry, "subscribing", now)
            self._requests.resubscribe("subscribe", subscription, now)
        elif method == "subscribe" and entry.phase == "subscribing":
            self._on_subscribe_answer(entry, response, now)

    def forget(self, topic: Topic) -> None:
        """Stop the resync of a stream that was unsubscribed."""
        self._policy.forget(topic)
        self._stale.discard(topic)
        self._awaited.get(topic.channel, {}).pop(topic, None)
        self._end_callers(topic, BookNotReady(topic.symbol, "unsubscribed"))
        self._on_change()

    def connection_lost(self, error: TransportError) -> None:
        """Stop all resyncs: their gaps become part of the gap of the socket."""
        for entry in self._policy:
            self._on_end(entry, True)
        self._policy.clear()
        self._awaited.clear()
        self._stale |= {
            entry.topic
            for entry in self._registry
            if entry.topic.channel in ACCOUNT_CHANNELS and entry.ack is not None
        }
        for topic in list(self._pending):
            self._end_callers(topic, error)

    def deadline(self, now: float) -> float:
        times = [entry.deadline for entry in self._policy]
        times += [entry.deadline for entry in self._waiting()]
        return min(times, default=inf)

    def tick(self, now: float) -> None:
        """Take the steps that are due, and try again where an answer or snapshot is overdue."""
        for awaited in [entry for entry in self._waiting() if now >= entry.deadline]:
            self._on_overdue(awaited, now)
        for entry in [entry for entry in self._policy if now >= entry.deadline]:
            self._advance(entry, now)

    def excuse(self, now: float, grace: float) -> None:
        for entry in (*self._policy, *self._waiting()):
            entry.deadline = max(entry.deadline, now + grace)

    def _await(self, topic: Topic, now: float, patience: float) -> None:
        """Wait for the first message of a stream."""
        entry = _Awaited(topic, self._now_ns(), now, now + patience)
        self._awaited.setdefault(topic.channel, {})[topic] = entry

    def _sends_no_snapshot(self, topic: Topic) -> bool:
        """Return whether the ack of a subscribe says that no snapshot comes."""
        subscription = self._registry.get(topic)
        ack = None if subscription is None else subscription.ack
        return ack is not None and (
            topic.channel in INDEPENDENT and ack.result.get("snapshot") is False
        )

    def _has_begun(self, topic: Topic) -> bool:
        """Return whether a stream is confirmed and its first message came."""
        subscription = self._registry.get(topic)
        is_confirmed = subscription is not None and subscription.state == "confirmed"
        return is_confirmed and not self._is_awaited(topic)

    def _is_awaited(self, topic: Topic) -> bool:
        return topic in self._awaited.get(topic.channel, {})

    def _waiting(self) -> Iterator[_Awaited]:
        return (entry for topics in self._awaited.values() for entry in topics.values())

    def _on_overdue(self, awaited: _Awaited, now: float) -> None:
        """Resync a stream that was confirmed and brought no message."""
        topic = awaited.topic
        subscription = self._registry.get(topic)
        if subscription is not None and subscription.state in ("pending", "unsubscribing"):
            awaited.deadline = now + self._patience
            return
        del self._awaited[topic.channel][topic]
        self._on_silent(topic, now - awaited.since)
        self.start(topic, "resync", now, awaited.since_ns)
        self._on_change()

    def _try_again(
        self,
        topic: Topic,
        cause: str,
        now: float,
        since_ns: int | None = None,
        *,
        tried: int = 0,
        is_planned: bool = False,
    ) -> None:
        began_ns = self._began_ns(topic, since_ns)
        entry = self._policy.begin(topic, cause, began_ns, now, tried=tried)
        self._on_change()
        if entry is None:
            self._give_up(topic)
            return
        self.count += 1
        is_private = topic.channel in ACCOUNT_CHANNELS
        bound = f" of {self._policy.limit}" if topic.channel in BOOK_CHANNELS else ""
        logger.warning("resyncing %s (attempt %d%s)", topic, entry.attempts, bound)
        if is_private and not is_planned:
            self._stale.add(topic)
            self._on_gap(topic.channel)
        if now >= entry.deadline:
            self._advance(entry, now)

    def _advance(self, entry: Resync, now: float) -> None:
        subscription = self._registry.get(entry.topic)
        if subscription is None:
            self._policy.forget(entry.topic)
        elif self._requests.is_waiting(entry.topic):
            # The message is still in our own queue.
            entry.deadline = now + self._patience
        elif entry.phase == "waiting":
            self._step(entry, "unsubscribing", now)
            self._requests.resubscribe("unsubscribe", subscription, now)
        else:
            self._try_again(entry.topic, entry.cause, now)

    def _step(self, entry: Resync, phase: Any, now: float) -> None:
        entry.phase = phase
        entry.deadline = now + self._patience

    def _lacks_snapshot(self, topic: Topic, *, was_subscribed: bool) -> bool:
        """Return whether a book's snapshot came and was invalidated, or will not come."""
        if topic.channel not in BOOK_CHANNELS:
            return False
        state = self._engine.books_of(topic.channel).get_or_create(topic.symbol).state
        is_awaited = self.awaits(topic) and not was_subscribed
        return state == "stale" or (state != "valid" and not is_awaited)

    def _on_subscribe_answer(
        self, entry: Resync, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        subscription = self._registry.get(entry.topic)
        assert subscription is not None
        if isinstance(response, WSResponse):
            subscription.state, subscription.error = "confirmed", ""
            if subscription.params.brings_snapshot:
                self._step(entry, "snapshot", now)
            else:
                self._finish(entry, now)
        elif says(response, ALREADY_SUBSCRIBED):
            self._try_again(entry.topic, entry.cause, now)
        elif entry.topic.channel in ACCOUNT_CHANNELS:
            logger.warning("%s refused: %s", entry.topic, response.error)
            subscription.state, subscription.error = "pending", str(response.error)
            self._on_event(entry.topic, response)
            self._try_again(entry.topic, entry.cause, now)
        else:
            subscription.state, subscription.error = "rejected", str(response.error)
            self._on_event(entry.topic, response)
            self._give_up(entry.topic)

    def _finish(self, entry: Resync, now: float) -> None:
        self._policy.finish(entry, now)
        self._stale.discard(entry.topic)
        subscription = self._registry.get(entry.topic)
        if subscription is not None and subscription.state == "pending":
            # It was refused before and has begun now: only the ack is late.
            subscription.state, subscription.error = "confirmed", ""
        self._on_change()
        logger.info("%s is in sync again", entry.topic)
        self._on_end(entry, True)
        self._end_callers(entry.topic)

    def _end_callers(self, topic: Topic, error: BaseException | None = None) -> None:
        """End the requests of users that wait for a stream."""
        for request in self._pending.pop(topic, ()):
            if error is not None:
                request.fail(error)
            else:
                request.outstanding.clear()
                request.on_done()

    def _give_up(self, topic: Topic) -> None:
        entry = self._policy.entry(topic)
        attempts = entry.attempts if entry else 0
        logger.error("%s is given up", topic)
        self._report_quarantine(topic, attempts)
        if entry is not None:
            self._on_end(entry, False)
        self._policy.forget(topic)
        self._end_callers(topic, BookNotReady(topic.symbol, "quarantined"))
        self._on_change()

    def _report_quarantine(self, topic: Topic, attempts: int) -> None:
        if topic.channel in BOOK_CHANNELS:
            self._engine.books_of(topic.channel).invalidate(topic.symbol, "quarantined")
            event = BookQuarantinedEvent(
                topic.symbol, attempts, received_ns=self._now_ns(), channel=topic.channel
            )
            self._on_event(topic, event)


def _is_in_force(subscription: Subscription) -> bool:
    """Return whether the exchange accepted a subscription; it may have refused it since."""
    was_accepted = subscription.state == "pending" and subscription.ack is not None
    return subscription.state == "confirmed" or was_accepted


def _topics_of(channel: str, item: Any) -> list[Topic]:
    """Return the streams that an item of a message may belong to."""
    symbol, interval = getattr(item, "symbol", None), getattr(item, "interval", None)
    if not isinstance(symbol, str):
        return []
    if channel == "ticker":
        # Messages of the two kinds of ticker look the same.
        return [Topic(channel, trigger.value, symbol) for trigger in EventTrigger]
    if channel == "ohlc":
        return [Topic(channel, interval, symbol)] if isinstance(interval, int) else []
    return [Topic(channel, None, symbol)]
