"""One synthetic market: a deep book around a mean-reverting price."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from .book import BookMessage, Change, LevelKey, ReferenceBook, Row, Rows, Side
from .level3 import OrderStep, ReferenceOrders
from .pairs import Pair
from .queues import PRIORITY, Own, QueueRule
from .statistics import CandleSeries, Totals
from .trading.own import OwnOrders

OrderSide: TypeAlias = Literal["buy", "sell"]

SNAPSHOT_TRADES = 50
KEPT_TRADES = 20_000
VISIBLE = 10
"""The first change of every step is in the top ten, so that every depth gets an update."""

SPARE_LEVELS = 60
FEWEST_LEVELS = 3
LEFT_LEVELS = 30
"""The levels that a large taker leaves at least; each step adds one."""

MEAN_REVERSION = 12
"""How strongly the price returns to its start: 4 % above it, nearly all takers sell."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One public trade, price in ticks and quantity in lots."""

    side: OrderSide
    ticks: int
    lots: int
    ord_type: Literal["limit", "market"]
    trade_id: int
    timestamp_ns: int


@dataclass(frozen=True, slots=True)
class Taker:
    """An order that trades with the book.

    Attributes:
        lots: quantity at most.
        limit_ticks: worst price; `None` for any price.
        is_own: whether it is the account's, which does not trade with itself.
        spare: levels that it leaves in any case.
    """

    side: OrderSide
    lots: int
    limit_ticks: int | None = None
    ord_type: Literal["limit", "market"] = "market"
    is_own: bool = False
    spare: int = 0

    def reaches(self, ticks: int) -> bool:
        """Return whether the limit allows a price."""
        if self.limit_ticks is None:
            return True
        return ticks <= self.limit_ticks if self.side == "buy" else ticks >= self.limit_ticks


@dataclass(frozen=True, slots=True)
class OwnFill:
    """A trade that filled a resting order of the account."""

    order_id: str
    trade: Trade


@dataclass(slots=True)
class Step:
    """The changes of a market in one step.

    Attributes:
        symbol: the pair.
        timestamp_ns: time of the step; strictly increasing within a market.
        rows: the rows for each requested depth.
        checksum: of the book after the step.
        bbo_changed: whether the best price or quantity of a side changed.
        trades: the trades of the step, oldest first.
        own_fills: those trades that filled resting orders of the account.
        orders: the changes of the single orders; `None` until they are first needed.
    """

    symbol: str
    timestamp_ns: int
    rows: dict[int, Rows]
    checksum: int = 0
    bbo_changed: bool = False
    trades: list[Trade] = field(default_factory=list)
    orders: OrderStep | None = None
    own_fills: list[OwnFill] = field(default_factory=list)

    def traded(self) -> dict[LevelKey, int]:
        """Return the lots that traded, by level."""
        lots: dict[LevelKey, int] = {}
        for trade in self.trades:
            key = _resting_side(trade.side), trade.ticks
            lots[key] = lots.get(key, 0) + trade.lots
        return lots


