"""The counter of the REST API's rate limit.

docs.kraken.com, guide "Spot REST rate limits": each API key has a counter that calls raise and time
lowers; a call that would raise it above the maximum is refused. The trading limit of orders is
another one (`client.rate_counter`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

__all__ = ["COSTS", "TIERS", "RestCounter", "RestTier", "shared_counter"]

RestTier = Literal["starter", "intermediate", "pro"]

#: Maximum and decay per second by tier (guide "Spot REST rate limits").
TIERS: Final[dict[RestTier, tuple[float, float]]] = {
    "starter": (15.0, 0.33),
    "intermediate": (20.0, 0.5),
    "pro": (20.0, 1.0),
}

#: What calls cost, if not 1. Calls about ledgers and histories cost 2 (guide "Spot REST rate
#: limits"). Its page does not say whether the searches for orders are among them; Kraken's SDK
#: counts 2, the dearer figure. Orders and cancels count in the trading limit only; whether that
#: holds for all of them is inferred.
COSTS: Final = {
    "OpenOrders": 2.0,
    "ClosedOrders": 2.0,
    "TradesHistory": 2.0,
    "QueryTrades": 2.0,
    "AddOrder": 0.0,
    "AmendOrder": 0.0,
    "CancelOrder": 0.0,
    "CancelAll": 0.0,
    "CancelAllOrdersAfter": 0.0,
}

#: The exchange lowers its counter every couple of seconds, not continuously (same guide), so ours
#: is lowered so many seconds later.
LATENESS: Final = 2.0
#: More than the rounding errors of the counter: a wait for less may not move a clock.
ROUNDING: Final = 1e-6


class RestCounter:
    """The counter of one API key, as far as calls of this process raise it.

    Args:
        tier: the tier of the account, which no reply names.
        clock: returns monotonic seconds.
    """

    def __init__(self, tier: RestTier, clock: Callable[[], float]) -> None:
        self._maximum, self._decay = TIERS[tier]
        self._clock = clock
        self._value = 0.0
        self._lowered_at = clock()

    @property
    def value(self) -> float:
        """The counter now."""
        idle = max(0.0, self._clock() - self._lowered_at)
        return max(0.0, self._value - idle * self._decay)

    @property
    def maximum(self) -> float:
        """The largest value of the counter."""
        return self._maximum

    def wait(self, cost: float) -> float:
        """Return the seconds until a call of that cost fits."""
        excess = self.value + cost - self._maximum
        if not cost or excess <= ROUNDING:
            return 0.0
        return max(0.0, self._lowered_at - self._clock()) + excess / self._decay

    def charge(self, cost: float) -> None:
        """Count a call that is about to be sent."""
        if not cost:
            return
        now, value = self._clock(), self.value
        if value <= 0:
            self._lowered_at = now + LATENESS
        else:
            self._lowered_at = max(now, self._lowered_at)
        self._value = value + cost

    def exceeded(self) -> None:
        """Record that the exchange refused a call because of the limit."""
        self._value = max(self.value, self._maximum)
        self._lowered_at = max(self._clock(), self._lowered_at)


#: They outlive their clients, as the exchange's counters do.
_counters: dict[tuple[str, str, str], RestCounter] = {}


def shared_counter(
    host: str, api_key: str, tier: RestTier, clock: Callable[[], float]
) -> RestCounter:
    """Return the counter of an API key, which all its clients in this process share."""
    name = host, api_key, tier
    counter = _counters.get(name)
    if counter is None:
        counter = _counters[name] = RestCounter(tier, clock)
    return counter
