"""The schema `OrderBookResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .order_book_result import OrderBookResult

__all__ = ["OrderBookResponse"]


@dataclass(slots=True)
class OrderBookResponse(Schema[Any]):
    """The reply to `Depth`."""

    result: OrderBookResult | None = UNSET
    error: list[str] | None = UNSET
