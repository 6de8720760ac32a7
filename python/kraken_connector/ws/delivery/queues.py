"""What waits for the consumer: lanes by importance, each with a bound.

Private messages come first. When nobody takes them, the newest are counted and not queued, as the
connection that carries orders must not depend on a consumer. Notes (status, mismatches, gaps) come
next, market data last. Within market data each overflow policy has a queue of its own, so that one
cannot drop the other's messages; they are merged by time of arrival.

A single read of a socket can bring more messages than a queue holds, before any task runs. So
market data is not lost for its number alone: `Patience` tells a consumer that catches up with a
burst from one that is slower than its feed.
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
from ..constants import PRIVATE_CHANNELS

__all__ = ["Inbox", "Overflow"]

logger = logging.getLogger(__name__)

#: What happens when a consumer is slower than its subscription: `drop_oldest` forgets the oldest
#: messages, `conflate` keeps the latest of each symbol, `block` stops reading the connection,
#: `disconnect` gives the connection up and opens it again when the consumer has caught up.
Overflow = Literal["drop_oldest", "conflate", "block", "disconnect"]
OVERFLOWS: tuple[Overflow, ...] = ("drop_oldest", "conflate", "block", "disconnect")

#: Losses after which a consumer that never catches up is told all the same.
REPORTED_AT_ONCE = 1024
#: Seconds between two lines of the log that say the same about a consumer.
LOG_PAUSE = 60.0

#: Seconds in which a consumer that is behind has to gain on its feed.
PATIENCE = 2.0
#: The part of them that may pass between two reads: of more the consumer had no use, as when the
#: process was suspended.
LONGEST_STEP = 0.5
#: The share of a backlog that must be gone by then, unless all of what waited was taken.
GAIN = 0.25
#: How many times its bound a queue may hold until then. With the default bound that is more than
#: uvloop reads from one socket before any task gets a turn: 32 times 256 KB.
BURST = 128
#: How many messages may wait until then, unless the bound itself is higher: about 50 MB.
LONGEST_BURST = 128 * 1024

#: Seconds for which a consumer may take messages before other tasks and the sockets get a turn. In
#: a flood it gets as long as their turn took, up to the second figure: reading must not starve it.
TURN, LONGEST_TURN = 0.005, 0.025
#: Passes of the event loop that make a turn of the others. A task that yields goes on in the next
#: pass, before what the loop reads in it; with the pure core a task takes that in the one after.
PASSES = 3
#: Frames that are taken one after the other, where each is a read, until others get a pass. A turn
#: in whose last pass so many came goes on, as more are there; pongs and fills may be among them.
IN_A_ROW = 64


class Patience:
    """Tells whether a consumer that is behind is too slow, or catches up with a burst.

    It is too slow when for `PATIENCE` seconds neither all that waited at their beginning was taken,
    nor the backlog got shorter by a quarter; or when more wait than a burst may bring: `BURST`
    times the bound, `LONGEST_BURST` at most.

    Args:
        bound: messages that may wait for any time.
        clock: gives monotonic seconds.
    """

    def __init__(self, bound: int, clock: Callable[[], float]) -> None:
        self._limit = max(bound, min(BURST * bound, LONGEST_BURST))
        self._clock = clock
        self._looked = self._waited = 0.0
        self.renew()

    def renew(self) -> None:
        """Forget what was seen."""
        #: What waited when the seconds began to count: the latest arrival, and the most since then.
        self._latest_ns, self._peak = -1, 0

    def has_ended(self, waiting: int, oldest_ns: int, latest_ns: int) -> bool:
        """Look at what waits after a read, when that is more than the bound.

        Args:
            waiting: how many messages wait.
            oldest_ns: arrival of the one that waits longest, nanoseconds.
            latest_ns: arrival of the last one.
        """
        now = self._clock()
        # By a wall clock that was set back nothing can be told of what waited before.
        was_set_back = latest_ns < self._latest_ns
        was_taken = oldest_ns > self._latest_ns
        if was_set_back or was_taken or waiting <= (1 - GAIN) * self._peak:
            self._latest_ns, self._peak = latest_ns, waiting
            self._waited = 0.0
        else:
            self._peak = max(self._peak, waiting)
            self._waited += min(now - self._looked, LONGEST_STEP)
        self._looked = now
        return self._waited >= PATIENCE or waiting > self._limit


class Queue:
    """A bounded queue. What happens beyond its bound is up to the subclass.

    Attributes:
        append: adds one event of several; `Inbox.settle` must follow.
    """

    def __init__(self, inbox: Inbox, bound: int) -> None:
        self.inbox = inbox
        self.bound = bound
        self.dropped = 0
        self.items: deque[Any] = deque()
        self.append: Callable[[Any], None] = self.items.append

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
        """Return what waits, oldest first."""
        return self.items


class LosingQueue(Queue):
    """Loses what is beyond its bound, and records that when half of it is free again."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._log_due: dict[int, float] = {}
        #: Events lost since the last report.
        self.lost = 0
        self._since_ns = 0
        self._kinds: set[tuple[str, str | None]] = set()

    def pop(self) -> Any:
        """Remove and return the oldest event; room again ends a loss."""
        event = self.items.popleft()
        if self.lost and len(self.items) <= self.bound // 2:
            self._report()
        return event

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.lost = 0
        self._kinds.clear()

    def close(self) -> None:
        """Report what was lost, if it was not yet."""
        if self.lost:
            self._report()

    def _lose(self, event: Any) -> None:
        """Count an event that is lost."""
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
    """Loses the oldest."""

    def keep_bound(self) -> None:
        """Forget what is beyond the bound."""
        self._log(logging.WARNING, "the consumer is too slow: dropping the oldest of %d messages")
        while len(self.items) > self.bound:
            self._lose(self.items.popleft())
        if self.lost >= REPORTED_AT_ONCE:
            self._report()


