"""The account as a client knows it: its orders and balances, without messages to take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any

from ...exceptions import RequestTimeout
from ...models import DeadMansSwitchEvent
from ...models._checks import Number, check_choice, checked_symbol, checked_text
from ...models.trading import CancelAllOrdersAfterParams
from ...models.trading_results import CancelAllOrdersAfterResult
from ..account.balances import Balances
from ..constants import ConnectionState
from ..envelopes import SubscriptionResult
from ..orders import Order, Orders
from ..orders.replies import TradingReply
from ..pool.link import Link
from ..protocol.registry import Sink, Topic
from ..subscribe import BalancesParams, ExecutionsParams, SubscriptionParams
from ..trading.cancelling import Canceller, CancelReport
from ..trading.dead_mans_switch import DeadMansSwitch, OnClose
from ..trading.protection import Protection
from ..trading.quotes import Quotes
from ..trading.rate_counter import RateCounter
from ..trading.waiting import now
from .orders import OrderMethods
from .subscribing import SubscribingMethods

__all__ = ["AccountMethods"]

EXECUTIONS = Topic("executions", None, "")


class DiscardingSink:
    """Takes messages that only keep a state up to date."""

    is_shared = True

    def __init__(self) -> None:
        self.put: Callable[[Any], None] = self._ignore
        self.put_event: Callable[[Any], None] = self._ignore

    def _ignore(self, event: Any) -> None:
        """Do nothing."""


class AccountMethods(SubscribingMethods, OrderMethods):
    """What `KrakenWSClient` knows about its account.

    Attributes:
        orders: the orders, by `order_id` or `cl_ord_id`.
        balances: what the account holds, by asset.
    """

    orders: Orders
    balances: Balances
    rate_counter: RateCounter
    _nowhere: DiscardingSink
    _request_timeout: float

    async def track_orders(self) -> None:
        """Keep `orders` up to date, by subscribing to `executions` if nobody did.

        Its messages go nowhere else until you subscribe yourself. Such a subscription shares the
        stream and its parameters, as a connection has one: open orders, the last fills and the
        rate counter.

        It returns when the first snapshot has come: then the orders and fills of earlier programs
        are known, and cannot be mistaken for those of this one. Called again it has a stream that
        is not followed at the moment asked for at once.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
            RequestTimeout: (a `TimeoutError`) no snapshot came within `request_timeout`; it is
                asked for again.
        """
        await self._track(ExecutionsParams(snap_orders=True, snap_trades=True, ratecounter=True))
        await self._first_snapshot()

    async def track_balances(self) -> None:
        """Keep `balances` up to date, by subscribing to `balances` if nobody did.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
        """
        await self._track(BalancesParams(snapshot=True))

    @cached_property
    def protection(self) -> Protection:
        """Whether the exchange cancels all orders when this program is gone, and when."""
        return Protection(
            self._set_timer, self._system_states, self._note_switch, remark=self._remark_on_timer
        )

    async def cancel_all_orders_after(
        self, params: CancelAllOrdersAfterParams
    ) -> TradingReply[CancelAllOrdersAfterResult]:
        """Let the exchange cancel all orders after a time, unless it is asked again before.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        sent_at = self.protection.now()
        reply = await super().cancel_all_orders_after(params)
        if params.timeout is not None and reply.typed is not None:
            self.protection.answered(sent_at, params.timeout, reply.typed)
        return reply

    async def _set_timer(self, seconds: int) -> CancelAllOrdersAfterResult:
        reply = await self.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=seconds))
        assert reply.typed is not None
        return reply.typed

    def _remark_on_timer(self) -> str:
        """Return what the exchange said while `cancel_all_orders_after` had no answer."""
        connection = self._trader.connection
        if connection is None:
            return ""
        return connection.session.trading.remark_on(CancelAllOrdersAfterParams.METHOD)

    async def cancel_symbol(
        self,
        symbol: str,
        side: str | None = None,
        *,
        tag: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> CancelReport:
        """Cancel every order of a pair that is in the market or may be, until none is.

            report = await client.cancel_symbol("BTC/USD")

        That are the open orders of the account, also those of other programs where the client
        follows `executions`, those that are being sent, and those of which it is not known whether
        the exchange has them. One that is placed or turns up meanwhile is cancelled too, so stop
        placing first. Cancels that fail are tried again: for want of a connection or of room in
        the rate limit, or without an answer.

        `executions` is followed from here on if nobody did, as only the stream tells how orders
        end. How long it takes to prove that an order of unknown outcome is absent is told in
        docs/order-certainty.md; it can be longer than the default `timeout`.

        Args:
            symbol: currency pair.
            side: `buy` or `sell`; both by default.
            tag: only the orders with this tag.
            timeout: longest wait, seconds.

        Raises:
            OrdersStillWorking: orders may be in the market after `timeout`, or the client was
                disconnected; `orders` names them.
        """
        checked_symbol(symbol)
        check_choice("side", side, ("buy", "sell"))
        return await self._cancel(
            lambda: self.orders.working(symbol, side, tag=tag), timeout, sees_all=tag is None
        )

    async def cancel_tag(self, tag: str, *, timeout: float = 10.0) -> CancelReport:  # noqa: ASYNC109
        """Cancel every order with a tag that is in the market or may be, until none is.

        Args:
            tag: the tag.
            timeout: longest wait, seconds.

        Raises:
            OrdersStillWorking: as in `cancel_symbol`.
        """
        checked_text("tag", tag)
        return await self._cancel(lambda: self.orders.working(tag=tag), timeout)

    def quotes(
        self,
        symbol: str,
        *,
        tag: str = "quotes",
        post_only: bool = True,
        min_move: Number = 0,
        reserve: Number = 20,
    ) -> Quotes:
        """Return the quotes of a pair, to be set as often as prices change.

            async with client.quotes("BTC/USD", min_move="0.5") as quotes:
                await quotes.set(bids=[("64000.0", "0.1")], asks=[("64001.0", "0.1")])

        `executions` is followed from here on if nobody did.

        Args:
            symbol: currency pair.
            tag: the tag of their orders; nothing else may have it.
            post_only: refuse prices that would take liquidity.
            min_move: an order that is less than this away from its quote, and as large, is left
                where it is; quote currency.
            reserve: what of the rate counter new and amended orders leave free for cancels, each of
                which costs up to 8.

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument makes no sense.
        """
        return Quotes(
            self._trader,
            self.orders,
            self.rate_counter,
            self.track_orders,
            self._obstacle_to_trading,
            symbol,
            tag=tag,
            post_only=post_only,
            min_move=min_move,
            reserve=reserve,
        )

    def _obstacle_to_trading(self) -> str | None:
        """Return the state because of which the client cannot trade now, `None` if it can."""
        connection = self._trader.connection
        if connection is not None and connection.state is not ConnectionState.CONNECTED:
            return connection.state
        return None if self.orders.is_current else ConnectionState.RECONNECTING

    async def _cancel(
        self, select: Callable[[], list[Order]], seconds: float, *, sees_all: bool = False
    ) -> CancelReport:
        canceller = Canceller(
            self._trader, self.orders, self.track_orders, select, sees_all=sees_all
        )
        return await canceller.run(seconds)

    def dead_mans_switch(
        self,
        timeout: int = 60,
        *,
        on_close: OnClose = "disarm",
        on_late: Callable[[DeadMansSwitch], object] | None = None,
    ) -> DeadMansSwitch:
        """Return a dead man's switch: `async with client.dead_mans_switch(timeout=60):`.

        Args:
            timeout: after how many seconds without a word the exchange cancels all orders.
            on_close: what happens on leaving: `disarm` turns it off and orders stay, `leave` leaves
                it running, so all orders end after at most `timeout` seconds.
            on_late: a plain function that takes the switch when two thirds of the timeout have
                passed without a confirmation.

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument makes no sense.
        """
        return DeadMansSwitch(self.protection, timeout, on_close, on_late)

    def _system_states(self) -> list[tuple[str | None, list[Any]]]:
        """Return the exchange's state and announcements as each connection was told."""
        sessions = (link.session for link in self._pool)
        return [(s.system_status, s.upcoming_maintenance) for s in sessions]

    def _note_switch(self, event: DeadMansSwitchEvent) -> None:
        """Tell the user of a dead man's switch."""
        raise NotImplementedError

    def _see_status(self, message: Any) -> None:
        """Let the dead man's switch look at the state of the exchange, which has changed."""
        self.protection.wake()

    async def _track(self, params: SubscriptionParams) -> None:
        self._check(params)
        topic = Topic(params.channel, None, "")
        links = [link for link in self._pool if link.session.registry.get(topic) is not None]
        if not links:
            await super()._subscribe(params, lambda _: self._nowhere)
        for link in links:
            if not link.session.is_stream_current(params.channel):
                link.session.refresh(params.channel, now())
                link.connection.attend()

    async def _first_snapshot(self) -> None:
        """Wait until orders are current, if the stream has snapshots."""
        entries = [link.session.registry.get(EXECUTIONS) for link in self._pool]
        asked = [entry.params.subscribe_params() for entry in entries if entry is not None]
        if (
            not asked
            or asked[0].get("users")
            or not (asked[0].get("snap_orders") or asked[0].get("snap_trades"))
        ):
            return
        try:
            async with asyncio.timeout(self._request_timeout):
                await self.orders.wait_current()
        except TimeoutError:
            text = f"no snapshot of executions within {self._request_timeout:g} s"
            raise RequestTimeout(text) from None

    async def _subscribe(
        self,
        params: SubscriptionParams,
        sink: Callable[[Link], Sink],
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe; to what is only tracked until then, with a snapshot all the same."""
        topic = Topic(params.channel, None, "")
        tracked = [
            link for link in self._pool if link.session.registry.sinks(topic) == [self._nowhere]
        ]
        result = await super()._subscribe(params, sink, stale_after)
        for link in tracked:
            link.session.refresh(params.channel, now())
            link.connection.attend()
        return result
