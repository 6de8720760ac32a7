"""The orders of the account as the client knows them."""

from __future__ import annotations

from .collection import Orders
from .exposure import Exposure
from .order import Fill, Order

__all__ = ["Exposure", "Fill", "Order", "Orders"]
