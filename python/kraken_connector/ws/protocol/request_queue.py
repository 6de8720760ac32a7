"""A queue of subscribe and unsubscribe messages: paced, and matched with their answers."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, Literal

import orjson

from ...models import WSErrorResponse, WSResponse
from ..base.pacing import Allowance, Pacer
from ..base.streams import WITH_TOKEN
from ..constants import (
    ALREADY_SUBSCRIBED,
    LEVEL3_ALLOWANCE,
    LEVEL3_COST,
    NOT_SUBSCRIBED,
    SUBSCRIBE_BURST,
    SUBSCRIBE_RATE,
)
from ..subscribe import Level3Params
from .registry import Subscription, Topic

__all__ = ["OutgoingRequest", "Purpose", "RequestQueue", "says"]

#: How many messages without an answer are remembered, in case it comes late.
LATE_KEPT = 1000

#: `call`: a caller waits. `replay`: after a reconnect. `resync`: one stream is subscribed again.
#: `cleanup`: unsubscribes a stream whose caller no longer waits.
Purpose = Literal["call", "replay", "resync", "cleanup"]

#: The first id, beyond the ids that users are likely to put into their own requests.
FIRST_REQ_ID = 1 << 32


class OutgoingRequest:
    """One subscribe or unsubscribe message.

    Attributes:
        method: `subscribe` or `unsubscribe`.
        topics: the streams without an answer; they differ only in the symbol.
        purpose: why it is sent.
        req_id: its id, 0 until it is sent.
        deadline: when its answers are overdue.
        tries: how often it was sent before.
        again: the message that repeats it, `None` if there is none.
        token: the token in it.
    """

    def __init__(
        self,
        method: str,
        subscriptions: Iterable[Subscription],
        purpose: Purpose,
        tries: int = 0,
    ) -> None:
        self.method = method
        self.topics = {subscription.topic: subscription for subscription in subscriptions}
        self.purpose = purpose
        self.tries = tries
        self.again: OutgoingRequest | None = None
        self.token: str | None = None
        self.req_id = 0
        self.deadline = inf

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return next(iter(self.topics)).channel

    @property
    def needs_token(self) -> bool:
        """Whether it must carry a token."""
        return self.channel in WITH_TOKEN

    @property
    def cost(self) -> int:
        """The cost of its snapshots."""
        if self.method != "subscribe":
            return 0
        return sum(snapshot_cost(entry) for entry in self.topics.values())

    def frame(self) -> bytes:
        """Return the message."""
        first = next(iter(self.topics.values())).params
        params: dict[str, Any]
        if self.method == "subscribe":
            params = first.subscribe_params()
        else:
            params = first.unsubscribe_params()
        symbols = [topic.symbol for topic in self.topics if topic.symbol]
        if symbols:
            params["symbol"] = symbols
        if self.token is not None:
            params["token"] = self.token
        return orjson.dumps({"method": self.method, "params": params, "req_id": self.req_id})

    def topics_of(self, response: WSResponse | WSErrorResponse) -> list[Topic]:
        """Return the topics that a response to this message is about.

        A refusal without a symbol is about the symbols that its text names (seen live of `level3`:
        `... when trying to subscribe to BTC/USD level3 snapshot`), else about the whole message.
        """
        if isinstance(response, WSErrorResponse):
            symbol = response.symbol
            if symbol is None:
                words = str(response.error).split()
                named = [topic for topic in self.topics if topic.symbol in words]
                return named or list(self.topics)
        else:
            result = response.result
            symbol = result.get("symbol") if isinstance(result, dict) else None
        found = [topic for topic in self.topics if topic.symbol == (symbol or "")]
        if not found and len(self.topics) == 1:
            return list(self.topics)
        return found

    def effective_answer(
        self, topic: Topic, response: WSResponse | WSErrorResponse
    ) -> WSResponse | WSErrorResponse:
        """Return the answer, or a success if it refuses what is done already, as subscribing.

        Not in a resync: it needs the snapshot, which does not follow a refusal.
        """
        if isinstance(response, WSResponse):
            return response
        subscribes = self.method == "subscribe"
        wanted = ALREADY_SUBSCRIBED if subscribes else NOT_SUBSCRIBED
        if not says(response, wanted) or (subscribes and self.purpose == "resync"):
            return response
        result = {"channel": topic.channel, **({"symbol": topic.symbol} if topic.symbol else {})}
        return WSResponse(self.method, result, True, "", "", response.req_id)


def says(response: WSErrorResponse, text: str) -> bool:
    """Return whether the error of a refusal begins with `text`; details may follow."""
    return isinstance(response.error, str) and response.error.startswith(text)


def snapshot_cost(subscription: Subscription) -> int:
    """Return the cost of a subscription's snapshot; only `level3` has an allowance."""
    params = subscription.params
    return LEVEL3_COST[params.depth] if isinstance(params, Level3Params) else 0


