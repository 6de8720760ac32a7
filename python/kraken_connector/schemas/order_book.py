"""The schema `OrderBook`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["OrderBook"]


@dataclass(slots=True)
class OrderBook(Schema[Any]):
    """A book.

    Attributes:
        asks, bids: levels, best first: price and volume as text, and seconds since 1970.
    """

    asks: list[list[int | str]] | None = UNSET
    bids: list[list[int | str]] | None = UNSET
