"""Requests that are encoded beforehand: a call puts numbers, token and id between ready bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import InvalidParameter
from ..models._checks import Number, checked_number, number_text
from ..models.trading import AmendOrderParams, CancelOrderParams
from ..models.trading_results import AmendOrderResult, CancelOrderResult
from .constants import ConnectionState
from .encoding import encode_body
from .trading_desk import Command
from .trading_replies import TradingReply
from .waiting import now, outcome

if TYPE_CHECKING:
    from .trader import TradingMethods

__all__ = ["AMENDED_NUMBERS", "PreparedAmend", "PreparedCancel"]

#: The numbers of an amend as they stand in it.
AMENDED_NUMBERS = ("limit_price", "order_qty", "display_qty", "trigger_price")
_KEYS = {name: f',"{name}":'.encode() for name in AMENDED_NUMBERS}


class PreparedCancel:
    """A cancel of one order; made by `KrakenWSClient.prepare_cancel`.

    Attributes:
        params: what it sends, the token apart.
    """

    __slots__ = ("_body", "_trader", "params")

    def __init__(self, trader: TradingMethods, params: CancelOrderParams) -> None:
        self.params = params
        self._trader = trader
        self._body = encode_body(params.wire())

    async def __call__(self) -> TradingReply[CancelOrderResult]:
        """Cancel the order; raises what `KrakenWSClient.cancel_order` raises."""
        params = self.params
        connection = self._trader._trades_on
        if connection is None or connection.state is not ConnectionState.CONNECTED:
            connection = await self._trader._trading_connection("cancel_order", params.token)
        command = Command(
            "cancel_order",
            self._body,
            order_id=params.order_id[0] if params.order_id else None,
            cl_ord_id=params.cl_ord_id[0] if params.cl_ord_id else None,
            token=params.token,
        )
        connection.session.trading.send(command, now())
        connection.attend()
        return await self._trader._rate_gate.watch(None, outcome(connection, command), params)

    def __repr__(self) -> str:
        return f"<prepared {self.params!r}>"


class PreparedAmend:
    """An amend of one order but for its numbers; made by `KrakenWSClient.prepare_amend`.

    Attributes:
        params: what it sends each time, the token apart.
    """

    __slots__ = ("_body", "_trader", "params")

    def __init__(self, trader: TradingMethods, params: AmendOrderParams) -> None:
        self.params = params
        self._trader = trader
        self._body = encode_body(params.wire())

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
            order_qty: the new total quantity, what is filled included.
            display_qty: what an iceberg shows.
            trigger_price: the new trigger price.
        """
        params = self.params
        connection = self._trader._trades_on
        if connection is None or connection.state is not ConnectionState.CONNECTED:
            connection = await self._trader._trading_connection("amend_order", params.token)
        command = Command(
            "amend_order",
            self._body,
            order_id=params.order_id,
            cl_ord_id=params.cl_ord_id,
            token=params.token,
        )
        numbers: dict[str, Any] = {}
        if limit_price is not None:
            numbers["limit_price"] = checked_number("limit_price", limit_price)
        if order_qty is not None:
            numbers["order_qty"] = _positive("order_qty", order_qty)
        if display_qty is not None:
            numbers["display_qty"] = _positive("display_qty", display_qty)
        if trigger_price is not None:
            numbers["trigger_price"] = checked_number("trigger_price", trigger_price)
        self._trader._check_amend(params, numbers, connection)
        for name, number in numbers.items():
            command.body += _KEYS[name] + number_text(number).encode()
        gate = self._trader._rate_gate
        charge = await gate.admit(params, numbers)
        try:
            if connection.state is not ConnectionState.CONNECTED:
                connection = await self._trader._trading_connection("amend_order", params.token)
            connection.session.trading.send(command, now())
        except BaseException:
            gate.withdraw(charge)
            raise
        connection.attend()
        return await gate.watch(charge, outcome(connection, command), params, numbers)

    def __repr__(self) -> str:
        return f"<prepared {self.params!r}>"


def _positive(field: str, value: Number) -> Any:
    number = checked_number(field, value)
    if number <= 0:
        raise InvalidParameter(field, "more than 0", value)
    return number
