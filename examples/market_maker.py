"""A market maker: one quote on each side of the microprice, a position that stays small.

The strategy is the simplest there is. The example is about what goes wrong around any strategy:

- The book cannot be read now: the quotes are taken back until it is verified again.
- The exchange refuses a quote, for the market moved meanwhile: try again at the next book.
- Nobody knows what became of a request: the side waits until the exchange has told, so that there
  are never two orders where one was meant.
- The connection is gone: the exchange cancels everything by itself when the dead man's switch is
  not rearmed in time.

In the end all is cancelled and the position is closed at the market. Without arguments it trades on
a simulated exchange; `--faults` lets that cut connections, lose and delay replies meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from kraken_connector import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BookNotReady,
    BookParams,
    CancelOrderParams,
    ConnectionLost,
    ExecutionsParams,
    KrakenWSClient,
    NotConnected,
    Order,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenManager,
    TradingError,
)

Side = Literal["buy", "sell"]


@dataclass(frozen=True)
class Strategy:
    """What to quote.

    Attributes:
        symbol: the pair.
        tick: smallest price step, quote currency.
        qty: of each quote, base currency.
        most: largest position to either side, base currency.
        half_spread: distance of a quote from the microprice, in ticks.
        patience: how far a quote may be off before it is moved, in ticks.
    """

    symbol: str = "BTC/USD"
    tick: Decimal = Decimal("0.1")
    qty: Decimal = Decimal("0.05")
    most: Decimal = Decimal("0.25")
    half_spread: int = 3
    patience: int = 5

    def price(self, side: Side, microprice: float, position: Decimal) -> Decimal | None:
        """Return where to quote one side; `None` where the position allows no more of it.

        Floats are good enough to find a tick; the price itself is an exact number of ticks.
        """
        sign = 1 if side == "buy" else -1
        if sign * position + self.qty > self.most:
            return None
        leaning = float(position / self.most) * self.half_spread
        ticks = round(microprice / float(self.tick) - sign * self.half_spread - leaning)
        return ticks * self.tick


class Quote:
    """One side: at most one order at any time.

    Attributes:
        orders: every order it ever made.
        refused: how many requests the exchange refused.
        unknown: how many had no answer.
    """

    def __init__(self, client: KrakenWSClient, strategy: Strategy, side: Side) -> None:
        self.side = side
        self.orders: list[Order] = []
        self.refused = self.unknown = 0
        self._client = client
        self._strategy = strategy

    @property
    def working(self) -> Order | None:
        """The order that is, or may be, in the market."""
        return self.orders[-1] if self.orders and not self.orders[-1].is_done else None

    async def follow(self, price: Decimal | None) -> None:
        """Do the next thing that leads to one order at `price`, or to none."""
        order = self.working
        if order is None:
            if price is not None:
                await self._try(self._place(price))
        elif order.order_id is None:
            await order.wait_settled()
        elif price is None:
            await self._try(self._client.cancel_order(CancelOrderParams(order_id=[order.order_id])))
        elif abs(price - (order.limit_price or 0)) > self._strategy.patience * self._strategy.tick:
            move = AmendOrderParams(order_id=order.order_id, limit_price=price, post_only=True)
            await self._try(self._client.amend_order(move))

    async def _place(self, price: Decimal) -> None:
        reply = await self._client.add_order(
            AddOrderParams(
                order_type="limit",
                side=self.side,
                symbol=self._strategy.symbol,
                order_qty=self._strategy.qty,
                limit_price=price,
                post_only=True,
            )
        )
        self.orders.append(reply.order)

    async def _try(self, request: Awaitable[object]) -> None:
        try:
            await request
        except OrderOutcomeUnknown as error:
            self.unknown += 1
            order = error.order
            if order is not None and order not in self.orders:
                self.orders.append(order)
            if order is not None:
                await order.wait_settled()
        except TradingError:
            self.refused += 1
        except (NotConnected, ConnectionLost, RequestTimeout):
            pass  # it never left; the next book comes when the connection is back


@dataclass
class MarketMaker:
    """Two quotes that follow a book."""

    client: KrakenWSClient
    strategy: Strategy
    quotes: list[Quote] = field(init=False)
