"""What the client of the spot hosts does otherwise for orders of the unified WebSocket."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal

from ..models.trading import AmendOrderParams, TradingParams
from ..ws.account.instruments import Instruments
from ..ws.orders import Order
from ..ws.trading.checks import OrderChecks

__all__ = ["KnownRules", "uuids"]


def uuids() -> Iterator[str]:
    """Yield values of `cl_ord_id`: UUIDs, the only form in the examples of the pages."""
    while True:
        yield str(uuid.uuid4())


class KnownRules(OrderChecks):
    """Checks only what the pages say: deadlines, and that an amended order has not ended.

    The rules of derivatives in `instrument` and the meaning of `status` for one asset class could
    not be read, so neither refuses an order.
    """

    def __init__(self) -> None:
        super().__init__(Instruments())

    def check(
        self,
        params: TradingParams,
        now_ns: int,
        *,
        system: str | None = None,
        order: Order | None = None,
    ) -> None:
        """Check a request for new orders, whatever the state of the exchange."""
        super().check(params, now_ns, order=order)

    def check_amend(
        self,
        params: AmendOrderParams,
        numbers: Mapping[str, Decimal],
        now_ns: int,
        *,
        system: str | None = None,
        order: Order | None = None,
    ) -> None:
        """Check an amend, whatever the state of the exchange."""
        super().check_amend(params, numbers, now_ns, order=order)
