"""Methods of `KrakenWSClient` for trading."""

from __future__ import annotations

from typing import TypeVar

from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
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
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
)
from ..orders.replies import TradingReply
from ..trading.placement import Placement
from ..trading.prepared import PreparedAmend, PreparedCancel
from ..trading.trader import Trader

__all__ = ["OrderMethods", "checked_params"]

_P = TypeVar("_P", bound=TradingParams)


class OrderMethods:
    """Place, amend, edit and cancel orders.

    Every method sends its request once and waits for the answer. The exception says whether the
    request can have had an effect:

    - `TradingError`: refused, without effect. Its subclasses `OrderCheckFailed` and
      `RateLimitExceeded`: not sent.
    - `OrderOutcomeUnknown`: sent, and the outcome is unknown.
    - `NotConnected`, `ConnectionLost`, `RequestTimeout`, `TokenAcquisitionError`: never sent.
    """

    _trader: Trader
    _HOST: str

    async def add_order(
        self, params: AddOrderParams, *, tag: str | None = None, max_wait: float | None = None
    ) -> TradingReply[AddOrderResult]:
        """Place one order.

        Args:
            params: the order.
            tag: a name for a group of orders, such as one strategy's; not sent to Kraken.
            max_wait: longest wait for the trading rate limit with `rate_policy="wait"`, seconds; by
                default the client's `rate_max_wait`.

        Raises:
            TradingError: the order was refused.
            OrderOutcomeUnknown: the order was sent, and its outcome is unknown.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: the order was not
                sent.
        """
        checked = checked_params(params, AddOrderParams, self._HOST)
        return await self._trader.execute(checked, tag=tag, max_wait=max_wait)

    def place(
        self,
        params: AddOrderParams | BatchAddParams,
        *,
        tag: str | None = None,
        max_wait: float | None = None,
    ) -> Placement:
        """Send an order or a batch, and return at once.

            placement = client.place(AddOrderParams(...))
            print(placement.cl_ord_id)
            reply = await placement

        Args:
            params: the order or the batch.
            tag: as in `add_order`.
            max_wait: as in `add_order`.

        Raises:
            OrderCheckFailed: an order with the same `cl_ord_id` is not done.
        """
        if not isinstance(params, AddOrderParams | BatchAddParams):
            wanted = "AddOrderParams or BatchAddParams"
            raise TypeError(f"place takes {wanted}, not {type(params).__name__}")
        check_host(params, self._HOST)
        request = self._trader.prepare(params, tag=tag, max_wait=max_wait)
        return Placement(self._trader.start(request), request.orders)

    async def amend_order(
        self, params: AmendOrderParams, *, max_wait: float | None = None
    ) -> TradingReply[AmendOrderResult]:
        """Change an order; it keeps its identifiers and, where possible, its queue priority.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trader.execute(
            checked_params(params, AmendOrderParams, self._HOST), max_wait=max_wait
        )

    async def edit_order(
        self, params: EditOrderParams, *, max_wait: float | None = None
    ) -> TradingReply[EditOrderResult]:
        """Replace an order by a new one, `reply.order`; prefer `amend_order`.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trader.execute(
            checked_params(params, EditOrderParams, self._HOST), max_wait=max_wait
        )

    async def cancel_order(self, params: CancelOrderParams) -> TradingReply[CancelOrderResult]:
        """Cancel orders, with one request for each identifier so that each outcome is known.

        An `order_userref` cancels all orders that have it. Kraken replies once for each order and
        does not say how many replies will come: the method returns a quarter of a second after the
        last one.

        Returns:
            The first reply; `acks` has all replies.

        Raises:
            TradingError: a cancel was refused; `rejected` says which and why.
            OrderOutcomeUnknown: a cancel was not answered; `unanswered` says which.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: as in `add_order`.
        """
        if len(checked_params(params, CancelOrderParams, self._HOST).identifiers) > 1:
            return await self._trader.cancel_each(params)
        return await self._trader.execute(params)

    async def cancel_all(
        self, params: CancelAllParams | None = None
    ) -> TradingReply[CancelAllResult]:
        """Cancel all open orders of the account.

        Orders of this client that are unanswered at that moment may reach the engine later. They
        are cancelled one by one as soon as they appear, after the method has returned.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trader.cancel_all(
            checked_params(params or CancelAllParams(), CancelAllParams, self._HOST)
        )

    async def batch_add(
        self, params: BatchAddParams, *, tag: str | None = None, max_wait: float | None = None
    ) -> TradingReply[BatchAddResult]:
        """Place two to fifteen orders of one pair.

        The engine may refuse single orders and accept the others: check `reply.typed.rejected`, or
        the `status` of each of `reply.orders`.

        Raises:
            TradingError: no order was placed.
            OrderOutcomeUnknown: the outcome of some orders is unknown; `orders` has all orders.
            NotConnected: and others, as in `add_order`.
        """
        checked = checked_params(params, BatchAddParams, self._HOST)
        return await self._trader.execute(checked, tag=tag, max_wait=max_wait)

    async def batch_cancel(self, params: BatchCancelParams) -> TradingReply[BatchCancelResult]:
        """Cancel two to fifty orders. The reply has their number, `executions` each order's end.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trader.cancel_batch(
            checked_params(params, BatchCancelParams, self._HOST)
        )

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
        """Encode an amend in advance, without its prices and quantities.

            amend = client.prepare_amend(cl_ord_id="quote-1", symbol="BTC/USD")
            await amend(limit_price=Decimal("64000.1"))

        The result can be called any number of times, also after reconnecting. The arguments are
        those of `AmendOrderParams`.

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument is invalid.
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
        """Encode a cancel in advance; calling the result sends it.

            cancel = client.prepare_cancel(cl_ord_id="quote-1")
            await cancel()

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument is invalid.
        """
        check_one_order(order_id, cl_ord_id)
        params = CancelOrderParams(
            token,
            order_id=None if order_id is None else [order_id],
            cl_ord_id=None if cl_ord_id is None else [cl_ord_id],
        )
        return PreparedCancel(self._trader, params)


def checked_params(params: _P, wanted: type[_P], host: str = "spot") -> _P:
    """Return the parameters of a trading method.

    Raises:
        TypeError: they are those of another method, or of another kind of hosts.
    """
    if type(params) is not wanted:
        if not isinstance(params, wanted):
            raise TypeError(f"{wanted.METHOD} takes {wanted.__name__}, not {type(params).__name__}")
        check_host(params, host)
    return params


def check_host(params: TradingParams, host: str) -> None:
    """Check that parameters are those of a kind of hosts.

    Raises:
        TypeError: they are not.
    """
    if host != params.HOST:
        kind = type(params).__name__
        raise TypeError(f"this client takes {kind} of the {host} hosts, not of the {params.HOST}")
