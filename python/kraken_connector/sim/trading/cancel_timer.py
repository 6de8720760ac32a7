"""The timer of `cancel_all_orders_after`, the dead man's switch."""

from __future__ import annotations

from collections.abc import Callable

from .schedule import Schedule

SECOND_NS = 1_000_000_000
LONGEST_SECONDS = 86_400


class CancelTimer:
    """Cancels all orders unless it is set again in time.

    Args:
        schedule: when it fires.
        fire: cancels the orders.

    Attributes:
        due_ns: when it fires; `None` while it is off.
    """

    def __init__(self, schedule: Schedule, fire: Callable[[], None]) -> None:
        self.due_ns: int | None = None
        self._schedule = schedule
        self._fire = fire

    def set(self, now_ns: int, seconds: int) -> None:
        """Start the timer again; 0 turns it off."""
        self.due_ns = now_ns + seconds * SECOND_NS if seconds else None
        if self.due_ns is not None:
            due_ns = self.due_ns
            self._schedule.add(due_ns, lambda: self._due(due_ns))

    def _due(self, due_ns: int) -> None:
        if self.due_ns == due_ns:
            self.due_ns = None
            self._fire()
