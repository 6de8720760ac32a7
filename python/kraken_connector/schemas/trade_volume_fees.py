"""The schema `TradeVolumeFees`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .fee_tier_info import FeeTierInfo

__all__ = ["TradeVolumeFees"]


@dataclass(slots=True)
class TradeVolumeFees(Schema[FeeTierInfo]):
    """Taker fees; the items are named by pair."""
