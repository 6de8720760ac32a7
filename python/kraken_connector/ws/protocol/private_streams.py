"""What a session does for those who keep the state of its private streams."""

from __future__ import annotations

from collections.abc import Mapping

from ..base.followers import Follower
from .registry import Registry, Subscription, Topic
from .resync import Resyncs

__all__ = ["PrivateStreams"]


class PrivateStreams:
    """Tells followers what happens to their streams, and resyncs one that needs a snapshot.

    Args:
        followers: by channel.
        registry: what is subscribed.
        repair: subscribes to streams again.
    """

    def __init__(
        self, followers: Mapping[str, Follower], registry: Registry, repair: Resyncs
    ) -> None:
        self.followers = dict(followers)
        self._registry = registry
        self._repair = repair
        self._followed: set[str] = set()

    def asked(self, subscription: Subscription, now: float) -> None:
        """Note that a subscribe is being sent."""
        channel = subscription.topic.channel
        if (follower := self.followers.get(channel)) is not None:
            self._followed.add(channel)
            follower.subscribing(subscription.params.subscribe_params())

    def leaving(self, channel: str) -> None:
        """Note that an unsubscribe is being sent, to subscribe again."""
        if (follower := self.followers.get(channel)) is not None:
            follower.resubscribing()

    def acked(self, channel: str, result: object) -> None:
        """Note the answer to a subscribe."""
        if (follower := self.followers.get(channel)) is not None and isinstance(result, Mapping):
            follower.subscribed(result)

    def broken(self, channel: str | None = None) -> None:
        """Note that messages may be missing: of one channel, or of all."""
        for name, follower in self.followers.items():
            if name in self._followed and channel in (None, name):
                follower.gap_began()

    def changed(self) -> None:
        """Look which streams are not subscribed any more."""
        for channel in list(self._followed):
            if self._registry.get(_topic(channel)) is None:
                self._followed.discard(channel)
                self.followers[channel].unsubscribed()

    def deadline(self) -> float:
        """Return when `tick` has something to do."""
        times = (min(self.followers[c].deadline(), self._check_due(c)) for c in self._followed)
        return min(times, default=float("inf"))

    def tick(self, now: float, heard: float) -> None:
        """Let followers do what is due, and subscribe again where one needs a snapshot.

        Args:
            now: monotonic seconds.
            heard: when the last frame came.
        """
        for channel in self._followed:
            self.followers[channel].tick(heard)
            if now >= self._check_due(channel):
                self._repair.refresh(_topic(channel), now)

    def _check_due(self, channel: str) -> float:
        if not self._repair.can_refresh(_topic(channel)):
            return float("inf")
        return self.followers[channel].check_due()


def _topic(channel: str) -> Topic:
    return Topic(channel, None, "")
