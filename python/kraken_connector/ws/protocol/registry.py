"""The subscriptions of one connection and their states, symbol by symbol.

A registry belongs to one connection and outlives its sockets: after a reconnect its subscriptions
are replayed with the original arguments (`replay.py`). It knows neither messages nor time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, cast

from ...exceptions import RequestTimeout, SubscriptionError
from ...models import GapEvent, WSErrorResponse, WSResponse
from ..envelopes import SubscriptionResult
from ..subscribe import ChannelParams, SubscriptionParams

__all__ = [
    "Outlet",
    "PendingRequest",
    "Registry",
    "Sink",
    "SubscribeCall",
    "Subscription",
    "SubscriptionEntry",
    "SubscriptionError",
    "SymbolState",
    "Topic",
    "entries_of",
    "not_subscribed",
    "topics_of",
]

SymbolState = Literal["pending", "confirmed", "rejected", "unsubscribing"]
Key = tuple[tuple[str, Any], ...]


class Topic(NamedTuple):
    """One stream of the exchange. Each ack is about one.

    Attributes:
        channel: name of the channel.
        identity: the trigger of a ticker or the interval of candles, `None` on other channels.
        symbol: currency pair; empty on channels without symbols.
    """

    channel: str
    identity: Any
    symbol: str

    @property
    def name(self) -> str:
        """The symbol, or the channel if there is no symbol."""
        return self.symbol or self.channel

    def __str__(self) -> str:
        return f"{self.channel} of {self.symbol}" if self.symbol else self.channel


class Sink(Protocol):
    """Receives the messages and events of a subscription."""

    @property
    def put(self) -> Callable[[Any], None]:
        """Called with each message of the channel."""

    @property
    def put_all(self) -> Callable[[list[Any]], None] | None:
        """Called with messages that follow each other, as `put` is with each; it does not raise.

        `None` if there is no faster way than `put`.
        """

    @property
    def put_event(self) -> Callable[[Any], None]:
        """Called with each event about the channel: checksum mismatches, gaps."""

    @property
    def is_shared(self) -> bool:
        """Whether it also takes messages of symbols that no subscription names."""


class Outlet(Sink, Protocol):
    """The sink of everything that belongs to no subscription with its own sink."""

    @property
    def reply(self) -> Callable[[Any], None]:
        """Called with each response that no caller waits for."""

    @property
    def gap(self) -> Callable[[GapEvent], None]:
        """Called with the record of a gap."""

    @property
    def settle(self) -> Callable[[], None]:
        """Called after all messages that arrived together were delivered."""


@dataclass(frozen=True, slots=True)
class SubscriptionEntry:
    """The present state of a `subscribe` call.

    Attributes:
        params: its arguments, without symbols that were unsubscribed since.
        req_id: id of the last request that was sent for it, 0 before the first.
        confirmed: whether the exchange has accepted everything.
        states: `pending`, `confirmed`, `rejected` or `unsubscribing` by symbol; by channel if it
            has no symbols.
        errors: the exchange's text for each rejected symbol.
    """

    params: SubscriptionParams
    req_id: int
    confirmed: bool = False
    states: Mapping[str, SymbolState] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Subscription:
    """The state of one topic."""

    topic: Topic
    params: ChannelParams
    state: SymbolState = "pending"
    error: str = ""
    ack: WSResponse | None = None
    #: Id of the last request about it.
    req_id: int = 0
    #: The requests that wait for an answer about it.
    requests: list[PendingRequest] = field(default_factory=list)
    #: Whether it stays even if its request fails: another connection has it.
    is_held: bool = False


class SubscribeCall:
    """One `subscribe` call, on one or more connections.

    Attributes:
        params: its arguments, without symbols that were unsubscribed since.
        key: the arguments without the token; equal calls have equal keys.
        stale_after: how many seconds its streams may be silent; `None` for the default.
    """

    __slots__ = ("key", "params", "stale_after")

    def __init__(self, params: ChannelParams, stale_after: float | None = None) -> None:
        self.params = params
        self.key = _key(params)
        self.stale_after = stale_after

    def forget(self, symbol: str) -> None:
        """Remove a symbol, if it is not the last one."""
        symbols = [other for other in self.params.symbols if other != symbol]
        if symbols:
            self.params = self.params.with_symbols(symbols)
            self.key = _key(self.params)


@dataclass(eq=False, slots=True)
class _Record:
    """One `subscribe` call on one connection: its topics there, and its sink."""

    call: SubscribeCall
    topics: dict[Topic, None]
    sink: Sink
    is_ending: bool = False


class PendingRequest:
    """A caller's request; it is done when each of its topics has an answer.

    Attributes:
        method: `subscribe`, `unsubscribe` or `resync`.
        topics: all its topics, in order.
        outstanding: the topics without an answer.
        deadline: when it times out; `None` until it is sent.
        remark: text to add to its timeout error.
    """

    def __init__(self, method: str, topics: Iterable[Topic]) -> None:
        self.method = method
        self.topics = list(topics)
        self.outstanding: set[Topic] = set()
        self.deadline: float | None = None
        self.remark = ""
        self.req_id: int | None = None
        self.on_done: Callable[[], None] = lambda: None
        self._acks: dict[Topic, WSResponse] = {}
        self._errors: dict[Topic, WSErrorResponse] = {}
        self._failure: BaseException | None = None

    @classmethod
    def joined(cls, topics: Iterable[Topic], parts: Iterable[PendingRequest]) -> PendingRequest:
        """Join the parts of one request on several connections.

        A topic that one connection accepted counts as accepted.
        """
        first, *others = parts
        if not others:
            return first
        whole = cls(first.method, topics)
        whole.req_id = first.req_id
        for part in (first, *others):
            whole._acks.update(part._acks)
            whole._errors.update(part._errors)
            whole.outstanding |= part.outstanding
        for accepted in whole._acks:
            whole._errors.pop(accepted, None)
            whole.outstanding.discard(accepted)
        failures = [part for part in (first, *others) if part._failure is not None]
        for part in failures:
            if whole._acks.keys().isdisjoint(part.topics):
                whole._failure = whole._failure or part._failure
        return whole

    @property
    def done(self) -> bool:
        """Whether there is an outcome."""
        return self._failure is not None or not self.outstanding

    @property
    def is_accepted(self) -> bool:
        """Whether every topic was accepted."""
        return self._acks.keys() >= set(self.topics)

    @property
    def is_refused(self) -> bool:
        """Whether a topic was refused."""
        return bool(self._errors)

    def answer(self, topic: Topic, response: WSResponse | WSErrorResponse) -> None:
        """Store the answer about one topic."""
        if isinstance(response, WSResponse):
            self._acks[topic] = response
        else:
            self._errors[topic] = response
        if topic in self.outstanding:
            self.outstanding.discard(topic)
            if not self.outstanding:
                self.on_done()

    def fail(self, error: BaseException) -> None:
        """End without answers."""
        if not self.done:
            self._failure = error
            self.on_done()

    def overdue(self, seconds: float) -> RequestTimeout:
        """Return the error for topics without an answer in time."""
        names = sorted(topic.name for topic in self.outstanding)
        text = f"no answer to {self.method} within {seconds:g} s: {', '.join(names)}{self.remark}"
        return RequestTimeout(text, self.req_id, unanswered=names)

    def result(self) -> SubscriptionResult:
        """Return the acks.

        Raises:
            SubscriptionError: at least one topic was refused.
            BaseException: the error it failed with.
        """
        if self._failure is not None:
            raise self._failure
        if self._errors:
            raise self._refusal()
        acks = [self._acks[topic] for topic in self.topics if topic in self._acks]
        first = acks[0] if acks else WSResponse(self.method, {}, True, "", "")
        return SubscriptionResult(
            self.method,
            first.result,
            True,
            first.time_in,
            first.time_out,
            self.req_id,
            acks,
            received_ns=first.received_ns,
        )

    def _refusal(self) -> SubscriptionError:
        rejected = {topic.name: error.error for topic, error in self._errors.items()}
        accepted = [topic.name for topic in self.topics if topic in self._acks]
        reasons = "; ".join(f"{name}: {text}" for name, text in rejected.items())
        first = next(iter(self._errors.values()))
        return SubscriptionError(
            f"{self.method} refused for {reasons}",
            self.req_id,
            venue_error=first.error,
            rejected=rejected,
            accepted=accepted,
        )


class Registry:
    """The subscriptions of one connection.

    Attributes:
        version: a number that changes whenever a topic or a call is added or removed.
        strays: channels that may bring unregistered symbols on the present socket: a symbol was
            dropped, or subscribed by a raw request.
    """

    def __init__(self) -> None:
        self.version = 0
        self.strays: set[str] = set()
        self._records: list[_Record] = []
        self._topics: dict[Topic, Subscription] = {}

    def __bool__(self) -> bool:
        return bool(self._topics)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._topics.values())

    def get(self, topic: Topic) -> Subscription | None:
        """Return the subscription of a topic, `None` if there is none."""
        return self._topics.get(topic)

    def book(self, symbol: str, channel: str = "book") -> Subscription | None:
        """Return the subscription of a pair's `book` or `level3`, `None` if there is none."""
        return self._topics.get(Topic(channel, None, symbol))

    def named(self, result: object) -> list[Topic]:
        """Return the topics that the `result` of an ack may be about."""
        if not isinstance(result, dict):
            return []
        wanted = result.get("channel"), result.get("symbol") or ""
        identity = result.get("event_trigger", result.get("interval"))
        found = [topic for topic in self._topics if (topic.channel, topic.symbol) == wanted]
        return [topic for topic in found if identity in (None, topic.identity)]

    def add(
        self, params: ChannelParams, sink: Sink, call: SubscribeCall | None = None
    ) -> tuple[list[Topic], list[Subscription]]:
        """Add a call.

        Args:
            params: this connection's part of the call.
            sink: gets its messages and events.
            call: the whole call, if it is for several connections.

        Returns:
            All its topics, and the subscriptions that must be sent.

        Raises:
            SubscriptionError: a book is subscribed with another depth.
        """
        self.check(params)
        topics = topics_of(params)
        fresh = []
        for topic in topics:
            known = self._topics.get(topic)
            if known is None or known.state in ("rejected", "unsubscribing"):
                single = params.with_symbols([topic.symbol]) if topic.symbol else params
                self._topics[topic] = known = Subscription(topic, single)
                fresh.append(known)
        record = _Record(call or SubscribeCall(params), dict.fromkeys(topics), sink)
        equal = self._find(record.call.key)
        if equal is None:
            self._records.append(record)
        else:
            self._records[self._records.index(equal)] = record
        self.version += 1
        return topics, fresh

    def release(
        self, params: ChannelParams, whole: ChannelParams | None = None
    ) -> list[Subscription]:
        """Remove a call, or the named symbols from all calls.

        Args:
            params: this connection's part of the call.
            whole: the whole call, if it is for several connections.

        Returns:
            The subscriptions that belong to no call any more; they stay until `drop`.

        Raises:
            KeyError: a topic is not subscribed.
        """
        if unknown := self.missing(params, whole):
            raise not_subscribed(params.channel, unknown)
        record = self._find(_key(whole or params))
        if record is None or record.is_ending:
            return [self._topics[topic] for topic in topics_of(params)]
        self.version += 1
        self._records.remove(record)
        wanted = self._wanted()
        unwanted = [topic for topic in record.topics if topic not in wanted]
        if unwanted:
            # The call stays listed, as unsubscribing, until the exchange has answered.
            if len(unwanted) < len(record.topics):
                symbols = [topic.symbol for topic in unwanted]
                record.call = SubscribeCall(record.call.params.with_symbols(symbols))
            record.topics = dict.fromkeys(unwanted)
            record.is_ending = True
            self._add_again(record)
        return [self._topics[topic] for topic in unwanted]

    def missing(self, params: ChannelParams, whole: ChannelParams | None = None) -> list[str]:
        """Return the names of topics that `release` would not find."""
        record = self._find(_key(whole or params))
        if record is not None and not record.is_ending:
            return []
        return [topic.name for topic in topics_of(params) if not self._is_subscribed(topic, params)]

    def drop(self, subscription: Subscription) -> None:
        """Remove a topic, unless it was subscribed again meanwhile."""
        topic = subscription.topic
        if self._topics.get(topic) is not subscription:
            return
        self.expect_strays(topic.channel)
        del self._topics[topic]
        for record in [record for record in self._records if topic in record.topics]:
            del record.topics[topic]
            self._records.remove(record)
            if not record.is_ending:
                record.call.forget(topic.symbol)
            if record.topics:
                self._add_again(record)

    def expect_strays(self, channel: str) -> None:
        """Record that a channel may bring unregistered symbols."""
        self.version += 1
        self.strays.add(channel)

    def forget_strays(self) -> None:
        """Begin with a new socket, which brings registered symbols only."""
        self.version += 1
        self.strays.clear()

    def prune(self) -> None:
        """Remove the calls whose topics are all rejected."""
        self.version += 1
        for record in list(self._records):
            if all(self._topics[topic].state == "rejected" for topic in record.topics):
                self._records.remove(record)
                for topic in record.topics:
                    record.call.forget(topic.symbol)
        for topic in self._topics.keys() - self._wanted():
            del self._topics[topic]

    def clear(self) -> None:
        """Remove everything."""
        self.version += 1
        self._records.clear()
        self._topics.clear()

    def sinks(self, topic: Topic) -> list[Sink]:
        """Return the sinks of a topic, without duplicates."""
        found = [record.sink for record in self._records if topic in record.topics]
        return list(dict.fromkeys(found))

    def sinks_by_topic(self) -> Iterator[tuple[Topic, Sink]]:
        """Iterate over all topics with their sinks."""
        for record in self._records:
            for topic in record.topics:
                yield topic, record.sink

    def subscribe_calls(self) -> Iterator[tuple[SubscribeCall, list[Subscription]]]:
        """Iterate over the calls with their subscriptions on this connection."""
        for record in self._records:
            yield record.call, [self._topics[topic] for topic in record.topics]

    def _find(self, key: Key) -> _Record | None:
        return next((record for record in self._records if record.call.key == key), None)

    def _wanted(self) -> set[Topic]:
        return {topic for record in self._records for topic in record.topics}

    def _add_again(self, record: _Record) -> None:
        if self._find(record.call.key) is None:
            self._records.append(record)

    def _is_subscribed(self, topic: Topic, params: ChannelParams) -> bool:
        held = self._topics.get(topic)
        if held is None or held.state == "unsubscribing":
            return False
        return not _differences(held.params, params)

    def check(self, params: ChannelParams) -> None:
        """Check parameters as `add` does.

        Raises:
            SubscriptionError: a book is subscribed with another depth.
        """
        if not params.FIXED:
            return
        conflicts = {}
        for topic in topics_of(params):
            held = self._topics.get(topic)
            if held is None or held.state not in ("pending", "confirmed"):
                continue
            if names := _differences(held.params, params):
                kind = "symbol" if topic.symbol else "channel"
                conflicts[topic.name] = (
                    f"subscribed with {names[0]} {getattr(held.params, names[0])}; a connection "
                    f"has one {names[0]} per {kind}, so unsubscribe first or use a second client"
                )
        if conflicts:
            reasons = "; ".join(f"{name} is {text}" for name, text in conflicts.items())
            raise SubscriptionError(f"{params.channel} of {reasons}", rejected=conflicts)


