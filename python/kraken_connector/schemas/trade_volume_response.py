"""The schema `TradeVolumeResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .trade_volume_result import TradeVolumeResult

__all__ = ["TradeVolumeResponse"]


@dataclass(slots=True)
class TradeVolumeResponse(Schema[Any]):
    """The reply to `TradeVolume`."""

    result: TradeVolumeResult | None = UNSET
    error: list[str] | None = UNSET
