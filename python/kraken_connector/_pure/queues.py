"""One side of a book of individual orders: a queue for each price."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise

from .amendments import MOST_UNDECIDED, AmendedOrder
from .checksum import LEVELS, join_top, level_digits
from .decimal import NumberError, rescale
from .order_data import OrderRow

#: Numbers stay below this at the scales of the book.
LIMIT = 10**30
#: The time of an order without one that is first in its queue.
_ALWAYS = -(2**127)


class RestingOrder:
    """An order in the book; `key` is its price on the bid side, the negated price on the other."""

    __slots__ = ("key", "order_id", "qty", "time", "timestamp", "turn")

    def __init__(self, row: OrderRow, key: int) -> None:
        self.order_id = row.order_id
        self.key = key
        self.qty = row.qty
        self.timestamp = row.timestamp
        #: The same in ns since the epoch.
        self.time = _ALWAYS
        #: What the queue is sorted by.
        self.turn = 0


class Queue:
    """The orders of one price, first come first served: their turns ascend.

    A `dict` by id keeps its order, so an order leaves as quickly as one is added at the back.
    """

    __slots__ = ("amended", "digits", "is_fresh", "orders", "qty")

    def __init__(self) -> None:
        self.orders: dict[str, RestingOrder] = {}
        self.qty = 0
        #: What the queue contributes to the checksum, until it changes.
        self.digits: bytes | None = None
        #: Whether the digits were put together anew since the last `confirm`.
        self.is_fresh = False
        #: Undecided orders by id, the last amended at the end.
        self.amended: dict[str, AmendedOrder] = {}

    def push(self, order: RestingOrder, time: int | None, turn: int) -> bool:
        """Add an order at the back; without a `time` it counts as old as the last one.

        Returns:
            Whether it is older than the last one.
        """
        youngest = next(reversed(self.orders.values()), None)
        if time is None:
            time = _ALWAYS if youngest is None else youngest.time
        order.time, order.turn = time, turn
        self.qty += order.qty
        self.digits = None
        self.orders[order.order_id] = order
        return youngest is not None and youngest.time > time

    def release(self, order: RestingOrder) -> None:
        del self.orders[order.order_id]
        self.amended.pop(order.order_id, None)
        self.qty -= order.qty
        self.digits = None

    def change(self, order: RestingOrder, qty: int) -> None:
        self.qty += qty - order.qty
        order.qty = qty
        self.digits = None

    def amend(self, order: RestingOrder, is_raised: bool, requeues: bool, turn: int) -> None:
        """Record an amendment of an order, and move it to the back if it `requeues`."""
        order_id = order.order_id
        is_last = next(reversed(self.orders)) == order_id
        if len(self.orders) == 1 or (is_last and not self.amended):
            return
        amended = self.amended.pop(order_id, None) or AmendedOrder(order.turn)
        if len(self.amended) >= MOST_UNDECIDED:
            del self.amended[next(iter(self.amended))]
        latest = {"raised": turn} if is_raised else {"lowered": turn}
        self.amended[order_id] = amended._replace(**latest)
        if requeues:
            order.turn = turn
            self.orders[order_id] = self.orders.pop(order_id)

    def sort(self, key: Callable[[RestingOrder], int]) -> None:
        """Sort the orders, equal ones as they are; a sorted queue keeps its digits."""
        now = list(self.orders.values())
        orders = sorted(now, key=key)
        if orders == now:
            return
        self.orders = {order.order_id: order for order in orders}
        self.digits = None

    def accept(self) -> None:
        """Keep the present order: the turns are given out anew, and nothing is undecided."""
        turns = [order.turn for order in self.orders.values()]
        if all(one < other for one, other in pairwise(turns)):
            return
        for order, turn in zip(self.orders.values(), sorted(turns), strict=True):
            order.turn = turn
        self.amended.clear()

    def confirm(self) -> Iterator[tuple[int, AmendedOrder]]:
        """Decide the positions that a matching checksum proves; yield the turns that it proves."""
        if not self.is_fresh:
            return
        self.is_fresh = False
        if not self.amended:
            return
        orders = list(self.orders.values())
        is_any_undecided = False
        for order_id, amended in list(self.amended.items()):
            order = self.orders[order_id]
            differs = _would_differ(orders, order, amended)
            if differs:
                del self.amended[order_id]
                yield order.turn, amended
            is_any_undecided |= differs is False
        if not is_any_undecided:
            self.amended.clear()


def _would_differ(
    orders: list[RestingOrder], order: RestingOrder, amended: AmendedOrder
) -> bool | None:
    """Return whether the digits would differ with the order in any of its other positions; `None`
    when no order is in between."""
    found = None
    for turn in amended.turns():
        low, high = sorted((turn, order.turn))
        quantities = {other.qty for other in orders if low < other.turn < high}
        if quantities == {order.qty}:
            return False
        if quantities:
            found = True
    return found


class Queues:
    """The queues of one side, the best at the end as in `Ladder`."""

    __slots__ = ("_by_key", "_sign", "_top", "keys")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self.keys: list[int] = []
        self._by_key: dict[int, Queue] = {}
        self._top: bytes | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, price: int) -> int:
        return price * self._sign

    def at(self, order: RestingOrder) -> Queue:
        """Return the queue of an order."""
        return self._by_key[order.key]

    def change(self, order: RestingOrder, qty: int) -> None:
        """Change the quantity of an order that keeps its position."""
        self._top = None
        self.at(order).change(order, qty)

    def push(self, order: RestingOrder, time: int | None, turn: int) -> bool:
        """Put an order at the back of the queue of its price; return whether it is older than the
        order ahead of it."""
        self._top = None
        queue = self._by_key.get(order.key)
        if queue is None:
            queue = self._by_key[order.key] = Queue()
            self.keys.insert(bisect_left(self.keys, order.key), order.key)
        return queue.push(order, time, turn)

    def release(self, order: RestingOrder) -> None:
        """Remove an order from its queue."""
        self._top = None
        queue = self.at(order)
        queue.release(order)
        if not queue.orders:
            del self._by_key[order.key], self.keys[bisect_left(self.keys, order.key)]

    def top(self) -> list[Queue]:
        """Return the queues that count for the checksum, best first."""
        return [self._by_key[key] for key in self._best_first(LEVELS)]

    def sort_top(self, key: Callable[[RestingOrder], int]) -> None:
        """Sort the orders of the queues that count for the checksum, equal ones as they are."""
        self._top = None
        for queue in self.top():
            queue.sort(key)

    def cut(self, depth: int) -> list[RestingOrder]:
        """Remove the levels below the best `depth`, and return their orders."""
        excess = self.keys[: max(len(self.keys) - depth, 0)]
        if not excess:
            return []
        self._top = None
        del self.keys[: len(excess)]
        return [order for key in excess for order in self._by_key.pop(key).orders.values()]

    def check_widened(self, price_decimals: int, qty_decimals: int) -> None:
        """Check that all numbers may have so many more decimals.

        Raises:
            NumberError: one becomes too long.
        """
        for price, _ in self.levels():
            within_limit(rescale(price, 0, price_decimals))
        for order in self.orders():
            within_limit(rescale(order.qty, 0, qty_decimals))

    def widen(self, price_decimals: int, qty_decimals: int) -> None:
        """Give all numbers so many more decimals."""
        price_unit, qty_unit = 10**price_decimals, 10**qty_decimals
        for order in self.orders():
            order.key *= price_unit
            order.qty *= qty_unit
        for queue in self._by_key.values():
            queue.qty *= qty_unit
            queue.digits = None
        self.keys = [key * price_unit for key in self.keys]
        self._by_key = {key * price_unit: queue for key, queue in self._by_key.items()}
        self._top = None

    def top_digits(self) -> bytes:
        """Return the digits of the orders that count for the checksum."""
        if self._top is None:
            self._top = join_top([self._digits(key) for key in self.keys[-LEVELS:]])
        return self._top

    def _digits(self, key: int) -> bytes:
        queue = self._by_key[key]
        if queue.digits is None:
            price = self.key(key)
            orders = queue.orders.values()
            queue.digits = b"".join([level_digits(price, order.qty) for order in orders])
            queue.is_fresh = True
        return queue.digits

    def best_price(self) -> int | None:
        return self.key(self.keys[-1]) if self.keys else None

    def levels(self, depth: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield price and quantity, best first."""
        for key in self._best_first(depth):
            yield self.key(key), self._by_key[key].qty

    def orders(self, levels: int | None = None) -> Iterator[RestingOrder]:
        """Yield the orders of the best `levels` prices, those filled first in front."""
        for key in self._best_first(levels):
            yield from self._by_key[key].orders.values()

    def _best_first(self, depth: int | None) -> list[int]:
        return self.keys[slice(None, None if depth is None else -depth - 1, -1)]


def within_limit(number: int) -> int:
    """Return a number that a book of orders can hold.

    Raises:
        NumberError: it has too many digits.
    """
    if number >= LIMIT:
        raise NumberError(number)
    return number
