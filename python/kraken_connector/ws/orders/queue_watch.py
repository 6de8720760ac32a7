"""Watches of an order's position in the queue of its price level, for `client.watch_queue`."""

from __future__ import annotations

from collections.abc import Callable

from ..._backend import Level3Book, WSDataMessage
from ...models import QueuePosition

__all__ = ["QueueWatch", "QueueWatches"]


class QueueWatch:
    """A watch of one order's position in its queue.

    Attributes:
        symbol: currency pair.
        order_id: the order.
        position: its position; `None` while the order is not in the book, or the book cannot be
            read.
    """

    def __init__(
        self, symbol: str, order_id: str, callback: Callable[[QueuePosition | None], object]
    ) -> None:
        self.symbol = symbol
        self.order_id = order_id
        self.position: QueuePosition | None = None
        self._callback = callback
        self._is_active = True

    def cancel(self) -> None:
        """End the watch: the callback is not called any more."""
        self._is_active = False

    @property
    def is_active(self) -> bool:
        """Whether changes are reported to the callback."""
        return self._is_active

    def update(self, book: Level3Book | None) -> None:
        """Read the position from the book, and report it if it has changed."""
        is_readable = book is not None and book.is_valid
        position = book.queue_position(self.order_id) if book and is_readable else None
        if position != self.position and self._is_active:
            self.position = position
            self._callback(position)


class QueueWatches:
    """The watches of one client.

    Args:
        book: returns the level3 book of a pair, `None` if it is not subscribed.
    """

    def __init__(self, book: Callable[[str], Level3Book | None]) -> None:
        self._book = book
        self._by_symbol: dict[str, list[QueueWatch]] = {}

    def add(self, watch: QueueWatch) -> None:
        """Start a watch, and report the present position."""
        self._by_symbol.setdefault(watch.symbol, []).append(watch)
        watch.update(self._book(watch.symbol))

    def observe(self, message: WSDataMessage) -> None:
        """Update the watches of the symbol of a `level3` message."""
        if message.symbol in self._by_symbol:
            self._update(message.symbol)

    def update_all(self) -> None:
        """Update all watches: a lost connection makes books unreadable without a message."""
        for symbol in list(self._by_symbol):
            self._update(symbol)

    def _update(self, symbol: str) -> None:
        book = self._book(symbol)
        watches = [watch for watch in self._by_symbol[symbol] if watch.is_active]
        if watches:
            self._by_symbol[symbol] = watches
        else:
            del self._by_symbol[symbol]
        for watch in watches:
            watch.update(book)
