"""When each stream of a connection brought its last message, and which have fallen silent.

A silent stream need not be broken: candles and trades come with trades only, and the book of a pair
that nobody trades may not move for hours (docs.kraken.com, pages "OHLC" and "Trade"). So a silence
is told of where the user has set a bound, and nothing else follows from it. Only where another
connection goes on bringing the same stream the silence is proved to be a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from .._backend import Engine, WSDataMessage
from .constants import BOOK_CHANNELS
from .routes import Take
from .subscriptions import Registry, Topic

__all__ = ["Staleness"]

#: Seconds between two looks; a quarter of the shortest bound if that is less.
LOOK_EVERY = 0.5
#: Seconds for which another connection may be ahead of a silent stream, or the stream's bound if
#: that is less: the same message does not come at the same time on both.
LAG = 5.0

Told = Callable[[Topic, float, int | None], None]


class Receiving(Protocol):
    """What takes the frames of a connection."""

    last_received_ns: int


@dataclass(slots=True)
class _Watch:
    """A stream whose silence has a bound, as it was at the last look.

    Attributes:
        last_ns: its last message, as `Staleness.last_ns`.
        since: since when that is so, seconds of the monotonic clock.
        behind: since when another connection has been ahead, `None` if it is not.
    """

    last_ns: int | None
    since: float
    behind: float | None = None


class Staleness:
    """The silences of one connection's streams.

    Times of messages are in nanoseconds since the epoch by the local clock; silences are measured
    by a monotonic one, in seconds.

    Args:
        registry: what is subscribed.
        engine: knows when books were last written to.
        stale_after: how long market data of a pair may be silent, where its subscription does not
            say; infinity for ever.
        tell: takes a silence, once: the stream, its length, and when the last message came.
        is_ahead: tells whether another connection brought more of a stream since then.
        broken: takes a silent stream that another connection goes on bringing.
        receiving: knows when the last frame came.
    """

    def __init__(
        self,
        registry: Registry,
        engine: Engine,
        stale_after: float,
        tell: Told,
        *,
        is_ahead: Callable[[Topic, int], bool],
        broken: Callable[[Topic], None],
        receiving: Receiving,
    ) -> None:
        self._registry = registry
        self._engine = engine
        self._stale_after = stale_after
        self._tell = tell
        self._is_ahead = is_ahead
        self._broken = broken
        self._receiving = receiving
        self._marks: dict[str, dict[Any, int | None]] = {}
        self._bounds: dict[Topic, float] = {}
        self._watches: dict[Topic, _Watch] = {}
        #: Streams told of, each with its last message then.
        self._told: dict[Topic, int | None] = {}
        self._due = math.inf
        self._every = LOOK_EVERY

    def noted(self, channel: str, take: Take) -> Take:
        """Return what takes a channel's messages and notes when each stream's last one came.

        Books need not be noted, as the engine does.
        """
        marks, receiving = self._marks[channel], self._receiving

        def by_symbol(message: WSDataMessage) -> None:
            # Cheaper than `message.symbol`, which reads the frame.
            try:
                symbol = message.data[0].symbol
                if symbol in marks:
                    marks[symbol] = receiving.last_received_ns
            except (LookupError, AttributeError, TypeError):
                pass  # It names no symbol.
            take(message)

        def by_interval(message: WSDataMessage) -> None:
            for item in message.data:
                place = getattr(item, "symbol", None), getattr(item, "interval", None)
                if isinstance(place[1], int) and place in marks:
                    marks[place] = receiving.last_received_ns
            take(message)

        def as_whole(message: WSDataMessage) -> None:
            marks[""] = receiving.last_received_ns
            take(message)

        if channel == "ohlc":
            return by_interval
        return as_whole if "" in marks else by_symbol

    def last_ns(self, topic: Topic) -> int | None:
        """Return when the last message came on the present socket, `None` before the first.

        Nothing tells the two kinds of ticker of a pair apart.
        """
        if topic.channel in BOOK_CHANNELS:
            return self._engine.books_of(topic.channel).get_or_create(topic.symbol).received_ns
        return self._marks.get(topic.channel, {}).get(_place(topic))

    def is_stale(self, topic: Topic) -> bool:
        """Tell whether a silence was told of, and nothing came since."""
        return topic in self._told and self._told[topic] == self.last_ns(topic)

    def summary(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """Return `age` in seconds and `is_stale` of each stream, as `KrakenWSClient.stats`."""
        found = {}
        for topic in (entry.topic for entry in self._registry):
            last_ns = self.last_ns(topic)
            age = None if last_ns is None else max(0.0, (now_ns - last_ns) / 1e9)
            found[_name(topic)] = {"age": age, "is_stale": self.is_stale(topic)}
        return found

    def overdue(self, topic: Topic, seconds: float) -> None:
        """Tell of a stream whose first message did not come."""
        last_ns = self.last_ns(topic)
        if not self.is_stale(topic):
            self._told[topic] = last_ns
            self._tell(topic, seconds, last_ns)

    def rebuild(self, now: float) -> None:
        """Take note of what is subscribed now."""
        marks: dict[str, dict[Any, int | None]] = {}
        for entry in self._registry:
            channel = entry.topic.channel
            if channel not in BOOK_CHANNELS:
                marks.setdefault(channel, {})[_place(entry.topic)] = self.last_ns(entry.topic)
        self._marks = marks
        self._bounds = self._find_bounds()
        self._watches = {
            topic: watch for topic, watch in self._watches.items() if topic in self._bounds
        }
        self._told = {
            topic: last_ns for topic, last_ns in self._told.items() if self._registry.get(topic)
        }
        if not self._bounds:
            self._due = math.inf
            return
        self._every = min(LOOK_EVERY, min(self._bounds.values()) / 4)
        self._due = min(self._due, now + self._every)

    def lost(self) -> None:
        """Begin anew: the next socket begins with other messages."""
        self._marks = {channel: dict.fromkeys(marks) for channel, marks in self._marks.items()}
        self._watches.clear()
        self._told.clear()

    def deadline(self) -> float:
        """Return when to look next, infinity if nothing has a bound."""
        return self._due

    def tick(self, now: float) -> None:
        """Look for silences, if it is time."""
        if now < self._due:
            return
        self._due = now + self._every
        for topic, bound in self._bounds.items():
            self._look(topic, bound, now)

    def excuse(self, now: float) -> None:
        """Count all silences from now on: what came meanwhile was not read yet."""
        for watch in self._watches.values():
            watch.since = max(watch.since, now)
            watch.behind = None

    # Inner workings.

    def _look(self, topic: Topic, bound: float, now: float) -> None:
        subscription = self._registry.get(topic)
        if subscription is None or subscription.state != "confirmed":
            self._watches.pop(topic, None)
            return
        last_ns = self.last_ns(topic)
        watch = self._watches.get(topic)
        if watch is None or watch.last_ns != last_ns:
            self._watches[topic] = _Watch(last_ns, now)
        elif now - watch.since >= bound:
            if not self.is_stale(topic):
                self._told[topic] = last_ns
                self._tell(topic, now - watch.since, last_ns)
            if last_ns is not None:
                self._compare(topic, watch, last_ns, min(bound, LAG), now)

    def _compare(self, topic: Topic, watch: _Watch, last_ns: int, lag: float, now: float) -> None:
        """See whether another connection goes on bringing a silent stream."""
        if not self._is_ahead(topic, last_ns):
            watch.behind = None
        elif watch.behind is None:
            watch.behind = now
        elif now - watch.behind >= lag:
            watch.behind = None
            self._broken(topic)

    def _find_bounds(self) -> dict[Topic, float]:
        """Return the bounds of all streams that have one: the shortest of those who want it."""
        bounds: dict[Topic, float] = {}
        for wish, subscriptions in self._registry.wishes():
            for topic in (entry.topic for entry in subscriptions):
                usual = self._stale_after if topic.symbol else math.inf
                bound = usual if wish.stale_after is None else wish.stale_after
                if bound < bounds.get(topic, math.inf):
                    bounds[topic] = bound
        return bounds


def _name(topic: Topic) -> str:
    parts = (topic.channel, topic.symbol, topic.identity if topic.channel == "ohlc" else "")
    return " ".join(str(part) for part in parts if part)


def _place(topic: Topic) -> Any:
    return (topic.symbol, topic.identity) if topic.channel == "ohlc" else topic.symbol
