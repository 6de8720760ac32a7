"""One side of a book: price levels in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from .book_data import Row
from .checksum import level_digits
from .numbers import rescale


class Ladder:
    """Price levels with the best at the end, because that is where updates happen: inserting
    there moves few elements, and the cost does not grow with the depth.

    Three parallel lists: `keys` ascends and holds the price of a bid, the negated price of an
    ask; `qtys` holds the quantity; `digits` what the level contributes to the checksum.
    """

    __slots__ = ("_sign", "digits", "keys", "qtys")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self.keys: list[int] = []
        self.qtys: list[int] = []
        self.digits: list[bytes] = []

    def __len__(self) -> int:
        return len(self.keys)

    def replace(self, rows: Iterable[Row]) -> None:
        """Start over with `rows`; a later row of a price wins."""
        sign = self._sign
        levels = {price * sign: qty for price, _, qty, _ in rows}
        self.keys = sorted(key for key, qty in levels.items() if qty)
        self.qtys = [levels[key] for key in self.keys]
        self._print()

    def update(self, rows: Iterable[Row]) -> None:
        """Apply `rows` in order; a quantity of zero removes, of an unknown price does nothing."""
        sign, keys, qtys, digits = self._sign, self.keys, self.qtys, self.digits
        for price, _, qty, _ in rows:
            key = price * sign
            at = bisect_left(keys, key)
            known = at < len(keys) and keys[at] == key
            if not qty:
                if known:
                    del keys[at], qtys[at], digits[at]
            elif known:
                qtys[at] = qty
                digits[at] = level_digits(price, qty)
            else:
                keys.insert(at, key)
                qtys.insert(at, qty)
                digits.insert(at, level_digits(price, qty))

    def cut(self, depth: int) -> None:
        """Forget the levels below the best `depth`."""
        excess = len(self.keys) - depth
        if excess > 0:
            del self.keys[:excess], self.qtys[:excess], self.digits[:excess]

    def widened(self, price_decimals: int, qty_decimals: int) -> Ladder:
        """Return a copy whose prices and quantities have so many more decimals.

        Raises:
            NumberError: a number becomes too long.
        """
        sign, wide = self._sign, Ladder(self._sign)
        wide.keys = [rescale(key * sign, 0, price_decimals) * sign for key in self.keys]
        wide.qtys = [rescale(qty, 0, qty_decimals) for qty in self.qtys]
        wide._print()
        return wide

    def best(self) -> tuple[int, int] | None:
        """Return price and quantity of the best level."""
        return (self.keys[-1] * self._sign, self.qtys[-1]) if self.keys else None

    def levels(self, depth: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield price and quantity, best first."""
        sign = self._sign
        best_first = slice(None, None if depth is None else -depth - 1, -1)
        for key, qty in zip(self.keys[best_first], self.qtys[best_first], strict=True):
            yield key * sign, qty

    def _print(self) -> None:
        sign = self._sign
        levels = zip(self.keys, self.qtys, strict=True)
        self.digits = [level_digits(key * sign, qty) for key, qty in levels]
