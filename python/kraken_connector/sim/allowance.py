"""The limits on level3 subscriptions.

Source: docs.kraken.com, Spot WebSocket v2, level3 channel. The documentation does not say whether
the exchange counts per connection or per client; this counts per client, which is stricter.
"""

from __future__ import annotations

from collections import deque

COSTS = {10: 5, 100: 25, 1000: 100}
"""Cost of one symbol, by depth."""

SYMBOLS_PER_CONNECTION = 200
SECOND_NS = 1_000_000_000


class Allowance:
    """Limits the cost of the subscriptions of the last second.

    Args:
        per_second: the limit; `None` is none.
    """

    def __init__(self, per_second: int | None) -> None:
        self.per_second = per_second
        self._spent: deque[tuple[int, int]] = deque()

    def spend(self, depth: int, now_ns: int) -> bool:
        """Count a subscription and return whether it is within the limit; else it costs nothing."""
        while self._spent and self._spent[0][0] <= now_ns - SECOND_NS:
            self._spent.popleft()
        cost = COSTS[depth]
        spent = sum(cost for _, cost in self._spent)
        if self.per_second is not None and spent + cost > self.per_second:
            return False
        self._spent.append((now_ns, cost))
        return True
