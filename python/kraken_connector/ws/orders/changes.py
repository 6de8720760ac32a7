"""Requests about orders that exist: amends, edits and cancels, from sending to the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ...models import ExecutionData
from ...models.order_parts import TRAILING_TYPES
from .identity import SKEW_NS, number
from .order import Order

__all__ = ["Change", "Edits"]

#: The terms that an amend or edit can change.
TERMS = ("order_qty", "limit_price", "display_qty")


class Change:
    """One request about an order.

    Args:
        method: `amend_order`, `edit_order` or `cancel_order`.
        order: the order.
        numbers: the prices and quantities that the request sets, by name.

    Attributes:
        deadline_ns: exchange time until which the exchange may take it, nanoseconds since the
            epoch; `None` for a cancel, which has none.
        is_reported: whether the stream has shown what it changes.
        step: step of the collection at which it was answered.
    """

    __slots__ = ("deadline_ns", "is_reported", "method", "numbers", "order", "step")

    def __init__(self, method: str, order: Order, numbers: Mapping[str, Any]) -> None:
        self.method = method
        self.order = order
        self.numbers: dict[str, Decimal] = {
            name: value for name in TERMS if (value := numbers.get(name)) is not None
        }
        if order.order_type in TRAILING_TYPES:
            # Its limit is a distance, not a price.
            self.numbers.pop("limit_price", None)
        self.deadline_ns: int | None = None
        self.is_reported = False
        self.step = 0

    def apply(self) -> None:
        """Give the order the terms that the request sets; the answer proves them."""
        for name, value in self.numbers.items():
            setattr(self.order, name, value)
        order = self.order
        if order.order_qty is not None and order.order_qty < order.cum_qty:
            # It is set to what is filled, and the rest is canceled (page "Amend Order").
            order.order_qty, order._is_cut = order.cum_qty, True

    def is_in_force(self) -> bool:
        """Tell whether the order has the terms that the request sets."""
        return all(getattr(self.order, name) == value for name, value in self.numbers.items())

    def apply_to(self, new: Order, old: Order) -> None:
        """Give the order that an edit makes its terms, as far as no report told them."""
        for name in TERMS:
            if getattr(new, name) is None:
                setattr(new, name, self.numbers.get(name, getattr(old, name)))


class Edits:
    """The edits without an answer, to find the orders that they made."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

    def add(self, change: Change) -> None:
        """Note that a request is sent."""
        if change.method == "edit_order":
            self._changes.append(change)

    def drop(self, change: Change) -> None:
        """Note that its outcome is known."""
        if change in self._changes:
            self._changes.remove(change)

    def made(self, report: ExecutionData) -> Change | None:
        """Return the edit that made the order of a first report.

        An edit makes an order of the same pair, side and type (page "Edit Order"). Where a report
        does not name the order that it replaces, only one edit that fits is taken for it.
        """
        at_ns = report.timestamp_ns or 0
        fresh = [c for c in self._changes if at_ns <= (c.deadline_ns or at_ns) + SKEW_NS]
        named = [change for change in fresh if report.ord_ref_id == change.order.order_id]
        found = named or [change for change in fresh if _fits(change, report)]
        return found[0] if len(found) == 1 else None

    def forget_older(self, reached_ns: int) -> None:
        """Forget the edits that the exchange cannot have taken any more, and would have reported.

        Args:
            reached_ns: a time of the exchange that the stream has reached without a gap.
        """
        self._changes = [c for c in self._changes if (c.deadline_ns or reached_ns) >= reached_ns]


def _fits(change: Change, report: ExecutionData) -> bool:
    old = change.order
    ours = (old.symbol, old.side, old.order_type)
    if ours != (report.symbol, report.side, report.order_type):
        return False
    price = change.numbers.get("limit_price", old.limit_price)
    return report.cl_ord_id is None and price == number(report, "limit_price")
