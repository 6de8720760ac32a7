"""The items of the channel `level3`, which kraken-connector 0.2.0 does not have."""

from __future__ import annotations

from ...models.level3 import Level3Data, Level3Order, QueuePosition

__all__ = ["Level3Data", "Level3Order", "QueuePosition"]
