"""The schema `GetTradeHistoryResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_trade_history_result import GetTradeHistoryResult

__all__ = ["GetTradeHistoryResponse"]


@dataclass(slots=True)
class GetTradeHistoryResponse(Schema[Any]):
    """The reply to `TradesHistory`."""

    result: GetTradeHistoryResult | None = UNSET
    error: list[str] | None = UNSET
