"""The dead man's timer: all orders are canceled unless it is set again in time."""

from __future__ import annotations

from collections.abc import Callable

from .agenda import Agenda

SECOND_NS = 1_000_000_000
LONGEST_SECONDS = 86_400


class DeadMan:
    """One account's timer.

    Args:
        agenda: where it waits.
        fire: what happens when it was not set again in time.

    Attributes:
        due_ns: when it fires; `None` while it is off.
    """

    def __init__(self, agenda: Agenda, fire: Callable[[], None]) -> None:
        self.due_ns: int | None = None
        self._agenda = agenda
        self._fire = fire

    def set(self, now_ns: int, seconds: int) -> None:
        """Start the timer anew; 0 turns it off."""
        self.due_ns = now_ns + seconds * SECOND_NS if seconds else None
        if self.due_ns is not None:
            due_ns = self.due_ns
            self._agenda.add(due_ns, lambda: self._ring(due_ns))

    def _ring(self, due_ns: int) -> None:
        if self.due_ns == due_ns:
            self.due_ns = None
            self._fire()
