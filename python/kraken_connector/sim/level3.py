"""The orders of a book, and the updates for `level3` subscribers of each depth.

The queue of a level is made up when it is first needed, and kept from then on. A step of the market
is one message: the deletes of every removed level, then the events of every level that stays in
scope, then adds for all orders of every level that came into scope. Because whole levels are
removed first, clients that truncate their book after each event get the same book as clients that
truncate it after the message.

Source: docs.kraken.com, Spot WebSocket v2, level3 channel and level3 checksum guide.
"""

from __future__ import annotations

import random
import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeAlias

from .book import CHECKSUM_LEVELS, LevelKey, ReferenceBook, Side
from .queues import PRIORITY, Event, OtherOrders, Own, Queue, QueueRule

DEPTHS = (10, 100, 1000)
"""Price levels per side that can be subscribed."""

OwnAt: TypeAlias = Callable[[Side, int], Sequence[Own]]
"""Returns the account's orders at a price."""

SIDES: tuple[Side, Side] = ("bid", "ask")
AMEND_PROBABILITY = 0.15
"""How often a step amends an order without changing a level."""


class Level(NamedTuple):
    """A price in ticks and its orders, first to trade first."""

    ticks: int
    queue: Queue


class EventRow(NamedTuple):
    """An event of an order at a price in ticks."""

    ticks: int
    event: Event


@dataclass(slots=True)
class EventRows:
    """The events of one update for one depth."""

    bids: list[EventRow] = field(default_factory=list)
    asks: list[EventRow] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.bids or self.asks)


@dataclass(slots=True)
class Change:
    """The events at one price, and whether there was a level before."""

    existed: bool
    events: list[Event]


