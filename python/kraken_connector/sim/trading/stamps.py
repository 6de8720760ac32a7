"""The timestamps of reports.

Captured: two `amended` reports in a row carry one stamp, and `pending_new` and `new` do too; other
recordings have microseconds between them. So a stamp need not tell which report came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

ReportStamps: TypeAlias = Literal["own", "same"]


class Stamps:
    """Gives reports their times, ns since the epoch.

    Args:
        clock: gives nanoseconds since the epoch.
        kind: `own` gives each report the time at which it is made. With `same`, all reports of one
            action carry the time of the first, and all `amended` reports of an order the time of
            its first amend.
    """

    def __init__(self, clock: Callable[[], int], kind: ReportStamps) -> None:
        self._clock = clock
        self._is_shared = kind == "same"
        self._is_acting = False
        self._action_ns: int | None = None
        self._amended_ns: dict[str, int] = {}

    @contextmanager
    def action(self) -> Iterator[None]:
        """Take the reports of the block for those of one action; blocks may be nested."""
        is_outermost, self._is_acting = not self._is_acting, True
        try:
            yield
        finally:
            if is_outermost:
                self._is_acting, self._action_ns = False, None

    def now(self) -> int:
        """Return the stamp of a report that is made now."""
        if not self._is_shared or not self._is_acting:
            return self._clock()
        if self._action_ns is None:
            self._action_ns = self._clock()
        return self._action_ns

    def of_amend(self, order_id: str) -> int:
        """Return the stamp of an `amended` report."""
        now_ns = self.now()
        return self._amended_ns.setdefault(order_id, now_ns) if self._is_shared else now_ns
