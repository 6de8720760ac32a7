"""Requests that are encoded in advance; a call adds numbers, token and request id."""

from __future__ import annotations

import asyncio
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
        return await self._trader.send(self._request())

    def send(self) -> asyncio.Future[TradingReply[CancelOrderResult]]:
        """Cancel the order within this call, as `PreparedAmend.send` amends one."""
        return self._trader.start(self._request())

    def _request(self) -> Request:
        targets = self._trader.target(self._name)
        return Request(self.params, None, self._body, (), targets)

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
        return await self._trader.send(
            self._request(limit_price, order_qty, display_qty, trigger_price)
        )

    def send(
        self,
        *,
        limit_price: Number | None = None,
        order_qty: Number | None = None,
        display_qty: Number | None = None,
        trigger_price: Number | None = None,
    ) -> asyncio.Future[TradingReply[AmendOrderResult]]:
        """Change the order within this call, so from a callback too.

            def on_book(message):
                reply = amend.send(limit_price=price(client.book("BTC/USD")))
                reply.add_done_callback(check)

        The request is written before this returns. If it has to wait for a connection, its token
        or the answer to the last request for the order, or if `rate_policy` may delay or refuse
        it, it is sent later, in its turn.

        Args:
            limit_price: as in a call, like the others.
            order_qty: the new total quantity, including what is filled.
            display_qty: the visible quantity of an iceberg order.
            trigger_price: the new trigger price.

        Returns:
            The future reply, with the errors of a call. asyncio logs an error that nobody has
            asked for. A request that was not written yet is withdrawn when it is cancelled.

        Raises:
            InvalidParameter: a number is not valid.
            RuntimeError: no event loop runs in this thread.
        """
        return self._trader.start(self._request(limit_price, order_qty, display_qty, trigger_price))

    def _request(
        self,
        limit_price: Number | None,
        order_qty: Number | None,
        display_qty: Number | None,
        trigger_price: Number | None,
    ) -> Request:
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
        return Request(self.params, numbers, body, (), targets)

    def __repr__(self) -> str:
        return f"<prepared {self.params!r}>"


def _positive(field: str, value: Number) -> Decimal:
    number = checked_number(field, value)
    if number <= 0:
        raise InvalidParameter(field, "more than 0", value)
    return number
