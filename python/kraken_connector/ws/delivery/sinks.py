"""Delivery to the queues of a client; `callbacks.py` delivers to functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ...models import GapEvent
from ..base.streams import ACCOUNT_CHANNELS
from ..protocol.registry import Sink
from .callbacks import CallbackSink
from .queues import OVERFLOWS, Inbox, Queue, StoppingQueue

__all__ = ["ClientOutlet", "PrivateSink", "QueueSink", "Sinks", "StoppingSink"]


class QueueSink:
    """Puts messages into a queue; call `Sinks.settle` after the last message of a read."""

    is_shared = True

    def __init__(self, inbox: Inbox, queue: Queue) -> None:
        self.put: Callable[[Any], None] = queue.append
        self.put_all: Callable[[list[Any]], None] | None = queue.extend
        self.put_event: Callable[[Any], None] = inbox.notes.put


class StoppingSink(QueueSink):
    """Puts messages into a queue that drops nothing; `on_full` stops the connection."""

    def __init__(self, inbox: Inbox, queue: StoppingQueue, on_full: Callable[[], None]) -> None:
        super().__init__(inbox, queue)
        self._queue = queue
        self._on_full = on_full

    def settle(self) -> None:
        """Stop the connection if the queue is full."""
        if self._queue.must_stop():
            self._on_full()


class PrivateSink:
    """Puts messages and events into the private queue, so that a gap comes before the messages
    that follow it.

    After messages were dropped, `on_room` is called when there is room again.
    """

    is_shared = True
    put_all = None

    def __init__(self, inbox: Inbox, on_room: Callable[[], None] = lambda: None) -> None:
        self._inbox = inbox
        self._on_room = on_room

    def put(self, event: Any) -> None:
        """Add a message, if there is room."""
        self._inbox.private.offer(event, self._on_room)

    def put_event(self, event: Any) -> None:
        """Add an event; while messages are dropped it goes into the queue of events."""
        queue = self._inbox.private
        (queue if queue.has_room else self._inbox.notes).put(event)


class ClientOutlet:
    """The destination of events and replies that belong to no single subscription.

    Args:
        inbox: the client's queues.
        on_gap: records a gap.
        settle: called after each read, when all its messages are delivered.
        callback: gets everything instead of the inbox.
    """

    is_shared = True
    put_all = None

    def __init__(
        self,
        inbox: Inbox,
        *,
        on_gap: Callable[[GapEvent], None],
        settle: Callable[[], None],
        callback: CallbackSink | None = None,
    ) -> None:
        call = callback.put if callback else None
        self.put: Callable[[Any], None] = call or inbox.dropping.append
        self.put_event: Callable[[Any], None] = call or inbox.notes.put
        self.reply: Callable[[Any], None] = call or PrivateSink(inbox).put
        self.gap: Callable[[GapEvent], None] = on_gap
        self.settle = settle


class Sinks:
    """The sinks of one connection's subscriptions, one for each queue.

    Args:
        inbox: the client's queues.
        block: stops reading the connection until a queue is drained.
        give_up: closes the connection until a queue is drained.
        refresh: subscribes to a private channel again, to get a snapshot.
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
            for channel in ACCOUNT_CHANNELS
        }
        #: Those of `_stopping` that this connection uses; others may fill the same queues.
        self._used: set[StoppingSink] = set()

    def for_channel(self, channel: str, overflow: str) -> Sink:
        """Return the sink for a channel's messages.

        Raises:
            ValueError: there is no such policy, or it is not allowed for the channel.
        """
        if overflow not in OVERFLOWS:
            raise ValueError(f"overflow must be one of {', '.join(OVERFLOWS)}, not {overflow!r}")
        if channel in ACCOUNT_CHANNELS:
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
        """Finish a read, after all its messages are put: stop a connection, wake waiting tasks."""
        for sink in self._used:
            sink.settle()
        self._inbox.settle()
