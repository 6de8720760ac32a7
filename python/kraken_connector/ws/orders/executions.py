"""The executions of the account, each recorded once, and whether any may be missing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ...models import ExecutionData
from ...models.timestamps import timestamp_text
from ..base.limited_log import LimitedLog
from ..base.listeners import Listeners
from .order import Fill, Order
from .reports import read_fill

__all__ = ["Executions", "FillListener"]

logger = logging.getLogger(__name__)

#: Fills of the account that are kept; a repeated one of these is recognised and ignored.
FILLS_KEPT = 50_000

FillListener = Callable[[Order | None, Fill], object]


@dataclass(frozen=True, slots=True)
class _Loss:
    """A gap with fills that no snapshot has.

    Attributes:
        step: step of the snapshot after it.
        since_ns: exchange time at which it was noticed, `None` if unknown.
        until_ns: exchange time of that snapshot.
        counts: whether it is a loss; before the first snapshot there is only history.
    """

    step: int
    since_ns: int | None
    until_ns: int | None
    counts: bool

    def is_within(self, since_ns: int, until_ns: int) -> bool:
        """Return whether it happened between two exchange times."""
        if self.since_ns is None or self.until_ns is None:
            return False
        return since_ns <= self.since_ns and self.until_ns <= until_ns


class Executions:
    """The fills of the account by `exec_id`.

    A fill is recorded when it first arrives, and announced when its order is known, or known to be
    unknown.

    Attributes:
        listeners: functions that are called with each announced fill and its order.
        has_history: whether the first snapshot is complete; fills in it are history.
    """

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._log = LimitedLog(logger)
        self.has_history = False
        #: Each fill, and the step at which it became known.
        self._known: dict[str, tuple[Fill, int]] = {}
        #: Fills of unknown orders by `order_id`, with their reports.
        self._orphans: dict[str, list[tuple[Fill, ExecutionData]]] = {}
        #: The fills that are not announced yet, and whether each is history.
        self._unannounced: dict[str, bool] = {}
        #: Those of `_known` that REST had first.
        self._found: set[str] = set()
        #: Past fills that could not be read.
        self._unreadable = 0
        #: The snapshots before which fills were lost, and not found since.
        self._losses: list[_Loss] = []
        #: Step and exchange time of the first gap since the last snapshot, `None` without one.
        self._gap_at: tuple[int, int | None] | None = None

    @property
    def lost(self) -> int:
        """How often fills may have been lost for good: in a gap with more fills than a snapshot
        has, or in a report that could not be read."""
        return self._unreadable + sum(loss.counts for loss in self._losses)

    @property
    def fills(self) -> list[Fill]:
        """The last fills, in order of arrival; a copy."""
        return [fill for fill, _ in self._known.values()]

    @property
    def held(self) -> list[Fill]:
        """Fills whose order is not known yet."""
        return [self._known[exec_id][0] for exec_id in self._unannounced]

    def known_at(self, exec_id: str | None) -> int | None:
        """Return the step at which an execution became known, `None` if it is unknown."""
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
        """Record the fill of a report, if it is new, and return it; it is not announced yet.

        A past fill (`is_past`) is part of a snapshot.

        Returns:
            The fill, `None` if the report cannot be read.
        """
        known = self._known.get(report.exec_id or "")
        if known is not None:
            fill = known[0]
        elif (read := read_fill(report)) is None:
            self._log.error("a fill of %s cannot be read: %r", report.order_id, report)
            self._unreadable += 1
            return None
        else:
            fill = read
            is_history = is_past and not self.has_history
            self._add(fill, order, step, report, is_history=is_history)
        return fill

    def record_found(self, fill: Fill, order: Order | None, step: int) -> bool:
        """Record a fill that REST has, and return whether it is new; see `record`."""
        if fill.exec_id in self._known:
            return False
        at = None if fill.timestamp_ns is None else timestamp_text(fill.timestamp_ns)
        sparse = ExecutionData(
            "trade", fill.order_id, fill.symbol, side=fill.side, exec_id=fill.exec_id, timestamp=at
        )
        self._add(fill, order, step, sparse, is_history=False)
        self._found.add(fill.exec_id)
        return True

    def _add(
        self, fill: Fill, order: Order | None, step: int, report: ExecutionData, *, is_history: bool
    ) -> None:
        self._known[fill.exec_id] = fill, step
        self._unannounced[fill.exec_id] = is_history
        if order is None:
            self._orphans.setdefault(fill.order_id, []).append((fill, report))
        self._keep_bounds()

    def announce(self, order: Order | None, fill: Fill) -> None:
        """Call the listeners with a fill, once. Fills of the history are announced only for
        orders of this client.

        Add the fill to the order first: listeners read what remains of it.
        """
        is_history = self._unannounced.pop(fill.exec_id, None)
        if is_history is False or (is_history and order is not None and order.is_mine):
            self.listeners.call(order, fill)

    def adopt(self, order: Order) -> list[Fill]:
        """Return the fills of an order that arrived before the order was known."""
        return [fill for fill, _ in self._orphans.pop(order.order_id or "", [])]

    def unclaimed_since(self, step: int) -> list[ExecutionData]:
        """Return the reports of fills of unknown orders that arrived after a step."""
        found = (pair for pairs in self._orphans.values() for pair in pairs)
        return [report for fill, report in found if self._known[fill.exec_id][1] > step]

    def gap(self, step: int, at_ns: int | None) -> None:
        """Record that fills may be missing from here on; `at_ns` is an exchange time."""
        if self._gap_at is None:
            self._gap_at = step, at_ns

    def closes_gap(self, exec_id: str | None) -> bool:
        """Return whether a past fill of a snapshot was reported before the gap.

        One that REST had proves nothing: REST may be ahead of the stream.
        """
        known_at = None if exec_id in self._found else self.known_at(exec_id)
        return known_at is not None and (self._gap_at is None or known_at < self._gap_at[0])

    def snapshot_concluded(self, step: int, at_ns: int | None, *, is_seamless: bool) -> None:
        """Record that a snapshot is complete, and whether its fills reach back to known ones."""
        if self.has_history and not is_seamless:
            logger.error("executions: fills of a gap may be missing, as a snapshot has only fifty")
        if not is_seamless:
            since_ns = None if self._gap_at is None else self._gap_at[1]
            self._losses.append(_Loss(step, since_ns, at_ns, self.has_history))
        self._gap_at = None
        self.has_history = True
        orphans = {fill.exec_id for pairs in self._orphans.values() for fill, _ in pairs}
        self._unannounced = {k: v for k, v in self._unannounced.items() if k in orphans}

    def found(self, since_ns: int, until_ns: int) -> None:
        """Record that all fills between two exchange times are known now."""
        self._losses = [loss for loss in self._losses if not loss.is_within(since_ns, until_ns)]

    def are_complete_since(self, step: int) -> bool:
        """Return whether no fill was lost since a step."""
        return all(loss.step < step for loss in self._losses)

    def _keep_bounds(self) -> None:
        if len(self._known) > FILLS_KEPT:
            oldest = next(iter(self._known))
            fill, _ = self._known.pop(oldest)
            self._unannounced.pop(oldest, None)
            self._found.discard(oldest)
            self._orphans.pop(fill.order_id, None)
