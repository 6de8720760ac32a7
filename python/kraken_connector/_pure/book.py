"""The aggregated book of one pair: free in a caller's hand, or live in an engine's."""

from __future__ import annotations

from typing import Any, final

from .base_book import BaseBook, number_of
from .book_data import Row
from .docs import documented
from .ladder import Ladder
from .numbers import rescale


@final
@documented
class OrderBook(BaseBook):
    __slots__ = ()
    _bids: Ladder
    _asks: Ladder
    _depths = (10, 25, 100, 500, 1000)

    def _plain_rows(self, side: Ladder, exact: bool) -> list[dict[str, Any]]:
        numbers = (self._numbers(price, qty, exact) for price, qty in side.levels())
        return [{"price": price, "qty": qty} for price, qty in numbers]

    def _empty_sides(self) -> tuple[Ladder, Ladder]:
        return Ladder(1), Ladder(-1)

    def _rows_of(self, rows: Any) -> list[Row]:
        return [(*number_of("price", row.price), *number_of("qty", row.qty)) for row in rows]

    def _levels_of(self, rows: list[Row]) -> int:
        return len(rows)

    def _replace(self, bids: list[Row], asks: list[Row]) -> None:
        scales = _largest_scales((0, 0), bids + asks)
        bids, asks = _padded(bids, scales), _padded(asks, scales)
        self._price_scale, self._qty_scale = scales
        self._bids.replace(bids)
        self._asks.replace(asks)
        self._cut(self._depth)

    def _update(self, bids: list[Row], asks: list[Row]) -> None:
        if not self._fits(bids + asks):
            bids, asks = self._widen(bids, asks)
        if bids:
            self._bids.update(bids)
            self._bids.cut(self._depth)
        if asks:
            self._asks.update(asks)
            self._asks.cut(self._depth)

    def _fits(self, rows: list[Row]) -> bool:
        """Whether all rows have the book's decimals, as those of the exchange have."""
        price_scale, qty_scale = self._price_scale, self._qty_scale
        return not [row for row in rows if row[1] != price_scale or row[3] != qty_scale]

    def _widen(self, bids: list[Row], asks: list[Row]) -> tuple[list[Row], list[Row]]:
        """Give the book the decimals that the rows need, and return the rows at these."""
        scales = _largest_scales((self._price_scale, self._qty_scale), bids + asks)
        padded = _padded(bids, scales), _padded(asks, scales)
        more = scales[0] - self._price_scale, scales[1] - self._qty_scale
        self._bids, self._asks = self._bids.widened(*more), self._asks.widened(*more)
        self._price_scale, self._qty_scale = scales
        return padded


def _largest_scales(scales: tuple[int, int], rows: list[Row]) -> tuple[int, int]:
    price_scales, qty_scales = [row[1] for row in rows], [row[3] for row in rows]
    return max(scales[0], *price_scales, 0), max(scales[1], *qty_scales, 0)


def _padded(rows: list[Row], scales: tuple[int, int]) -> list[Row]:
    """Return the rows with prices and quantities of the given scales."""
    price_scale, qty_scale = scales
    return [
        (
            rescale(price, price_from, price_scale),
            price_scale,
            rescale(qty, qty_from, qty_scale),
            qty_scale,
        )
        for price, price_from, qty, qty_from in rows
    ]
