"""The token of private channels: the import paths of kraken-connector 0.2.0."""

from __future__ import annotations

from .manager import TokenAcquisitionError, TokenManager

__all__ = ["TokenAcquisitionError", "TokenManager"]
