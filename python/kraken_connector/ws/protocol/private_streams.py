"""What a session does for those who keep the state of its private streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...exceptions import TransportError
from ..base.followers import Follower
from .part import Part
from .registry import Registry, Subscription, Topic
from .resync import Resyncs

__all__ = ["PrivateStreams"]


class PrivateStreams(Part):
    """Tells followers what happens to their streams, and resyncs one that needs a snapshot.

    Args:
        followers: by channel.
        registry: what is subscribed.
        resyncs: subscribes to streams again.
        heard: gives the time of the last frame, monotonic seconds.
    """

    def __init__(
        self,
        followers: Mapping[str, Follower],
        registry: Registry,
        resyncs: Resyncs,
        heard: Callable[[], float],
    ) -> None:
        self.followers = dict(followers)
        self._registry = registry
        self._resyncs = resyncs
        self._heard = heard
        self._followed: set[str] = set()

    def subscribing(self, subscription: Subscription, now: float) -> None:
        """Note that a subscribe is being sent."""
        channel = subscription.topic.channel
        if (follower := self.followers.get(channel)) is not None:
            self._followed.add(channel)
            follower.asked(subscription.params.subscribe_params())

    def resubscribing(self, channel: str) -> None:
        """Note that an unsubscribe is being sent, to subscribe again."""
        if (follower := self.followers.get(channel)) is not None:
            follower.leaving()

    def subscribed(self, channel: str, result: object) -> None:
        """Note the answer to a subscribe."""
        if (follower := self.followers.get(channel)) is not None and isinstance(result, Mapping):
            follower.acked(result)

    def gap_began(self, channel: str | None = None) -> None:
        """Note that messages may be missing: of one channel, or of all."""
        for name, follower in self.followers.items():
            if name in self._followed and channel in (None, name):
                follower.broken()

    def end_unsubscribed(self) -> None:
        """Look which streams are not subscribed any more."""
        for channel in list(self._followed):
            if self._registry.get(_topic(channel)) is None:
                self._followed.discard(channel)
                self.followers[channel].left()

    def connection_lost(self, error: TransportError) -> None:
        """End with a socket that was lost: messages of all streams may be missing."""
        self.gap_began()

    def deadline(self, now: float) -> float:
        """Return when `tick` has something to do."""
        times = (min(self.followers[c].deadline(), self._check_due(c)) for c in self._followed)
        return min(times, default=float("inf"))

    def tick(self, now: float) -> None:
        """Let followers do what is due, and subscribe again where one needs a snapshot."""
        for channel in self._followed:
            self.followers[channel].tick(self._heard())
            if now >= self._check_due(channel):
                self._resyncs.refresh(_topic(channel), now)

    def _check_due(self, channel: str) -> float:
        if not self._resyncs.can_refresh(_topic(channel)):
            return float("inf")
        return self.followers[channel].check_due()


def _topic(channel: str) -> Topic:
    return Topic(channel, None, "")
