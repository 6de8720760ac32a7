"""Requests that are encoded in advance; a call adds numbers, token and request id."""

from __future__ import annotations

from decimal import Decimal

from ...exceptions import InvalidParameter
from ...models.checks import Number, checked_number, number_text
from ...models.trading import AmendOrderParams, CancelOrderParams
from ...models.trading_results import AmendOrderResult, CancelOrderResult
from ..base.encoding import encode_body
from ..orders.replies import TradingReply
from .trader import AMENDED_NUMBERS, Request, Trader, names_of

__all__ = ["PreparedAmend", "PreparedCancel"]

_KEYS = {name: f',"{name}":'.encode() for name in AMENDED_NUMBERS}


class PreparedCancel:
    """A cancel of one order; made by `KrakenWSClient.prepare_cancel`.

    Attributes:
        params: its parameters without the token.
    """

    __slots__ = ("_body", "_name", "_trader", "params")

    def __init__(self, trader: Trader, params: CancelOrderParams) -> None:
        self.params = params
        self._trader = trader
        self._body = encode_body(params.wire())
        (self._name,) = names_of(params)

    async def __call__(self) -> TradingReply[CancelOrderResult]:
        """Cancel the order; raises what `KrakenWSClient.cancel_order` raises."""
        targets = self._trader.target(self._name)
        request = Request(self.params, None, self._body, (), targets)
        return await self._trader.send(request)

    def __repr__(self) -> str:
        return f"<prepared {self.params!r}>"


class PreparedAmend:
    """An amend of one order, without its numbers; made by `KrakenWSClient.prepare_amend`.

    Attributes:
        params: its parameters without token, prices and quantities.
    """

    __slots__ = ("_body", "_name", "_trader", "params")

    def __init__(self, trader: Trader, params: AmendOrderParams) -> None:
        self.params = params
        self._trader = trader
        self._body = encode_body(params.wire())
        (self._name,) = names_of(params)

    async def __call__(
        self,
        *,
        limit_price: Number | None = None,
        order_qty: Number | None = None,
        display_qty: Number | None = None,
        trigger_price: Number | None = None,
    ) -> TradingReply[AmendOrderResult]:
        """Change the order; raises what `KrakenWSClient.amend_order` raises.

        Args:
            limit_price: the new limit price.
            order_qty: the new total quantity, including what is filled.
            display_qty: the visible quantity of an iceberg order.
            trigger_price: the new trigger price.
        """
        numbers: dict[str, Decimal] = {}
        if limit_price is not None:
            numbers["limit_price"] = checked_number("limit_price", limit_price)
        if order_qty is not None:
            numbers["order_qty"] = _positive("order_qty", order_qty)
        if display_qty is not None:
            numbers["display_qty"] = _positive("display_qty", display_qty)
        if trigger_price is not None:
            numbers["trigger_price"] = checked_number("trigger_price", trigger_price)
        body = self._body
        for name, number in numbers.items():
            body += _KEYS[name] + number_text(number).encode()
        targets = self._trader.target(self._name)
        request = Request(self.params, numbers, body, (), targets)
        return await self._trader.send(request)

    def __repr__(self) -> str:
        return f"<prepared {self.params!r}>"


def _positive(field: str, value: Number) -> Decimal:
    number = checked_number(field, value)
    if number <= 0:
        raise InvalidParameter(field, "more than 0", value)
    return number
