"""The timestamps of reports.

In some captures two consecutive `amended` reports have the same timestamp, and so do `pending_new`
and `new`; in others they are microseconds apart. Timestamps need not tell which report came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

ReportStamps: TypeAlias = Literal["own", "same"]


class Stamps:
    """Returns the timestamps of reports, ns since the epoch.

    Args:
        clock: returns nanoseconds since the epoch.
        kind: `own` gives each report the time at which it is made. With `same`, all reports of one
            action have the time of the first, and all `amended` reports of an order the time of
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
        """Treat the reports of the block as those of one action; blocks can be nested."""
        is_outermost, self._is_acting = not self._is_acting, True
        try:
            yield
        finally:
            if is_outermost:
                self._is_acting, self._action_ns = False, None

    def now(self) -> int:
        """Return the timestamp of a report that is made now."""
        if not self._is_shared or not self._is_acting:
            return self._clock()
        if self._action_ns is None:
            self._action_ns = self._clock()
        return self._action_ns

    def of_amend(self, order_id: str) -> int:
        """Return the timestamp of an `amended` report."""
        now_ns = self.now()
        return self._amended_ns.setdefault(order_id, now_ns) if self._is_shared else now_ns
