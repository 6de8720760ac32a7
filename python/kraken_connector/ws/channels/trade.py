"""The items of channel `trade`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.trade import TradeData

__all__ = ["TradeData"]
