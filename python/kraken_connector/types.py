"""`UNSET` and `Unset` for code written for kraken-connector 0.2.0: absent is `None` here."""

from __future__ import annotations

from types import NoneType

UNSET = None
Unset = NoneType  # type: ignore[nonetype-type]

__all__ = ["UNSET", "Unset"]
