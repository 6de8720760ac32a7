"""What is to happen at a time of the exchange's clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

Action: TypeAlias = Callable[[], None]


class Agenda:
    """Actions and when they are due, ns since the epoch.

    Attributes:
        changed: called when something new comes first, so that a timer can be set.
    """

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._entries: list[tuple[int, int, Action]] = []
        self._numbers = count()

    @property
    def next_ns(self) -> int | None:
        """When the first action is due."""
        return self._entries[0][0] if self._entries else None

    def add(self, due_ns: int, action: Action) -> None:
        """Do something at a time; the action itself looks whether it still applies."""
        heapq.heappush(self._entries, (due_ns, next(self._numbers), action))
        if self._entries[0][0] == due_ns:
            self.changed()

    def run(self, now_ns: int) -> None:
        """Do all that is due."""
        while self._entries and self._entries[0][0] <= now_ns:
            heapq.heappop(self._entries)[2]()
