"""The orders of one price level, in the order in which they trade.

The market only knows the lots of each price. This module generates orders of others that add up to
them, one level at a time. `settle` gets the queue before a step, the lots of the level after it and
how many of them traded, and generates the events between: trades fill orders from the front, other
decreases are cancels and amends anywhere, increases join at the back. The account's orders are not
generated. The matching engine gives their positions (`Own`), and the events keep them: no order
moves from one side of them to the other, and none is added in front of them.

By default two rules hold in every queue: timestamps never decrease from front to back, and an
amended order that keeps its position keeps its timestamp, while one that loses it gets a new one.
`QueueRule` breaks both, for clients that must not rely on them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from .ids import new_id

OLDEST_NS = 600_000_000_000


class Resting(NamedTuple):
    """A resting order; its timestamp is when it joined the queue or lost its position."""

    order_id: str
    lots: int
    timestamp_ns: int
    is_own: bool = False


Queue: TypeAlias = tuple[Resting, ...]
"""The orders of a level, first to trade first."""


def total(queue: Queue) -> int:
    """Return the lots of all orders in a queue."""
    return sum(order.lots for order in queue)


AmendRule: TypeAlias = Literal["priority", "keep", "requeue", "reverse", "random"]
"""When an amended order of others keeps its position.

`priority` if its quantity is lowered, `keep` always, `requeue` never, `reverse` if its quantity is
not lowered, `random` at random.
"""


class QueueRule(NamedTuple):
    """How orders that change keep or lose their position and timestamp.

    Attributes:
        restamps: whether an order that shrinks gets a new timestamp, although it keeps its
            position.
        amends: when amended orders of others keep their position.
    """

    restamps: bool = False
    amends: AmendRule = "priority"


PRIORITY = QueueRule()
"""Price-time priority."""


class Own(NamedTuple):
    """An order of the account: the lots that it shows, and the lots of others in front of it."""

    order_id: str
    lots: int
    ahead: int


class Event(NamedTuple):
    """A change of one order; a deleted one has its last lots and the time of deletion."""

    kind: Literal["add", "modify", "delete"]
    order: Resting


@dataclass(slots=True)
class OtherOrders:
    """Makes up the orders of the other participants of a market.

    Args:
        chance: the random generator.
        now: returns the time in ns, a later one with every call.
        rule: how orders that change keep or lose their position.
    """

    chance: random.Random
    now: Callable[[], int]
    rule: QueueRule = PRIORITY

    def compose(self, lots: int, own: Sequence[Own]) -> Queue:
        """Return a new queue of `lots`, whose orders have various ages."""
        orders: list[Resting] = []
        for others, mine in _targets(lots, own):
            orders += (Resting(self.new_id(), part, 0) for part in self.split(others))
            if mine is not None:
                orders.append(Resting(mine.order_id, mine.lots, 0, is_own=True))
        end = self.now()
        ages = sorted((self.chance.randrange(1, OLDEST_NS) for _ in orders), reverse=True)
        if len(ages) > 1 and self.chance.random() < 0.1:
            ages[1] = ages[0]  # two orders can have the same timestamp
        return tuple(
            order._replace(timestamp_ns=end - age) for order, age in zip(orders, ages, strict=True)
        )

    def settle(
        self, queue: Queue, lots: int, traded: int, own: Sequence[Own]
    ) -> tuple[Queue, list[Event]]:
        """Return the queue after a step, and the events that led to it.

        Args:
            queue: the queue before the step.
            lots: the quantity of the level after it, the account's orders included.
            traded: how many lots traded at this price.
            own: the account's orders, first to trade first.
        """
        return _Settlement(self, traded).run(queue, lots, own)

    def keeps_position(self, *, is_lowered: bool) -> bool:
        """Return whether an amended order keeps its position."""
        amends = self.rule.amends
        if amends == "random":
            return self.chance.random() < 0.5
        return amends == "keep" or amends == ("priority" if is_lowered else "reverse")

    def amend(self, queue: Queue) -> tuple[Queue, list[Event]]:
        """Amend an order of others without changing its level, as its price and back.

        Only an order behind the account's orders is amended; if there is none, nothing happens.
        """
        first = max((index + 1 for index, order in enumerate(queue) if order.is_own), default=0)
        if first == len(queue):
            return queue, []
        index = self.chance.randrange(first, len(queue))
        moved = queue[index]._replace(timestamp_ns=self.now())
        if self.keeps_position(is_lowered=False):
            return (*queue[:index], moved, *queue[index + 1 :]), [Event("modify", moved)]
        return (*queue[:index], *queue[index + 1 :], moved), [Event("modify", moved)]

    def split(self, lots: int) -> list[int]:
        """Split lots among a few orders."""
        if not lots:
            return []
        count = min(lots, self.chance.choice((1, 1, 1, 2, 2, 3, 5)))
        cuts = sorted(self.chance.randrange(lots - count + 1) for _ in range(count - 1))
        edges = [0, *(cut + number for number, cut in enumerate(cuts, 1)), lots]
        return [after - before for before, after in pairwise(edges)]

    def new_id(self) -> str:
        """Return the id of a new order."""
        return new_id("O", self.chance)


@dataclass(slots=True)
class _Settlement:
    """Turns a queue into one of another quantity.

    Attributes:
        traded: lots of the decrease that are trades, less those already counted.
        events: the events so far.
    """

    others: OtherOrders
    traded: int
    events: list[Event] = field(default_factory=list)

    def run(self, queue: Queue, lots: int, own: Sequence[Own]) -> tuple[Queue, list[Event]]:
        """Return the new queue and all events."""
        before = {order.order_id: order for order in queue if order.is_own}
        kept = _kept(queue, own)
        groups = self._groups(queue, kept, own)
        settled: list[Resting] = []
        for index, (target, mine) in enumerate(_targets(lots, own)):
            group = groups[index] if index < len(groups) else []
            settled += self._resize(group, target, last=mine is None)
            if mine is not None:
                old = before.get(mine.order_id)
                settled.append(self._own(mine, old, keeps_position=index < len(kept)))
        return tuple(settled), self.events

    def _groups(self, queue: Queue, kept: list[Resting], own: Sequence[Own]) -> list[list[Resting]]:
        """Return the orders of others, split at the account's orders that keep their positions."""
        staying = {mine.order_id for mine in own}
        groups: list[list[Resting]] = [[]]
        for order in queue:
            if not order.is_own:
                groups[-1].append(order)
            elif order in kept:
                groups.append([])
            elif order.order_id not in staying:
                self._delete(order)
        return groups

    def _own(self, mine: Own, before: Resting | None, *, keeps_position: bool) -> Resting:
        """Return an order of the account as it is now."""
        if before is None:
            return self._add(Resting(mine.order_id, mine.lots, self.others.now(), is_own=True))
        if not keeps_position:
            moved = before._replace(lots=mine.lots, timestamp_ns=self.others.now())
            return self._modify(moved)
        if mine.lots == before.lots:
            return before
        self._count_traded(before.lots - mine.lots)
        return self._shrink(before, mine.lots)

    def _resize(self, orders: list[Resting], lots: int, *, last: bool) -> list[Resting]:
        """Return neighbouring orders with `lots` in total; only the `last` can move to the back."""
        missing = lots - sum(order.lots for order in orders)
        if missing < 0:
            traded = self._count_traded(-missing)
            return self._cancel(self._trade(orders, traded), -missing - traded, last=last)
        if not missing:
            return orders
        if last and orders and self.others.chance.random() < 0.25:
            return self._enlarge(orders, missing)
        return [*orders, *map(self._join, self.others.split(missing))]

    def _trade(self, orders: list[Resting], lots: int) -> list[Resting]:
        """Remove lots from the front."""
        rest = list(orders)
        while lots:
            first = rest.pop(0)
            if first.lots <= lots:
                self._delete(first)
            else:
                rest.insert(0, self._shrink(first, first.lots - lots))
            lots -= min(first.lots, lots)
        return rest

    def _cancel(self, orders: list[Resting], lots: int, *, last: bool) -> list[Resting]:
        """Remove lots anywhere; in the `last` group an amended order can lose its position."""
        rest = list(orders)
        while lots:
            index = self.others.chance.randrange(len(rest))
            order = rest[index]
            if order.lots <= lots:
                self._delete(rest.pop(index))
            elif last and not self.others.keeps_position(is_lowered=True):
                rest.append(self._restamp(rest.pop(index), order.lots - lots))
            else:
                rest[index] = self._shrink(order, order.lots - lots)
            lots -= min(order.lots, lots)
        return rest

    def _enlarge(self, orders: list[Resting], lots: int) -> list[Resting]:
        """Enlarge one order, which can lose its position."""
        rest = list(orders)
        index = self.others.chance.randrange(len(rest))
        order = rest.pop(index)
        position = index if self.others.keeps_position(is_lowered=False) else len(rest)
        rest.insert(position, self._restamp(order, order.lots + lots))
        return rest

    def _join(self, lots: int) -> Resting:
        return self._add(Resting(self.others.new_id(), lots, self.others.now()))

    def _add(self, order: Resting) -> Resting:
        self.events.append(Event("add", order))
        return order

    def _shrink(self, order: Resting, lots: int) -> Resting:
        """Lower the quantity of an order, which keeps its position."""
        since = self.others.now() if self.others.rule.restamps else order.timestamp_ns
        return self._modify(order._replace(lots=lots, timestamp_ns=since))

    def _restamp(self, order: Resting, lots: int) -> Resting:
        """Change the quantity of an order, with a new timestamp."""
        return self._modify(order._replace(lots=lots, timestamp_ns=self.others.now()))

    def _modify(self, order: Resting) -> Resting:
        self.events.append(Event("modify", order))
        return order

    def _delete(self, order: Resting) -> None:
        self.events.append(Event("delete", order._replace(timestamp_ns=self.others.now())))

    def _count_traded(self, lots: int) -> int:
        """Return how many lots of a decrease are trades, and count them."""
        traded = min(self.traded, lots)
        self.traded -= traded
        return traded


def _targets(lots: int, own: Sequence[Own]) -> Iterator[tuple[int, Own | None]]:
    """Yield the lots of others in front of each order of the account, and behind the last one."""
    others = lots - sum(mine.lots for mine in own)
    before = 0
    for mine in own:
        yield mine.ahead - before, mine
        before = mine.ahead
    yield others - before, None


def _kept(queue: Queue, own: Sequence[Own]) -> list[Resting]:
    """Return the account's orders that keep their positions; the others moved to the back."""
    kept: list[Resting] = []
    ahead = 0
    for order in queue:
        if len(kept) == len(own):
            break
        mine = own[len(kept)]
        if not order.is_own:
            ahead += order.lots
        elif order.order_id == mine.order_id and mine.lots <= order.lots and mine.ahead <= ahead:
            kept.append(order)
    return kept
