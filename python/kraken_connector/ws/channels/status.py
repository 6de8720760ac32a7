"""The items of channel `status`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.status import StatusData

__all__ = ["StatusData"]
