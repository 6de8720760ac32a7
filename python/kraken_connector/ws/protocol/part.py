"""The base class of a session's parts: a socket is opened or lost, time passes."""

from __future__ import annotations

from math import inf

from ...exceptions import TransportError

__all__ = ["Part"]


class Part:
    """One part of a session. By default, methods do nothing. Times are monotonic seconds."""

    def connection_made(self, now: float) -> None:
        """Begin with a new socket."""

    def connection_lost(self, error: TransportError) -> None:
        """Handle the loss of the socket; pending requests fail with `error`."""

    def tick(self, now: float) -> None:
        """Do the work that is due."""

    def deadline(self, now: float) -> float:
        """Return when to call `tick`; infinity for never."""
        return inf

    def excuse(self, now: float, grace: float) -> None:
        """Extend all deadlines to `grace` seconds from now: received frames were not read yet."""
