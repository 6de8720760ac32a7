"""The schema `GetClosedOrdersResultEntries`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .closed_order import ClosedOrder

__all__ = ["GetClosedOrdersResultEntries"]


@dataclass(slots=True)
class GetClosedOrdersResultEntries(Schema[ClosedOrder]):
    """Orders that have ended; the items are named by order id."""
