"""The orders of one price level, in the order in which they trade.

Note to the next maintainer. The market knows levels, not orders: a price and its lots. Orders are
made up to fit, one level at a time. `settle` gets the queue as it was, what the level holds now and
how much of it traded, and finds a story in between: trades take from the front, other decreases are
cancels and amendments anywhere, increases join at the back. The account's orders are not made up.
The matching engine says where they stand (`Own`), and the story leaves them there: no order changes
from one side of them to the other, and none appears before them.

By default two rules hold in every queue: timestamps never decrease from front to back, and an
amendment that keeps its place keeps its timestamp, while one that loses it gets a new one.
`QueueRule` breaks both, for readers that must not rely on them.
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
    """A resting order; the timestamp is that of its insertion, or of losing its place."""

    order_id: str
    lots: int
    timestamp_ns: int
    is_own: bool = False


Queue: TypeAlias = tuple[Resting, ...]
"""First in, first traded."""


def total(queue: Queue) -> int:
    """Return the lots of all orders of a queue."""
    return sum(order.lots for order in queue)


AmendRule: TypeAlias = Literal["priority", "keep", "requeue", "reverse", "random"]
"""Whether an amended order of others keeps its place.

`priority` if its quantity is lowered, else not; `keep` always, `requeue` never, `reverse` if its
quantity is not lowered, `random` now and then.
"""


class QueueRule(NamedTuple):
    """What the exchange does with orders that change in their queue.

    Attributes:
        restamps: whether an order that shrinks gets a new timestamp, though it keeps its place.
        amends: whether amended orders of others keep their place.
    """

    restamps: bool = False
    amends: AmendRule = "priority"


PRIORITY = QueueRule()
"""Places by price and time."""


class Own(NamedTuple):
    """An order of the account: what it shows, and how many lots of others come before it."""

    order_id: str
    lots: int
    ahead: int


class Event(NamedTuple):
    """What happened to one order; of a deleted one, what was left of it and when it left."""

    kind: Literal["add", "modify", "delete"]
    order: Resting


@dataclass(slots=True)
class Crowd:
    """The others in a market, who are made up.

    Args:
        chance: their randomness.
        now: gives the time in ns, a later one with every call.
        rule: what becomes of orders that change.
    """

    chance: random.Random
    now: Callable[[], int]
    rule: QueueRule = PRIORITY

    def compose(self, lots: int, own: Sequence[Own]) -> Queue:
        """Return a queue that holds `lots`, as if it had been there for a while."""
        orders: list[Resting] = []
        for others, mine in _targets(lots, own):
            orders += (Resting(self.new_id(), part, 0) for part in self.split(others))
            if mine is not None:
                orders.append(Resting(mine.order_id, mine.lots, 0, is_own=True))
        end = self.now()
        ages = sorted((self.chance.randrange(1, OLDEST_NS) for _ in orders), reverse=True)
        if len(ages) > 1 and self.chance.random() < 0.1:
            ages[1] = ages[0]  # two orders can come at the same nanosecond
        return tuple(
            order._replace(timestamp_ns=end - age) for order, age in zip(orders, ages, strict=True)
        )

    def settle(
        self, queue: Queue, lots: int, traded: int, own: Sequence[Own]
    ) -> tuple[Queue, list[Event]]:
        """Return the queue that holds `lots` now, and what happened to its orders.

        Args:
            queue: as it was.
            lots: what the level holds, the account's orders included.
            traded: how much traded at this price.
            own: the account's orders, in the order of their places.
        """
        return _Story(self, traded).tell(queue, lots, own)

    def keeps_place(self, *, is_lowered: bool) -> bool:
        """Tell whether an amended order keeps its place."""
        amends = self.rule.amends
        if amends == "random":
            return self.chance.random() < 0.5
        return amends == "keep" or amends == ("priority" if is_lowered else "reverse")

    def amend(self, queue: Queue) -> tuple[Queue, list[Event]]:
        """Amend an order of others in a way that does not show, as its price and back.

        It is one that stands behind the account's orders; without one nothing happens.
        """
        first = max((index + 1 for index, order in enumerate(queue) if order.is_own), default=0)
        if first == len(queue):
            return queue, []
        index = self.chance.randrange(first, len(queue))
        moved = queue[index]._replace(timestamp_ns=self.now())
        if self.keeps_place(is_lowered=False):
            return (*queue[:index], moved, *queue[index + 1 :]), [Event("modify", moved)]
        return (*queue[:index], *queue[index + 1 :], moved), [Event("modify", moved)]

    def split(self, lots: int) -> list[int]:
        """Divide lots among a few orders."""
        if not lots:
            return []
        count = min(lots, self.chance.choice((1, 1, 1, 2, 2, 3, 5)))
        cuts = sorted(self.chance.randrange(lots - count + 1) for _ in range(count - 1))
        edges = [0, *(cut + number for number, cut in enumerate(cuts, 1)), lots]
        return [after - before for before, after in pairwise(edges)]

    def new_id(self) -> str:
        """Return the id of an order of theirs."""
        return new_id("O", self.chance)


@dataclass(slots=True)
class _Story:
    """What happens to the orders of a queue.

    Attributes:
        traded: lots that are still to be taken from the front.
        events: what happened so far.
    """

    crowd: Crowd
    traded: int
    events: list[Event] = field(default_factory=list)

    def tell(self, queue: Queue, lots: int, own: Sequence[Own]) -> tuple[Queue, list[Event]]:
        """Return the queue at the end, and all that happened."""
        before = {order.order_id: order for order in queue if order.is_own}
        kept = _kept(queue, own)
        groups = self._groups(queue, kept, own)
        settled: list[Resting] = []
        for index, (target, mine) in enumerate(_targets(lots, own)):
            group = groups[index] if index < len(groups) else []
            settled += self._resize(group, target, last=mine is None)
            if mine is not None:
                old = before.get(mine.order_id)
                settled.append(self._place(mine, old, keeps_place=index < len(kept)))
        return tuple(settled), self.events

    def _groups(self, queue: Queue, kept: list[Resting], own: Sequence[Own]) -> list[list[Resting]]:
        """Return the others, parted by the account's orders that keep their places."""
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

    def _place(self, mine: Own, before: Resting | None, *, keeps_place: bool) -> Resting:
        """Return an order of the account as it stands now."""
        if before is None:
            return self._add(Resting(mine.order_id, mine.lots, self.crowd.now(), is_own=True))
        if not keeps_place:
            moved = before._replace(lots=mine.lots, timestamp_ns=self.crowd.now())
            return self._modify(moved)
        if mine.lots == before.lots:
            return before
        self._take(before.lots - mine.lots)
        return self._shrink(before, mine.lots)

    def _resize(self, orders: list[Resting], lots: int, *, last: bool) -> list[Resting]:
        """Make some neighbours hold `lots`; those at the very back may go there once more."""
        missing = lots - sum(order.lots for order in orders)
        if missing < 0:
            taken = self._take(-missing)
            return self._cancel(self._trade(orders, taken), -missing - taken, last=last)
        if not missing:
            return orders
        if last and orders and self.crowd.chance.random() < 0.25:
            return self._enlarge(orders, missing)
        return [*orders, *map(self._join, self.crowd.split(missing))]

    def _trade(self, orders: list[Resting], lots: int) -> list[Resting]:
        """Take from the front."""
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
        """Take from anywhere; what is left of an order can lose its place at the very back."""
        rest = list(orders)
        while lots:
            index = self.crowd.chance.randrange(len(rest))
            order = rest[index]
            if order.lots <= lots:
                self._delete(rest.pop(index))
            elif last and not self.crowd.keeps_place(is_lowered=True):
                rest.append(self._restamp(rest.pop(index), order.lots - lots))
            else:
                rest[index] = self._shrink(order, order.lots - lots)
            lots -= min(order.lots, lots)
        return rest

    def _enlarge(self, orders: list[Resting], lots: int) -> list[Resting]:
        """Let one order grow, which can cost it its place."""
        rest = list(orders)
        index = self.crowd.chance.randrange(len(rest))
        order = rest.pop(index)
        place = index if self.crowd.keeps_place(is_lowered=False) else len(rest)
        rest.insert(place, self._restamp(order, order.lots + lots))
        return rest

    def _join(self, lots: int) -> Resting:
        return self._add(Resting(self.crowd.new_id(), lots, self.crowd.now()))

    def _add(self, order: Resting) -> Resting:
        self.events.append(Event("add", order))
        return order

    def _shrink(self, order: Resting, lots: int) -> Resting:
        """Leave an order less; it keeps its place."""
        since = self.crowd.now() if self.crowd.rule.restamps else order.timestamp_ns
        return self._modify(order._replace(lots=lots, timestamp_ns=since))

    def _restamp(self, order: Resting, lots: int) -> Resting:
        """Amend the quantity of an order."""
        return self._modify(order._replace(lots=lots, timestamp_ns=self.crowd.now()))

    def _modify(self, order: Resting) -> Resting:
        self.events.append(Event("modify", order))
        return order

    def _delete(self, order: Resting) -> None:
        self.events.append(Event("delete", order._replace(timestamp_ns=self.crowd.now())))

    def _take(self, lots: int) -> int:
        """Return how much of a decrease is trades, and count them."""
        taken = min(self.traded, lots)
        self.traded -= taken
        return taken


def _targets(lots: int, own: Sequence[Own]) -> Iterator[tuple[int, Own | None]]:
    """Yield the lots of others in front of each of the account's orders, and behind the last."""
    others = lots - sum(mine.lots for mine in own)
    before = 0
    for mine in own:
        yield mine.ahead - before, mine
        before = mine.ahead
    yield others - before, None


def _kept(queue: Queue, own: Sequence[Own]) -> list[Resting]:
    """Return the account's orders that stand where they stood; those that moved are at the back."""
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
