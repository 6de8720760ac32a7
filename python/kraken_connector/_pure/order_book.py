"""`OrderBook`: the aggregated book of one pair."""

from __future__ import annotations

from typing import Any, final

from .book_data import Row
from .book_handle import BookHandle, caller_number
from .docs import documented
from .l2 import L2Book
from .ladder import Ladder


@final
@documented
class OrderBook(BookHandle[L2Book]):
    __slots__ = ()
    _kind = L2Book

    def _caller_rows(self, rows: Any) -> list[Row]:
        return [
            (*caller_number("price", row.price), *caller_number("qty", row.qty)) for row in rows
        ]

    def _plain_rows(self, side: Ladder, exact: bool) -> list[dict[str, Any]]:
        numbers = (self._numbers(price, qty, exact) for price, qty in side.levels())
        return [{"price": price, "qty": qty} for price, qty in numbers]
