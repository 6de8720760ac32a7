"""The orders of the account: state, fills, exposure. See docs/order-certainty.md."""

from __future__ import annotations

from .collection import Orders
from .exposure import Exposure
from .order import Fill, Order

__all__ = ["Exposure", "Fill", "Order", "Orders"]
