"""One order: what it is, how far it came, and waiting for what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ...exceptions import OrderNotFilled
from ...models import ExecutionFee
from ...models.trading import AddOrderParams

__all__ = ["DONE", "OPEN", "RANKS", "UNSETTLED", "Fill", "Order"]

#: How far an order is by the exchange's word: a report that comes late never sets it back.
RANKS = {
    "pending_new": 0,
    "new": 1,
    "partially_filled": 2,
    "filled": 3,
    "canceled": 3,
    "expired": 3,
}
OPEN = frozenset({"pending_new", "new", "partially_filled"})
#: What became of the request is not known, or not yet.
UNSETTLED = frozenset({"sending", "unknown"})
DONE = frozenset({"filled", "canceled", "expired", "rejected", "absent", "gone"})


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
        fees: what it cost, by asset.
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


class Order:
    """An order, kept up to date while the client lives; always the same object for one order.

    `status` is the exchange's own: `pending_new`, `new`, `partially_filled`, `filled`, `canceled`
    or `expired`; or what the client knows:

    - `sending`: sent, and no word yet.
    - `unknown`: sent, and what came of it is not known; it is being looked for.
    - `rejected`: refused, or it never left; `error` says why.
    - `absent`: looked for; the exchange does not have it and knows no fill of it.
    - `gone`: it was open before a hole in the stream and is not after it; how it ended was not
      told, and fills beyond those in `fills` are possible.

    Attributes are to be read. Quantities are in base currency, prices and costs in quote currency.

    Attributes:
        order_id: the exchange's identifier, `None` until it is known.
        cl_ord_id: the client's identifier.
        order_userref: the client's number, which several orders may share.
        symbol: currency pair.
        side: `buy` or `sell`.
        order_type: `limit`, `market`, ...
        order_qty: ordered quantity.
        limit_price: limit price.
        time_in_force: as the exchange writes it: `GTC`, `GTD`, `IOC`, `FOK`.
        post_only: whether it only adds liquidity.
        status: see above.
        cum_qty: filled quantity; never shrinks.
        cum_cost: value of what is filled; never shrinks.
        reason: why it ended or changed, in the exchange's words, or why the client says so.
        error: why it was refused.
        params: what was asked for, `None` for an order from elsewhere.
        req_id: id of the request that made it, 0 for an order from elsewhere.
        user: account id, in streams of all users of a master account.
        replaces: the order in whose place `edit_order` put it.
        replaced_by: the order that `edit_order` put in its place.
        sent_ns: local time of sending, nanoseconds since the epoch.
        created_ns: time of the exchange of the first report, `None` before.
        amended_ns: time of the exchange of the last change by the user, `None` without one.
        updated_ns: time of the exchange of the last report, `None` before.
        aged_from_ns: local time of its making or last change, from which rate limits count its age.
    """

    __slots__ = (
        "_average",
        "_fills",
        "_heard",
        "_watchers",
        "aged_from_ns",
        "amended_ns",
        "cl_ord_id",
        "created_ns",
        "cum_cost",
        "cum_qty",
        "error",
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
        "sent_ns",
        "side",
        "status",
        "symbol",
        "time_in_force",
        "updated_ns",
        "user",
    )

    def __init__(self, order_id: str | None = None, cl_ord_id: str | None = None) -> None:
        self.order_id = order_id
        self.cl_ord_id = cl_ord_id
        self.order_userref: int | None = None
        self.symbol: str | None = None
        self.side: str | None = None
        self.order_type: str | None = None
        self.order_qty: Decimal | None = None
        self.limit_price: Decimal | None = None
        self.time_in_force: str | None = None
        self.post_only: bool | None = None
        self.status = "pending_new"
        self.cum_qty = Decimal(0)
        self.cum_cost = Decimal(0)
        self.reason: str | None = None
        self.error: Exception | None = None
        self.params: AddOrderParams | None = None
        self.req_id = 0
        self.user: str | None = None
        self.replaces: Order | None = None
        self.replaced_by: Order | None = None
        self.sent_ns: int | None = None
        self.created_ns: int | None = None
        self.amended_ns: int | None = None
        self.updated_ns: int | None = None
        self.aged_from_ns: int | None = None
        self._average: tuple[Decimal, Decimal] | None = None
        self._fills: dict[str, Fill] = {}
        #: Step of the tracker at which the exchange spoke of it last, other than in a snapshot.
        self._heard = 0
        self._watchers: list[Callable[[Exception | None], None]] = []

    @property
    def fills(self) -> list[Fill]:
        """Its executions that were reported, in order of arrival; a copy."""
        return list(self._fills.values())

    @property
    def avg_price(self) -> Decimal | None:
        """Average price of what is filled, the exchange's where it told it; `None` before."""
        if not self.cum_qty:
            return None
        if self._average is not None and self._average[0] == self.cum_qty:
            return self._average[1]
        return self.cum_cost / self.cum_qty

    @property
    def remaining_qty(self) -> Decimal | None:
        """What is not filled; `None` while the ordered quantity is not known."""
        if self.order_qty is None:
            return None
        return max(self.order_qty - self.cum_qty, Decimal(0))

    @property
    def is_open(self) -> bool:
        """Whether it can be filled, as far as is known."""
        return self.status in OPEN

    @property
    def is_done(self) -> bool:
        """Whether it has come to an end."""
        return self.status in DONE

    @property
    def is_settled(self) -> bool:
        """Whether it is known what came of the request."""
        return self.status not in UNSETTLED

    async def wait_open(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until it is live in the engine, and return it.

        An order that was filled at once was live too.

        Raises:
            OrderNotFilled: it ended without a fill.
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up, before.
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
            OrderNotFilled: it ended otherwise; `order.cum_qty` says how much was filled.
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up, before.
        """
        await self.wait_done(timeout)
        if self.status != "filled":
            raise OrderNotFilled(self)
        return self

    async def wait_done(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until it has come to an end, and return it.

        Raises:
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up, before.
        """
        await self._until(lambda: self.is_done, timeout)
        return self

    async def wait_settled(self, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        """Wait until it is known what came of the request, and return it.

        Raises:
            TimeoutError: `timeout` seconds passed.
            NotConnected: the client was disconnected, or gave up, before.
        """
        await self._until(lambda: self.is_settled, timeout)
        return self

    async def _until(self, is_so: Callable[[], bool], seconds: float | None) -> None:
        if is_so():
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look(error: Exception | None = None) -> None:
            if reached.done():
                return
            if is_so():
                reached.set_result(None)
            elif error is not None:
                reached.set_exception(error)

        self._watchers.append(look)
        try:
            async with asyncio.timeout(seconds):
                await reached
        finally:
            self._watchers.remove(look)

    def __repr__(self) -> str:
        name = self.order_id or self.cl_ord_id or self.order_userref
        terms = f"{self.side} {self.order_qty} {self.symbol}"
        price = "" if self.limit_price is None else f" at {self.limit_price}"
        return f"<Order {name}: {terms}{price}, {self.status}, filled {self.cum_qty}>"


def fees_of(fees: list[ExecutionFee] | None) -> tuple[tuple[str, Decimal], ...]:
    """Return the fees of a fill with exact amounts."""
    return tuple(
        (fee.asset, fee.decimal("qty") or Decimal(0))
        for fee in fees or ()
        if isinstance(fee, ExecutionFee)
    )
