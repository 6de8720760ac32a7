"""The schema `GetOpenOrdersResultEntries`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .open_order import OpenOrder

__all__ = ["GetOpenOrdersResultEntries"]


@dataclass(slots=True)
class GetOpenOrdersResultEntries(Schema[OpenOrder]):
    """Open orders; the items are named by order id."""
