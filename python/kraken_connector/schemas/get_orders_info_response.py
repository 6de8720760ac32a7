"""The schema `GetOrdersInfoResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_orders_info_result import GetOrdersInfoResult

__all__ = ["GetOrdersInfoResponse"]


@dataclass(slots=True)
class GetOrdersInfoResponse(Schema[Any]):
    """The reply to `QueryOrders`."""

    result: GetOrdersInfoResult | None = UNSET
    error: list[str] | None = UNSET
