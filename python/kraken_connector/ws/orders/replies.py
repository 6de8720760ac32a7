"""The results of trading methods, read from the exchange's replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from ...exceptions import UnexpectedReply
from ...models import WSErrorResponse, WSResponse
from ...models.base import Model, model
from ...models.checks import client_id_key
from ...models.trading_results import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllOrdersAfterResult,
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
    pair_rows,
)

__all__ = ["TradingReply", "check_subject", "read_result", "rows_of"]

_R = TypeVar("_R", bound=Model)


@model
class TradingReply(WSResponse, Generic[_R]):
    """The successful result of a trading method.

    It is a `WSResponse`: `result` is the exchange's plain data, for `batch_add` a list.

    Attributes:
        typed: the result as a class, such as `AddOrderResult` for `add_order`.
        orders: the known orders that the request is about.
        acks: all replies, if one request was sent for each of several identifiers.
    """

    typed: _R | None = field(default=None, kw_only=True, compare=False)
    orders: Sequence[Any] = field(default=(), kw_only=True, compare=False)
    acks: Sequence[WSResponse] = field(default=(), kw_only=True, compare=False)

    @property
    def order(self) -> Any:
        """The order that the request is about; `None` if there is none, or more than one."""
        return self.orders[0] if len(self.orders) == 1 else None

    def _state(self) -> dict[str, Any]:
        # Orders are live objects, which are not pickled.
        return {**Model._state(self), "orders": ()}


def _names_an_order(typed: Any) -> bool:
    return typed.order_id is not None or typed.cl_ord_id is not None


def _counts(typed: Any) -> bool:
    return typed.count is not None and typed.count >= 0


#: By method: the class of the result, the check of what it must have, and that in words.
_RESULTS: Mapping[str, tuple[type[Model], Callable[[Any], bool], str]] = MappingProxyType(
    {
        "add_order": (AddOrderResult, lambda r: r.order_id is not None, "an order_id"),
        "amend_order": (
            AmendOrderResult,
            lambda r: r.amend_id is not None or _names_an_order(r),
            "an amend_id",
        ),
        "edit_order": (EditOrderResult, lambda r: r.order_id is not None, "an order_id"),
        "cancel_order": (CancelOrderResult, _names_an_order, "an order_id or cl_ord_id"),
        "cancel_all": (CancelAllResult, _counts, "a count"),
        "cancel_all_orders_after": (
            CancelAllOrdersAfterResult,
            lambda r: r.current_time is not None or r.trigger_time is not None,
            "a currentTime",
        ),
        "batch_add": (BatchAddResult, lambda r: bool(r.orders), "a list of orders"),
        "batch_cancel": (BatchCancelResult, _counts, "a count"),
    }
)


def read_result(method: str, reply: WSResponse, *, validated: bool = False) -> Model | None:
    """Return the result of a successful reply to `method`.

    The result of a request with `validate=True` is not documented, so any is accepted, and `None`
    is returned for one that cannot be read. So are the results of methods that are not listed here.

    Raises:
        UnexpectedReply: it is not a reply to `method`.
    """
    if method not in _RESULTS and reply.method == method:
        return None
    cls, is_readable, expected = _RESULTS[method]
    typed = cls.from_dict(reply.result)
    if reply.method == method and (validated or is_readable(typed)):
        return typed
    if validated:
        return None
    raise UnexpectedReply(reply, f"{method} with {expected}")


def check_subject(method: str, reply: WSResponse, typed: Any, names: Mapping[str, Any]) -> None:
    """Check that a reply is about the order of the request, if both name one.

    A reply repeats the identifier that the request used (pages "Amend Order", "Edit Order" and
    "Cancel Order"). `names` has the request's `order_id` and `cl_ord_id`, `None` unless it has one.

    Raises:
        UnexpectedReply: it names another order.
    """
    id_field = "original_order_id" if method == "edit_order" else "order_id"
    for field_name, name in ((id_field, names["order_id"]), ("cl_ord_id", names["cl_ord_id"])):
        given: str | None = getattr(typed, field_name, None)
        if given and name and client_id_key(given) != client_id_key(name):
            raise UnexpectedReply(reply, f"{method} with {field_name} {name!r}")


def rows_of(
    response: WSResponse | WSErrorResponse, names: Sequence[str | int | None]
) -> list[AddOrderResult | None] | None:
    """Return the result of each order of a `batch_add`, in the order of the request.

    Args:
        response: a successful reply or an error: Kraken's SDK handles batches with `success: false`
            of which some orders were placed.
        names: the `cl_ord_id` or `order_userref` of each order, `None` without one.

    Returns:
        The results, `None` for an order without a readable one. `None` instead of a list if the
        reply has no results.
    """
    if response.method != "batch_add":
        return None
    rows = BatchAddResult.from_dict(response.result).orders
    # Two orders cannot have the same identifier: neither of such rows is used.
    counts = Counter(row.order_id for row in rows)
    paired = [
        None if row is None or (row.order_id and counts[row.order_id] > 1) else _settled(row)
        for row in pair_rows(rows, names)
    ]
    return paired if rows else None


def _settled(row: AddOrderResult | None) -> AddOrderResult | None:
    """Return a row that has the outcome of its order, else `None`."""
    if row is None or row.is_placed or row.is_refused:
        return row
    if row.order_id is None and row.status == "rejected":
        return row.__replace__(error=row.status)
    return None