class RequestQueue:
    """The messages of one connection: queued, and sent without an answer yet.

    Args:
        allowance: limits the snapshots of `level3` of all connections of a client.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        self.pacer = Pacer(SUBSCRIBE_RATE, SUBSCRIBE_BURST)
        self.allowance = allowance or Allowance(LEVEL3_ALLOWANCE)
        self._queue: deque[OutgoingRequest] = deque()
        self._sent: dict[int, OutgoingRequest] = {}
        #: The ids of sent messages that are overdue, oldest first.
        self._late: deque[int] = deque()
        self._ids = itertools.count(FIRST_REQ_ID)

    def __iter__(self) -> Iterator[OutgoingRequest]:
        """Iterate over the sent messages."""
        return iter(list(self._sent.values()))

    def new_id(self) -> int:
        """Return an id for a message."""
        return next(self._ids)

    def enqueue(self, outgoing: OutgoingRequest) -> None:
        """Add a message to the queue."""
        self._queue.append(outgoing)

    def retry(self, outgoing: OutgoingRequest, subscriptions: Iterable[Subscription]) -> None:
        """Queue a refused part of a message again, in one message with its other refused parts."""
        again = outgoing.again
        if again is not None and again in self._queue:
            again.topics.update((entry.topic, entry) for entry in subscriptions)
            return
        outgoing.again = OutgoingRequest(
            outgoing.method, subscriptions, outgoing.purpose, outgoing.tries + 1
        )
        self._queue.appendleft(outgoing.again)

    def is_waiting(self, topic: Topic) -> bool:
        """Return whether a message about a topic is queued."""
        return any(topic in outgoing.topics for outgoing in self._queue)

    def is_sent(self, method: str, topic: Topic) -> bool:
        """Return whether a message about a topic was sent and not answered."""
        return any(topic in m.topics for m in self._sent.values() if m.method == method)

    def is_unsubscribing(self, topic: Topic) -> bool:
        """Return whether an unsubscribe of a topic is queued or not answered."""
        is_waiting = any(topic in m.topics for m in self._queue if m.method == "unsubscribe")
        return is_waiting or self.is_sent("unsubscribe", topic)

    def mark_late(self, outgoing: OutgoingRequest) -> None:
        """Stop waiting for an answer, which may still come."""
        outgoing.deadline = inf
        self._late.append(outgoing.req_id)
        if len(self._late) > LATE_KEPT:
            self._sent.pop(self._late.popleft(), None)

    def batches(
        self, method: str, subscriptions: Iterable[Subscription]
    ) -> Iterator[list[Subscription]]:
        """Split subscriptions into batches that the allowance for snapshots can hold."""
        entries = list(subscriptions)
        cost = snapshot_cost(entries[0]) if entries and method == "subscribe" else 0
        size = max(1, self.allowance.limit // cost) if cost else max(1, len(entries))
        for start in range(0, len(entries), size):
            yield entries[start : start + size]

    def pop_due(self, now: float) -> OutgoingRequest | None:
        """Remove and return the next message that may be sent now; it counts as sent."""
        outgoing, due = self._next(now)
        if outgoing is None or due > now:
            return None
        self.pacer.take(now)
        self._queue.remove(outgoing)
        outgoing.req_id = self.new_id()
        self._sent[outgoing.req_id] = outgoing
        return outgoing

    def discard_sent(self, outgoing: OutgoingRequest) -> None:
        """Forget a message that was not sent after all."""
        del self._sent[outgoing.req_id]

    def deadline(self) -> float:
        """Return when the next answer is overdue."""
        times = (outgoing.deadline for outgoing in self._sent.values() if outgoing.topics)
        return min(times, default=inf)

    def next_due(self, now: float) -> float:
        """Return when the next message may be sent."""
        return self._next(now)[1]

    def _next(self, now: float) -> tuple[OutgoingRequest | None, float]:
        """Return the next message to send, and when it may be sent.

        A message that waits for the allowance lets those of other channels pass, but not those of
        its own: an unsubscribe must not overtake its subscribe.
        """
        first: OutgoingRequest | None = None
        due = inf
        held: set[str] = set()
        while self._queue and not self._queue[0].topics:
            self._queue.popleft()
        for outgoing in self._queue:
            if not outgoing.topics or outgoing.channel in held:
                continue
            free = self.allowance.next_time(outgoing.cost, now)
            if free < due:
                first, due = outgoing, free
            if free <= now:
                break
            held.add(outgoing.channel)
        return first, max(due, self.pacer.next_permit(now)) if first else due

    def match(self, response: WSResponse | WSErrorResponse) -> OutgoingRequest | None:
        """Return the message that a response answers: by id, else by method and symbol.

        A failed unsubscribe was seen to name the method `subscribe`, so an id decides alone.
        """
        if isinstance(response.req_id, int):
            return self._sent.get(response.req_id)
        if isinstance(response, WSErrorResponse):
            lost_name = response.error == NOT_SUBSCRIBED
            method = "unsubscribe" if lost_name else response.method
            channel, symbol = response.channel, response.symbol
        else:
            method = response.method
            result = response.result if isinstance(response.result, dict) else {}
            channel, symbol = result.get("channel"), result.get("symbol")
        return next((m for m in self._sent.values() if _matches(m, method, channel, symbol)), None)

    def reset_limits(self, subscription: Subscription) -> None:
        """Reset the waits for limits: the exchange accepted a subscription."""
        self.pacer.recovered()
        if snapshot_cost(subscription):
            self.allowance.recovered()

    def remove_if_answered(self, outgoing: OutgoingRequest) -> None:
        """Forget a message if all its streams have an answer."""
        if not outgoing.topics:
            self._sent.pop(outgoing.req_id, None)

    def clear(self) -> None:
        """Forget all messages: the socket is lost."""
        self._queue.clear()
        self._sent.clear()
        self._late.clear()


def _matches(
    outgoing: OutgoingRequest, method: str, channel: str | None, symbol: str | None
) -> bool:
    if outgoing.method != method or not outgoing.topics:
        return False
    if channel is not None and outgoing.channel != channel:
        return False
    # Without a symbol, only a private subscription can be matched, by its channel.
    if symbol is None:
        return channel is not None
    return any(topic.symbol == symbol for topic in outgoing.topics)
