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
                    *(_edited(edit) for edit in pending_edits if edit.order.side == side),
                )
            )

        uncounted = sum(1 for order in working if not order.order_qty)
        return cls(
            remaining("buy"), remaining("sell"), doubtful("buy"), doubtful("sell"), uncounted
        )


def _doubtful(order: Order) -> Decimal:
    """Return what may remain of an order beyond its certain remaining quantity."""
    more = ZERO
    certain = order.remaining_qty or ZERO
    if requests := order._requests():
        edited = (_edited(change) for change in requests if change.method == "edit_order")
        largest = _remaining(order, order._largest_qty())
        more = max([subtract(largest, certain), *edited])
    return more if order.is_open else add(certain, more)


def _remaining(order: Order, qty: Decimal | None) -> Decimal:
    """Return what remains of an order if it has a quantity."""
    return max(subtract(qty or ZERO, order.cum_qty), ZERO)


def _edited(edit: Change) -> Decimal:
    """Return the quantity of the order that an edit without a known outcome may have made.

    It may exist while the old one still counts as open. Without a quantity of its own it has what
    remains of the old one, which an amend before it may have changed.
    """
    qty = edit.numbers.get("order_qty")
    return _remaining(edit.order, edit.largest_qty) if qty is None else qty
