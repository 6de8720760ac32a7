"""The feed of the public channels: synthetic markets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

from . import level3, messages
from .book import DEPTHS, Change, ReferenceBook, Side
from .encode import scaled
from .level3 import OrderStep, ReferenceOrders
from .market import OrderSide, SimMarket, Step, Taker
from .pairs import Pair
from .published import Published, PublishedOrders, PublishedState
from .queues import PRIORITY, QueueRule
from .registry import SubscriptionRegistry
from .requests import UNSUPPORTED_PAIR, Refused
from .statistics import INTERVALS
from .subscription import Subscription, Topic

Number: TypeAlias = Decimal | str | int
Levels: TypeAlias = Iterable[tuple[Number, Number]]

TICK_SECONDS = 0.005
#: How long the markets move before they yield to the event loop.
TURN_SECONDS = 0.005
LONGEST_BACKLOG_SECONDS = 0.25


class Feed(Protocol):
    """The source of the messages of the public channels."""

    @property
    def symbols(self) -> list[str]:
        """The symbols that can be subscribed."""

    def check(self, subscription: Subscription) -> None:
        """Refuse a subscription that the feed cannot serve.

        Raises:
            Refused: with the exchange's text.
        """

    def start(self, subscription: Subscription) -> None:
        """Send a new subscription its snapshot."""

    async def run(self) -> None:
        """Send messages until cancelled."""


class MarketFeed:
    """Synthetic markets.

    Args:
        pairs: what is listed.
        registry: the subscriptions.
        seed: the random seed of the markets.
        rate: steps per second, all symbols together; only symbols with a subscriber move.
        history: how many published books to keep for each symbol and depth.
        clock: returns nanoseconds since the epoch.
        queue_rule: how orders that change keep or lose their position in the queue.
        is_halted: returns whether the markets quote but do not trade.

    Attributes:
        watchers: called with every step, after its messages are sent.
        watched: functions that return the symbols which move even without a subscriber.
        statuses: of pairs that are not `online`.
        muted: whether no messages are sent, because another feed serves the subscribers.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        registry: SubscriptionRegistry,
        *,
        seed: int,
        rate: float,
        history: int,
        clock: Callable[[], int],
        queue_rule: QueueRule = PRIORITY,
        is_halted: Callable[[], bool] = bool,
    ) -> None:
        self.pairs = pairs
        self._queue_rule = queue_rule
        self.published = Published[ReferenceBook, PublishedState](PublishedState.of, history)
        self.published_orders = Published[ReferenceOrders, PublishedOrders](
            PublishedOrders.of, history
        )
        self.watchers: list[Callable[[Step], None]] = []
        self.watched: list[Callable[[], Iterable[str]]] = []
        self.muted = False
        self.statuses: dict[str, str] = {}
        self._registry = registry
        self._is_halted = is_halted
        self._seed = seed
        self._rate = rate
        self.clock = clock
        self._chance = random.Random(seed)
        self._markets: dict[str, SimMarket] = {}

    @property
    def symbols(self) -> list[str]:
        """The listed symbols."""
        return list(self.pairs)

    def check(self, subscription: Subscription) -> None:
        symbol = subscription.symbol
        if symbol is not None and symbol not in self.pairs:
            raise Refused(UNSUPPORTED_PAIR.format(symbol), symbol=symbol)

    def market(self, symbol: str) -> SimMarket:
        """Return the market of a symbol; the first call creates it.

        Raises:
            KeyError: the symbol is not listed.
        """
        if symbol not in self._markets:
            self._markets[symbol] = self.new_market(symbol)
        return self._markets[symbol]

    def new_market(self, symbol: str) -> SimMarket:
        """Return a new market of a symbol."""
        return SimMarket(
            self.pairs[symbol], seed=self._seed, clock=self.clock, queue_rule=self._queue_rule
        )

    def start(self, subscription: Subscription) -> None:
        channel, symbol, option = subscription.topic
        if channel == "book" and symbol is not None:
            market = self.market(symbol)
            self.published.add_if_new(market.pair, market.book, int(option or 0))
        if channel == "level3" and symbol is not None:
            market = self.market(symbol)
            self.published_orders.add_if_new(market.pair, market.orders(), int(option or 0))
        snapshot = self._snapshot(subscription)
        if subscription.params.get("snapshot", True):
            subscription.send(snapshot, "snapshot")

    def _snapshot(self, subscription: Subscription) -> bytes:
        channel, symbol, option = subscription.topic
        if symbol is None:
            return messages.instruments(self.pairs.values(), self.statuses)
        market = self.market(symbol)
        if channel == "book":
            return messages.book_snapshot(market, int(option or 0))
        if channel == "level3":
            with_time = subscription.writer.long_form
            return messages.level3_snapshot(market, int(option or 0), with_time=with_time)
        if channel == "trade":
            return messages.trades(market.pair, "snapshot", market.trades)
        if channel == "ohlc":
            return messages.candles(market, int(option or 0), "snapshot", market.now())
        return messages.ticker(market, "snapshot", market.now())

    def set_status(self, symbol: str, status: str) -> None:
        """Change the status of a pair and send it to the subscribers of `instrument`."""
        pair = self.pairs[symbol]
        self.statuses.pop(symbol, None)
        if status != messages.ONLINE:
            self.statuses[symbol] = status
        payload = messages.instrument_update(pair, status)
        for subscription in self._registry.subscriptions(("instrument", None, None)):
            subscription.send(payload, "update")

    def step(self, symbol: str) -> Step:
        """Move one market once and send the updates."""
        return self.move(symbol, SimMarket.step)

    def move(self, symbol: str, act: Callable[[SimMarket, Collection[int]], Step]) -> Step:
        """Call `act` with a market and its subscribed depths, and send the updates of the step."""
        market = self.market(symbol)
        market.is_halted = self._is_halted() or symbol in self.statuses
        return self._publish(act(market, self._depths(symbol)))

    def trade(self, symbol: str, side: OrderSide, qty: Number, limit_price: Number | None) -> Step:
        """Let a taker trade with the book as one step, and send the updates."""
        pair = self.market(symbol).pair
        ticks = None if limit_price is None else scaled(limit_price, pair.price_precision)
        ord_type: Literal["limit", "market"] = "market" if ticks is None else "limit"
        taker = Taker(side, scaled(qty, pair.qty_precision), ticks, ord_type)
        return self.move(symbol, lambda market, depths: market.trade(taker, depths))

    def change(self, symbol: str, bids: Levels, asks: Levels) -> Step:
        """Set levels (price, absolute quantity, zero removes) as one step, and send the updates."""
        market = self.market(symbol)
        price_scale, qty_scale = market.pair.price_precision, market.pair.qty_precision
        sides: tuple[tuple[Side, Levels], ...] = (("bid", bids), ("ask", asks))
        changes = [
            (side, scaled(price, price_scale), scaled(qty, qty_scale))
            for side, rows in sides
            for price, qty in rows
        ]
        return self.change_ticks(symbol, changes)

    def change_ticks(self, symbol: str, changes: Iterable[Change], *, matched: bool = True) -> Step:
        """Set levels (side, ticks, absolute lots) as one step, and send the updates.

        Args:
            symbol: the pair.
            changes: in order.
            matched: whether a new level first trades with the account's orders that it crosses.
        """
        return self.move(
            symbol, lambda market, depths: market.apply(changes, depths, matched=matched)
        )

    async def run(self) -> None:
        """Move the markets at their rate, or as fast as the machine can if that is slower."""
        loop = asyncio.get_running_loop()
        due, last = 0.0, loop.time()
        while True:
            await asyncio.sleep(0 if due >= 1 else max(TICK_SECONDS, 1 / self._rate))
            now = loop.time()
            due = min(due + (now - last) * self._rate, LONGEST_BACKLOG_SECONDS * self._rate + 1)
            last = now
            watched = (symbol for symbols in self.watched for symbol in symbols())
            symbols = list(dict.fromkeys((*self._registry.symbols(), *watched)))
            if not symbols:
                due = 0.0
            while due >= 1 and loop.time() - now < TURN_SECONDS:
                self.step(self._chance.choice(symbols))
                due -= 1

    def _depths(self, symbol: str) -> list[int]:
        return self._registry.options("book", symbol, DEPTHS)

    def _publish(self, step: Step) -> Step:
        if not self.muted:
            self._send(step)
        for watcher in self.watchers:
            watcher(step)
        return step

    def _send(self, step: Step) -> None:
        market = self.market(step.symbol)
        for depth, rows in step.rows.items():
            if rows:
                self.published.add(market.pair, market.book, depth)
        for topic, payload in updates(market, step, self._registry.__contains__):
            if topic[0] == "level3":
                self.published_orders.add(market.pair, market.orders(), int(topic[2] or 0))
            for subscription in self._registry.subscriptions(topic):
                subscription.send(payload, "update")


