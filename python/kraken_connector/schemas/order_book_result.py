"""The schema `OrderBookResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .order_book import OrderBook

__all__ = ["OrderBookResult"]


@dataclass(slots=True)
class OrderBookResult(Schema[OrderBook]):
    """Books; the item is named by the pair."""
