"""The schema `GetTradeHistoryResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_trade_history_result_trades import GetTradeHistoryResultTrades

__all__ = ["GetTradeHistoryResult"]


@dataclass(slots=True)
class GetTradeHistoryResult(Schema[Any]):
    """A page of trades.

    Attributes:
        count: how many there are on all pages.
        trades: by trade id.
    """

    count: int | None = UNSET
    trades: GetTradeHistoryResultTrades | None = UNSET
