"""Margin positions: what margin orders opened and no later one on the other side closed.

The simulator knows nothing else of margin: balances change as with spot orders, nothing is
borrowed, rolled over or liquidated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ..trading.order import Fill, Order

ZERO = Decimal(0)


@dataclass(slots=True)
class Position:
    """What the fills of one margin order opened.

    Attributes:
        position_id: the same for all fills of the order.
        vol, cost, fee: of the opening fills.
        closed_vol, closed_cost, closed_fee: of the closing fills, as far as they closed it.
        closed_by: the ids of those fills.
    """

    position_id: str
    order: Order
    opened_ns: int
    vol: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    closed_vol: Decimal = ZERO
    closed_cost: Decimal = ZERO
    closed_fee: Decimal = ZERO
    closed_by: list[str] = field(default_factory=list)

    @property
    def left(self) -> Decimal:
        """The quantity that is still open."""
        return self.vol - self.closed_vol

    @property
    def cost_left(self) -> Decimal:
        """What the open quantity cost."""
        return self.cost * self.left / self.vol

    @property
    def margin(self) -> Decimal:
        """The margin that the opening fills need."""
        return self.cost / (self.order.leverage or 1)

    def value_change(self, value: Decimal, cost: Decimal) -> Decimal:
        """Return the profit if something that cost `cost` on opening is worth `value` now."""
        return value - cost if self.order.side == "buy" else cost - value


def position_id(order: Order) -> str:
    """Return the id of the position of an order; `TradesHistory` names one for spot orders too."""
    return f"T{order.order_id[1:]}"


def positions(fills: Iterable[Fill], orders: Mapping[str, Order]) -> dict[str, Position]:
    """Return the positions that fills opened, by id, closed ones included; the oldest is closed
    first.
    """
    found: dict[str, Position] = {}
    for fill in fills:
        order = orders[fill.order_id]
        if "margin" in order.flags:
            left = fill.qty
            for position in found.values():
                if left and position.order.pair == order.pair and position.order.side != order.side:
                    left -= _close(position, fill, left)
            if left:
                _open(found, order, fill, left)
    return found


def closing_ids(found: Mapping[str, Position]) -> set[str]:
    """Return the ids of the fills that closed a position, or a part of it."""
    return {exec_id for position in found.values() for exec_id in position.closed_by}


def _close(position: Position, fill: Fill, qty: Decimal) -> Decimal:
    """Close a position with at most `qty` of a fill, and return how much of it was needed."""
    closed = min(position.left, qty)
    if closed:
        position.closed_vol += closed
        position.closed_cost += fill.cost * closed / fill.qty
        position.closed_fee += fill.fee * closed / fill.qty
        position.closed_by.append(fill.exec_id)
    return closed


def _open(found: dict[str, Position], order: Order, fill: Fill, qty: Decimal) -> None:
    name = position_id(order)
    position = found.setdefault(name, Position(name, order, fill.timestamp_ns))
    position.vol += qty
    position.cost += fill.cost * qty / fill.qty
    position.fee += fill.fee * qty / fill.qty
