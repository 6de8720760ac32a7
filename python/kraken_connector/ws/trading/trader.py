"""Sends trading requests: from parameters to the request on the private connection."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ...exceptions import (
    ConnectionLost,
    NotConnected,
    OrderCheckFailed,
    OrderOutcomeUnknown,
    RequestError,
    TradingError,
)
from ...loop_time import now
from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllParams,
    CancelOrderParams,
    EditOrderParams,
    TradingParams,
)
from ..base.encoding import encode_body
from ..base.exchange_clock import ExchangeClock
from ..constants import ConnectionState
from ..network.connection import Connection
from ..orders import Order, Orders
from ..orders.evidence import REPORT_PATIENCE
from ..orders.order import TERMS, Change
from ..orders.replies import TradingReply
from ..protocol.order_requests import TIMED, Command
from .checks import OrderChecks
from .rate_counter import Charge
from .rate_limiter import RateLimiter

__all__ = ["Request", "Sequencing", "Trader", "client_names", "names_of"]

logger = logging.getLogger(__name__)

CONNECTED = ConnectionState.CONNECTED

#: Whether a request waits while the last request for the same order is unanswered. Messages of one
#: socket may overtake each other on the way to the engine (docs.kraken.com, FIX introduction).
Sequencing = Literal["hold", "send"]
#: Longest wait of a cancel for the answer to the last request of its order, seconds.
CANCEL_HOLD = 1.0
#: How often an order that appeared after `cancel_all` is cancelled.
STRAGGLER_TRIES = 5
#: The numeric fields of an amend, in the order in which they are sent.
AMENDED_NUMBERS = ("limit_price", "order_qty", "display_qty", "trigger_price")


@dataclass(slots=True)
class Request:
    """A trading request before it is sent.

    Attributes:
        params: its parameters; without its numbers if the request was encoded in advance.
        numbers: the prices and quantities of an amend by name; `None` for other requests.
        body: the JSON of the parameters without token and deadline, each after a comma; `None` to
            encode `params`.
        orders: the orders that it places.
        targets: the orders that it changes or cancels, as far as the client knows them.
        max_wait: longest wait for the rate limit, seconds; by default the client's.
    """

    params: TradingParams
    numbers: Mapping[str, Decimal] | None = None
    body: bytes | None = None
    orders: Sequence[Order] = ()
    targets: Sequence[Order] = ()
    max_wait: float | None = None


class Trader:
    """Sends trading requests, all of them by `send`.

    Args:
        connect: returns the connection for orders, opened if it is not.
        has_tokens: whether tokens can be fetched.
        orders: the orders of the account.
        checks: checks requests before they are sent, `None` for no checks.
        limiter: the trading rate limit.
        exchange: the exchange's clock.
        sequencing: whether a request waits while the last one for the same order is unanswered.
        names: yields the `cl_ord_id`s of orders that have no identifier; by default short texts.
    """

    def __init__(
        self,
        connect: Callable[[str], Awaitable[Connection]],
        *,
        has_tokens: bool,
        orders: Orders,
        checks: OrderChecks | None,
        limiter: RateLimiter,
        exchange: ExchangeClock,
        sequencing: Sequencing = "hold",
        names: Iterator[str] | None = None,
    ) -> None:
        self._connect = connect
        self._has_tokens = has_tokens
        self._orders = orders
        self._checks = checks
        self._limiter = limiter
        self._exchange = exchange
        self._holds = sequencing == "hold"
        self._connection: Connection | None = None
        self._new_name = (client_names() if names is None else names).__next__
        self._stragglers: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> Connection | None:
        """The connection for orders, once it was opened."""
        return self._connection

    # Requests.

    def prepare(
        self, params: TradingParams, *, tag: str | None = None, max_wait: float | None = None
    ) -> Request:
        """Return the request for `params`, with the orders that it places, which get the tag.

        Raises:
            OrderCheckFailed: an order with the same `cl_ord_id` is not done.
        """
        if isinstance(params, AddOrderParams):
            made = [params] if not params.validate else []
        elif isinstance(params, BatchAddParams):
            made = list(params.orders) if not params.validate else []
        else:
            targets = self._targets(params)
            return Request(params, _amended(params), targets=targets, max_wait=max_wait)
        return Request(params, orders=self._place(params.METHOD, made, tag), max_wait=max_wait)

    def target(self, name: str) -> Sequence[Order]:
        """Return the order with an identifier, or nothing if the client does not know it."""
        order = self._orders.get(name)
        return () if order is None else (order,)

    def execute(
        self, params: TradingParams, *, tag: str | None = None, max_wait: float | None = None
    ) -> Coroutine[Any, Any, TradingReply[Any]]:
        """Send the request for `params`; see `prepare` and `send`."""
        return self.send(self.prepare(params, tag=tag, max_wait=max_wait))

    async def send(self, request: Request) -> TradingReply[Any]:
        """Check a request, wait for its turn, send it once and return its reply."""
        charge = None
        try:
            sent = self._send_at_once(request)
            if sent is None:
                sent, charge = await self._send_in_turn(request)
        except BaseException as error:
            self._withdraw(request, error)
            raise
        connection, command = sent
        return await self._limiter.watch(
            charge,
            _reply(connection, command),
            request.params,
            request.numbers,
            request.orders,
            was_sent=lambda: not command.is_withdrawn,
        )

    def start(self, request: Request) -> asyncio.Future[TradingReply[Any]]:
        """Send a request within this call, or in a task if it has to wait for something.

        The result and the errors are those of `send`; to cancel it is to cancel `send`.
        """
        loop = asyncio.get_running_loop()
        try:
            sent = self._send_at_once(request)
        except Exception as error:  # noqa: BLE001 (raised where the result is awaited)
            self._withdraw(request, error)
            failed: asyncio.Future[TradingReply[Any]] = loop.create_future()
            failed.set_exception(error)
            return failed
        if sent is None:
            return loop.create_task(self.send(request))
        return self._answer(request, *sent)

    async def cancel_each(self, params: CancelOrderParams) -> TradingReply[Any]:
        """Cancel several orders, with one request for each identifier."""
        named = params.identifiers
        parts = [params.of(kind, name) for kind, name in named]
        results = await asyncio.gather(
            *(self.execute(part) for part in parts), return_exceptions=True
        )
        return _together(params.METHOD, [str(name) for _, name in named], results)

    async def cancel_all(self, params: CancelAllParams) -> TradingReply[Any]:
        """Cancel all orders, and afterwards those that were unanswered at that moment."""
        working = self._orders.working()
        try:
            reply = await self.send(Request(params))
        except OrderOutcomeUnknown as error:
            error.orders = tuple(working)
            self._cancel_stragglers(working)
            raise
        self._cancel_stragglers(working)
        return reply

    async def cancel_batch(self, params: BatchCancelParams) -> TradingReply[Any]:
        """Cancel orders with one request."""
        request = self.prepare(params)
        reply = await self.send(request)
        self._orders.may_have_ended(list(request.targets))
        return reply

    def stop(self) -> None:
        """Stop cancelling stragglers, as the client is disconnected."""
        for task in self._stragglers:
            task.cancel()

    # Steps of `send`.

    def _send_at_once(self, request: Request) -> tuple[Connection, Command] | None:
        """Check and send a request; do nothing if there is a reason to wait."""
        connection = self._connection
        if connection is None or connection.state is not CONNECTED:
            return None
        # Cancels are neither checked nor rate limited.
        if request.params.METHOD in TIMED:
            self._check(request, connection)
            if self._limiter.is_active:
                return None
        if self._holds and any(order.is_busy for order in request.targets):
            return None
        command = self._command(request)
        connection.send_order(command)
        return connection, command

    async def _send_in_turn(
        self, request: Request
    ) -> tuple[tuple[Connection, Command], Charge | None]:
        """Send a request after waiting for the connection, for the rate limit and for its turn."""
        connection, charge = self._connection, None
        try:
            if connection is None or connection.state is not CONNECTED:
                connection = await self._connected(request)
            if request.params.METHOD in TIMED:
                self._check(request, connection)
                if self._limiter.is_active:
                    charge = await self._limiter.admit(
                        request.params,
                        request.numbers,
                        recheck=functools.partial(self._check, request, connection),
                        max_wait=request.max_wait,
                    )
            if request.targets and self._holds:
                await self._wait_for_turn(request, connection)
            if connection.state is not CONNECTED:
                connection = await self._connected(request)
            command = self._command(request)
            connection.send_order(command)
        except BaseException:
            self._limiter.withdraw(charge)
            raise
        return (connection, command), charge

    def _answer(
        self, request: Request, connection: Connection, command: Command
    ) -> asyncio.Future[TradingReply[Any]]:
        """Return the future reply to a request that was sent."""
        reply: asyncio.Future[TradingReply[Any]] = asyncio.get_running_loop().create_future()
        charge = self._limiter.count(None, request.params, request.numbers, request.orders)

        def end() -> None:
            outcome = command.outcome
            failure = outcome if isinstance(outcome, Exception) else None
            self._limiter.end(charge, failure, was_sent=not command.is_withdrawn)
            if reply.cancelled():
                return
            if isinstance(outcome, TradingReply):
                reply.set_result(outcome)
            elif failure is not None:
                reply.set_exception(failure)

        def abandon(reply: asyncio.Future[TradingReply[Any]]) -> None:
            if reply.cancelled() and not command.is_done:
                error = _abandon(connection, command)
                self._limiter.end(charge, error, was_sent=not command.is_withdrawn)

        if command.is_done:
            end()
        else:
            command.on_done = end
            reply.add_done_callback(abandon)
        return reply

    async def _connected(self, request: Request) -> Connection:
        """Return the connection for orders, after checking that it is connected.

        Raises:
            NotConnected: it is not connected.
            ValueError: there is neither a token nor a `TokenManager`.
        """
        method = request.params.METHOD
        if not (self._has_tokens or request.params.token):
            raise ValueError(
                f"{method} needs a token: make the client with "
                "token_manager=TokenManager.from_env()"
            )
        connection = await self._connect(f"send {method}")
        if connection.state is not CONNECTED:
            raise NotConnected(f"send {method}", connection.state)
        if self._has_tokens:
            self._connection = connection
        return connection

    def _check(self, request: Request, connection: Connection) -> None:
        """Check a request against the exchange's rules, as far as they are known."""
        params = request.params
        if self._checks is None or params.METHOD not in TIMED:
            return
        target = request.targets[0] if len(request.targets) == 1 else None
        # The time is needed only to check a deadline.
        has_deadline = getattr(params, "deadline", None) is not None
        now_ns = (self._exchange.estimate_ns(now()) or time.time_ns()) if has_deadline else 0
        system = connection.session.system_status
        if isinstance(params, AmendOrderParams):
            numbers = request.numbers or {}
            self._checks.check_amend(params, numbers, now_ns, system=system, order=target)
        else:
            self._checks.check(params, now_ns, system=system, order=target)

    async def _wait_for_turn(self, request: Request, connection: Connection) -> None:
        """Wait until the last requests for the same orders are answered.

        A cancel waits for a second at most, as it reduces risk; an amend or edit until the last
        request is answered or its outcome is unknown.
        """
        if not any(order.is_busy for order in request.targets):
            return
        is_cancel = request.params.METHOD in ("cancel_order", "batch_cancel")
        try:
            async with asyncio.timeout(CANCEL_HOLD if is_cancel else None):
                while busy := [order for order in request.targets if order.is_busy]:
                    await busy[0].wait_free()
        except TimeoutError:
            return
        self._check(request, connection)

    def _command(self, request: Request) -> Command:
        body = request.body
        if body is None:
            body = encode_body(self._wire(request))
        method = request.params.METHOD
        changes: Sequence[Change] = ()
        if request.targets:
            numbers = request.numbers or _numbers_of(request.params)
            changes = [Change(method, order, numbers) for order in request.targets]
        return Command(method, body, request.params, request.orders, changes)

    def _wire(self, request: Request) -> dict[str, Any]:
        """Return the parameters as they are sent, with generated `cl_ord_id`s."""
        plain = request.params.wire()
        if request.orders:
            sent = plain.get("orders", [plain])
            for order, made in zip(request.orders, sent, strict=True):
                if order.cl_ord_id is not None:
                    made["cl_ord_id"] = order.cl_ord_id
        return plain

    def _withdraw(self, request: Request, error: BaseException) -> None:
        """Record that a request was not sent."""
        for order in request.orders:
            self._orders.refused(order, _reason_of(error))
        if isinstance(error, TradingError) and not error.orders:
            error.orders = tuple(request.orders or request.targets)

    # Orders.

    def _place(self, method: str, made: list[AddOrderParams], tag: str | None) -> list[Order]:
        """Add new orders to the client's orders, each with its `cl_ord_id`."""
        in_use = [p.cl_ord_id for p in made if p.cl_ord_id and self._is_in_use(p.cl_ord_id)]
        orders = [self._orders.placing(params, self._name(params), tag) for params in made]
        if in_use:
            error = OrderCheckFailed(
                f"an order with cl_ord_id {in_use[0]} is not done: {self._orders.get(in_use[0])!r}",
                rule="duplicate",
                field="cl_ord_id",
                value=in_use[0],
                method=method,
                orders=orders,
            )
            for order in orders:
                self._orders.refused(order, error)
            raise error
        return orders

    def _is_in_use(self, cl_ord_id: str) -> bool:
        order = self._orders.get(cl_ord_id)
        return order is not None and not order.is_done

    def _name(self, params: AddOrderParams) -> str | None:
        """Return the `cl_ord_id` of a new order, a generated one if it has no identifier.

        Kraken refuses a `cl_ord_id` together with a conditional close (Kraken's SDK).
        """
        if isinstance(params.cl_ord_id, str):
            return params.cl_ord_id
        has_none = params.cl_ord_id is None and params.order_userref is None
        return self._new_name() if has_none and params.conditional is None else None

    def _targets(self, params: TradingParams) -> Sequence[Order]:
        """Return the orders that a request changes or cancels, as far as they are known."""
        names = names_of(params)
        numbers = params.order_userref if isinstance(params, CancelOrderParams) else None
        if len(names) == 1 and not numbers:
            return self.target(names[0])
        found = [order for name in names for order in self.target(name)]
        if numbers:
            found += [o for o in self._orders.working() if o.order_userref in numbers]
        return list(dict.fromkeys(found))

    def _cancel_stragglers(self, orders: list[Order]) -> None:
        """Cancel orders that were unanswered during `cancel_all`, should they appear."""
        self._orders.may_have_ended(orders)
        for order in orders:
            if not order.is_settled or order.is_edited:
                task = asyncio.create_task(self._cancel_straggler(order))
                self._stragglers.add(task)
                task.add_done_callback(self._stragglers.discard)

    async def _cancel_straggler(self, order: Order) -> None:
        try:
            await order.wait_settled()
            await order.wait_free()
            order = order.replaced_by or order
            for _ in range(STRAGGLER_TRIES):
                if order.is_done:
                    return
                logger.warning("%r appeared after cancel_all: it is cancelled too", order)
                try:
                    await order.cancel()
                    await order.wait_done(REPORT_PATIENCE)
                except (RequestError, NotConnected, TimeoutError) as error:
                    logger.warning("%r could not be cancelled yet: %s", order, error)
                    await asyncio.sleep(REPORT_PATIENCE)
        except Exception as error:  # noqa: BLE001 (the client ended, or no report came)
            logger.error("%r may be in the market after cancel_all: %s", order, error)
            return
        if not order.is_done:
            logger.error("%r is in the market after cancel_all", order)


