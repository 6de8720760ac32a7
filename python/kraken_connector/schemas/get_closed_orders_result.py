"""The schema `GetClosedOrdersResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_closed_orders_result_entries import GetClosedOrdersResultEntries

__all__ = ["GetClosedOrdersResult"]


@dataclass(slots=True)
class GetClosedOrdersResult(Schema[Any]):
    """A page of orders that have ended.

    Attributes:
        closed: by order id.
        count: how many there are on all pages.
    """

    closed: GetClosedOrdersResultEntries | None = UNSET
    count: int | None = UNSET
