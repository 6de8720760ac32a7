"""Finds orders by identifier, and the order that a report is about.

A known `order_id` decides. Otherwise a `cl_ord_id` matches a report with an order of this client
that has no `order_id` yet, if pair and side agree. In a snapshot the time must agree too, because
it has orders and fills of earlier programs, which may have used the same `cl_ord_id`. A report
without `cl_ord_id` is matched only if no other order is possible; until then it is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal

from ...exceptions import InvalidFieldError
from ...models import ExecutionData
from ...models.checks import client_id_key
from ..base.exchange_clock import SECOND_NS
from .life import DONE
from .order import Order

__all__ = ["Identities", "agrees", "could_be", "is_older", "number"]

#: By how much the clocks within the exchange may differ: an order created longer than this before
#: ours was sent is another one.
SKEW_NS = SECOND_NS
#: The fields of a report with all terms of an order (page "Executions", `pending_new`, snapshots).
TERMS = ("symbol", "side", "order_type")

#: Types whose limit is a price and not an offset.
PLAIN_TYPES = ("limit", "iceberg")

Match = Order | Literal["held", "other"]


class Identities:
    """The orders by their identifiers.

    Args:
        sent_ns: returns the earliest exchange time at which an order can have been sent,
            nanoseconds since the epoch; `None` while unknown.
    """

    def __init__(self, sent_ns: Callable[[Order], int | None]) -> None:
        self._sent_ns = sent_ns
        self._by_id: dict[str, Order] = {}
        #: The orders of each `cl_ord_id`, oldest first.
        self._by_name: dict[str, list[Order]] = {}
        #: Orders of this client that may still get an `order_id`, oldest first.
        self._unbound: dict[Order, None] = {}

    def of_id(self, order_id: str | None) -> Order | None:
        """Return the order with an `order_id`."""
        return None if order_id is None else self._by_id.get(order_id)

    def of_name(self, cl_ord_id: str) -> Order | None:
        """Return the order with a `cl_ord_id`: the latest one in force, else the latest one that
        was not refused, else the latest."""
        found = self._by_name.get(client_id_key(cl_ord_id))
        if found is None:
            return None
        for is_meant in (_is_in_force, _is_not_refused, bool):
            for order in reversed(found):
                if is_meant(order):
                    return order
        return None

    def get(self, identifier: str) -> Order | None:
        """Return the order with an `order_id` or `cl_ord_id`, `None` if there is none."""
        return self._by_id.get(identifier) or self.of_name(identifier)

    @property
    def unbound(self) -> Iterable[Order]:
        """The orders of this client that may still get an `order_id`, oldest first."""
        return self._unbound

    def add(self, order: Order) -> None:
        """Add an order under its identifiers."""
        if order.order_id is not None:
            self._by_id[order.order_id] = order
        elif order.is_mine:
            self._unbound[order] = None
        self.add_name(order)

    def add_name(self, order: Order) -> None:
        """Add an order under its `cl_ord_id`, if it has one."""
        if order.cl_ord_id is not None:
            named = self._by_name.setdefault(client_id_key(order.cl_ord_id), [])
            if order not in named:
                named.append(order)

    def bind(self, order: Order, order_id: str) -> None:
        """Set the `order_id` of an order."""
        if order.order_id is not None and self._by_id.get(order.order_id) is order:
            del self._by_id[order.order_id]
        order.order_id = order_id
        self._by_id[order_id] = order
        self._unbound.pop(order, None)

    def settle(self, order: Order) -> None:
        """Expect no `order_id` for an order any more: it was refused, or is absent."""
        self._unbound.pop(order, None)

    def forget(self, order: Order) -> None:
        """Remove an order."""
        self._unbound.pop(order, None)
        if order.order_id is not None and self._by_id.get(order.order_id) is order:
            del self._by_id[order.order_id]
        if order.cl_ord_id is not None:
            key = client_id_key(order.cl_ord_id)
            named = self._by_name.get(key, [])
            if order in named:
                named.remove(order)
            if not named:
                self._by_name.pop(key, None)

    def match(
        self, report: ExecutionData, *, in_snapshot: bool, was_known: Callable[[Order], bool]
    ) -> Match:
        """Return the order that a report is about.

        Args:
            report: the report.
            in_snapshot: whether it is part of a snapshot.
            was_known: returns whether the report's execution was known before an order was sent.

        Returns:
            The order; `held` if it may be one that has no `order_id` yet; `other` if it is an
            unknown order.
        """
        candidates = [
            order
            for order in self.candidates(report, in_snapshot=in_snapshot)
            if not was_known(order)
        ]
        known = self._by_id.get(report.order_id)
        if known is not None:
            # An order that was known before an order of this client was sent is another one.
            earlier = [o for o in candidates if o._since < known._since and _agree(o, known)]
            is_found_by_name = report.cl_ord_id is not None and not known.is_mine and earlier
            return earlier[0] if is_found_by_name else known
        if report.cl_ord_id is not None:
            return candidates[0] if candidates else "other"
        if not candidates:
            return "other"
        if len(candidates) == 1 and candidates[0].status == "unknown":
            order = candidates[0]
            if order.cl_ord_id is None and _has_all_terms(report) and _has_terms_of(order, report):
                return order
        return "held"

    def candidates(self, report: ExecutionData, *, in_snapshot: bool) -> Iterator[Order]:
        """Yield the orders without `order_id` that a report may be about, oldest first."""
        if report.cl_ord_id is not None:
            key = client_id_key(report.cl_ord_id)
            # An absent order that is reported late counts too; a refused one is never reported.
            named = (o for o in self._by_name.get(key, ()) if o.order_id is None and o.is_mine)
            found: Iterable[Order] = sorted(
                (order for order in named if order.status != "rejected"), key=lambda o: o.is_done
            )
        else:
            found = self._unbound
        for order in found:
            # The timestamp of an open order in a snapshot is not documented; it may be the time of
            # the snapshot.
            is_out_of_time = (
                is_older(report, self._sent_ns(order))
                if in_snapshot
                else _is_too_late(order, report)
            )
            # An order that was not sent yet has no report.
            if order.sent_at is not None and could_be(order, report) and not is_out_of_time:
                yield order


def _agree(order: Order, other: Order) -> bool:
    """Return whether two orders may be the same: a sparse report has no pair and side."""
    return order.symbol in (None, other.symbol) and order.side in (None, other.side)


def _is_too_late(order: Order, report: ExecutionData) -> bool:
    """Return whether a report without `cl_ord_id` is of an order created after the deadline."""
    at_ns = report.timestamp_ns
    return (
        report.cl_ord_id is None
        and report.exec_type in ("pending_new", "new")
        and at_ns is not None
        and order.deadline_ns is not None
        and at_ns > order.deadline_ns + SKEW_NS
    )


def is_older(report: ExecutionData, sent_ns: int | None) -> bool:
    """Return whether a report is older than an order."""
    at_ns = report.timestamp_ns
    return at_ns is not None and sent_ns is not None and at_ns < sent_ns - SKEW_NS


def agrees(order: Order, report: Any) -> bool:
    """Return whether a report or record has the pair and side of an order, where both have them."""
    pairs: list[tuple[Any, Any]] = [(order.symbol, report.symbol), (order.side, report.side)]
    return all(ours is None or theirs in (None, ours) for ours, theirs in pairs)


def could_be(order: Order, report: ExecutionData) -> bool:
    """Return whether a report may be about an order of this client."""
    if not agrees(order, report) or _contradicts(order, report):
        return False
    if report.cl_ord_id is not None:
        return order.cl_ord_id is not None and client_id_key(order.cl_ord_id) == client_id_key(
            report.cl_ord_id
        )
    if order.cl_ord_id is None:
        # A sparse report need not have the order_userref (page "Executions").
        is_sparse = report.order_userref is None and not _has_all_terms(report)
        return is_sparse or (order.order_userref or 0) == (report.order_userref or 0)
    # A report with all terms has the cl_ord_id (captured); one of a fill need not ("Executions").
    return not report.order_userref and (
        report.order_userref is None or report.exec_type == "trade"
    )


def _contradicts(order: Order, report: ExecutionData) -> bool:
    """Return whether a report cannot be about an order, given the terms that were sent."""
    if report.exec_type == "trade":
        return _is_beyond(order, report)
    # The first report has the terms that the order was sent with.
    is_first = report.exec_type == "pending_new" and order.order_type in PLAIN_TYPES
    return is_first and _has_all_terms(report) and not _has_terms_of(order, report)


def _is_beyond(order: Order, report: ExecutionData) -> bool:
    """Return whether a fill is larger than an order, or beyond its limit price."""
    if order.order_type not in PLAIN_TYPES or order._requests():
        return False
    qty, price, limit = number(report, "last_qty"), number(report, "last_price"), order.limit_price
    if qty is not None and order.order_qty is not None and qty > order.order_qty:
        return True
    if price is None or limit is None:
        return False
    return price > limit if order.side == "buy" else price < limit


def _has_all_terms(report: ExecutionData) -> bool:
    return all(getattr(report, name) is not None for name in TERMS)


def _has_terms_of(order: Order, report: ExecutionData) -> bool:
    """Return whether a report with all terms has the terms of an order."""
    if order.order_type != report.order_type:
        return False
    pairs = (
        (order.limit_price, number(report, "limit_price")),
        (order.order_qty, number(report, "order_qty")),
    )
    return all(ours is None or ours == theirs for ours, theirs in pairs)


def _is_in_force(order: Order) -> bool:
    return order.status not in DONE


def _is_not_refused(order: Order) -> bool:
    return order.status != "rejected"


def number(report: ExecutionData, field: str) -> Decimal | None:
    """Return a number of a report; `None` if it is missing or not a finite number."""
    if getattr(report, field) is None:
        return None
    try:
        value = report.decimal(field)
    except InvalidFieldError:
        return None
    return value if value is not None and value.is_finite() else None
