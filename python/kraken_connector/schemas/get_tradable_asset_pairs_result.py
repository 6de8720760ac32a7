"""The schema `GetTradableAssetPairsResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .asset_pair import AssetPair

__all__ = ["GetTradableAssetPairsResult"]


@dataclass(slots=True)
class GetTradableAssetPairsResult(Schema[AssetPair]):
    """Pairs; the items are named by pair, such as `XXBTZUSD`."""
