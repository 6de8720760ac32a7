"""The schema `GetClosedOrdersResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_closed_orders_result import GetClosedOrdersResult

__all__ = ["GetClosedOrdersResponse"]


@dataclass(slots=True)
class GetClosedOrdersResponse(Schema[Any]):
    """The reply to `ClosedOrders`."""

    result: GetClosedOrdersResult | None = UNSET
    error: list[str] | None = UNSET
