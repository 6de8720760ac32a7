"""The plan from working orders to wanted quotes, also against an adversarial exchange."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_connector.ws.trading.quoting import (
    Add,
    Assignment,
    Cancel,
    Move,
    Quote,
    Resting,
    Step,
    affordable,
    assign,
    is_met,
    ready,
)

ZERO = Decimal(0)


def bid(price: Any, qty: Any = 1) -> Quote:
    return Quote("buy", Decimal(price), Decimal(qty))


def ask(price: Any, qty: Any = 1) -> Quote:
    return Quote("sell", Decimal(price), Decimal(qty))


def resting(key: Any, quote: Quote, state: Any = "free") -> Resting:
    return Resting(
        key, quote.side, quote.price, quote.qty, state, frozenset({quote.price}), quote.qty
    )


def plan(wanted: Sequence[Quote], orders: Sequence[Resting], min_move: Any = 0) -> Assignment:
    return assign(wanted, orders, Decimal(min_move))


# Assignments.


def test_order_that_matches_is_kept() -> None:
    orders = [resting(1, bid(99)), resting(2, ask(101))]
    found = plan([ask(101), bid(99)], orders)
    assert not found.steps
    assert {order.key for _, order in found.kept} == {1, 2}


def test_orders_of_the_same_side_are_moved_and_not_replaced() -> None:
    found = plan([bid(98), ask(100)], [resting(1, bid(99)), resting(2, ask(101))])
    assert found.steps == [Move(bid(98), 1), Move(ask(100), 2)]


def test_matching_orders_are_kept_and_only_the_others_move() -> None:
    orders = [resting(1, bid(99)), resting(2, bid(98)), resting(3, bid(97))]
    found = plan([bid(100), bid(99), bid(98)], orders)
    assert found.steps == [Move(bid(100), 3)]


def test_what_is_too_much_is_cancelled_and_what_is_missing_added() -> None:
    orders = [resting(1, bid(99)), resting(2, bid(98)), resting(3, ask(101))]
    found = plan([bid(99), ask(101), ask(102)], orders)
    assert found.steps == [Cancel(2), Add(ask(102))]


def test_small_moves_are_skipped_but_not_changes_of_quantity() -> None:
    orders = [resting(1, bid(99)), resting(2, bid(95))]
    found = plan([bid("99.9"), bid("95.5", 2)], orders, min_move=1)
    assert found.steps == [Move(bid("95.5", 2), 2)]
    assert plan([bid(100), bid(95)], orders, min_move=1).steps == [Move(bid(100), 1)]


def test_level_that_was_filled_does_not_shift_the_others() -> None:
    orders = [resting(2, bid("99.2")), resting(3, bid("98.1"))]
    found = plan([bid(100), bid(99), bid(98)], orders, min_move="0.5")
    assert found.steps == [Add(bid(100))]


def test_unverified_order_counts_as_its_quote_and_is_never_moved() -> None:
    unverified = resting(1, bid(99), "doubt")
    assert not plan([bid(99)], [unverified]).steps
    assert plan([bid(98)], [unverified]).steps == [Cancel(1), Add(bid(98))]


def test_order_that_is_being_cancelled_is_not_changed() -> None:
    assert plan([bid(99)], [resting(1, bid(99), "leaving")]).steps == [Add(bid(99))]


# Steps that are ready.


def test_new_order_waits_until_the_old_one_is_gone() -> None:
    steps = [Cancel(1), Add(bid(98))]
    order = resting(1, bid(99))
    assert ready(steps, [order], [bid(98)]) == [Cancel(1)]
    assert ready(steps[1:], [replace(order, state="leaving")], [bid(98)]) == []
    gone = replace(order, state="done", prices=frozenset(), most=ZERO)
    assert ready(steps[1:], [gone], [bid(98)]) == [Add(bid(98))]


def test_filled_quantity_is_not_placed_again() -> None:
    filled = replace(resting(1, bid(99)), state="done", prices=frozenset())
    assert ready([Add(bid(98))], [filled], [bid(98)]) == []
    assert ready([Add(bid(98, 2))], [filled], [bid(98, 2), bid(97)]) == [Add(bid(98, 2))]


def test_unverified_order_replaces_the_farthest_quote() -> None:
    unverified = resting(1, bid(90), "doubt")
    wanted = [bid(97), bid(99), bid(98)]
    assert ready([Add(q) for q in wanted], [unverified], wanted) == [Add(bid(99)), Add(bid(98))]


def test_buy_waits_for_the_sell_above_which_it_goes() -> None:
    orders = [resting(1, bid(99)), resting(2, ask(101))]
    wanted = [bid(102), ask(104)]
    moves = plan(wanted, orders).steps
    assert ready(moves, orders, wanted) == [Move(ask(104), 2)]
    pending = replace(
        orders[1], state="busy", price=Decimal(104), prices=frozenset({Decimal(101), Decimal(104)})
    )
    left = [Move(bid(102), 1)]
    assert ready(left, [orders[0], pending], wanted) == []
    moved = replace(pending, state="free", prices=frozenset({Decimal(104)}))
    assert ready(left, [orders[0], moved], wanted) == left


def test_larger_quantity_waits_for_the_smaller_one() -> None:
    orders = [resting(1, bid(99, 1)), resting(2, bid(98, 3))]
    wanted = [bid(97, 3), bid(96, 1)]
    assert ready(plan(wanted, orders).steps, orders, wanted) == [Move(bid(96, 1), 2)]


def test_busy_order_is_waited_for() -> None:
    order = resting(1, bid(99), "busy")
    assert ready([Move(bid(98), 1)], [order], [bid(98)]) == []
    assert ready([Cancel(1)], [order], []) == []


def test_quotes_are_served_from_the_inside_outwards_on_both_sides() -> None:
    wanted = [bid(98), ask(103), ask(102), bid(99)]
    steps: list[Step] = [Add(quote) for quote in wanted]
    served = ready(steps, [], wanted)
    assert {step.quote for step in served[:2] if isinstance(step, Add)} == {bid(99), ask(102)}


# The rate limit.


def test_rate_limit_leaves_out_the_last_and_never_a_cancel() -> None:
    steps: list[Step] = [Cancel(1), Move(bid(99), 2), Add(bid(98)), Add(bid(97)), Add(bid(96))]
    sent, held = affordable(steps, Decimal("2.5"), lambda _: Decimal("1.5"))
    assert sent == steps[:4]
    assert held == steps[4:]
    assert affordable(steps, Decimal(-5), lambda _: Decimal(1)) == (steps[:1], steps[1:])
    assert affordable(steps, Decimal(0), lambda _: Decimal(0))[0] == steps[:2]


# Random exchanges.

prices = st.integers(1, 12)
qtys = st.integers(1, 3)


@st.composite
def quotes(draw: Any) -> list[Quote]:
    """Draw quotes of both sides that do not cross each other."""
    middle = draw(st.integers(3, 10))
    bids = draw(st.lists(st.tuples(st.integers(1, middle - 1), qtys), max_size=3))
    asks = draw(st.lists(st.tuples(st.integers(middle, 12), qtys), max_size=3))
    return [bid(*one) for one in bids] + [ask(*one) for one in asks]


@given(wanted=quotes(), there=quotes(), min_move=st.integers(0, 3))
def test_no_more_steps_than_orders_that_differ(
    wanted: list[Quote], there: list[Quote], min_move: int
) -> None:
    orders = [resting(key, quote) for key, quote in enumerate(there)]
    found = plan(wanted, orders, min_move)
    for side in ("buy", "sell"):
        want = [quote for quote in wanted if quote.side == side]
        have = [order for order in orders if order.side == side]
        kept = [order for quote, order in found.kept if quote.side == side]
        equal = sum(
            min(want.count(quote), [o.price for o in have if o.qty == quote.qty].count(quote.price))
            for quote in set(want)
        )
        keys = {order.key for order in have}
        steps = [
            step
            for step in found.steps
            if (step.key in keys if isinstance(step, Cancel) else step.quote.side == side)
        ]
        assert len(kept) >= equal
        assert len(steps) == max(len(want), len(have)) - len(kept)


@given(wanted=quotes(), there=quotes(), min_move=st.integers(0, 3))
def test_nothing_is_left_to_do_when_all_was_done(
    wanted: list[Quote], there: list[Quote], min_move: int
) -> None:
    orders = [resting(key, quote) for key, quote in enumerate(there)]
    found = plan(wanted, orders, min_move)
    after = [order for _, order in found.kept]
    after += [resting(step.key, step.quote) for step in found.moves]
    after += [resting(object(), step.quote) for step in found.adds]
    again = plan(wanted, after, min_move)
    assert not again.steps
    assert all(is_met(quote, order, Decimal(min_move)) for quote, order in again.kept)


@dataclass
class Live:
    """An order at the exchange."""

    side: str
    price: Decimal
    total: Decimal
    filled: Decimal = ZERO
    is_open: bool = True

    @property
    def left(self) -> Decimal:
        return max(self.total - self.filled, ZERO) if self.is_open else ZERO


@dataclass
class Market:
    """An exchange that executes requests late, out of order or never, and fills at random.

    Attributes:
        live: the orders at the exchange.
        seen: the orders as the client knows them.
        pending: requests that the exchange may still execute.
    """

    wanted: list[Quote]
    live: dict[Any, Live]
    seen: dict[Any, Resting]
    chance: random.Random
    pending: list[Step] = field(default_factory=list)
    keys: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.most = {side: max(self.exposure(side), self.want(side)) for side in ("buy", "sell")}

    def want(self, side: str) -> Decimal:
        return sum((q.qty for q in self.wanted if q.side == side), ZERO)

    def exposure(self, side: str) -> Decimal:
        """Return the open and filled quantity of a side."""
        return sum((o.filled + o.left for o in self.live.values() if o.side == side), ZERO)

    def check(self) -> None:
        for side in ("buy", "sell"):
            assert self.exposure(side) <= self.most[side]
        buys = [o.price for o in self.live.values() if o.side == "buy" and o.left]
        sells = [o.price for o in self.live.values() if o.side == "sell" and o.left]
        assert not buys or not sells or max(buys) < min(sells)

    # The client.

    def send(self, step: Step) -> None:
        """Record that a request is sent."""
        self.pending.append(step)
        if isinstance(step, Cancel):
            self.seen[step.key] = replace(self.seen[step.key], state="leaving")
            return
        quote = step.quote
        if isinstance(step, Add):
            key = self.keys[id(step)] = object()
            self.seen[key] = resting(key, quote, "busy")
            return
        order = self.seen[step.key]
        self.seen[step.key] = replace(
            order,
            state="busy",
            price=quote.price,
            qty=quote.qty,
            prices=order.prices | {quote.price},
            most=max(order.most, quote.qty),
        )

    def answer(self, step: Step, outcome: str) -> None:
        """Report the outcome of a request to the client, or leave it unknown."""
        key = self.keys[id(step)] if isinstance(step, Add) else step.key
        order = self.seen[key]
        if order.state == "done":
            return
        live = self.live.get(key)
        if outcome == "unknown":
            self.seen[key] = replace(order, state="doubt")
        elif live is None or (isinstance(step, Cancel) and outcome == "done"):
            self.end(key)
        else:
            self.seen[key] = resting(key, Quote(live.side, live.price, live.total))

    def end(self, key: Any) -> None:
        """Report the end of an order."""
        live = self.live.get(key)
        filled = ZERO if live is None else live.filled
        self.seen[key] = replace(
            self.seen[key], state="done", prices=frozenset(), most=filled, qty=filled
        )

    # The exchange.

    def carry_out(self, step: Step) -> None:
        if isinstance(step, Add):
            quote = step.quote
            self.live[self.keys[id(step)]] = Live(quote.side, quote.price, quote.qty)
        elif isinstance(step, Cancel):
            if step.key in self.live:
                self.live[step.key].is_open = False
        elif self.live[step.key].is_open:
            order = self.live[step.key]
            order.price, order.total = step.quote.price, max(step.quote.qty, order.filled)
        self.check()

    def fill(self) -> None:
        found = [key for key, order in self.live.items() if order.left]
        if not found:
            return
        key = self.chance.choice(found)
        order = self.live[key]
        order.filled += self.chance.choice([order.left, min(order.left, Decimal("0.5"))])
        self.check()
        if not order.left:
            order.is_open = False
            # A report may arrive before the reply.
            if self.chance.random() < 0.5:
                self.end(key)

    def play(self, step: Step) -> None:
        """Give a request an outcome."""
        fate = self.chance.choice(["done", "done", "done", "refused", "unknown", "late"])
        if fate in ("done", "late"):
            self.carry_out(step)
        self.answer(step, "unknown" if fate in ("unknown", "late") else fate)
        if fate != "unknown":
            self.forget(step)

    def forget(self, step: Step) -> None:
        self.pending = [other for other in self.pending if other is not step]


@settings(max_examples=settings().max_examples * 4)
@given(wanted=quotes(), there=quotes(), seed=st.integers(0, 2**32), min_move=st.integers(0, 2))
def test_never_more_than_wanted_and_never_across_itself(
    wanted: list[Quote], there: list[Quote], seed: int, min_move: int
) -> None:
    chance = random.Random(seed)
    live = {key: Live(quote.side, quote.price, quote.qty) for key, quote in enumerate(there)}
    seen = {key: resting(key, quote) for key, quote in enumerate(there)}
    market = Market(wanted, live, seen, chance)
    steps = plan(wanted, list(seen.values()), min_move).steps
    for _ in range(100):
        chosen = ready(steps, list(market.seen.values()), wanted)
        for step in chosen:
            steps = [other for other in steps if other is not step]
            market.send(step)
        if chance.random() < 0.3:
            market.fill()
        waiting = [step for step in market.pending if not _is_unknown(market, step)]
        late = [step for step in market.pending if _is_unknown(market, step)]
        if late and chance.random() < 0.2:
            # It was delayed, not lost.
            step = chance.choice(late)
            market.forget(step)
            market.carry_out(step)
        if waiting:
            market.play(chance.choice(waiting))
        elif not chosen and chance.random() < 0.2:
            break


def _is_unknown(market: Market, step: Step) -> bool:
    key = market.keys[id(step)] if isinstance(step, Add) else step.key
    return market.seen[key].state in ("doubt", "done")


@given(wanted=quotes(), there=quotes(), seed=st.integers(0, 2**32))
def test_all_is_as_wanted_in_the_end_if_nothing_goes_wrong(
    wanted: list[Quote], there: list[Quote], seed: int
) -> None:
    chance = random.Random(seed)
    seen = {key: resting(key, quote) for key, quote in enumerate(there)}
    live = {key: Live(quote.side, quote.price, quote.qty) for key, quote in enumerate(there)}
    market = Market(wanted, live, seen, chance)
    steps = plan(wanted, list(seen.values())).steps
    while chosen := ready(steps, list(market.seen.values()), wanted):
        chance.shuffle(chosen)
        for step in chosen:
            steps.remove(step)
            market.send(step)
        for step in chosen:
            market.carry_out(step)
            market.answer(step, "done")
    assert not steps
    have = sorted((o.side, o.price, o.left) for o in market.live.values() if o.left)
    assert have == sorted((q.side, q.price, q.qty) for q in wanted)
