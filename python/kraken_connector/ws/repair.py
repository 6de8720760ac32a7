"""Asking for a stream again: unsubscribe, wait for the answer, subscribe, wait for a snapshot.

A repeated subscribe alone brings no snapshot, it is refused (seen live: `Already subscribed`). And
an ack does not mean that the snapshot comes (seen live: after an unsubscribe within milliseconds it
may not), so each is waited for, with a deadline.

A book is given up after some attempts. A private stream never is: whatever the exchange answers to
its subscribe, once it was accepted it is subscribed to again, with growing pauses. Another public
stream is given up when the exchange refuses it; while it brings nothing it is subscribed to again,
with growing pauses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .._backend import Engine, WSDataMessage
from ..exceptions import BookNotReady, TransportError
from ..models import BookQuarantinedEvent, WSErrorResponse, WSResponse
from .constants import ALREADY_SUBSCRIBED, BOOK_CHANNELS, PRIVATE_CHANNELS, EventTrigger
from .flights import says
from .requests import Requests
from .resync import Resync, ResyncPolicy
from .subscribe import SubscriptionParams
from .subscriptions import Ask, Registry, Subscription, Topic

__all__ = ["Repair"]

logger = logging.getLogger(__name__)

#: Channels of which any message shows that the stream works. The others build on their snapshot.
#: A pair that never traded may have no snapshot, and begin with an update.
INDEPENDENT = frozenset({"ticker", "trade", "ohlc"})


@dataclass(slots=True)
class _Awaited:
    """A subscription that has brought nothing yet.

    Attributes:
        topic: the stream.
        since_ns: local time at which it was asked for, nanoseconds since the epoch.
        since: the same in monotonic seconds.
        deadline: when it is asked for again.
    """

    topic: Topic
    since_ns: int
    since: float
    deadline: float


class Repair:
    """The streams of one connection that are being asked for again.

    Args:
        requests: sends what is needed.
        registry: what is subscribed.
        engine: holds the books.
        note: takes events about a topic.
        silent: takes a topic that was accepted and brought nothing, and for how many seconds.
        closed: takes the record of a hole: the repair, and whether it ended well.
        changed: is called when `watched` may have changed.
        broken: is called when messages of a private channel may be missing, with its name.
        split_off: takes a channel out of the gap that a lost socket made; returns when that began,
            nanoseconds since the epoch, `None` if it was not in it.
        attempts: how often one stream is asked for before it is given up; not of private ones.
        patience: seconds to wait for an answer or a snapshot.
        now_ns: gives the local time of the last frame.
    """

    def __init__(
        self,
        requests: Requests,
        registry: Registry,
        engine: Engine,
        *,
        note: Callable[[Topic, Any], None],
        silent: Callable[[Topic, float], None],
        closed: Callable[[Resync, bool], None],
        changed: Callable[[], None],
        broken: Callable[[str], None],
        split_off: Callable[[str], int | None],
        attempts: int,
        patience: float,
        now_ns: Callable[[], int],
    ) -> None:
        self.count = 0
        self._requests = requests
        self._registry = registry
        self._engine = engine
        self._note = note
        self._silent = silent
        self._closed = closed
        self._changed = changed
        self._broken = broken
        self._split_off = split_off
        self._patience = patience
        self._now_ns = now_ns
        self._policy = ResyncPolicy(attempts)
        self._awaited: dict[str, dict[Topic, _Awaited]] = {}
        self._asks: dict[Topic, list[Ask]] = {}
        #: Private streams of which something was missed, and no snapshot came since.
        self._stale: set[Topic] = set()

    @property
    def watched(self) -> frozenset[str]:
        """The channels whose messages `watch` must see."""
        waiting = (channel for channel, topics in self._awaited.items() if topics)
        return frozenset({*waiting, *(entry.topic.channel for entry in self._policy)})

    @property
    def has_stale_stream(self) -> bool:
        """Whether something of a private stream was missed, and no snapshot came since."""
        return any(self._registry.get(topic) is not None for topic in self._stale)

    def is_current(self, topic: Topic) -> bool:
        """Tell whether a stream is accepted, has begun, and nothing of it was missed since."""
        subscription = self._registry.get(topic)
        return (
            subscription is not None
            and subscription.state == "confirmed"
            and topic not in self._stale
            and not self._is_awaited(topic)
        )

    def needed(self, topic: Topic, cause: str, now: float, since_ns: int | None = None) -> None:
        """Begin to ask for a stream again, unless that is under way."""
        if topic.channel in PRIVATE_CHANNELS:
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
            # Should it stay after all, it must be asked for again then.
            self._await(topic, now, self._patience)
        if subscription is None or subscription.state != "confirmed" or self._policy.get(topic):
            return
        self._awaited.get(topic.channel, {}).pop(topic, None)
        self._attempt(topic, cause, now, since_ns, is_planned=is_planned)

    def release(self, subscription: Subscription, now: float, *, is_open: bool) -> Ask:
        """Ask for a stream again on the user's wish, whatever became of it before.

        Without a socket the next one brings it anyway.
        """
        topic = subscription.topic
        ask = Ask("resync", [topic])
        ask.outstanding.add(topic)
        self._asks.setdefault(topic, []).append(ask)
        if self._policy.get(topic) is None and subscription.state in ("confirmed", "rejected"):
            self._policy.forget(topic)
            subscription.state, subscription.error = "confirmed", ""
            if self._is_sound(topic):
                self._engine.books_of(topic.channel).invalidate(topic.symbol)
            if is_open:
                self.needed(topic, "resync", now)
        return ask

    def can_refresh(self, topic: Topic) -> bool:
        """Tell whether a private stream could be asked for again now."""
        subscription = self._registry.get(topic)
        return (
            subscription is not None
            and subscription.state == "confirmed"
            and self._policy.get(topic) is None
            and not self._is_awaited(topic)
        )

    def refresh(self, topic: Topic, now: float) -> None:
        """Ask for a private stream again, for the sake of its snapshot.

        One that waits for its next attempt is asked for at once. One that is being asked for brings
        its snapshot anyway.
        """
        self.hurry(topic, now)
        if self.can_refresh(topic):
            # It did not fail, so that what was tried before does not count.
            self._policy.forget(topic)
            self._begin(topic, "resync", now, is_planned=topic not in self._stale)

    def hurry(self, topic: Topic, now: float) -> None:
        """Ask at once for a stream that waits for its next attempt."""
        entry = self._policy.get(topic)
        if entry is not None and entry.phase == "waiting":
            entry.attempts, entry.deadline = 1, now
            self._advance(entry, now)

    def awaits(self, topic: Topic) -> bool:
        """Tell whether the first message of a subscription is awaited."""
        return self._is_awaited(topic) or self.is_under_way(topic)

    def is_under_way(self, topic: Topic) -> bool:
        """Tell whether a stream is being asked for again."""
        return self._policy.get(topic) is not None

    def expect(self, subscription: Subscription, now: float) -> None:
        """Begin to wait for the first message of a subscription that is being sent."""
        if _brings_snapshot(subscription.params):
            self._await(subscription.topic, now, 2 * self._patience)
            self._changed()

    def confirmed(self, topic: Topic, now: float) -> None:
        """Count from the answer, if nothing came before it."""
        if (entry := self._awaited.get(topic.channel, {}).get(topic)) is not None:
            if self._sends_no_snapshot(topic):
                del self._awaited[topic.channel][topic]
                self._changed()
                return
            entry.since_ns, entry.since = self._now_ns(), now
            entry.deadline = now + self._patience
        elif topic in self._stale:
            subscription = self._registry.get(topic)
            assert subscription is not None
            if _brings_snapshot(subscription.params):
                # The snapshot came before the answer, and something was missed between the two.
                self._begin(topic, "sequence", now)
            else:
                self._stale.discard(topic)

    def refused(self, topic: Topic, now: float) -> None:
        """Note that a stream which was there before was refused by the next socket."""
        if topic.channel in PRIVATE_CHANNELS:
            self._awaited.get(topic.channel, {}).pop(topic, None)
            since_ns = self._split_off(topic.channel)
            self._attempt(topic, "disconnect", now, since_ns, tried=1)
            return
        self._note_quarantine(topic, 0)
        self._closed(Resync(topic, "disconnect", self._now_ns()), False)

    def watch(self, message: WSDataMessage, now: float) -> bool:
        """See whether a message was waited for, or ends a repair, or fails it."""
        if message.type != "snapshot" and message.channel not in INDEPENDENT:
            return False
        places = [self._watch(message, topic, now) for topic in self._topics(message)]
        return any(places)

    def _watch(self, message: WSDataMessage, topic: Topic, now: float) -> bool:
        came = self._awaited.get(message.channel, {}).pop(topic, None)
        if came is not None and message.verified is not False:
            self._stale.discard(topic)
            self._settle(topic)
        entry = self._policy.get(topic)
        is_meant = entry is not None and self._may_end(entry)
        if entry is not None and is_meant:
            if message.verified is False:
                self._attempt(topic, entry.cause, now)
            else:
                self._finish(entry, now)
        if came is not None or is_meant:
            self._changed()
            return True
        return False

    def _may_end(self, entry: Resync) -> bool:
        """Tell whether a message of its stream may end a repair now."""
        if entry.phase == "waiting":
            return entry.topic.channel in INDEPENDENT
        return entry.phase in ("subscribing", "snapshot")

    def _topics(self, message: WSDataMessage) -> list[Topic]:
        """Return the streams that a message may be of."""
        channel = message.channel
        if channel in BOOK_CHANNELS:
            return [Topic(channel, None, message.symbol or "")]
        if channel not in INDEPENDENT:
            return [Topic(channel, None, "")]
        if not message.data:
            # An empty snapshot names no pair: it is taken for that of the first pair without one.
            repaired = (entry.topic for entry in self._policy if entry.topic.channel == channel)
            return [*self._awaited.get(channel, {}), *repaired][:1]
        found = (topic for item in message.data for topic in _topics_of(channel, item))
        return list(dict.fromkeys(found))

    def answered(
        self, method: str, topic: Topic, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        """Take the answer to a message of a repair."""
        entry = self._policy.get(topic)
        subscription = self._registry.get(topic)
        if entry is None or subscription is None or not _is_in_force(subscription):
            return
        if method == "unsubscribe" and entry.phase == "unsubscribing":
            self._step(entry, "subscribing", now)
            self._requests.resubscribe("subscribe", subscription, now)
        elif method == "subscribe" and entry.phase == "subscribing":
            self._subscribed(entry, response, now)

    def forget(self, topic: Topic) -> None:
        """Stop: nobody wants the stream any more."""
        self._policy.forget(topic)
        self._stale.discard(topic)
        self._awaited.get(topic.channel, {}).pop(topic, None)
        self._settle(topic, BookNotReady(topic.symbol, "unsubscribed"))
        self._changed()

    def lost(self, error: TransportError) -> None:
        """Stop everything: a new socket begins with snapshots. The holes end in its own."""
        for entry in self._policy:
            self._closed(entry, True)
        self._policy.clear()
        self._awaited.clear()
        self._stale |= {
            entry.topic
            for entry in self._registry
            if entry.topic.channel in PRIVATE_CHANNELS and entry.ack is not None
        }
        for topic in list(self._asks):
            self._settle(topic, error)

    def deadline(self) -> float:
        """Return when `tick` has something to do."""
        times = [entry.deadline for entry in self._policy]
        times += [entry.deadline for entry in self._waiting()]
        return min(times, default=float("inf"))

    def tick(self, now: float) -> None:
        """Take the next step where its time has come, and try anew where patience has ended."""
        for awaited in [entry for entry in self._waiting() if now >= entry.deadline]:
            self._overdue(awaited, now)
        for entry in [entry for entry in self._policy if now >= entry.deadline]:
            self._advance(entry, now)

    def excuse(self, now: float, grace: float) -> None:
        """Grant all deadlines `grace` seconds more."""
        for entry in (*self._policy, *self._waiting()):
            entry.deadline = max(entry.deadline, now + grace)

    def _await(self, topic: Topic, now: float, patience: float) -> None:
        """Wait for the first message of a stream."""
        entry = _Awaited(topic, self._now_ns(), now, now + patience)
        self._awaited.setdefault(topic.channel, {})[topic] = entry

    def _sends_no_snapshot(self, topic: Topic) -> bool:
        """Tell whether the answer to a subscribe says that no snapshot comes."""
        subscription = self._registry.get(topic)
        ack = None if subscription is None else subscription.ack
        return ack is not None and (
            topic.channel in INDEPENDENT and ack.result.get("snapshot") is False
        )

    def _is_awaited(self, topic: Topic) -> bool:
        return topic in self._awaited.get(topic.channel, {})

    def _waiting(self) -> Iterator[_Awaited]:
        return (entry for topics in self._awaited.values() for entry in topics.values())

    def _overdue(self, awaited: _Awaited, now: float) -> None:
        """Ask again for what was confirmed and brought nothing."""
        topic = awaited.topic
        subscription = self._registry.get(topic)
        if subscription is not None and subscription.state in ("pending", "unsubscribing"):
            awaited.deadline = now + self._patience
            return
        del self._awaited[topic.channel][topic]
        self._silent(topic, now - awaited.since)
        self.needed(topic, "resync", now, awaited.since_ns)
        self._changed()

    def _attempt(
        self,
        topic: Topic,
        cause: str,
        now: float,
        since_ns: int | None = None,
        *,
        tried: int = 0,
        is_planned: bool = False,
    ) -> None:
        began_ns = self._now_ns() if since_ns is None else since_ns
        entry = self._policy.begin(topic, cause, began_ns, now, tried=tried)
        self._changed()
        if entry is None:
            self._give_up(topic)
            return
        self.count += 1
        is_private = topic.channel in PRIVATE_CHANNELS
        bound = f" of {self._policy.limit}" if topic.channel in BOOK_CHANNELS else ""
        logger.warning("%s is asked for again (attempt %d%s)", topic, entry.attempts, bound)
        if is_private and not is_planned:
            self._stale.add(topic)
            self._broken(topic.channel)
        if now >= entry.deadline:
            self._advance(entry, now)

    def _advance(self, entry: Resync, now: float) -> None:
        subscription = self._registry.get(entry.topic)
        if subscription is None:
            self._policy.forget(entry.topic)
        elif self._requests.is_waiting(entry.topic):
            # It has not left yet, which is our own pacing.
            entry.deadline = now + self._patience
        elif entry.phase == "waiting":
            self._step(entry, "unsubscribing", now)
            self._requests.resubscribe("unsubscribe", subscription, now)
        else:
            self._attempt(entry.topic, entry.cause, now)

    def _step(self, entry: Resync, phase: Any, now: float) -> None:
        entry.phase = phase
        entry.deadline = now + self._patience

    def _subscribed(
        self, entry: Resync, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        subscription = self._registry.get(entry.topic)
        assert subscription is not None
        if isinstance(response, WSResponse):
            subscription.state, subscription.error = "confirmed", ""
            if _brings_snapshot(subscription.params):
                self._step(entry, "snapshot", now)
            else:
                self._finish(entry, now)
        elif says(response, ALREADY_SUBSCRIBED):
            self._attempt(entry.topic, entry.cause, now)
        elif entry.topic.channel in PRIVATE_CHANNELS:
            logger.warning("%s refused: %s", entry.topic, response.error)
            subscription.state, subscription.error = "pending", str(response.error)
            self._note(entry.topic, response)
            self._attempt(entry.topic, entry.cause, now)
        else:
            subscription.state, subscription.error = "rejected", str(response.error)
            self._note(entry.topic, response)
            self._give_up(entry.topic)

    def _is_sound(self, topic: Topic) -> bool:
        return self._engine.books_of(topic.channel).get_or_create(topic.symbol).is_valid

    def _finish(self, entry: Resync, now: float) -> None:
        self._policy.finish(entry, now)
        self._stale.discard(entry.topic)
        subscription = self._registry.get(entry.topic)
        if subscription is not None and subscription.state == "pending":
            # It was refused before, and has begun: its answer is only late.
            subscription.state, subscription.error = "confirmed", ""
        self._changed()
        logger.info("%s is sound again", entry.topic)
        self._closed(entry, True)
        self._settle(entry.topic)

    def _settle(self, topic: Topic, error: BaseException | None = None) -> None:
        """Tell those who wait for a stream what became of it."""
        for ask in self._asks.pop(topic, ()):
            if error is not None:
                ask.fail(error)
            else:
                ask.outstanding.clear()
                ask.on_done()

    def _give_up(self, topic: Topic) -> None:
        entry = self._policy.entry(topic)
        attempts = entry.attempts if entry else 0
        logger.error("%s is given up", topic)
        self._note_quarantine(topic, attempts)
        if entry is not None:
            self._closed(entry, False)
        self._policy.forget(topic)
        self._settle(topic, BookNotReady(topic.symbol, "quarantined"))
        self._changed()

    def _note_quarantine(self, topic: Topic, attempts: int) -> None:
        if topic.channel in BOOK_CHANNELS:
            self._engine.books_of(topic.channel).invalidate(topic.symbol, "quarantined")
            event = BookQuarantinedEvent(
                topic.symbol, attempts, received_ns=self._now_ns(), channel=topic.channel
            )
            self._note(topic, event)


def _is_in_force(subscription: Subscription) -> bool:
    """Tell whether the exchange accepted a subscription; it may have refused it since."""
    was_accepted = subscription.state == "pending" and subscription.ack is not None
    return subscription.state == "confirmed" or was_accepted


def _brings_snapshot(params: SubscriptionParams) -> bool:
    """Tell whether a subscription is to begin with a message.

    An account without orders gets an empty snapshot (seen in captures). What comes for a pair that
    never traded, `trade` and `ohlc` pages do not say.
    """
    asked = params.subscribe_params()
    if asked.get("users") or asked.get("snapshot") is False:
        return False
    return params.channel != "executions" or bool(asked["snap_orders"] or asked["snap_trades"])


def _topics_of(channel: str, item: Any) -> list[Topic]:
    """Return the streams that an item of a message may be of."""
    symbol, interval = getattr(item, "symbol", None), getattr(item, "interval", None)
    if not isinstance(symbol, str):
        return []
    if channel == "ticker":
        # Nothing tells the two kinds of ticker apart.
        return [Topic(channel, trigger.value, symbol) for trigger in EventTrigger]
    if channel == "ohlc":
        return [Topic(channel, interval, symbol)] if isinstance(interval, int) else []
    return [Topic(channel, None, symbol)]
