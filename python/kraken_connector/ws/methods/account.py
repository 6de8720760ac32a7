"""Methods of `KrakenWSClient` for the account: tracking, cancelling, quoting, safety."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ...exceptions import NotConnected, RequestTimeout
from ...models import DeadMansSwitchEvent, GapEvent
from ...models.checks import Number, check_choice, checked_symbol, checked_text
from ...models.trading import CancelAllOrdersAfterParams
from ...models.trading_results import CancelAllOrdersAfterResult
from ...rest.client import KrakenRest
from ..account.balances import Balances
from ..base.options import checked_bound
from ..by_rest.backfill import Around, Backfill, ExecutionsBackfill, TradesBackfill
from ..by_rest.emergency import Emergency, EmergencyReport
from ..by_rest.timer import TimerRoutes
from ..constants import ConnectionState
from ..envelopes import SubscriptionResult
from ..orders import Order, Orders
from ..orders.replies import TradingReply
from ..pool.link import Link
from ..protocol.registry import Sink, Topic
from ..subscribe import BalancesParams, ChannelParams, ExecutionsParams
from ..trading.cancelling import Canceller, CancelReport
from ..trading.dead_mans_switch import DeadMansSwitch, OnClose
from ..trading.protection import Protection
from ..trading.quotes import Quotes
from ..trading.rate_counter import RateCounter
from .orders import OrderMethods, checked_params
from .subscribing import SubscribingMethods

__all__ = ["AccountMethods"]

EXECUTIONS = Topic("executions", None, "")


NOTHING_AROUND: Around = MappingProxyType({})


class DiscardingSink:
    """The destination of streams that only keep `orders` or `balances` up to date."""

    is_shared = True
    put_all = None

    def put(self, event: Any) -> None:
        """Do nothing."""

    put_event = put


DISCARD = DiscardingSink()


class AccountMethods(SubscribingMethods, OrderMethods):
    """Track the account, cancel groups of orders, quote, and guard against a lost connection."""

    orders: Orders
    balances: Balances
    rate_counter: RateCounter
    rest: KrakenRest | None
    _rest: KrakenRest

    @property
    def clock_offset(self) -> float | None:
        """See the client."""
        raise NotImplementedError

    _request_timeout: float
    _publish: Callable[[DeadMansSwitchEvent], None]
    _check_symbol = staticmethod(checked_symbol)

    async def track_orders(self) -> None:
        """Keep `orders` up to date: subscribe to `executions`, unless that was done.

        The messages are not delivered until you subscribe to `executions` too. Your subscription
        shares the one stream of the connection and its parameters: a snapshot of open orders, a
        snapshot of the last fills, and the rate counter.

        The method returns after the first snapshot: orders and fills of earlier programs are known
        then and are not mistaken for those of this one. Called again, it renews a stream that is
        not current.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
            RequestTimeout: (a `TimeoutError`) no snapshot came within `request_timeout`; it is
                requested again.
        """
        await self._track(ExecutionsParams(snap_orders=True, snap_trades=True, ratecounter=True))
        await self._first_snapshot()

    async def track_balances(self) -> None:
        """Keep `balances` up to date: subscribe to `balances`, unless that was done.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
        """
        await self._track(BalancesParams(snapshot=True))

    @cached_property
    def protection(self) -> Protection:
        """State of the dead man's switch: whether and when the exchange cancels all orders."""
        routes = TimerRoutes(
            self._set_timer,
            lambda: self.rest,
            self._open_socket,
            may_set=lambda: self.protection.by_rest,
        )
        return Protection(
            routes.send, self._system_states, self._publish, remark=self._remark_on_timer
        )

    async def cancel_all_orders_after(
        self, params: CancelAllOrdersAfterParams
    ) -> TradingReply[CancelAllOrdersAfterResult]:
        """Start, restart or (with 0) stop the timer after which Kraken cancels all orders.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        checked_params(params, CancelAllOrdersAfterParams, self._HOST)
        sent_at = self.protection.now()
        reply = await self._trader.execute(params)
        if params.timeout is not None and reply.typed is not None:
            self.protection.answered(sent_at, params.timeout, reply.typed)
        return reply

    async def _set_timer(self, seconds: int) -> CancelAllOrdersAfterResult:
        reply = await self.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=seconds))
        assert reply.typed is not None
        return reply.typed

    def _open_socket(self) -> object | None:
        """Return what identifies the socket for orders, `None` while it is not open."""
        link = self._pool.carrier("executions")
        if link is None or link.state is not ConnectionState.CONNECTED:
            return None
        return link.session, link.session.gaps.epoch

    def _remark_on_timer(self) -> str:
        """Return the exchange's errors while `cancel_all_orders_after` was unanswered."""
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
        """Cancel all orders of a pair, and return when none can be in the market any more.

            report = await client.cancel_symbol("BTC/USD")

        This includes open orders (those of other programs too, where the client tracks orders),
        orders that are being sent, and orders of unknown outcome. Orders that are placed or appear
        meanwhile are cancelled too, so stop placing first. A cancel that fails is retried: without
        a connection, without room in the rate limit, or without an answer.

        Starts `track_orders`, as only `executions` reports how orders end. Proving that an order
        of unknown outcome is absent can take longer than the default `timeout`; see
        docs/order-certainty.md.

        Args:
            symbol: currency pair.
            side: `buy` or `sell`; both by default.
            tag: only the orders with this tag.
            timeout: longest wait, seconds.

        Raises:
            OrdersStillWorking: after `timeout`, or when the client was disconnected, orders may
                still be in the market; `orders` has them.
        """
        self._check_symbol(symbol)
        check_choice("side", side, ("buy", "sell"))
        return await self._cancel(
            lambda: self.orders.working(symbol, side, tag=tag), timeout, sees_all=tag is None
        )

    async def cancel_tag(self, tag: str, *, timeout: float = 10.0) -> CancelReport:  # noqa: ASYNC109
        """Cancel all orders with a tag, and return when none can be in the market any more.

        Args:
            tag: the tag.
            timeout: longest wait, seconds.

        Raises:
            OrdersStillWorking: as in `cancel_symbol`.
        """
        checked_text("tag", tag)
        return await self._cancel(lambda: self.orders.working(tag=tag), timeout)

    async def cancel_everything(self, *, timeout: float = 30.0) -> EmergencyReport:  # noqa: ASYNC109
        """Cancel all open orders of the account, by the way that works, and check the result.

            report = await client.cancel_everything()

        The cancel is sent by the WebSocket connection if it is open, and by the REST API if it is
        not, or if there is no answer within a second; it can be called without a connection too.
        It is repeated while orders are open. The method returns when `executions` shows that none
        is, or the REST API does, read late enough after the cancel and after the deadlines of
        orders of unknown outcome. Stop placing orders first: those that are placed meanwhile are
        cancelled too.

        REST needs an API key with the permissions to cancel and to query open orders, from
        `rest=` or the `token_manager`.

        Args:
            timeout: longest wait, seconds. An order of unknown outcome can arrive until its
                deadline, `order_deadline` seconds after it was sent.

        Raises:
            OrdersStillWorking: after `timeout` orders may be in the market; `orders` and
                `order_ids` have them, and the text says why.
            NotConnected: the client is disconnected and has no REST client with a key.
            TypeError, ValueError: `timeout` is not a positive number.
        """
        checked_bound("timeout", timeout)
        rest = self.rest
        state = self._pool.state
        if rest is None and state is ConnectionState.DISCONNECTED:
            raise NotConnected("cancel everything", state)
        emergency = Emergency(
            self._trader, self.orders, rest, lambda: self._open_socket() is not None
        )
        return await emergency.run(timeout)

    async def backfill(
        self,
        gap: GapEvent,
        *,
        symbols: Collection[str] | None = None,
        around: Around = NOTHING_AROUND,
    ) -> Backfill:
        """Read by REST what was missed in a gap of `trade` or `executions`.

            async for message in client:
                if isinstance(message, GapEvent) and "trade" in message.channels:
                    backfill = await client.backfill(message)

        The trades of a few seconds around the gap are read too; use each `trade_id` once. Fills are
        applied to `orders`, each once, and to what follows them, such as `positions`; a gap whose
        fills are all found no longer counts in `orders.lost_fills`. REST may lag, so it is asked
        2 s after the end of the gap at the earliest, and up to three times while it lacks something
        that is known.

        Args:
            gap: the gap; one without an end is read until now.
            symbols: the pairs whose trades to read; by default those of the gap whose `trade` is
                subscribed, or all of it if none is.
            around: by symbol the `trade_id`s of the last trade before the gap and of the first one
                after it, or `None`, to check the continuity up to them.

        Raises:
            TypeError, ValueError: an argument is not valid, the gap is of other channels only, or
                it is one of `executions` and the client has no API key.
            RestError: a call failed.
        """
        if not isinstance(gap, GapEvent):
            raise TypeError(f"gap must be a GapEvent, not {type(gap).__name__}")
        channels = [name for name in ("trade", "executions") if name in gap.channels]
        if not channels:
            raise ValueError(f"only gaps of trade and executions can be filled, not {gap.channels}")
        offset_ns = round((self.clock_offset or 0.0) * 1e9)
        parts = []
        if "trade" in channels:
            pairs = self._traded(gap.symbols) if symbols is None else list(symbols)
            parts.append(await TradesBackfill(self._rest, offset_ns).read(gap, pairs, around))
        if "executions" in channels:
            if self.rest is None:
                raise ValueError("fills need an API key: pass token_manager= or rest=")
            parts.append(await ExecutionsBackfill(self.rest, self.orders, offset_ns).read(gap))
        return parts[0] if len(parts) == 1 else parts[0].joined(parts[1])

    def _traded(self, symbols: Collection[str]) -> list[str]:
        """Return the pairs whose trades are subscribed, all if none is."""
        topics = [Topic("trade", None, symbol) for symbol in symbols]
        found = [
            topic.symbol
            for topic in topics
            if any(link.session.registry.get(topic) is not None for link in self._pool)
        ]
        return found or list(symbols)

    def quotes(
        self,
        symbol: str,
        *,
        tag: str = "quotes",
        post_only: bool = True,
        min_move: Number = 0,
        reserve: Number = 20,
    ) -> Quotes:
        """Return an object that keeps the orders of a pair at the prices you set.

            async with client.quotes("BTC/USD", min_move="0.5") as quotes:
                await quotes.set(bids=[("64000.0", "0.1")], asks=[("64001.0", "0.1")])

        Starts `track_orders`.

        Args:
            symbol: currency pair.
            tag: the tag of the quotes' orders; no other order may have it.
            post_only: whether to refuse prices that would take liquidity.
            min_move: smallest price change for which an order of unchanged size is moved; quote
                currency.
            reserve: points of the rate counter that new and amended orders leave free for cancels,
                which cost up to 8 each.

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument is invalid.
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
        """Return the connection state that keeps quotes from trading, `None` if they can."""
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
        by_rest: bool = False,
    ) -> DeadMansSwitch:
        """Return a dead man's switch: `async with client.dead_mans_switch(timeout=60):`.

        Args:
            timeout: seconds without a renewal after which the exchange cancels all orders.
            on_close: what to do at the end of the block: `disarm` stops the timer and orders stay,
                `leave` lets it run, so all orders are cancelled within `timeout` seconds.
            on_late: a plain function that is called with the switch when two thirds of the timeout
                have passed without a confirmation.
            by_rest: whether to set and renew the timer by REST while the connection for orders is
                not open or does not answer. By default it expires then, as fills are not seen
                either. To turn it off REST is used in any case.

        Raises:
            TypeError, InvalidParameter: (a `ValueError`) an argument is invalid.
        """
        return DeadMansSwitch(self.protection, timeout, on_close, on_late, by_rest=by_rest)

    def _system_states(self) -> list[tuple[str | None, list[Any]]]:
        """Return the system status and announced maintenance of each connection."""
        sessions = (link.session for link in self._pool)
        return [(s.system_status, s.upcoming_maintenance) for s in sessions]

    def _on_status(self, message: Any) -> None:
        """Have the dead man's switch check the system status, which may have changed."""
        self.protection.wake()

    async def _track(self, params: ChannelParams) -> None:
        self._check(params)
        topic = Topic(params.channel, None, "")
        links = [link for link in self._pool if link.session.registry.get(topic) is not None]
        if not links:
            await super()._subscribe(params, lambda _: DISCARD)
        for link in links:
            if not link.session.is_stream_current(params.channel):
                link.connection.refresh(params.channel)

    async def _first_snapshot(self) -> None:
        """Wait until `orders` is current, if the stream was subscribed with a snapshot."""
        entries = [link.session.registry.get(EXECUTIONS) for link in self._pool]
        wire = [entry.params.subscribe_params() for entry in entries if entry is not None]
        if (
            not wire
            or wire[0].get("users")
            or not (wire[0].get("snap_orders") or wire[0].get("snap_trades"))
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
        params: ChannelParams,
        sink: Callable[[Link], Sink],
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe; a stream that was only tracked is renewed, so that a snapshot is delivered."""
        topic = Topic(params.channel, None, "")
        tracked = [link for link in self._pool if link.session.registry.sinks(topic) == [DISCARD]]
        result = await super()._subscribe(params, sink, stale_after)
        for link in tracked:
            link.connection.refresh(params.channel)
        return result
