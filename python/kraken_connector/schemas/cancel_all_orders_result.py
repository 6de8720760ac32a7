"""The schema `CancelAllOrdersResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["CancelAllOrdersResult"]


@dataclass(slots=True)
class CancelAllOrdersResult(Schema[Any]):
    """What was cancelled.

    Attributes:
        count: the number of orders.
    """

    count: int | None = UNSET
