"""Balances, which only ledger entries change, and the part that open orders hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from ..messages import asset_precision
from .order import Fill, Number, Order

MAKER_FEE = Decimal("0.0016")
TAKER_FEE = Decimal("0.0026")
COST_UNIT = Decimal("0.00001")
FEE_UNIT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of an asset's balance.

    Attributes:
        ref_id: id of the trade, deposit or withdrawal; both entries of a trade share it.
        amount: signed, without the fee.
        fee: subtracted in addition.
        balance: the balance afterwards.
    """

    ledger_id: str
    ref_id: str
    type: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal


class Ledger:
    """The account's balances.

    Args:
        balances: the initial balances by asset.
        new_id: returns a new id with a first letter.
        publish: called with every entry.

    Attributes:
        balances: by asset, including what open orders hold.
        entries: every entry, oldest first.
    """

    def __init__(
        self,
        balances: Mapping[str, Number],
        *,
        new_id: Callable[[str], str],
        publish: Callable[[LedgerEntry], None],
    ) -> None:
        self.balances = {asset: Decimal(amount) for asset, amount in balances.items()}
        self.entries: list[LedgerEntry] = []
        self._new_id = new_id
        self._publish = publish

    def book(
        self, kind: str, ref_id: str, asset: str, amount: Decimal, fee: Decimal = Decimal(0)
    ) -> None:
        """Add an entry; amounts are rounded first, so that the entries add up exactly."""
        unit = ledger_unit(asset)
        amount, fee = amount.quantize(unit), fee.quantize(unit)
        balance = self.balances.get(asset, Decimal(0)) + amount - fee
        self.balances[asset] = balance
        entry = LedgerEntry(self._new_id("L"), ref_id, kind, asset, amount, fee, balance)
        self.entries.append(entry)
        self._publish(entry)

    def book_trade(self, order: Order, fill: Fill) -> None:
        """Add both entries of a fill; the fee is in the quote currency."""
        sign = 1 if order.side == "buy" else -1
        self.book("trade", fill.exec_id, order.pair.base, sign * fill.qty)
        self.book("trade", fill.exec_id, order.pair.quote, -sign * fill.cost, fill.fee)


def ledger_unit(asset: str) -> Decimal:
    """Return the smallest amount of an asset in ledger entries."""
    return Decimal(1).scaleb(-asset_precision(asset))


def cost_of(qty: Decimal, price: Decimal) -> Decimal:
    """Return the cost of a fill."""
    return (qty * price).quantize(COST_UNIT)


def fee_on(cost: Decimal, liquidity_ind: str) -> Decimal:
    """Return the fee of a fill."""
    rate = MAKER_FEE if liquidity_ind == "m" else TAKER_FEE
    return (cost * rate).quantize(FEE_UNIT)


def with_taker_fee(cost: Decimal) -> Decimal:
    """Return the cost of a purchase with the fee of a taker, rounded up."""
    return (cost * (1 + TAKER_FEE)).quantize(FEE_UNIT, ROUND_UP)


def hold_of(order: Order) -> tuple[str, Decimal]:
    """Return the asset and the amount that an open order holds.

    Sales hold the base currency; purchases hold their cost and the fee of a taker.
    """
    if order.side == "sell":
        return order.pair.base, order.left
    price = order.limit_price
    if price is None:
        price = order.trigger.level if order.trigger else Decimal(0)
    return order.pair.quote, with_taker_fee(order.left * price)


def held(orders: Iterable[Order]) -> dict[str, Decimal]:
    """Return the amounts that open orders hold in total, by asset."""
    amounts: dict[str, Decimal] = {}
    for asset, amount in map(hold_of, orders):
        amounts[asset] = amounts.get(asset, Decimal(0)) + amount
    return amounts
