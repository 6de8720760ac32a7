"""The trading methods of the client."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    EditOrderParams,
    TradingParams,
    check_one_order,
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
from ..orders.replies import TradingReply
from ..trading.placement import Placement
from ..trading.prepared import PreparedAmend, PreparedCancel
from ..trading.trader import Trader

__all__ = ["OrderMethods"]

_P = TypeVar("_P", bound=TradingParams)


class OrderMethods:
    """What `KrakenWSClient` can do with orders.

    Every method sends its request once and waits for the answer. What it raises tells whether the
    request can have had an effect:

    - `TradingError`: refused, without an effect. `OrderCheckFailed` and `RateLimitExceeded`, two
      of them: not sent.
    - `OrderOutcomeUnknown`: sent, and the outcome is not known.
    - `NotConnected`, `ConnectionLost`, `RequestTimeout`, `TokenAcquisitionError`: never sent.
    """

    _trader: Trader

    async def add_order(
        self, params: AddOrderParams, *, tag: str | None = None, max_wait: float | None = None
    ) -> TradingReply[AddOrderResult]:
        """Place one order.

        Args:
            params: the order.
            tag: a name for a group of orders, such as one strategy's; it is not sent.
            max_wait: longest wait for the trading rate limit with `rate_policy="wait"`, seconds; by
                default the client's `rate_max_wait`.

        Raises:
            TradingError: it was refused.
            OrderOutcomeUnknown: it was sent, and the outcome is not known.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it was never sent.
        """
        request = self._trader.prepare(_checked(params, AddOrderParams), tag=tag)
        request.max_wait = max_wait
        return await self._trader.send(request)

    def place(
        self,
        params: AddOrderParams | BatchAddParams,
        *,
        tag: str | None = None,
        max_wait: float | None = None,
    ) -> Placement:
        """Begin to place an order or a batch, and return at once with its `Order`.

            placement = client.place(AddOrderParams(...))
            print(placement.cl_ord_id)
            reply = await placement

        Args:
            params: the order, or the batch.
            tag: as in `add_order`.
            max_wait: as in `add_order`.

        Raises:
            OrderCheckFailed: an order with the same `cl_ord_id` is not done.
        """
        if not isinstance(params, AddOrderParams | BatchAddParams):
            wanted = "AddOrderParams or BatchAddParams"
            raise TypeError(f"place takes {wanted}, not {type(params).__name__}")
        request = self._trader.prepare(params, tag=tag)
        request.max_wait = max_wait
        return Placement(asyncio.create_task(self._trader.send(request)), request.orders)

    async def amend_order(
        self, params: AmendOrderParams, *, max_wait: float | None = None
    ) -> TradingReply[AmendOrderResult]:
        """Change an order that keeps its identifiers and, where possible, its place in the queue.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        request = self._trader.prepare(_checked(params, AmendOrderParams))
        request.max_wait = max_wait
        return await self._trader.send(request)

    async def edit_order(
        self, params: EditOrderParams, *, max_wait: float | None = None
    ) -> TradingReply[EditOrderResult]:
        """Replace an order by a new one; prefer `amend_order`. `reply.order` is the new order.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        request = self._trader.prepare(_checked(params, EditOrderParams))
        request.max_wait = max_wait
        return await self._trader.send(request)

    async def cancel_order(self, params: CancelOrderParams) -> TradingReply[CancelOrderResult]:
        """Cancel orders, by one request for each identifier, so that each outcome is known.

        An `order_userref` cancels all orders that have it. The exchange answers once for each and
        does not say how many there are: the method returns when no further answer came for a
        quarter of a second.

        Returns:
            The first reply; `acks` has all of them.

        Raises:
            TradingError: a cancel was refused; `rejected` says which and why.
            OrderOutcomeUnknown: a cancel was not answered; `unanswered` says which.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: as in `add_order`.
        """
        if len(_checked(params, CancelOrderParams).identifiers) > 1:
            return await self._trader.cancel_each(params)
        return await self._trader.send(self._trader.prepare(params))

    async def cancel_all(
        self, params: CancelAllParams | None = None
    ) -> TradingReply[CancelAllResult]:
        """Cancel all open orders of the account.

        Orders of this client that are on their way meanwhile may reach the engine later: they are
        cancelled one by one as soon as they turn up, after the method has returned.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trader.cancel_all(_checked(params or CancelAllParams(), CancelAllParams))

    async def cancel_all_orders_after(
        self, params: CancelAllOrdersAfterParams
    ) -> TradingReply[CancelAllOrdersAfterResult]:
        """Let the exchange cancel all orders after a time, unless it is asked again before.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        request = self._trader.prepare(_checked(params, CancelAllOrdersAfterParams))
        return await self._trader.send(request)

    async def batch_add(
        self, params: BatchAddParams, *, tag: str | None = None, max_wait: float | None = None
    ) -> TradingReply[BatchAddResult]:
        """Place two to fifteen orders of one pair.

        An order that the engine refuses alone does not fail the others: look at
        `reply.typed.rejected`, or at `status` of each of `reply.orders`.

        Raises:
            TradingError: no order was placed.
            OrderOutcomeUnknown: it is not known of every order; `orders` has all of them.
            NotConnected: and others, as in `add_order`.
        """
        request = self._trader.prepare(_checked(params, BatchAddParams), tag=tag)
        request.max_wait = max_wait
        return await self._trader.send(request)

    async def batch_cancel(self, params: BatchCancelParams) -> TradingReply[BatchCancelResult]:
        """Cancel two to fifty orders; the answer is a number, each order's end is in `executions`.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trader.cancel_batch(_checked(params, BatchCancelParams))

    # Requests that are encoded beforehand.

    def prepare_amend(
        self,
        *,
        order_id: str | None = None,
        cl_ord_id: str | None = None,
        symbol: str | None = None,
        post_only: bool | None = None,
        limit_price_type: str | None = None,
        trigger_price_type: str | None = None,
        token: str = "",
    ) -> PreparedAmend:
        """Encode everything of an amend but its numbers.

            amend = client.prepare_amend(cl_ord_id="quote-1", symbol="BTC/USD")
            await amend(limit_price=Decimal("64000.1"))

        The result can be called any number of times, also after reconnecting. Arguments are those
        of `AmendOrderParams`.

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument makes no sense.
        """
        params = AmendOrderParams(
            order_id,
            token,
            post_only=post_only,
            trigger_price_type=trigger_price_type,
            cl_ord_id=cl_ord_id,
            limit_price_type=limit_price_type,
            symbol=symbol,
        )
        return PreparedAmend(self._trader, params)

    def prepare_cancel(
        self, *, order_id: str | None = None, cl_ord_id: str | None = None, token: str = ""
    ) -> PreparedCancel:
        """Encode a cancel, so that calling the result only sends it.

            cancel = client.prepare_cancel(cl_ord_id="quote-1")
            await cancel()

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument makes no sense.
        """
        check_one_order(order_id, cl_ord_id)
        params = CancelOrderParams(
            token,
            order_id=None if order_id is None else [order_id],
            cl_ord_id=None if cl_ord_id is None else [cl_ord_id],
        )
        return PreparedCancel(self._trader, params)


def _checked(params: _P, wanted: type[_P]) -> _P:
    if not isinstance(params, wanted):
        raise TypeError(f"{wanted.METHOD} takes {wanted.__name__}, not {type(params).__name__}")
    return params
