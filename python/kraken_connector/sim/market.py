"""One synthetic market: a deep book around a price that wanders but always comes home."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from .book import BookMessage, Change, ReferenceBook, Row, Rows, Side
from .level3 import OrderBook, OrderStep, Place
from .pairs import Pair
from .queues import Own
from .statistics import CandleSeries, Totals

SNAPSHOT_TRADES = 50
VISIBLE = 10
"""The first change of every step lies in the top ten, so each step is news at every depth."""

SPARE_LEVELS = 60
FEWEST_LEVELS = 3
HOMESICKNESS = 12
"""Pull to the starting price: 4 % above it, nearly all takers sell."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One public trade, price in ticks and quantity in lots."""

    side: Literal["buy", "sell"]
    ticks: int
    lots: int
    ord_type: Literal["limit", "market"]
    trade_id: int
    timestamp_ns: int


@dataclass(slots=True)
class Step:
    """What one step of a market changed, for every listener.

    Attributes:
        symbol: the pair.
        timestamp_ns: time of the step; strictly increasing within a market.
        rows: the rows for each depth that was asked for.
        checksum: of the book after the step.
        bbo_changed: whether the best price or quantity of a side is another one now.
        trades: the trades of the step, oldest first.
        orders: what it did to the single orders, once somebody looked at them.
    """

    symbol: str
    timestamp_ns: int
    rows: dict[int, Rows]
    checksum: int = 0
    bbo_changed: bool = False
    trades: list[Trade] = field(default_factory=list)
    orders: OrderStep | None = None

    def traded(self) -> dict[Place, int]:
        """Return the lots that traded, by the level that they were taken from."""
        lots: dict[Place, int] = {}
        for trade in self.trades:
            place: Place = ("ask" if trade.side == "buy" else "bid", trade.ticks)
            lots[place] = lots.get(place, 0) + trade.lots
        return lots


