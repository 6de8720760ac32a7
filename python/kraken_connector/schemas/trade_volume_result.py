"""The schema `TradeVolumeResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .trade_volume_fees import TradeVolumeFees
from .trade_volume_fees_maker import TradeVolumeFeesMaker

__all__ = ["TradeVolumeResult"]


@dataclass(slots=True)
class TradeVolumeResult(Schema[Any]):
    """The volume of the last 30 days, and the fees that follow from it.

    Attributes:
        volume: a decimal number as text.
    """

    currency: str | None = UNSET
    volume: str | None = UNSET
    fees: TradeVolumeFees | None = UNSET
    fees_maker: TradeVolumeFeesMaker | None = UNSET
