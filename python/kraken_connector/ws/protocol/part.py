"""The interface between a session and its parts."""

from __future__ import annotations

from ...exceptions import TransportError

__all__ = ["Part"]


class Part:
    """One part of a session. By default it does nothing; all times are monotonic seconds."""

    def connection_made(self, now: float) -> None:
        """Begin with a new socket."""

    def connection_lost(self, error: TransportError) -> None:
        """End with a socket that was lost; what waits for an answer fails with `error`."""

    def tick(self, now: float) -> None:
        """Do what is due."""

    def deadline(self, now: float) -> float:
        """Return when to call `tick`; infinity if nothing will be due."""
        return float("inf")

    def excuse(self, now: float, grace: float) -> None:
        """Extend all deadlines to `grace` seconds from now, as what arrived was not read yet."""
