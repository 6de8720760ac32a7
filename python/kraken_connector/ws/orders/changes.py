"""Amends, edits and cancels of orders, from sending to the reply."""

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
    """One request to amend, edit or cancel an order.

    Args:
        method: `amend_order`, `edit_order` or `cancel_order`.
        order: the order.
        numbers: the prices and quantities that the request sets, by name.

    Attributes:
        deadline_ns: exchange time until which the exchange may accept it, nanoseconds since the
            epoch; `None` for a cancel, which has no deadline.
        is_reported: whether a report has shown the new terms.
        step: step of the collection at which the reply came.
    """

    __slots__ = ("deadline_ns", "is_reported", "method", "numbers", "order", "step")

    def __init__(self, method: str, order: Order, numbers: Mapping[str, Any]) -> None:
        self.method = method
        self.order = order
        self.numbers: dict[str, Decimal] = {
            name: value for name in TERMS if (value := numbers.get(name)) is not None
        }
        if order.order_type in TRAILING_TYPES:
            # Its limit price is an offset, not a price.
            self.numbers.pop("limit_price", None)
        self.deadline_ns: int | None = None
        self.is_reported = False
        self.step = 0

    def apply(self) -> None:
        """Set the new terms of the order; the reply has confirmed them."""
        for name, value in self.numbers.items():
            setattr(self.order, name, value)
        order = self.order
        if order.order_qty is not None and order.order_qty < order.cum_qty:
            # The quantity becomes what is filled; the rest is canceled (page "Amend Order").
            order.order_qty, order._is_cut = order.cum_qty, True

    def is_in_force(self) -> bool:
        """Return whether the order has the terms that the request sets."""
        return all(getattr(self.order, name) == value for name, value in self.numbers.items())

    def apply_to(self, new: Order, old: Order) -> None:
        """Set the terms of the order that an edit made, where no report had them."""
        for name in TERMS:
            if getattr(new, name) is None:
                setattr(new, name, self.numbers.get(name, getattr(old, name)))


class Edits:
    """The edits without a reply, to find the orders that they made."""

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

        Args:
            reached_ns: a time of the exchange up to which the stream has no gap.
        """
        self._changes = [c for c in self._changes if (c.deadline_ns or reached_ns) >= reached_ns]


def _fits(change: Change, report: ExecutionData) -> bool:
    old = change.order
    ours = (old.symbol, old.side, old.order_type)
    if ours != (report.symbol, report.side, report.order_type):
        return False
    price = change.numbers.get("limit_price", old.limit_price)
    return report.cl_ord_id is None and price == number(report, "limit_price")
