"""One side of a book: price levels in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from .book_data import Row
from .checksum import join_top, level_digits
from .decimal import rescale


class Ladder:
    """Price levels with the best at the end, because that is where updates happen: inserting
    there moves few elements, and the cost hardly grows with the depth.

    Two parallel lists: `keys` ascends and holds the price of a bid, the negated price of an ask;
    `digits` holds what the level contributes to the checksum, its price and its quantity.
    """

    __slots__ = ("_sign", "_top", "digits", "keys")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self.keys: list[int] = []
        self.digits: list[bytes] = []
        self._top: bytes | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def replace(self, rows: Iterable[Row]) -> None:
        """Replace all levels by `rows`; a later row of a price wins."""
        levels = {price: qty for price, _, qty, _ in rows}
        self._fill((price, qty) for price, qty in levels.items() if qty)

    def update(self, rows: Iterable[Row]) -> None:
        """Apply `rows` in order; a quantity of zero removes, of an unknown price does nothing."""
        sign, keys, digits = self._sign, self.keys, self.digits
        self._top = None
        for price, _, qty, _ in rows:
            key = price * sign
            at = bisect_left(keys, key)
            known = at < len(keys) and keys[at] == key
            if not qty:
                if known:
                    del keys[at], digits[at]
            elif known:
                digits[at] = level_digits(price, qty)
            else:
                keys.insert(at, key)
                digits.insert(at, level_digits(price, qty))

    def cut(self, depth: int) -> None:
        """Remove the levels below the best `depth`."""
        excess = len(self.keys) - depth
        if excess > 0:
            del self.keys[:excess], self.digits[:excess]
            self._top = None

    def widened(self, price_decimals: int, qty_decimals: int) -> Ladder:
        """Return a copy whose prices and quantities have so many more decimals.

        Raises:
            NumberError: a number becomes too long.
        """
        wide = Ladder(self._sign)
        wide._fill(
            (rescale(price, 0, price_decimals), rescale(qty, 0, qty_decimals))
            for price, qty in self.levels()
        )
        return wide

    def top_digits(self) -> bytes:
        """Return the digits of the levels that count for the checksum."""
        if self._top is None:
            self._top = join_top(self.digits)
        return self._top

    def best_price(self) -> int | None:
        return self.keys[-1] * self._sign if self.keys else None

    def levels(self, depth: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield price and quantity, best first."""
        sign = self._sign
        best_first = slice(None, None if depth is None else -depth - 1, -1)
        for key, digits in zip(self.keys[best_first], self.digits[best_first], strict=True):
            price = key * sign
            yield price, int(digits[len(str(price)) :])

    def _fill(self, levels: Iterable[tuple[int, int]]) -> None:
        sign = self._sign
        ascending = sorted((price * sign, level_digits(price, qty)) for price, qty in levels)
        self.keys = [key for key, _ in ascending]
        self.digits = [digits for _, digits in ascending]
        self._top = None
