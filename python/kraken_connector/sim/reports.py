"""The items of the private channels: each kind of report with its own keys.

Keys and their order follow recorded messages. No `filled`, `iceberg_refill` or `status` report was
recorded: `filled` is made like `canceled`, the other two like `amended`.
Source: docs.kraken.com, Spot WebSocket v2, executions and balances channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from .encode import exact, timestamp
from .trading.ledger import COST_UNIT, FEE_UNIT, LedgerEntry, ledger_unit
from .trading.order import TRAILING_TYPES, Fill, Order

Report: TypeAlias = dict[str, Any]

USER_REQUESTED = "User requested"


def pending_new(order: Order, now_ns: int) -> Report:
    """Return the report of an order that was accepted for processing, with all its terms."""
    return {
        "order_id": order.order_id,
        "symbol": order.pair.symbol,
        "order_qty": _qty(order, order.order_qty),
        "cum_cost": _cost(order.cum_cost),
        "time_in_force": order.time_in_force,
        "exec_type": "pending_new",
        "side": order.side,
        "order_type": order.order_type,
        **order.client_id,
        **_limit(order),
        **_trigger(order),
        **_post_only(order),
        **_other_terms(order),
        "order_status": "pending_new",
        "fee_usd_equiv": _fee(order.fees),
        "fee_ccy_pref": order.fee_ccy_pref,
        "timestamp": timestamp(now_ns),
    }


def new(order: Order, now_ns: int) -> Report:
    """Return the report of an order that became live; it has little more than the ids."""
    return {
        "timestamp": timestamp(now_ns),
        "order_status": "new",
        "exec_type": "new",
        **_post_only(order),
        **order.client_id,
        "order_id": order.order_id,
    }


def open_order(order: Order, now_ns: int) -> Report:
    """Return an open order as in snapshots: its terms and how far it is filled."""
    return pending_new(order, now_ns) | {
        "exec_type": "pending_new" if order.status == "pending_new" else "new",
        "order_status": order.status,
        "cum_qty": _qty(order, order.cum_qty),
        "avg_price": _price(order, order.avg_price),
        "amended": order.amended,
    }


def trade(order: Order, fill: Fill) -> Report:
    """Return the report of a fill; its status is `partially_filled` even for the last fill."""
    return {
        "order_id": order.order_id,
        **order.client_id,
        "exec_id": fill.exec_id,
        "exec_type": "trade",
        "trade_id": fill.trade_id,
        "symbol": order.pair.symbol,
        "side": order.side,
        "last_qty": _qty(order, fill.qty),
        "last_price": _price(order, fill.price),
        "liquidity_ind": fill.liquidity_ind,
        "cost": _cost(fill.cost),
        "order_type": order.order_type,
        "timestamp": timestamp(fill.timestamp_ns),
        "order_status": "partially_filled",
        **_totals(order),
        "fee_usd_equiv": _fee(fill.fee),
        "fees": [{"asset": order.pair.quote, "qty": _fee(fill.fee)}],
    }


def past_trade(order: Order, fill: Fill) -> Report:
    """Return a fill as in snapshots: the order is filled, its totals are left out."""
    left_out = {"cum_qty", "cum_cost", "avg_price"}
    report = {key: value for key, value in trade(order, fill).items() if key not in left_out}
    return report | {"order_status": "filled"}


def amended(order: Order, now_ns: int) -> Report:
    """Return the report of an order that the user changed."""
    return {
        "timestamp": timestamp(now_ns),
        "exec_type": "amended",
        "order_status": order.status,
        "cum_qty": _qty(order, order.cum_qty),
        "reason": USER_REQUESTED,
        "amended": True,
        "order_qty": _qty(order, order.order_qty),
        **_limit(order),
        **({} if order.trigger is None else {"triggers": _triggers(order)}),
        **_display(order),
        **order.client_id,
        "order_id": order.order_id,
    }


def refilled(order: Order, now_ns: int) -> Report:
    """Return the report of an iceberg that shows its next slice."""
    return {
        "timestamp": timestamp(now_ns),
        "exec_type": "iceberg_refill",
        "order_status": order.status,
        "cum_qty": _qty(order, order.cum_qty),
        "display_qty_remain": _qty(order, order.pair.qty(order.shown_lots)),
        **order.client_id,
        "order_id": order.order_id,
    }


def status(order: Order, now_ns: int) -> Report:
    """Return the report of a trigger that moved or was reached."""
    assert order.trigger is not None
    last = order.trigger.last_price
    triggered = {} if last is None else {"triggered_price": _price(order, last)}
    return {
        "timestamp": timestamp(now_ns),
        "exec_type": "status",
        "order_status": order.status,
        "triggers": _triggers(order),
        **triggered,
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
    """Return an asset as in balances snapshots."""
    amount = ledger_amount(asset, balance)
    wallet = {"type": "spot", "id": "main", "balance": amount}
    return {"asset": asset, "asset_class": "currency", "balance": amount, "wallets": [wallet]}


def ledger(entry: LedgerEntry, now_ns: int) -> Report:
    """Return a change of a balance as in balances updates."""
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


def _limit(order: Order) -> Report:
    price = order.limit_price if order.limit_offset is None else order.limit_offset
    if price is None:
        return {}
    return {"limit_price_type": order.limit_price_type, "limit_price": _price(order, price)}


def _trigger(order: Order) -> Report:
    """Return the trigger and its deprecated fields; without a trigger, `stop_price` is zero."""
    trigger = order.trigger
    if trigger is None:
        return {"stop_price": _price(order, Decimal(0))}
    price = exact(trigger.price)
    return {"triggers": _triggers(order), "stop_price": price, "trigger": trigger.reference}


def _triggers(order: Order) -> Report:
    """Return the object `triggers`; it has more fields once the trigger was reached."""
    trigger = order.trigger
    assert trigger is not None
    known = {
        "price": exact(trigger.price),
        "price_type": trigger.price_type,
        "reference": trigger.reference,
        "status": "untriggered" if trigger.waits else "triggered",
    }
    if order.order_type in TRAILING_TYPES and trigger.peak is not None:
        known |= {"actual_price": _price(order, trigger.level)}
        known |= {"peak_price": _price(order, trigger.peak)}
    if trigger.triggered_ns is None or trigger.last_price is None:
        return known
    return known | {
        "actual_price": _price(order, trigger.level),
        "last_price": _price(order, trigger.last_price),
        "timestamp": timestamp(trigger.triggered_ns),
    }


def _other_terms(order: Order) -> Report:
    """Return the terms that only some orders have."""
    terms = _exactly(order.flags)
    terms |= _display(order)
    if order.effective_ns is not None:
        terms["effective_time"] = timestamp(order.effective_ns, 0)
    if order.expire_ns is not None:
        terms["expire_time"] = timestamp(order.expire_ns, 0)
    if order.conditional is not None:
        terms["contingent"] = _exactly(order.conditional)
    if order.ord_ref_id is not None:
        terms["ord_ref_id"] = order.ord_ref_id
    return terms


def _display(order: Order) -> Report:
    return {} if order.display_qty is None else {"display_qty": _qty(order, order.display_qty)}


def _exactly(terms: Mapping[str, Any]) -> Report:
    """Return terms of a request with the digits of the request."""
    return {
        key: exact(value) if isinstance(value, Decimal) else value for key, value in terms.items()
    }


def _post_only(order: Order) -> Report:
    return {"post_only": True} if order.post_only else {}


def _totals(order: Order) -> Report:
    return {
        "cum_qty": _qty(order, order.cum_qty),
        "cum_cost": _cost(order.cum_cost),
        "avg_price": _price(order, order.avg_price),
    }


def _price(order: Order, value: Decimal) -> Any:
    """Return a price with the pair's decimals."""
    return exact(value.quantize(Decimal(1).scaleb(-order.pair.price_precision)))


def _qty(order: Order, value: Decimal) -> Any:
    """Return a quantity with the pair's decimals."""
    return exact(value.quantize(Decimal(1).scaleb(-order.pair.qty_precision)))


def _cost(value: Decimal) -> Any:
    return exact(value.quantize(COST_UNIT))


def _fee(value: Decimal) -> Any:
    return exact(value.quantize(FEE_UNIT))
