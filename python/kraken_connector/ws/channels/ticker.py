"""The items of channel `ticker`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.ticker import TickerData

__all__ = ["TickerData"]