class MarketQueue(DroppingQueue):
    """Loses the oldest once its consumer is too slow, until that one has caught up."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._patience = Patience(bound, inbox.clock)
        self._is_losing = False

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.caught_up()

    def caught_up(self) -> None:
        """Note that the consumer has taken everything and waits for more."""
        self._is_losing = False
        self._patience.renew()

    def keep_bound(self) -> None:
        """Forget what is beyond the bound, if the consumer is too slow."""
        if not self._is_losing:
            latest_ns = self.items[-1].received_ns or 0
            self._is_losing = self._patience.has_ended(len(self), self.head_ns(), latest_ns)
        if self._is_losing:
            super().keep_bound()


class EventQueue(DroppingQueue):
    """What the client itself says. Gaps in private streams go before what follows them there."""

    def put(self, event: Any) -> None:
        """Add an event."""
        private = self.inbox.private
        is_private = type(event) is GapEvent and not PRIVATE_CHANNELS.isdisjoint(event.channels)
        if is_private and private.has_room:
            private.put(event)
        else:
            super().put(event)


class PrivateQueue(LosingQueue):
    """Loses the newest, and tells who filled it when there is room, so that they make up for it.

    What was lost stands as a `GapEvent` between the messages before and after it.
    """

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._waiting_for_room: dict[Callable[[], None], None] = {}

    @property
    def has_room(self) -> bool:
        """Whether an event would be queued."""
        return not self.lost and len(self.items) < self.bound

    def offer(self, event: Any, on_room: Callable[[], None]) -> None:
        """Add an event if there is room.

        Args:
            event: the event.
            on_room: called once when there is room again, if the event was lost.
        """
        if self.has_room:
            self.put(event)
            if len(self.items) == max(self.bound // 10, 2):
                self._log(logging.WARNING, "nobody reads the private queue: %d messages wait")
            return
        self._log(
            logging.ERROR,
            "the private queue is full with %d messages: further ones are not queued. Take them "
            "with `async for message in client`, or use track_orders() instead of subscribing",
        )
        self._waiting_for_room[on_room] = None
        self._lose(event)

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._waiting_for_room.clear()

    def close(self) -> None:
        """Report what was lost, if it was not yet; nobody makes up for it any more."""
        self._waiting_for_room.clear()
        super().close()

    def _report(self) -> None:
        super()._report()
        waiting, self._waiting_for_room = self._waiting_for_room, {}
        for tell in waiting:
            tell()


class ConflatingQueue(Queue):
    """Keeps the latest message of each channel and symbol."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__(inbox, 0)
        self.append = self._replace
        self._latest: dict[Hashable, Any] = {}

    def _replace(self, event: Any) -> None:
        """Add an event, or replace the one of its kind that still waits."""
        key = _kind(event)
        if key in self._latest:
            self.dropped += 1
        else:
            self.items.append(key)
        self._latest[key] = event

    def pop(self) -> Any:
        """Remove and return the latest message of what has waited longest."""
        return self._latest.pop(self.items.popleft())

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._latest.clear()

    def head_ns(self) -> int:
        """Return when the next message arrived."""
        return self._latest[self.items[0]].received_ns or 0

    def waiting(self) -> Iterable[Any]:
        """Return what waits; a message that was replaced kept its place."""
        return (self._latest[key] for key in self.items)