class ReferenceOrders:
    """The orders of one market, level by level.

    Args:
        book: the levels, which are not changed.
        own: returns the account's orders at a price.
        seed: of the random orders of others.
        now_ns: the current time.
        rule: how orders that change keep or lose their position.
    """

    def __init__(
        self,
        book: ReferenceBook,
        own: OwnAt,
        *,
        seed: str,
        now_ns: int,
        rule: QueueRule = PRIORITY,
    ) -> None:
        self._book = book
        self._own = own
        self._chance = random.Random(seed)
        self._others = OtherOrders(self._chance, self._next_ns, rule)
        self._queues: dict[LevelKey, Queue] = {}
        self._now_ns = now_ns

    @property
    def timestamp_ns(self) -> int:
        """Time of the last event."""
        return self._now_ns

    def queue(self, side: Side, ticks: int) -> Queue:
        """Return the orders at a price, first to trade first."""
        key = side, ticks
        if key not in self._queues:
            lots = self._book.side(side).lots(ticks)
            self._queues[key] = self._others.compose(lots, self._own(side, ticks))
        return self._queues[key]

    def levels(self, side: Side, depth: int) -> tuple[Level, ...]:
        """Return the best `depth` levels of a side, best first."""
        rows = self._book.side(side).rows(depth)
        return tuple(Level(ticks, self.queue(side, ticks)) for ticks, _ in rows)

    def checksum(self) -> int:
        """Return the CRC-32 over every order in the top ten levels of both sides."""
        sides = *self.levels("ask", CHECKSUM_LEVELS), *self.levels("bid", CHECKSUM_LEVELS)
        parts = [f"{ticks}{order.lots}" for ticks, queue in sides for order in queue]
        return zlib.crc32("".join(parts).encode())

    def scope(self) -> Scope:
        """Return the levels in scope at each depth now."""
        return Scope({(side, depth): self._edge(side, depth) for side in SIDES for depth in DEPTHS})

    def follow(
        self,
        before: Scope,
        touched: Mapping[LevelKey, int],
        traded: Mapping[LevelKey, int],
        *,
        now_ns: int,
        amends: bool,
    ) -> OrderStep:
        """Change the orders to fit the book after a step.

        Args:
            before: the levels in scope before the step.
            touched: lots before the step, of the levels that it changed.
            traded: lots that traded, by level.
            now_ns: time of the step.
            amends: whether others may amend an order of a level that did not change. They always
                do if nothing else changed, so that every such step has events at every depth.
        """
        self._now_ns = max(self._now_ns, now_ns)
        changes = {
            key: Change(lots > 0, self._settle(key, lots, traded.get(key, 0)))
            for key, lots in touched.items()
        }
        step = OrderStep(self, before, changes)
        if amends and (self._chance.random() < AMEND_PROBABILITY or not step.rows(DEPTHS[0])):
            self._amend(changes)
        return step

    def events(self, side: Side, depth: int, step: OrderStep) -> list[EventRow]:
        """Return the events of one side for a subscriber of `depth` after a step."""
        levels, edge = self._book.side(side), self._edge(side, depth)
        was_seen = partial(step.before.sees, side, depth)
        removed: list[EventRow] = []
        kept: list[EventRow] = []
        added = set(step.before.beyond(side, depth, levels.keys[:depth]))
        for (at, ticks), change in step.changes.items():
            key = levels.key(ticks)
            if at != side:
                continue
            if not (change.existed and was_seen(key)):
                added.update([key] if levels.lots(ticks) and _within(key, edge) else [])
            elif not levels.lots(ticks):
                removed += (EventRow(ticks, event) for event in change.events)
            elif _within(key, edge):
                kept += (EventRow(ticks, event) for event in change.events)
        prices = map(levels.ticks, sorted(added))
        adds = (
            EventRow(at, Event("add", order)) for at in prices for order in self.queue(side, at)
        )
        return [*removed, *kept, *adds]

    def _settle(self, key: LevelKey, before: int, traded: int) -> list[Event]:
        """Change the orders of a level, if there are any yet, and return the events."""
        queue = self._queues.pop(key, None if before else ())
        if queue is None:
            return []
        lots, own = self._book.side(key[0]).lots(key[1]), self._own(*key)
        queue, events = self._others.settle(queue, lots, traded, own)
        if queue:
            self._queues[key] = queue
        return events

    def _amend(self, changes: dict[LevelKey, Change]) -> None:
        """Amend an order in the top ten, which can lose its position."""
        side = self._chance.choice(SIDES)
        ticks, queue = self._chance.choice(self.levels(side, DEPTHS[0]))
        self._queues[side, ticks], events = self._others.amend(queue)
        changes.setdefault((side, ticks), Change(existed=True, events=[])).events.extend(events)

    def _edge(self, side: Side, depth: int) -> int | None:
        """Return the key of the last level in scope; `None` if all are."""
        keys = self._book.side(side).keys
        return keys[depth - 1] if len(keys) >= depth else None

    def _next_ns(self) -> int:
        self._now_ns += 1
        return self._now_ns


def _within(key: int, edge: int | None) -> bool:
    return edge is None or key <= edge


@dataclass(frozen=True, slots=True)
class Scope:
    """The keys of the last levels in scope, by side and depth; `None` where all are."""

    edges: Mapping[tuple[Side, int], int | None]

    def sees(self, side: Side, depth: int, key: int) -> bool:
        """Return whether a level is in scope."""
        return _within(key, self.edges[side, depth])

    def beyond(self, side: Side, depth: int, keys: Sequence[int]) -> Sequence[int]:
        """Return those of some ascending keys that are out of scope."""
        edge = self.edges[side, depth]
        return () if edge is None else keys[bisect_right(keys, edge) :]


@dataclass(frozen=True, slots=True)
class OrderStep:
    """The changes of a market's orders in one step; only valid until the next step.

    Attributes:
        before: the levels in scope before the step.
        changes: the changes, by level.
    """

    orders: ReferenceOrders
    before: Scope
    changes: Mapping[LevelKey, Change]

    def rows(self, depth: int) -> EventRows:
        """Return the events for a subscriber of `depth`."""
        return EventRows(
            self.orders.events("bid", depth, self), self.orders.events("ask", depth, self)
        )
