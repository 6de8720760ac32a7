"""The call for a WebSocket token."""

from __future__ import annotations
