"""What `client.load_fees` reads of pairs by REST; it does not change until it is read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from ...models.rest.account import FeeTier, PairFee

__all__ = ["Loaded", "TradingFees"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TradingFees:
    """The fees of a pair.

    Attributes:
        symbol: currency pair.
        maker: fee of makers: `maker.percent` of the cost, negative for a rebate; `next_percent` is
            that of the next tier, from `next_volume` on.
        taker: fee of takers; the same as `maker` if the exchange makes no difference.
        is_list_price: whether these are the public fees of an account without volume, as the client
            has no API key, and not the account's own.
        volume: what the account traded in 30 days, `None` with list prices.
        currency: currency of all volumes; `None` if it was not sent.
        schedule: all tiers, if they were asked for.
    """

    symbol: str
    maker: PairFee
    taker: PairFee
    is_list_price: bool
    volume: Decimal | None
    currency: str | None
    schedule: tuple[FeeTier, ...] = ()


class Loaded(Mapping[str, T]):
    """Values by symbol, and when each was read.

    Args:
        what: names the values in errors.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._values: dict[str, tuple[T, datetime]] = {}

    def __getitem__(self, symbol: str) -> T:
        """Return the value of a pair.

        Raises:
            KeyError: it was not read.
        """
        return self._entry(symbol)[0]

    def loaded_at(self, symbol: str) -> datetime:
        """Return when the value of a pair was read, in UTC by the clock of this machine.

        Raises:
            KeyError: it was not read.
        """
        return self._entry(symbol)[1]

    def put(self, values: Mapping[str, T]) -> None:
        """Add values that were read just now; those of other pairs stay."""
        at = datetime.now(UTC)
        self._values |= {symbol: (value, at) for symbol, value in values.items()}

    def _entry(self, symbol: str) -> tuple[T, datetime]:
        if symbol not in self._values:
            raise KeyError(f"the {self._what} of {symbol} are not loaded: call client.load_fees()")
        return self._values[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Loaded {self._what}: {len(self)} pairs>"
