"""Which requests lead from the orders that are working to the quotes that are wanted.

Pure functions. `assign` decides once, at the beginning, which order is to become which quote.
`ready` says, as often as something has changed, which of the steps that are left can be taken now:
whichever of them succeed, fail or stay without an answer, and in whatever order the exchange takes
them, a side never has more than is wanted (or than it had at the beginning, if that was more), and
a buy price never meets a sell price.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ...models._decimals import ZERO, add, divide, subtract, total

__all__ = [
    "Add",
    "Assignment",
    "Cancel",
    "Move",
    "Quote",
    "Resting",
    "Step",
    "affordable",
    "assign",
    "is_met",
    "ready",
]

#: `free`: it can be changed. `busy`: a request about it has no answer yet. `leaving`: it is being
#: cancelled. `doubt`: whether the exchange has it, or with which terms, is not known. `done`: it
#: ended.
State = Literal["free", "busy", "leaving", "doubt", "done"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A price at which a quantity is to be offered.

    Attributes:
        side: `buy` or `sell`.
        price: limit price, quote currency.
        qty: base currency.
    """

    side: str
    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Resting:
    """One order of the quotes, as the plan sees it.

    Attributes:
        key: the order.
        side: `buy` or `sell`.
        price: its price, or the one that it gets by the request that has no answer yet.
        qty: its quantity without what was filled before the beginning; with a request under way the
            one that it gets by that.
        state: what can be done with it.
        prices: every price that it may have in the market; none once it is done.
        most: the most that it can have been filled since the beginning when it ends.
    """

    key: Hashable
    side: str
    price: Decimal
    qty: Decimal
    state: State
    prices: frozenset[Decimal]
    most: Decimal


@dataclass(frozen=True, slots=True)
class Add:
    """Place an order for a quote."""

    quote: Quote


@dataclass(frozen=True, slots=True)
class Move:
    """Amend an order so that it becomes a quote."""

    quote: Quote
    key: Hashable


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel an order that is no quote any more."""

    key: Hashable


Step = Add | Move | Cancel


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which order is to become which quote.

    Attributes:
        kept: the quotes that are met already, or that an order in doubt meets, with their orders.
        moves: the orders that are to be amended.
        cancels: the orders that are too many.
        adds: the quotes that need a new order.
    """

    kept: tuple[tuple[Quote, Resting], ...]
    moves: tuple[Move, ...]
    cancels: tuple[Cancel, ...]
    adds: tuple[Add, ...]

    @property
    def steps(self) -> list[Step]:
        """All that is to be done, what takes risk away first."""
        return [*self.cancels, *self.moves, *self.adds]


def is_met(quote: Quote, order: Resting, min_move: Decimal) -> bool:
    """Tell whether an order is as good as a quote: as much, and less than `min_move` away."""
    return order.qty == quote.qty and _is_near(quote, order, min_move)


def assign(wanted: Sequence[Quote], orders: Sequence[Resting], min_move: Decimal) -> Assignment:
    """Decide which order is to become which quote, with as few changes as possible.

    Orders that meet a quote keep their place in the queue. Of the others those that are near a
    quote go first; the rest is matched from the inside of the book outwards.
    """
    kept: list[tuple[Quote, Resting]] = []
    moves: list[Move] = []
    cancels: list[Cancel] = []
    adds: list[Add] = []
    for side in ("buy", "sell"):
        quotes = sorted((q for q in wanted if q.side == side), key=_rank)
        found = sorted((o for o in orders if o.side == side and o.state != "done"), key=_rank)
        there = [order for order in found if order.state != "leaving"]
        kept += _pair(quotes, there, lambda q, o: is_met(q, o, ZERO))
        usable = [order for order in there if order.state != "doubt"]
        useless = [order for order in there if order.state == "doubt"]
        for is_fit in (
            lambda q, o: is_met(q, o, min_move),
            lambda q, o: _is_near(q, o, min_move),
            lambda q, o: True,
        ):
            for quote, order in _pair(quotes, usable, is_fit):
                if is_met(quote, order, min_move):
                    kept.append((quote, order))
                else:
                    moves.append(Move(quote, order.key))
        cancels += [Cancel(order.key) for order in usable + useless]
        adds += [Add(quote) for quote in quotes]
    return Assignment(tuple(kept), tuple(moves), tuple(cancels), tuple(adds))


