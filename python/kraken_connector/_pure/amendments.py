"""Amended orders whose position in the queue is undecided until a checksum decides it.

An amended order has a new timestamp. The documentation does not say whether it also goes to the
back of its queue. Each such order therefore keeps both positions, as turns: every arrival and every
amendment gets the next turn, and a queue is sorted by the turns of its orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

#: Undecided orders of one queue; of more, the oldest count as decided.
MOST_UNDECIDED = 16
#: Undecided orders whose positions are tried one by one, the last amended first; the others are
#: only tried with the same rule for all.
_MOST_TRIED = 4


class Rule(NamedTuple):
    """Which amendments send an order to the back of its queue: those that lower the
    quantity, and the others."""

    lowered: bool
    raised: bool


RULES = (Rule(False, True), Rule(True, True), Rule(False, False), Rule(True, False))


class AmendedOrder(NamedTuple):
    """The turns that an amended order may have: that before the amendments, and that of the last
    amendment of each kind, zero without one."""

    arrived: int
    lowered: int = 0
    raised: int = 0

    def turn(self, rule: Rule) -> int:
        """Return the turn that the order has by a rule."""
        lowered = self.lowered if rule.lowered else 0
        raised = self.raised if rule.raised else 0
        return max(self.arrived, lowered, raised)

    def turns(self) -> list[int]:
        """Return all turns that the order may have."""
        return [self.arrived, *filter(None, (self.lowered, self.raised))]

    @property
    def latest(self) -> int:
        """The turn of the last amendment."""
        return max(self.lowered, self.raised)


def choices(orders: Sequence[AmendedOrder], now: Sequence[int]) -> Iterator[list[int]]:
    """Yield which turns the orders may have instead: by one rule for all, then the first one by
    one, the others as they are `now`."""
    for rule in RULES:
        yield [order.turn(rule) for order in orders]
    for first in _combinations([order.turns() for order in orders[:_MOST_TRIED]]):
        yield [*first, *now[len(first) :]]


def _combinations(turns: list[list[int]]) -> Iterator[list[int]]:
    """Yield one of each list, in all combinations; the first changes fastest."""
    if not turns:
        yield []
        return
    for rest in _combinations(turns[1:]):
        for turn in turns[0]:
            yield [turn, *rest]
