"""The schema `TradeVolumeFeesMaker`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .fee_tier_info import FeeTierInfo

__all__ = ["TradeVolumeFeesMaker"]


@dataclass(slots=True)
class TradeVolumeFeesMaker(Schema[FeeTierInfo]):
    """Maker fees; the items are named by pair."""
