"""The results of the eight trading methods.

`from_dict` reads the `result` of a reply in every format that was documented or seen. It never
raises: a field of an undocumented type is `None`, as if it were absent. Callers check the fields
that they need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Self

from ..refusals import is_error_text
from .base import Model, model
from .checks import client_id_key
from .timestamps import timestamp_ns

__all__ = [
    "AddOrderResult",
    "AmendOrderResult",
    "BatchAddResult",
    "BatchCancelResult",
    "CancelAllOrdersAfterResult",
    "CancelAllResult",
    "CancelOrderResult",
    "EditOrderResult",
    "pair_rows",
]


class _Result(Model):
    """A result whose fields are read one by one."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, src_dict: Any) -> Self:
        """Build the result from a reply's `result`; unreadable fields are `None`."""
        plain = cls._normalized(src_dict) if isinstance(src_dict, Mapping) else {}
        read = {name: _READ[name](plain.get(name)) for name, _, _ in cls.__wire_fields__}
        return cls(**read)

    @classmethod
    def _normalized(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the result with the keys and types of the fields."""
        return result


def _text(value: Any) -> str | None:
    """Return a string; an empty one, as the `order_id` of a validated order, is `None`."""
    return value if isinstance(value, str) and value else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _texts(value: Any) -> list[str] | None:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else None


_READ = {
    "amend_id": _text,
    "cl_ord_id": _text,
    "count": _integer,
    "current_time": _text,
    "error": _text,
    "order_id": _text,
    "order_userref": _integer,
    "original_order_id": _text,
    "status": _text,
    "trigger_time": _text,
    "warnings": _texts,
}


@model
class AddOrderResult(_Result):
    """A new order, also one of a batch.

    Attributes:
        order_id: the exchange's identifier; absent for a refused order of a batch, and for an order
            that was only validated.
        cl_ord_id: the client's identifier, if it was sent.
        order_userref: the client's number, if it was sent.
        warnings: the exchange's warnings, mostly about deprecated parameters.
        error: why an order of a batch was refused.
        status: status of an order of a batch (not documented).
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    order_userref: int | None = None
    warnings: list[str] | None = None
    error: str | None = field(default=None, kw_only=True)
    status: str | None = field(default=None, kw_only=True)

    @property
    def is_placed(self) -> bool:
        """Whether the exchange accepted the order: it has an identifier and no error."""
        return self.order_id is not None and self.error is None

    @property
    def is_refused(self) -> bool:
        """Whether this order of a batch was refused: it has an error and no identifier.

        If it is neither placed nor refused, its outcome is not known.
        """
        return self.error is not None and self.order_id is None


@model
class AmendOrderResult(_Result):
    """A changed order.

    Attributes:
        order_id: the exchange's identifier, if the request used it.
        amend_id: identifier of the change.
        warnings: the exchange's warnings.
        cl_ord_id: the client's identifier, if the request used it.
    """

    order_id: str | None = None
    amend_id: str | None = None
    warnings: list[str] | None = None
    cl_ord_id: str | None = field(default=None, kw_only=True)


@model
class EditOrderResult(_Result):
    """A replaced order.

    Attributes:
        order_id: the exchange's identifier of the new order; `None` if it was only validated.
        original_order_id: identifier of the old order.
        warnings: the exchange's warnings.
    """

    order_id: str | None
    original_order_id: str | None = None
    warnings: list[str] | None = None


@model
class CancelOrderResult(_Result):
    """A cancelled order.

    Attributes:
        order_id: the exchange's identifier, if the request used it.
        cl_ord_id: the client's identifier, if the request used it.
        warnings: the exchange's warnings.
        order_userref: the client's number, if the request used it.
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    warnings: list[str] | None = None
    order_userref: int | None = field(default=None, kw_only=True)


@model
class CancelAllResult(_Result):
    """The number of cancelled orders.

    Attributes:
        count: the number.
        warnings: the exchange's warnings.
    """

    count: int | None
    warnings: list[str] | None = None


@model
class CancelAllOrdersAfterResult(_Result):
    """The dead man's switch.

    Attributes:
        current_time: RFC 3339 time of the exchange.
        trigger_time: RFC 3339 time at which all orders are cancelled; no meaning when turned off.
    """

    current_time: str | None
    trigger_time: str | None = None

    @property
    def is_armed(self) -> bool:
        """Whether the switch is on: `trigger_time` is later than `current_time`.

        When turned off, `trigger_time` is `"0"`, absent, or equal to `current_time` (Kraken's SDK).
        Unreadable times count as off.
        """
        begin, end = timestamp_ns(self.current_time), self.trigger_time_ns
        return begin is not None and end is not None and end > begin

    @property
    def trigger_time_ns(self) -> int | None:
        """`trigger_time` in nanoseconds since the epoch."""
        return timestamp_ns(self.trigger_time)

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the result under the exchange's names, which are in camel case."""
        plain = Model.to_dict(self, exact=exact)
        return {_CAMEL[name]: value for name, value in plain.items()}

    @classmethod
    def _normalized(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Accept `currentTime`, as documented, and `current_time`, as in other replies."""
        return {snake: _first(result, camel, snake) for snake, camel in _CAMEL.items()}


_CAMEL = {"current_time": "currentTime", "trigger_time": "triggerTime"}


@model
class BatchAddResult(_Result):
    """The orders of a batch; `pair_rows` assigns them to the orders of the request.

    Attributes:
        orders: one result per order.
    """

    orders: list[AddOrderResult] = field(default_factory=list)

    @property
    def rejected(self) -> dict[int, str]:
        """The errors of refused orders, by their index in the reply."""
        refused = ((n, order) for n, order in enumerate(self.orders) if order.is_refused)
        return {n: str(order.error) for n, order in refused}

    @classmethod
    def from_dict(cls, src_dict: Any) -> Self:
        """Build the result from the `result` of a successful or an error reply.

        It is an array, as documented, or an object with `orders`; anything else gives a result
        without orders.
        """
        rows = src_dict.get("orders") if isinstance(src_dict, Mapping) else src_dict
        return cls([_batch_row(row) for row in rows] if isinstance(rows, list) else [])


@model
class BatchCancelResult(_Result):
    """The number of cancelled orders.

    Attributes:
        count: the number.
        warnings: the exchange's warnings.
    """

    count: int | None
    warnings: list[str] | None = None

    @classmethod
    def _normalized(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Accept `count`, as documented, and `orders_cancelled`, as seen."""
        return {**result, "count": _first(result, "count", "orders_cancelled")}


def pair_rows(
    rows: Sequence[AddOrderResult], names: Sequence[str | int | None]
) -> list[AddOrderResult | None]:
    """Return the row of each order of a batch, `None` for an order whose row is not certain.

    A row repeats the `cl_ord_id` or the `order_userref` of its order (page "Batch Add"). If no
    other order of the batch has the same, the row belongs to that order, at any index. The other
    rows are in the order of the request (the same page). This is used only if every order has a
    row, none of these rows has an identifier that its order does not have, and every row that was
    found by identifier has the index of its order, or only one order remains.

    Args:
        rows: `BatchAddResult.orders`.
        names: the `cl_ord_id` or `order_userref` of each order of the request, in its order; `None`
            without one.
    """
    wanted, given = [_row_key(name) for name in names], [_key_of(row) for row in rows]
    in_batch, in_rows = Counter(wanted), Counter(given)
    found = {
        wanted.index(key): row
        for row, key in enumerate(given)
        if key is not None and in_batch[key] == in_rows[key] == 1
    }
    orders_left = [order for order in range(len(names)) if order not in found]
    rows_left = [row for row in range(len(rows)) if row not in found.values()]
    rest = dict(zip(orders_left, rows_left, strict=False))
    fits = all(given[row] in (None, wanted[order]) for order, row in rest.items())
    is_in_order = all(order == row for order, row in found.items())
    if len(rows) == len(names) and fits and (is_in_order or len(orders_left) == 1):
        found |= rest
    return [rows[found[order]] if order in found else None for order in range(len(names))]


def _key_of(row: AddOrderResult) -> str | int | None:
    return _row_key(row.order_userref if row.cl_ord_id is None else row.cl_ord_id)


def _row_key(name: str | int | None) -> str | int | None:
    """Return the same key for all spellings of an identifier; the number 0 is none."""
    return client_id_key(name) if isinstance(name, str) else name or None


def _first(source: Mapping[str, Any], *names: str) -> Any:
    """Return the first of several fields that is present."""
    return next((source[name] for name in names if source.get(name) is not None), None)


def _batch_row(row: Any) -> AddOrderResult:
    """Read a row of a batch; the format of a refused order is not documented.

    Kraken's SDK reads `error`; other clients also read `success` and `status`.
    """
    if isinstance(row, AddOrderResult):
        return row
    result = AddOrderResult.from_dict(row)
    if result.error is not None or not isinstance(row, Mapping):
        return result
    if row.get("success") is False:
        return result.__replace__(error=result.status or "refused without a reason")
    if is_error_text(result.status or ""):
        return result.__replace__(error=result.status)
    return result
