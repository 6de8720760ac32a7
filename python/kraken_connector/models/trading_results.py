"""What the exchange answers to the eight trading methods.

`from_dict` takes the `result` of a reply, in every shape that was documented or seen, and never
raises: what has another type than documented is `None`, as if it were absent. A caller that needs
a field checks it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Self

from ._checks import client_id_key
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
    "pair_rows",
]


class _Result(Model):
    """A result, of which every field is read by itself."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, src_dict: Any) -> Self:
        """Build the result from a reply's `result`; what cannot be read is `None`."""
        plain = cls._usual(src_dict) if isinstance(src_dict, Mapping) else {}
        read = {name: _READ[name](plain.get(name)) for name, _, _ in cls.__wire_fields__}
        return cls(**read)

    @classmethod
    def _usual(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the result in the shape that the fields have."""
        return result


def _text(value: Any) -> str | None:
    """Return a text; an empty one says nothing, as `order_id` of a validated order."""
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
    """A new order, or the row of one in the answer to a batch.

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
    def is_placed(self) -> bool:
        """Whether the exchange took the order: it has an identifier and no error."""
        return self.order_id is not None and self.error is None

    @property
    def is_refused(self) -> bool:
        """Whether this order of a batch was refused alone: it has an error and no identifier.

        A row that is neither placed nor refused leaves open what became of its order.
        """
        return self.error is not None and self.order_id is None


@model
class AmendOrderResult(_Result):
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
class EditOrderResult(_Result):
    """A replaced order.

    Attributes:
        order_id: the exchange's identifier of the new order; `None` if it was only validated.
        original_order_id: that of the old one.
        warnings: the exchange's notes.
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
        warnings: the exchange's notes.
        order_userref: the client's number, if the request used it.
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    warnings: list[str] | None = None
    order_userref: int | None = field(default=None, kw_only=True)


@model
class CancelAllResult(_Result):
    """How many orders were cancelled.

    Attributes:
        count: their number.
        warnings: the exchange's notes.
    """

    count: int | None
    warnings: list[str] | None = None


@model
class CancelAllOrdersAfterResult(_Result):
    """The dead man's switch.

    Attributes:
        current_time: RFC 3339 time of the exchange.
        trigger_time: RFC 3339 time at which all orders end; of no meaning when turned off.
    """

    current_time: str | None
    trigger_time: str | None = None

    @property
    def is_armed(self) -> bool:
        """Whether the switch is on: `trigger_time` is later than `current_time`.

        Turned off, `trigger_time` is `"0"`, absent, or equal to `current_time` (Kraken's SDK).
        What cannot be read counts as off, so that nobody relies on it.
        """
        begin, end = timestamp_ns(self.current_time), self.trigger_time_ns
        return begin is not None and end is not None and end > begin

    @property
    def trigger_time_ns(self) -> int | None:
        """`trigger_time` in nanoseconds since the epoch."""
        return timestamp_ns(self.trigger_time)

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the result under the exchange's names, which are written in another way."""
        plain = Model.to_dict(self, exact=exact)
        return {_CAMEL[name]: value for name, value in plain.items()}

    @classmethod
    def _usual(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take `currentTime`, as documented, or `current_time`, as all other fields are spelled."""
        return {snake: _first(result, camel, snake) for snake, camel in _CAMEL.items()}


_CAMEL = {"current_time": "currentTime", "trigger_time": "triggerTime"}


@model
class BatchAddResult(_Result):
    """The orders of a batch; `pair_rows` tells which is whose.

    Attributes:
        orders: one result each.
    """

    orders: list[AddOrderResult] = field(default_factory=list)

    @property
    def rejected(self) -> dict[int, str]:
        """Why orders were refused, by their place in the answer."""
        refused = ((n, order) for n, order in enumerate(self.orders) if order.is_refused)
        return {n: str(order.error) for n, order in refused}

    @classmethod
    def from_dict(cls, src_dict: Any) -> Self:
        """Build the result from the `result` of a success or a refusal.

        It is an array, as documented, or an object with `orders`; of anything else, and of `None`,
        comes a result without orders.
        """
        rows = src_dict.get("orders") if isinstance(src_dict, Mapping) else src_dict
        return cls([_batch_row(row) for row in rows] if isinstance(rows, list) else [])


@model
class BatchCancelResult(_Result):
    """How many orders were cancelled.

    Attributes:
        count: their number.
        warnings: the exchange's notes.
    """

    count: int | None
    warnings: list[str] | None = None

    @classmethod
    def _usual(cls, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take `count`, as documented, or `orders_cancelled`, as seen."""
        return {**result, "count": _first(result, "count", "orders_cancelled")}


def pair_rows(
    rows: Sequence[AddOrderResult], names: Sequence[str | int | None]
) -> list[AddOrderResult | None]:
    """Return the row of each order of a batch, `None` where it is not sure which is its own.

    A row repeats the `cl_ord_id` or the `order_userref` of its order (page "Batch Add"). Where no
    other order of the batch has the same, the row is that order's, wherever it stands. The other
    rows stand in the order of the request (the same page). That is believed only if every order
    has a row, none of these rows repeats what its order does not have, and every row that was found
    by name stands in its own place, or one order is left.

    Args:
        rows: `BatchAddResult.orders`.
        names: the `cl_ord_id` or `order_userref` of each order of the request, in its order; `None`
            without one.
    """
    wanted, told = [_row_key(name) for name in names], [_key_of(row) for row in rows]
    in_batch, in_rows = Counter(wanted), Counter(told)
    found = {
        wanted.index(key): place
        for place, key in enumerate(told)
        if key is not None and in_batch[key] == in_rows[key] == 1
    }
    left = [place for place in range(len(names)) if place not in found]
    others = [place for place in range(len(rows)) if place not in found.values()]
    rest = dict(zip(left, others, strict=False))
    fits = all(told[place] in (None, wanted[order]) for order, place in rest.items())
    in_place = all(order == place for order, place in found.items())
    if len(rows) == len(names) and fits and (in_place or len(left) == 1):
        found |= rest
    return [rows[found[order]] if order in found else None for order in range(len(names))]


def _key_of(row: AddOrderResult) -> str | int | None:
    return _row_key(row.order_userref if row.cl_ord_id is None else row.cl_ord_id)


def _row_key(name: str | int | None) -> str | int | None:
    """Return what all spellings of a name have in common; the number 0 is none."""
    return client_id_key(name) if isinstance(name, str) else name or None


#: How the exchange begins its texts of errors, `EOrder:Insufficient funds`.
_ERROR_TEXT = re.compile(r"E[A-Z][A-Za-z]*:")


def _first(source: Mapping[str, Any], *names: str) -> Any:
    """Return the first of several fields that is there."""
    return next((source[name] for name in names if source.get(name) is not None), None)


def _batch_row(row: Any) -> AddOrderResult:
    """Read a row of a batch; how that of a refused order looks is not documented.

    Kraken's SDK reads `error`; other clients model `success` and `status` beside it.
    """
    if isinstance(row, AddOrderResult):
        return row
    result = AddOrderResult.from_dict(row)
    if result.error is not None or not isinstance(row, Mapping):
        return result
    if row.get("success") is False:
        return result.__replace__(error=result.status or "refused without a reason")
    if _ERROR_TEXT.match(result.status or ""):
        return result.__replace__(error=result.status)
    return result