def ready(steps: Iterable[Step], orders: Sequence[Resting], wanted: Sequence[Quote]) -> list[Step]:
    """Return the steps that can be taken now, together.

    Args:
        steps: what is left to do.
        orders: all orders that were there at the beginning or are there now, ended ones included.
        wanted: all quotes.
    """
    scene = _Scene(orders, wanted)
    chosen: list[Step] = []
    for step in sorted(steps, key=lambda step: _urgency(step, wanted)):
        if isinstance(step, Cancel):
            is_ready = scene.state_of(step.key) in ("free", "doubt")
        elif isinstance(step, Move):
            is_ready = scene.state_of(step.key) == "free" and scene.admit(step.quote, step.key)
        else:
            is_ready = scene.admit(step.quote)
        if is_ready:
            chosen.append(step)
    return chosen


class _Scene:
    """What may be in the market, with the steps that were chosen so far."""

    def __init__(self, orders: Sequence[Resting], wanted: Sequence[Quote]) -> None:
        self._orders = {order.key: order for order in orders}
        self._room = {
            side: subtract(
                total(quote.qty for quote in wanted if quote.side == side),
                total(order.most for order in orders if order.side == side),
            )
            for side in ("buy", "sell")
        }
        self._prices = {
            side: {price for order in orders if order.side == side for price in order.prices}
            for side in ("buy", "sell")
        }

    def state_of(self, key: Hashable) -> State:
        """Return the state of an order; one that is not known any more has ended."""
        return self._orders[key].state if key in self._orders else "done"

    def admit(self, quote: Quote, key: Hashable = None) -> bool:
        """Take a quote into the scene if it is safe there; false if not."""
        already = self._orders[key].most if key in self._orders else ZERO
        more = max(subtract(quote.qty, already), ZERO)
        if more > max(self._room[quote.side], ZERO) or self._crosses(quote):
            return False
        self._room[quote.side] = subtract(self._room[quote.side], more)
        self._prices[quote.side].add(quote.price)
        return True

    def _crosses(self, quote: Quote) -> bool:
        if quote.side == "buy":
            return any(price <= quote.price for price in self._prices["sell"])
        return any(price >= quote.price for price in self._prices["buy"])


def affordable(
    steps: Sequence[Step], room: Decimal, cost_of: Callable[[Move], Decimal]
) -> tuple[list[Step], list[Step]]:
    """Return the steps for which the rate limit has room, and the others.

    Cancels are never held back. A new order costs 1, each of several half of that (page "Spot
    trading rate limits").

    Args:
        steps: in the order of their importance.
        room: what can be added to the rate counter.
        cost_of: returns what an amend costs.
    """
    sent: list[Step] = []
    held: list[Step] = []
    spent, new = ZERO, 0
    for step in steps:
        if isinstance(step, Cancel):
            cost = ZERO
        elif isinstance(step, Move):
            cost = cost_of(step)
        else:
            cost = subtract(_cost_of_new(new + 1), _cost_of_new(new))
        if cost and add(spent, cost) > room:
            held.append(step)
            continue
        spent, new = add(spent, cost), new + isinstance(step, Add)
        sent.append(step)
    return sent, held


def _cost_of_new(count: int) -> Decimal:
    return max(Decimal(min(count, 1)), divide(Decimal(count), Decimal(2)))


def _pair(
    quotes: list[Quote], orders: list[Resting], is_fit: Callable[[Quote, Resting], bool]
) -> Iterator[tuple[Quote, Resting]]:
    """Take quotes and orders that fit each other out of both lists, from the inside outwards."""
    for quote in list(quotes):
        order = next((order for order in orders if is_fit(quote, order)), None)
        if order is not None:
            quotes.remove(quote)
            orders.remove(order)
            yield quote, order


def _is_near(quote: Quote, order: Resting, min_move: Decimal) -> bool:
    distance = subtract(quote.price, order.price).copy_abs()
    return not distance or distance < min_move


def _rank(one: Quote | Resting) -> Decimal:
    """Return a number that is less for a price nearer to the other side."""
    return one.price.copy_negate() if one.side == "buy" else one.price


def _urgency(step: Step, wanted: Sequence[Quote]) -> int:
    """Order steps: cancels first, then quotes by how many of their side are nearer."""
    if isinstance(step, Cancel):
        return -1
    rank = _rank(step.quote)
    return sum(quote.side == step.quote.side and _rank(quote) < rank for quote in wanted)
