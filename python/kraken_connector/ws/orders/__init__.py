"""The orders of the account as the client knows them."""

from __future__ import annotations

from .order import Fill, Order
from .tracker import Orders

__all__ = ["Fill", "Order", "Orders"]
