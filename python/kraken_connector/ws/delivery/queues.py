"""The queues between the connections and the consumer, by priority.

Each has a bound; that of `conflate` is one message a stream.

Private messages come first. If the consumer does not read them, the newest are dropped and counted:
the connection that carries orders must not depend on a consumer. Events of the client itself
(status, checksum errors, gaps) come next, market data last. Each overflow policy of market data has
its own queue, so that one cannot drop messages of another; they are merged by time of arrival.

A single read of a socket can bring more messages than a queue holds, before any task runs. So
market data is not dropped as soon as a queue is full: `ConsumerCheck` distinguishes a consumer that
catches up with a burst from one that is slower than its feed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Literal

from ..._backend import WSDataMessage
from ...exceptions import NotConnected
from ...models import GapEvent
from ..base.streams import ACCOUNT_CHANNELS

__all__ = ["Inbox", "Overflow"]

logger = logging.getLogger(__name__)

#: What happens when a consumer is slower than its subscription: `drop_oldest` drops the oldest
#: messages, `conflate` keeps the latest of each symbol, `block` stops reading the connection,
#: `disconnect` closes the connection and opens it again when the consumer has caught up.
Overflow = Literal["drop_oldest", "conflate", "block", "disconnect"]
OVERFLOWS: tuple[Overflow, ...] = ("drop_oldest", "conflate", "block", "disconnect")

#: Dropped messages after which a gap is reported even if the consumer has not caught up.
REPORTED_AT_ONCE = 1024
#: Seconds between two log lines with the same text about a consumer.
LOG_PAUSE = 60.0

#: Seconds in which a consumer that is behind has to reduce its backlog.
PATIENCE = 2.0
#: How much of that the time between two reads counts at most. The process may have been suspended,
#: and then the consumer could not run either.
LONGEST_STEP = 0.5
#: The share of the backlog that the consumer has to take within `PATIENCE`.
GAIN = 0.25
#: How many times its bound a queue may hold meanwhile. With the default bound that is more than
#: uvloop reads from one socket before any task runs: 32 times 256 KB.
BURST = 128
#: How many messages a queue may hold meanwhile, unless its bound is higher: about 50 MB.
LONGEST_BURST = 128 * 1024

#: Seconds for which a consumer may take messages before other tasks and the sockets get a turn.
#: If their turn takes longer than `TURN`, the consumer then gets the same time, at most
#: `LONGEST_TURN`, so that a flood of messages does not starve it.
TURN, LONGEST_TURN = 0.005, 0.025
#: Passes of the event loop in a turn of the others. A task that yields runs again in the next pass,
#: before the loop reads the sockets in it; with the pure core it gets those messages a pass later.
PASSES = 3
#: Reads in one pass that show that more data waits in the socket: the turn then goes on, because
#: pongs and fills may be behind it.
IN_A_ROW = 64


class ConsumerCheck:
    """Decides whether a consumer that is behind is too slow, or catches up with a burst.

    A consumer is too slow if within `PATIENCE` seconds it neither took all messages that waited at
    their beginning, nor reduced the backlog by a quarter. It is also too slow if the backlog is
    longer than any burst: `BURST` times the bound, at most `LONGEST_BURST`.

    Args:
        bound: messages that may wait for any time.
        clock: returns monotonic seconds.
    """

    def __init__(self, bound: int, clock: Callable[[], float]) -> None:
        self._limit = max(bound, min(BURST * bound, LONGEST_BURST))
        self._clock = clock
        self._checked_at = self._waited = 0.0
        self.reset()

    def reset(self) -> None:
        """Start again: the consumer has caught up."""
        #: When the seconds began to count: the latest arrival; and the longest backlog since.
        self._latest_ns, self._peak = -1, 0

    def is_too_slow(self, waiting: int, oldest_ns: int, latest_ns: int) -> bool:
        """Check a backlog that is longer than the bound; call this after each read.

        Args:
            waiting: how many messages wait.
            oldest_ns: arrival of the oldest one, nanoseconds.
            latest_ns: arrival of the last one.
        """
        now = self._clock()
        # After the wall clock was set back, arrivals cannot be compared.
        was_set_back = latest_ns < self._latest_ns
        was_taken = oldest_ns > self._latest_ns
        if was_set_back or was_taken or waiting <= (1 - GAIN) * self._peak:
            self._latest_ns, self._peak = latest_ns, waiting
            self._waited = 0.0
        else:
            self._peak = max(self._peak, waiting)
            self._waited += min(now - self._checked_at, LONGEST_STEP)
        self._checked_at = now
        return self._waited >= PATIENCE or waiting > self._limit


class Queue:
    """A queue with a bound; subclasses decide what happens beyond it.

    Attributes:
        append: adds an event without waking the consumer; call `Inbox.settle` after the last one.
        extend: adds several in the same way, `None` if there is no faster way than `append`.
    """

    def __init__(self, inbox: Inbox, bound: int) -> None:
        self.inbox = inbox
        self.bound = bound
        self.dropped = 0
        self.items: deque[Any] = deque()
        self.append: Callable[[Any], None] = self.items.append
        self.extend: Callable[[list[Any]], None] | None = self.items.extend

    def __len__(self) -> int:
        return len(self.items)

    def put(self, event: Any) -> None:
        """Add an event."""
        self.append(event)
        self.inbox.settle()

    def pop(self) -> Any:
        """Remove and return the oldest event."""
        return self.items.popleft()

    def clear(self) -> None:
        """Forget everything."""
        self.items.clear()

    def head_ns(self) -> int:
        """Return when the oldest event arrived."""
        return self.items[0].received_ns or 0

    def waiting(self) -> Iterable[Any]:
        """Return the events that wait, oldest first."""
        return self.items


class LosingQueue(Queue):
    """Drops events beyond its bound, and reports a gap when half of it is free again."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._log_due: dict[int, float] = {}
        #: Events dropped since the last report.
        self.lost = 0
        self._since_ns = 0
        self._kinds: set[tuple[str, str | None]] = set()

    def pop(self) -> Any:
        """Remove and return the oldest event; report a gap if there is room again."""
        event = self.items.popleft()
        if self.lost and len(self.items) <= self.bound // 2:
            self._report()
        return event

    def clear(self) -> None:
        super().clear()
        self.lost = 0
        self._kinds.clear()

    def close(self) -> None:
        """Report the events that were dropped since the last report."""
        if self.lost:
            self._report()

    def _lose(self, event: Any) -> None:
        """Count a dropped event."""
        self.dropped += 1
        if not self.lost:
            self._since_ns = getattr(event, "received_ns", None) or time.time_ns()
        self.lost += 1
        if type(event) is WSDataMessage:
            self._kinds.add((event.channel, event.symbol))
        else:
            self._kinds.add((type(event).__name__, None))

    def _log(self, level: int, text: str) -> None:
        """Log at most once a minute for each level."""
        now = self.inbox.clock()
        if now >= self._log_due.get(level, now):
            self._log_due[level] = now + LOG_PAUSE
            logger.log(level, text, len(self.items))

    def _report(self) -> None:
        channels = sorted({channel for channel, _ in self._kinds})
        symbols = sorted({symbol for _, symbol in self._kinds if symbol})
        gap = GapEvent("overflow", self._since_ns, time.time_ns(), channels, symbols, "", self.lost)
        self.lost = 0
        self._kinds.clear()
        self.inbox.on_gap(gap)


