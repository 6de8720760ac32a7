"""The subscriptions of all connections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .subscription import Subscription, Topic


class SubscriptionRegistry:
    """The subscriptions of all connections, by topic."""

    def __init__(self) -> None:
        self._topics: dict[Topic, dict[Subscription, None]] = {}
        self._symbols: dict[str, int] = defaultdict(int)

    def __contains__(self, topic: Topic) -> bool:
        return topic in self._topics

    def add(self, subscription: Subscription) -> None:
        """Put a subscription in force."""
        subscription.is_active = True
        self._topics.setdefault(subscription.topic, {})[subscription] = None
        if subscription.symbol is not None:
            self._symbols[subscription.symbol] += 1

    def remove(self, subscription: Subscription) -> None:
        """End a subscription."""
        subscription.is_active = False
        subscribers = self._topics[subscription.topic]
        del subscribers[subscription]
        if not subscribers:
            del self._topics[subscription.topic]
        if subscription.symbol is not None:
            self._symbols[subscription.symbol] -= 1
            if not self._symbols[subscription.symbol]:
                del self._symbols[subscription.symbol]

    def subscriptions(self, topic: Topic) -> list[Subscription]:
        """Return the subscriptions to one topic, oldest first."""
        return list(self._topics.get(topic, ()))

    def all(self) -> list[Subscription]:
        """Return all subscriptions."""
        return [one for subscribers in self._topics.values() for one in subscribers]

    def options(self, channel: str, symbol: str, among: Iterable[int]) -> list[int]:
        """Return those of some depths or intervals of a symbol that have subscribers."""
        return [option for option in among if (channel, symbol, option) in self._topics]

    def symbols(self) -> list[str]:
        """Return the symbols that have subscribers."""
        return list(self._symbols)

    def count(self, channel: str, symbol: str | None = None) -> int:
        """Return how many subscriptions a channel has, of one symbol or of all."""
        return sum(
            len(subscribers)
            for topic, subscribers in self._topics.items()
            if topic[0] == channel and symbol in (None, topic[1])
        )
