"""The schema `AddOrderResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .add_order_result import AddOrderResult

__all__ = ["AddOrderResponse"]


@dataclass(slots=True)
class AddOrderResponse(Schema[Any]):
    """The reply to `AddOrder`."""

    result: AddOrderResult | None = UNSET
    error: list[str] | None = UNSET
