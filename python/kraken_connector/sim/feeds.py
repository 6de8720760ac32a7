"""Who listens to what, and the markets that speak to them."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Protocol, TypeAlias

from . import messages
from .book import DEPTHS, Side
from .encode import scaled
from .market import SimMarket, Step
from .observe import PublishedState
from .pairs import Pair
from .session import Option, Subscription
from .statistics import INTERVALS

Number: TypeAlias = Decimal | str | int
Topic: TypeAlias = tuple[str, str | None, Option]

TICK_SECONDS = 0.005
LONGEST_BACKLOG_SECONDS = 0.25


class Registry:
    """All subscriptions of all connections, by what they listen to."""

    def __init__(self) -> None:
        self._topics: dict[Topic, dict[Subscription, None]] = defaultdict(dict)
        self._symbols: dict[str, int] = defaultdict(int)

    def add(self, subscription: Subscription) -> None:
        """Start telling a subscription about its topic."""
        self._topics[subscription.topic][subscription] = None
        if subscription.symbol is not None:
            self._symbols[subscription.symbol] += 1

    def remove(self, subscription: Subscription) -> None:
        """Stop telling it."""
        listeners = self._topics[subscription.topic]
        del listeners[subscription]
        if not listeners:
            del self._topics[subscription.topic]
        if subscription.symbol is not None:
            self._symbols[subscription.symbol] -= 1
            if not self._symbols[subscription.symbol]:
                del self._symbols[subscription.symbol]

    def listeners(
        self, channel: str, symbol: str | None = None, option: Option = None
    ) -> list[Subscription]:
        """Return the subscriptions to one topic, oldest first."""
        return list(self._topics.get((channel, symbol, option), ()))

    def options(self, channel: str, symbol: str, among: Iterable[int]) -> list[int]:
        """Return which depths or intervals of a symbol somebody listens to."""
        return [option for option in among if (channel, symbol, option) in self._topics]

    def symbols(self) -> list[str]:
        """Return the symbols somebody listens to."""
        return list(self._symbols)

    def count(self, channel: str, symbol: str | None = None) -> int:
        """Return how many subscriptions a channel has, of one symbol or of all."""
        return sum(
            len(listeners)
            for topic, listeners in self._topics.items()
            if topic[0] == channel and symbol in (None, topic[1])
        )


class Feed(Protocol):
    """Where the messages of the public channels come from."""

    def lists(self, subscription: Subscription) -> bool:
        """Tell whether the subscription's symbol can be had."""

    def start(self, subscription: Subscription) -> None:
        """Send what a new subscription gets first."""

    async def run(self) -> None:
        """Send messages until cancelled."""


