"""Who keeps the state that a private stream tells, as a session deals with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Keeper", "Keepers"]


class Keeper:
    """Keeps the state of one channel, and is told what a message alone does not say.

    All of these are called in the step in which the session learns of something. By default
    nothing comes of them.
    """

    def observe(self, message: Any) -> None:
        """Take a message, before those who subscribed get it."""

    def look(self, now_ns: int) -> None:
        """Note what time it is, nanoseconds since the epoch."""

    def asked(self, params: Mapping[str, Any], now_ns: int) -> None:
        """Note that the stream is being asked for.

        Args:
            params: the parameters that are sent, without the token.
            now_ns: local time, nanoseconds since the epoch.
        """

    def acked(self, result: Mapping[str, Any]) -> None:
        """Note what the exchange answered to that."""

    def broken(self) -> None:
        """Note that messages may be missing until the next snapshot."""

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""

    def check_due_ns(self) -> int | None:
        """Return when to ask for the stream again for the sake of a snapshot, `None` if never."""
        return None


class Keepers(Keeper):
    """Several keepers of one channel, as one."""

    def __init__(self, *keepers: Keeper) -> None:
        self._keepers = keepers

    def observe(self, message: Any) -> None:
        """Take a message, before those who subscribed get it."""
        for keeper in self._keepers:
            keeper.observe(message)

    def look(self, now_ns: int) -> None:
        """Note what time it is."""
        for keeper in self._keepers:
            keeper.look(now_ns)

    def asked(self, params: Mapping[str, Any], now_ns: int) -> None:
        """Note that the stream is being asked for."""
        for keeper in self._keepers:
            keeper.asked(params, now_ns)

    def acked(self, result: Mapping[str, Any]) -> None:
        """Note what the exchange answered to that."""
        for keeper in self._keepers:
            keeper.acked(result)

    def broken(self) -> None:
        """Note that messages may be missing."""
        for keeper in self._keepers:
            keeper.broken()

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""
        for keeper in self._keepers:
            keeper.left()

    def check_due_ns(self) -> int | None:
        """Return when the first of them wants a snapshot."""
        due = (keeper.check_due_ns() for keeper in self._keepers)
        return min((at_ns for at_ns in due if at_ns is not None), default=None)