async def _reply(connection: Connection, command: Command) -> TradingReply[Any]:
    """Wait for the answer to a request; if the caller is cancelled, withdraw it if it can be.

    Raises:
        TradingError, OrderOutcomeUnknown: as the request ended.
        NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it was not sent.
    """
    if not command.is_done:
        done = asyncio.Event()
        command.on_done = done.set
        try:
            await done.wait()
        except asyncio.CancelledError:
            _abandon(connection, command)
            raise
    return command.result()


def _abandon(connection: Connection, command: Command) -> ConnectionLost:
    """Withdraw a request if it can be, as its caller no longer waits; return the reason."""
    error = ConnectionLost(connection.session.url, "the caller was cancelled")
    with connection.step() as session:
        session.trading.abandon(command, error)
    return error


def client_names() -> Iterator[str]:
    """Yield values of `cl_ord_id` that no other client of the account uses.

    They are free text of 18 characters, a form that Kraken was seen to return unchanged.
    """
    number = int.from_bytes(os.urandom(8), "big")
    while True:
        yield f"kc{number:016x}"
        number = (number + 1) % 2**64


def names_of(params: TradingParams) -> Sequence[str]:
    """Return the identifiers of the orders that a request names, without `order_userref`s."""
    if isinstance(params, AmendOrderParams):
        return [str(params.order_id or params.cl_ord_id)]
    if isinstance(params, EditOrderParams):
        return [params.order_id]
    if isinstance(params, CancelOrderParams):
        return [*(params.order_id or ()), *(params.cl_ord_id or ())]
    if isinstance(params, BatchCancelParams):
        return [*params.orders, *(params.cl_ord_id or ())]
    return ()


