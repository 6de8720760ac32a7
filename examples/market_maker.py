"""A market maker: one quote on each side of the microprice, and a small position.

The strategy is simple. The program shows what to do about the faults that any strategy meets:

- The book is not valid: cancel the quotes until it is verified again.
- The exchange refuses a quote because the market has moved: quote again at the next book.
- A request has no answer: its order counts as open until the client knows the outcome.
- The connection is lost: quoting continues after the reconnect. If that takes too long, the dead
  man's switch expires and the exchange cancels all orders.

At the end the program cancels every quote and closes the position at the market. It trades on a
simulated exchange, which with `--faults` cuts connections and loses messages. To trade elsewhere,
give `MarketMaker` another client.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kraken_connector import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    KrakenWSClient,
    NotConnected,
    Order,
    Quotes,
    TokenManager,
)
from kraken_connector.ws.subscribe import BookParams, InstrumentParams

Levels = list[tuple[Decimal, Decimal]]

#: Marks the orders of this strategy.
TAG = "maker"
#: Timeout of the dead man's switch.
DEAD_MAN_SECONDS = 60
#: Delay before an incomplete set of quotes is set again without a new book.
RETRY_SECONDS = 0.25
#: Timeouts of the client, short because quotes become outdated soon.
PATIENCE: dict[str, Any] = {
    "request_timeout": 1.0,
    "order_deadline": 1.0,
    "ping_interval": 2.0,
    "ping_timeout": 2.0,
}


@dataclass(frozen=True)
class Strategy:
    """The strategy's parameters.

    Attributes:
        symbol: the pair.
        qty: quantity of each quote, base currency.
        most: largest position on either side, base currency.
        half_spread: distance of a quote from the microprice, in ticks.
        patience: deviation at which a quote is moved, in ticks.
    """

    symbol: str = "BTC/USD"
    qty: Decimal = Decimal("0.05")
    most: Decimal = Decimal("0.25")
    half_spread: int = 2
    patience: int = 5

    def quotes(self, microprice: float, tick: Decimal, position: Decimal) -> tuple[Levels, Levels]:
        """Return bids and asks: floats find the tick, the price itself is exact.

        The quotes are skewed to reduce the position. A side on which the position would exceed
        `most` has no quote.
        """
        middle = microprice / float(tick) - float(position / self.most) * self.half_spread
        bid, ask = round(middle - self.half_spread), round(middle + self.half_spread)
        bids = [(bid * tick, self.qty)] if self.qty + position <= self.most else []
        asks = [(ask * tick, self.qty)] if self.qty - position <= self.most else []
        return bids, asks


class MarketMaker:
    """Quotes one pair on an account.

    Args:
        client: a connected client with a token manager.
        strategy: the strategy.

    Attributes:
        refused: number of refused quotes, by kind of refusal.
        doubts: orders that were in doubt after quotes had been set.
        longest_pause: longest time without all wanted quotes, seconds.
    """

    def __init__(self, client: KrakenWSClient, strategy: Strategy) -> None:
        self.refused: Counter[str] = Counter()
        self.doubts: set[Order] = set()
        self.longest_pause = 0.0
        self._client = client
        self._strategy = strategy
        self._news = asyncio.Event()
        self._quoted_at: float | None = None

    @property
    def position(self) -> Decimal:
        """The sum of the strategy's fills, base currency."""
        return self._client.positions.of(self._strategy.symbol, tag=TAG).qty

    async def run(self, seconds: float) -> None:
        """Quote for `seconds`, then cancel all quotes and close the position."""
        client, symbol = self._client, self._strategy.symbol
        await client.track_orders()
        await client.track_balances()
        await client.subscribe(InstrumentParams())
        await client.subscribe(BookParams(symbol=[symbol]), callback=lambda _: self._news.set())
        rules = client.instruments.rules(symbol)
        assert rules is not None
        min_move = self._strategy.patience * rules.tick
        async with client.dead_mans_switch(timeout=DEAD_MAN_SECONDS):
            async with client.quotes(symbol, tag=TAG, min_move=min_move, reserve=40) as quotes:
                try:
                    async with asyncio.timeout(seconds):
                        await self._quote(quotes, rules.tick)
                except TimeoutError:
                    pass
            await self._close(rules.qty_min)

    async def _quote(self, quotes: Quotes, tick: Decimal) -> None:
        """Adjust the quotes to the book."""
        while True:
            bids, asks = self._wanted(tick)
            is_complete = False
            try:
                report = await quotes.set(bids, asks)
            except NotConnected:
                pass
            else:
                is_complete = report.is_complete
                self.refused.update(refusal.kind for refusal in report.refused)
                self.doubts.update(report.in_doubt)
            self._measure(quotes, {"buy": bids, "sell": asks})
            await self._wait(None if is_complete else RETRY_SECONDS)

    def _wanted(self, tick: Decimal) -> tuple[Levels, Levels]:
        """Return the quotes: none while the book is not valid."""
        book = self._client.book(self._strategy.symbol)
        if not book.is_valid or book.microprice is None:
            return [], []
        return self._strategy.quotes(book.microprice, tick, self.position)

    def _measure(self, quotes: Quotes, wanted: dict[str, Levels]) -> None:
        now = asyncio.get_running_loop().time()
        if self._quoted_at is not None:
            self.longest_pause = max(self.longest_pause, now - self._quoted_at)
        quoted = {order.side for order in quotes.orders if order.is_open}
        if any(wanted.values()) and quoted >= {side for side in wanted if wanted[side]}:
            self._quoted_at = now

    async def _wait(self, seconds: float | None) -> None:
        """Wait for the next book, for at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _close(self, qty_min: Decimal) -> None:
        """Close the position at the market."""
        symbol = self._strategy.symbol
        while abs(self.position) >= qty_min or not self._is_certain:
            if self._is_certain:
                side = "sell" if self.position > 0 else "buy"
                params = AddOrderParams(symbol, side, "market", abs(self.position))
                order = self._client.place(params, tag=TAG).order
                assert order is not None
                # Whatever the outcome of the request, the order ends filled or absent.
                await order.wait_done()
            await asyncio.sleep(RETRY_SECONDS)

    @property
    def _is_certain(self) -> bool:
        return self._client.positions.of(self._strategy.symbol, tag=TAG).is_certain


async def make_trouble(simulated: SimulatedExchange, seed: int = 1) -> None:
    """Cause a fault about every other second, each for at most a second.

    It starts with the first quote: an earlier failure is an error that the user should see.
    """
    chance = random.Random(seed)
    await simulated.wait_for(lambda: bool(simulated.account.open_orders), timeout=math.inf)
    while True:
        await asyncio.sleep(chance.expovariate(1))
        trouble = chance.choice(troubles(simulated))()
        await asyncio.sleep(1)
        if trouble is not None:
            trouble.cancel()


def troubles(simulated: SimulatedExchange) -> list[Callable[[], Any]]:
    """Return functions that cause the faults."""
    faults = simulated.faults
    return [
        faults.reset_connections,
        faults.lose_requests,
        faults.lose_replies,
        faults.cut_before_reply,
        faults.lose_reports,
        faults.duplicate_reports,
        lambda: faults.delay_replies(1.5),
        lambda: faults.corrupt_checksums("BTC/USD"),
    ]


async def main() -> None:
    parser = argparse.ArgumentParser(description="Make a market on a simulated exchange.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to quote")
    parser.add_argument("--faults", action="store_true", help="cause faults meanwhile")
    arguments = parser.parse_args()
    async with SimulatedExchange(symbols=["BTC/USD"]) as simulated:
        key = HTTPAuthenticatedClient(
            simulated.rest_url, api_key=simulated.api_key, api_secret=simulated.api_secret
        )
        tokens = TokenManager(key)
        async with KrakenWSClient(simulated.url, token_manager=tokens, **PATIENCE) as client:
            maker = MarketMaker(client, Strategy())
            trouble = asyncio.create_task(make_trouble(simulated)) if arguments.faults else None
            await maker.run(arguments.seconds)
            if trouble is not None:
                trouble.cancel()
            orders = client.orders.tagged(TAG)
            fills = sum(len(order.fills) for order in orders)
            print(f"{len(orders)} orders, {fills} fills, position {maker.position:f} BTC")
            print(f"refused {dict(maker.refused)}, in doubt at first {len(maker.doubts)}")
            print(f"longest time without all quotes: {maker.longest_pause:.1f} s")
            ours, theirs = client.positions[Strategy.symbol], simulated.account.fills
            total = sum(fill.qty if fill.side == "buy" else -fill.qty for fill in theirs)
            print(f"realized {ours.realized:.2f} USD, fees {ours.fees.get('USD', 0):.2f} USD")
            print(f"the exchange counts {len(theirs)} fills, position {total:f} BTC")


if __name__ == "__main__":
    asyncio.run(main())
