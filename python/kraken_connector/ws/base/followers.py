"""The interface between a session and what keeps the state of a private stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Follower", "Followers"]

NEVER = float("inf")


class Follower:
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


class Followers(Follower):
    """Several followers of one channel, as one."""

    def __init__(self, *followers: Follower) -> None:
        self._followers = followers

    def observe(self, message: Any) -> None:
        """Take a message, before those who subscribed get it."""
        for follower in self._followers:
            follower.observe(message)

    def asked(self, params: Mapping[str, Any]) -> None:
        """Note that a subscribe is being sent."""
        for follower in self._followers:
            follower.asked(params)

    def acked(self, result: Mapping[str, Any]) -> None:
        """Note the exchange's answer to a subscribe."""
        for follower in self._followers:
            follower.acked(result)

    def leaving(self) -> None:
        """Note that the stream is left for a moment, to get a snapshot by subscribing again."""
        for follower in self._followers:
            follower.leaving()

    def broken(self) -> None:
        """Note that messages may be missing until the next snapshot."""
        for follower in self._followers:
            follower.broken()

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""
        for follower in self._followers:
            follower.left()

    def deadline(self) -> float:
        """Return when the first of them has something to do."""
        return min(follower.deadline() for follower in self._followers)

    def tick(self, heard: float) -> bool:
        """Do what is due; return whether any frame is awaited."""
        awaits_frame = False
        for follower in self._followers:
            awaits_frame |= follower.tick(heard)
        return awaits_frame

    def check_due(self) -> float:
        """Return when the first of them needs a snapshot."""
        return min(follower.check_due() for follower in self._followers)
