"""The trading methods of the client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from ..exceptions import (
    NotConnected,
    OrderOutcomeUnknown,
    RequestError,
    TradingError,
)
from ..models.trading import (
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
from ..models.trading_results import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllOrdersAfterResult,
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
)
from .bookkeeping import OrderBookkeeper
from .connection import Connection
from .constants import ConnectionState
from .order_checks import OrderChecks
from .prepared import AMENDED_NUMBERS, PreparedAmend, PreparedCancel
from .rate_gate import RateGate
from .trading_desk import Command
from .trading_replies import TradingReply
from .waiting import now, outcome, settled

__all__ = ["TradingMethods"]

_P = TypeVar("_P", bound=TradingParams)


class TradingMethods:
    """What `KrakenWSClient` can do with orders.

    Every method sends its request at once and waits for the answer. What it raises tells whether
    the request can have had an effect:

    - `TradingError`: refused. `OrderCheckFailed` and `RateLimitExceeded`, two of them: not even
      sent.
    - `OrderOutcomeUnknown` (a `TimeoutError` and `ConnectionError`): sent, and no word came.
    - `NotConnected`, `ConnectionLost`, `RequestTimeout`, `TokenAcquisitionError`: never left.

    Nothing is sent again by itself.
    """

    _has_tokens: bool
    _order_checks: OrderChecks | None
    _bookkeeper: OrderBookkeeper
    _rate_gate: RateGate
    #: The connection for orders, once it was opened.
    _trades_on: Connection | None = None

    async def add_order(self, params: AddOrderParams) -> TradingReply[AddOrderResult]:
        """Place one order.

        Raises:
            TradingError: it was refused.
            OrderOutcomeUnknown: it was sent, and no word came.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it never left.
        """
        return await self._trade(_checked(params, AddOrderParams))

    async def amend_order(self, params: AmendOrderParams) -> TradingReply[AmendOrderResult]:
        """Change an order that keeps its identifiers and, where possible, its place in the queue.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trade(_checked(params, AmendOrderParams))

    async def edit_order(self, params: EditOrderParams) -> TradingReply[EditOrderResult]:
        """Put a new order in the place of another one; prefer `amend_order`.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trade(_checked(params, EditOrderParams))

    async def cancel_order(self, params: CancelOrderParams) -> TradingReply[CancelOrderResult]:
        """Cancel orders, by one request for each identifier, so that each outcome is known.

        An `order_userref` ends all orders that have it. The exchange answers once for each and
        does not say how many there are: the method returns when no further answer came for a
        quarter of a second.

        Returns:
            The first reply; `acks` has all of them.

        Raises:
            TradingError: an order was refused; `rejected` says which and why.
            OrderOutcomeUnknown: no word came about an order; `unanswered` says which.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: as in `add_order`.
        """
        _checked(params, CancelOrderParams)
        named = params.identifiers
        if len(named) == 1:
            return await self._trade(params)
        return await self._cancel_each(params, named)

    async def cancel_all(
        self, params: CancelAllParams | None = None
    ) -> TradingReply[CancelAllResult]:
        """Cancel all open orders of the account.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trade(_checked(params or CancelAllParams(), CancelAllParams))

    async def cancel_all_orders_after(
        self, params: CancelAllOrdersAfterParams
    ) -> TradingReply[CancelAllOrdersAfterResult]:
        """Let the exchange cancel all orders after a time, unless it is asked again before.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trade(_checked(params, CancelAllOrdersAfterParams))

    async def batch_add(self, params: BatchAddParams) -> TradingReply[BatchAddResult]:
        """Place two to fifteen orders of one pair.

        An order that the engine refuses alone does not fail the others: look at
        `reply.typed.rejected`, or at each of `reply.typed.orders`.

        Raises:
            TradingError: the whole batch was refused.
            OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trade(_checked(params, BatchAddParams))

    async def batch_cancel(self, params: BatchCancelParams) -> TradingReply[BatchCancelResult]:
        """Cancel two to fifty orders; the answer is a number, each order's end is in `executions`.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._trade(_checked(params, BatchCancelParams))

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
        return PreparedAmend(self, params)

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
        return PreparedCancel(self, params)

    # Inner workings.

    async def _connection_for(self, channel: str, action: str) -> Connection:
        raise NotImplementedError

    async def _trade(self, params: TradingParams) -> TradingReply[Any]:
        connection = await self._trading_connection(params.METHOD, params.token)
        self._check_order(params, connection)
        charge = await self._rate_gate.admit(params)
        try:
            if connection.state is not ConnectionState.CONNECTED:
                connection = await self._trading_connection(params.METHOD, params.token)
            command = connection.session.trade(params, now(), time.time_ns())
        except BaseException:
            self._rate_gate.withdraw(charge)
            raise
        connection.attend()
        answer = outcome(connection, command)
        return await self._rate_gate.watch(charge, answer, params, orders=command.orders)

    def _check_order(self, params: TradingParams, connection: Connection) -> None:
        """Check a request by the exchange's rules, as far as they are known."""
        if isinstance(params, AmendOrderParams):
            named = ((name, getattr(params, name)) for name in AMENDED_NUMBERS)
            numbers = {name: number for name, number in named if number is not None}
            self._check_amend(params, numbers, connection)
        elif self._order_checks is not None:
            edited = params.order_id if isinstance(params, EditOrderParams) else None
            self._order_checks.check(
                params,
                time.time_ns(),
                system=connection.session.system_status,
                order=None if edited is None else self._bookkeeper.get(edited),
            )

    def _check_amend(
        self, params: AmendOrderParams, numbers: Mapping[str, Decimal], connection: Connection
    ) -> None:
        """Check the numbers of an amend by the exchange's rules."""
        if self._order_checks is not None:
            self._order_checks.check_amend(
                params,
                numbers,
                time.time_ns(),
                system=connection.session.system_status,
                order=self._bookkeeper.get(params.order_id or params.cl_ord_id or ""),
            )

    async def _trading_connection(self, method: str, token: str) -> Connection:
        """Return the connection for orders, which has a socket.

        Raises:
            NotConnected: it has none.
            ValueError: there is neither a token nor a `TokenManager`.
        """
        connection = self._trades_on
        if connection is not None and connection.state is ConnectionState.CONNECTED:
            return connection
        if not (self._has_tokens or token):
            raise ValueError(
                f"{method} needs a token: make the client with "
                "token_manager=TokenManager.from_env()"
            )
        connection = await self._connection_for("executions", method)
        if connection.state is not ConnectionState.CONNECTED:
            raise NotConnected(method, connection.state)
        if self._has_tokens:
            self._trades_on = connection
        return connection

    async def _cancel_each(
        self, params: CancelOrderParams, named: list[tuple[str, str | int]]
    ) -> TradingReply[CancelOrderResult]:
        connection = await self._trading_connection(params.METHOD, params.token)
        sent, sent_ns = now(), time.time_ns()
        commands = [
            connection.session.trade(params.of(kind, name), sent, sent_ns) for kind, name in named
        ]
        connection.attend()

        async def answers() -> TradingReply[CancelOrderResult]:
            for command in commands:
                await settled(connection, command, commands)
            return _together([str(name) for _, name in named], commands)

        return await self._rate_gate.watch(None, answers(), params)


