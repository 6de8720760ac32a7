"""The schema `RecentTradesResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .recent_trades_result import RecentTradesResult

__all__ = ["RecentTradesResponse"]


@dataclass(slots=True)
class RecentTradesResponse(Schema[Any]):
    """The reply to `Trades`."""

    result: RecentTradesResult | None = UNSET
    error: list[str] | None = UNSET
