"""The schema `CancelAllOrdersResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .cancel_all_orders_result import CancelAllOrdersResult

__all__ = ["CancelAllOrdersResponse"]


@dataclass(slots=True)
class CancelAllOrdersResponse(Schema[Any]):
    """The reply to `CancelAll`."""

    result: CancelAllOrdersResult | None = UNSET
    error: list[str] | None = UNSET
