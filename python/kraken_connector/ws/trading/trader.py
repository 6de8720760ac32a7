"""Trading: from a method's parameters to the request on the connection for orders."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ...exceptions import (
    NotConnected,
    OrderCheckFailed,
    OrderOutcomeUnknown,
    RequestError,
    TradingError,
)
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
from ..orders.changes import TERMS, Change
from ..orders.evidence import REPORT_PATIENCE
from ..orders.replies import TradingReply
from ..protocol.order_requests import TIMED, Command
from .checks import OrderChecks
from .rate_limiter import RateLimiter
from .waiting import now, settled

__all__ = ["Request", "Sequencing", "Trader", "names_of"]

logger = logging.getLogger(__name__)

CONNECTED = ConnectionState.CONNECTED

#: What happens to a request about an order whose own last request has no answer yet. Messages of
#: one socket may overtake each other on the way to the engine (docs.kraken.com, FIX introduction).
Sequencing = Literal["hold", "send"]
#: Longest time that a cancel is held for the answer to its order's last request, seconds.
CANCEL_HOLD = 1.0
#: How often an order that turned up after `cancel_all` is cancelled.
STRAGGLER_TRIES = 5
#: The numbers of an amend as they stand in it.
AMENDED_NUMBERS = ("limit_price", "order_qty", "display_qty", "trigger_price")


@dataclass(slots=True)
class Request:
    """A trading request before it is sent.

    Attributes:
        params: its parameters; those of a request that was encoded beforehand lack its numbers.
        numbers: the prices and quantities of an amend by name; `None` for other requests.
        body: the parameters but token and deadline as JSON, each after a comma; made when `None`.
        orders: the orders that it makes.
        targets: the orders that it is about, as far as the client knows them.
        max_wait: longest wait for the rate limit, seconds; by default the client's.
    """

    params: TradingParams
    numbers: Mapping[str, Decimal] | None = None
    body: bytes | None = None
    orders: Sequence[Order] = ()
    targets: Sequence[Order] = ()
    max_wait: float | None = None


class Trader:
    """Sends trading requests; every one of them takes the way of `send`.

    Args:
        connect: returns the connection for orders, opened when it is the first time.
        has_tokens: whether tokens can be fetched.
        orders: the orders of the account.
        checks: the exchange's rules, `None` not to check them.
        gate: the trading rate limit.
        exchange: the exchange's clock.
        sequencing: whether requests about an order wait for the answer to its last one.
    """

    def __init__(
        self,
        connect: Callable[[str], Awaitable[Connection]],
        *,
        has_tokens: bool,
        orders: Orders,
        checks: OrderChecks | None,
        gate: RateLimiter,
        exchange: ExchangeClock,
        sequencing: Sequencing = "hold",
    ) -> None:
        self._connect = connect
        self._has_tokens = has_tokens
        self._orders = orders
        self._checks = checks
        self._gate = gate
        self._exchange = exchange
        self._holds = sequencing == "hold"
        self._connection: Connection | None = None
        self._new_name = client_names().__next__
        self._stragglers: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> Connection | None:
        """The connection for orders, once it was opened."""
        return self._connection

    # What callers want.

    def prepare(self, params: TradingParams, *, tag: str | None = None) -> Request:
        """Return a request, with the orders that it makes.

        Raises:
            OrderCheckFailed: an order with the same `cl_ord_id` is not done.
        """
        if isinstance(params, AddOrderParams):
            made = [params] if not params.validate else []
        elif isinstance(params, BatchAddParams):
            made = list(params.orders) if not params.validate else []
        else:
            return Request(params, _amended(params), targets=self._targets(params))
        return Request(params, orders=self._place(params.METHOD, made, tag))

    def target(self, name: str) -> Sequence[Order]:
        """Return the order with an identifier, none if the client does not know it."""
        order = self._orders.get(name)
        return () if order is None else (order,)

    async def send(self, request: Request) -> TradingReply[Any]:
        """Check a request, wait for its turn, send it once, and wait for its answer."""
        connection, charge, is_sent = self._connection, None, False
        try:
            # What need not wait is sent in the very step of the caller.
            if connection is None or connection.state is not CONNECTED:
                connection = await self._connected(request)
            if request.params.METHOD in TIMED:
                # Nothing else is checked or held back.
                self._check(request, connection)
                if self._gate.holds_back:
                    charge = await self._gate.admit(
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
            connection.session.trading.send(command, connection.now())
            is_sent = True
        except BaseException as error:
            if not is_sent:
                self._withdraw(request, charge, error)
            raise
        connection.attend()
        return await self._gate.watch(
            charge,
            settled(connection, command),
            request.params,
            request.numbers,
            request.orders,
            has_left=lambda: not command.is_withdrawn,
        )

    async def cancel_each(self, params: CancelOrderParams) -> TradingReply[Any]:
        """Cancel several orders, by one request for each identifier."""
        named = params.identifiers
        parts = [params.of(kind, name) for kind, name in named]
        results = await asyncio.gather(
            *(self.send(self.prepare(part)) for part in parts), return_exceptions=True
        )
        return _together(params.METHOD, [str(name) for _, name in named], results)

    async def cancel_all(self, params: CancelAllParams) -> TradingReply[Any]:
        """Cancel all orders, and afterwards those that were on their way meanwhile."""
        working = self._orders.working()
        try:
            reply = await self.send(Request(params))
        except OrderOutcomeUnknown as error:
            error.orders = tuple(working)
            self._look_after(working)
            raise
        self._look_after(working)
        return reply

    async def cancel_batch(self, params: BatchCancelParams) -> TradingReply[Any]:
        """Cancel orders by one request."""
        request = self.prepare(params)
        reply = await self.send(request)
        self._orders.may_have_ended(list(request.targets))
        return reply

    def ended(self) -> None:
        """Stop looking after orders: the client is disconnected."""
        for task in self._stragglers:
            task.cancel()

    # Parts of the way.

    async def _connected(self, request: Request) -> Connection:
        """Return the connection for orders, which has a socket.

        Raises:
            NotConnected: it has none.
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
        """Check a request by the exchange's rules, as far as they are known."""
        params = request.params
        if self._checks is None or params.METHOD not in TIMED:
            return
        target = request.targets[0] if len(request.targets) == 1 else None
        # The time is needed only to check a deadline.
        has_deadline = getattr(params, "deadline", None) is not None
        known_ns = (self._exchange.estimate_ns(now()) or time.time_ns()) if has_deadline else 0
        system = connection.session.system_status
        if isinstance(params, AmendOrderParams):
            numbers = request.numbers or {}
            self._checks.check_amend(params, numbers, known_ns, system=system, order=target)
        else:
            self._checks.check(params, known_ns, system=system, order=target)

    async def _wait_for_turn(self, request: Request, connection: Connection) -> None:
        """Wait until the last requests about the same orders are answered.

        A cancel is held for a second at most, as it takes risk away; an amend or edit until the
        last request is answered or its outcome is unknown.
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
        """Return the parameters as they are sent, with the names that the client made."""
        plain = request.params.wire()
        if request.orders:
            sent = plain.get("orders", [plain])
            for order, made in zip(request.orders, sent, strict=True):
                if order.cl_ord_id is not None:
                    made["cl_ord_id"] = order.cl_ord_id
        return plain

    def _withdraw(self, request: Request, charge: Any, error: BaseException) -> None:
        """Note that a request is not sent."""
        self._gate.withdraw(charge)
        for order in request.orders:
            self._orders.refused(order, _reason_of(error))
        if isinstance(error, TradingError) and not error.orders:
            error.orders = tuple(request.orders or request.targets)

    # Orders.

    def _place(self, method: str, made: list[AddOrderParams], tag: str | None) -> list[Order]:
        """Return new orders, with the names that they are sent by."""
        taken = [p.cl_ord_id for p in made if p.cl_ord_id and self._is_in_use(p.cl_ord_id)]
        orders = [self._orders.placing(params, self._name(params), tag) for params in made]
        if taken:
            error = OrderCheckFailed(
                f"an order with cl_ord_id {taken[0]} is not done: {self._orders.get(taken[0])!r}",
                rule="duplicate",
                field="cl_ord_id",
                value=taken[0],
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
        """Return the `cl_ord_id` of a new order, made here if it has no identifier.

        The exchange refuses one together with a conditional close (Kraken's SDK).
        """
        if isinstance(params.cl_ord_id, str):
            return params.cl_ord_id
        has_none = params.cl_ord_id is None and params.order_userref is None
        return self._new_name() if has_none and params.conditional is None else None

    def _targets(self, params: TradingParams) -> Sequence[Order]:
        """Return the orders that a request is about, as far as the client knows them."""
        names = names_of(params)
        numbers = params.order_userref if isinstance(params, CancelOrderParams) else None
        if len(names) == 1 and not numbers:
            return self.target(names[0])
        found = [order for name in names for order in self.target(name)]
        if numbers:
            found += [o for o in self._orders.working() if o.order_userref in numbers]
        return list(dict.fromkeys(found))

    def _look_after(self, orders: list[Order]) -> None:
        """Cancel orders that were on their way during `cancel_all`, should they turn up."""
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
                logger.warning("%r turned up after cancel_all: it is cancelled too", order)
                try:
                    await order.cancel()
                    await order.wait_done(REPORT_PATIENCE)
                except (RequestError, NotConnected, TimeoutError) as error:
                    logger.warning("%r could not be cancelled yet: %s", order, error)
                    await asyncio.sleep(REPORT_PATIENCE)
        except Exception as error:  # noqa: BLE001 (the client has ended, or nothing more is heard)
            logger.error("%r may be in the market after cancel_all: %s", order, error)
            return
        if not order.is_done:
            logger.error("%r is in the market after cancel_all", order)


def client_names() -> Iterator[str]:
    """Make identifiers of orders that no other client of the account has.

    They are free text of 18 characters, the form that was seen to be echoed unchanged.
    """
    number = int.from_bytes(os.urandom(8), "big")
    while True:
        yield f"kc{number:016x}"
        number = (number + 1) % 2**64


def names_of(params: TradingParams) -> Sequence[str]:
    """Return the identifiers of the orders that a request is about; numbers are not among them."""
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
    """Return the terms that an edit sets."""
    if not isinstance(params, EditOrderParams):
        return {}
    return {name: getattr(params, name) for name in TERMS}


def _reason_of(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RequestError("the caller was cancelled")


def _together(
    method: str, names: list[str], results: Sequence[TradingReply[Any] | BaseException]
) -> TradingReply[Any]:
    """Return one reply for several requests, or raise one exception for them.

    What is in doubt comes before what was refused, and that before what was never sent.
    """
    outcomes = list(zip(names, results, strict=True))
    replies = [result for result in results if isinstance(result, TradingReply)]
    accepted = [name for name, result in outcomes if isinstance(result, TradingReply)]
    failed = [(name, error) for name, error in outcomes if isinstance(error, Exception)]
    # Of a number that several orders share, some may be cancelled and others not.
    accepted += [name for _, error in failed for name in getattr(error, "accepted", ())]
    doubtful = [name for name, error in failed if isinstance(error, OrderOutcomeUnknown)]
    rejected = {name: _text_of(error) for name, error in failed if name not in doubtful}
    orders = [order for result in results for order in getattr(result, "orders", ())]
    details: dict[str, Any] = {"rejected": rejected, "accepted": accepted, "orders": orders}
    if doubtful:
        cause = next(error for _, error in failed if isinstance(error, OrderOutcomeUnknown))
        raise OrderOutcomeUnknown(
            method, "not all were answered", cause.req_id, unanswered=doubtful, **details
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
