"""The items of channel `level3`, beside those of the channels of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.level3 import Level3Data, Level3Order, QueuePosition

__all__ = ["Level3Data", "Level3Order", "QueuePosition"]
