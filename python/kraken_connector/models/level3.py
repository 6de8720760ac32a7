"""Channel `level3`: individual orders of the book."""

from __future__ import annotations

from decimal import Decimal

from .base import Model, model
from .timestamps import Timestamped


@model
class Level3Order(Timestamped):
    """One order of a book, or a change of it.

    Attributes:
        order_id: the exchange's id, `OXXXXX-XXXXX-XXXXXX`.
        limit_price: limit price in quote currency, with the digits that were sent.
        order_qty: remaining visible quantity in base currency; may be absent in a `delete`.
        timestamp: RFC 3339 time of insertion or of the last amendment.
        event: `add`, `modify` or `delete`; absent in snapshots and in orders that a book returns.
    """

    order_id: str
    limit_price: Decimal
    order_qty: Decimal
    timestamp: str
    event: str | None = None


@model
class Level3Data(Timestamped):
    """A snapshot or an update of one pair's orders.

    Attributes:
        symbol: currency pair, `BTC/USD`.
        bids: changed bid orders; in a snapshot all of them, best price first, in queue order.
        asks: changed ask orders; in a snapshot all of them, best price first, in queue order.
        checksum: CRC-32 of the orders of the ten best levels of both sides after this message.
        timestamp: RFC 3339 time of the exchange.
    """

    symbol: str
    bids: list[Level3Order]
    asks: list[Level3Order]
    checksum: int | None = None
    timestamp: str | None = None


@model
class QueuePosition(Model):
    """The position of an order in the queue of its price.

    Hidden quantity of other orders is not known and not included.

    Attributes:
        orders_ahead: orders that are filled before it.
        qty_ahead: their quantity in base currency.
        orders: all orders of the price, this one included.
        qty: their quantity in base currency.
    """

    orders_ahead: int
    qty_ahead: Decimal
    orders: int
    qty: Decimal
