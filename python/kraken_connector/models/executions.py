"""Channel `executions`: order life cycle and fills."""

from __future__ import annotations

from typing import ClassVar

from .base import Model, model
from .timestamps import Timestamped


@model
class ExecutionFee(Model):
    """One fee of a fill.

    Attributes:
        asset: currency of the fee.
        qty: amount.
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset({"asset", "qty"})
    TOGETHER = CHECKED

    asset: str
    qty: float


@model
class ExecutionTriggers(Model):
    """The trigger of a stop, take-profit or trailing order.

    Attributes:
        reference: `index` or `last`.
        price: trigger price, or offset when `price_type` is not `static`.
        price_type: `static`, `pct` or `quote`.
        actual_price: effective trigger price at present.
        peak_price: highest or lowest price seen, trailing types only.
        last_price: reference price at activation.
        status: `triggered` or `untriggered`.
        timestamp: RFC 3339 time of activation.
    """

    reference: str | None = None
    price: float | None = None
    price_type: str | None = None
    actual_price: float | None = None
    peak_price: float | None = None
    last_price: float | None = None
    status: str | None = None
    timestamp: str | None = None


@model
class ExecutionContingent(Model):
    """The template of the secondary close order.

    Attributes:
        order_type: type of the secondary order.
        trigger_price: its trigger price.
        trigger_price_type: `static`, `pct` or `quote`.
        limit_price: its limit price.
        limit_price_type: `static`, `pct` or `quote`.
    """

    order_type: str | None = None
    trigger_price: float | None = None
    trigger_price_type: str | None = None
    limit_price: float | None = None
    limit_price_type: str | None = None


@model
class ExecutionData(Timestamped):
    """One report about an order. Reports are sparse: which fields exist depends on `exec_type`.

    A `new` report has no symbol, side or price. To count fills, use `trade` reports, each `exec_id`
    once, and not `filled` reports.

    Attributes:
        exec_type: `pending_new`, `new`, `trade`, `filled`, `iceberg_refill`, `canceled`,
            `expired`, `amended`, `restated` or `status`.
        order_id: the exchange's order id.
        symbol: currency pair.
        order_status: `pending_new`, `new`, `partially_filled`, `filled`, `canceled`, `expired`;
            `triggered` is possible too (not documented).
        side: `buy` or `sell`.
        order_type: `limit`, `market`, `stop-loss`, ...
        order_qty: ordered quantity in base currency.
        limit_price: limit price in quote currency.
        time_in_force: `GTC`, `GTD`, `IOC` or `FOK`.
        order_userref: the client's numeric reference.
        cl_ord_id: the client's order id.
        timestamp: RFC 3339 time of the event.
        cum_qty: filled quantity of the order so far.
        cum_cost: filled value of the order so far.
        avg_price: average fill price so far.
        exec_id: id of this fill.
        trade_id: number of the trade.
        last_qty: quantity of this fill.
        last_price: average price of this fill.
        cost: value of this fill.
        liquidity_ind: `m` maker or `t` taker.
        fees: fees of this fill.
        fee_usd_equiv: fee in US dollars.
        margin: whether the order is on margin.
        limit_price_type: `static`, `pct` or `quote`.
        cash_order_qty: ordered quantity in quote currency.
        display_qty: shown quantity of an iceberg order.
        display_qty_remain: shown quantity of its next slice.
        effective_time: scheduled start.
        expire_time: end of a `GTD` order.
        post_only: whether the order only adds liquidity.
        reduce_only: whether the order only reduces a position.
        no_mpp: deprecated by the exchange.
        fee_ccy_pref: `fcib` (base) or `fciq` (quote).
        triggers: the trigger, on triggered types.
        contingent: the secondary close order, if any.
        amended: whether the order was changed.
        reason: why the order ended or changed, free text.
        position_status: `opened`, `closing` or `closed`.
        liquidated: whether the fill comes from a liquidation.
        margin_borrow: whether the fill changed margin borrowing.
        ord_ref_id: id of the order that created this one.
        ext_ord_id: partner id on order events.
        ext_exec_id: partner id on trade events.
        sender_sub_id: institutional self-trade-prevention id.
        user: account id, only in streams of all users of a master account.
        cancel_reason: deprecated by the exchange, use `reason`.
        stop_price: deprecated by the exchange, use `triggers.price`.
        trigger: deprecated by the exchange, use `triggers.reference`.
        triggered_price: deprecated by the exchange, use `triggers.last_price`.
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset(
        {
            "avg_price",
            "cash_order_qty",
            "cl_ord_id",
            "cost",
            "cum_cost",
            "cum_qty",
            "display_qty",
            "exec_id",
            "exec_type",
            "expire_time",
            "last_price",
            "last_qty",
            "limit_price",
            "ord_ref_id",
            "order_id",
            "order_qty",
            "order_status",
            "order_type",
            "order_userref",
            "side",
            "symbol",
            "timestamp",
            "user",
        }
    )
    #: The field of the rate counter is not documented; an item may have no other field.
    TOGETHER: ClassVar[frozenset[str]] = frozenset({"exec_type", "order_id"})

    exec_type: str
    order_id: str
    symbol: str | None = None
    order_status: str | None = None
    side: str | None = None
    order_type: str | None = None
    order_qty: float | None = None
    limit_price: float | None = None
    time_in_force: str | None = None
    order_userref: int | None = None
    cl_ord_id: str | None = None
    timestamp: str | None = None
    cum_qty: float | None = None
    cum_cost: float | None = None
    avg_price: float | None = None
    exec_id: str | None = None
    trade_id: int | None = None
    last_qty: float | None = None
    last_price: float | None = None
    cost: float | None = None
    liquidity_ind: str | None = None
    fees: list[ExecutionFee] | None = None
    fee_usd_equiv: float | None = None
    margin: bool | None = None
    limit_price_type: str | None = None
    cash_order_qty: float | None = None
    display_qty: float | None = None
    display_qty_remain: float | None = None
    effective_time: str | None = None
    expire_time: str | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    no_mpp: bool | None = None
    fee_ccy_pref: str | None = None
    triggers: ExecutionTriggers | None = None
    contingent: ExecutionContingent | None = None
    amended: bool | None = None
    reason: str | None = None
    position_status: str | None = None
    liquidated: bool | None = None
    margin_borrow: bool | None = None
    ord_ref_id: str | None = None
    ext_ord_id: str | None = None
    ext_exec_id: str | None = None
    sender_sub_id: str | None = None
    user: str | None = None
    cancel_reason: str | None = None
    stop_price: float | None = None
    trigger: str | None = None
    triggered_price: float | None = None
