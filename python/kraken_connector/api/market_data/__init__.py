"""Public calls: the state of the exchange, pairs, candles, trades and books."""

from __future__ import annotations
