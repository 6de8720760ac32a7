"""The short way of text frames from a socket to the engine, past the WebSocket library.

The event loop reads, or a thread of the native core does (`reading_thread.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..._backend import Event, Receiver

__all__ = ["Bypass", "LoopBypass", "OnEvents"]

#: Called with the events of a read and the time of receipt, nanoseconds since the epoch.
OnEvents = Callable[["list[Event]", int], None]


class Bypass(Protocol):
    """The short way of one connection."""

    @property
    def is_on(self) -> bool:
        """Whether text frames take it."""

    def start(self) -> None:
        """Let text frames take it, from the next one on.

        Raises:
            OSError: there are no means for it.
        """

    def stop(self) -> None:
        """Give all frames to the library from now on, so that the engine receives none."""


class LoopBypass:
    """The short way if the event loop reads.

    Args:
        receiver: finds the frames in what is read.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def is_on(self) -> bool:
        """Whether text frames take it."""
        return self._receiver.is_direct

    def start(self) -> None:
        """Let text frames take it."""
        self._receiver.is_direct = True

    def stop(self) -> None:
        """Give all frames to the library."""
        self._receiver.is_direct = False
