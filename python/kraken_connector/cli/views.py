"""Copies of live books for a screen.

A view is made between two messages and drawn in another thread, so it shares nothing with the live
book.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..models import TradeData
    from ..ws import Level3Book, OrderBook

Level = tuple[Decimal, Decimal]
Queue = tuple[Decimal, ...]
"""Quantities of the orders at one price, first to trade first."""

#: No screen shows more levels of a side.
_MOST_LEVELS = 60


@dataclass(frozen=True)
class BookView:
    """One book.

    Attributes:
        depth: maximum number of levels per side here.
        subscribed: subscribed levels per side, 0 if not known.
        age: seconds since its last message was received, `None` if not known.
        last: price of the last trade, `None` if not known.
        last_side: `buy` or `sell`, the side of that trade's taker.
        bids: levels, best first; empty unless the book is valid.
        asks: levels, best first; empty unless the book is valid.
        verified: messages whose checksum matched.
        mismatches: messages whose checksum did not match.
        bid_queues: the single orders of each level, if known.
        ask_queues: the single orders of each level, if known.
    """

    symbol: str
    state: str
    depth: int = 10
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    verified: int = 0
    mismatches: int = 0
    bid_queues: tuple[Queue, ...] = ()
    ask_queues: tuple[Queue, ...] = ()
    subscribed: int = 0
    age: float | None = None
    last: Decimal | None = None
    last_side: str = ""

    @classmethod
    def of(cls, book: OrderBook | Level3Book) -> BookView:
        """Read a live book; unless it is valid, the view has no levels."""
        depth = min(book.depth, _MOST_LEVELS)
        bids, asks = (
            (tuple(book.levels("bid", depth)), tuple(book.levels("ask", depth)))
            if book.is_valid
            else ((), ())
        )
        return cls(
            symbol=book.symbol,
            state=book.state,
            depth=depth,
            bids=bids,
            asks=asks,
            verified=book.verified_count,
            mismatches=book.mismatch_count,
            subscribed=book.depth,
            age=_age(book),
        )

    @classmethod
    def of_orders(cls, book: Level3Book) -> BookView:
        """Read a live book with its single orders."""
        view = cls.of(book)
        if not book.is_valid:
            return view
        bids, asks = _queues(book, "bid", view.depth), _queues(book, "ask", view.depth)
        return replace(view, bid_queues=bids, ask_queues=asks)

    def with_trade(self, trade: TradeData | None) -> BookView:
        """Return the same book with the last trade of its pair."""
        if trade is None:
            return self
        return replace(self, last=trade.decimal("price"), last_side=trade.side)

    @property
    def has_orders(self) -> bool:
        """Whether single orders are known."""
        return bool(self.bid_queues or self.ask_queues)

    @property
    def is_given_up(self) -> bool:
        """Whether the client no longer resyncs the book."""
        return self.state == "quarantined"

    @property
    def best_bid(self) -> Decimal | None:
        """Price of the best bid."""
        return self.bids[0][0] if self.bids else None

    @property
    def best_ask(self) -> Decimal | None:
        """Price of the best ask."""
        return self.asks[0][0] if self.asks else None

    @property
    def spread(self) -> Decimal | None:
        """Best ask minus best bid."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return self.best_ask - self.best_bid

    @property
    def spread_bp(self) -> Decimal | None:
        """The spread in hundredths of a percent of the mid price."""
        if self.spread is None or self.best_bid is None or self.best_ask is None:
            return None
        return 20_000 * self.spread / (self.best_ask + self.best_bid)

    @cached_property
    def widths(self) -> tuple[int, int]:
        """Characters of the longest price and of the longest quantity."""
        rows = (*self.bids, *self.asks)
        prices = max((len(f"{price:f}") for price, _ in rows), default=0)
        return prices, max((len(f"{qty:f}") for _, qty in rows), default=0)


def _age(book: OrderBook | Level3Book) -> float | None:
    received = book.received_ns
    return None if received is None else max(time.time_ns() - received, 0) / 1e9


def _queues(book: Level3Book, side: Literal["bid", "ask"], depth: int) -> tuple[Queue, ...]:
    """Return the orders of each price, best first."""
    return tuple(
        tuple(order.order_qty for order in orders)
        for _, orders in groupby(book.orders(side, depth), lambda order: order.limit_price)
    )
