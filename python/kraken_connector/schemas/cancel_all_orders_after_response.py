"""The schema `CancelAllOrdersAfterResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .cancel_all_orders_after_result import CancelAllOrdersAfterResult

__all__ = ["CancelAllOrdersAfterResponse"]


@dataclass(slots=True)
class CancelAllOrdersAfterResponse(Schema[Any]):
    """The reply to `CancelAllOrdersAfter`."""

    result: CancelAllOrdersAfterResult | None = UNSET
    error: list[str] | None = UNSET
