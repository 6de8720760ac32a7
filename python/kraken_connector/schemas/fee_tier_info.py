"""The schema `FeeTierInfo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["FeeTierInfo"]


@dataclass(slots=True)
class FeeTierInfo(Schema[Any]):
    """The fee of a pair in percent, and the volume of the next fee."""

    fee: str | None = UNSET
    min_fee: str | None = UNSET
    max_fee: str | None = UNSET
    next_fee: str | None = UNSET
    tier_volume: str | None = UNSET
    next_volume: str | None = UNSET
