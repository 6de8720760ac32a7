"""The orders of the account and their reports.

Source: docs.kraken.com, Unified WebSocket, page "Executions": the first event of a derivatives
order is `new`, that of a spot order `pending_new`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ..encode import exact, timestamp
from ..ids import new_id

Report = dict[str, Any]
Completion = Literal["separate", "in trade"]
OPEN = ("pending_new", "new", "partially_filled")


@dataclass(eq=False, slots=True)
class Order:
    """An order.

    Attributes:
        names: its `cl_ord_id`, if it has one, or an `order_userref`.
    """

    order_id: str
    asset_class: str
    symbol: str
    side: str
    order_type: str
    order_qty: Decimal
    limit_price: Decimal | None
    time_in_force: str = "GTC"
    names: Mapping[str, Any] = field(default_factory=dict)
    status: str = "new"
    cum_qty: Decimal = Decimal(0)
    cum_cost: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        """The quantity that is not filled."""
        return self.order_qty - self.cum_qty

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of an order."""

    order: Order
    exec_id: str
    trade_id: int
    qty: Decimal
    price: Decimal
    timestamp_ns: int


def order_id_for(asset_class: str, chance: random.Random) -> str:
    """Return a new id: a UUID for derivatives, the usual form for spot."""
    if asset_class == "spot":
        return new_id("O", chance)
    return new_uuid(chance)


def new_uuid(chance: random.Random) -> str:
    """Return a UUID that depends only on the random numbers."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def accepted(order: Order, now_ns: int) -> list[Report]:
    """Return the first reports of an order; the first one of all has its terms."""
    if order.asset_class == "derivatives":
        return [_terms(order, now_ns)]
    pending = _terms(order, now_ns) | {"exec_type": "pending_new", "order_status": "pending_new"}
    return [pending, _named(order, "new", now_ns)]


def listed(order: Order, now_ns: int) -> Report:
    """Return an open order as in a snapshot."""
    return _terms(order, now_ns) | {"order_status": order.status} | _totals(order)


def traded(fill: Fill, completion: Completion, now_ns: int) -> list[Report]:
    """Return the reports of a fill.

    What completes a derivatives order was not read: a `filled` report as for spot, or the status of
    the last `trade`.
    """
    order = fill.order
    is_complete = not order.left
    in_trade = is_complete and order.asset_class == "derivatives" and completion == "in trade"
    reports = [_trade(fill) | {"order_status": "filled" if in_trade else "partially_filled"}]
    if is_complete and not in_trade:
        reports.append(ended(order, now_ns))
    return reports


def past(fill: Fill) -> Report:
    """Return a fill as in a snapshot."""
    totals = ("cum_qty", "cum_cost", "avg_price")
    report = {key: value for key, value in _trade(fill).items() if key not in totals}
    return report | {"order_status": "filled"}


def amended(order: Order, now_ns: int) -> Report:
    """Return the report of a change."""
    return _named(order, "amended", now_ns) | _sizes(order) | {"cum_qty": exact(order.cum_qty)}


def ended(order: Order, now_ns: int) -> Report:
    """Return the report of an order that is filled, canceled or expired."""
    return _named(order, order.status, now_ns) | _totals(order)


def _trade(fill: Fill) -> Report:
    order = fill.order
    return {
        **_named(order, "trade", fill.timestamp_ns),
        "exec_id": fill.exec_id,
        "trade_id": fill.trade_id,
        "symbol": order.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "last_qty": exact(fill.qty),
        "last_price": exact(fill.price),
        "cost": exact(fill.qty * fill.price),
        "liquidity_ind": "m",
        "fees": [{"asset": "USD", "qty": 0.01}],
        **_totals(order),
    }


def _terms(order: Order, now_ns: int) -> Report:
    return {
        **_named(order, "new", now_ns),
        "symbol": order.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        **_sizes(order),
        "cum_qty": exact(order.cum_qty),
    }


def _named(order: Order, exec_type: str, now_ns: int) -> Report:
    return {
        "order_id": order.order_id,
        **order.names,
        "exec_type": exec_type,
        "order_status": order.status,
        "timestamp": timestamp(now_ns),
    }


def _sizes(order: Order) -> Report:
    price = {} if order.limit_price is None else {"limit_price": exact(order.limit_price)}
    return {"order_qty": exact(order.order_qty), **price}


def _totals(order: Order) -> Report:
    average = order.cum_cost / order.cum_qty if order.cum_qty else Decimal(0)
    return {
        "cum_qty": exact(order.cum_qty),
        "cum_cost": exact(order.cum_cost),
        "avg_price": exact(average),
    }
