"""A small exchange, written from the protocol pages alone, to compare `Orders` with.

It has orders, their fills and the reports about them. It shares no code with the simulator of the
package, so that they do not share errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.unit.ws.orders.bench import BTC, EPOCH, SECOND, text_of

__all__ = ["OrderAtVenue", "Venue"]

#: Past fills that a snapshot has at most (page "Executions").
SNAPSHOT_FILLS = 50


@dataclass(eq=False)
class OrderAtVenue:
    """The true state of an order.

    Attributes:
        order_id: its identifier.
        names: `cl_ord_id` or `order_userref` as reported.
        side: `buy` or `sell`.
        qty: ordered quantity.
        price: limit price.
        cum: filled quantity.
        cost: filled value.
        status: `new`, `partially_filled`, `filled`, `canceled` or `expired`.
        fills: its executions.
        made: time of its creation, as in reports.
        updated: time of its last event.
    """

    order_id: str
    names: dict[str, Any]
    side: str
    qty: Decimal
    price: Decimal
    cum: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    status: str = "new"
    fills: list[str] = field(default_factory=list)
    made: str = ""
    updated: str = ""

    @property
    def is_live(self) -> bool:
        return self.status in ("new", "partially_filled")

    @property
    def left(self) -> Decimal:
        return self.qty - self.cum if self.is_live else Decimal(0)


class Venue:
    """The exchange.

    Args:
        names_fills: whether the report of a fill has the order's `cl_ord_id` (captured without).
        stamps_events: whether an open order in a snapshot has the time of its last event, or that
            of its creation. Neither is documented.

    Attributes:
        now: local time of the client, seconds.
        orders: all orders by identifier, ended ones included.
        out: reports that are not delivered yet; each is a message of its own.
        fills: past fills by `exec_id`, as in snapshots.
    """

    def __init__(self, *, names_fills: bool, stamps_events: bool) -> None:
        self.now = 0.0
        self.orders: dict[str, OrderAtVenue] = {}
        self.out: list[dict[str, Any]] = []
        self._names_fills = names_fills
        self._stamps_events = stamps_events
        self.fills: dict[str, dict[str, Any]] = {}

    @property
    def live(self) -> Iterator[OrderAtVenue]:
        return (order for order in self.orders.values() if order.is_live)

    # Requests.

    def add(
        self,
        side: str,
        qty: Decimal,
        price: Decimal,
        names: dict[str, Any],
        **links: Any,
    ) -> OrderAtVenue | None:
        """Accept an order, unless its `cl_ord_id` is that of a live one."""
        name = names.get("cl_ord_id")
        if name is not None and any(order.names.get("cl_ord_id") == name for order in self.live):
            return None
        order_id = f"O{len(self.orders):05}"
        order = OrderAtVenue(order_id, names, side, qty, price, made=self._stamp())
        self.orders[order.order_id] = order
        self._report(order, "pending_new", **{**self._terms(order), **links}, status="pending_new")
        self._report(order, "new")
        return order

    def fill(self, order: OrderAtVenue, qty: Decimal) -> None:
        """Fill an order."""
        qty = min(qty, order.left)
        cost = qty * order.price
        order.cum, order.cost = order.cum + qty, order.cost + cost
        order.updated = self._stamp()
        order.status = "partially_filled"
        exec_id = f"E{len(self.fills):05}"
        order.fills.append(exec_id)
        names = order.names if self._names_fills or "cl_ord_id" not in order.names else {}
        fill = {
            "order_id": order.order_id,
            **names,
            "exec_type": "trade",
            "exec_id": exec_id,
            "trade_id": len(self.fills),
            "symbol": BTC,
            "side": order.side,
            "order_type": "limit",
            "last_qty": float(qty),
            "last_price": float(order.price),
            "cost": float(cost),
            "liquidity_ind": "m",
            "timestamp": self._stamp(),
        }
        self.fills[exec_id] = {**fill, "order_status": "filled"}
        self.out.append({**fill, **self._totals(order), "order_status": order.status})
        if not order.left:
            self._end(order, "filled")

    def cancel(self, order: OrderAtVenue, status: str = "canceled") -> None:
        """End an order."""
        self._end(order, status)

    def amend(self, order: OrderAtVenue, qty: Decimal) -> None:
        """Set an order's quantity; one below the filled quantity ends it."""
        order.qty = max(qty, order.cum)
        self._report(order, "amended", order_qty=float(order.qty), limit_price=float(order.price))
        if not order.left:
            self._end(order, "canceled")

    def edit(self, order: OrderAtVenue, qty: Decimal) -> OrderAtVenue:
        """Replace an order by a new one."""
        self._end(order, "canceled")
        new = self.add(
            order.side, qty, order.price, {"order_userref": 0}, ord_ref_id=order.order_id
        )
        assert new is not None
        return new

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the reports of a snapshot."""
        listed = [
            {
                "order_id": order.order_id,
                **order.names,
                **self._terms(order),
                **self._totals(order),
                "exec_type": "new",
                "order_status": order.status,
                "timestamp": order.updated if self._stamps_events else order.made,
            }
            for order in self.live
        ]
        return [*listed, *list(self.fills.values())[-SNAPSHOT_FILLS:]]

    # Reports.

    def _end(self, order: OrderAtVenue, status: str) -> None:
        order.status = status
        self._report(order, status, **self._totals(order))

    def _report(self, order: OrderAtVenue, exec_type: str, **fields: Any) -> None:
        status = fields.pop("status", order.status)
        report = {"order_id": order.order_id, **order.names, "exec_type": exec_type}
        order.updated = self._stamp()
        self.out.append({**report, **fields, "order_status": status, "timestamp": order.updated})

    @staticmethod
    def _terms(order: OrderAtVenue) -> dict[str, Any]:
        return {
            "symbol": BTC,
            "side": order.side,
            "order_type": "limit",
            "order_qty": float(order.qty),
            "limit_price": float(order.price),
            "time_in_force": "GTC",
        }

    @staticmethod
    def _totals(order: OrderAtVenue) -> dict[str, Any]:
        return {"cum_qty": float(order.cum), "cum_cost": float(order.cost)}

    def _stamp(self) -> str:
        return text_of(EPOCH + int(self.now * SECOND))
