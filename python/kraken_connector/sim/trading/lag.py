"""A stream that is behind: what it shows of the account is as old as it says."""

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
    """What snapshots show of the account.

    Attributes:
        orders: the open orders as reports, by id, oldest first.
        fills: how many of the account's fills are known.
        balances: by asset.
    """

    orders: dict[str, Report]
    fills: int
    balances: dict[str, Decimal]


Change: TypeAlias = Callable[[Shown], None]


class Lag:
    """Lets everything take a while.

    Args:
        seconds: how long.
        shown: the account as it is now.
        holds_reports: whether reports are late too, or only what snapshots show.
    """

    def __init__(self, seconds: float, shown: Shown, *, holds_reports: bool) -> None:
        self.shown = shown
        self._seconds = seconds
        self._holds_reports = holds_reports
        self._under_way: deque[Callable[[], None]] = deque()

    def add(self, change: Change, tell: Callable[[], None]) -> None:
        """Show a change, and tell its report, when their time has come."""

        def arrive() -> None:
            change(self.shown)
            if self._holds_reports:
                tell()

        self._under_way.append(arrive)
        asyncio.get_running_loop().call_later(self._seconds, self._next)
        if not self._holds_reports:
            tell()

    def end(self) -> None:
        """Show and tell now what is still to come."""
        while self._under_way:
            self._next()

    def _next(self) -> None:
        if self._under_way:
            self._under_way.popleft()()
