"""The schema `GetTradableAssetPairsResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_tradable_asset_pairs_result import GetTradableAssetPairsResult

__all__ = ["GetTradableAssetPairsResponse"]


@dataclass(slots=True)
class GetTradableAssetPairsResponse(Schema[Any]):
    """The reply to `AssetPairs`."""

    result: GetTradableAssetPairsResult | None = UNSET
    error: list[str] | None = UNSET
