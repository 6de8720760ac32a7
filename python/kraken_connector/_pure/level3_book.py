"""`Level3Book`: the book of one pair order by order."""

from __future__ import annotations

from operator import index
from typing import Any, final

from ..models import Level3Order, QueuePosition
from .book import Side
from .book_handle import BookHandle, caller_number
from .decimal import to_decimal
from .docs import documented
from .l3 import L3Book
from .lock import locked
from .order_data import UNKNOWN, OrderRow, order_row
from .queues import Queues, RestingOrder


@final
@documented
class Level3Book(BookHandle[L3Book]):
    __slots__ = ()
    _kind = L3Book

    def _caller_rows(self, rows: Any) -> list[OrderRow]:
        return [_row_of(order) for order in rows]

    @locked
    def orders(self, side: Side, levels: int | None = None) -> list[Level3Order]:
        self._check_readable()
        if levels is not None and index(levels) < 0:
            raise ValueError(f"levels must not be negative, not {levels}")
        self._side(side)
        return self._shown(self._book.bids if side == "bid" else self._book.asks, levels)

    @locked
    def order(self, order_id: str) -> Level3Order | None:
        self._check_readable()
        known = self._book.orders.get(order_id)
        return None if known is None else self._show(*known)

    @locked
    def queue_position(self, order_id: str) -> QueuePosition | None:
        self._check_readable()
        known = self._book.orders.get(order_id)
        if known is None:
            return None
        side, order = known
        queue = side.at(order)
        orders_ahead = qty_ahead = 0
        for other in queue.orders.values():
            if other is order:
                break
            orders_ahead += 1
            qty_ahead += other.qty
        ahead, qty = (to_decimal(sum_, self._book.qty_scale) for sum_ in (qty_ahead, queue.qty))
        return QueuePosition(orders_ahead, ahead, len(queue.orders), qty)

    @locked
    def unverified_orders(self) -> tuple[list[Level3Order], list[Level3Order]]:
        return self._shown(self._book.bids), self._shown(self._book.asks)

    @property
    def order_count(self) -> int:
        return len(self._book.orders)

    @property
    @locked
    def event_counts(self) -> dict[str, int]:
        return dict(self._book.counts.entries)

    @property
    @locked
    def mismatch_counts(self) -> dict[str, int]:
        return dict(self._book.counts.mismatches)

    @property
    @locked
    def placement_counts(self) -> dict[str, int]:
        return dict(self._book.counts.placements)

    def _plain_rows(self, side: Queues, exact: bool) -> list[dict[str, Any]]:
        rows = []
        for order in side.orders():
            price, qty = self._numbers(side.key(order.key), order.qty, exact)
            row = {"order_id": order.order_id, "limit_price": price, "order_qty": qty}
            rows.append({**row, "timestamp": order.timestamp})
        return rows

    def _shown(self, side: Queues, levels: int | None = None) -> list[Level3Order]:
        return [self._show(side, order) for order in side.orders(levels)]

    def _show(self, side: Queues, order: RestingOrder) -> Level3Order:
        price = to_decimal(side.key(order.key), self._book.price_scale)
        qty = to_decimal(order.qty, self._book.qty_scale)
        return Level3Order(order.order_id, price, qty, order.timestamp)  # type: ignore[arg-type]


def _row_of(order: Level3Order) -> OrderRow:
    event = order.event
    if event is not None and event not in ("add", "modify", "delete"):
        return UNKNOWN
    if event == "delete":
        return order_row(event, order.order_id)
    price = caller_number("limit_price", order.limit_price)
    qty = caller_number("order_qty", order.order_qty)
    return order_row(event, order.order_id, price, qty, order.timestamp)
