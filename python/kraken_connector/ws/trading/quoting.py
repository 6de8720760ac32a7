"""Which requests turn the working orders into the wanted quotes.

Pure functions. `assign` decides once, at the start, which order becomes which quote. `ready` then
returns, after each change, the remaining steps that are safe to take now: whichever of them
succeed, fail or stay unanswered, and in whatever order the exchange executes them, a side never has
more than is wanted (or than it had at the start, if that was more), and no buy price reaches a sell
price.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ...models.decimals import ZERO, add, divide, subtract, total

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

#: `free`: can be changed. `busy`: a request for it is unanswered. `leaving`: is being cancelled.
#: `doubt`: it is unknown whether the exchange has it, or with which terms. `done`: has ended.
State = Literal["free", "busy", "leaving", "doubt", "done"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A price and quantity to quote.

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
    """The state of one order of the quotes.

    Attributes:
        key: the order.
        side: `buy` or `sell`.
        price: its price, or the one of its unanswered amend.
        qty: its quantity without fills before the start, or the one of its unanswered amend.
        state: its state.
        prices: every price that it may have in the market; none once it is done.
        most: the most that can be filled of it between the start and its end.
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
    """Amend an order to become a quote."""

    quote: Quote
    key: Hashable


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel an order that no quote needs."""

    key: Hashable


Step = Add | Move | Cancel


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which order becomes which quote.

    Attributes:
        kept: quotes that an order meets already, including orders in doubt, each with its order.
        moves: amends of orders.
        cancels: cancels of orders that no quote needs.
        adds: quotes that need a new order.
    """

    kept: tuple[tuple[Quote, Resting], ...]
    moves: tuple[Move, ...]
    cancels: tuple[Cancel, ...]
    adds: tuple[Add, ...]

    @property
    def steps(self) -> list[Step]:
        """All steps, those that reduce risk first."""
        return [*self.cancels, *self.moves, *self.adds]


def is_met(quote: Quote, order: Resting, min_move: Decimal) -> bool:
    """Return whether an order meets a quote: same quantity, price less than `min_move` away."""
    return order.qty == quote.qty and _is_near(quote, order, min_move)


def assign(wanted: Sequence[Quote], orders: Sequence[Resting], min_move: Decimal) -> Assignment:
    """Decide which order becomes which quote, with as few changes as possible.

    Orders that meet a quote are kept, with their queue priority. Then orders near a quote are
    matched, then all others, each time from the best price outwards.
    """
    kept: list[tuple[Quote, Resting]] = []
    moves: list[Move] = []
    cancels: list[Cancel] = []
    adds: list[Add] = []
    for side in ("buy", "sell"):
        quotes = sorted((q for q in wanted if q.side == side), key=_rank)
        found = sorted((o for o in orders if o.side == side and o.state != "done"), key=_rank)
        working = [order for order in found if order.state != "leaving"]
        kept += _pair(quotes, working, lambda q, o: is_met(q, o, ZERO))
        usable = [order for order in working if order.state != "doubt"]
        doubtful = [order for order in working if order.state == "doubt"]
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
        cancels += [Cancel(order.key) for order in usable + doubtful]
        adds += [Add(quote) for quote in quotes]
    return Assignment(tuple(kept), tuple(moves), tuple(cancels), tuple(adds))


def ready(steps: Iterable[Step], orders: Sequence[Resting], wanted: Sequence[Quote]) -> list[Step]:
    """Return the steps that can be taken now, together.

    `orders` are all orders since the start, including those that ended.
    """
    exposure = _Exposure(orders, wanted)
    chosen: list[Step] = []
    for step in sorted(steps, key=lambda step: _urgency(step, wanted)):
        if isinstance(step, Cancel):
            is_ready = exposure.state_of(step.key) in ("free", "doubt")
        elif isinstance(step, Move):
            is_ready = exposure.state_of(step.key) == "free" and exposure.admit(
                step.quote, step.key
            )
        else:
            is_ready = exposure.admit(step.quote)
        if is_ready:
            chosen.append(step)
    return chosen


class _Exposure:
    """Quantities and prices that may be in the market, including the steps chosen so far."""

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
        """Return the state of an order; an unknown order has ended."""
        return self._orders[key].state if key in self._orders else "done"

    def admit(self, quote: Quote, key: Hashable = None) -> bool:
        """Add a quote if that is safe, and return whether it was added."""
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
    """Return the steps for which the rate limit has room, and the other steps.

    Cancels are always among the first. A new order costs 1, several cost a half each (page "Spot
    trading rate limits").

    Args:
        steps: the most important first.
        room: free points of the rate counter.
        cost_of: returns the cost of an amend.
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
    """Remove quotes and orders that fit each other from both lists, best price first."""
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
    """Return a number that is lower the better the price."""
    return one.price.copy_negate() if one.side == "buy" else one.price


def _urgency(step: Step, wanted: Sequence[Quote]) -> int:
    """Return a sort key: cancels first, then quotes by how many of their side are better."""
    if isinstance(step, Cancel):
        return -1
    rank = _rank(step.quote)
    return sum(quote.side == step.quote.side and _rank(quote) < rank for quote in wanted)
