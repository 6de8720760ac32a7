"""Methods of `KrakenWSClient` for `level3`: books of individual orders, queue positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..._backend import Level3Book
from ...models import QueuePosition
from ..base.listeners import Callback
from ..orders.queue_watch import QueueWatch, QueueWatches
from ..pool.pool import Pool

__all__ = ["Level3Methods"]


class PlacedOrder(Protocol):
    """An order with a symbol and an id, such as those of `client.orders`."""

    @property
    def symbol(self) -> str | None:
        """Currency pair."""

    @property
    def order_id(self) -> str | None:
        """Kraken's id of the order, `None` while unknown."""


class Level3Methods:
    """Level 3 books and the queue positions of orders."""

    _pool: Pool
    _queues: QueueWatches
    _count_callback_error: Callable[[], None]

    def level3(self, symbol: str) -> Level3Book:
        """Return the live book of individual orders of a subscribed symbol.

        It is always the same object. Reading its orders raises `BookNotReady` unless
        `book.is_valid`.

        Raises:
            KeyError: `level3` of `symbol` is not subscribed.
        """
        book = self._level3_book(symbol)
        if book is None:
            raise KeyError(f"not subscribed to level3 of {symbol}")
        return book

    def queue_position(self, order: PlacedOrder) -> QueuePosition | None:
        """Return the position of an order in the queue of its price level.

        Returns:
            `None` if the order is not in the book: not yet, filled, canceled, or at a price beyond
            the subscribed depth.

        Raises:
            KeyError: `level3` of the order's symbol is not subscribed.
            BookNotReady: the book is not valid.
        """
        book = self.level3(order.symbol or "")
        return book.queue_position(order.order_id) if order.order_id else None

    def watch_queue(
        self, symbol: str, order_id: str, callback: Callable[[QueuePosition | None], object]
    ) -> QueueWatch:
        """Call a function whenever the queue position of an order changes.

        Args:
            symbol: currency pair, subscribed to `level3`.
            order_id: Kraken's id of the order, of any account.
            callback: a plain function, called in the receiving task with the new position, first
                with the current one. It is called with `None` when the order leaves the book and
                when the book becomes invalid; `client.level3(symbol).is_valid` says which.

        Returns:
            An object with the last `position` and with `cancel()`.

        Raises:
            KeyError: `level3` of `symbol` is not subscribed.
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