def _differences(held: ChannelParams, params: ChannelParams) -> list[str]:
    """Return the fields in which a stream differs from the one that its connection has."""
    return [name for name in params.FIXED if getattr(held, name) != getattr(params, name)]


def not_subscribed(channel: str, names: Iterable[str]) -> KeyError:
    """Return the error for topics that are not subscribed."""
    return KeyError(f"No tracked subscription for {channel} of {', '.join(names)}")


def topics_of(params: ChannelParams) -> list[Topic]:
    """Return the streams of a subscription."""
    return [Topic(params.channel, params.identity, symbol) for symbol in params.symbols or ("",)]


def entries_of(registries: Iterable[Registry]) -> dict[Key, SubscriptionEntry]:
    """Return the calls of several connections by key; a call on some of them appears once."""
    parts: dict[SubscribeCall, list[Subscription]] = {}
    for registry in registries:
        for call, subscriptions in registry.subscribe_calls():
            parts.setdefault(call, []).extend(subscriptions)
    return {call.key: _entry(call, subscriptions) for call, subscriptions in parts.items()}


def _entry(call: SubscribeCall, subscriptions: list[Subscription]) -> SubscriptionEntry:
    found = {entry.topic.name: entry for entry in subscriptions}
    names = [symbol for symbol in call.params.symbols if symbol in found] or list(found)
    # Each client takes the parameters of its own kind of hosts only.
    return SubscriptionEntry(
        cast(SubscriptionParams, call.params),
        max(entry.req_id for entry in subscriptions),
        all(entry.state == "confirmed" for entry in subscriptions),
        {name: found[name].state for name in names},
        {name: found[name].error for name in names if found[name].error},
    )


def _key(params: ChannelParams) -> Key:
    plain = params.to_dict()
    plain.pop("token", None)
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(plain.items())
    )