class StoppingQueue(Queue):
    """Drops nothing: whoever fills it stops when it is full, and asks to be told about room."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        #: What to call when there is room.
        self.stopped: list[Callable[[], None]] = []

    def has_to_stop(self) -> bool:
        """Tell after a read whether those who fill it have to stop."""
        return len(self.items) >= self.bound

    def when_roomy(self, tell: Callable[[], None]) -> None:
        """Call `tell` when half of the queue is free: at once, or in a later `pop`."""
        if self._is_roomy():
            tell()
        else:
            self.stopped.append(tell)

    def pop(self) -> Any:
        """Remove and return the oldest event; tell when there is room."""
        event = self.items.popleft()
        if self.stopped and self._is_roomy():
            stopped, self.stopped = self.stopped, []
            for tell in stopped:
                tell()
        return event

    def _is_roomy(self) -> bool:
        return len(self.items) <= self.bound // 2


class DisconnectingQueue(StoppingQueue):
    """Those who fill it stop when its consumer is too slow."""

    def __init__(self, inbox: Inbox, bound: int) -> None:
        super().__init__(inbox, bound)
        self._patience = Patience(bound, inbox.clock)

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._patience.renew()

    def has_to_stop(self) -> bool:
        """Tell after a read whether those who fill it have to stop."""
        if not super().has_to_stop():
            return False
        latest_ns = self.items[-1].received_ns or 0
        if not self._patience.has_ended(len(self), self.head_ns(), latest_ns):
            return False
        self._patience.renew()
        return True


#: A run of nothing; nobody adds to it.
_NOTHING: deque[Any] = deque()


class Inbox:
    """The lanes of one client.

    Args:
        bound: messages that each queue of market data holds for a consumer that is too slow.
        private_bound: messages that the private queue holds, and the notes.
        on_gap: takes the record of a loss.
        clock: gives monotonic seconds, `time.monotonic` by default.

    Attributes:
        clock: gives monotonic seconds.
        turn_ends: until when messages may be taken without waiting, by that clock; from then on
            `get` lets other tasks and the sockets have a turn first.
        lanes: all of them by name; those of market data have the names of their policies.
        run: what can be taken by `popleft` as well as by `pop`: one queue of market data while
            nothing else waits, and nothing follows from taking it. It may be empty although
            something waits.
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
        #: When a turn of others began whose consumer was cancelled before its end.
        self._cut_short: float | None = None
        self.run = _NOTHING
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
        # What `pop` looks at, for every message.
        self._private_items, self._note_items = self.private.items, self.notes.items
        self._dropping_items = self.dropping.items
        self._conflated_items = self.conflating.items
        self._blocked_items = self.blocking.items
        self._disconnecting_items = self.disconnecting.items
        self.lanes: dict[str, Queue] = {
            "private": self.private,
            "notes": self.notes,
            **dict(zip(OVERFLOWS, self._market, strict=True)),
        }
        self._ended: Exception | None = NotConnected("receive", "disconnected")
        #: Why market data ended, how often it did, and whether somebody still has to be told.
        self._interruption: Exception | None = None
        self._interruptions = 0
        self._is_interrupted = False

    def __len__(self) -> int:
        market = sum(len(queue) for queue in self._market)
        return len(self.private) + len(self.notes) + market

    @property
    def ended(self) -> Exception | None:
        """Why nothing will be added any more; `None` while something may."""
        return self._ended

    @property
    def dropped(self) -> int:
        """Messages lost to slow consumers."""
        return self.dropping.dropped + self.notes.dropped + self.private.dropped

    @property
    def conflated(self) -> int:
        """Messages replaced by later ones of their symbol."""
        return self.conflating.dropped

    def open(self, *, keep: bool = False) -> None:
        """Begin anew, empty unless what waits is to be kept."""
        self._ended = None
        self._is_interrupted = False
        if not keep:
            self.run = _NOTHING
            for queue in self.lanes.values():
                queue.clear()

    def end(self, reason: Exception) -> None:
        """Add nothing any more; `get` raises `reason` once everything is taken."""
        if self._ended is None:
            self._ended = reason
            self.dropping.close()
            self.private.close()
            self.notes.close()
        while self.waiters:
            self.wake()

    def interrupt(self, reason: Exception) -> None:
        """Let those who wait know that market data has ended; private messages still come.

        Each of them gets `reason` once what is queued is taken; when nobody waits, the next one
        does. After that `get` waits for private messages.
        """
        self.dropping.close()
        self._interruption = reason
        self._interruptions += 1
        self._is_interrupted = True
        while self.waiters:
            self.wake()

    async def get(self) -> Any:
        """Remove and return the next event, waiting for one.

        Other tasks and the sockets get a turn before it, if they had none for `TURN` seconds.

        Raises:
            NotConnected: it was never opened.
            Exception: the reason given to `end`, when everything is taken; that given to
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
        """Look after what was appended by a read: keep the bounds, wake those who wait."""
        self._reads += 1
        if len(self._dropping_items) > self.dropping.bound:
            self.dropping.keep_bound()
        if len(self._note_items) > self.notes.bound:
            self.notes.keep_bound()
        self.run = self._find_run()
        if self.waiters:
            for _ in range(min(len(self.waiters), len(self))):
                self.wake()

    def wake(self) -> None:
        """Let one who waits look again."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break

    def pop(self) -> Any:
        """Remove and return the next event, `None` when there is none."""
        if self._private_items:
            return self.private.pop()
        if self._note_items:
            return self.notes.pop()
        # Mostly one queue of market data is in use; then there is nothing to merge.
        if self._conflated_items or self._disconnecting_items:
            return self._pop_oldest()
        if not self._blocked_items:
            return self.dropping.pop() if self._dropping_items else None
        return self._pop_oldest() if self._dropping_items else self.blocking.pop()

    def _find_run(self) -> deque[Any]:
        if (
            self._private_items
            or self._note_items
            or self._conflated_items
            or self._disconnecting_items
        ):
            return _NOTHING
        if not self._blocked_items:
            return _NOTHING if self.dropping.lost else self._dropping_items
        is_plain = not self._dropping_items and not self.blocking.stopped
        return self._blocked_items if is_plain else _NOTHING

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
                # The next one goes on at once: with a shorter timeout it would get nothing.
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
            # Cancelled after it was woken: the event that woke it is another's now.
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
