"""The listed pairs: a table of real ones, and any number of made-up ones."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

COST_MIN = Decimal("0.50")
"""Smallest price times quantity of an order, for all pairs."""

LEVERAGES: Mapping[str, tuple[int, ...]] = {
    "BTC": (2, 3, 4, 5, 6, 7, 8, 9, 10, 20),
    "ETH": (2, 3, 4, 5),
}
"""The leverages of margin orders, by the base of their pair; other pairs have no margin."""
LONG_LIMIT, SHORT_LIMIT = 1000, 600
"""The largest positions of pairs with margin, in the base currency."""

DEEP = 1100
"""Levels per side of an ordinary book: more than the largest depth that can be subscribed."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair and the shape of its market.

    Attributes:
        symbol: `BASE/QUOTE`.
        price_precision: decimals of prices; one tick is 10^-price_precision.
        qty_precision: decimals of quantities; one lot is 10^-qty_precision.
        start_ticks: price around which the market moves, in ticks.
        typical_lots: a usual quantity of a level, in lots.
        levels: levels per side of the book.
        far_ask_ticks: one more ask, extremely far away, as real books have them.
    """

    symbol: str
    price_precision: int
    qty_precision: int
    start_ticks: int
    typical_lots: int
    levels: int = DEEP
    far_ask_ticks: int | None = None

    def price(self, ticks: int) -> Decimal:
        """Return a price in ticks as a number with all decimals."""
        return Decimal(ticks).scaleb(-self.price_precision)

    def qty(self, lots: int) -> Decimal:
        """Return a quantity in lots as a number with all decimals."""
        return Decimal(lots).scaleb(-self.qty_precision)

    @property
    def min_lots(self) -> int:
        """Smallest quantity of an order, in lots."""
        return max(1, self.typical_lots // 1000)

    @property
    def leverages(self) -> tuple[int, ...]:
        """The leverages of margin orders; empty if the pair has no margin."""
        return LEVERAGES.get(self.base, ())

    @property
    def is_tokenized(self) -> bool:
        """Whether the base is a tokenized asset, such as `AAPLx`."""
        return self.base.endswith("x")

    @property
    def base(self) -> str:
        """The asset that is bought and sold."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency of prices."""
        return self.symbol.partition("/")[2]


NAMED_PAIRS: dict[str, Pair] = {
    pair.symbol: pair
    for pair in (
        Pair("BTC/USD", 1, 8, 837_442, 20_000_000),
        Pair("ETH/USD", 2, 8, 302_647, 300_000_000),
        Pair("SOL/USD", 2, 8, 15_734, 4_000_000_000),
        Pair("XRP/USD", 5, 8, 52_310, 120_000_000_000),
        Pair("ADA/USD", 6, 8, 451_200, 150_000_000_000),
        Pair("DOGE/USD", 7, 8, 1_234_567, 500_000_000_000),
        Pair("VET/USDT", 6, 5, 23_410, 2_500_000_000),
        Pair("PEPE/USD", 10, 5, 112_345, 9_000_000_000_000),
        Pair("BCH/USD", 2, 8, 38_512, 200_000_000, 320, far_ask_ticks=88_611_000_000_000),
        Pair("KEEP/EUR", 4, 8, 20_150, 9_000_000_000, 6),
    )
}
"""Real pairs with the exchange's precisions. Among them are a tiny price, a book with fewer levels
than the largest depths, one with an extremely far ask, and one with fewer than ten levels."""


def resolve_pairs(symbols: int | Iterable[str | Pair] | None) -> dict[str, Pair]:
    """Return the pairs to list, by symbol.

    Args:
        symbols: `None` for the named pairs, a number for that many pairs, or the pairs themselves;
            a symbol outside the table gets a made-up shape, always the same.
    """
    if symbols is None:
        return dict(NAMED_PAIRS)
    if isinstance(symbols, int):
        return _count(symbols)
    listed = (item if isinstance(item, Pair) else pair_for(item) for item in symbols)
    return {pair.symbol: pair for pair in listed}


def pair_for(symbol: str) -> Pair:
    """Return the named pair, or a made-up one that depends only on `symbol`.

    Raises:
        ValueError: `symbol` is not `BASE/QUOTE` in upper case; only the base of a tokenized asset
            may end in a lower-case x, as in `AAPLx/USD`.
    """
    base, slash, quote = symbol.partition("/")
    code = base.removesuffix("x") + quote
    if not (base and slash and quote and code.upper() == code):
        raise ValueError(f"{symbol!r} is not a symbol; write it like 'BTC/USD'")
    return NAMED_PAIRS.get(symbol) or _made_up(symbol)


def _count(count: int) -> dict[str, Pair]:
    named = list(NAMED_PAIRS.values())[:count]
    more = (_made_up(f"SIM{number:04d}/USD") for number in range(count - len(named)))
    return {pair.symbol: pair for pair in (*named, *more)}


def _made_up(symbol: str) -> Pair:
    chance = random.Random(symbol)
    qty_precision = chance.choice((5, 8, 8, 8))
    return Pair(
        symbol,
        price_precision=chance.randint(1, 7),
        qty_precision=qty_precision,
        start_ticks=chance.randint(20_000, 900_000),
        typical_lots=chance.randint(1, 900) * 10**qty_precision,
    )
