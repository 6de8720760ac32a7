"""Calls that read the account."""

from __future__ import annotations

from typing import Any

from ..exceptions import RestError
from .caller import Caller

__all__ = ["AccountCalls"]


class AccountCalls:
    """Calls that read the account.

    Args:
        caller: makes the calls.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def open_orders(self, *, urgent: bool = False) -> Any:
        """Return the open orders of the account.

        Raises:
            RestError: the call failed.
        """
        result = await self._caller.private("OpenOrders", urgent=urgent)
        found = result.get("open") if isinstance(result, dict) else None
        if not isinstance(found, dict):
            raise RestError("OpenOrders", "the result has no object `open`")
        return found
