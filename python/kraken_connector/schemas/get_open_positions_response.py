"""The schema `GetOpenPositionsResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_open_positions_result import GetOpenPositionsResult

__all__ = ["GetOpenPositionsResponse"]


@dataclass(slots=True)
class GetOpenPositionsResponse(Schema[Any]):
    """The reply to `OpenPositions`."""

    result: GetOpenPositionsResult | None = UNSET
    error: list[str] | None = UNSET
