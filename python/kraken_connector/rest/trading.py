"""Calls that place, change and cancel orders."""

from __future__ import annotations

from ..exceptions import RestError
from ..models.trading_results import CancelAllOrdersAfterResult
from .account import AccountCalls
from .retrying import Effect

__all__ = ["TradingCalls"]


class TradingCalls(AccountCalls):
    """Calls that place, change and cancel orders."""

    async def cancel_all(self) -> int:
        """Cancel all open orders of the account.

        Returns:
            How many there were, by the exchange's count.

        Raises:
            RestError: the call failed.
        """
        result = await self._caller.private("CancelAll", effect=Effect.REPEATABLE, urgent=True)
        count = result.get("count") if isinstance(result, dict) else None
        if not isinstance(count, int):
            raise RestError("CancelAll", "the result has no number `count`")
        return count

    async def cancel_all_orders_after(self, seconds: int) -> CancelAllOrdersAfterResult:
        """Set the dead man's switch of the account; 0 disarms it.

        Raises:
            RestError: the call failed.
        """
        result = await self._caller.private(
            "CancelAllOrdersAfter",
            {"timeout": seconds},
            effect=Effect.REPEATABLE,
            urgent=True,
        )
        return CancelAllOrdersAfterResult.from_dict(result)
