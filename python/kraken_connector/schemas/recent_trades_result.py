"""The schema `RecentTradesResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ..types import UNSET
from ._base import Schema

__all__ = ["RecentTradesResult"]


@dataclass(slots=True)
class RecentTradesResult(Schema[list[list[float | str]]]):
    """Trades of a pair; the item is named by the pair.

    Each trade is price, volume, time, side, order type, misc and trade id; price and volume are
    text, and times are seconds since 1970.

    Attributes:
        last: the `since` of the next call.
    """

    last: str | None = UNSET
