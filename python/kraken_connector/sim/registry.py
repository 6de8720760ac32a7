"""Who listens to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .session import Subscription, Topic


class Registry:
    """All subscriptions of all connections, by topic."""

    def __init__(self) -> None:
        self._topics: dict[Topic, dict[Subscription, None]] = {}
        self._symbols: dict[str, int] = defaultdict(int)

    def __contains__(self, topic: Topic) -> bool:
        return topic in self._topics

    def add(self, subscription: Subscription) -> None:
        """Start telling a subscription about its topic."""
        self._topics.setdefault(subscription.topic, {})[subscription] = None
        if subscription.symbol is not None:
            self._symbols[subscription.symbol] += 1

    def remove(self, subscription: Subscription) -> None:
        """Stop telling it."""
        listeners = self._topics[subscription.topic]
        del listeners[subscription]
        if not listeners:
            del self._topics[subscription.topic]
        if subscription.symbol is not None:
            self._symbols[subscription.symbol] -= 1
            if not self._symbols[subscription.symbol]:
                del self._symbols[subscription.symbol]

    def listeners(self, topic: Topic) -> list[Subscription]:
        """Return the subscriptions to one topic, oldest first."""
        return list(self._topics.get(topic, ()))

    def all(self) -> list[Subscription]:
        """Return all subscriptions."""
        return [listener for listeners in self._topics.values() for listener in listeners]

    def options(self, channel: str, symbol: str, among: Iterable[int]) -> list[int]:
        """Return which depths or intervals of a symbol somebody listens to."""
        return [option for option in among if (channel, symbol, option) in self._topics]

    def symbols(self) -> list[str]:
        """Return the symbols somebody listens to."""
        return list(self._symbols)

    def count(self, channel: str, symbol: str | None = None) -> int:
        """Return how many subscriptions a channel has, of one symbol or of all."""
        return sum(
            len(listeners)
            for topic, listeners in self._topics.items()
            if topic[0] == channel and symbol in (None, topic[1])
        )
