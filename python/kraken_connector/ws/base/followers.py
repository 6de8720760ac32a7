"""The base class of what keeps state from private messages: orders, balances, rate counter."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

__all__ = ["Follower"]


class Follower:
    """Keeps the state of one channel: it gets every message and every event of the subscription.

    The session calls these methods when the event happens, before it reads on. By default they do
    nothing. Times are monotonic seconds.
    """

    def observe(self, message: Any) -> None:
        """Apply a message, before subscribers get it."""

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Record that a subscribe request is sent.

        Args:
            params: its parameters without the token.
        """

    def subscribed(self, result: Mapping[str, Any]) -> None:
        """Record the `result` of the exchange's reply to a subscribe request."""

    def resubscribing(self) -> None:
        """Record that the channel is unsubscribed, to be subscribed again for a snapshot."""

    def gap_began(self) -> None:
        """Record that messages may be missing until the next snapshot."""

    def unsubscribed(self) -> None:
        """Record that the channel is no longer subscribed."""

    def deadline(self) -> float:
        """Return when to call `tick`; infinity if there is nothing to do."""
        return inf

    def tick(self, heard: float) -> bool:
        """Do what is due.

        Args:
            heard: when the last frame came.

        Returns:
            Whether any frame is awaited, so that a ping helps.
        """
        return False

    def check_due(self) -> float:
        """Return when to subscribe again to get a snapshot; infinity if no snapshot is needed."""
        return inf
