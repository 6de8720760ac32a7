"""The executions of the account: each known once, and whether any may be missing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...models import ExecutionData
from ..base.callbacks import Listeners
from ..base.limited_log import LimitedLog
from .order import Fill, Order
from .reports import read_fill

__all__ = ["Executions", "FillListener"]

logger = logging.getLogger(__name__)

#: Fills of the account that are kept, and known as such should they be told again.
FILLS_KEPT = 50_000

FillListener = Callable[[Order | None, Fill], object]


class Executions:
    """What was filled, by `exec_id`.

    A fill is recorded when it is first heard of, and announced when it is known which order it
    belongs to, or that none is known.

    Attributes:
        listeners: plain functions that each fill is announced to, with its order.
        lost: how often fills may have been lost for good: in a gap with more fills than a snapshot
            has, or in a report that could not be read.
        has_history: whether the first snapshot is over; fills in it are history.
    """

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._log = LimitedLog(logger)
        self.lost = 0
        self.has_history = False
        #: Each fill, and the step at which it became known.
        self._known: dict[str, tuple[Fill, int]] = {}
        #: Fills of orders that are not known by `order_id`, and the reports that told them.
        self._orphans: dict[str, list[tuple[Fill, ExecutionData]]] = {}
        #: The fills that were not announced, and whether each is history.
        self._unannounced: dict[str, bool] = {}
        #: Step of the last snapshot before which fills were lost, and of the first gap since the
        #: last snapshot.
        self._lost_at = -1
        self._gap_at: int | None = None

    @property
    def fills(self) -> list[Fill]:
        """The last fills, in order of arrival; a copy."""
        return [fill for fill, _ in self._known.values()]

    @property
    def held(self) -> list[Fill]:
        """Fills of which it is not known yet which order they are of."""
        return [self._known[exec_id][0] for exec_id in self._unannounced]

    def known_at(self, exec_id: str | None) -> int | None:
        """Return the step at which an execution became known, `None` if it is not."""
        known = self._known.get(exec_id or "")
        return None if known is None else known[1]

    def record(
        self,
        report: ExecutionData,
        order: Order | None,
        step: int,
        *,
        is_past: bool = False,
    ) -> Fill | None:
        """Return the execution that a report tells, recorded once; it is not announced yet.

        Args:
            report: a report of a fill.
            order: its order, `None` where that is not known.
            step: the step of the collection.
            is_past: whether it is in a snapshot.
        """
        known = self._known.get(report.exec_id or "")
        if known is not None:
            fill = known[0]
        elif (read := read_fill(report)) is None:
            self._log.error("a fill of %s cannot be read: %r", report.order_id, report)
            self.lost += 1
            return None
        else:
            fill = read
            self._known[fill.exec_id] = fill, step
            self._unannounced[fill.exec_id] = is_past and not self.has_history
            if order is None:
                self._orphans.setdefault(fill.order_id, []).append((fill, report))
            self._keep_bounds()
        return fill

    def announce(self, order: Order | None, fill: Fill) -> None:
        """Tell listeners of a fill, once; not of history, unless it is of an order of ours.

        The order has the fill already: listeners look at what is left of it.
        """
        is_history = self._unannounced.pop(fill.exec_id, None)
        if is_history is False or (is_history and order is not None and order.is_mine):
            self.listeners.call(order, fill)

    def adopt(self, order: Order) -> list[Fill]:
        """Return the fills that were told of an order before it was known."""
        return [fill for fill, _ in self._orphans.pop(order.order_id or "", [])]

    def unclaimed_since(self, step: int) -> list[ExecutionData]:
        """Return the reports of fills that became known after a step, of orders that are not."""
        found = (pair for pairs in self._orphans.values() for pair in pairs)
        return [report for fill, report in found if self._known[fill.exec_id][1] > step]

    # Gaps.

    def gap(self, step: int) -> None:
        """Note that fills may be missed from here on."""
        if self._gap_at is None:
            self._gap_at = step

    def closes_gap(self, exec_id: str | None) -> bool:
        """Tell whether a past fill of a snapshot was known before the gap."""
        known_at = self.known_at(exec_id)
        return known_at is not None and (self._gap_at is None or known_at < self._gap_at)

    def snapshot_concluded(self, step: int, *, is_seamless: bool) -> None:
        """Note that a snapshot is complete, and whether its fills reach back to known ones."""
        if self.has_history and not is_seamless:
            self.lost += 1
            logger.error("executions: fills of a gap may be missing, as a snapshot has only fifty")
        if not is_seamless:
            self._lost_at = step
        self._gap_at = None
        self.has_history = True
        orphans = {fill.exec_id for pairs in self._orphans.values() for fill, _ in pairs}
        self._unannounced = {k: v for k, v in self._unannounced.items() if k in orphans}

    def are_complete_since(self, step: int) -> bool:
        """Tell whether no fill was lost since a step."""
        return self._lost_at < step

    def _keep_bounds(self) -> None:
        if len(self._known) > FILLS_KEPT:
            oldest = next(iter(self._known))
            fill, _ = self._known.pop(oldest)
            self._unannounced.pop(oldest, None)
            self._orphans.pop(fill.order_id, None)
