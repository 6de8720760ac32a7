"""Passes the events of a session's private channels on to the objects that keep their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...exceptions import TransportError
from ..base.followers import Follower
from .part import Part
from .registry import Registry, Subscription, Topic
from .resync import Resyncs

__all__ = ["PrivateStreams"]


class PrivateStreams(Part):
    """Calls the followers of private channels, and resyncs a channel that needs a snapshot.

    Args:
        followers: the followers, by channel.
        registry: the subscriptions.
        resyncs: subscribes to streams again.
        heard: returns the time of the last frame, monotonic seconds.
        ping_soon: sends a ping at a time, so that a frame comes.
    """

    def __init__(
        self,
        followers: Mapping[str, Follower],
        registry: Registry,
        resyncs: Resyncs,
        heard: Callable[[], float],
        ping_soon: Callable[[float], None],
    ) -> None:
        self.followers = dict(followers)
        self._registry = registry
        self._resyncs = resyncs
        self._heard = heard
        self._ping_soon = ping_soon
        self._followed: set[str] = set()

    def subscribing(self, subscription: Subscription) -> None:
        """Handle a subscribe that is sent."""
        channel = subscription.topic.channel
        if (follower := self.followers.get(channel)) is not None:
            self._followed.add(channel)
            follower.subscribing(subscription.params.subscribe_params())

    def resubscribing(self, channel: str) -> None:
        """Handle an unsubscribe that is sent to subscribe again."""
        if (follower := self.followers.get(channel)) is not None:
            follower.resubscribing()

    def subscribed(self, channel: str, result: object) -> None:
        """Handle the ack of a subscribe."""
        if (follower := self.followers.get(channel)) is not None and isinstance(result, Mapping):
            follower.subscribed(result)

    def gap_began(self, channel: str | None = None) -> None:
        """Report that messages of one channel, or of all, may be missing."""
        for name, follower in self.followers.items():
            if name in self._followed and channel in (None, name):
                follower.gap_began()

    def end_unsubscribed(self) -> None:
        """Report the channels that are no longer subscribed."""
        for channel in list(self._followed):
            if self._registry.get(_topic(channel)) is None:
                self._followed.discard(channel)
                self.followers[channel].unsubscribed()

    def connection_lost(self, error: TransportError) -> None:
        """Report that messages of all channels may be missing."""
        self.gap_began()

    def deadline(self, now: float) -> float:
        """Return when to call `tick`."""
        times = (min(self.followers[c].deadline(), self._check_due(c)) for c in self._followed)
        return min(times, default=float("inf"))

    def tick(self, now: float) -> None:
        """Call followers that are due, and resync the channels that need a snapshot."""
        for channel in self._followed:
            if self.followers[channel].tick(self._heard()):
                self._ping_soon(now)
            if now >= self._check_due(channel):
                self._resyncs.refresh(_topic(channel), now)

    def _check_due(self, channel: str) -> float:
        if not self._resyncs.can_refresh(_topic(channel)):
            return float("inf")
        return self.followers[channel].check_due()


def _topic(channel: str) -> Topic:
    return Topic(channel, None, "")
