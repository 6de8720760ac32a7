"""A market maker: one quote on each side of the microprice, and a position that stays small.

The strategy is the simplest there is. Around any strategy something goes wrong:

- The book cannot be read now: the quotes are taken back until it is verified again.
- The exchange refuses a quote, as the market has moved meanwhile: the next book brings another.
- A request has no answer: its order counts as there until the client has found out.
- The connection is gone: quoting goes on when it is back. Unless it comes back in time, the
  exchange cancels everything by itself, as nobody renews the dead man's switch.

In the end every quote is taken back and the position is closed at the market. It trades on a
simulated exchange, which with `--faults` cuts connections and loses messages meanwhile. To trade
elsewhere, give `MarketMaker` another client.
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
#: Until the exchange cancels everything when it hears nothing.
DEAD_MAN_SECONDS = 60
#: Until quotes that are not all in the market are set again, although no book came.
RETRY_SECONDS = 0.25
#: How a client of this strategy waits: quotes get old soon.
PATIENCE: dict[str, Any] = {
    "request_timeout": 1.0,
    "order_deadline": 1.0,
    "ping_interval": 2.0,
    "ping_timeout": 2.0,
}


@dataclass(frozen=True)
class Strategy:
    """What to quote.

    Attributes:
        symbol: the pair.
        qty: of each quote, base currency.
        most: largest position to either side, base currency.
        half_spread: distance of a quote from the microprice, in ticks.
        patience: how far a quote may be off before it is moved, in ticks.
    """

    symbol: str = "BTC/USD"
    qty: Decimal = Decimal("0.05")
    most: Decimal = Decimal("0.25")
    half_spread: int = 2
    patience: int = 5

    def quotes(self, microprice: float, tick: Decimal, position: Decimal) -> tuple[Levels, Levels]:
        """Return bids and asks: floats find the tick, the price itself is exact.

        The quotes lean towards getting rid of the position; there is none on a side of which the
        position allows no more.
        """
        middle = microprice / float(tick) - float(position / self.most) * self.half_spread
        bid, ask = round(middle - self.half_spread), round(middle + self.half_spread)
        bids = [(bid * tick, self.qty)] if self.qty + position <= self.most else []
        asks = [(ask * tick, self.qty)] if self.qty - position <= self.most else []
        return bids, asks


class MarketMaker:
    """Quotes one pair on an account.

    Args:
        client: connected, with a token manager.
        strategy: what to quote.

    Attributes:
        refused: how many quotes were refused, by the kind of refusal.
        doubts: orders that were in doubt when quotes had been set.
        longest_pause: longest time without a quote on a side that was to have one, seconds.
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
        """What the fills of the strategy add up to, base currency."""
        return self._client.positions.of(self._strategy.symbol, tag=TAG).qty

    async def run(self, seconds: float) -> None:
        """Quote for some time, then take everything back and close the position."""
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
        """Follow the book with the quotes."""
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
        """Return what to quote: nothing while the book cannot be trusted."""
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
        """Wait for the next book, for some seconds at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _close(self, qty_min: Decimal) -> None:
        """Trade the position away."""
        symbol = self._strategy.symbol
        while abs(self.position) >= qty_min or not self._is_certain:
            if self._is_certain:
                side = "sell" if self.position > 0 else "buy"
                params = AddOrderParams(symbol, side, "market", abs(self.position))
                order = self._client.place(params, tag=TAG).order
                assert order is not None
                # Whatever becomes of the request: in the end the order is filled or not there.
                await order.wait_done()
            await asyncio.sleep(RETRY_SECONDS)

    @property
    def _is_certain(self) -> bool:
        return self._client.positions.of(self._strategy.symbol, tag=TAG).is_certain


async def make_trouble(simulated: SimulatedExchange, seed: int = 1) -> None:
    """Let something go wrong about every other second, for a second at most.

    It begins with the first quote: until then a failure is an error that the user should see.
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
    """Return what can go wrong."""
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
    parser.add_argument("--faults", action="store_true", help="let things go wrong meanwhile")
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