class DroppingQueue(LosingQueue):
    """Drops the oldest events."""

    def keep_bound(self) -> None:
        """Drop the events beyond the bound."""
        self._log(logging.WARNING, "the consumer is too slow: dropping the oldest of %d messages")
        while len(self.items) > self.bound:
            self._lose(self.items.popleft())
        if self.lost >= REPORTED_AT_ONCE:
            self._report()


class MarketQueue(DroppingQueue):
    """Drops the oldest messages from when its consumer is too slow until it has caught up."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._check = ConsumerCheck(bound, inbox.clock)
        self._is_losing = False

    def clear(self) -> None:
        super().clear()
        self.caught_up()

    def caught_up(self) -> None:
        """Stop dropping: the consumer has read everything."""
        self._is_losing = False
        self._check.reset()

    def keep_bound(self) -> None:
        """Drop the messages beyond the bound, if the consumer is too slow."""
        if not self._is_losing:
            latest_ns = self.items[-1].received_ns or 0
            self._is_losing = self._check.is_too_slow(len(self), self.head_ns(), latest_ns)
        if self._is_losing:
            super().keep_bound()


class EventQueue(DroppingQueue):
    """Events of the client itself. A gap in a private stream goes into the private queue, before
    the messages that follow it."""

    def put(self, event: Any) -> None:
        private = self.inbox.private
        is_private = type(event) is GapEvent and not ACCOUNT_CHANNELS.isdisjoint(event.channels)
        if is_private and private.has_room:
            private.put(event)
        else:
            super().put(event)


class PrivateQueue(LosingQueue):
    """Drops the newest messages, and lets their channels get a snapshot when there is room again.

    A `GapEvent` takes the position of the dropped messages.
    """

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._on_room: dict[Callable[[], None], None] = {}

    @property
    def has_room(self) -> bool:
        """Whether an event would be queued."""
        return not self.lost and len(self.items) < self.bound

    def offer(self, event: Any, on_room: Callable[[], None]) -> None:
        """Add an event, or drop it and call `on_room` once when there is room again."""
        if self.has_room:
            self.put(event)
            if len(self.items) == max(self.bound // 10, 2):
                self._log(logging.WARNING, "the private queue is not read: %d messages wait")
            return
        self._log(
            logging.ERROR,
            "the private queue is full with %d messages: further ones are dropped. Read it with "
            "`async for message in client`, or use track_orders() instead of subscribing",
        )
        self._on_room[on_room] = None
        self._lose(event)

    def clear(self) -> None:
        super().clear()
        self._on_room.clear()

    def close(self) -> None:
        """Report the messages that were dropped since the last report, and forget the callbacks."""
        self._on_room.clear()
        super().close()

    def _report(self) -> None:
        super()._report()
        callbacks, self._on_room = self._on_room, {}
        for callback in callbacks:
            callback()


class ConflatingQueue(Queue):
    """Keeps the latest message of each channel and symbol."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__(inbox, 0)
        self.append, self.extend = self._replace, None
        self._latest: dict[Hashable, Any] = {}

    def _replace(self, event: Any) -> None:
        """Add an event, or replace the one of its symbol that still waits."""
        key = _kind(event)
        if key in self._latest:
            self.dropped += 1
        else:
            self.items.append(key)
        self._latest[key] = event

    def pop(self) -> Any:
        """Remove and return the latest message of the symbol that has waited longest."""
        return self._latest.pop(self.items.popleft())

    def clear(self) -> None:
        super().clear()
        self._latest.clear()

    def head_ns(self) -> int:
        """Return when the next message arrived."""
        return self._latest[self.items[0]].received_ns or 0

    def waiting(self) -> Iterable[Any]:
        """Return the messages that wait; a message takes the position of the one it replaces."""
        return (self._latest[key] for key in self.items)


