"""Where orders stand in their queues, told when it changes."""

from __future__ import annotations

from collections.abc import Callable

from ..._backend import Level3Book, WSDataMessage
from ...models import QueuePosition
from .sinks import CallbackSink

__all__ = ["QueueWatch", "QueueWatches"]


class QueueWatch:
    """Tells of one order's place.

    Attributes:
        symbol: currency pair.
        order_id: the order.
        position: its place; `None` while the order is not in the book, or the book not readable.
    """

    def __init__(self, symbol: str, order_id: str, sink: CallbackSink) -> None:
        self.symbol = symbol
        self.order_id = order_id
        self.position: QueuePosition | None = None
        self._sink = sink
        self._is_active = True

    def cancel(self) -> None:
        """Tell nothing any more."""
        self._is_active = False

    @property
    def is_active(self) -> bool:
        """Whether changes are told."""
        return self._is_active

    def look(self, book: Level3Book | None) -> None:
        """Look at the place, and tell it if it is another one."""
        is_readable = book is not None and book.is_valid
        position = book.queue_position(self.order_id) if book and is_readable else None
        if position != self.position and self._is_active:
            self.position = position
            self._sink.put(position)


class QueueWatches:
    """The watches of one client.

    Args:
        book: gives the level3 book of a pair, `None` when it is not subscribed.
    """

    def __init__(self, book: Callable[[str], Level3Book | None]) -> None:
        self._book = book
        self._by_symbol: dict[str, list[QueueWatch]] = {}

    def add(self, watch: QueueWatch) -> None:
        """Begin to look for a watch, at once for the first time."""
        self._by_symbol.setdefault(watch.symbol, []).append(watch)
        watch.look(self._book(watch.symbol))

    def see(self, message: WSDataMessage) -> None:
        """Look what a `level3` message has changed."""
        if message.symbol in self._by_symbol:
            self._look(message.symbol)

    def look(self) -> None:
        """Look at everything: books may have turned unreadable without a message."""
        for symbol in list(self._by_symbol):
            self._look(symbol)

    def _look(self, symbol: str) -> None:
        book = self._book(symbol)
        watches = [watch for watch in self._by_symbol[symbol] if watch.is_active]
        if watches:
            self._by_symbol[symbol] = watches
        else:
            del self._by_symbol[symbol]
        for watch in watches:
            watch.look(book)