class MarketFeed:
    """Synthetic markets.

    Args:
        pairs: what is listed.
        registry: who listens.
        seed: the markets' randomness.
        rate: steps per second, all symbols together; only symbols that somebody listens to move.
            0 moves nothing by itself.
        history: how many published books to remember for each symbol and depth.
        clock: gives nanoseconds since the epoch.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        registry: Registry,
        *,
        seed: int,
        rate: float,
        history: int,
        clock: Callable[[], int],
    ) -> None:
        self.pairs = pairs
        self._registry = registry
        self._seed = seed
        self._rate = rate
        self._history = history
        self._clock = clock
        self._chance = random.Random(seed)
        self._markets: dict[str, SimMarket] = {}
        self._published: dict[tuple[str, int], deque[PublishedState]] = {}

    def lists(self, subscription: Subscription) -> bool:
        return subscription.symbol in self.pairs

    def market(self, symbol: str) -> SimMarket:
        """Return the market of a symbol; it is made when it is first needed.

        Raises:
            KeyError: the symbol is not listed.
        """
        if symbol not in self._markets:
            pair = self.pairs[symbol]
            self._markets[symbol] = SimMarket(pair, seed=self._seed, clock=self._clock)
        return self._markets[symbol]

    def start(self, subscription: Subscription) -> None:
        channel, symbol, option = subscription.topic
        if channel == "book" and symbol is not None:
            self._remember(self.market(symbol), int(option or 0))
        if not subscription.params.get("snapshot", True):
            return
        subscription.send(self._snapshot(channel, symbol, option), "snapshot")

    def _snapshot(self, channel: str, symbol: str | None, option: Option) -> bytes:
        if symbol is None:
            return messages.instruments(self.pairs.values())
        market = self.market(symbol)
        if channel == "book":
            return messages.book_snapshot(market, int(option or 0))
        if channel == "trade":
            return messages.trades(market.pair, "snapshot", market.trades)
        if channel == "ohlc":
            return messages.candles(market, int(option or 0), "snapshot", market.now())
        return messages.ticker(market, "snapshot", market.now())

    def step(self, symbol: str) -> Step:
        """Move one market once and tell everybody who listens."""
        step = self.market(symbol).step(self._depths(symbol))
        self._publish(step)
        return step

    def change(
        self,
        symbol: str,
        bids: Iterable[tuple[Number, Number]],
        asks: Iterable[tuple[Number, Number]],
    ) -> Step:
        """Set levels (price, absolute quantity, zero removes) as one step and tell everybody."""
        market = self.market(symbol)
        changes: list[tuple[Side, int, int]] = [
            (
                side,
                scaled(price, market.pair.price_precision),
                scaled(qty, market.pair.qty_precision),
            )
            for side, rows in (("bid", bids), ("ask", asks))
            for price, qty in rows
        ]
        step = market.apply(changes, self._depths(symbol))
        self._publish(step)
        return step

    def published(self, symbol: str, depth: int) -> list[PublishedState]:
        """Return the remembered books of a symbol and depth, oldest first."""
        return list(self._published.get((symbol, depth), ()))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due, last = 0.0, loop.time()
        while True:
            await asyncio.sleep(max(TICK_SECONDS, 1 / self._rate))
            now = loop.time()
            due += min(now - last, LONGEST_BACKLOG_SECONDS) * self._rate
            last = now
            symbols = self._registry.symbols()
            while due >= 1:
                due -= 1
                if symbols:
                    self.step(self._chance.choice(symbols))

    def _depths(self, symbol: str) -> list[int]:
        return self._registry.options("book", symbol, DEPTHS)

    def _publish(self, step: Step) -> None:
        market = self.market(step.symbol)
        for depth, rows in step.rows.items():
            if rows:
                self._remember(market, depth)
                self._tell(
                    "book", step.symbol, depth, messages.book_update(market.pair, step, depth)
                )
        if step.trades:
            self._publish_trades(market, step)
        if step.bbo_changed and (
            listeners := self._registry.listeners("ticker", step.symbol, "bbo")
        ):
            payload = messages.ticker(market, "update", step.timestamp_ns)
            for subscription in listeners:
                subscription.send(payload, "update")

    def _publish_trades(self, market: SimMarket, step: Step) -> None:
        symbol = step.symbol
        self._tell("trade", symbol, None, messages.trades(market.pair, "update", step.trades))
        self._tell("ticker", symbol, "trades", messages.ticker(market, "update", step.timestamp_ns))
        for interval in self._registry.options("ohlc", symbol, INTERVALS):
            payload = messages.candles(market, interval, "update", step.timestamp_ns)
            self._tell("ohlc", symbol, interval, payload)

    def _tell(self, channel: str, symbol: str, option: Option, payload: bytes) -> None:
        for subscription in self._registry.listeners(channel, symbol, option):
            subscription.send(payload, "update")

    def _remember(self, market: SimMarket, depth: int) -> None:
        key = (market.pair.symbol, depth)
        states = self._published.setdefault(key, deque(maxlen=self._history))
        count = states[-1].count + 1 if states else 1
        state = PublishedState.of(market.pair, market.book, depth, count)
        if not states or (state._bids, state._asks) != (states[-1]._bids, states[-1]._asks):
            states.append(state)
