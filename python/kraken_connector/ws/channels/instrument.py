"""The items of channel `instrument`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.instrument import InstrumentAsset, InstrumentData, InstrumentPair

__all__ = ["InstrumentAsset", "InstrumentData", "InstrumentPair"]
