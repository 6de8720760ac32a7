"""The items of channel `ohlc`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.ohlc import OHLCData

__all__ = ["OHLCData"]
