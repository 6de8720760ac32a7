"""The schema `GetTradesInfoResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .trade import Trade

__all__ = ["GetTradesInfoResult"]


@dataclass(slots=True)
class GetTradesInfoResult(Schema[Trade]):
    """Trades; the items are named by trade id."""
