"""The interface between a session and what keeps the state of a private stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Keeper", "Keepers"]

NEVER = float("inf")


class Keeper:
    """Keeps the state of one channel: it sees every message, and is told what no message says.

    The session calls these in the step in which it learns of something. By default they do nothing.
    Times are monotonic seconds.
    """

    def observe(self, message: Any) -> None:
        """Take a message, before those who subscribed get it."""

    def asked(self, params: Mapping[str, Any]) -> None:
        """Note that a subscribe is being sent.

        Args:
            params: its parameters without the token.
        """

    def acked(self, result: Mapping[str, Any]) -> None:
        """Note the exchange's answer to a subscribe."""

    def leaving(self) -> None:
        """Note that the stream is left for a moment, to get a snapshot by subscribing again."""

    def broken(self) -> None:
        """Note that messages may be missing until the next snapshot."""

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""

    def deadline(self) -> float:
        """Return when `tick` has something to do; infinity if it has nothing."""
        return NEVER

    def tick(self, heard: float) -> bool:
        """Do what is due.

        Args:
            heard: when the last frame came.

        Returns:
            Whether any frame is awaited, so that a ping helps.
        """
        return False

    def check_due(self) -> float:
        """Return when to subscribe again for the sake of a snapshot; infinity if never."""
        return NEVER


class Keepers(Keeper):
    """Several keepers of one channel, as one."""

    def __init__(self, *keepers: Keeper) -> None:
        self._keepers = keepers

    def observe(self, message: Any) -> None:
        """Take a message, before those who subscribed get it."""
        for keeper in self._keepers:
            keeper.observe(message)

    def asked(self, params: Mapping[str, Any]) -> None:
        """Note that a subscribe is being sent."""
        for keeper in self._keepers:
            keeper.asked(params)

    def acked(self, result: Mapping[str, Any]) -> None:
        """Note the exchange's answer to a subscribe."""
        for keeper in self._keepers:
            keeper.acked(result)

    def leaving(self) -> None:
        """Note that the stream is left for a moment, to get a snapshot by subscribing again."""
        for keeper in self._keepers:
            keeper.leaving()

    def broken(self) -> None:
        """Note that messages may be missing until the next snapshot."""
        for keeper in self._keepers:
            keeper.broken()

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""
        for keeper in self._keepers:
            keeper.left()

    def deadline(self) -> float:
        """Return when the first of them has something to do."""
        return min(keeper.deadline() for keeper in self._keepers)

    def tick(self, heard: float) -> bool:
        """Do what is due; return whether any frame is awaited."""
        awaits_frame = False
        for keeper in self._keepers:
            awaits_frame |= keeper.tick(heard)
        return awaits_frame

    def check_due(self) -> float:
        """Return when the first of them needs a snapshot."""
        return min(keeper.check_due() for keeper in self._keepers)
