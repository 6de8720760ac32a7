"""The message of channel `heartbeat`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.envelopes import HeartbeatMessage

__all__ = ["HeartbeatMessage"]
