"""The orders behind a book, and what a `level3` subscriber of each depth is told about them.

Note to the next maintainer. Queues are made up for the levels that somebody looks at, and kept from
then on. A step of the market is told as one message: the deletes of every level that is gone, then
the events of every level that stays in scope, then adds for all orders of every level that came
into scope. Because whole levels go first, readers that cut their book after each event and readers
that cut it after the message end up with the same.

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

from .book import CHECKSUM_LEVELS, ReferenceBook, Side
from .queues import PRIORITY, Crowd, Event, Own, Queue, QueueRule

DEPTHS = (10, 100, 1000)
"""Price levels per side that can be subscribed."""

Place: TypeAlias = tuple[Side, int]
"""Side of the book and price in ticks."""
OwnPlaces: TypeAlias = Callable[[Side, int], Sequence[Own]]
"""Where the account's orders stand at a price."""

SIDES: tuple[Side, Side] = ("bid", "ask")
UNREST = 0.15
"""How often a step amends an order without changing a level."""


class Level(NamedTuple):
    """A price in ticks and its orders, first to trade first."""

    ticks: int
    queue: Queue


class EventRow(NamedTuple):
    """What happened to an order at a price in ticks."""

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
    """What happened at one price: whether there was a level before, and the events."""

    existed: bool
    events: list[Event]


class ReferenceOrders:
    """The orders of one market, level by level.

    Args:
        book: the levels; they are only looked at.
        own: where the account's orders stand.
        seed: start of the others' randomness.
        now_ns: what time it is.
        rule: what becomes of orders that change in their queue.
    """

    def __init__(
        self,
        book: ReferenceBook,
        own: OwnPlaces,
        *,
        seed: str,
        now_ns: int,
        rule: QueueRule = PRIORITY,
    ) -> None:
        self._book = book
        self._own = own
        self._chance = random.Random(seed)
        self._crowd = Crowd(self._chance, self._next_ns, rule)
        self._queues: dict[Place, Queue] = {}
        self._now_ns = now_ns

    @property
    def timestamp_ns(self) -> int:
        """When the last event was."""
        return self._now_ns

    def queue(self, side: Side, ticks: int) -> Queue:
        """Return the orders at a price, first to trade first."""
        place = side, ticks
        if place not in self._queues:
            lots = self._book.side(side).lots(ticks)
            self._queues[place] = self._crowd.compose(lots, self._own(side, ticks))
        return self._queues[place]

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
        """Return which levels each depth sees now."""
        return Scope({(side, depth): self._edge(side, depth) for side in SIDES for depth in DEPTHS})

    def follow(
        self,
        before: Scope,
        touched: Mapping[Place, int],
        traded: Mapping[Place, int],
        *,
        now_ns: int,
        restless: bool,
    ) -> OrderStep:
        """Make the orders fit the book again.

        Args:
            before: what was in scope before the step.
            touched: lots before the step, of the levels that it changed.
            traded: lots that traded, by level.
            now_ns: time of the step.
            restless: whether others may also amend an order of a level that did not change. They
                do if there is no other news, so that every such step is news at every depth.
        """
        self._now_ns = max(self._now_ns, now_ns)
        changes = {
            place: Change(lots > 0, self._settle(place, lots, traded.get(place, 0)))
            for place, lots in touched.items()
        }
        step = OrderStep(self, before, changes)
        if restless and (self._chance.random() < UNREST or not step.rows(DEPTHS[0])):
            self._amend(changes)
        return step

    def told(self, side: Side, depth: int, step: OrderStep) -> list[EventRow]:
        """Return what a subscriber of `depth` is told about one side after a step."""
        ladder, edge = self._book.side(side), self._edge(side, depth)
        was_seen = partial(step.before.sees, side, depth)
        gone: list[EventRow] = []
        stays: list[EventRow] = []
        came = set(step.before.beyond(side, depth, ladder.keys[:depth]))
        for (at, ticks), change in step.changes.items():
            key = ladder.key(ticks)
            if at != side:
                continue
            if not (change.existed and was_seen(key)):
                came.update([key] if ladder.lots(ticks) and _within(key, edge) else [])
            elif not ladder.lots(ticks):
                gone += (EventRow(ticks, event) for event in change.events)
            elif _within(key, edge):
                stays += (EventRow(ticks, event) for event in change.events)
        prices = map(ladder.ticks, sorted(came))
        adds = (
            EventRow(at, Event("add", order)) for at in prices for order in self.queue(side, at)
        )
        return [*gone, *stays, *adds]

    def _settle(self, place: Place, before: int, traded: int) -> list[Event]:
        """Make the orders of a level fit, if somebody looked at them, and return what happened."""
        queue = self._queues.pop(place, None if before else ())
        if queue is None:
            return []
        lots, own = self._book.side(place[0]).lots(place[1]), self._own(*place)
        queue, events = self._crowd.settle(queue, lots, traded, own)
        if queue:
            self._queues[place] = queue
        return events

    def _amend(self, changes: dict[Place, Change]) -> None:
        """Let an order in the top ten be amended in a way that can cost it its place."""
        side = self._chance.choice(SIDES)
        ticks, queue = self._chance.choice(self.levels(side, DEPTHS[0]))
        self._queues[side, ticks], events = self._crowd.amend(queue)
        changes.setdefault((side, ticks), Change(existed=True, events=[])).events.extend(events)

    def _edge(self, side: Side, depth: int) -> int | None:
        """Return the key of the last level in scope, `None` if all are."""
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
        """Tell whether a level is in scope."""
        return _within(key, self.edges[side, depth])

    def beyond(self, side: Side, depth: int, keys: Sequence[int]) -> Sequence[int]:
        """Return those of some ascending keys that are out of scope."""
        edge = self.edges[side, depth]
        return () if edge is None else keys[bisect_right(keys, edge) :]


@dataclass(frozen=True, slots=True)
class OrderStep:
    """What one step of a market did to its orders; to be read before the next one.

    Attributes:
        before: what was in scope.
        changes: what happened, by level.
    """

    orders: ReferenceOrders
    before: Scope
    changes: Mapping[Place, Change]

    def rows(self, depth: int) -> EventRows:
        """Return what a subscriber of `depth` is told."""
        return EventRows(self.orders.told("bid", depth, self), self.orders.told("ask", depth, self))