class SimMarket:
    """A market that does the same for the same seed, whatever else the exchange does.

    Args:
        pair: its scales and size.
        seed: where its randomness starts.
        clock: gives nanoseconds since the epoch.
    """

    def __init__(self, pair: Pair, *, seed: int, clock: Callable[[], int]) -> None:
        self.pair = pair
        self.book = ReferenceBook()
        self.trades: deque[Trade] = deque(maxlen=SNAPSHOT_TRADES)
        self.totals = Totals.starting_at(pair.start_ticks)
        self._chance = random.Random(f"{seed}:{pair.symbol}")
        self._seed = seed
        self._clock = clock
        self._now = clock()
        self._orders: OrderBook | None = None
        self._candles: dict[int, CandleSeries] = {}
        self._trade_id = self._chance.randint(10**6, 10**8)
        self._fill_book()
        self._fill_tape()

    def step(self, depths: Collection[int] = ()) -> Step:
        """Move the market once.

        Returns:
            The step, with rows for `depths`; at every depth there is at least one row.
        """
        return self._move(depths, self._events, restless=True)

    def apply(self, changes: Iterable[Change], depths: Collection[int]) -> Step:
        """Make the given changes (side, ticks, absolute lots) as one step.

        Raises:
            ValueError: a change is no change, or touches a level that an insert of the same step
                pushed out of a depth; split the changes into two steps then.
        """

        def events(message: BookMessage, step: Step) -> None:
            for side, ticks, lots in changes:
                if not message.change(side, ticks, lots):
                    raise ValueError(f"the step cannot set {side} {ticks} to {lots} lots")

        return self._move(depths, events)

    def orders(self) -> OrderBook:
        """Return the orders behind the book; they are kept from the first call on."""
        if self._orders is None:
            seed = f"{self._seed}:{self.pair.symbol}:orders"
            self._orders = OrderBook(self.book, self._own_places, seed=seed, now_ns=self._now)
        return self._orders

    def candles(self, interval: int) -> CandleSeries:
        """Return the candles of one interval in minutes; they are kept from the first call on."""
        if interval not in self._candles:
            chance = random.Random(f"{self.pair.symbol}:{interval}")
            self._candles[interval] = CandleSeries(interval, self._now, self.totals.last, chance)
        return self._candles[interval]

    def best(self) -> tuple[Row | None, Row | None]:
        """Return the best bid and the best ask."""
        bids, asks = self.book.bids, self.book.asks
        return bids.row(0) if bids.keys else None, asks.row(0) if asks.keys else None

    def now(self) -> int:
        """Return the time in ns, later than that of every step before."""
        self._now = max(self._clock(), self._now + 1000)
        return self._now

    def _move(
        self,
        depths: Collection[int],
        events: Callable[[BookMessage, Step], None],
        *,
        restless: bool = False,
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
                scope, message.touched, step.traded(), now_ns=step.timestamp_ns, restless=restless
            )
        return step

    def _own_places(self, side: Side, ticks: int) -> list[Own]:
        """Return where the account's orders stand: nowhere yet, for it cannot place any."""
        return []

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
        if roll < 0.08:
            return self._trade(message, step)
        if roll < 0.22:
            return self._improve(message, side)
        if roll < 0.42:
            return self._insert(message, side, reach)
        if roll < 0.52:
            return self._cancel(message, side, reach)
        return self._requote(message, side, reach)

    def _reach(self) -> int:
        """Most events happen at the top; now and then one lies anywhere."""
        return self._chance.choice((VISIBLE, VISIBLE, 25, 100, 1000))

    def _index(self, side: Side, reach: int) -> int:
        size = min(reach, len(self.book.side(side)))
        return min(int(self._chance.expovariate(3 / reach)), size - 1)

    def _lots(self) -> int:
        return max(1, int(self.pair.typical_lots * 10 ** self._chance.uniform(-3, 0.7)))

    def _requote(self, message: BookMessage, side: Side, reach: int) -> bool:
        ticks, _ = self.book.side(side).row(self._index(side, reach))
        return message.change(side, ticks, self._lots())

    def _insert(self, message: BookMessage, side: Side, reach: int) -> bool:
        ladder = self.book.side(side)
        index = self._index(side, reach - 1)
        if index + 1 >= len(ladder):
            return False
        low, high = sorted((ladder.row(index)[0], ladder.row(index + 1)[0]))
        if high - low < 2:
            return False
        return message.change(side, self._chance.randint(low + 1, high - 1), self._lots())

    def _improve(self, message: BookMessage, side: Side) -> bool:
        bid, ask = self.best()
        if bid is None or ask is None or ask[0] - bid[0] < 2:
            return False
        spread = ask[0] - bid[0]
        offset = self._chance.randint((spread + 1) // 2, spread - 1)
        ticks = bid[0] + offset if side == "bid" else ask[0] - offset
        return message.change(side, ticks, self._lots())

    def _cancel(self, message: BookMessage, side: Side, reach: int) -> bool:
        ladder = self.book.side(side)
        if len(ladder) <= FEWEST_LEVELS:
            return False
        return message.change(side, ladder.row(self._index(side, reach))[0], 0)

    def _trade(self, message: BookMessage, step: Step) -> bool:
        taker: Literal["buy", "sell"] = "buy" if self._chance.random() < self._buyers() else "sell"
        ord_type: Literal["limit", "market"] = self._chance.choice(("limit", "market"))
        resting: Side = "ask" if taker == "buy" else "bid"
        ladder = self.book.side(resting)
        wanted = 1 + self._lots() // 4
        while wanted and len(ladder) > FEWEST_LEVELS:
            ticks, lots = ladder.row(0)
            filled = min(lots, wanted)
            if not message.change(resting, ticks, lots - filled):
                break
            wanted -= filled
            step.trades.append(self._print(taker, ticks, filled, ord_type, step.timestamp_ns))
        return bool(step.trades)

    def _buyers(self) -> float:
        start = self.pair.start_ticks
        return 0.5 + min(0.45, max(-0.45, HOMESICKNESS * (start - self.totals.last) / start))

    def _print(
        self,
        side: Literal["buy", "sell"],
        ticks: int,
        lots: int,
        ord_type: Literal["limit", "market"],
        now_ns: int,
    ) -> Trade:
        self._trade_id += 1
        trade = Trade(side, ticks, lots, ord_type, self._trade_id, now_ns)
        self.trades.append(trade)
        self.totals.add(ticks, lots)
        for series in self._candles.values():
            series.add(now_ns, ticks, lots)
        return trade

    def _keep_depth(self, message: BookMessage, side: Side) -> None:
        """Add or drop levels at the far end; in a deep book that is beyond every depth."""
        ladder = self.book.side(side)
        most = self.pair.levels + min(SPARE_LEVELS, self.pair.levels // 2)
        for _ in range(len(ladder) - most):
            message.change(side, self._worst(side), 0)
        if len(ladder) < self.pair.levels:
            further = self._worst(side) + ladder.key(self._chance.randint(1, 3))
            if further > 0:
                message.change(side, further, self._lots())

    def _worst(self, side: Side) -> int:
        ladder = self.book.side(side)
        absurd = side == "ask" and self.pair.far_ask_ticks is not None
        return ladder.row(len(ladder) - (2 if absurd else 1))[0]

    def _fill_book(self) -> None:
        for side in ("bid", "ask"):
            ladder = self.book.side(side)
            ticks = self.pair.start_ticks
            for _ in range(self.pair.levels + min(SPARE_LEVELS, self.pair.levels) // 2):
                ticks += ladder.key(self._chance.randint(1, 3))
                ladder.replace(ticks, self._lots())
        if self.pair.far_ask_ticks:
            self.book.asks.replace(self.pair.far_ask_ticks, 1)

    def _fill_tape(self) -> None:
        """Make up the day before, so that snapshots have trades and the ticker has totals."""
        start = self.pair.start_ticks
        for number in range(SNAPSHOT_TRADES):
            age = (SNAPSHOT_TRADES - number) * 1_700_000_000
            side: Literal["buy", "sell"] = self._chance.choice(("buy", "sell"))
            ticks = start + (1 if side == "buy" else -1)
            self._print(side, ticks, self._lots(), "limit", self._now - age)
        self.totals.open = start - self._chance.randint(-start // 50, start // 50)
        self.totals.low = min(self.totals.low, self.totals.open)
        self.totals.high = max(self.totals.high, self.totals.open)
