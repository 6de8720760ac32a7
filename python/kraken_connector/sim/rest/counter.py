"""The rate counter of a key.

Source: docs.kraken.com, REST rate limits. The counter is lowered every couple of seconds, not
continuously, and calling on while it is exceeded prolongs the limit; a step of two seconds, and
that refused calls raise the counter too, are inferred from that.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from ..trading.rate import TierName

STEP_NS: Final = 2_000_000_000
LIMITS: dict[TierName, tuple[int, Decimal]] = {
    "starter": (15, Decimal("0.33")),
    "intermediate": (20, Decimal("0.5")),
    "pro": (20, Decimal(1)),
}
"""The limit and the decay per second, by tier."""


class RestCounter:
    """Counts the cost of the private calls of a key.

    Args:
        tier: sets the limit and the decay.
        clock: returns nanoseconds since the epoch.
    """

    def __init__(self, tier: TierName, clock: Callable[[], int]) -> None:
        self.limit, self._decay = LIMITS[tier]
        self._clock = clock
        self._count = Decimal(0)
        self._step = clock() // STEP_NS

    @property
    def count(self) -> Decimal:
        """The counter now."""
        step = self._clock() // STEP_NS
        lowered = self._count - (step - self._step) * self._decay * STEP_NS / 10**9
        self._count, self._step = max(Decimal(0), lowered), step
        return self._count

    def spend(self, cost: int) -> bool:
        """Raise the counter by the cost of a call, and return whether it is within the limit."""
        self._count = self.count + cost
        return cost == 0 or self._count <= self.limit
