"""The trading methods' parameters and results; see `kraken_connector.models.trading`."""

from __future__ import annotations

from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    ConditionalClose,
    EditOrderParams,
    OrderTrigger,
)
from ...models.trading_results import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllOrdersAfterResult,
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
)

__all__ = [
    "AddOrderParams",
    "AddOrderResult",
    "AmendOrderParams",
    "AmendOrderResult",
    "BatchAddParams",
    "BatchAddResult",
    "BatchCancelParams",
    "BatchCancelResult",
    "CancelAllOrdersAfterParams",
    "CancelAllOrdersAfterResult",
    "CancelAllParams",
    "CancelAllResult",
    "CancelOrderParams",
    "CancelOrderResult",
    "ConditionalClose",
    "EditOrderParams",
    "EditOrderResult",
    "OrderTrigger",
]
