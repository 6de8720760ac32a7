"""An independent idea of a book of individual orders: a list of texts, sorted anew every time.

It shares nothing with the package. `OrderMarket` plays the exchange: orders that arrive, are
filled, amended and canceled, of which a subscriber sees the best levels; its messages are the
differences between two views.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from tests.oracle import SIDES, Side, number_text


class TextOrder(NamedTuple):
    """An order, everything as written."""

    order_id: str
    limit_price: str
    order_qty: str
    timestamp: str


class Order(NamedTuple):
    """An order of the market, in ticks, lots and ns."""

    order_id: str
    side: Side
    tick: int
    lots: int
    time: int
    #: Its priority at its price: a count of arrivals and of amendments that lose the priority.
    turn: int = 0


View = dict[str, Order]


class OrderMarket:
    """The exchange's side of one pair: `snapshot()` first, then `update()` again and again.

    An amendment has a new timestamp. `keeping` names those that keep the priority: `lowered` ones
    and `raised` ones, which do not lower its quantity; with `None` chance says it.
    """

    def __init__(
        self,
        symbol: str = "BTC/USD",
        depth: int = 10,
        *,
        seed: int = 0,
        price_decimals: int = 1,
        qty_decimals: int = 8,
        orders_a_level: int = 3,
        keeping: Collection[str] | None = ("lowered",),
    ) -> None:
        self.symbol = symbol
        self.depth = depth
        self._random = random.Random(seed)
        self._price_decimals = price_decimals
        self._qty_decimals = qty_decimals
        self._keeping = keeping
        self._middle = 100 * depth + self._random.randrange(500_000)
        self._clock = 0
        self._serial = 0
        self._turn = 0
        self._orders: View = {}
        #: What a subscriber saw last.
        self._seen: View = {}
        for _ in range(depth * 3 * orders_a_level):
            self._arrive()

    def snapshot(self) -> bytes:
        self._seen = self._view()
        rows = {side: [(None, order) for order in self._listed(side)] for side in SIDES}
        return self._message("snapshot", rows)

    def update(self, events: int | None = None) -> bytes:
        """Return what `events`, by default a few, change in the view of a subscriber."""
        for _ in range(events or self._random.choice((1, 1, 1, 2, 3, 6))):
            self._event()
        before, after = self._seen, self._view()
        self._seen = after
        changes = [*self._gone(before, after), *self._changed(before, after)]
        rows = {side: [(e, o) for e, o in changes if o.side == side] for side in SIDES}
        return self._message("update", rows)

    def orders(self, side: Side) -> list[TextOrder]:
        """Return what a subscriber must have, best price first, in each by priority."""
        return [self._text(order) for order in self._listed(side)]

    def levels(self, side: Side) -> list[tuple[str, str]]:
        """Return the same added up by price."""
        lots: dict[int, int] = {}
        for order in self._listed(side):
            lots[order.tick] = lots.get(order.tick, 0) + order.lots
        return [(self._price(tick), self._qty(sum_)) for tick, sum_ in lots.items()]

    def checksum(self) -> int:
        best = [text_order for side in ("asks", "bids") for text_order in self._best(side)]
        digits = [
            text.replace(".", "").lstrip("0") for _, price, qty, _ in best for text in (price, qty)
        ]
        return zlib.crc32("".join(digits).encode())

    def _best(self, side: Side) -> list[TextOrder]:
        prices = list(dict.fromkeys(order.limit_price for order in self.orders(side)))[:10]
        return [order for order in self.orders(side) if order.limit_price in prices]

    # What happens at the exchange.

    def _event(self) -> None:
        order = self._pick()
        event: Callable[[], object] = self._random.choice(
            [
                self._arrive,
                self._arrive,
                lambda: self._orders.pop(order.order_id),
                lambda: self._fill(order),
                lambda: self._put(order._replace(lots=self._lots())),
                lambda: self._put(order._replace(lots=self._lots(), time=self._now(1))),
                lambda: self._move(order),
            ]
        )
        event()

    def _arrive(self) -> None:
        self._serial += 1
        side = self._random.choice(SIDES)
        order_id = f"O{self._serial:05}-{self._random.randrange(10**5):05}-ABCDEF"
        self._put(Order(order_id, side, self._tick(side), self._lots(), self._now()))

    def _fill(self, order: Order) -> None:
        rest = order.lots - self._random.randint(1, order.lots)
        if rest:
            self._put(order._replace(lots=rest))
        else:
            del self._orders[order.order_id]

    def _move(self, order: Order) -> None:
        self._put(order._replace(tick=self._tick(order.side), time=self._now(1)))

    def _put(self, order: Order) -> None:
        known = self._orders.get(order.order_id)
        if known is None or known.tick != order.tick or self._loses_priority(known, order):
            self._turn += 1
            order = order._replace(turn=self._turn)
        self._orders[order.order_id] = order

    def _loses_priority(self, known: Order, order: Order) -> bool:
        kind = "raised" if order.lots >= known.lots else "lowered"
        if self._keeping is None:
            return order.time != known.time and self._random.random() < 0.5
        return order.time != known.time and kind not in self._keeping

    def _pick(self) -> Order:
        """Return an order, mostly near the top."""
        if len(self._orders) < 4 * self.depth:
            self._arrive()
        side = self._random.choice(SIDES)
        ranked = sorted((o for o in self._orders.values() if o.side == side), key=self._rank)
        if not ranked:
            return next(iter(self._orders.values()))
        return ranked[min(int(self._random.expovariate(0.1)), len(ranked) - 1)]

    def _tick(self, side: Side) -> int:
        sign = -1 if side == "bids" else 1
        return self._middle + sign * self._random.randint(1, 3 * self.depth)

    def _lots(self) -> int:
        return self._random.choice((1, 1_000, self._random.randrange(1, 10**12)))

    def _now(self, least: int = 0) -> int:
        """Return a time; now and then two orders share one."""
        self._clock += self._random.choice((least, 1, 1_000, 7_000_000))
        return self._clock

    # What a subscriber sees of it.

    def _rank(self, order: Order) -> tuple[int, int]:
        return (-order.tick if order.side == "bids" else order.tick, order.turn)

    def _view(self) -> View:
        """Return the orders of the best levels."""
        seen: View = {}
        for side in SIDES:
            orders = (order for order in self._orders.values() if order.side == side)
            ranked = sorted(orders, key=self._rank)
            best = list(dict.fromkeys(order.tick for order in ranked))[: self.depth]
            seen |= {order.order_id: order for order in ranked if order.tick in best}
        return seen

    def _listed(self, side: Side) -> list[Order]:
        return [order for order in self._seen.values() if order.side == side]

    def _gone(self, before: View, after: View) -> Iterable[tuple[str, Order]]:
        """Yield orders that left, except those of levels that only left the scope."""
        for order in before.values():
            exists = self._orders.get(order.order_id)
            left_the_scope = exists is not None and exists.tick == order.tick
            if order.order_id not in after and not left_the_scope:
                yield "delete", order

    def _changed(self, before: View, after: View) -> Iterable[tuple[str, Order]]:
        for order in after.values():
            known = before.get(order.order_id)
            if known is None:
                yield "add", order
            elif known != order:
                yield "modify", order

    # What is written.

    def _price(self, tick: int) -> str:
        return number_text(tick, self._price_decimals)

    def _qty(self, lots: int) -> str:
        return number_text(lots, self._qty_decimals)

    def _text(self, order: Order) -> TextOrder:
        seconds, nanos = divmod(order.time, 10**9)
        timestamp = f"2026-01-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        price, qty = self._price(order.tick), self._qty(order.lots)
        return TextOrder(order.order_id, price, qty, f"{timestamp}.{nanos:09}Z")

    def _message(self, kind: str, rows: dict[Side, list[tuple[str | None, Order]]]) -> bytes:
        bids, asks = ([(e, self._text(order)) for e, order in rows[side]] for side in SIDES)
        return level3_message(self.symbol, kind, bids, asks, self.checksum())


def level3_message(
    symbol: str,
    kind: str,
    bids: Iterable[tuple[str | None, TextOrder]],
    asks: Iterable[tuple[str | None, TextOrder]] = (),
    checksum: int | None = None,
) -> bytes:
    """Write a message as the exchange does, numbers spelled as given."""
    end = "" if checksum is None else f',"checksum":{checksum}'
    return (
        f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":{json.dumps(symbol)},'
        f'"bids":{_orders_text(bids)},"asks":{_orders_text(asks)}{end}}}]}}'
    ).encode()


def _orders_text(orders: Iterable[tuple[str | None, TextOrder]]) -> str:
    return "[" + ",".join(_order_text(event, order) for event, order in orders) + "]"


def _order_text(event: str | None, order: TextOrder) -> str:
    first = "" if event is None else f'"event":"{event}",'
    return (
        f'{{{first}"order_id":"{order.order_id}","limit_price":{order.limit_price},'
        f'"order_qty":{order.order_qty},"timestamp":"{order.timestamp}"}}'
    )