def _checked(params: _P, wanted: type[_P]) -> _P:
    if not isinstance(params, wanted):
        raise TypeError(f"{wanted.METHOD} takes {wanted.__name__}, not {type(params).__name__}")
    return params


def _together(names: list[str], commands: list[Command]) -> TradingReply[Any]:
    """Return one reply for several commands, or raise one exception for them.

    What is in doubt comes before what was refused, and that before what never left.
    """
    outcomes = list(zip(names, (command.outcome for command in commands), strict=True))
    replies = [outcome for _, outcome in outcomes if isinstance(outcome, TradingReply)]
    accepted = [name for name, outcome in outcomes if isinstance(outcome, TradingReply)]
    failed = [(name, error) for name, error in outcomes if isinstance(error, Exception)]
    # Of a number that several orders share, some may be cancelled and others not.
    accepted += [name for _, error in failed for name in getattr(error, "accepted", ())]
    doubtful = [name for name, error in failed if isinstance(error, OrderOutcomeUnknown)]
    rejected = {name: _reason(error) for name, error in failed if name not in doubtful}
    first = commands[0]
    if doubtful:
        raise OrderOutcomeUnknown(
            first.method,
            "no word came",
            first.req_id,
            unanswered=doubtful,
            rejected=rejected,
            accepted=accepted,
        ) from next(error for _, error in failed if isinstance(error, OrderOutcomeUnknown))
    refusals = [error for _, error in failed if isinstance(error, TradingError)]
    if refusals:
        raise TradingError(
            "; ".join(f"{name}: {text}" for name, text in rejected.items()),
            first.req_id,
            venue_error=refusals[0].venue_error,
            method=first.method,
            rejected=rejected,
            accepted=accepted,
        )
    if failed:
        raise failed[0][1]
    orders = tuple(order for reply in replies for order in reply.orders)
    acks = tuple(ack for reply in replies for ack in reply.acks)
    return replies[0].__replace__(orders=orders, acks=acks)


def _reason(error: Exception) -> str:
    return error.error if isinstance(error, RequestError) else str(error)
