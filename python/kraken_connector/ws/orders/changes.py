"""The edits without a reply, to find the orders that they made."""

from __future__ import annotations

from collections.abc import Iterator

from ...models import ExecutionData
from .identity import SKEW_NS, number
from .order import Change

__all__ = ["Edits"]


class Edits:
    """The edits of the account's orders without a reply."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

    def add(self, change: Change) -> None:
        """Record a request that is sent, if it is an edit."""
        if change.method == "edit_order":
            self._changes.append(change)

    def drop(self, change: Change) -> None:
        """Remove a request whose outcome is known."""
        if change in self._changes:
            self._changes.remove(change)

    def made(self, report: ExecutionData) -> Change | None:
        """Return the edit that made the order of a first report, `None` if none did.

        An edit makes an order of the same pair, side and type (page "Edit Order"). If the report
        does not name the order that it replaces, exactly one edit must match.
        """
        at_ns = report.timestamp_ns or 0
        fresh = [c for c in self._changes if at_ns <= (c.deadline_ns or at_ns) + SKEW_NS]
        named = [change for change in fresh if report.ord_ref_id == change.order.order_id]
        found = named or [change for change in fresh if _fits(change, report)]
        return found[0] if len(found) == 1 else None

    def forget_older(self, reached_ns: int) -> None:
        """Forget the edits that the exchange has not accepted: they would have been reported.

        Up to `reached_ns`, an exchange time, the stream has no gap.
        """
        self._changes = [c for c in self._changes if (c.deadline_ns or reached_ns) >= reached_ns]


def _fits(change: Change, report: ExecutionData) -> bool:
    old = change.order
    ours = (old.symbol, old.side, old.order_type)
    if ours != (report.symbol, report.side, report.order_type):
        return False
    price = change.numbers.get("limit_price", old.limit_price)
    return report.cl_ord_id is None and price == number(report, "limit_price")
