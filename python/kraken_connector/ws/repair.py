"""Asking for a stream again: unsubscribe, wait for the answer, subscribe, wait for a snapshot.

A repeated subscribe alone brings no snapshot, it is refused (seen live: `Already subscribed`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .._backend import Engine, WSDataMessage
from ..exceptions import TransportError
from ..models import BookQuarantinedEvent, WSErrorResponse, WSResponse
from .constants import ALREADY_SUBSCRIBED
from .flights import says
from .requests import Requests
from .resync import Resync, ResyncPolicy
from .subscriptions import Registry, Topic

__all__ = ["Repair"]

logger = logging.getLogger(__name__)


class Repair:
    """The streams of one connection that are being asked for again.

    Args:
        requests: sends what is needed.
        registry: what is subscribed.
        engine: holds the books.
        note: takes events about a topic.
        closed: takes the record of a hole: the repair, and whether it ended well.
        changed: is called when `is_active` may have changed.
        attempts: how often one stream is asked for before it is given up.
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
        closed: Callable[[Resync, bool], None],
        changed: Callable[[], None],
        attempts: int,
        patience: float,
        now_ns: Callable[[], int],
    ) -> None:
        self.count = 0
        self._requests = requests
        self._registry = registry
        self._engine = engine
        self._note = note
        self._closed = closed
        self._changed = changed
        self._patience = patience
        self._now_ns = now_ns
        self._policy = ResyncPolicy(attempts)

    @property
    def is_active(self) -> bool:
        """Whether a stream is being asked for again."""
        return any(True for _ in self._policy)

    def needed(self, topic: Topic, cause: str, now: float) -> None:
        """Begin to ask for a stream again, unless that is under way."""
        subscription = self._registry.get(topic)
        if subscription is None or subscription.state != "confirmed" or self._policy.get(topic):
            return
        self._attempt(topic, cause, now)

    def watch(self, message: WSDataMessage, now: float) -> None:
        """See whether a book message ends a repair, or fails it."""
        entry = self._policy.get(Topic("book", None, message.symbol or ""))
        if entry is None or entry.phase not in ("subscribing", "snapshot"):
            return
        if message.type == "snapshot":
            if message.verified:
                self._finish(entry, now)
            else:
                self._attempt(entry.topic, entry.cause, now)

    def answered(
        self, method: str, topic: Topic, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        """Take the answer to a message of a repair."""
        entry = self._policy.get(topic)
        subscription = self._registry.get(topic)
        if entry is None or subscription is None or subscription.state != "confirmed":
            return
        if method == "unsubscribe" and entry.phase == "unsubscribing":
            self._step(entry, "subscribing", now)
            self._requests.resubscribe("subscribe", subscription, now)
        elif method == "subscribe" and entry.phase == "subscribing":
            self._subscribed(entry, response, now)

    def forget(self, topic: Topic) -> None:
        """Stop: nobody wants the stream any more."""
        self._policy.forget(topic)
        self._changed()

    def lost(self, error: TransportError) -> None:
        """Stop everything: a new socket begins with snapshots. The holes end in its own."""
        for entry in self._policy:
            self._closed(entry, True)
        self._policy.clear()

    def deadline(self) -> float:
        """Return when `tick` has something to do."""
        return min((entry.deadline for entry in self._policy), default=float("inf"))

    def tick(self, now: float) -> None:
        """Take the next step where its time has come, and try anew where patience has ended."""
        for entry in self._policy:
            if now < entry.deadline:
                continue
            subscription = self._registry.get(entry.topic)
            if subscription is None:
                self._policy.forget(entry.topic)
            elif entry.phase == "waiting":
                self._step(entry, "unsubscribing", now)
                self._requests.resubscribe("unsubscribe", subscription, now)
            else:
                self._attempt(entry.topic, entry.cause, now)

    def excuse(self, now: float, grace: float) -> None:
        """Grant all deadlines `grace` seconds more."""
        for entry in self._policy:
            entry.deadline = max(entry.deadline, now + grace)

    def _attempt(self, topic: Topic, cause: str, now: float) -> None:
        entry = self._policy.begin(topic, cause, self._now_ns(), now)
        self._changed()
        if entry is None:
            self._give_up(topic)
            return
        self.count += 1
        logger.warning(
            "%s of %s is asked for again (attempt %d of %d)",
            topic.channel,
            topic.name,
            entry.attempts,
            self._policy.limit,
        )
        self.tick(now)

    def _step(self, entry: Resync, phase: Any, now: float) -> None:
        entry.phase = phase
        entry.deadline = now + self._patience

    def _subscribed(
        self, entry: Resync, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        if isinstance(response, WSResponse):
            # Books wait for a snapshot that verifies; elsewhere nothing tells more than the ack.
            if entry.topic.channel != "book" or self._is_sound(entry.topic):
                self._finish(entry, now)
            else:
                self._step(entry, "snapshot", now)
        elif says(response, ALREADY_SUBSCRIBED):
            self._attempt(entry.topic, entry.cause, now)
        else:
            subscription = self._registry.get(entry.topic)
            assert subscription is not None
            subscription.state, subscription.error = "rejected", response.error
            self._note(entry.topic, response)
            self._give_up(entry.topic)

    def _is_sound(self, topic: Topic) -> bool:
        return self._engine.book(topic.symbol).is_valid

    def _finish(self, entry: Resync, now: float) -> None:
        self._policy.finish(entry, now)
        self._changed()
        logger.info("%s of %s is sound again", entry.topic.channel, entry.topic.name)
        self._closed(entry, True)

    def _give_up(self, topic: Topic) -> None:
        entry = self._policy.entry(topic)
        attempts = entry.attempts if entry else 0
        logger.error("%s of %s is given up", topic.channel, topic.name)
        if topic.channel == "book":
            self._engine.invalidate_book(topic.symbol, "quarantined")
            event = BookQuarantinedEvent(topic.symbol, attempts, received_ns=self._now_ns())
            self._note(topic, event)
        if entry is not None:
            self._closed(entry, False)
        self._policy.forget(topic)
        self._changed()
