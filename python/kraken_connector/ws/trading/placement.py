"""Orders that are being placed, before the exchange has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

from ..orders import Order
from ..orders.replies import TradingReply

__all__ = ["Placement"]


class Placement:
    """Orders that are being placed; made by `KrakenWSClient.place`.

    Awaiting it returns and raises the same as `add_order`. Cancelling the wait does not affect the
    request, and awaiting is optional: `orders` are updated anyway.

    Attributes:
        orders: the orders, available at once.
    """

    def __init__(self, reply: asyncio.Future[TradingReply[Any]], orders: Sequence[Order]) -> None:
        self.orders = tuple(orders)
        self._reply = reply
        # Retrieved here, as the placement may never be awaited; `order.error` has it too.
        reply.add_done_callback(lambda done: done.cancelled() or done.exception())

    @property
    def order(self) -> Order | None:
        """The order; `None` for a batch, and with `validate`, which makes no order."""
        return self.orders[0] if len(self.orders) == 1 else None

    @property
    def cl_ord_id(self) -> str | None:
        """The client's identifier of the order."""
        return None if self.order is None else self.order.cl_ord_id

    def __await__(self) -> Generator[Any, None, TradingReply[Any]]:
        return asyncio.shield(self._reply).__await__()

    def __repr__(self) -> str:
        state = "answered" if self._reply.done() else "not answered yet"
        return f"<Placement {', '.join(map(repr, self.orders))}, {state}>"
