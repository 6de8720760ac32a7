"""When each stream of a connection had its last message, and which streams are silent.

Silence is not always a fault: candles and trades come with trades only, and the book of a pair that
is not traded may not change for hours (docs.kraken.com, pages "OHLC" and "Trade"). So a silence is
reported if the user has set a limit, and nothing else is done. It is a fault only if another
connection brings newer messages of the same stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from ..._backend import Engine, WSDataMessage
from ...exceptions import TransportError
from ..constants import BOOK_CHANNELS
from .part import Part
from .registry import Registry, Topic
from .routes import Handler

__all__ = ["Staleness"]

#: Seconds between two checks; a quarter of the shortest limit if that is less.
CHECK_INTERVAL = 0.5
#: Seconds for which another connection may be ahead of a silent stream, or the stream's limit if
#: that is less: the same message may arrive later on one of them.
LAG = 5.0

OnSilent = Callable[[Topic, float, int | None], None]


@dataclass(slots=True)
class _Watch:
    """The state of a stream with a limit at the last check.

    Attributes:
        last_ns: when its last message came, as `Staleness.last_ns`.
        since: when the silence began, monotonic seconds.
        behind: since when another connection is ahead, `None` if it is not.
    """

    last_ns: int | None
    since: float
    behind: float | None = None


class Staleness(Part):
    """The silences of one connection's streams.

    Times of messages are nanoseconds since the epoch by the local clock; silences are measured in
    seconds by the monotonic clock.

    Args:
        registry: the subscriptions.
        engine: knows when books were last changed.
        stale_after: how many seconds market data of a pair may be silent, if its subscription does
            not say; infinity for no limit.
        on_silent: called once for each silence with the stream, the seconds, and when the last
            message came.
        is_ahead: returns whether another connection brought a stream's messages after that.
        on_fault: called with a silent stream that is not silent on another connection.

    Attributes:
        received_ns: when the last frame came; the session sets it.
    """

    def __init__(
        self,
        registry: Registry,
        engine: Engine,
        stale_after: float,
        on_silent: OnSilent,
        *,
        is_ahead: Callable[[Topic, int], bool],
        on_fault: Callable[[Topic], None],
    ) -> None:
        self.received_ns = 0
        self._registry = registry
        self._engine = engine
        self._stale_after = stale_after
        self._on_silent = on_silent
        self._is_ahead = is_ahead
        self._on_fault = on_fault
        self._last: dict[str, dict[Any, int | None]] = {}
        self._limits: dict[Topic, float] = {}
        self._watches: dict[Topic, _Watch] = {}
        #: The streams that were reported, with the time of their last message.
        self._reported: dict[Topic, int | None] = {}
        self._due = inf
        self._interval = CHECK_INTERVAL

    def timed(self, channel: str, handler: Handler) -> Handler:
        """Return a handler that stores when a stream's last message came, then calls `handler`.

        Not for books: the engine knows when they were changed.
        """
        last = self._last[channel]

        def by_symbol(message: WSDataMessage) -> None:
            # Faster than `message.symbol`, which scans the frame.
            try:
                symbol = message.data[0].symbol
                if symbol in last:
                    last[symbol] = self.received_ns
            except (LookupError, AttributeError, TypeError):
                pass  # The message has no symbol.
            handler(message)

        def by_interval(message: WSDataMessage) -> None:
            for item in message.data:
                key = getattr(item, "symbol", None), getattr(item, "interval", None)
                if isinstance(key[1], int) and key in last:
                    last[key] = self.received_ns
            handler(message)

        def as_whole(message: WSDataMessage) -> None:
            last[""] = self.received_ns
            handler(message)

        if channel == "ohlc":
            return by_interval
        return as_whole if "" in last else by_symbol

    def last_ns(self, topic: Topic) -> int | None:
        """Return when the last message came on the present socket, `None` before the first.

        The two kinds of ticker of a pair share this time: their messages look the same.
        """
        if topic.channel in BOOK_CHANNELS:
            return self._engine.books_of(topic.channel).get_or_create(topic.symbol).received_ns
        return self._last.get(topic.channel, {}).get(_key(topic))

    def is_stale(self, topic: Topic) -> bool:
        """Return whether a silence was reported, and no message came since."""
        return topic in self._reported and self._reported[topic] == self.last_ns(topic)

    def summary(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """Return `age` in seconds and `is_stale` of each stream, as `KrakenWSClient.stats`."""
        found = {}
        for topic in (entry.topic for entry in self._registry):
            last_ns = self.last_ns(topic)
            age = None if last_ns is None else max(0.0, (now_ns - last_ns) / 1e9)
            found[_name(topic)] = {"age": age, "is_stale": self.is_stale(topic)}
        return found

    def report(self, topic: Topic, seconds: float) -> None:
        """Report a silent stream, unless it is reported already."""
        if not self.is_stale(topic):
            self._reported[topic] = last_ns = self.last_ns(topic)
            self._on_silent(topic, seconds, last_ns)

    def rebuild(self, now: float) -> None:
        """Follow a change of the subscriptions."""
        last: dict[str, dict[Any, int | None]] = {}
        for entry in self._registry:
            channel = entry.topic.channel
            if channel not in BOOK_CHANNELS:
                last.setdefault(channel, {})[_key(entry.topic)] = self.last_ns(entry.topic)
        self._last = last
        self._limits = self._find_limits()
        self._watches = {
            topic: watch for topic, watch in self._watches.items() if topic in self._limits
        }
        self._reported = {
            topic: last_ns for topic, last_ns in self._reported.items() if self._registry.get(topic)
        }
        if not self._limits:
            self._due = inf
            return
        self._interval = min(CHECK_INTERVAL, min(self._limits.values()) / 4)
        self._due = min(self._due, now + self._interval)

    def connection_lost(self, error: TransportError) -> None:
        """Forget all times: the next socket begins with new messages."""
        self._last = {channel: dict.fromkeys(last) for channel, last in self._last.items()}
        self._watches.clear()
        self._reported.clear()

    def deadline(self, now: float) -> float:
        """Return when the next check is due, infinity if no stream has a limit."""
        return self._due

    def tick(self, now: float) -> None:
        """Check all streams, if it is due."""
        if now < self._due:
            return
        self._due = now + self._interval
        for topic, limit in self._limits.items():
            self._check(topic, limit, now)

    def excuse(self, now: float, grace: float) -> None:
        """Let all silences begin now: messages that arrived were not read yet."""
        for watch in self._watches.values():
            watch.since = max(watch.since, now)
            watch.behind = None

    def _check(self, topic: Topic, limit: float, now: float) -> None:
        subscription = self._registry.get(topic)
        if subscription is None or subscription.state != "confirmed":
            self._watches.pop(topic, None)
            return
        last_ns = self.last_ns(topic)
        watch = self._watches.get(topic)
        if watch is None or watch.last_ns != last_ns:
            self._watches[topic] = _Watch(last_ns, now)
        elif now - watch.since >= limit:
            self.report(topic, now - watch.since)
            if last_ns is not None:
                self._compare(topic, watch, last_ns, min(limit, LAG), now)

    def _compare(self, topic: Topic, watch: _Watch, last_ns: int, lag: float, now: float) -> None:
        """Check whether another connection brings newer messages of a silent stream."""
        if not self._is_ahead(topic, last_ns):
            watch.behind = None
        elif watch.behind is None:
            watch.behind = now
        elif now - watch.behind >= lag:
            watch.behind = None
            self._on_fault(topic)

    def _find_limits(self) -> dict[Topic, float]:
        """Return the limits of all streams that have one: the shortest of their calls."""
        limits: dict[Topic, float] = {}
        for call, subscriptions in self._registry.subscribe_calls():
            for topic in (entry.topic for entry in subscriptions):
                usual = self._stale_after if topic.symbol else inf
                limit = usual if call.stale_after is None else call.stale_after
                if limit < limits.get(topic, inf):
                    limits[topic] = limit
        return limits


def _name(topic: Topic) -> str:
    parts = (topic.channel, topic.symbol, topic.identity if topic.channel == "ohlc" else "")
    return " ".join(str(part) for part in parts if part)


def _key(topic: Topic) -> Any:
    return (topic.symbol, topic.identity) if topic.channel == "ohlc" else topic.symbol