class SimMarket:
    """A market that is deterministic: it depends on its seed and the orders of the account.

    Args:
        pair: its scales and size.
        seed: of its randomness.
        clock: returns nanoseconds since the epoch.
        queue_rule: how orders that change keep or lose their position.

    Attributes:
        book: the levels, the account's orders included.
        own: the account's orders among them.
        is_halted: whether `step` makes no trades.
        trades: the trades of a snapshot, oldest first.
        history: the trades that REST shows, oldest first.
    """

    def __init__(
        self,
        pair: Pair,
        *,
        seed: int,
        clock: Callable[[], int],
        queue_rule: QueueRule = PRIORITY,
    ) -> None:
        self.pair = pair
        self._queue_rule = queue_rule
        self.book = ReferenceBook()
        self.own = OwnOrders()
        self.is_halted = False
        self.trades: deque[Trade] = deque(maxlen=SNAPSHOT_TRADES)
        self.history: deque[Trade] = deque(maxlen=KEPT_TRADES)
        self.totals = Totals.starting_at(pair.start_ticks)
        self._chance = random.Random(f"{seed}:{pair.symbol}")
        self._seed = seed
        self._clock = clock
        self._now = clock()
        self._orders: ReferenceOrders | None = None
        self._candles: dict[int, CandleSeries] = {}
        self._trade_id = self._chance.randint(10**6, 10**8)
        self._fill_book()
        self._fill_trades()

    def step(self, depths: Collection[int] = ()) -> Step:
        """Move the market once.

        Returns:
            The step, with rows for `depths`; at every depth there is at least one row.
        """
        return self._move(depths, self._events, amends=True)

    def apply(
        self, changes: Iterable[Change], depths: Collection[int], *, matched: bool = True
    ) -> Step:
        """Make the given changes (side, ticks, absolute lots) as one step.

        The quantities are those of others; the account's own are added to them.

        Args:
            changes: in order.
            depths: the depths to make rows for.
            matched: whether a new level first trades with the account's orders that it crosses.

        Raises:
            ValueError: a change has no effect, or changes a level that an insert of the same step
                pushed out of a depth; split the changes into two steps then.
        """

        def events(message: BookMessage, step: Step) -> None:
            for side, ticks, lots in changes:
                left = self._fill_own(message, step, side, ticks, lots) if matched else lots
                done = left < lots
                if not self._set(message, side, ticks, left) and not done:
                    raise ValueError(f"the step cannot set {side} {ticks} to {lots} lots")

        return self._move(depths, events)

    def orders(self) -> ReferenceOrders:
        """Return the single orders of the book; the first call creates them."""
        if self._orders is None:
            seed = f"{self._seed}:{self.pair.symbol}:orders"
            self._orders = ReferenceOrders(
                self.book,
                self._own_at,
                seed=seed,
                now_ns=self._now,
                rule=self._queue_rule,
            )
        return self._orders

    def trade(self, order: Taker, depths: Collection[int]) -> Step:
        """Let a taker trade with the book, up to its limit and quantity.

        The step has its trades.
        """

        def events(message: BookMessage, step: Step) -> None:
            self._sweep(message, step, order)
            self._restock(message, _resting_side(order.side))

        return self._move(depths, events)

    def reach(self, order: Taker) -> list[Row]:
        """Return what a taker would get from each level now, best first."""
        ladder = self.book.side(_resting_side(order.side))
        got: list[Row] = []
        wanted = order.lots
        for index in range(len(ladder)):
            ticks, lots = ladder.row(index)
            if not wanted or not order.reaches(ticks):
                break
            got.append((ticks, min(lots, wanted)))
            wanted -= got[-1][1]
        return got

    def join(
        self, order_id: str, side: Side, ticks: int, lots: int, depths: Collection[int]
    ) -> Step:
        """Add an order of the account behind everything at its price."""

        def events(message: BookMessage, step: Step) -> None:
            others = self._others(side, ticks)
            self.own.join(order_id, side, ticks, lots, others)
            self._set(message, side, ticks, others)

        return self._move(depths, events)

    def leave(self, order_id: str, depths: Collection[int]) -> Step:
        """Remove an order of the account."""

        def events(message: BookMessage, step: Step) -> None:
            order = self.own.get(order_id)
            assert order is not None, order_id
            others = self._others(order.side, order.ticks)
            self.own.leave(order_id)
            self._set(message, order.side, order.ticks, others)

        return self._move(depths, events)

    def shrink(self, order_id: str, lots: int, depths: Collection[int]) -> Step:
        """Lower the quantity of an order of the account, which keeps its position."""

        def events(message: BookMessage, step: Step) -> None:
            order = self.own.get(order_id)
            assert order is not None, order_id
            others = self._others(order.side, order.ticks)
            order.lots = lots
            self._set(message, order.side, order.ticks, others)

        return self._move(depths, events)

    def candles(self, interval: int) -> CandleSeries:
        """Return the candles of one interval in minutes; the first call creates them."""
        if interval not in self._candles:
            chance = random.Random(f"{self.pair.symbol}:{interval}")
            self._candles[interval] = CandleSeries(interval, self._now, self.totals.last, chance)
        return self._candles[interval]

    def best(self) -> tuple[Row | None, Row | None]:
        """Return the best bid and the best ask."""
        bids, asks = self.book.bids, self.book.asks
        return bids.row(0) if bids.keys else None, asks.row(0) if asks.keys else None

    @property
    def last_price(self) -> Decimal:
        """Price of the last trade."""
        return self.pair.price(self.totals.last)

    def now(self) -> int:
        """Return the time in ns, later than that of every step before."""
        self._now = max(self._clock(), self._now + 1000)
        return self._now

    def _move(
        self,
        depths: Collection[int],
        events: Callable[[BookMessage, Step], None],
        *,
        amends: bool = False,
    ) -> Step:
        before = self.best()
        scope = None if self._orders is None else self._orders.scope()
        message = BookMessage(self.book, depths)
        step = Step(self.pair.symbol, self.now(), message.rows)
        events(message, step)
        step.checksum = self.book.checksum()
        step.bbo_changed = before != self.best()
        if self._orders is not None and scope is not None:
            step.orders = self._orders.follow(
                scope, message.touched, step.traded(), now_ns=step.timestamp_ns, amends=amends
            )
        return step

    def _own_at(self, side: Side, ticks: int) -> list[Own]:
        """Return the account's orders at a price and their positions."""
        return [Own(one.order_id, one.lots, one.ahead) for one in self.own.queue(side, ticks)]

    def _events(self, message: BookMessage, step: Step) -> None:
        while not self._event(message, step, VISIBLE):
            pass
        for _ in range(self._chance.choice((0, 0, 0, 1, 1, 2, 4))):
            self._event(message, step, self._reach())
        for side in ("bid", "ask"):
            self._keep_depth(message, side)

    def _event(self, message: BookMessage, step: Step, reach: int) -> bool:
        roll = self._chance.random()
        side: Side = self._chance.choice(("bid", "ask"))
        if roll < 0.08 and not self.is_halted:
            return self._trade(message, step)
        if roll < 0.22:
            return self._improve(message, side)
        if roll < 0.42:
            return self._insert(message, side, reach)
        if roll < 0.52:
            return self._cancel(message, side, reach)
        return self._requote(message, side, reach)

    def _reach(self) -> int:
        """Return how many levels an event may be away from the top; most are near it."""
        return self._chance.choice((VISIBLE, VISIBLE, 25, 100, 1000))

    def _index(self, side: Side, reach: int) -> int:
        size = min(reach, len(self.book.side(side)))
        return min(int(self._chance.expovariate(3 / reach)), size - 1)

    def _lots(self) -> int:
        return max(1, int(self.pair.typical_lots * 10 ** self._chance.uniform(-3, 0.7)))

    def _requote(self, message: BookMessage, side: Side, reach: int) -> bool:
        ticks, _ = self.book.side(side).row(self._index(side, reach))
        return self._set(message, side, ticks, self._lots())

    def _insert(self, message: BookMessage, side: Side, reach: int) -> bool:
        ladder = self.book.side(side)
        index = self._index(side, reach - 1)
        if index + 1 >= len(ladder):
            return False
        low, high = sorted((ladder.row(index)[0], ladder.row(index + 1)[0]))
        if high - low < 2:
            return False
        return self._set(message, side, self._chance.randint(low + 1, high - 1), self._lots())

    def _improve(self, message: BookMessage, side: Side) -> bool:
        bid, ask = self.best()
        if bid is None or ask is None or ask[0] - bid[0] < 2:
            return False
        spread = ask[0] - bid[0]
        offset = self._chance.randint((spread + 1) // 2, spread - 1)
        ticks = bid[0] + offset if side == "bid" else ask[0] - offset
        return self._set(message, side, ticks, self._lots())

    def _cancel(self, message: BookMessage, side: Side, reach: int) -> bool:
        ladder = self.book.side(side)
        if len(ladder) <= FEWEST_LEVELS:
            return False
        return self._set(message, side, ladder.row(self._index(side, reach))[0], 0)

    def _trade(self, message: BookMessage, step: Step) -> bool:
        side: OrderSide = "buy" if self._chance.random() < self._buyers() else "sell"
        ord_type: Literal["limit", "market"] = self._chance.choice(("limit", "market"))
        wanted = 1 + self._lots() // 4
        self._sweep(message, step, Taker(side, wanted, None, ord_type, spare=FEWEST_LEVELS))
        return bool(step.trades)

    def _sweep(self, message: BookMessage, step: Step, order: Taker) -> None:
        resting = _resting_side(order.side)
        ladder = self.book.side(resting)
        wanted = order.lots
        while wanted and len(ladder) > order.spare:
            ticks, lots = ladder.row(0)
            own = self.own.first(resting, ticks)
            room = own.ahead if order.is_own and own is not None else lots
            filled = min(room, wanted)
            if not (filled and order.reaches(ticks)):
                break
            if not message.change(resting, ticks, lots - filled):
                break
            wanted -= filled
            self._record_trades(step, order, ticks, filled)

    def _record_trades(self, step: Step, order: Taker, ticks: int, lots: int) -> None:
        """Record the trades of a taker at one price, one for each order of the account."""
        for own, filled in self.own.trade(_resting_side(order.side), ticks, lots):
            trade = self._add_trade(order.side, ticks, filled, order.ord_type, step.timestamp_ns)
            step.trades.append(trade)
            if own is not None:
                step.own_fills.append(OwnFill(own.order_id, trade))

    def _fill_own(self, message: BookMessage, step: Step, side: Side, ticks: int, lots: int) -> int:
        """Trade a new level with the account's orders that it crosses; return the lots left."""
        opposite = _opposite(side)
        sign = 1 if side == "bid" else -1
        taker: OrderSide = "buy" if side == "bid" else "sell"
        for own_ticks in self.own.prices(opposite):
            if not lots or own_ticks * sign > ticks * sign:
                break
            while lots and (own := self.own.first(opposite, own_ticks)) is not None:
                filled = min(lots, own.lots)
                total = self.book.side(opposite).lots(own_ticks)
                if not message.change(opposite, own_ticks, total - filled):
                    return lots
                own.lots -= filled
                if not own.lots:
                    self.own.leave(own.order_id)
                lots -= filled
                trade = self._add_trade(taker, own_ticks, filled, "limit", step.timestamp_ns)
                step.trades.append(trade)
                step.own_fills.append(OwnFill(own.order_id, trade))
        return lots

    def _others(self, side: Side, ticks: int) -> int:
        return self.book.side(side).lots(ticks) - self.own.lots(side, ticks)

    def _set(self, message: BookMessage, side: Side, ticks: int, others: int) -> bool:
        """Set the quantity of others at a price; the account's is added to it."""
        done = message.change(side, ticks, others + self.own.lots(side, ticks))
        if done:
            self.own.limit_ahead(side, ticks, others)
        return done

    def _buyers(self) -> float:
        start = self.pair.start_ticks
        return 0.5 + min(0.45, max(-0.45, MEAN_REVERSION * (start - self.totals.last) / start))

    def _add_trade(
        self,
        side: OrderSide,
        ticks: int,
        lots: int,
        ord_type: Literal["limit", "market"],
        now_ns: int,
    ) -> Trade:
        self._trade_id += 1
        trade = Trade(side, ticks, lots, ord_type, self._trade_id, now_ns)
        self.trades.append(trade)
        self.history.append(trade)
        self.totals.add(ticks, lots)
        for series in self._candles.values():
            series.add(now_ns, ticks, lots)
        return trade

    def _keep_depth(self, message: BookMessage, side: Side) -> None:
        """Add or remove levels at the far end; in a deep book that is beyond every depth."""
        most = self.pair.levels + min(SPARE_LEVELS, self.pair.levels // 2)
        size = self._size(side)
        for _ in range(size - most):
            self._set(message, side, self._worst(side), 0)
        if size < self.pair.levels:
            self._extend(message, side)

    def _restock(self, message: BookMessage, side: Side) -> None:
        """Add levels at the far end if a taker left too few of them."""
        least = min(self.pair.levels, LEFT_LEVELS)
        while self._size(side) < least and self._extend(message, side):
            pass

    def _extend(self, message: BookMessage, side: Side) -> bool:
        step = self.book.side(side).key(self._chance.randint(1, 3))
        further = self._worst(side) + step
        return further > 0 and self._set(message, side, further, self._lots())

    def _size(self, side: Side) -> int:
        """Return the number of levels that others have."""
        alone = sum(not self._others(side, ticks) for ticks in self.own.prices(side))
        return len(self.book.side(side)) - alone

    def _worst(self, side: Side) -> int:
        """Return the worst price of others but `far_ask_ticks`; the last price if there is none."""
        ladder = self.book.side(side)
        for index in reversed(range(len(ladder))):
            ticks, _ = ladder.row(index)
            if self._others(side, ticks) and (side == "bid" or ticks != self.pair.far_ask_ticks):
                return ticks
        return self.totals.last

    def _fill_book(self) -> None:
        for side in ("bid", "ask"):
            ladder = self.book.side(side)
            ticks = self.pair.start_ticks
            for _ in range(self.pair.levels + min(SPARE_LEVELS, self.pair.levels) // 2):
                ticks += ladder.key(self._chance.randint(1, 3))
                ladder.replace(ticks, self._lots())
        if self.pair.far_ask_ticks:
            self.book.asks.replace(self.pair.far_ask_ticks, 1)

    def _fill_trades(self) -> None:
        """Make up the last day, so that snapshots have trades and the ticker has totals."""
        start = self.pair.start_ticks
        for number in range(SNAPSHOT_TRADES):
            age = (SNAPSHOT_TRADES - number) * 1_700_000_000
            side: OrderSide = self._chance.choice(("buy", "sell"))
            ticks = start + (1 if side == "buy" else -1)
            self._add_trade(side, ticks, self._lots(), "limit", self._now - age)
        self.totals.open = start - self._chance.randint(-start // 50, start // 50)
        self.totals.low = min(self.totals.low, self.totals.open)
        self.totals.high = max(self.totals.high, self.totals.open)


def _resting_side(taker: OrderSide) -> Side:
    return "ask" if taker == "buy" else "bid"


def _opposite(side: Side) -> Side:
    return "ask" if side == "bid" else "bid"
