"""The schema `GetOpenPositionsResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .get_open_positions_result_entry import GetOpenPositionsResultEntry

__all__ = ["GetOpenPositionsResult"]


@dataclass(slots=True)
class GetOpenPositionsResult(Schema[GetOpenPositionsResultEntry]):
    """Open positions; the items are named by position id."""