def updates(
    market: SimMarket, step: Step, wanted: Callable[[Topic], bool]
) -> Iterator[tuple[Topic, bytes]]:
    """Yield the topics and messages of a step, for the wanted topics."""
    pair, symbol, now = market.pair, step.symbol, step.timestamp_ns
    for depth, rows in step.rows.items():
        if rows and wanted(("book", symbol, depth)):
            yield ("book", symbol, depth), messages.book_update(pair, step, depth)
    if step.orders is not None:
        yield from _order_updates(market, step.orders, wanted)
    if step.bbo_changed and wanted(("ticker", symbol, "bbo")):
        yield ("ticker", symbol, "bbo"), messages.ticker(market, "update", now)
    if step.trades:
        yield from _trade_updates(market, step, wanted)


def _order_updates(
    market: SimMarket, step: OrderStep, wanted: Callable[[Topic], bool]
) -> Iterator[tuple[Topic, bytes]]:
    for depth in level3.DEPTHS:
        topic = "level3", market.pair.symbol, depth
        if wanted(topic) and (rows := step.rows(depth)):
            yield topic, messages.level3_update(market, rows, market.orders().checksum())


def _trade_updates(
    market: SimMarket, step: Step, wanted: Callable[[Topic], bool]
) -> Iterator[tuple[Topic, bytes]]:
    pair, symbol, now = market.pair, step.symbol, step.timestamp_ns
    if wanted(("trade", symbol, None)):
        yield ("trade", symbol, None), messages.trades(pair, "update", step.trades)
    if wanted(("ticker", symbol, "trades")):
        yield ("ticker", symbol, "trades"), messages.ticker(market, "update", now)
    for interval in INTERVALS:
        if wanted(("ohlc", symbol, interval)):
            yield ("ohlc", symbol, interval), messages.candles(market, interval, "update", now)
