"""Requests on their way: built, paced, sent, and matched with their answers."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import orjson

from ...models import WSErrorResponse, WSResponse
from ..base.pacing import Allowance, Pacer
from ..constants import (
    ALREADY_SUBSCRIBED,
    LEVEL3_ALLOWANCE,
    LEVEL3_COST,
    NOT_SUBSCRIBED,
    SUBSCRIBE_BURST,
    SUBSCRIBE_RATE,
    TOKEN_CHANNELS,
)
from ..subscribe import Level3Params
from .registry import Subscription, Topic

__all__ = ["OutgoingRequest", "Purpose", "RequestQueue", "says"]

#: Messages without an answer that are remembered, should it come late.
LATE_KEPT = 1000

#: `call`: a caller waits. `replay`: after a reconnect. `resync`: one stream again. `cleanup`: to
#: end what a caller no longer waits for.
Purpose = Literal["call", "replay", "resync", "cleanup"]

#: Ours begin beyond what users count to, so the answers to their own requests are told apart.
FIRST_REQ_ID = 1 << 32


class OutgoingRequest:
    """One subscribe or unsubscribe message.

    Attributes:
        method: `subscribe` or `unsubscribe`.
        topics: what has no answer yet. All differ in nothing but the symbol.
        purpose: why it is sent.
        req_id: its id, 0 until it is sent.
        deadline: until when its answers are waited for.
        tries: how often it was sent in vain.
        again: the message that repeats it, if one does.
        token: the token that was put into it.
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
        self.deadline = float("inf")

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return next(iter(self.topics)).channel

    @property
    def needs_token(self) -> bool:
        """Whether it must carry a token."""
        return self.channel in TOKEN_CHANNELS

    @property
    def cost(self) -> int:
        """What it takes of the allowance for snapshots."""
        if self.method != "subscribe":
            return 0
        return sum(snapshot_cost(entry) for entry in self.topics.values())

    def frame(self) -> bytes:
        """Return the message."""
        asked = next(iter(self.topics.values())).params
        params: dict[str, Any]
        if self.method == "subscribe":
            params = asked.subscribe_params()
        else:
            params = asked.unsubscribe_params()
        symbols = [topic.symbol for topic in self.topics if topic.symbol]
        if symbols:
            params["symbol"] = symbols
        if self.token is not None:
            params["token"] = self.token
        return orjson.dumps({"method": self.method, "params": params, "req_id": self.req_id})

    def answered(self, response: WSResponse | WSErrorResponse) -> list[Topic]:
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

    def in_effect(
        self, topic: Topic, response: WSResponse | WSErrorResponse
    ) -> WSResponse | WSErrorResponse:
        """Turn a refusal into a success where what was wanted is so already.

        Not when a stream is subscribed anew: it needs the snapshot that a refusal does not bring.
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
    """Tell whether a refusal begins with `text`; details may follow."""
    return isinstance(response.error, str) and response.error.startswith(text)


def snapshot_cost(subscription: Subscription) -> int:
    """Return what subscribing takes of the allowance for snapshots: `level3` alone has one."""
    params = subscription.params
    return LEVEL3_COST[params.depth] if isinstance(params, Level3Params) else 0


class RequestQueue:
    """The messages of one connection, those that wait for a permit and those that are out.

    Args:
        allowance: what the connections of a client may spend on snapshots of `level3`.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        self.pacer = Pacer(SUBSCRIBE_RATE, SUBSCRIBE_BURST)
        self.allowance = allowance or Allowance(LEVEL3_ALLOWANCE)
        self._queue: deque[OutgoingRequest] = deque()
        self._sent: dict[int, OutgoingRequest] = {}
        #: Those of them whose answer is late, oldest first.
        self._late: deque[int] = deque()
        self._ids = itertools.count(FIRST_REQ_ID)

    def __iter__(self) -> Iterator[OutgoingRequest]:
        """Iterate over what is out."""
        return iter(list(self._sent.values()))

    def new_id(self) -> int:
        """Return an id for a message."""
        return next(self._ids)

    def enqueue(self, outgoing: OutgoingRequest) -> None:
        """Put a message in line."""
        self._queue.append(outgoing)

    def retry(self, outgoing: OutgoingRequest, subscriptions: Iterable[Subscription]) -> None:
        """Put a refused part of a message in line again, as one message with its other parts."""
        again = outgoing.again
        if again is not None and again in self._queue:
            again.topics.update((entry.topic, entry) for entry in subscriptions)
            return
        outgoing.again = OutgoingRequest(
            outgoing.method, subscriptions, outgoing.purpose, outgoing.tries + 1
        )
        self._queue.appendleft(outgoing.again)

    def is_waiting(self, topic: Topic) -> bool:
        """Tell whether a message about a topic stands in line."""
        return any(topic in outgoing.topics for outgoing in self._queue)

    def is_sent(self, method: str, topic: Topic) -> bool:
        """Tell whether a message about a topic was sent and has no answer about it."""
        return any(topic in f.topics for f in self._sent.values() if f.method == method)

    def is_unsubscribing(self, topic: Topic) -> bool:
        """Tell whether an unsubscribe of a topic stands in line or has no answer yet."""
        is_waiting = any(topic in f.topics for f in self._queue if f.method == "unsubscribe")
        return is_waiting or self.is_sent("unsubscribe", topic)

    def mark_late(self, outgoing: OutgoingRequest) -> None:
        """Note that patience with an answer has ended; it may still come."""
        outgoing.deadline = float("inf")
        self._late.append(outgoing.req_id)
        if len(self._late) > LATE_KEPT:
            self._sent.pop(self._late.popleft(), None)

    def batches(
        self, method: str, subscriptions: Iterable[Subscription]
    ) -> Iterator[list[Subscription]]:
        """Divide what is asked for at once by what the allowance for snapshots holds."""
        entries = list(subscriptions)
        cost = snapshot_cost(entries[0]) if entries and method == "subscribe" else 0
        size = max(1, self.allowance.limit // cost) if cost else max(1, len(entries))
        for start in range(0, len(entries), size):
            yield entries[start : start + size]

    def pop_due(self, now: float) -> OutgoingRequest | None:
        """Return the next message that may leave now; it counts as out."""
        outgoing, due = self._next(now)
        if outgoing is None or due > now:
            return None
        self.pacer.take(now)
        self._queue.remove(outgoing)
        outgoing.req_id = self.new_id()
        self._sent[outgoing.req_id] = outgoing
        return outgoing

    def withdraw(self, outgoing: OutgoingRequest) -> None:
        """Forget a message that did not leave after all."""
        del self._sent[outgoing.req_id]

    def deadline(self) -> float:
        """Return when patience with an answer ends."""
        times = (outgoing.deadline for outgoing in self._sent.values() if outgoing.topics)
        return min(times, default=float("inf"))

    def next_due(self, now: float) -> float:
        """Return when the next message may leave."""
        return self._next(now)[1]

    def _next(self, now: float) -> tuple[OutgoingRequest | None, float]:
        """Return which message leaves next, and when.

        Those that wait for the allowance let others pass, but not those of their own channel: an
        unsubscribe must not overtake its subscribe.
        """
        first: OutgoingRequest | None = None
        due = float("inf")
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
        return next((f for f in self._sent.values() if _fits(f, method, channel, symbol)), None)

    def accepted(self, subscription: Subscription) -> None:
        """Note that the exchange took a subscription: its limits are a new story."""
        self.pacer.recovered()
        if snapshot_cost(subscription):
            self.allowance.recovered()

    def remove_if_answered(self, outgoing: OutgoingRequest) -> None:
        """Forget a message that is completely answered."""
        if not outgoing.topics:
            self._sent.pop(outgoing.req_id, None)

    def clear(self) -> None:
        """Forget everything: the socket is gone."""
        self._queue.clear()
        self._sent.clear()
        self._late.clear()


def _fits(outgoing: OutgoingRequest, method: str, channel: str | None, symbol: str | None) -> bool:
    if outgoing.method != method or not outgoing.topics:
        return False
    if channel is not None and outgoing.channel != channel:
        return False
    # Without a name there is nothing to match by but the channel of a private subscription.
    if symbol is None:
        return channel is not None
    return any(topic.symbol == symbol for topic in outgoing.topics)
