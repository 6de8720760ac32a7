"""A market maker: one quote on each side of the microprice, and a position that stays small.

The strategy is the simplest there is. The example is about what goes wrong around any strategy:

- The book cannot be read now: the quotes are taken back until it is verified again.
- The exchange refuses a quote, for the market has moved meanwhile: the next book brings another.
- Nobody knows what became of a request: the side waits until the client has found out. Should an
  order turn up late all the same, it is one too many and is canceled.
- The connection is gone: unless it comes back in time, the exchange cancels everything by itself,
  as nobody rearms the dead man's switch.

In the end every quote is taken back and the position is closed at the market. It trades on a
simulated exchange, which with `--faults` cuts connections and loses replies meanwhile. To trade
elsewhere, give `MarketMaker` another client.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from kraken_connector import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    CancelOrderParams,
    ConnectionLost,
    KrakenWSClient,
    NotConnected,
    Order,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TokenManager,
    TradingError,
    TradingReply,
)
from kraken_connector.ws.subscribe import BookParams, InstrumentParams

Side = Literal["buy", "sell"]

#: Requests that raise one of these provably never left.
NEVER_LEFT = (NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError)
#: Until the exchange cancels everything when it hears nothing.
DEAD_MAN_SECONDS = 60
#: Until something is tried again that nothing else would remind of.
RETRY_SECONDS = 0.25
#: What is kept of the exchange's rate counter for taking quotes back.
RESERVE = 40


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

    def ticks(self, side: Side, middle: float, position: Decimal) -> int | None:
        """Return the price of a quote; `None` where the position allows no more of that side.

        Args:
            side: `buy` or `sell`.
            middle: the microprice, in ticks.
            position: base currency; the quotes lean towards getting rid of it.
        """
        sign = 1 if side == "buy" else -1
        if sign * position + self.qty > self.most:
            return None
        leaning = float(position / self.most) * self.half_spread
        return round(middle - sign * self.half_spread - leaning)


class MarketMaker:
    """Quotes one pair on an account that nobody else trades it on.

    Args:
        client: connected, with a token manager.
        strategy: what to quote.

    Attributes:
        orders: every order that exists, existed or might.
        refused: how many requests were refused.
        unknown: how many requests had an outcome that nobody knew at first.
    """

    def __init__(self, client: KrakenWSClient, strategy: Strategy) -> None:
        self.orders: list[Order] = []
        self.refused = self.unknown = 0
        self._client = client
        self._strategy = strategy
        self._news: dict[Side, asyncio.Event] = {"buy": asyncio.Event(), "sell": asyncio.Event()}
        self._is_over = False

    @property
    def position(self) -> Decimal:
        """What the fills add up to, base currency."""
        signed = (order.cum_qty if order.side == "buy" else -order.cum_qty for order in self.orders)
        return sum(signed, Decimal(0))

    async def run(self, seconds: float) -> None:
        """Quote for some time, then take everything back and close the position."""
        await self._client.track_orders()
        await self._client.track_balances()
        await self._client.subscribe(InstrumentParams())
        books = BookParams(symbol=[self._strategy.symbol])
        await self._client.subscribe(books, callback=self._on_book)
        async with self._client.dead_mans_switch(timeout=DEAD_MAN_SECONDS):
            async with asyncio.TaskGroup() as sides:
                for side in self._news:
                    sides.create_task(self._quote(side))
                await asyncio.sleep(seconds)
                self._is_over = True
                self._on_book(None)
            await self._close()

    def _on_book(self, _: object) -> None:
        for news in self._news.values():
            news.set()

    async def _quote(self, side: Side) -> None:
        """Keep one side quoted until time is up, then take the quote back."""
        while not self._is_over:
            await self._news[side].wait()
            self._news[side].clear()
            await self._follow(side, self._price(side))
        while self._working(side):
            await self._follow(side, None)

    def _price(self, side: Side) -> Decimal | None:
        """Return where to quote: floats find the tick, the price itself is exact."""
        book = self._client.book(self._strategy.symbol)
        rules = self._client.instruments.rules(self._strategy.symbol)
        if not book.is_valid or book.microprice is None or rules is None:
            return None
        ticks = self._strategy.ticks(side, book.microprice / float(rules.tick), self.position)
        return None if ticks is None else ticks * rules.tick

    def _working(self, side: Side) -> list[Order]:
        """Return the orders of a side that are in the market, newest last: one, if all is well."""
        orders = self._client.orders.open(self._strategy.symbol)
        return [order for order in orders if order.side == side]

    async def _follow(self, side: Side, price: Decimal | None) -> None:
        """Do the next thing that leads to one order at `price`, or to none."""
        match self._working(side):
            case [] if price is not None:
                await self._place(side, price)
            case []:
                pass
            case [order] if price is not None:
                await self._move(order, price)
            case [order, *_]:
                await self._cancel(order)

    async def _place(self, side: Side, price: Decimal) -> None:
        if self._client.rate_counter.headroom(self._strategy.symbol) < RESERVE:
            return
        order = AddOrderParams(
            symbol=self._strategy.symbol,
            side=side,
            order_type="limit",
            order_qty=self._strategy.qty,
            limit_price=price,
            post_only=True,
        )
        await self._attempt(self._client.add_order(order))

    async def _move(self, order: Order, price: Decimal) -> None:
        rules = self._client.instruments.rules(self._strategy.symbol)
        assert rules is not None
        assert order.limit_price is not None
        if abs(price - order.limit_price) < self._strategy.patience * rules.tick:
            return
        if self._client.rate_counter.headroom(self._strategy.symbol) < RESERVE:
            return
        amend = AmendOrderParams(order_id=order.order_id, limit_price=price, post_only=True)
        await self._attempt(self._client.amend_order(amend))

    async def _cancel(self, order: Order) -> None:
        assert order.order_id is not None
        cancel = CancelOrderParams(order_id=[order.order_id])
        if await self._attempt(self._client.cancel_order(cancel)):
            await order.wait_done()

    async def _close(self) -> None:
        """Trade the position away."""
        rules = self._client.instruments.rules(self._strategy.symbol)
        while rules is not None and abs(self.position) >= rules.qty_min:
            order = AddOrderParams(
                symbol=self._strategy.symbol,
                side="sell" if self.position > 0 else "buy",
                order_type="market",
                order_qty=abs(self.position),
            )
            if await self._attempt(self._client.add_order(order)):
                await self.orders[-1].wait_done()

    async def _attempt(self, request: Awaitable[TradingReply[Any]]) -> bool:
        """Make a request and tell whether it was accepted; new orders are kept in any case."""
        try:
            reply = await request
        except OrderOutcomeUnknown as error:
            self.unknown += 1
            self._keep(error.order)
            if error.order is not None:
                await error.order.wait_settled()
        except TradingError:
            self.refused += 1
            await asyncio.sleep(RETRY_SECONDS)
        except NEVER_LEFT:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._keep(reply.order)
            return True
        return False

    def _keep(self, order: Order | None) -> None:
        if order is not None and order not in self.orders:
            self.orders.append(order)


async def make_trouble(simulated: SimulatedExchange, seed: int = 1) -> None:
    """Let something go wrong about every other second, for a second at most."""
    faults, chance = simulated.faults, random.Random(seed)
    troubles: list[Callable[[], Any]] = [
        faults.reset_connections,
        faults.lose_requests,
        faults.lose_replies,
        faults.cut_before_reply,
        faults.lose_reports,
        faults.duplicate_reports,
        lambda: faults.delay_replies(1.5),
        lambda: faults.corrupt_checksums("BTC/USD"),
    ]
    while True:
        await asyncio.sleep(chance.expovariate(1))
        trouble = chance.choice(troubles)()
        await asyncio.sleep(1)
        if trouble is not None:
            trouble.cancel()


async def main() -> None:
    parser = argparse.ArgumentParser(description="Make a market on a simulated exchange.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to quote")
    parser.add_argument("--faults", action="store_true", help="let things go wrong meanwhile")
    arguments = parser.parse_args()
    async with SimulatedExchange(symbols=["BTC/USD"]) as simulated:
        key = HTTPAuthenticatedClient(
            simulated.rest_url, api_key=simulated.api_key, api_secret=simulated.api_secret
        )
        client = KrakenWSClient(simulated.url, token_manager=TokenManager(key), request_timeout=1.0)
        async with client:
            maker = MarketMaker(client, Strategy())
            trouble = asyncio.create_task(make_trouble(simulated)) if arguments.faults else None
            await maker.run(arguments.seconds)
            if trouble is not None:
                trouble.cancel()
            fills = sum(len(order.fills) for order in maker.orders)
            print(f"{len(maker.orders)} orders, {fills} fills, position {maker.position:f} BTC")
            print(f"{maker.refused} requests refused, {maker.unknown} in doubt at first")
            print(f"the exchange counts {len(simulated.account.fills)} fills")


if __name__ == "__main__":
    asyncio.run(main())