class StoppingQueue(Queue):
    """Drops nothing: connections stop filling it when it is full, and wait until it is drained."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        #: Called once when the queue is drained.
        self.on_drained: list[Callable[[], None]] = []

    def must_stop(self) -> bool:
        """Return after a read whether the connections that fill the queue have to stop."""
        return len(self.items) >= self.bound

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call a function once half of the queue is free: now, or in a later `pop`."""
        if self._is_drained():
            callback()
        else:
            self.on_drained.append(callback)

    def pop(self) -> Any:
        """Remove and return the oldest event; call those who wait if the queue is drained."""
        event = self.items.popleft()
        if self.on_drained and self._is_drained():
            callbacks, self.on_drained = self.on_drained, []
            self.inbox.find_run()
            for callback in callbacks:
                callback()
        return event

    def _is_drained(self) -> bool:
        return len(self.items) <= self.bound // 2


class DisconnectingQueue(StoppingQueue):
    """Connections stop filling it when its consumer is too slow."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._check = ConsumerCheck(bound, inbox.clock)

    def clear(self) -> None:
        super().clear()
        self._check.reset()

    def must_stop(self) -> bool:
        if not super().must_stop():
            return False
        latest_ns = self.items[-1].received_ns or 0
        if not self._check.is_too_slow(len(self), self.head_ns(), latest_ns):
            return False
        self._check.reset()
        return True


#: A run without messages; nothing is ever added to it.
_NOTHING: deque[Any] = deque()


class Inbox:
    """The queues of one client.

    Args:
        bound: messages that each queue of market data holds for a consumer that is too slow.
        private_bound: messages that the private queue and the queue of events hold.
        on_gap: called with a `GapEvent` for dropped messages.
        clock: returns monotonic seconds, `time.monotonic` by default.

    Attributes:
        clock: returns monotonic seconds.
        turn_ends: until when, by that clock, messages may be taken without waiting; after that
            `get` lets other tasks and the sockets run first.
        queues: all queues by name; those of market data have the names of their policies.
        run: messages that may be taken with `popleft` instead of `pop`, which is faster: the queue
            of market data in use, while no other queue has messages and `pop` would have no side
            effect. It may be empty although messages wait.
        reserve: the number of messages of `run` that must be left to `pop`.
    """

    def __init__(
        self,
        bound: int,
        private_bound: int,
        on_gap: Callable[[GapEvent], None],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.on_gap = on_gap
        self.clock = clock or time.monotonic
        self.turn_ends = 0.0
        self._reads = 0
        #: When a turn of the others began, if `get` was cancelled during it.
        self._cut_short: float | None = None
        self.run = _NOTHING
        self.reserve = 0
        self.waiters: deque[asyncio.Future[None]] = deque()
        self.private = PrivateQueue(self, private_bound)
        self.notes = EventQueue(self, private_bound)
        self.dropping = MarketQueue(self, bound)
        self.conflating = ConflatingQueue(self)
        self.blocking = StoppingQueue(self, bound)
        self.disconnecting = DisconnectingQueue(self, bound)
        self._market: tuple[Queue, ...] = (
            self.dropping,
            self.conflating,
            self.blocking,
            self.disconnecting,
        )
        # `pop` reads these for every message.
        self._private_items, self._event_items = self.private.items, self.notes.items
        self._dropping_items = self.dropping.items
        self._conflated_items = self.conflating.items
        self._blocked_items = self.blocking.items
        self._disconnecting_items = self.disconnecting.items
        self.queues: dict[str, Queue] = {
            "private": self.private,
            "events": self.notes,
            **dict(zip(OVERFLOWS, self._market, strict=True)),
        }
        self._ended: Exception | None = NotConnected("receive", "disconnected")
        #: Why market data ended, how often it did, and whether `get` still has to raise that.
        self._interruption: Exception | None = None
        self._interruptions = 0
        self._is_interrupted = False

    def __len__(self) -> int:
        market = sum(len(queue) for queue in self._market)
        return len(self.private) + len(self.notes) + market

    @property
    def ended(self) -> Exception | None:
        """Why no more events will be added; `None` while the inbox is open."""
        return self._ended

    @property
    def dropped(self) -> int:
        """Messages dropped because of a slow consumer."""
        return self.dropping.dropped + self.notes.dropped + self.private.dropped

    @property
    def conflated(self) -> int:
        """Messages replaced by later ones of the same symbol."""
        return self.conflating.dropped

    def open(self, *, keep: bool = False) -> None:
        """Accept events again; drop those that still wait, unless `keep` is true."""
        self._ended = None
        self._is_interrupted = False
        if not keep:
            self.run = _NOTHING
            for queue in self.queues.values():
                queue.clear()

    def end(self, reason: Exception) -> None:
        """Accept no more events; `get` raises `reason` once all that wait are taken."""
        if self._ended is None:
            self._ended = reason
            self.dropping.close()
            self.private.close()
            self.notes.close()
        while self.waiters:
            self.wake()

    def interrupt(self, reason: Exception) -> None:
        """Raise `reason` in each task that waits in `get`, once all queued events are taken.

        Market data has ended then, but private messages still arrive. If no task waits, the next
        call of `get` raises; after that `get` waits for private messages.
        """
        self.dropping.close()
        self._interruption = reason
        self._interruptions += 1
        self._is_interrupted = True
        while self.waiters:
            self.wake()

    async def get(self) -> Any:
        """Remove and return the next event; wait if there is none.

        Other tasks and the sockets get a turn first, if they had none for `TURN` seconds.

        Raises:
            NotConnected: the inbox was never opened.
            Exception: the reason given to `end`, once all events are taken; the one given to
                `interrupt`, once.
        """
        interruptions = self._interruptions
        if self.clock() >= self.turn_ends and len(self):
            await self._give_turn()
        while (event := self.pop()) is None:
            if self._ended is not None:
                raise self._ended.with_traceback(None)
            if self._is_interrupted or interruptions != self._interruptions:
                self._is_interrupted = False
                assert self._interruption is not None
                raise self._interruption.with_traceback(None)
            await self._wait()
        return event

    def settle(self) -> None:
        """Finish a read, after its events were appended: keep the bounds, wake waiting tasks."""
        self._reads += 1
        if len(self._dropping_items) > self.dropping.bound:
            self.dropping.keep_bound()
        if len(self._event_items) > self.notes.bound:
            self.notes.keep_bound()
        self.find_run()
        if self.waiters:
            for _ in range(min(len(self.waiters), len(self))):
                self.wake()

    def wake(self) -> None:
        """Wake one waiting task."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break

    def pop(self) -> Any:
        """Remove and return the next event, `None` when there is none."""
        if self._private_items:
            return self.private.pop()
        if self._event_items:
            return self.notes.pop()
        # Usually one queue of market data is in use, and there is nothing to merge.
        if self._conflated_items or self._disconnecting_items:
            return self._pop_oldest()
        if not self._blocked_items:
            return self.dropping.pop() if self._dropping_items else None
        return self._pop_oldest() if self._dropping_items else self.blocking.pop()

    def find_run(self) -> None:
        """Set `run` and `reserve`."""
        run, reserve = _NOTHING, 0
        if (
            self._private_items
            or self._event_items
            or self._conflated_items
            or self._disconnecting_items
        ):
            pass
        elif not self._blocked_items:
            if not self.dropping.lost:
                run = self._dropping_items
        elif not self._dropping_items:
            run = self._blocked_items
            if self.blocking.on_drained:
                reserve = self.blocking.bound // 2 + 1
        self.run, self.reserve = run, reserve

    def _pop_oldest(self) -> Any:
        """Remove and return the market data that arrived first."""
        first = None
        for queue in self._market:
            if queue.items and (first is None or queue.head_ns() < first.head_ns()):
                first = queue
        return None if first is None else first.pop()

    async def _give_turn(self) -> None:
        began, self._cut_short = self._cut_short, None
        if began is None:
            began = self.clock()
            try:
                await self._give_passes(began + LONGEST_TURN)
            except asyncio.CancelledError:
                # The next `get` continues this turn: a caller with a timeout shorter than a turn
                # would otherwise never get a message.
                self._cut_short = began
                raise
        now = self.clock()
        self.turn_ends = now + min(max(TURN, now - began), LONGEST_TURN)

    async def _give_passes(self, until: float) -> None:
        for passed in itertools.count(1):
            reads = self._reads
            await asyncio.sleep(0)
            is_more_there = self._reads - reads >= IN_A_ROW and self.clock() < until
            if passed >= PASSES and not is_more_there:
                return

    async def _wait(self) -> None:
        self.dropping.caught_up()
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            # Cancelled after it was woken: wake another task for the event.
            if waiter.done() and not waiter.cancelled():
                self.wake()
            elif waiter in self.waiters:
                self.waiters.remove(waiter)
            raise
        self.turn_ends = self.clock() + TURN


def _kind(event: Any) -> Hashable:
    if type(event) is not WSDataMessage:
        return type(event).__name__
    if event.channel == "ohlc" and event.data:
        return event.channel, event.symbol, getattr(event.data[0], "interval", None)
    return event.channel, event.symbol
