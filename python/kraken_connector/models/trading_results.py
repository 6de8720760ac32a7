"""What the exchange answers to the eight trading methods.

`from_dict` takes the `result` of a reply, in every shape that was documented or seen.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Self

from ._model import Model, model
from ._time import timestamp_ns

__all__ = [
    "AddOrderResult",
    "AmendOrderResult",
    "BatchAddResult",
    "BatchCancelResult",
    "CancelAllOrdersAfterResult",
    "CancelAllResult",
    "CancelOrderResult",
    "EditOrderResult",
]


class _Result(Model):
    """A result that comes in more than one shape."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, src_dict: Any) -> Self:
        """Build the result from a reply's `result`."""
        return super().from_dict(cls._usual(src_dict))

    @classmethod
    def _usual(cls, result: Any) -> Mapping[str, Any]:
        """Return the result in the shape that the fields have."""
        raise NotImplementedError


@model
class AddOrderResult(Model):
    """A new order.

    Attributes:
        order_id: the exchange's identifier; absent for an order of a batch that was refused, and
            for one that was only validated.
        cl_ord_id: the client's identifier, if it was sent.
        order_userref: the client's number, if it was sent.
        warnings: the exchange's notes, mostly on deprecated parameters.
        error: why an order of a batch was refused.
        status: what the exchange says about an order of a batch beside it (not documented).
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    order_userref: int | None = None
    warnings: list[str] | None = None
    error: str | None = field(default=None, kw_only=True)
    status: str | None = field(default=None, kw_only=True)

    @property
    def is_refused(self) -> bool:
        """Whether this order of a batch was refused alone."""
        return self.error is not None


@model
class AmendOrderResult(Model):
    """A changed order.

    Attributes:
        order_id: the exchange's identifier, if the request used it.
        amend_id: identifier of the change.
        warnings: the exchange's notes.
        cl_ord_id: the client's identifier, if the request used it.
    """

    order_id: str | None = None
    amend_id: str | None = None
    warnings: list[str] | None = None
    cl_ord_id: str | None = field(default=None, kw_only=True)


@model
class EditOrderResult(Model):
    """A replaced order.

    Attributes:
        order_id: the exchange's identifier of the new order.
        original_order_id: that of the old one.
        warnings: the exchange's notes.
    """

    order_id: str
    original_order_id: str | None = None
    warnings: list[str] | None = None


@model
class CancelOrderResult(Model):
    """A cancelled order.

    Attributes:
        order_id: the exchange's identifier, if the request used it.
        cl_ord_id: the client's identifier, if the request used it.
        warnings: the exchange's notes.
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    warnings: list[str] | None = None


@model
class CancelAllResult(Model):
    """How many orders were cancelled.

    Attributes:
        count: their number.
        warnings: the exchange's notes.
    """

    count: int
    warnings: list[str] | None = None


@model
class CancelAllOrdersAfterResult(_Result):
    """The dead man's switch.

    Attributes:
        current_time: RFC 3339 time of the exchange.
        trigger_time: RFC 3339 time at which all orders end; of no meaning when turned off.
    """

    current_time: str
    trigger_time: str | None = None

    @property
    def trigger_time_ns(self) -> int | None:
        """`trigger_time` in nanoseconds since the epoch."""
        return timestamp_ns(self.trigger_time)

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the result under the exchange's names, which are written in another way."""
        plain = Model.to_dict(self, exact=exact)
        return {_CAMEL[name]: value for name, value in plain.items()}

    @classmethod
    def _usual(cls, result: Any) -> Mapping[str, Any]:
        return {_SNAKE.get(key, key): value for key, value in result.items()}


_CAMEL = {"current_time": "currentTime", "trigger_time": "triggerTime"}
_SNAKE = {camel: snake for snake, camel in _CAMEL.items()}


@model
class BatchAddResult(_Result):
    """The orders of a batch, in the order of the request.

    Attributes:
        orders: one result each; `is_refused` tells which were refused alone.
    """

    orders: list[AddOrderResult] = field(default_factory=list)

    @property
    def rejected(self) -> dict[int, str]:
        """Why orders were refused, by their place in the request."""
        return {n: order.error for n, order in enumerate(self.orders) if order.error is not None}

    @classmethod
    def _usual(cls, result: Any) -> Mapping[str, Any]:
        """Take an array, as documented, or an object with `orders`."""
        orders = result if isinstance(result, list) else result.get("orders", [])
        return {"orders": [_batch_order(order) for order in orders]}


@model
class BatchCancelResult(_Result):
    """How many orders were cancelled.

    Attributes:
        count: their number.
        warnings: the exchange's notes.
    """

    count: int
    warnings: list[str] | None = None

    @classmethod
    def _usual(cls, result: Any) -> Mapping[str, Any]:
        """Take `count`, as documented, or `orders_cancelled`, as seen."""
        if "count" not in result and "orders_cancelled" in result:
            return {**result, "count": result["orders_cancelled"]}
        return typing.cast(Mapping[str, Any], result)


def _batch_order(order: Any) -> AddOrderResult:
    """Read one order of a batch; how a refused one looks is not documented."""
    if isinstance(order, AddOrderResult):
        return order
    result = AddOrderResult.from_dict(order)
    refused = order.get("success") is False or result.order_id is None
    if refused and result.error is None and not _is_validated(order):
        return result.__replace__(error=str(order.get("status") or "refused without a reason"))
    return result


def _is_validated(order: Mapping[str, Any]) -> bool:
    """Tell whether nothing speaks of a refusal: a batch that is only validated has no ids."""
    return "status" not in order and order.get("success") is not False
