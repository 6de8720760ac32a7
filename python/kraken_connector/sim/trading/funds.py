"""The funds that an order needs."""

from __future__ import annotations

from decimal import Decimal

from ..market import SimMarket, Taker
from .ledger import hold_of, with_taker_fee
from .order import Order


def need(market: SimMarket, order: Order) -> tuple[str, Decimal]:
    """Return the asset and the most that an order needs of it, fees included.

    Purchases without a limit need the cost at the present prices of the book.
    """
    if order.side == "buy" and order.limit_price is None and not order.waits:
        pair = order.pair
        rows = market.reach(Taker("buy", order.left_lots, is_own=True))
        value = Decimal(sum(ticks * lots for ticks, lots in rows))
        return pair.quote, with_taker_fee(value.scaleb(-pair.price_precision - pair.qty_precision))
    return hold_of(order)


def affordable(market: SimMarket, cash: Decimal) -> Decimal:
    """Return the quantity that `cash` buys from the book now, without fees."""
    pair = market.pair
    left = int(cash.scaleb(pair.price_precision + pair.qty_precision))
    bought = 0
    for ticks, lots in market.book.asks.rows(len(market.book.asks)):
        filled = min(lots, left // ticks)
        bought += filled
        left -= filled * ticks
        if filled < lots:
            break
    return pair.qty(bought)
