"""Passes the events of a session's private channels on to the objects that keep their state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from ...exceptions import TransportError
from ..base.followers import Follower
from .part import Part
from .registry import Registry, Subscription, Topic
from .resync import Resyncs

__all__ = ["PrivateStreams"]


class PrivateStreams(Part):
    """Calls the followers of private channels, and resyncs a channel that needs a snapshot.

    Args:
        followers: the followers of each channel.
        registry: the subscriptions.
        resyncs: subscribes to streams again.
        heard: returns the time of the last frame, monotonic seconds.
        ping_soon: sends a ping at a time, so that a frame comes.
    """

    def __init__(
        self,
        followers: Mapping[str, Sequence[Follower]],
        registry: Registry,
        resyncs: Resyncs,
        heard: Callable[[], float],
        ping_soon: Callable[[float], None],
    ) -> None:
        self._followers = followers
        self._registry = registry
        self._resyncs = resyncs
        self._heard = heard
        self._ping_soon = ping_soon
        self._followed: set[str] = set()

    def subscribing(self, subscription: Subscription) -> None:
        """Handle a subscribe that is sent."""
        channel = subscription.topic.channel
        for follower in self._followers.get(channel, ()):
            self._followed.add(channel)
            follower.subscribing(subscription.params.subscribe_params())

    def resubscribing(self, channel: str) -> None:
        """Handle an unsubscribe that is sent to subscribe again."""
        for follower in self._followers.get(channel, ()):
            follower.resubscribing()

    def subscribed(self, channel: str, result: object) -> None:
        """Handle the ack of a subscribe."""
        if isinstance(result, Mapping):
            for follower in self._followers.get(channel, ()):
                follower.subscribed(result)

    def gap_began(self, channel: str | None = None) -> None:
        """Report that messages of one channel, or of all, may be missing."""
        for name, followers in self._followers.items():
            if name in self._followed and channel in (None, name):
                for follower in followers:
                    follower.gap_began()

    def end_unsubscribed(self) -> None:
        """Report the channels that are no longer subscribed."""
        for channel in list(self._followed):
            if self._registry.get(_topic(channel)) is None:
                self._followed.discard(channel)
                for follower in self._followers[channel]:
                    follower.unsubscribed()

    def connection_lost(self, error: TransportError) -> None:
        """Report that messages of all channels may be missing."""
        self.gap_began()

    def deadline(self, now: float) -> float:
        times = [f.deadline() for c in self._followed for f in self._followers[c]]
        return min([*times, *map(self._check_due, self._followed)], default=inf)

    def tick(self, now: float) -> None:
        """Call followers that are due, and resync the channels that need a snapshot."""
        for channel in self._followed:
            for follower in self._followers[channel]:
                if follower.tick(self._heard()):
                    self._ping_soon(now)
            if now >= self._check_due(channel):
                self._resyncs.refresh(_topic(channel), now)

    def _check_due(self, channel: str) -> float:
        if not self._resyncs.can_refresh(_topic(channel)):
            return inf
        return min(follower.check_due() for follower in self._followers[channel])


def _topic(channel: str) -> Topic:
    return Topic(channel, None, "")
