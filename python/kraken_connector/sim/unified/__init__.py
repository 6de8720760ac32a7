"""A simulated unified WebSocket, written from the pages about it.

What the pages do not say is chosen here, and said where it is: names of fields of `positions`,
`margin`, `ledgers` and `preferences`, and the texts of refusals that no page prints.
"""

from __future__ import annotations

from .markets import DERIVATIVES
from .server import SimulatedUnified

__all__ = ["DERIVATIVES", "SimulatedUnified"]
