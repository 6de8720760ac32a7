"""The methods of `/v2/private`, as their pages say.

Source: docs.kraken.com, Unified WebSocket, pages of the order methods and "Set Preference". The
texts that refuse orders are those of the spot hosts, as no others were read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ..encode import timestamp
from ..feeds import MarketFeed
from ..requests import UNSUPPORTED_PAIR, Refused
from ..trading.cancel_timer import CancelTimer
from ..trading.refusals import UNKNOWN_ORDER, bad
from . import requests
from .account import UnifiedAccount
from .orders import Order

Params = Mapping[str, Any]
Answer = dict[str, Any]

ORDER_TYPES = frozenset(
    {
        "limit",
        "market",
        "stop-loss",
        "stop-loss-limit",
        "take-profit",
        "take-profit-limit",
        "trailing-stop",
        "trailing-stop-limit",
    }
)
SECOND_NS = 1_000_000_000
LARGEST_LEVERAGE = 50


class UnifiedMethods:
    """Carries out requests.

    Args:
        account: the account.
        markets: the listed markets.
        timer: the dead man's timer, which cancels all orders of the account.
        clock: returns nanoseconds since the epoch.
    """

    def __init__(
        self,
        account: UnifiedAccount,
        markets: MarketFeed,
        timer: CancelTimer,
        clock: Callable[[], int],
    ) -> None:
        self._account = account
        self._markets = markets
        self._clock = clock
        self._timer = timer

    def answer(self, method: str, params: Params) -> list[Answer]:
        """Carry out a request and return its answers; only `cancel_order` has several.

        Raises:
            Refused: the request is answered with one error.
        """
        classes = requests.FUTURES if method == "set_preference" else requests.EACH
        asset_class = requests.check_class(params, classes)
        answers: list[Answer] = getattr(self, f"_{method}")(params, asset_class)
        return answers

    def _add_order(self, params: Params, asset_class: str) -> list[Answer]:
        order = self._build(params, params.get("symbol"), asset_class)
        if params.get("validate", False):
            return [_success({"order_id": "", **order.names})]
        self._enter(order)
        return [_success({"order_id": order.order_id, **order.names})]

    def _batch_add(self, params: Params, asset_class: str) -> list[Answer]:
        rows = params.get("orders")
        if not isinstance(rows, list) or not 2 <= len(rows) <= 15:
            raise bad("orders")
        orders = [self._build(row, params.get("symbol"), asset_class) for row in rows]
        for order in orders:
            self._enter(order)
        return [_success([{"order_id": order.order_id, **order.names} for order in orders])]

    def _amend_order(self, params: Params, asset_class: str) -> list[Answer]:
        """Change an order; the example of a derivatives order has an empty `amend_id`."""
        kinds = [kind for kind in ("order_id", "cl_ord_id") if kind in params]
        if len(kinds) != 1:
            raise bad("order_id")
        order = self._find(kinds[0], params[kinds[0]], asset_class)
        qty, price = (requests.number(params, name) for name in ("order_qty", "limit_price"))
        self._account.amend(order, qty, price)
        amend_id = "" if asset_class == "derivatives" else "TAMEND-AAAAA-BBBBBB"
        return [_success({"amend_id": amend_id, kinds[0]: params[kinds[0]]})]

    def _cancel_order(self, params: Params, asset_class: str) -> list[Answer]:
        kinds = [k for k in ("order_id", "cl_ord_id", "order_userref") if params.get(k)]
        if len(kinds) != 1:
            raise bad("order_id")
        (kind,) = kinds
        if asset_class == "derivatives":
            if kind == "order_userref":
                raise Refused(requests.INVALID.format(kind))
            if kind == "order_id" and not all(map(requests.UUID.fullmatch, params[kind])):
                raise Refused(requests.INVALID.format(kind))
        found = [(name, self._find(kind, name, asset_class)) for name in params[kind]]
        for _, order in found:
            self._account.cancel(order)
        return [_success({kind: name}) for name, _ in found]

    def _cancel_all(self, params: Params, asset_class: str) -> list[Answer]:
        count = self._account.cancel_all(asset_class)
        return [_success({"count": count, "warnings": []})]

    def _cancel_all_orders_after(self, params: Params, asset_class: str) -> list[Answer]:
        """Set the timer, which cancels all orders of the account."""
        seconds = params.get("timeout")
        if type(seconds) is not int or not 0 <= seconds < 86_400:
            raise Refused(requests.INVALID.format("timeout"))
        now = self._clock()
        self._timer.set(now, seconds)
        due = timestamp(now + seconds * SECOND_NS) if seconds else "0"
        return [_success({"currentTime": timestamp(now), "triggerTime": due})]

    def _batch_cancel(self, params: Params, asset_class: str) -> list[Answer]:
        ids, names = params.get("orders", []), params.get("cl_ord_id", [])
        if not 2 <= len(ids) + len(names) <= 50:
            raise bad("orders")
        wanted = [("order_id", text) for text in ids] + [("cl_ord_id", text) for text in names]
        found = {self._found(kind, name, asset_class): None for kind, name in wanted}
        orders = [order for order in found if order is not None]
        for order in orders:
            self._account.cancel(order)
        return [_success({"count": len(orders), "warnings": []})]

    def _set_preference(self, params: Params, asset_class: str) -> list[Answer]:
        mode = params.get("leverage_mode")
        if not isinstance(mode, dict) or "max_leverage" not in mode:
            raise Refused(requests.REQUIRED.format("leverage_mode.max_leverage"))
        symbol, leverage = mode.get("symbol"), requests.number(mode, "max_leverage")
        if symbol not in self._markets.pairs:
            raise Refused(requests.UNKNOWN_MARKET)
        if leverage is not None:
            if leverage <= 0:
                raise Refused(requests.OUT_OF_RANGE)
            if leverage > LARGEST_LEVERAGE:
                raise Refused(requests.EXCEEDS_SCHEDULE)
        self._account.leverage[str(symbol)] = leverage
        return [_success({})]

    # Helpers.

    def _build(self, params: Params, symbol: object, asset_class: str) -> Order:
        if symbol not in self._markets.pairs:
            raise Refused(UNSUPPORTED_PAIR.format(symbol))
        order_type, side = params.get("order_type"), params.get("side")
        if order_type not in ORDER_TYPES:
            raise Refused(requests.INVALID.format("order_type"))
        if side not in ("buy", "sell"):
            raise Refused(requests.INVALID.format("side"))
        if asset_class == "derivatives":
            self._check_derivatives(params)
        qty = requests.number(params, "order_qty")
        if qty is None or qty <= 0:
            raise Refused(requests.INVALID.format("order_qty"))
        names = {k: params[k] for k in ("cl_ord_id", "order_userref") if k in params}
        if any(order.names == names for order in self._account.open_orders() if names):
            raise Refused("EOrder:Duplicate order")
        return Order(
            self._account.new_order_id(asset_class),
            asset_class,
            str(symbol),
            str(side),
            str(order_type),
            qty,
            requests.number(params, "limit_price"),
            str(params.get("time_in_force", "gtc")).upper(),
            names,
        )

    def _check_derivatives(self, params: Params) -> None:
        if "order_userref" in params:
            raise Refused(requests.INVALID.format("order_userref"))
        if params.get("limit_price_type", "static") != "static":
            raise Refused(requests.INVALID.format("limit_price_type"))

    def _enter(self, order: Order) -> None:
        """Accept an order; it is filled at once if it crosses the book."""
        self._account.enter(order)
        market = self._markets.market(order.symbol)
        bid, ask = market.best()
        best = ask if order.side == "buy" else bid
        if best is None or order.order_type not in ("limit", "market"):
            return
        price = market.pair.price(best[0])
        if order.limit_price is None or _crosses(order.side, order.limit_price, price):
            self._account.fill(order.order_id, price=price)

    def _find(self, kind: str, name: object, asset_class: str) -> Order:
        order = self._found(kind, name, asset_class)
        if order is None:
            raise Refused(UNKNOWN_ORDER)
        return order

    def _found(self, kind: str, name: object, asset_class: str) -> Order | None:
        for order in self._account.open_orders(asset_class):
            if name == (order.order_id if kind == "order_id" else order.names.get(kind)):
                return order
        return None


def _crosses(side: str, limit: Decimal, price: Decimal) -> bool:
    return limit >= price if side == "buy" else limit <= price


def _success(result: Any) -> Answer:
    return {"success": True, "result": result}
