"""Checks of orders before they are sent, for what the exchange would refuse.

Prices must be multiples of the tick and quantities of the lot; there is a smallest quantity and a
smallest cost; a pair or the whole exchange can be closed to some or all orders (docs.kraken.com,
pages "Instrument" and "Status"). Cancels are not checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from ...exceptions import OrderCheckFailed
from ...models.decimals import EXACT
from ...models.enums import PriceType
from ...models.enums import WSOrderType as OrderType
from ...models.order_parts import LIMIT_TYPES, OFFSETS, TRAILING_TYPES, check_amended
from ...models.timestamps import timestamp_ns
from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    EditOrderParams,
    TradingParams,
)
from ..account.instruments import Instruments, PairRules
from ..constants import SystemState
from ..orders import Order
from ..orders.life import FINAL

__all__ = ["OrderChecks", "check_price", "check_quantity"]

#: Looked up once, as access to an enum member is slow.
ONLINE, STATIC = SystemState.ONLINE, PriceType.STATIC
#: Page "Add Order": shortest and longest time until a deadline, nanoseconds.
DEADLINE_NS = (500_000_000, 60_000_000_000)
#: States of a pair or of the exchange in which no new order is accepted, and why.
_CLOSED = {
    "cancel_only": "only cancels are accepted",
    "delisted": "it is no longer traded",
    "maintenance": "it is under maintenance",
    "work_in_progress": "it is not open yet",
}


class OrderChecks:
    """Checks requests against the rules of the exchange and of its pairs.

    Args:
        instruments: the rules of the pairs.
        is_current: returns whether `instruments` is up to date; if not, it refuses nothing.
    """

    def __init__(
        self, instruments: Instruments, is_current: Callable[[], bool] = lambda: True
    ) -> None:
        self._instruments = instruments
        self._is_current = is_current

    def check(
        self,
        params: TradingParams,
        now_ns: int,
        *,
        system: str | None = None,
        order: Order | None = None,
    ) -> None:
        """Check a request for new orders.

        Args:
            params: the request; one without new orders passes.
            now_ns: current time, nanoseconds since the epoch.
            system: system status of the exchange, `None` while unknown.
            order: the order that an edit replaces, if the client knows it.

        Raises:
            OrderCheckFailed: the exchange would refuse it.
        """
        _check_deadline(params, now_ns)
        if order is not None and isinstance(params, EditOrderParams):
            _check_not_done(params, order)
            _check_edit(params, order)
        for new in _new_orders(params):
            if system is not None and system != ONLINE:
                _check_system(new, system)
            try:
                if (rules := self._rules(new.symbol)) is not None:
                    _check_order(new, rules)
            except OrderCheckFailed:
                if self._is_current():
                    raise

    def check_amend(
        self,
        params: AmendOrderParams,
        numbers: Mapping[str, Decimal],
        now_ns: int,
        *,
        system: str | None = None,
        order: Order | None = None,
    ) -> None:
        """Check an amend. Minimum quantity and cost are not checked, as Kraken may accept less.

        `params` lack the prices and quantities, which `numbers` has by name; the other arguments
        are those of `check`.

        Raises:
            OrderCheckFailed: the exchange would refuse it.
            InvalidParameter: (a `ValueError`) a price does not fit the type of the order.
        """
        if params.deadline is not None:
            _check_deadline(params, now_ns)
        if order is not None:
            _check_not_done(params, order)
            if order.order_type is not None:
                check_amended(order.order_type, numbers, params.limit_price_type)
        if system == SystemState.MAINTENANCE:
            raise _closed("the exchange", "system", system, _CLOSED[system], None, params.METHOD)
        symbol = params.symbol or getattr(order, "symbol", None)
        rules = self._instruments.rules(symbol) if symbol else None
        if rules is None:
            return
        try:
            _check_amended_numbers(params, numbers, rules, order)
        except OrderCheckFailed:
            if self._is_current():
                raise

    def _rules(self, symbol: str) -> PairRules | None:
        rules = self._instruments.rules(symbol)
        # The stream has tokenized assets (TSLAx/USD) only with `include_tokenized_assets`.
        if rules is None and self._instruments and not symbol.partition("/")[0].endswith("x"):
            close = difflib.get_close_matches(symbol, list(self._instruments), 3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            text = f"{symbol} is not traded{hint}"
            raise OrderCheckFailed(text, rule="symbol", symbol=symbol, field="symbol", value=symbol)
        return rules


def check_price(field: str, price: Decimal, rules: PairRules) -> None:
    """Check a price against the tick.

    Raises:
        OrderCheckFailed: it is not a multiple.
    """
    _check_step("tick", field, price, rules.tick, rules.symbol)


def check_quantity(field: str, qty: Decimal, rules: PairRules) -> None:
    """Check a quantity against the lot.

    Raises:
        OrderCheckFailed: it is not a multiple.
    """
    _check_step("lot", field, qty, rules.lot, rules.symbol)


def _new_orders(params: TradingParams) -> Sequence[AddOrderParams | EditOrderParams]:
    if isinstance(params, BatchAddParams):
        return params.orders
    # A tuple, as a union would be created on each call.
    return (params,) if isinstance(params, (AddOrderParams, EditOrderParams)) else ()


def _check_deadline(params: TradingParams, now_ns: int) -> None:
    deadline = getattr(params, "deadline", None)
    if deadline is None:
        return
    left = (timestamp_ns(deadline) or 0) - now_ns
    least, most = DEADLINE_NS
    if not least <= left <= most:
        text = f"deadline must be 0.5 to 60 s from now, not {left / 1e9:.3f} s: {deadline}"
        raise OrderCheckFailed(
            text, rule="deadline", field="deadline", value=deadline, method=params.METHOD
        )


def _check_not_done(params: AmendOrderParams | EditOrderParams, order: Order) -> None:
    """Check that the exchange has not reported the end of an order that is to be changed."""
    if order.status in FINAL:
        name = order.order_id or order.cl_ord_id
        raise OrderCheckFailed(
            f"{params.METHOD} cannot change {name}: it is {order.status}",
            rule="done",
            symbol=order.symbol,
            field="order_id",
            value=name,
            method=params.METHOD,
        )


def _check_amended_numbers(
    params: AmendOrderParams, numbers: Mapping[str, Decimal], rules: PairRules, order: Order | None
) -> None:
    # Prices of a trailing order are distances.
    is_trailing = order is not None and order.order_type in TRAILING_TYPES
    for field, number in numbers.items():
        if not field.endswith("price"):
            check_quantity(field, number, rules)
        elif not is_trailing and getattr(params, f"{field}_type") not in OFFSETS:
            check_price(field, number, rules)


def _check_edit(params: EditOrderParams, order: Order) -> None:
    """Check whether an order can be edited (page "Edit Order")."""
    if order.cl_ord_id is not None:
        reason = f"it has a cl_ord_id ({order.cl_ord_id})"
    elif getattr(order.params, "conditional", None) is not None:
        reason = "it has a conditional close"
    elif params.order_qty is not None and _decimal(params.order_qty) < order.cum_qty:
        reason = f"{order.cum_qty:f} of it is filled, more than {params.order_qty:f}"
    else:
        return
    raise OrderCheckFailed(
        f"edit_order cannot change {params.order_id}: {reason}; use amend_order",
        rule="edit",
        symbol=params.symbol,
        field="order_id",
        value=params.order_id,
        method=params.METHOD,
    )


def _check_system(params: AddOrderParams | EditOrderParams, system: str) -> None:
    """Check an order against the system status (page "Status")."""
    reason = _CLOSED.get(system) or _not_this_order(params, system)
    if reason is not None:
        raise _closed("the exchange", "system", system, reason, None, params.METHOD)


def _check_status(params: AddOrderParams | EditOrderParams, rules: PairRules) -> None:
    """Check an order against the status of its pair (page "Instrument")."""
    if rules.status == "online":
        return
    reason = _CLOSED.get(rules.status) or _not_this_order(params, rules.status)
    if reason is not None:
        raise _closed(rules.symbol, "status", rules.status, reason, rules.symbol, params.METHOD)


def _not_this_order(params: AddOrderParams | EditOrderParams, state: str) -> str | None:
    """Return why a state excludes an order, `None` if it does not or is unknown."""
    order_type = getattr(params, "order_type", None)
    if state == "post_only":
        is_limit = order_type in (None, OrderType.LIMIT)
        fits, what = params.post_only and is_limit, "limit orders with post_only"
    elif state == "limit_only":
        fits, what = order_type is None or order_type in LIMIT_TYPES, "orders with a limit price"
    elif state == "reduce_only":
        fits, what = params.reduce_only, "orders with reduce_only"
    else:
        return None
    return None if fits else f"only {what} are accepted"


def _closed(
    what: str, rule: str, state: str, reason: str, symbol: str | None, method: str
) -> OrderCheckFailed:
    return OrderCheckFailed(
        f"{what} is {state}: {reason}", rule=rule, symbol=symbol, value=state, method=method
    )


def _check_order(params: AddOrderParams | EditOrderParams, rules: PairRules) -> None:
    _check_status(params, rules)
    limit = _limit_level(params)
    if limit is not None:
        check_price("limit_price", limit, rules)
    if params.triggers is not None or getattr(params, "conditional", None) is not None:
        for field, price in _other_prices(params):
            check_price(field, price, rules)
    if params.order_qty:
        check_quantity("order_qty", _decimal(params.order_qty), rules)
    if params.display_qty:
        check_quantity("display_qty", _decimal(params.display_qty), rules)
    _check_minimum(params, rules)
    _check_cost(params, limit, rules)


def _other_prices(params: AddOrderParams | EditOrderParams) -> Iterator[tuple[str, Decimal]]:
    """Yield the fields and values of prices other than the limit that are not offsets."""
    triggers = params.triggers
    if triggers is not None and not triggers.is_offset:
        yield "triggers.price", _decimal(triggers.price)
    close = getattr(params, "conditional", None)
    if close is None:
        return
    is_trailing = close.order_type in TRAILING_TYPES
    if close.limit_price is not None and not is_trailing:
        yield "conditional.limit_price", close.limit_price
    if close.trigger_price is not None and close.trigger_price_type not in OFFSETS:
        yield "conditional.trigger_price", close.trigger_price


def _limit_level(params: AddOrderParams | EditOrderParams) -> Decimal | None:
    """Return the limit price, `None` if it is an offset, as in most trailing orders."""
    if params.limit_price is None:
        return None
    if (
        getattr(params, "order_type", None) in TRAILING_TYPES
        and getattr(params, "limit_price_type", None) != STATIC
    ):
        return None
    return _decimal(params.limit_price)


def _check_step(rule: str, field: str, value: Decimal, step: Decimal, symbol: str) -> None:
    if not step or not EXACT.remainder(value, step):
        return
    below = _rounded(value, step, ROUND_FLOOR)
    above = EXACT.add(below, step)
    nearest = f"{below:f} and {above:f}" if below > 0 else f"{above:f}"
    raise OrderCheckFailed(
        f"{field} of {symbol} must be a multiple of {step:f} ({rule}), not {value:f}; "
        f"the nearest: {nearest}",
        rule=rule,
        symbol=symbol,
        field=field,
        value=value,
        below=below if below > 0 else None,
        above=above,
    )


def _check_minimum(params: AddOrderParams | EditOrderParams, rules: PairRules) -> None:
    """Check the quantity against the minimum; 0 means the whole position."""
    qty = params.order_qty
    if not qty or _decimal(qty) >= rules.qty_min:
        return
    least = _rounded(rules.qty_min, rules.lot, ROUND_CEILING)
    raise OrderCheckFailed(
        f"order_qty of {rules.symbol} must be at least {least:f}, not {qty:f}",
        rule="minimum",
        symbol=rules.symbol,
        field="order_qty",
        value=qty,
        above=least,
    )


def _check_cost(
    params: AddOrderParams | EditOrderParams, price: Decimal | None, rules: PairRules
) -> None:
    """Check the cost against the minimum, if the price is known in advance."""
    cash = getattr(params, "cash_order_qty", None)
    if cash is not None and cash < rules.cost_min:
        raise OrderCheckFailed(
            f"cash_order_qty of {rules.symbol} must be at least {rules.cost_min:f}, not {cash:f}",
            rule="cost",
            symbol=rules.symbol,
            field="cash_order_qty",
            value=cash,
            above=rules.cost_min,
        )
    qty = params.order_qty
    if not price or not qty:
        return
    cost = EXACT.multiply(price, _decimal(qty))
    if cost >= rules.cost_min:
        return
    least = _rounded(EXACT.divide(rules.cost_min, price), rules.lot, ROUND_CEILING)
    raise OrderCheckFailed(
        f"order_qty of {rules.symbol} at {price:f} must be at least {least:f}, not {qty:f}: "
        f"it costs {cost:f}, the least is {rules.cost_min:f}",
        rule="cost",
        symbol=rules.symbol,
        field="order_qty",
        value=qty,
        above=least,
    )


def _rounded(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Return `value` rounded to a multiple of `step`, with the digits of `step`."""
    if not step:
        return value
    steps = EXACT.divide(value, step).to_integral_value(rounding, EXACT)
    return EXACT.quantize(EXACT.multiply(steps, step), step)


def _decimal(value: Any) -> Decimal:
    """Return a number of checked parameters, typed as the `Decimal` that it is."""
    assert isinstance(value, Decimal)
    return value
