"""The account's orders in the book of one market, and their positions in the queues.

The queue model is price-time priority, as far as levels show it. An order joins behind everything
at its price. Quantity that others add later joins behind it, and quantity that others cancel leaves
from the end, so that only trades move the account's orders forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..book import LevelKey, Side


@dataclass(eq=False, slots=True)
class OwnOrder:
    """An order of the account in the book.

    Attributes:
        lots: the quantity that the book shows.
        ahead: lots of others in front of it at this price.
    """

    order_id: str
    side: Side
    ticks: int
    lots: int
    ahead: int


class OwnOrders:
    """The account's orders in one book, by price and time."""

    def __init__(self) -> None:
        self._queues: dict[LevelKey, list[OwnOrder]] = {}
        self._orders: dict[str, OwnOrder] = {}

    def get(self, order_id: str) -> OwnOrder | None:
        """Return an order, if it is in the book."""
        return self._orders.get(order_id)

    def queue(self, side: Side, ticks: int) -> Sequence[OwnOrder]:
        """Return the account's orders at a price, first to trade first."""
        return self._queues.get((side, ticks), ())

    def lots(self, side: Side, ticks: int) -> int:
        """Return the account's quantity at a price."""
        return sum(order.lots for order in self.queue(side, ticks))

    def first(self, side: Side, ticks: int) -> OwnOrder | None:
        """Return the account's first order at a price."""
        queue = self.queue(side, ticks)
        return queue[0] if queue else None

    def prices(self, side: Side) -> list[int]:
        """Return the prices of the account's orders in ticks, best first."""
        ticks = (ticks for each, ticks in self._queues if each == side)
        return sorted(ticks, reverse=side == "bid")

    def join(self, order_id: str, side: Side, ticks: int, lots: int, others: int) -> None:
        """Add an order behind `others` lots at its price."""
        order = OwnOrder(order_id, side, ticks, lots, others)
        self._orders[order_id] = order
        self._queues.setdefault((side, ticks), []).append(order)

    def leave(self, order_id: str) -> OwnOrder:
        """Remove an order."""
        order = self._orders.pop(order_id)
        queue = self._queues[order.side, order.ticks]
        queue.remove(order)
        if not queue:
            del self._queues[order.side, order.ticks]
        return order

    def limit_ahead(self, side: Side, ticks: int, others: int) -> None:
        """Apply that others have no more than `others` lots at a price."""
        for order in self.queue(side, ticks):
            order.ahead = min(order.ahead, others)

    def trade(self, side: Side, ticks: int, lots: int) -> Iterator[tuple[OwnOrder | None, int]]:
        """Trade `lots` at a price, in the order of the queue.

        Yields:
            An order of the account, or `None` for all others, and the lots that it traded.
        """
        queue = list(self.queue(side, ticks))
        from_others = 0
        filled: list[tuple[OwnOrder, int]] = []
        for order in queue:
            before = min(lots, order.ahead - from_others)
            from_others += before
            own = min(lots - before, order.lots)
            lots -= before + own
            if own:
                filled.append((order, own))
        from_others += lots
        for order in queue:
            order.ahead = max(0, order.ahead - from_others)
        if from_others:
            yield None, from_others
        for order, own in filled:
            order.lots -= own
            if not order.lots:
                self.leave(order.order_id)
            yield order, own
