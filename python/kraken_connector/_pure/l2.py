"""The aggregated book of one pair."""

from __future__ import annotations

from .book import Book
from .book_data import Row
from .decimal import rescale
from .ladder import Ladder


class L2Book(Book):
    """The aggregated book of one pair, cut to `depth` levels a side.

    All prices have one scale and all quantities another, the largest that the snapshot showed;
    numbers written shorter are padded. A later row with a larger scale widens the whole book: its
    checksum then shows whether the exchange did the same.
    """

    __slots__ = ()
    bids: Ladder
    asks: Ladder
    CHANNEL = "book"
    DEPTHS = (10, 25, 100, 500, 1000)

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.bids, self.asks = Ladder(1), Ladder(-1)

    def levels_of(self, rows: list[Row]) -> int:
        return len(rows)

    def apply_snapshot(self, bids: list[Row], asks: list[Row]) -> None:
        scales = _largest_scales((0, 0), bids + asks)
        bids, asks = _padded(bids, scales), _padded(asks, scales)
        self.price_scale, self.qty_scale = scales
        self.bids.replace(bids)
        self.asks.replace(asks)
        self.cut()

    def apply_update(self, bids: list[Row], asks: list[Row]) -> None:
        if not self._fits(bids + asks):
            bids, asks = self._widen(bids, asks)
        if bids:
            self.bids.update(bids)
            self.bids.cut(self.depth)
        if asks:
            self.asks.update(asks)
            self.asks.cut(self.depth)

    def _fits(self, rows: list[Row]) -> bool:
        """Return whether all rows have the book's decimals, as those of the exchange do."""
        price_scale, qty_scale = self.price_scale, self.qty_scale
        return not [row for row in rows if row[1] != price_scale or row[3] != qty_scale]

    def _widen(self, bids: list[Row], asks: list[Row]) -> tuple[list[Row], list[Row]]:
        """Widen the book to the decimals that the rows need, and return the rows at these."""
        scales = _largest_scales((self.price_scale, self.qty_scale), bids + asks)
        padded = _padded(bids, scales), _padded(asks, scales)
        more = scales[0] - self.price_scale, scales[1] - self.qty_scale
        self.bids, self.asks = self.bids.widened(*more), self.asks.widened(*more)
        self.price_scale, self.qty_scale = scales
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
