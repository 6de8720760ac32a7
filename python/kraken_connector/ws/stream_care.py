"""What a session does for those who keep the state of its private streams."""

from __future__ import annotations

from collections.abc import Mapping

from .keepers import Keeper
from .repair import Repair
from .subscriptions import Registry, Subscription, Topic

__all__ = ["StreamCare"]


class StreamCare:
    """Tells keepers what becomes of their streams, and asks for a stream again when one wants it.

    Args:
        keepers: by channel.
        registry: what is subscribed.
        repair: asks for streams again.
    """

    def __init__(self, keepers: Mapping[str, Keeper], registry: Registry, repair: Repair) -> None:
        self.keepers = dict(keepers)
        self._registry = registry
        self._repair = repair
        self._followed: set[str] = set()
        #: Wall clock less the driver's time, nanoseconds.
        self._offset_ns = 0

    def look(self, now: float, now_ns: int) -> None:
        """Note what time it is."""
        self._offset_ns = now_ns - int(now * 1e9)
        self.look_at(now_ns)

    def look_at(self, now_ns: int) -> None:
        """Note what the wall clock says."""
        for keeper in self.keepers.values():
            keeper.look(now_ns)

    def asked(self, subscription: Subscription, now: float) -> None:
        """Note that a subscribe is being sent."""
        channel = subscription.topic.channel
        if (keeper := self.keepers.get(channel)) is not None:
            self._followed.add(channel)
            params = subscription.params.subscribe_params()
            keeper.asked(params, int(now * 1e9) + self._offset_ns)

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
        return min((self._due(channel) for channel in self._followed), default=float("inf"))

    def tick(self, now: float) -> None:
        """Ask for the streams again of which a keeper needs a snapshot."""
        for channel in self._followed:
            if now >= self._due(channel):
                self._repair.refresh(_topic(channel), now)

    def _due(self, channel: str) -> float:
        due_ns = self.keepers[channel].check_due_ns()
        if due_ns is None or not self._repair.can_refresh(_topic(channel)):
            return float("inf")
        return (due_ns - self._offset_ns) / 1e9


def _topic(channel: str) -> Topic:
    return Topic(channel, None, "")
