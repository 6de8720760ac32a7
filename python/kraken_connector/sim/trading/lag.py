"""A private stream that shows the account as it was some seconds ago."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ..reports import Report


@dataclass(slots=True)
class Shown:
    """The account as snapshots show it.

    Attributes:
        orders: the open orders as reports, by id, oldest first.
        fills: how many of the account's fills are shown.
        balances: by asset.
    """

    orders: dict[str, Report]
    fills: int
    balances: dict[str, Decimal]


Change: TypeAlias = Callable[[Shown], None]


class Lag:
    """Delays what snapshots show, and reports.

    Args:
        seconds: the delay.
        shown: the account as snapshots show it now.
        holds_reports: whether reports are late too, or only snapshots.
    """

    def __init__(self, seconds: float, shown: Shown, *, holds_reports: bool) -> None:
        self.shown = shown
        self._seconds = seconds
        self._holds_reports = holds_reports
        self._late: deque[Callable[[], None]] = deque()

    def add(self, change: Change, publish: Callable[[], None]) -> None:
        """Show a change, and publish its report, after the delay."""

        def arrive() -> None:
            change(self.shown)
            if self._holds_reports:
                publish()

        self._late.append(arrive)
        asyncio.get_running_loop().call_later(self._seconds, self._next)
        if not self._holds_reports:
            publish()

    def end(self) -> None:
        """Show all late changes, and publish their reports, now."""
        while self._late:
            self._next()

    def _next(self) -> None:
        if self._late:
            self._late.popleft()()
