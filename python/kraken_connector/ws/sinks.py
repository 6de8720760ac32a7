"""Where events go: into a lane of the inbox, or straight into a caller's function."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from ..models import GapEvent
from .constants import PRIVATE_CHANNELS
from .inbox import OVERFLOWS, Inbox, Lane, StoppingLane
from .subscriptions import Sink

__all__ = ["CallbackSink", "ClientOutlet", "LaneSink", "Places", "PrivateSink", "StoppingSink"]

logger = logging.getLogger(__name__)


class LaneSink:
    """Into a lane that copes with a slow consumer by itself."""

    is_shared = True

    def __init__(self, inbox: Inbox, lane: Lane) -> None:
        self.put: Callable[[Any], None] = lane.put
        self.note: Callable[[Any], None] = inbox.notes.put


class StoppingSink:
    """Into a lane that drops nothing; its connection is told when the lane is full.

    Args:
        inbox: takes the notes.
        lane: takes the messages.
        on_full: stops the flow of messages.
    """

    is_shared = True

    def __init__(self, inbox: Inbox, lane: StoppingLane, on_full: Callable[[], None]) -> None:
        self.note: Callable[[Any], None] = inbox.notes.put
        self._lane = lane
        self._on_full = on_full

    def put(self, event: Any) -> None:
        """Add a message."""
        lane = self._lane
        lane.put(event)
        if len(lane.items) >= lane.bound:
            self._on_full()


class PrivateSink(StoppingSink):
    """Into the private lane, notes too: a gap must stand before the message that shows it."""

    def __init__(self, inbox: Inbox, on_full: Callable[[], None]) -> None:
        super().__init__(inbox, inbox.private, on_full)
        self.note = self.put


class CallbackSink:
    """Into a caller's function, at once and in the receiving task.

    What the function raises is logged and handed to `on_error`; the feed goes on.

    Raises:
        TypeError: it is not a plain function: nobody would await a coroutine here.
    """

    is_shared = False

    def __init__(
        self,
        callback: Callable[[Any], object],
        on_error: Callable[[], None],
        name: str = "callback",
    ) -> None:
        if not callable(callback):
            raise TypeError(f"{name} must be callable, not {callback!r}")
        if inspect.iscoroutinefunction(callback):
            raise TypeError(f"{name} must be a plain function, it is called without await")
        self.note: Callable[[Any], None] = self.put
        self._callback = callback
        self._on_error = on_error

    def put(self, event: Any) -> None:
        """Call the function."""
        try:
            self._callback(event)
        # A caller's mistake must not end the feed. `CancelledError` is one here: nothing awaits,
        # so it comes from a future that the function asked, and would end the receiving task.
        except (Exception, asyncio.CancelledError):
            self._on_error()
            logger.exception("a callback failed; the feed goes on")


class ClientOutlet:
    """Where everything goes that belongs to no subscription with a place of its own.

    Args:
        inbox: the client's lanes.
        on_full: stops the connection when the private lane is full.
        on_gap: records a hole.
        callback: takes everything instead of the inbox.
    """

    is_shared = True

    def __init__(
        self,
        inbox: Inbox,
        *,
        on_full: Callable[[], None],
        on_gap: Callable[[GapEvent], None],
        callback: CallbackSink | None = None,
    ) -> None:
        take = callback.put if callback else None
        self.put: Callable[[Any], None] = take or inbox.dropping.put
        self.note: Callable[[Any], None] = take or inbox.notes.put
        self.reply: Callable[[Any], None] = take or PrivateSink(inbox, on_full).put
        self.gap: Callable[[GapEvent], None] = on_gap


class Places:
    """The lanes as one connection's subscriptions see them; one sink for each lane.

    Args:
        inbox: the client's lanes.
        block: stops reading the connection until a lane has room.
        give_up: drops the connection until a lane has room.
    """

    def __init__(
        self,
        inbox: Inbox,
        block: Callable[[StoppingLane], None],
        give_up: Callable[[StoppingLane], None],
    ) -> None:
        self._sinks: dict[str, Sink] = {
            "drop_oldest": LaneSink(inbox, inbox.dropping),
            "conflate": LaneSink(inbox, inbox.conflating),
            "block": StoppingSink(inbox, inbox.blocking, lambda: block(inbox.blocking)),
            "disconnect": StoppingSink(
                inbox, inbox.disconnecting, lambda: give_up(inbox.disconnecting)
            ),
        }
        self._private = PrivateSink(inbox, lambda: give_up(inbox.private))

    def of(self, channel: str, overflow: str) -> Sink:
        """Return where a channel's messages go.

        Raises:
            ValueError: there is no such policy, or it does not fit the channel.
        """
        if overflow not in OVERFLOWS:
            raise ValueError(f"overflow must be one of {', '.join(OVERFLOWS)}, not {overflow!r}")
        if channel not in PRIVATE_CHANNELS:
            return self._sinks[overflow]
        if overflow in ("conflate", "block"):
            raise ValueError(f"overflow={overflow!r} is not for private channels like {channel}")
        return self._private
