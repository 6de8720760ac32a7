"""What a session does for those who keep the state of its private streams."""

from __future__ import annotations

from collections.abc import Mapping

from .keepers import Keeper
from .repair import Repair
from .subscriptions import Registry, Subscription, Topic

__all__ = ["StreamCare"]


class StreamCare:
    """Tells keepers what becomes of their streams, and subscribes again when one needs a snapshot.

    Args:
        keepers: by channel.
        registry: what is subscribed.
        repair: subscribes to streams again.
    """

    def __init__(self, keepers: Mapping[str, Keeper], registry: Registry, repair: Repair) -> None:
        self.keepers = dict(keepers)
        self._registry = registry
        self._repair = repair
        self._followed: set[str] = set()

    def asked(self, subscription: Subscription, now: float) -> None:
        """Note that a subscribe is being sent."""
        channel = subscription.topic.channel
        if (keeper := self.keepers.get(channel)) is not None:
            self._followed.add(channel)
            keeper.asked(subscription.params.subscribe_params())

    def leaving(self, channel: str) -> None:
        """Note that an unsubscribe is being sent, to subscribe again."""
        if (keeper := self.keepers.get(channel)) is not None:
            keeper.leaving()

    def acked(self, channel: str, result: object) -> None:
        """Note the answer to a subscribe."""
        if (keeper := self.keepers.get(channel)) is not None and isinstance(result, Mapping):
            keeper.acked(result)

    def broken(self, channel: str | None = None) -> None:
        """Note that messages may be missing: of one channel, or of all."""
        for name, keeper in self.keepers.items():
            if name in self._followed and channel in (None, name):
                keeper.broken()

    def changed(self) -> None:
        """Look which streams are not subscribed any more."""
        for channel in list(self._followed):
            if self._registry.get(_topic(channel)) is None:
                self._followed.discard(channel)
                self.keepers[channel].left()

    def deadline(self) -> float:
        """Return when `tick` has something to do."""
        times = (min(self.keepers[c].deadline(), self._check_due(c)) for c in self._followed)
        return min(times, default=float("inf"))

    def tick(self, now: float, heard: float) -> bool:
        """Let keepers do what is due, and subscribe again where one needs a snapshot.

        Args:
            now: monotonic seconds.
            heard: when the last frame came.

        Returns:
            Whether any frame is awaited, so that a ping helps.
        """
        awaits_frame = False
        for channel in self._followed:
            awaits_frame |= self.keepers[channel].tick(heard)
            if now >= self._check_due(channel):
                self._repair.refresh(_topic(channel), now)
        return awaits_frame

    def _check_due(self, channel: str) -> float:
        if not self._repair.can_refresh(_topic(channel)):
            return float("inf")
        return self.keepers[channel].check_due()


def _topic(channel: str) -> Topic:
    return Topic(channel, None, "")
