"""The trading rate counters: one per pair, which requests raise and time decays.

Source: docs.kraken.com, Spot trading rate limits guide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeAlias

from ..requests import Refused
from .refusals import RATE_LIMIT

TierName: TypeAlias = Literal["starter", "intermediate", "pro"]


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits of an account.

    Attributes:
        threshold: count beyond which requests fail; `maxratecount` of the executions' ack.
        decay: decrease per second.
        open_orders: the most open orders of a pair.
    """

    threshold: int
    decay: Decimal
    open_orders: int


TIERS: dict[TierName, Tier] = {
    "starter": Tier(60, Decimal(1), 60),
    "intermediate": Tier(125, Decimal("2.34"), 80),
    "pro": Tier(180, Decimal("3.75"), 225),
}

ZERO = Decimal(0)
ADD = Decimal(1)
CHANGE = Decimal(1)
"""Fixed part of an amend and of an edit."""
_AGES = (5, 10, 15, 45, 90, 300)
_AGE_COSTS = {"amend": (3, 2, 1), "edit": (6, 5, 4, 2, 1), "cancel": (8, 6, 5, 4, 2, 1)}


def age_cost(what: Literal["amend", "edit", "cancel"], age_ns: int) -> Decimal:
    """Return the cost of changing an order by its age since creation or the last amend."""
    for seconds, cost in zip(_AGES, _AGE_COSTS[what], strict=False):
        if age_ns < seconds * 1_000_000_000:
            return Decimal(cost)
    return Decimal(0)


class RateCounters:
    """The counters of one account.

    Args:
        tier: its limits.
        clock: returns nanoseconds since the epoch.
    """

    def __init__(self, tier: Tier, clock: Callable[[], int]) -> None:
        self.tier = tier
        self._clock = clock
        self._counts: dict[str, tuple[Decimal, int]] = {}

    def count(self, symbol: str) -> Decimal:
        """Return the counter of a pair now."""
        value, since = self._counts.get(symbol, (Decimal(0), 0))
        passed = Decimal(self._clock() - since).scaleb(-9)
        return max(Decimal(0), value - passed * self.tier.decay)

    def rounded(self, symbol: str) -> int:
        """Return the counter of a pair now as a whole number."""
        return int(self.count(symbol).to_integral_value(ROUND_HALF_UP))

    def charge(self, symbol: str, cost: Decimal, later: Decimal = ZERO) -> None:
        """Raise a counter.

        Args:
            symbol: the pair.
            cost: what to add now.
            later: a further cost that must fit too; the caller adds it once the request is valid.

        Raises:
            Refused: the total would exceed the threshold; the counter is not changed.
        """
        if self.count(symbol) + cost + later > self.tier.threshold:
            raise Refused(RATE_LIMIT)
        self.add(symbol, cost)

    def add(self, symbol: str, cost: Decimal) -> None:
        """Raise a counter, even beyond the threshold."""
        self._counts[symbol] = (self.count(symbol) + cost, self._clock())
