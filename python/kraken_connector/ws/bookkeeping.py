"""What the trading desk tells those who keep account of orders."""

from __future__ import annotations

from typing import Any, Protocol

from ..models.trading import AddOrderParams
from ..models.trading_results import AddOrderResult, EditOrderResult

__all__ = ["NoBookkeeping", "OrderBookkeeper"]


class OrderBookkeeper(Protocol):
    """Keeps account of orders; an order is whatever `sending` returns.

    The desk calls these in the step in which it learns of something. Reports of the `executions`
    stream come by another way, before or after.
    """

    def sending(
        self, params: AddOrderParams, cl_ord_id: str | None, req_id: int, now_ns: int
    ) -> Any:
        """Note a new order that is about to be sent, and return it."""

    def acknowledged(self, order: Any, result: AddOrderResult) -> None:
        """Note that the exchange took an order, however late it says so."""

    def refused(self, order: Any, error: Exception) -> None:
        """Note that the exchange refused an order, or that it never left."""

    def outcome_unknown(self, order: Any) -> None:
        """Note that an order was sent and what came of it is not known."""

    def denied(self, order: Any) -> None:
        """Note that the exchange says that it does not have an order."""

    def replaced(self, result: EditOrderResult) -> None:
        """Note that `edit_order` put one order in the place of another one."""

    def get(self, identifier: str) -> Any:
        """Return the order with an `order_id` or `cl_ord_id`, `None` if there is none."""


class NoBookkeeping:
    """Keeps no account."""

    def sending(
        self, params: AddOrderParams, cl_ord_id: str | None, req_id: int, now_ns: int
    ) -> Any:
        """Return no order."""

    def acknowledged(self, order: Any, result: AddOrderResult) -> None:
        """Do nothing."""

    def refused(self, order: Any, error: Exception) -> None:
        """Do nothing."""

    def outcome_unknown(self, order: Any) -> None:
        """Do nothing."""

    def denied(self, order: Any) -> None:
        """Do nothing."""

    def replaced(self, result: EditOrderResult) -> None:
        """Do nothing."""

    def get(self, identifier: str) -> Any:
        """Return no order."""
