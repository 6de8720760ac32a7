"""One order: its terms, its progress, the requests about it, and waiting for its state."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from ...exceptions import InvalidFieldError, OrderCheckFailed, OrderNotFilled
from ...models import ExecutionFee, ExecutionTriggers
from ...models.checks import Number
from ...models.decimals import ZERO, add, divide, subtract
from ...models.order_parts import TRAILING_TYPES
from ...models.trading import AddOrderParams, AmendOrderParams, CancelOrderParams
from .life import DONE, OPEN, UNSETTLED, Life
from .replies import TradingReply

__all__ = ["TERMS", "Change", "Fill", "Order", "OrderCalls", "fees_of"]

#: The terms that an amend or edit can change.
TERMS = ("order_qty", "limit_price", "display_qty")


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order.

    Attributes:
        exec_id: its identifier; each is counted once.
        order_id: the exchange's identifier of the order.
        symbol: currency pair.
        side: `buy` or `sell`.
        qty: quantity in base currency.
        price: average price in quote currency.
        cost: value in quote currency.
        liquidity_ind: `m` maker or `t` taker.
        fees: asset and amount of each fee.
        trade_id: number of the trade.
        timestamp_ns: time of the exchange, nanoseconds since the epoch.
    """

    exec_id: str
    order_id: str
    symbol: str | None
    side: str | None
    qty: Decimal
    price: Decimal | None
    cost: Decimal | None
    liquidity_ind: str | None
    fees: tuple[tuple[str, Decimal], ...]
    trade_id: int | None
    timestamp_ns: int | None


class Change:
    """One request to amend, edit or cancel an order.

    Args:
        method: `amend_order`, `edit_order` or `cancel_order`.
        order: the order.
        numbers: the prices and quantities that the request sets, by name.

    Attributes:
        deadline_ns: exchange time until which the exchange may accept it, nanoseconds since the
            epoch; `None` for a cancel, which has no deadline.
        is_reported: whether a report has shown the new terms.
        largest_qty: for an edit, the largest quantity that its order may have.
        sent_step: step of the collection at which it was sent.
        step: step of the collection at which the reply came, or was given up.
    """

    __slots__ = (
        "deadline_ns",
        "is_reported",
        "largest_qty",
        "method",
        "numbers",
        "order",
        "sent_step",
        "step",
    )

    def __init__(self, method: str, order: Order, numbers: Mapping[str, Any]) -> None:
        self.method = method
        self.order = order
        self.numbers: dict[str, Decimal] = {
            name: value for name in TERMS if (value := numbers.get(name)) is not None
        }
        if order.order_type in TRAILING_TYPES:
            # Its limit price is an offset, not a price.
            self.numbers.pop("limit_price", None)
        self.deadline_ns: int | None = None
        self.is_reported = False
        self.largest_qty: Decimal | None = None
        self.sent_step = 0
        self.step = 0

    def apply(self) -> None:
        """Set the new terms of the order; the reply has confirmed them."""
        for name, value in self.numbers.items():
            setattr(self.order, name, value)
        order = self.order
        if order.order_qty is not None and order.order_qty < order.cum_qty:
            # The quantity becomes what is filled; the rest is canceled (page "Amend Order").
            order.order_qty, order._is_cut = order.cum_qty, True

    def is_in_force(self) -> bool:
        """Return whether the order has the terms that the request sets."""
        return all(getattr(self.order, name) == value for name, value in self.numbers.items())

    def apply_to(self, new: Order, old: Order) -> None:
        """Set the terms of the order that an edit made, where no report had them."""
        for name in TERMS:
            if getattr(new, name) is None:
                setattr(new, name, self.numbers.get(name, getattr(old, name)))


class OrderCalls(NamedTuple):
    """The functions of an order's collection that the order calls.

    Attributes:
        outlook: returns what to raise if the state of the order will not become known, `None` if it
            will; and a time of the event loop at which to call this again, `None` if the order's
            watchers will be called.
        send: sends a trading request.
        amend_params: makes the parameters of an amend, from keywords.
    """

    outlook: Callable[[Order], tuple[Exception | None, float | None]]
    send: Callable[[Any], Awaitable[TradingReply[Any]]]
    amend_params: Callable[..., AmendOrderParams] = AmendOrderParams


