"""One side of a book of individual orders: a queue for each price."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from .checksum import join_top, level_digits
from .numbers import NumberError, rescale
from .order_data import OrderRow

#: Numbers stay below this at the scales of the book.
LIMIT = 10**30
#: The time of an order that comes without one into an empty queue.
_ALWAYS = -(2**127)


class RestingOrder:
    """An order in the book; `key` is its price on the bid side, the negated price on the other."""

    __slots__ = ("key", "order_id", "qty", "time", "timestamp")

    def __init__(self, row: OrderRow, key: int) -> None:
        self.order_id = row.order_id
        self.key = key
        self.qty = row.qty
        self.timestamp = row.timestamp
        #: What the queue goes by, in ns since the epoch.
        self.time = _ALWAYS


class Queue:
    """The orders of one price, first come first served.

    A `dict` by id keeps its order, so an order leaves as quickly as one is added at the back.
    """

    __slots__ = ("digits", "orders", "qty")

    def __init__(self) -> None:
        self.orders: dict[str, RestingOrder] = {}
        self.qty = 0
        #: What the queue contributes to the checksum, until it changes.
        self.digits: bytes | None = None

    def take(self, order: RestingOrder, time: int | None) -> bool:
        """Take in an order behind those that are not younger, without a `time` at the back.

        Returns:
            Whether it is ahead of others.
        """
        youngest = next(reversed(self.orders.values()), None)
        if time is None:
            time = _ALWAYS if youngest is None else youngest.time
        order.time = time
        self.qty += order.qty
        self.digits = None
        if youngest is None or youngest.time <= time:
            self.orders[order.order_id] = order
            return False
        waiting = list(self.orders.values())
        place = len(waiting)
        while place and waiting[place - 1].time > time:
            place -= 1
        waiting.insert(place, order)
        self.orders = {other.order_id: other for other in waiting}
        return True

    def release(self, order: RestingOrder) -> None:
        del self.orders[order.order_id]
        self.qty -= order.qty
        self.digits = None

    def change(self, order: RestingOrder, qty: int) -> None:
        self.qty += qty - order.qty
        order.qty = qty
        self.digits = None


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
        """Return the queue that an order stands in."""
        return self._by_key[order.key]

    def change(self, order: RestingOrder, qty: int) -> None:
        """Give an order another quantity where it stands."""
        self._top = None
        self.at(order).change(order, qty)

    def take(self, order: RestingOrder, time: int | None) -> bool:
        """Put an order into the queue of its price; return whether it is ahead of others."""
        self._top = None
        queue = self._by_key.get(order.key)
        if queue is None:
            queue = self._by_key[order.key] = Queue()
            self.keys.insert(bisect_left(self.keys, order.key), order.key)
        return queue.take(order, time)

    def release(self, order: RestingOrder) -> None:
        """Take an order out of its queue."""
        self._top = None
        queue = self.at(order)
        queue.release(order)
        if not queue.orders:
            del self._by_key[order.key], self.keys[bisect_left(self.keys, order.key)]

    def cut(self, depth: int) -> list[RestingOrder]:
        """Forget the levels below the best `depth`, and return their orders."""
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
            self._top = join_top([self._digits(key) for key in self.keys[-10:]])
        return self._top

    def _digits(self, key: int) -> bytes:
        queue = self._by_key[key]
        if queue.digits is None:
            price = self.key(key)
            orders = queue.orders.values()
            queue.digits = b"".join([level_digits(price, order.qty) for order in orders])
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
