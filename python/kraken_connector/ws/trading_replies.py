"""What a trading method returns, and how it is read from what the exchange answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from ..exceptions import UnexpectedReply
from ..models import WSResponse
from ..models._model import Model, model
from ..models.trading_results import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllOrdersAfterResult,
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
)

__all__ = ["TradingReply", "read_result"]

_R = TypeVar("_R", bound=Model)


@model
class TradingReply(WSResponse, Generic[_R]):
    """The success of a trading method.

    It is a `WSResponse`, so `result` is the exchange's own; of `batch_add` it is a list.

    Attributes:
        typed: the result as a class, `AddOrderResult` for `add_order`.
        orders: the orders as the client knows them, as far as it does.
        acks: every reply, where a request was sent for each of several identifiers.
    """

    typed: _R | None = field(default=None, kw_only=True, compare=False)
    orders: Sequence[Any] = field(default=(), kw_only=True, compare=False)
    acks: Sequence[WSResponse] = field(default=(), kw_only=True, compare=False)

    @property
    def order(self) -> Any:
        """The order as the client knows it; `None` where there is none, or more than one."""
        return self.orders[0] if len(self.orders) == 1 else None

    def _state(self) -> dict[str, Any]:
        # An order is alive, so it stays behind.
        return {**Model._state(self), "orders": ()}


def _has(*names: str) -> Callable[[Any], bool]:
    def check(result: Any) -> bool:
        return isinstance(result, dict) and any(result.get(name) is not None for name in names)

    return check


def _is_batch(result: Any) -> bool:
    orders = result.get("orders") if isinstance(result, dict) else result
    return isinstance(orders, list) and all(isinstance(order, dict) for order in orders)


def _is_count(result: Any) -> bool:
    count = result.get("count") if isinstance(result, dict) else None
    return isinstance(count, int) and not isinstance(count, bool)


#: By method: the result, what it must look like, and that in words.
_SHAPES: Mapping[str, tuple[type[Model], Callable[[Any], bool], str]] = MappingProxyType(
    {
        "add_order": (AddOrderResult, _has("order_id"), "a result with order_id"),
        "amend_order": (
            AmendOrderResult,
            _has("amend_id", "order_id", "cl_ord_id"),
            "a result with amend_id",
        ),
        "edit_order": (EditOrderResult, _has("order_id"), "a result with order_id"),
        "cancel_order": (
            CancelOrderResult,
            _has("order_id", "cl_ord_id", "order_userref"),
            "a result with order_id or cl_ord_id",
        ),
        "cancel_all": (CancelAllResult, _is_count, "a result with count"),
        "cancel_all_orders_after": (
            CancelAllOrdersAfterResult,
            _has("currentTime"),
            "a result with currentTime",
        ),
        "batch_add": (BatchAddResult, _is_batch, "a list of results"),
        "batch_cancel": (BatchCancelResult, _is_count, "a result with count"),
    }
)


def read_result(
    method: str, reply: WSResponse, *, orders: int = 0, validated: bool = False
) -> Model | None:
    """Return what a reply to `method` reports.

    Args:
        method: the request's method.
        reply: a reply that reports success.
        orders: how many orders a batch has.
        validated: whether the request was only to be checked. How the result looks then is not
            documented, so any will do, and `None` comes of one that cannot be read.

    Raises:
        UnexpectedReply: it has not the shape of an answer to `method`.
    """
    cls, fits, expected = _SHAPES[method]
    result: Any = reply.result
    good = reply.method == method and fits(result)
    if not good:
        if validated:
            return None
        raise UnexpectedReply(reply, f"{method} with {expected}")
    typed = cls.from_dict(result)
    if isinstance(typed, BatchAddResult) and len(typed.orders) != orders and not validated:
        raise UnexpectedReply(reply, f"{method} with {orders} results")
    return typed
