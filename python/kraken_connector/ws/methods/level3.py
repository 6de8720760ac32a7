"""What `KrakenWSClient` can tell of individual orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..._backend import Level3Book
from ...models import QueuePosition
from ..base.callbacks import Callback
from ..orders.queue_watch import QueueWatch, QueueWatches
from ..pool.pool import Pool

__all__ = ["Level3Methods"]


class PlacedOrder(Protocol):
    """An order that the exchange knows, such as those of `client.orders`."""

    @property
    def symbol(self) -> str | None:
        """Currency pair."""

    @property
    def order_id(self) -> str | None:
        """The exchange's id, `None` while it is not known."""


class Level3Methods:
    """The books of individual orders, and where in their queues orders stand."""

    _pool: Pool
    _queues: QueueWatches
    _count_callback_error: Callable[[], None]

    def level3(self, symbol: str) -> Level3Book:
        """Return the live book of individual orders of a subscribed symbol.

        It is always the same object. Reading its content raises `BookNotReady` unless
        `book.is_valid`.

        Raises:
            KeyError: the level3 of `symbol` is not subscribed.
        """
        book = self._level3_book(symbol)
        if book is None:
            raise KeyError(f"not subscribed to the level3 of {symbol}")
        return book

    def queue_position(self, order: PlacedOrder) -> QueuePosition | None:
        """Return where one of `client.orders` stands in the queue of its price.

        Returns:
            Its place; `None` when the order is not in the book: not there yet, filled, canceled,
            or at a price beyond the depth of the subscription.

        Raises:
            KeyError: the level3 of its symbol is not subscribed.
            BookNotReady: the book cannot be read at the moment.
        """
        book = self.level3(order.symbol or "")
        return book.queue_position(order.order_id) if order.order_id else None

    def watch_queue(
        self, symbol: str, order_id: str, callback: Callable[[QueuePosition | None], object]
    ) -> QueueWatch:
        """Tell where an order stands in the queue of its price, whenever that changes.

        Args:
            symbol: currency pair, subscribed to `level3`.
            order_id: the exchange's id of the order, one's own or another's.
            callback: a plain function that gets the new place, in the receiving task; at first the
                present one. It gets `None` when the order leaves the book, and when the book
                cannot be read any more: `client.level3(symbol).is_valid` tells which.

        Returns:
            The watch, with the last `position` and `cancel()`.

        Raises:
            KeyError: the level3 of `symbol` is not subscribed.
            TypeError: `callback` is not a plain function.
        """
        self.level3(symbol)
        call = Callback("callback", callback, self._count_callback_error).call
        watch = QueueWatch(symbol, order_id, call)
        self._queues.add(watch)
        return watch

    def _level3_book(self, symbol: str) -> Level3Book | None:
        for link in self._pool:
            if link.session.registry.book(symbol, "level3") is not None:
                return link.session.engine.level3(symbol)
        return None
