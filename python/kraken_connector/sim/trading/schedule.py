"""Actions that are due at a time of the exchange's clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

Action: TypeAlias = Callable[[], None]


class Schedule:
    """Actions and the times at which they are due, ns since the epoch.

    Args:
        on_change: called when a new action comes first, so that a timer can be set.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._entries: list[tuple[int, int, Action]] = []
        self._numbers = count()

    @property
    def next_ns(self) -> int | None:
        """When the first action is due."""
        return self._entries[0][0] if self._entries else None

    def add(self, due_ns: int, action: Action) -> None:
        """Schedule an action, which checks by itself whether it still applies."""
        heapq.heappush(self._entries, (due_ns, next(self._numbers), action))
        if self._entries[0][0] == due_ns:
            self._on_change()

    def run(self, now_ns: int) -> None:
        """Run all actions that are due."""
        while self._entries and self._entries[0][0] <= now_ns:
            heapq.heappop(self._entries)[2]()
