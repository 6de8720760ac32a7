"""Orders that wait for a trigger price: stop-loss, take-profit and trailing stops.

The reference is always the last trade of the market. A stop-loss sells when the price falls to its
level and buys when it rises to it; a take-profit does the opposite; a trailing stop is a stop-loss
whose level follows the best price at a distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from .order import TRAILING_TYPES, Order


class Triggers:
    """The orders that wait, by symbol, oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, Order]] = {}

    def add(self, order: Order) -> None:
        """Add an order."""
        self._waiting.setdefault(order.pair.symbol, {})[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Remove an order, if it is there."""
        self._waiting.get(order.pair.symbol, {}).pop(order.order_id, None)

    def observe(self, symbol: str, last: Decimal, now_ns: int) -> Iterator[Order]:
        """Apply a new last price.

        Yields:
            The orders whose trigger moved or was reached; the latter are removed.
        """
        for order in list(self._waiting.get(symbol, {}).values()):
            if order.waits and (follow(order, last) | trigger(order, last, now_ns)):
                if not order.waits:
                    self.remove(order)
                yield order


def follow(order: Order, last: Decimal) -> bool:
    """Move the level of a trailing stop after a better price; return whether it moved."""
    trigger = order.trigger
    if trigger is None or order.order_type not in TRAILING_TYPES:
        return False
    is_sale = order.side == "sell"
    if trigger.peak is not None and (last <= trigger.peak if is_sale else last >= trigger.peak):
        return False
    trigger.peak = last
    sign = -1 if is_sale else 1
    trigger.level = offset(order, last, sign * trigger.price, trigger.price_type)
    return True


def trigger(order: Order, last: Decimal, now_ns: int) -> bool:
    """Trigger an order if the price has reached its level; return whether it has."""
    waiting = order.trigger
    if waiting is None or not is_reached(order, last):
        return False
    waiting.triggered_ns, waiting.last_price = now_ns, last
    if order.limit_offset is not None:
        sign = -1 if order.side == "sell" else 1
        order.limit_price = offset(
            order, waiting.level, sign * order.limit_offset, order.limit_price_type
        )
    return True


def is_reached(order: Order, last: Decimal) -> bool:
    """Return whether a price triggers an order."""
    assert order.trigger is not None
    falling = (order.side == "sell") != order.order_type.startswith("take-profit")
    return last <= order.trigger.level if falling else last >= order.trigger.level


def offset(order: Order, reference: Decimal, value: Decimal, price_type: str) -> Decimal:
    """Return the price of a value that is a price, or an offset or percentage of a reference."""
    if price_type == "static":
        price = value
    elif price_type == "pct":
        price = reference * (1 + value / 100)
    else:
        price = reference + value
    tick = Decimal(1).scaleb(-order.pair.price_precision)
    return price.quantize(tick, ROUND_HALF_EVEN)
