"""What working orders can still buy and sell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from ...models.decimals import ZERO, add, subtract, total
from .order import Change, Order

__all__ = ["Exposure"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the working orders of a pair can still buy and sell, in base currency.

    Attributes:
        open_buy: remaining quantity of open buy orders.
        open_sell: remaining quantity of open sell orders.
        doubtful_buy: remaining quantity of buy orders that are being sent, or of which it is not
            known whether the exchange has them.
        doubtful_sell: the same for sell orders.
        uncounted: working orders without a known quantity in base currency: those by
            `cash_order_qty`, and orders of other programs of which only a fill was reported.
    """

    open_buy: Decimal
    open_sell: Decimal
    doubtful_buy: Decimal
    doubtful_sell: Decimal
    uncounted: int = 0

    @property
    def buy(self) -> Decimal:
        """The most that can be bought."""
        return add(self.open_buy, self.doubtful_buy)

    @property
    def sell(self) -> Decimal:
        """The most that can be sold."""
        return add(self.open_sell, self.doubtful_sell)

    @property
    def is_certain(self) -> bool:
        """Whether all quantities are certain."""
        return not (self.doubtful_buy or self.doubtful_sell or self.uncounted)

    @classmethod
    def of(cls, orders: Iterable[Order], edits: Iterable[Change] = ()) -> Self:
        """Add up the remaining quantities of orders; those without a quantity are left out.

        Args:
            orders: the working orders.
            edits: edits of ended orders whose new orders are not known yet.
        """
        working, pending_edits = list(orders), list(edits)

        def remaining(side: str) -> Decimal:
            found = (order for order in working if order.side == side and order.is_open)
            return total(order.remaining_qty or ZERO for order in found)

        def doubtful(side: str) -> Decimal:
            return total(
                (
                    *(_doubtful(order) for order in working if order.side == side),
                    *(_added(e.order, e) for e in pending_edits if e.order.side == side),
                )
            )

        uncounted = sum(1 for order in working if not order.order_qty)
        return cls(
            remaining("buy"), remaining("sell"), doubtful("buy"), doubtful("sell"), uncounted
        )


def _doubtful(order: Order) -> Decimal:
    """Return what may remain of an order beyond its certain remaining quantity."""
    added = [_added(order, change) for change in (*order._pending, *order._unresolved)]
    more = max(added, default=ZERO)
    return more if order.is_open else add(order.remaining_qty or ZERO, more)


def _added(order: Order, change: Change) -> Decimal:
    """Return the quantity that a request without a known outcome may have added to an order."""
    qty = change.numbers.get("order_qty")
    if change.method == "edit_order":
        # The new order may exist while the old one still counts as open.
        return order.remaining_qty or ZERO if qty is None else qty
    if qty is None or order.order_qty is None:
        return ZERO
    return max(subtract(qty, order.order_qty), ZERO)