def _amended(params: TradingParams) -> Mapping[str, Any] | None:
    """Return the prices and quantities of an amend by name."""
    if not isinstance(params, AmendOrderParams):
        return None
    named = {name: getattr(params, name) for name in AMENDED_NUMBERS}
    return {name: number for name, number in named.items() if number is not None}


def _numbers_of(params: TradingParams) -> dict[str, Any]:
    """Return the order terms that an edit sets."""
    if not isinstance(params, EditOrderParams):
        return {}
    return {name: getattr(params, name) for name in TERMS}


def _reason_of(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RequestError("the caller was cancelled")


def _together(
    method: str, names: list[str], results: Sequence[TradingReply[Any] | BaseException]
) -> TradingReply[Any]:
    """Return one reply for several requests, or raise one exception for them.

    An unknown outcome takes precedence over a refusal, and a refusal over an unsent request.
    """
    outcomes = list(zip(names, results, strict=True))
    replies = [result for result in results if isinstance(result, TradingReply)]
    accepted = [name for name, result in outcomes if isinstance(result, TradingReply)]
    failed = [(name, error) for name, error in outcomes if isinstance(error, Exception)]
    # Of the orders that share an `order_userref`, some may be cancelled and others not.
    accepted += [name for _, error in failed for name in getattr(error, "accepted", ())]
    unanswered = [name for name, error in failed if isinstance(error, OrderOutcomeUnknown)]
    rejected = {name: _text_of(error) for name, error in failed if name not in unanswered}
    orders = [order for result in results for order in getattr(result, "orders", ())]
    details: dict[str, Any] = {"rejected": rejected, "accepted": accepted, "orders": orders}
    if unanswered:
        cause = next(error for _, error in failed if isinstance(error, OrderOutcomeUnknown))
        raise OrderOutcomeUnknown(
            method, "not all were answered", cause.req_id, unanswered=unanswered, **details
        ) from cause
    refusals = [error for _, error in failed if isinstance(error, TradingError)]
    if refusals:
        text = "; ".join(f"{name}: {text}" for name, text in rejected.items())
        raise TradingError(
            text,
            refusals[0].req_id,
            venue_error=refusals[0].venue_error,
            method=method,
            **details,
        )
    if failed:
        raise failed[0][1]
    acks = tuple(ack for reply in replies for ack in reply.acks)
    return replies[0].__replace__(orders=tuple(orders), acks=acks)


def _text_of(error: Exception) -> str:
    return error.error if isinstance(error, RequestError) else str(error)
