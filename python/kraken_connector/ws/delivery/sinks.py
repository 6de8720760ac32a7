"""Where events go: into a queue of the inbox, or straight into a caller's function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ...models import GapEvent
from ..base.callbacks import Callback
from ..constants import PRIVATE_CHANNELS
from ..protocol.registry import Sink
from .queues import OVERFLOWS, Inbox, Queue, StoppingQueue

__all__ = ["CallbackSink", "ClientOutlet", "Places", "PrivateSink", "QueueSink", "StoppingSink"]


class QueueSink:
    """Into a queue that copes with a slow consumer by itself; `Places.settle` must follow."""

    is_shared = True

    def __init__(self, inbox: Inbox, queue: Queue) -> None:
        self.put: Callable[[Any], None] = queue.append
        self.note: Callable[[Any], None] = inbox.notes.put


class StoppingSink(QueueSink):
    """Into a queue that drops nothing; its connection is told when the queue is full.

    Args:
        inbox: takes the notes.
        queue: takes the messages.
        on_full: stops the flow of messages.
    """

    def __init__(self, inbox: Inbox, queue: StoppingQueue, on_full: Callable[[], None]) -> None:
        super().__init__(inbox, queue)
        self._lane = queue
        self._on_full = on_full

    def settle(self) -> None:
        """Stop the flow if the queue cannot take more."""
        if self._lane.has_to_stop():
            self._on_full()


class PrivateSink:
    """Into the private queue, notes too: a gap must stand before the message that shows it.

    Args:
        inbox: holds the queue.
        on_room: called when there is room again after messages were lost.
    """

    is_shared = True

    def __init__(self, inbox: Inbox, on_room: Callable[[], None] = lambda: None) -> None:
        self._inbox = inbox
        self._on_room = on_room

    def put(self, event: Any) -> None:
        """Add a message, if there is room."""
        self._inbox.private.offer(event, self._on_room)

    def note(self, event: Any) -> None:
        """Add a note; where messages are lost there is none to stand before."""
        queue = self._inbox.private
        (queue if queue.has_room else self._inbox.notes).put(event)


class CallbackSink:
    """Into a caller's function, at once and in the receiving task.

    That it failed is told to `on_error`; the feed goes on. See `Callback`.

    Raises:
        TypeError: it is a coroutine function, or not a function at all.
    """

    is_shared = False

    def __init__(
        self,
        callback: Callable[[Any], object],
        on_error: Callable[[], None],
        name: str = "callback",
    ) -> None:
        self.put: Callable[[Any], None] = Callback(name, callback, on_error).call
        self.note: Callable[[Any], None] = self.put


class ClientOutlet:
    """Where everything goes that belongs to no subscription with a place of its own.

    Args:
        inbox: the client's lanes.
        on_gap: records a gap.
        settle: called after each read, when all its messages have been put somewhere.
        callback: takes everything instead of the inbox.
    """

    is_shared = True

    def __init__(
        self,
        inbox: Inbox,
        *,
        on_gap: Callable[[GapEvent], None],
        settle: Callable[[], None],
        callback: CallbackSink | None = None,
    ) -> None:
        take = callback.put if callback else None
        self.put: Callable[[Any], None] = take or inbox.dropping.append
        self.note: Callable[[Any], None] = take or inbox.notes.put
        self.reply: Callable[[Any], None] = take or PrivateSink(inbox).put
        self.gap: Callable[[GapEvent], None] = on_gap
        self.settle = settle


class Places:
    """The lanes as one connection's subscriptions see them; one sink for each queue.

    Args:
        inbox: the client's lanes.
        block: stops reading the connection until a queue has room.
        give_up: drops the connection until a queue has room.
        refresh: subscribes to a private channel again, for the sake of its snapshot.
    """

    def __init__(
        self,
        inbox: Inbox,
        block: Callable[[StoppingQueue], None],
        give_up: Callable[[StoppingQueue], None],
        refresh: Callable[[str], None],
    ) -> None:
        self._inbox = inbox
        self._flowing: dict[str, Sink] = {
            "drop_oldest": QueueSink(inbox, inbox.dropping),
            "conflate": QueueSink(inbox, inbox.conflating),
        }
        self._stopping = {
            "block": StoppingSink(inbox, inbox.blocking, lambda: block(inbox.blocking)),
            "disconnect": StoppingSink(
                inbox, inbox.disconnecting, lambda: give_up(inbox.disconnecting)
            ),
        }
        self._private: dict[str, Sink] = {
            channel: PrivateSink(inbox, functools.partial(refresh, channel))
            for channel in PRIVATE_CHANNELS
        }
        #: Those of `_stopping` that are in use: another connection may be who fills a queue.
        self._used: set[StoppingSink] = set()

    def of(self, channel: str, overflow: str) -> Sink:
        """Return where a channel's messages go.

        Raises:
            ValueError: there is no such policy, or it does not fit the channel.
        """
        if overflow not in OVERFLOWS:
            raise ValueError(f"overflow must be one of {', '.join(OVERFLOWS)}, not {overflow!r}")
        if channel in PRIVATE_CHANNELS:
            if overflow in ("conflate", "block"):
                reason = f"overflow={overflow!r} is not for private channels like {channel}"
                raise ValueError(reason)
            return self._private[channel]
        if overflow in self._flowing:
            return self._flowing[overflow]
        sink = self._stopping[overflow]
        self._used.add(sink)
        return sink

    def settle(self) -> None:
        """Look after the lanes when all messages of a read have been put."""
        for sink in self._used:
            sink.settle()
        self._inbox.settle()
