"""The schema `GetOpenOrdersResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_open_orders_result import GetOpenOrdersResult

__all__ = ["GetOpenOrdersResponse"]


@dataclass(slots=True)
class GetOpenOrdersResponse(Schema[Any]):
    """The reply to `OpenOrders`."""

    result: GetOpenOrdersResult | None = UNSET
    error: list[str] | None = UNSET
