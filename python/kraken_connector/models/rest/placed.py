"""Results of the calls that place, change and cancel orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .row import Row

__all__ = ["RestAmended", "RestCanceled", "RestPlaced"]


@dataclass(frozen=True, slots=True)
class RestPlaced:
    """A new order.

    Attributes:
        order_id: the exchange's identifier; `None` if the order was only validated.
        cl_ord_id: the client's identifier, as it was sent.
        description: the order as a sentence.
        close_description: its conditional close as a sentence.
        raw: the result as received.
    """

    order_id: str | None
    cl_ord_id: str | None
    description: str | None
    close_description: str | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row, cl_ord_id: str | None, *, is_placed: bool) -> Self:
        """Read the result of `AddOrder`."""
        order_ids = row.texts("txid")
        if is_placed and (len(order_ids) != 1 or not order_ids[0]):
            row.refuse("txid", "a list of one identifier", row.raw.get("txid"))
        terms = row.optional_row("descr")
        return cls(
            order_id=order_ids[0] if is_placed else None,
            cl_ord_id=cl_ord_id,
            description=None if terms is None else terms.optional_text("order"),
            close_description=None if terms is None else terms.optional_text("close"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class RestAmended:
    """A changed order.

    Attributes:
        amend_id: identifier of the change.
        raw: the result as received.
    """

    amend_id: str
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read the result of `AmendOrder`."""
        return cls(row.text("amend_id"), row.raw)


@dataclass(frozen=True, slots=True)
class RestCanceled:
    """Cancelled orders.

    Attributes:
        count: how many, by the exchange's count.
        is_pending: whether the cancel was accepted and is not done yet.
        raw: the result as received.
    """

    count: int
    is_pending: bool
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read the result of `CancelOrder` or `CancelAll`."""
        return cls(row.integer("count"), bool(row.optional_flag("pending")), row.raw)
