"""The schema `OhlcResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ..types import UNSET
from ._base import Schema

__all__ = ["OhlcResult"]


@dataclass(slots=True)
class OhlcResult(Schema[list[list[int | str]]]):
    """Candles; the item is named by the pair.

    Each candle is time, open, high, low, close, vwap, volume and count; times are seconds since
    1970, and prices and volumes are text.

    Attributes:
        last: the `since` of the next call.
    """

    last: int | None = UNSET
