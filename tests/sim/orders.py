"""A reader of level3 messages that shares nothing with the package: text in lists."""

from __future__ import annotations

import zlib
from bisect import insort_right
from decimal import Decimal
from typing import Any, Literal, NamedTuple

Side = Literal["bids", "asks"]
SIDES: tuple[Side, Side] = ("bids", "asks")


class Order(NamedTuple):
    """An order as it stands in a message, numbers as text."""

    order_id: str
    price: str
    qty: str
    timestamp: str


class OrderReader:
    """Keeps the orders of one symbol as a client must, and checks every checksum with `zlib`."""

    def __init__(self, depth: int, *, cut_each_event: bool = False) -> None:
        self.depth = depth
        self.cut_each_event = cut_each_event
        self.sides: dict[Side, dict[str, list[Order]]] = {"bids": {}, "asks": {}}
        self.events: list[tuple[str, bool]] = []
        """Kind, and whether a modified order got a new timestamp."""

    def read(self, message: dict[str, Any]) -> None:
        """Apply one level3 message and check it."""
        (item,) = message["data"]
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for side in SIDES:
            for row in item[side]:
                self._apply(side, row)
            self._cut(side)
        assert self.checksum() == item["checksum"], message

    def orders(self, side: Side) -> list[Order]:
        """Return the orders, best price first, first to trade first."""
        return [order for price in self.prices(side) for order in self.sides[side][price]]

    def levels(self, side: Side) -> list[tuple[Decimal, Decimal]]:
        """Return price and quantity of every level, best first."""
        return [
            (Decimal(price), sum((Decimal(order.qty) for order in queue), Decimal(0)))
            for price in self.prices(side)
            for queue in (self.sides[side][price],)
        ]

    def prices(self, side: Side) -> list[str]:
        """Return the prices, best first."""
        return sorted(self.sides[side], key=Decimal, reverse=side == "bids")

    def checksum(self) -> int:
        """Return the CRC-32 of every order in the ten best levels of both sides."""
        numbers = [
            text
            for side in ("asks", "bids")
            for price in self.prices(side)[:10]
            for order in self.sides[side][price]
            for text in (order.price, order.qty)
        ]
        return zlib.crc32("".join(text.replace(".", "").lstrip("0") for text in numbers).encode())

    def _apply(self, side: Side, row: dict[str, str]) -> None:
        kind = row.get("event", "add")
        order = Order(row["order_id"], row["limit_price"], row["order_qty"], row["timestamp"])
        queue = self.sides[side].setdefault(order.price, [])
        known = {known.order_id: known for known in queue}.get(order.order_id)
        assert (known is None) == (kind == "add"), (kind, order)
        if known is not None and kind == "modify" and known.timestamp == order.timestamp:
            queue[queue.index(known)] = order
        else:
            if known is not None:
                queue.remove(known)
            if kind != "delete":
                insort_right(queue, order, key=lambda other: other.timestamp)
        self.events.append((kind, known is not None and known.timestamp != order.timestamp))
        if not queue:
            del self.sides[side][order.price]
        if self.cut_each_event:
            self._cut(side)

    def _cut(self, side: Side) -> None:
        for price in self.prices(side)[self.depth :]:
            del self.sides[side][price]
