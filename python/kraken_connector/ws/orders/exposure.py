"""What working orders can still buy and sell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from ...models._decimals import ZERO, add, total
from .order import Order

__all__ = ["Exposure"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the working orders of a pair can still buy and sell, in base currency.

    Attributes:
        open_buy: what open buy orders have left.
        open_sell: what open sell orders have left.
        doubtful_buy: the same of buy orders that are being sent, or of which it is not known
            whether the exchange has them.
        doubtful_sell: the same of sell orders.
    """

    open_buy: Decimal
    open_sell: Decimal
    doubtful_buy: Decimal
    doubtful_sell: Decimal

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
        """Whether nothing of it is in doubt."""
        return not (self.doubtful_buy or self.doubtful_sell)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Self:
        """Add up what orders have left; an order without a known quantity counts as 0."""
        working = list(orders)

        def left(side: str, *, is_open: bool) -> Decimal:
            return total(
                order.remaining_qty or ZERO
                for order in working
                if order.side == side and order.is_open is is_open
            )

        return cls(
            left("buy", is_open=True),
            left("sell", is_open=True),
            left("buy", is_open=False),
            left("sell", is_open=False),
        )
