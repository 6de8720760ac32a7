"""The book of one pair order by order, as channel `level3` shows it.

The documentation leaves some rules open, and no public capture shows them. This module decides
them, and no other:

- Orders of a snapshot, added ones and ones that come from another price go to the back of their
  queue, one after the other: snapshots list orders by queue priority (docs.kraken.com, WebSocket
  v2, level3).
- `add` of an order that is there replaces it.
- `modify` with the same timestamp, or none, keeps the order's position; it is a fill. With another
  one it is an amendment: the order keeps its position if that lowered its quantity, else it goes to
  the back, which is priority by price and time. With another price or side it moves there.
- When the checksum fails, amended orders in the ten best levels are tried in their other position
  (see `amendments`), then the queues in the order of the timestamps, before the book turns stale.
  The rule that the checksums have proved more often is tried first.
- `modify` and `delete` of an order that is not there are ignored: it may have been cut off.
- An order without quantity is not in the book.
- An event that is not known is ignored. The checksum shows whether that was right.
- The entries of a message apply in order, bids first; then the book is cut to its depth, which
  counts price levels.

`OrderCounts` counts each of these cases, also in the messages that failed their checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import attrgetter

from .amendments import choices
from .book import Book
from .counts import OrderCounts
from .decimal import rescale
from .order_data import OrderRow
from .queues import Queue, Queues, RestingOrder, within_limit

_turn_of: Callable[[RestingOrder], int] = attrgetter("turn")
_time_of: Callable[[RestingOrder], int] = attrgetter("time")


class L3Book(Book):
    """The book of one pair order by order, cut to `depth` price levels a side."""

    __slots__ = ("_has_amended", "_turn", "counts", "orders")
    bids: Queues
    asks: Queues
    CHANNEL = "level3"
    DEPTHS = (10, 100, 1000)

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.bids, self.asks = Queues(1), Queues(-1)
        #: Orders by id, with their side.
        self.orders: dict[str, tuple[Queues, RestingOrder]] = {}
        self.counts = OrderCounts()
        #: The last turn that was given, and whether there may be undecided orders.
        self._turn = 0
        self._has_amended = False

    def levels_of(self, rows: list[OrderRow]) -> int:
        """Count the changes of price, since orders are listed level by level."""
        prices = [(row.price, row.price_scale) for row in rows]
        return bool(rows) + sum(one != other for one, other in pairwise(prices))

    def apply_snapshot(self, bids: list[OrderRow], asks: list[OrderRow]) -> None:
        scales = _scales((0, 0), bids + asks, (None, "add"))
        self.bids, self.asks = Queues(1), Queues(-1)
        self.orders.clear()
        self._has_amended = False
        self.price_scale, self.qty_scale = scales
        self._apply(bids, asks, self._add_listed)

    def apply_update(self, bids: list[OrderRow], asks: list[OrderRow]) -> None:
        now = self.price_scale, self.qty_scale
        scales = _scales(now, bids + asks, ("add", "modify"))
        if scales != now:
            self._widen(scales[0] - now[0], scales[1] - now[1])
        self._apply(bids, asks, self._change)

    def _widen(self, price_decimals: int, qty_decimals: int) -> None:
        for side in (self.bids, self.asks):
            side.check_widened(price_decimals, qty_decimals)
        for side in (self.bids, self.asks):
            side.widen(price_decimals, qty_decimals)
        self.price_scale += price_decimals
        self.qty_scale += qty_decimals

    def _apply(
        self,
        bids: list[OrderRow],
        asks: list[OrderRow],
        apply: Callable[[Queues, OrderRow], str],
    ) -> None:
        self.counts.start_message()
        for side, rows in ((self.bids, bids), (self.asks, asks)):
            for row in rows:
                self.counts.add(apply(side, row))
        self.cut()

    def cut(self) -> None:
        for side in (self.bids, self.asks):
            for order in side.cut(self.depth):
                del self.orders[order.order_id]

    def count_mismatch(self) -> None:
        self.counts.count_mismatch()

    def _add_listed(self, side: Queues, row: OrderRow) -> str:
        """Add an order of a snapshot; return the kind of the entry."""
        if row.event not in (None, "add"):
            return "unknown_event"
        kind = self._add(side, row)
        return {"add": "snapshot", "add_older": "snapshot_older"}.get(kind, kind)

    def _change(self, side: Queues, row: OrderRow) -> str:
        """Apply an entry of an update; return its kind."""
        if row.event == "add":
            return self._add(side, row)
        if row.event == "modify":
            return self._modify(side, row)
        if row.event == "delete":
            return "delete_unknown" if self._remove(row.order_id) is None else "delete"
        return "unknown_event"

    def _add(self, side: Queues, row: OrderRow) -> str:
        known = self._remove(row.order_id)
        price, qty = self._scaled(row)
        if not qty:
            return "empty"
        order = RestingOrder(row, side.key(price))
        order.qty = qty
        is_older = self._push(side, order, row.time)
        if known is not None:
            return "add_known"
        return "add_older" if is_older else "add"

    def _modify(self, side: Queues, row: OrderRow) -> str:
        known = self.orders.get(row.order_id)
        if known is None:
            return "modify_unknown"
        (from_side, order), (price, qty) = known, self._scaled(row)
        if not qty:
            self._remove(row.order_id)
            return "empty"
        is_amended = row.time not in (None, order.time)
        order.timestamp = row.timestamp or order.timestamp
        if from_side is not side or order.key != side.key(price):
            from_side.release(order)
            order.key, order.qty = side.key(price), qty
            self._push(side, order, row.time)
            return "modify_moved"
        is_raised = qty >= order.qty
        side.change(order, qty)
        if not is_amended:
            return "modify"
        order.time = row.time  # type: ignore[assignment]
        rule = self.counts.rule()
        requeues = rule.raised if is_raised else rule.lowered
        side.at(order).amend(order, is_raised, requeues, self._next_turn())
        self._has_amended = True
        return "modify_raised" if is_raised else "modify_lowered"

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn

    # Positions that only a checksum decides.

    def reconcile(self, expected: int) -> bool:
        return (self._has_amended and self._reconcile_amended(expected)) or self._reconcile_by_time(
            expected
        )

    def _reconcile_amended(self, expected: int) -> bool:
        """Try other positions of the undecided orders."""
        undecided = [
            (amended, queue.orders[order_id])
            for queue in self._top_queues()
            for order_id, amended in queue.amended.items()
        ]
        undecided.sort(key=lambda one: one[0].latest, reverse=True)
        amended, orders = [amended for amended, _ in undecided], [order for _, order in undecided]
        now = [order.turn for order in orders]
        for turns in choices(amended, now):
            if turns != now and self._fits(orders, turns, expected):
                return True
        self._fits(orders, now, expected)
        return False

    def _fits(self, orders: list[RestingOrder], turns: list[int], expected: int) -> bool:
        """Give the orders these turns; return whether the book has the checksum then."""
        for order, turn in zip(orders, turns, strict=True):
            order.turn = turn
        self._sort_top(_turn_of)
        return self.checksum() == expected

    def _reconcile_by_time(self, expected: int) -> bool:
        """Try the queues in the order of the timestamps."""
        self._sort_top(_time_of)
        if self.checksum() != expected:
            self._sort_top(_turn_of)
            return False
        for queue in self._top_queues():
            queue.accept()
        self.counts.placements["by_time"] += 1
        return True

    def confirm(self) -> None:
        if self._has_amended:
            for queue in self._top_queues():
                for turn, amended in queue.confirm():
                    self.counts.prove(turn, amended)

    def _top_queues(self) -> list[Queue]:
        return self.bids.top() + self.asks.top()

    def _sort_top(self, key: Callable[[RestingOrder], int]) -> None:
        self.bids.sort_top(key)
        self.asks.sort_top(key)

    def _push(self, side: Queues, order: RestingOrder, time: int | None) -> bool:
        self.orders[order.order_id] = side, order
        return side.push(order, time, self._next_turn())

    def _remove(self, order_id: str) -> RestingOrder | None:
        known = self.orders.pop(order_id, None)
        if known is None:
            return None
        side, order = known
        side.release(order)
        return order

    def _scaled(self, row: OrderRow) -> tuple[int, int]:
        price = rescale(row.price, row.price_scale, self.price_scale)
        return price, rescale(row.qty, row.qty_scale, self.qty_scale)


def _scales(
    scales: tuple[int, int], rows: Iterable[OrderRow], events: tuple[str | None, ...]
) -> tuple[int, int]:
    """Return the scales that the rows with these events need beyond `scales`.

    Raises:
        NumberError: a number is too long there.
    """
    orders = [row for row in rows if row.event in events]
    price_scale = max([scales[0], *(row.price_scale for row in orders)])
    qty_scale = max([scales[1], *(row.qty_scale for row in orders)])
    for row in orders:
        within_limit(rescale(row.price, row.price_scale, price_scale))
        within_limit(rescale(row.qty, row.qty_scale, qty_scale))
    return price_scale, qty_scale
