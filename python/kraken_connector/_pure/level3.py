"""The book of one pair order by order, as channel `level3` shows it.

The documentation leaves some rules open and no public capture settles them. What is done here, and
nowhere else:

- Orders of a snapshot, added ones and ones that come from another price go to the back of their
  queue, one after the other: snapshots list orders by queue priority (docs.kraken.com, WebSocket
  v2, level3).
- `add` of an order that is there replaces it.
- `modify` with the same timestamp, or none, keeps the order's place; it is a fill. With another one
  it is an amendment: the order keeps its place if that lowered its quantity, else it goes to the
  back, which is priority by price and time. With another price or side it moves there.
- When the checksum fails, amendments of orders in the ten best levels are placed the other way (see
  `doubts`), then the queues are tried in the order of the timestamps, before the book is given up.
  What the checksums have proved more often is what is done first from then on.
- `modify` and `delete` of an order that is not there are ignored: it may have been cut off.
- An order without quantity is not in the book.
- An event that is not known is ignored. The checksum tells whether that was right.
- The entries of a message apply in order, bids first; then the book is cut to its depth, which
  counts price levels.

`event_counts` counts each of these cases, `mismatch_counts` those of messages that failed,
`placement_counts` what the checksums have proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import attrgetter, index
from typing import Any, final

from ..models import Level3Order, QueuePosition
from .base_book import BaseBook, Side, number_of
from .docs import documented
from .doubts import Doubt, Rule, choices
from .lock import locked
from .numbers import rescale, to_decimal
from .order_data import UNKNOWN, OrderRow, order_row
from .queues import Queue, Queues, RestingOrder, within_limit

_KINDS = (
    "snapshot",
    "snapshot_older",
    "add",
    "add_older",
    "add_known",
    "modify",
    "modify_lowered",
    "modify_raised",
    "modify_moved",
    "modify_unknown",
    "delete",
    "delete_unknown",
    "empty",
    "unknown_event",
)
_PLACEMENTS = ("lowered_kept", "lowered_requeued", "raised_kept", "raised_requeued", "by_time")
_turn_of: Callable[[RestingOrder], int] = attrgetter("turn")
_time_of: Callable[[RestingOrder], int] = attrgetter("time")


@final
@documented
class Level3Book(BaseBook):
    __slots__ = (
        "_entries",
        "_has_doubts",
        "_latest",
        "_mismatches",
        "_orders",
        "_placements",
        "_turn",
    )
    _bids: Queues
    _asks: Queues
    _depths = (10, 100, 1000)

    def __init__(self, symbol: str, depth: int = 10) -> None:
        super().__init__(symbol, depth)
        #: Orders by id, with their side.
        self._orders: dict[str, tuple[Queues, RestingOrder]] = {}
        self._entries = dict.fromkeys(_KINDS, 0)
        self._mismatches = dict.fromkeys(_KINDS, 0)
        self._placements = dict.fromkeys(_PLACEMENTS, 0)
        #: The last turn that was given, and whether there may be orders whose place is open.
        self._turn = 0
        self._has_doubts = False
        #: The kinds of entries in the last message.
        self._latest: set[str] = set()

    def _empty_sides(self) -> tuple[Queues, Queues]:
        return Queues(1), Queues(-1)

    # Writing.

    def _rows_of(self, rows: Any) -> list[OrderRow]:
        return [_row_of(order) for order in rows]

    def _levels_of(self, rows: list[OrderRow]) -> int:
        """Count the changes of price, since orders are listed level by level."""
        prices = [(row.price, row.price_scale) for row in rows]
        return bool(rows) + sum(one != other for one, other in pairwise(prices))

    def _replace(self, bids: list[OrderRow], asks: list[OrderRow]) -> None:
        scales = _scales((0, 0), bids + asks, (None, "add"))
        self._bids, self._asks = self._empty_sides()
        self._orders.clear()
        self._has_doubts = False
        self._price_scale, self._qty_scale = scales
        self._apply(bids, asks, self._list)

    def _update(self, bids: list[OrderRow], asks: list[OrderRow]) -> None:
        now = self._price_scale, self._qty_scale
        scales = _scales(now, bids + asks, ("add", "modify"))
        if scales != now:
            self._widen(scales[0] - now[0], scales[1] - now[1])
        self._apply(bids, asks, self._change)

    def _widen(self, price_decimals: int, qty_decimals: int) -> None:
        for side in (self._bids, self._asks):
            side.check_widened(price_decimals, qty_decimals)
        for side in (self._bids, self._asks):
            side.widen(price_decimals, qty_decimals)
        self._price_scale += price_decimals
        self._qty_scale += qty_decimals

    def _apply(
        self,
        bids: list[OrderRow],
        asks: list[OrderRow],
        apply: Callable[[Queues, OrderRow], str],
    ) -> None:
        self._latest.clear()
        for side, rows in ((self._bids, bids), (self._asks, asks)):
            for row in rows:
                kind = apply(side, row)
                self._entries[kind] += 1
                self._latest.add(kind)
        self._cut(self._depth)

    def _cut(self, depth: int) -> None:
        self._depth = depth
        for side in (self._bids, self._asks):
            for order in side.cut(depth):
                del self._orders[order.order_id]

    def _note_mismatch(self) -> None:
        for kind in self._latest:
            self._mismatches[kind] += 1

    def _list(self, side: Queues, row: OrderRow) -> str:
        """Take in an entry of a snapshot; return what became of it."""
        if row.event not in (None, "add"):
            return "unknown_event"
        kind = self._add(side, row)
        return {"add": "snapshot", "add_older": "snapshot_older"}.get(kind, kind)

    def _change(self, side: Queues, row: OrderRow) -> str:
        """Apply an entry of an update; return what became of it."""
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
        is_older = self._take(side, order, row.time)
        if known is not None:
            return "add_known"
        return "add_older" if is_older else "add"

    def _modify(self, side: Queues, row: OrderRow) -> str:
        known = self._orders.get(row.order_id)
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
            self._take(side, order, row.time)
            return "modify_moved"
        is_raised = qty >= order.qty
        side.change(order, qty)
        if not is_amended:
            return "modify"
        order.time = row.time  # type: ignore[assignment]
        requeues = self._rule().raised if is_raised else self._rule().lowered
        side.at(order).amend(order, is_raised, requeues, self._next_turn())
        self._has_doubts = True
        return "modify_raised" if is_raised else "modify_lowered"

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn

    def _rule(self) -> Rule:
        """Return the rule that was proved more often; before any proof, that of price and time."""
        proofs = self._placements
        return Rule(
            lowered=proofs["lowered_requeued"] > proofs["lowered_kept"],
            raised=proofs["raised_requeued"] >= proofs["raised_kept"],
        )

    # Places that only a checksum decides.

    def _reconcile(self, expected: int) -> bool:
        return (self._has_doubts and self._reconcile_open(expected)) or self._reconcile_by_time(
            expected
        )

    def _reconcile_open(self, expected: int) -> bool:
        """Place open orders the other way."""
        opened = [
            (doubt, queue.orders[order_id])
            for queue in self._top_queues()
            for order_id, doubt in queue.doubts.items()
        ]
        opened.sort(key=lambda one: one[0].latest, reverse=True)
        doubts, orders = [doubt for doubt, _ in opened], [order for _, order in opened]
        now = [order.turn for order in orders]
        for turns in choices(doubts, now):
            if turns != now and self._fits(orders, turns, expected):
                return True
        self._fits(orders, now, expected)
        return False

    def _fits(self, orders: list[RestingOrder], turns: list[int], expected: int) -> bool:
        """Give the orders these turns; return whether the book has the checksum then."""
        for order, turn in zip(orders, turns, strict=True):
            order.turn = turn
        self._sort_top(_turn_of)
        return self._computed() == expected

    def _reconcile_by_time(self, expected: int) -> bool:
        """Try the queues in the order of the timestamps."""
        self._sort_top(_time_of)
        if self._computed() != expected:
            self._sort_top(_turn_of)
            return False
        for queue in self._top_queues():
            queue.accept()
        self._placements["by_time"] += 1
        return True

    def _settle(self) -> None:
        if self._has_doubts:
            for queue in self._top_queues():
                for turn, doubt in queue.settle():
                    self._prove(turn, doubt)

    def _prove(self, turn: int, doubt: Doubt) -> None:
        """Count what it proves that an open order has this turn. Of an amendment before that turn
        it proves nothing."""
        for kind, amended in (("lowered", doubt.lowered), ("raised", doubt.raised)):
            if amended >= turn:
                self._placements[f"{kind}_kept" if amended > turn else f"{kind}_requeued"] += 1

    def _top_queues(self) -> list[Queue]:
        return self._bids.top() + self._asks.top()

    def _sort_top(self, key: Callable[[RestingOrder], int]) -> None:
        self._bids.sort_top(key)
        self._asks.sort_top(key)

    def _take(self, side: Queues, order: RestingOrder, time: int | None) -> bool:
        self._orders[order.order_id] = side, order
        return side.take(order, time, self._next_turn())

    def _remove(self, order_id: str) -> RestingOrder | None:
        known = self._orders.pop(order_id, None)
        if known is None:
            return None
        side, order = known
        side.release(order)
        return order

    def _scaled(self, row: OrderRow) -> tuple[int, int]:
        price = rescale(row.price, row.price_scale, self._price_scale)
        return price, rescale(row.qty, row.qty_scale, self._qty_scale)

    # Reading.

    @locked
    def orders(self, side: Side, levels: int | None = None) -> list[Level3Order]:
        self._check_readable()
        if levels is not None and index(levels) < 0:
            raise ValueError(f"levels must not be negative, not {levels}")
        self._side(side)
        return self._shown(self._bids if side == "bid" else self._asks, levels)

    @locked
    def order(self, order_id: str) -> Level3Order | None:
        self._check_readable()
        known = self._orders.get(order_id)
        return None if known is None else self._show(*known)

    @locked
    def queue_position(self, order_id: str) -> QueuePosition | None:
        self._check_readable()
        known = self._orders.get(order_id)
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
        ahead, qty = (to_decimal(sum_, self._qty_scale) for sum_ in (qty_ahead, queue.qty))
        return QueuePosition(orders_ahead, ahead, len(queue.orders), qty)

    @locked
    def unverified_orders(self) -> tuple[list[Level3Order], list[Level3Order]]:
        return self._shown(self._bids), self._shown(self._asks)

    @property
    def order_count(self) -> int:
        return len(self._orders)

    @property
    @locked
    def event_counts(self) -> dict[str, int]:
        return dict(self._entries)

    @property
    @locked
    def mismatch_counts(self) -> dict[str, int]:
        return dict(self._mismatches)

    @property
    @locked
    def placement_counts(self) -> dict[str, int]:
        return dict(self._placements)

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
        price = to_decimal(side.key(order.key), self._price_scale)
        qty = to_decimal(order.qty, self._qty_scale)
        return Level3Order(order.order_id, price, qty, order.timestamp)  # type: ignore[arg-type]


def _row_of(order: Level3Order) -> OrderRow:
    event = order.event
    if event is not None and event not in ("add", "modify", "delete"):
        return UNKNOWN
    if event == "delete":
        return order_row(event, order.order_id)
    price = number_of("limit_price", order.limit_price)
    qty = number_of("order_qty", order.order_qty)
    return order_row(event, order.order_id, price, qty, order.timestamp)


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
