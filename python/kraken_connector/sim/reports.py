"""The private channels' items, with the keys that each kind of report has and no others.

Key sets and their order follow frames seen live. No `filled` report is on record; it is made like
`canceled`. Source: docs.kraken.com, Spot WebSocket v2, executions and balances channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from .encode import exact, timestamp
from .messages import asset_precision
from .pairs import Pair

Report: TypeAlias = dict[str, Any]

COST_UNIT = Decimal("0.00001")
FEE_UNIT = Decimal("0.0001")


@dataclass(slots=True)
class Order:
    """An order of the account.

    Attributes:
        client_id: `cl_ord_id` or `order_userref`, whichever the order carries.
    """

    order_id: str
    pair: Pair
    side: str
    order_type: str
    order_qty: Decimal
    limit_price: Decimal | None
    time_in_force: str
    post_only: bool
    client_id: Mapping[str, str | int]
    status: str = "pending_new"
    cum_qty: Decimal = Decimal(0)
    cum_cost: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    amended: bool = False

    @property
    def avg_price(self) -> Decimal:
        """Average price of the fills so far."""
        return self.cum_cost / self.cum_qty if self.cum_qty else Decimal(0)

    def price(self, value: Decimal) -> Any:
        """Return a price with the pair's decimals."""
        return exact(value.quantize(Decimal(1).scaleb(-self.pair.price_precision)))

    def qty(self, value: Decimal) -> Any:
        """Return a quantity with the pair's decimals."""
        return exact(value.quantize(Decimal(1).scaleb(-self.pair.qty_precision)))


def pending_new(order: Order, now_ns: int) -> Report:
    """Return the report of an order that was accepted for processing: all of its terms."""
    return {
        "order_id": order.order_id,
        "symbol": order.pair.symbol,
        "order_qty": order.qty(order.order_qty),
        "cum_cost": _cost(order.cum_cost),
        "time_in_force": order.time_in_force,
        "exec_type": "pending_new",
        "side": order.side,
        "order_type": order.order_type,
        **order.client_id,
        **_limit(order),
        "stop_price": order.price(Decimal(0)),
        **_post_only(order),
        "order_status": "pending_new",
        "fee_usd_equiv": _fee(order.fees),
        "fee_ccy_pref": "fciq",
        "timestamp": timestamp(now_ns),
    }


def new(order: Order, now_ns: int) -> Report:
    """Return the report of an order that is live now: nothing but its ids."""
    return {
        "timestamp": timestamp(now_ns),
        "order_status": "new",
        "exec_type": "new",
        **_post_only(order),
        **order.client_id,
        "order_id": order.order_id,
    }


def open_order(order: Order, now_ns: int) -> Report:
    """Return an open order as snapshots show it: its terms and how far it is filled."""
    return pending_new(order, now_ns) | {
        "exec_type": "new",
        "order_status": order.status,
        "cum_qty": order.qty(order.cum_qty),
        "avg_price": order.price(order.avg_price),
        "amended": order.amended,
    }


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order; `cost` and `fee` are in the quote currency."""

    exec_id: str
    trade_id: int
    qty: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    liquidity_ind: str


def trade(order: Order, fill: Fill, now_ns: int) -> Report:
    """Return the report of a fill; the status stays short of `filled` even for the last one."""
    return {
        "order_id": order.order_id,
        **order.client_id,
        "exec_id": fill.exec_id,
        "exec_type": "trade",
        "trade_id": fill.trade_id,
        "symbol": order.pair.symbol,
        "side": order.side,
        "last_qty": order.qty(fill.qty),
        "last_price": order.price(fill.price),
        "liquidity_ind": fill.liquidity_ind,
        "cost": _cost(fill.cost),
        "order_type": order.order_type,
        "timestamp": timestamp(now_ns),
        "order_status": "partially_filled",
        **_totals(order),
        "fee_usd_equiv": _fee(fill.fee),
        "fees": [{"asset": order.pair.quote, "qty": _fee(fill.fee)}],
    }


def past_trade(report: Report) -> Report:
    """Return a fill as snapshots show it: the order is filled, its totals are left out."""
    left_out = {"cum_qty", "cum_cost", "avg_price"}
    kept = {key: value for key, value in report.items() if key not in left_out}
    return kept | {"order_status": "filled"}


def amended(order: Order, now_ns: int) -> Report:
    """Return the report of an order that the user changed."""
    return {
        "timestamp": timestamp(now_ns),
        "exec_type": "amended",
        "order_status": order.status,
        "cum_qty": order.qty(order.cum_qty),
        "reason": "User requested",
        "amended": True,
        "order_qty": order.qty(order.order_qty),
        **_limit(order),
        **order.client_id,
        "order_id": order.order_id,
    }


def ended(order: Order, reason: str | None, now_ns: int) -> Report:
    """Return the report of an order that is `filled`, `canceled` or `expired`."""
    reasons = {"cancel_reason": reason, "reason": reason} if reason is not None else {}
    return {
        "timestamp": timestamp(now_ns),
        "order_status": order.status,
        "exec_type": order.status,
        **_totals(order),
        "fee_usd_equiv": _fee(order.fees),
        **_post_only(order),
        **order.client_id,
        **reasons,
        "order_id": order.order_id,
    }


def holding(asset: str, balance: Decimal) -> Report:
    """Return an asset as the balances snapshot shows it."""
    amount = ledger_amount(asset, balance)
    wallet = {"type": "spot", "id": "main", "balance": amount}
    return {"asset": asset, "asset_class": "currency", "balance": amount, "wallets": [wallet]}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One completed change of an asset's balance."""

    ledger_id: str
    ref_id: str
    type: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal


def ledger(entry: LedgerEntry, now_ns: int) -> Report:
    """Return a change of a balance as balances updates show it."""
    return {
        "ledger_id": entry.ledger_id,
        "ref_id": entry.ref_id,
        "timestamp": timestamp(now_ns),
        "type": entry.type,
        "asset": entry.asset,
        "asset_class": "currency",
        "category": entry.type,
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": ledger_amount(entry.asset, entry.amount),
        "fee": ledger_amount(entry.asset, entry.fee),
        "balance": ledger_amount(entry.asset, entry.balance),
    }


def ledger_amount(asset: str, value: Decimal) -> Any:
    """Return an amount with the asset's decimals."""
    return exact(value.quantize(ledger_unit(asset)))


def ledger_unit(asset: str) -> Decimal:
    """Return the smallest amount of an asset that a ledger knows."""
    return Decimal(1).scaleb(-asset_precision(asset))


def _limit(order: Order) -> Report:
    if order.limit_price is None:
        return {}
    return {"limit_price_type": "static", "limit_price": order.price(order.limit_price)}


def _post_only(order: Order) -> Report:
    return {"post_only": True} if order.post_only else {}


def _totals(order: Order) -> Report:
    return {
        "cum_qty": order.qty(order.cum_qty),
        "cum_cost": _cost(order.cum_cost),
        "avg_price": order.price(order.avg_price),
    }


def _cost(value: Decimal) -> Any:
    return exact(value.quantize(COST_UNIT))


def _fee(value: Decimal) -> Any:
    return exact(value.quantize(FEE_UNIT))
