"""Calls that place, change and cancel orders."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ..exceptions import InvalidParameter, OrderOutcomeUnknown, RestError
from ..models.checks import checked_client_id, checked_text, checked_userref
from ..models.rest.placed import RestAmended, RestCanceled, RestPlaced
from ..models.rest.row import Row
from ..models.timestamps import timestamp_ns
from ..models.trading import AddOrderParams, AmendOrderParams, CancelAllOrdersAfterParams
from ..models.trading_results import CancelAllOrdersAfterResult
from .caller import Field
from .calls import Calls
from .order_form import Extras, Leverage, When, add_order_fields, amend_order_fields
from .retrying import Effect, is_certain

__all__ = ["TradingCalls"]


class TradingCalls(Calls):
    """Calls that place, change and cancel orders; all need a key.

    Cancels go ahead of other calls, and are repeated up to six times without an answer. New and
    changed orders are sent once.
    """

    async def add_order(
        self,
        order: AddOrderParams,
        *,
        leverage: Leverage | None = None,
        reduce_only: bool | None = None,
        start: When | None = None,
        expire: When | None = None,
        asset_class: str | None = None,
        broker: str | None = None,
    ) -> RestPlaced:
        """Place an order.

        An order without `cl_ord_id` and `order_userref` gets a `cl_ord_id`, unless it has a
        `conditional` or `cl_ord_id=False`: with it the order is found if the answer is lost.

        Args:
            order: the order, as for the socket. `margin=True` needs a `leverage` here, a `deadline`
                must be at least 2 s from now, and `sender_sub_id` cannot be sent.
            leverage: such as 5, one of `AssetPair.leverage_buy` or `leverage_sell`.
            reduce_only: whether to only reduce a position.
            start: when the order starts: a `datetime` with a time zone, RFC 3339 text, or `+n`, n
                seconds from now.
            expire: when it ends, in the same forms: 5 s from now at least, a month at most.
            asset_class: `tokenized_asset` for a pair of such assets.
            broker: a partner's identifier.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid, or the REST API cannot express
                the order.
            RestError: the exchange refused the order, or it was not sent.
            OrderOutcomeUnknown: the order was sent, and its outcome is not known.
        """
        _check_kind("order", order, AddOrderParams)
        extras = Extras(leverage, reduce_only, start, expire, asset_class, broker)
        fields = add_order_fields(order, order.symbol, extras)
        name = _client_id(order)
        fields |= {"cl_ord_id": name}
        fields["pair"] = await self._symbols.altname(order.symbol, asset_class)
        if order.validate:
            result = await self._caller.private("AddOrder", fields)
            return RestPlaced.read(Row("AddOrder", "", result), name, is_placed=False)
        try:
            result = await self._caller.private("AddOrder", fields, effect=Effect.ONCE)
            return RestPlaced.read(Row("AddOrder", "", result), name, is_placed=True)
        except RestError as error:
            failure = _failure("add_order", error, name)
        raise failure

    async def amend_order(self, amend: AmendOrderParams) -> RestAmended:
        """Change an order, which keeps its identifiers and, if possible, its queue position.

        Args:
            amend: the change, as for the socket. A price without a type is a level.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid, or the REST API cannot express
                the change.
            RestError: the exchange refused the change, or it was not sent.
            OrderOutcomeUnknown: the change was sent, and its outcome is not known.
        """
        _check_kind("amend", amend, AmendOrderParams)
        fields = amend_order_fields(amend, None)
        if amend.symbol is not None:
            fields["pair"] = await self._symbols.altname(amend.symbol)
        try:
            result = await self._caller.private("AmendOrder", fields, effect=Effect.ONCE)
            return RestAmended.read(Row("AmendOrder", "", result))
        except RestError as error:
            failure = _failure("amend_order", error, amend.cl_ord_id, amend.order_id)
        raise failure

    async def cancel_order(
        self,
        order_id: str | None = None,
        *,
        cl_ord_id: str | None = None,
        order_userref: int | None = None,
    ) -> RestCanceled:
        """Cancel one order, or all orders with a number.

        Args:
            order_id: the exchange's identifier.
            cl_ord_id: the client's identifier.
            order_userref: the client's number; cancels all orders that have it.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid, or not exactly one is given.
            RestError: the exchange refused the cancel; kind `unknown_order` means that the order is
                not open, perhaps because of an earlier attempt of this call. Or there was no
                answer: then the order may be open or not, and cancelling it again is safe.
        """
        given: dict[str, Any] = {
            "order_id": order_id,
            "cl_ord_id": cl_ord_id,
            "order_userref": order_userref,
        }
        named = [(name, value) for name, value in given.items() if value is not None]
        if len(named) != 1:
            wanted = "exactly one of order_id, cl_ord_id and order_userref"
            raise InvalidParameter("the order", wanted, dict(named))
        ((name, value),) = named
        checks: dict[str, Callable[[str, object], str | int]] = {
            "order_id": checked_text,
            "cl_ord_id": checked_client_id,
            "order_userref": checked_userref,
        }
        field = "cl_ord_id" if name == "cl_ord_id" else "txid"
        return await self._cancel("CancelOrder", {field: checks[name](name, value)})

    async def cancel_all(self) -> RestCanceled:
        """Cancel all open orders of the account.

        Raises:
            RestError: the call failed. Without an answer, orders may be open or not, and cancelling
                again is safe.
        """
        return await self._cancel("CancelAll", {})

    async def cancel_all_orders_after(self, seconds: int) -> CancelAllOrdersAfterResult:
        """Set the dead man's switch of the account, which the socket's is too; 0 turns it off.

        Args:
            seconds: whole seconds, less than a day.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed, or the reply does not show that it was carried out.
        """
        CancelAllOrdersAfterParams(timeout=seconds)
        call = "CancelAllOrdersAfter"
        result = await self._changed(call, {"timeout": seconds})
        row = Row(call, "", result)
        switch = CancelAllOrdersAfterResult.from_dict(row.raw)
        # There may be no `triggerTime` when it is off, so this alone shows that the reply is its.
        if timestamp_ns(switch.current_time) is None:
            row.refuse("currentTime", "an RFC 3339 time", row.raw.get("currentTime"))
        if seconds and not switch.is_armed:
            row.refuse("triggerTime", "later than currentTime", row.raw.get("triggerTime"))
        return switch

    async def _cancel(self, call: str, fields: Mapping[str, Field]) -> RestCanceled:
        return RestCanceled.read(Row(call, "", await self._changed(call, fields)))

    async def _changed(self, call: str, fields: Mapping[str, Field]) -> Any:
        return await self._caller.private(call, fields, effect=Effect.REPEATABLE, urgent=True)


def _check_kind(field: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{field} must be {kind.__name__}, not {value!r}")


def _client_id(order: AddOrderParams) -> str | None:
    """Return the `cl_ord_id` of an order, a new one if it has none and can have one."""
    if order.cl_ord_id is not None:
        return order.cl_ord_id or None
    if order.order_userref is not None or order.conditional is not None:
        return None
    return secrets.token_hex(16)


def _failure(
    method: str, error: RestError, cl_ord_id: str | None, order_id: str | None = None
) -> RestError | OrderOutcomeUnknown:
    """Return the error of an order that was sent once."""
    if is_certain(error):
        return error
    return OrderOutcomeUnknown(
        method,
        error.error,
        venue_error=error.venue_error,
        cl_ord_id=cl_ord_id,
        order_id=order_id,
    )
