"""The pairs of the exchange and their trading rules, from the `instrument` channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ...models import InstrumentData, InstrumentPair
from ...models.decimals import ZERO
from ...models.rest.market import AssetPair
from .fees import Loaded, TradingFees

__all__ = ["Instruments", "PairRules"]


@dataclass(frozen=True, slots=True)
class PairRules:
    """The rules that an order of a pair must follow.

    Attributes:
        symbol: currency pair.
        status: `online`, `post_only` and so on.
        tick: smallest step of a price.
        lot: smallest step of a quantity.
        qty_min: smallest quantity.
        cost_min: smallest value, price times quantity.
    """

    symbol: str
    status: str
    tick: Decimal
    lot: Decimal
    qty_min: Decimal
    cost_min: Decimal


class Instruments(Mapping[str, InstrumentPair]):
    """The pairs by symbol; empty until the `instrument` channel is subscribed.

    They are kept up to date while it is subscribed; after that they are the last known ones.

    Attributes:
        fees: the fees by symbol, as of the last `client.load_fees()`.
        margin: leverage, margin levels, position limits and the other fields of `AssetPairs` by
            symbol, as of the last `client.load_fees()`.
    """

    def __init__(self) -> None:
        self.fees: Loaded[TradingFees] = Loaded("fees")
        self.margin: Loaded[AssetPair] = Loaded("margin rules")
        self._pairs: dict[str, InstrumentPair] = {}
        self._rules: dict[str, PairRules] = {}

    def __getitem__(self, symbol: str) -> InstrumentPair:
        return self._pairs[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def rules(self, symbol: str) -> PairRules | None:
        """Return the exact rules of a pair, `None` for an unknown one."""
        rules = self._rules.get(symbol)
        if rules is None and symbol in self._pairs:
            rules = self._rules[symbol] = _rules(self._pairs[symbol])
        return rules

    def observe(self, message: Any) -> None:
        """Apply a message of the `instrument` channel."""
        pairs = {
            pair.symbol: pair
            for data in message.data
            if isinstance(data, InstrumentData)
            for pair in data.pairs
            if isinstance(pair, InstrumentPair) and isinstance(pair.symbol, str)
        }
        # Rules in use are updated here and not with the next order: reading exact numbers parses
        # the whole snapshot again. All that can fail comes before any change.
        changed = {
            symbol: _rules(pair)
            for symbol, pair in pairs.items()
            if symbol in self._rules and pair != self._pairs.get(symbol)
        }
        if message.type == "snapshot":
            self._pairs = pairs
            self._rules = {s: rules for s, rules in self._rules.items() if s in pairs}
        else:
            self._pairs.update(pairs)
        self._rules.update(changed)

    def __repr__(self) -> str:
        return f"<Instruments: {len(self)} pairs>"


def _rules(pair: InstrumentPair) -> PairRules:
    return PairRules(
        pair.symbol,
        pair.status,
        tick=_least(pair, "price_increment"),
        lot=_least(pair, "qty_increment"),
        qty_min=_least(pair, "qty_min"),
        cost_min=_least(pair, "cost_min"),
    )


def _least(pair: InstrumentPair, field: str) -> Decimal:
    """Return a step or a minimum; 0, which allows everything, if it is missing or negative."""
    return max(pair.decimal(field) or ZERO, ZERO)