class Order:
    """An order, kept up to date by the client; there is one object per order.

    `status` is the exchange's: `pending_new`, `new`, `partially_filled`, `filled`, `canceled` or
    `expired`; or one of the client:

    - `sending`: the exchange has not replied yet.
    - `unknown`: sent, and the outcome is not known; the client tries to find out.
    - `rejected`: refused, or never sent; `error` says why.
    - `absent`: proved not to be in the market. The exchange has no open order and no fill of it.
    - `gone`: it existed, and the exchange does not have it any more. How it ended was not reported;
      after a gap it may have more fills than those in `fills`.

    Attributes are read-only. Quantities are in base currency, prices and costs in quote currency.
    docs/order-certainty.md has the rules.

    Attributes:
        order_id: the exchange's identifier, `None` until it is known.
        cl_ord_id: the client's identifier.
        order_userref: the client's number, which several orders may share.
        tag: the name that the caller gave a group of orders; it is not sent.
        symbol: currency pair.
        side: `buy` or `sell`.
        order_type: `limit`, `market`, ...
        order_qty: ordered quantity.
        cash_order_qty: ordered quantity in quote currency, if the order has one.
        display_qty: visible quantity of an iceberg order.
        limit_price: limit price.
        time_in_force: as the exchange writes it: `GTC`, `GTD`, `IOC`, `FOK`.
        expire_time: RFC 3339 time at which a `GTD` order ends.
        triggers: trigger of a stop, take-profit or trailing order.
        post_only: whether it only adds liquidity.
        cum_qty: filled quantity; never decreases.
        cum_cost: value of the filled quantity; never decreases.
        reason: why it ended or changed: the exchange's text, or the reason for the client's status.
        error: why it was refused.
        params: parameters of the request, `None` for an order that this client did not send.
        req_id: id of the request, 0 for an order that this client did not send.
        user: account id, in streams of all users of a master account.
        replaces: the order that `edit_order` replaced by this one.
        replaced_by: the order that `edit_order` made of it.
        sent_at: monotonic local time of sending, seconds.
        deadline_ns: exchange time until which the exchange may accept the request, nanoseconds
            since the epoch.
        created_ns: exchange time of the first report, `None` before.
        amended_ns: exchange time of the user's last change, `None` without one.
        updated_ns: exchange time of the last report, `None` before.
        aged_from_ns: monotonic local time, nanoseconds, from which rate limits count its age.
    """

    __slots__ = (
        "_average",
        "_awaited",
        "_calls",
        "_fills",
        "_heard",
        "_is_cut",
        "_life",
        "_pending",
        "_reported",
        "_shown",
        "_since",
        "_unreported",
        "_unreported_ns",
        "_unresolved",
        "_watchers",
        "aged_from_ns",
        "amended_ns",
        "cash_order_qty",
        "cl_ord_id",
        "created_ns",
        "cum_cost",
        "cum_qty",
        "deadline_ns",
        "display_qty",
        "error",
        "expire_time",
        "is_mine",
        "limit_price",
        "order_id",
        "order_qty",
        "order_type",
        "order_userref",
        "params",
        "post_only",
        "reason",
        "replaced_by",
        "replaces",
        "req_id",
        "sent_at",
        "side",
        "symbol",
        "tag",
        "time_in_force",
        "triggers",
        "updated_ns",
        "user",
    )

    def __init__(
        self, calls: OrderCalls, order_id: str | None = None, cl_ord_id: str | None = None
    ) -> None:
        self.order_id = order_id
        self.cl_ord_id = cl_ord_id
        self.order_userref: int | None = None
        self.tag: str | None = None
        #: Whether this client sent it, or edited one of its orders into it.
        self.is_mine = False
        self.symbol: str | None = None
        self.side: str | None = None
        self.order_type: str | None = None
        self.order_qty: Decimal | None = None
        self.cash_order_qty: Decimal | None = None
        self.display_qty: Decimal | None = None
        self.limit_price: Decimal | None = None
        self.time_in_force: str | None = None
        self.expire_time: str | None = None
        self.triggers: ExecutionTriggers | None = None
        self.post_only: bool | None = None
        self.cum_qty = ZERO
        self.cum_cost = ZERO
        self.reason: str | None = None
        self.error: Exception | None = None
        self.params: AddOrderParams | None = None
        self.req_id = 0
        self.user: str | None = None
        self.replaces: Order | None = None
        self.replaced_by: Order | None = None
        self.sent_at: float | None = None
        self.deadline_ns: int | None = None
        self.created_ns: int | None = None
        self.amended_ns: int | None = None
        self.updated_ns: int | None = None
        self.aged_from_ns: int | None = None
        self._calls = calls
        self._life = Life()
        #: The filled quantity and the exchange's average price of it.
        self._average: tuple[Decimal, Decimal] | None = None
        self._fills: dict[str, Fill] = {}
        #: Quantity and cost of `_fills`.
        self._reported = (ZERO, ZERO)
        #: Quantity and cost that the totals have beyond `_fills`.
        self._unreported = (ZERO, ZERO)
        #: Exchange time of these totals.
        self._unreported_ns: int | None = None
        #: Whether an amend set its quantity to what was filled, so that the rest was canceled.
        self._is_cut = False
        #: Step of the collection at which the last report or reply about it came.
        self._heard = 0
        #: Step of the collection at which it became known.
        self._since = 0
        #: Requests about it that wait for a reply, oldest first, and those that got none.
        self._pending: list[Change] = []
        self._unresolved: list[Change] = []
        #: Amends with a reply whose report has not come yet, in the order of the replies.
        self._awaited: list[Change] = []
        #: Step and quantity of the last report of changed terms, or snapshot.
        self._shown: tuple[int, Decimal | None] | None = None
        self._watchers: list[Callable[[], None]] = []

    # State.

    @property
    def status(self) -> str:
        """The known state; see the class."""
        return self._life.status

    @property
    def fills(self) -> list[Fill]:
        """Its executions that were reported, in order of arrival; a copy."""
        return list(self._fills.values())

    @property
    def fees(self) -> dict[str, Decimal]:
        """The fees of its fills by asset."""
        sums: dict[str, Decimal] = {}
        for fill in self._fills.values():
            for asset, amount in fill.fees:
                sums[asset] = add(sums.get(asset, ZERO), amount)
        return sums

    @property
    def avg_price(self) -> Decimal | None:
        """Average price of the fills, the exchange's if known; `None` without a fill."""
        if not self.cum_qty:
            return None
        if self._average is not None and self._average[0] == self.cum_qty:
            return self._average[1]
        return divide(self.cum_cost, self.cum_qty)

    @property
    def remaining_qty(self) -> Decimal | None:
        """Quantity that is not filled; `None` while the ordered quantity is not known."""
        if self.order_qty is None:
            return None
        return max(subtract(self.order_qty, self.cum_qty), ZERO)

    @property
    def is_open(self) -> bool:
        """Whether its last known state is an open one."""
        return self._life.status in OPEN

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._life.status in DONE

    @property
    def is_settled(self) -> bool:
        """Whether the outcome of sending it is known."""
        return self._life.status not in UNSETTLED

    @property
    def pending(self) -> list[str]:
        """Methods of the requests about it that wait for a reply, oldest first."""
        return [request.method for request in self._pending]

    @property
    def is_certain(self) -> bool:
        """Whether the outcome of all requests about it is known."""
        return self.is_settled and not self._pending and not self._unresolved

    @property
    def is_edited(self) -> bool:
        """Whether an edit without a known outcome may still replace it."""
        return any(change.method == "edit_order" for change in self._requests())

    def _requests(self) -> tuple[Change, ...]:
        """Return the requests about it without a known, reported outcome."""
        return (*self._awaited, *self._unresolved, *self._pending)

    def _amends(self) -> list[Change]:
        """Return the amends that may have set its terms after the last report of them."""
        return [c for c in self._requests() if c.method == "amend_order" and not c.is_reported]

    def _largest_qty(self) -> Decimal | None:
        """Return the largest quantity that it may have, `None` while it has no known one.

        Requests may overtake each other (docs.kraken.com, FIX introduction), so any amend without
        a reported outcome may be the last one. What was answered or reported before an accepted
        amend was sent is older than that.
        """
        if self.order_qty is None or not self._requests():
            return self.order_qty
        accepted = max((change.sent_step for change in self._awaited), default=-1)
        found = [c for c in self._amends() if c.step > accepted or c not in self._awaited]
        qtys = [change.numbers.get("order_qty") for change in found]
        if self._shown is not None and self._shown[0] > accepted:
            qtys.append(self._shown[1])
        return max([self.order_qty, *(qty for qty in qtys if qty is not None)])

    @property
    def is_busy(self) -> bool:
        """Whether a request about it waits for a reply."""
        return self._life.status == "sending" or bool(self._pending)

    # Requests.

    async def amend(
        self,
        *,
        limit_price: Number | None = None,
        order_qty: Number | None = None,
        display_qty: Number | None = None,
        trigger_price: Number | None = None,
        post_only: bool | None = None,
    ) -> TradingReply[Any]:
        """Change it in place; see `KrakenWSClient.amend_order`.

        Args:
            limit_price: the new limit price.
            order_qty: the new total quantity, including the filled one.
            display_qty: the visible quantity of an iceberg order.
            trigger_price: the new trigger price.
            post_only: refuse a price that would take liquidity.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, see `add_order`.
        """
        await self._wait_identifier("amend_order")
        return await self._calls.send(
            self._calls.amend_params(
                order_id=self.order_id,
                order_qty=order_qty,
                limit_price=limit_price,
                display_qty=display_qty,
                trigger_price=trigger_price,
                post_only=post_only,
                cl_ord_id=self.cl_ord_id if self.order_id is None else None,
                symbol=self.symbol,
            )
        )

    async def cancel(self, *, wait: bool = False) -> Order:
        """Cancel it, and return it.

        Args:
            wait: whether to wait until it is done.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, see `add_order`.
        """
        await self._wait_identifier("cancel_order")
        if self.order_id is not None:
            params = CancelOrderParams(order_id=[self.order_id])
        else:
            params = CancelOrderParams(cl_ord_id=[str(self.cl_ord_id)])
        await self._calls.send(params)
        return await self.wait_done() if wait else self

    async def _wait_identifier(self, method: str) -> None:
        """Wait until a request can identify it; other orders may have its `order_userref` too.

        Raises:
            OrderCheckFailed: it never got an identifier.
        """
        if self.order_id is not None or self.cl_ord_id is not None:
            return
        await self.wait_settled()
        if self.order_id is None:
            text = f"{method}: order {self.order_userref} has no order_id, it is {self.status}"
            raise OrderCheckFailed(
                text,
                rule="done",
                symbol=self.symbol,
                field="order_id",
                method=method,
                orders=[self],
            )

    # Waiting.

    async def wait_open(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until the matching engine has accepted it, and return it.

        It also returns for an order that was filled at once.

        Raises:
            OrderNotFilled: it ended without a fill.
            OrderUnresolved: its state will not become known.
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up.
        """
        await self._until(
            lambda: self.status in ("new", "partially_filled") or self.is_done, timeout
        )
        if self.is_done and not self.cum_qty and self.status != "filled":
            raise OrderNotFilled(self)
        return self

    async def wait_filled(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until it is completely filled, and return it.

        Raises:
            OrderNotFilled: it ended otherwise; `order.cum_qty` is the filled quantity.
            OrderUnresolved: its state will not become known.
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up.
        """
        await self.wait_done(timeout)
        if self.status != "filled":
            raise OrderNotFilled(self)
        return self

    async def wait_done(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until it has ended, and return it.

        Raises:
            OrderUnresolved: its state will not become known.
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up.
        """
        await self._until(lambda: self.is_done, timeout)
        return self

    async def wait_settled(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until the outcome of sending it is known, and return it.

        Raises:
            OrderUnresolved: its state will not become known.
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up.
        """
        await self._until(lambda: self.is_settled, timeout)
        return self

    async def wait_free(self) -> None:
        """Wait until all requests about it have a reply."""
        while self.is_busy:
            await self._change()

    async def _until(self, is_reached: Callable[[], bool], seconds: float | None) -> None:
        """Wait for a state; raise if it cannot be reached any more."""
        async with asyncio.timeout(seconds):
            while not is_reached():
                error, again_at = self._calls.outlook(self)
                if error is not None:
                    raise error
                await self._change(again_at)

    async def _change(self, until: float | None = None) -> None:
        """Wait for a change, or until a time of the event loop."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not changed.done():
                changed.set_result(None)

        self._watchers.append(wake)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await changed
        finally:
            self._watchers.remove(wake)

    def _notify(self) -> None:
        """Wake the tasks that wait for a change."""
        for wake in list(self._watchers):
            wake()

    def __repr__(self) -> str:
        name = self.order_id or self.cl_ord_id or self.order_userref
        terms = f"{self.side} {self.order_qty} {self.symbol}"
        price = "" if self.limit_price is None else f" at {self.limit_price}"
        return f"<Order {name}: {terms}{price}, {self.status}, filled {self.cum_qty}>"


def fees_of(fees: object) -> tuple[tuple[str, Decimal], ...]:
    """Return the fees of a fill with exact amounts; malformed items are left out."""
    if not isinstance(fees, list):
        return ()
    return tuple(
        (fee.asset, qty)
        for fee in fees
        if isinstance(fee, ExecutionFee)
        and isinstance(fee.asset, str)
        and (qty := _amount(fee)) is not None
    )


def _amount(fee: ExecutionFee) -> Decimal | None:
    try:
        return fee.decimal("qty")
    except InvalidFieldError:
        return None
