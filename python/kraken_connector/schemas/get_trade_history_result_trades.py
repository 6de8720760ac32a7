"""The schema `GetTradeHistoryResultTrades`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .trade import Trade

__all__ = ["GetTradeHistoryResultTrades"]


@dataclass(slots=True)
class GetTradeHistoryResultTrades(Schema[Trade]):
    """Trades; the items are named by trade id."""
