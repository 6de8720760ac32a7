"""Entries of `level3` messages, checked completely before anything is applied."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..models import timestamp_ns
from .decimal import NumberError, parse_number
from .error import ContentError


class OrderRow(NamedTuple):
    """What happened to one order. Fields that an event does not need are empty or zero."""

    #: `add`, `modify`, `delete`; another text for an event that is not known; `None` in snapshots.
    event: str | None
    order_id: str
    price: int
    price_scale: int
    qty: int
    qty_scale: int
    #: As written, and in ns since the epoch, `None` if it is not a timestamp.
    timestamp: str | None
    time: int | None


def order_row(
    event: str | None,
    order_id: str,
    price: tuple[int, int] = (0, 0),
    qty: tuple[int, int] = (0, 0),
    timestamp: str | None = None,
) -> OrderRow:
    """Make an entry of numbers that were read."""
    return OrderRow(event, order_id, *price, *qty, timestamp or None, timestamp_ns(timestamp))


#: An entry with an event that is not known.
UNKNOWN = order_row("unknown", "")


def read_order(row: Any) -> OrderRow:
    """Read an entry whose numbers are the `bytes` of the wire.

    Raises:
        ContentError: it breaks the protocol; the path begins in the entry.
    """
    if type(row) is not dict:
        raise ContentError("type", ())
    event, order_id = row.get("event"), row.get("order_id")
    if event is not None and (type(event) is not str or event not in ("add", "modify", "delete")):
        return UNKNOWN
    if type(order_id) is not str:
        raise (
            ContentError("missing", ()) if order_id is None else ContentError("type", ("order_id",))
        )
    if event == "delete":
        return order_row(event, order_id)
    price, qty = _number(row, "limit_price"), _number(row, "order_qty")
    timestamp = row.get("timestamp")
    return order_row(event, order_id, price, qty, timestamp if type(timestamp) is str else None)


def _number(row: dict[str, Any], name: str) -> tuple[int, int]:
    lexeme = row.get(name)
    if lexeme is None:
        raise ContentError("missing", ())
    if type(lexeme) is not bytes:
        raise ContentError("type", (name,))
    try:
        return parse_number(lexeme)
    except NumberError:
        raise ContentError("number", (name,)) from None
