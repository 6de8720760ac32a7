"""`KrakenWSClient`: the only class that most users need."""

from __future__ import annotations

import asyncio
import logging
import ssl as tls
import time
import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from typing import Any, Self

from .._backend import OrderBook, backend
from ..exceptions import NotConnected, TradingError
from ..models import DeadMansSwitchEvent, GapEvent
from ..models._checks import check_choice, checked_integer
from ..models.trading import TradingParams
from ..network import Network
from .account.balances import Balances
from .account.instruments import Instruments
from .account.positions import Positions
from .base.exchange_clock import ExchangeClock, nanoseconds
from .base.followers import Followers
from .base.loop_time import now
from .base.options import SessionOptions
from .base.pacing import Allowance
from .book import LiveBooks, OrderBookManager
from .constants import LEVEL3_ALLOWANCE, PUBLIC_URL, ConnectionState
from .delivery.ending import Ending
from .delivery.lag import lag
from .delivery.queues import Inbox
from .delivery.sinks import CallbackSink
from .dispatcher import WSMessage
from .methods.account import AccountMethods, DiscardingSink
from .methods.level3 import Level3Methods
from .methods.settings import Settings
from .network.backoff import is_retryable
from .network.connection import ConnectionOptions
from .orders import Orders
from .orders.queue_watch import QueueWatches
from .orders.replies import TradingReply
from .pool.hosts import Hosts
from .pool.link import ConnectionView
from .pool.pool import Pool
from .pool.readiness import trading_obstacle
from .pool.wiring import Wiring
from .protocol.registry import SubscriptionEntry, Topic, entries_of
from .protocol.session import Session
from .token.manager import OwnTokens, TokenManager
from .trading.checks import OrderChecks
from .trading.rate_counter import RateCounter, RatePolicy, TierName
from .trading.rate_limiter import RateLimiter
from .trading.trader import Sequencing, Trader

__all__ = ["KrakenWSClient", "TradingError"]

logger = logging.getLogger(__name__)

#: Gaps that `KrakenWSClient.gaps` remembers.
GAPS_KEPT = 1000


#: The stream of reference data, which is not asked for by symbol.
INSTRUMENT = Topic("instrument", None, "")


class KrakenWSClient(AccountMethods, Level3Methods, Settings):
    """An async client of Kraken's WebSocket API v2.

        async with KrakenWSClient() as client:
            await client.subscribe(BookParams(symbol=["BTC/USD"]))
            async for message in client:
                print(message.channel, client.book("BTC/USD").best_bid)

    With the default `url` there is a connection for each host, opened when it is first needed: for
    public market data, for `executions`, `balances` and trading, and for `level3`. Another `url` is
    one connection for everything, unless `auth_url` or `level3_url` are given too. All durations
    are seconds. A client belongs to the event loop on which it was connected: coroutines called on
    another one raise `RuntimeError`.

    Args:
        url: WebSocket endpoint.
        ping_interval: between client pings.
        ping_timeout: longest wait for a pong.
        heartbeat_timeout: longest silence before reconnecting.
        backoff_base: first pause before reconnecting; each further one is twice as long.
        backoff_max: longest pause.
        max_reconnect_attempts: attempts in a row until the client gives up; 0 never reconnects.
        request_timeout: longest wait for the answer to a request.
        token_manager: where the tokens of private channels come from.
        message_queue_max: market data messages that wait for a consumer that is too slow; up to 128
            times as many for one that catches up with a burst.
        auth_url: endpoint of private channels and trading.
        level3_url: endpoint of `level3`.
        symbols_per_connection: currency pairs that one public connection carries; what is more
            goes to further ones. The default is one connection for all.
        level3_allowance: what the account may spend on subscribing to `level3` within a second:
            200, or 500 with a pro account.
        redundant: whether books come over two connections, the first verified arrival of each
            message counting. Books alone: other channels have no checksum to tell equals by.
        redundant_patience: longest wait of the connection that is ahead for the other one, where
            its book would skip updates. The default, 0, presents the newer book at once, which is
            right for quoting; with a patience every update comes, if need be that much later.
        on_message: a plain function that takes every message at once instead of the queue; nothing
            can be received or iterated over then.
        deliver_heartbeats: whether heartbeats are delivered like data.
        stale_after: how long market data of a pair may be silent until a `StreamStaleEvent` tells
            of it; never by default, as a quiet market is silent too. `subscribe` can say otherwise.
        private_queue_max: private messages that wait for a slow consumer; further ones are
            reported as a gap and not queued. `orders` and `balances` take them all the same.
        resync_attempts: how often a book that fails its checksum is asked for again; private
            streams are asked for without end.
        maintenance_pause: shortest pause before reconnecting when the exchange was under
            maintenance (docs.kraken.com: not more often than every 5 seconds then).
        open_timeout: longest wait for a connection.
        close_timeout: longest wait for the closing handshake.
        max_frame_size: longest frame to accept, bytes.
        ssl: TLS settings of `wss://` hosts and of the token call, unless the `token_manager` has
            settings of its own; the default trusts the system's certificates.
        proxy: URL of a proxy, for the token call too; the default takes the environment's, which
            is never used for hosts on this machine; `False` takes none.
        retryable: whether to go on after an attempt to reconnect failed with an exception, or the
            exchange closed a connection with code 1008; the default gives up on that code, on
            certificates that are not trusted, and on refusals with HTTP status 400, 401, 403 or
            404.
        check_orders: whether orders are checked before they are sent: against the state of the
            exchange, and, while `instrument` is subscribed, against tick, lot, minimum, cost and
            status of their pair.
        rate_policy: what happens to a new, amended or edited order for which the trading rate
            limit has no room: `report` sends it all the same, `wait` waits until there is room,
            `refuse` raises `RateLimitExceeded`. Cancels are never held back.
        tier: the account's tier, `starter`, `intermediate` or `pro`, by which the rate limit goes;
            by default it is learnt when `executions` is subscribed.
        rate_max_wait: longest wait of one request with `rate_policy="wait"`; longer ones raise
            `RateLimitExceeded`. `None` for no bound.
        rate_reserve: room in the rate limit's counter that `wait` and `refuse` keep for cancels.
        order_deadline: how long the exchange may take an order, an amend or an edit after it was
            sent, 0.5 to 60; sent as `deadline` by the exchange's clock unless parameters have one.
        sequencing: what happens to an amend, edit or cancel of an order whose own last request has
            no answer yet, as messages may overtake each other on the way to the engine: `hold`
            waits for that answer, a cancel for a second at most; `send` sends it at once.

    Attributes:
        instruments: the pairs by symbol, as the `instrument` stream last told them.
        orders: the account's orders by `order_id` or `cl_ord_id`; see `track_orders`.
        positions: what the fills add up to, by pair; see `track_orders`.
        balances: what the account holds, by asset; see `track_balances`.
        rate_counter: the trading rate limit's counter of each pair.

    Raises:
        TypeError, ValueError: an argument makes no sense.
    """

    def __init__(
        self,
        url: str = PUBLIC_URL,
        ping_interval: float = 10.0,
        ping_timeout: float = 10.0,
        heartbeat_timeout: float = 30.0,
        backoff_base: float = 0.5,
        backoff_max: float = 30.0,
        max_reconnect_attempts: int = 10,
        request_timeout: float = 10.0,
        token_manager: TokenManager | None = None,
        message_queue_max: int = 1024,
        *,
        auth_url: str | None = None,
        level3_url: str | None = None,
        symbols_per_connection: int | None = None,
        level3_allowance: int = LEVEL3_ALLOWANCE,
        redundant: bool = False,
        redundant_patience: float = 0.0,
        on_message: Callable[[Any], object] | None = None,
        deliver_heartbeats: bool = False,
        stale_after: float | None = None,
        private_queue_max: int = 65_536,
        resync_attempts: int = 5,
        maintenance_pause: float = 5.0,
        open_timeout: float = 10.0,
        close_timeout: float = 2.0,
        max_frame_size: int = 16 * 2**20,
        ssl: tls.SSLContext | None = None,
        proxy: str | bool | None = None,
        retryable: Callable[[BaseException], bool] = is_retryable,
        check_orders: bool = True,
        rate_policy: RatePolicy = "report",
        tier: TierName | None = None,
        rate_max_wait: float | None = None,
        rate_reserve: float = 0,
        order_deadline: float = 5.0,
        sequencing: Sequencing = "hold",
    ) -> None:
        hosts = Hosts(url, auth_url, level3_url)
        if token_manager is not None and not hasattr(token_manager, "get_token"):
            # Its type only: a token in the wrong place must not be shown.
            kind = type(token_manager).__name__
            raise TypeError(f"token_manager must be a TokenManager, not a {kind}")
        network = Network(ssl=ssl, proxy=proxy)
        connection_options = ConnectionOptions(
            backoff_base=backoff_base,
            backoff_max=backoff_max,
            maintenance_pause=maintenance_pause,
            max_reconnect_attempts=max_reconnect_attempts,
            open_timeout=open_timeout,
            close_timeout=close_timeout,
            max_frame_size=max_frame_size,
            network=network,
            retryable=retryable,
        )
        session_options = SessionOptions(
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            heartbeat_timeout=heartbeat_timeout,
            request_timeout=request_timeout,
            resync_attempts=resync_attempts,
            deliver_heartbeats=deliver_heartbeats,
            stale_after=stale_after,
            order_deadline=order_deadline,
        )
        self._keep_settings(url, session_options, connection_options)
        check_choice("sequencing", sequencing, ("hold", "send"))
        self._has_tokens = token_manager is not None
        self._gaps: deque[GapEvent] = deque(maxlen=GAPS_KEPT)
        self._inbox = Inbox(
            checked_integer("message_queue_max", message_queue_max, 1),
            checked_integer("private_queue_max", private_queue_max, 1),
            self._record_gap,
        )
        self._callback_errors = self._gap_count = 0
        self._callback = None
        if on_message is not None:
            self._callback = CallbackSink(on_message, self._count_callback_error, "on_message")
        self.instruments = Instruments()
        self._exchange = ExchangeClock()
        self.orders = Orders(now, self._exchange, self._send_for_order)
        self.positions = Positions(self.orders)
        self.balances = Balances()
        self.rate_counter = RateCounter(
            self.orders, tier, lambda: nanoseconds(now()), reserve=rate_reserve
        )
        self._trader = Trader(
            lambda method: self._connection_for("executions", method),
            has_tokens=self._has_tokens,
            orders=self.orders,
            checks=OrderChecks(self.instruments, self._has_instruments) if check_orders else None,
            gate=RateLimiter(self.rate_counter, rate_policy, rate_max_wait),
            exchange=self._exchange,
            sequencing=sequencing,
        )
        self._request_timeout = request_timeout
        self._nowhere = DiscardingSink()
        self._queues = QueueWatches(self._level3_book)
        wiring = Wiring(
            session=session_options,
            connection=connection_options,
            tokens=None if token_manager is None else OwnTokens(token_manager, network),
            allowance=Allowance(level3_allowance),
            symbols=symbols_per_connection,
            redundant=redundant,
            redundant_patience=redundant_patience,
            inbox=self._inbox,
            callback=self._callback,
            on_gap=self._record_gap,
            orders=self.orders,
            exchange=self._exchange,
            observers={
                "instrument": self.instruments.observe,
                "level3": self._queues.observe,
                "status": self._see_status,
            },
            followers={
                "executions": Followers(self.orders, self.rate_counter),
                "balances": self.balances,
            },
            on_lost=self._queues.update_all,
        )
        self._pool = Pool(hosts, wiring, self._ended, self._market_ended)
        self._cleaning: asyncio.Task[None] | None = None
        self._ending = Ending()
        self._books = LiveBooks(self._pool.engine_of)

    # Life.

    async def connect(self, *, hosts: Collection[str] = ("public",)) -> None:
        """Open the connections; those to other hosts are opened when they are first needed.

        A client that gave up reconnecting asks for everything again that was subscribed, and hands
        out what still waits; one whose user called `disconnect` starts with nothing. While the
        state is `TRADING_ONLY` it opens market data again, and what still works stays as it is.

        Args:
            hosts: the hosts to connect to, some of `public`, `private` and `level3`.
                `["private"]` lets a program cancel orders when market data cannot be had, and
                spares the first order the time that opening takes.

        Raises:
            ConnectFailed: (a `ConnectionError`) one of them cannot be opened; then none is.
            ValueError: there is no such host, or none is named.
            RuntimeError: the client is connected, or about to be.
        """
        goes_on = self.state is ConnectionState.TRADING_ONLY
        if self.state is not ConnectionState.DISCONNECTED and not goes_on:
            raise RuntimeError(f"Cannot connect: the client is {self.state}")
        await self._cleaned()
        logger.info("using the %s core", backend())
        self._inbox.open(keep=self._ending.reason is not None or goes_on)
        self.orders.start()
        try:
            await self._pool.connect(hosts)
        except BaseException:
            if not goes_on:
                self._inbox.end(NotConnected("receive", "disconnected"))
                self._ending.release(None)
            raise

    async def disconnect(self) -> None:
        """Close all connections and end all subscriptions; those that wait are told.

        Messages that arrived before can still be taken, then iteration ends. Calling it again,
        or before `connect`, does nothing.

        Raises:
            RuntimeError: it was called on another event loop than `connect`.
        """
        if self.state is not ConnectionState.DISCONNECTED:
            self._pool.check_loop("disconnect")
        try:
            # A dead man's switch that is being left still needs the connection.
            await self.protection.finish()
        finally:
            self._inbox.end(NotConnected("receive", "disconnected"))
            self._trader.ended()
            self.orders.stop(NotConnected("wait for an order", "disconnected"))
            try:
                await self._cleaned()
                await self._pool.close()
            finally:
                self._ending.finish()

    async def wait_closed(self) -> None:
        """Wait until the client is disconnected, at once if it is.

        It tells of the end where nobody iterates, as with `on_message=`: a task that awaits it
        ends when messages do.

        Raises:
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the client gave up, or market data
                ended and trading goes on; then it can be awaited again.
            RuntimeError: it was called on another event loop than `connect`.
        """
        if self.state is not ConnectionState.DISCONNECTED:
            self._pool.check_loop("wait_closed")
            await self._ending.wait()
        elif self._ending.reason is not None:
            raise self._ending.reason

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.disconnect()

    # Messages.

    async def receive(self) -> WSMessage:
        """Return the next message; blocks while the client reconnects.

        What a callback takes does not come here: neither the messages of a subscription with
        `callback=`, nor anything at all with `on_message=`. The client's own messages (`status`,
        answers, gaps) come also when nothing is subscribed.

        Raises:
            RuntimeError: all messages go to `on_message`.
            NotConnected: (a `RuntimeError`) the client was disconnected by its user.
            ConnectFailed, ConnectionLost: (`ConnectionError`s) it gave up.
            RuntimeError: it was called on another event loop than `connect`.
        """
        self._check_receivable()
        self._pool.check_loop("receive")
        message: WSMessage = await self._inbox.get()
        return message

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        """Iterate over the messages until the client is disconnected by its user.

        A client that was never connected has none, as in kraken-connector 0.2.0; a
        `RuntimeWarning` says so.

        Raises:
            ConnectFailed, ConnectionLost: (`ConnectionError`s) it gave up, or market data ended and
                trading goes on; raised by the iteration when what is queued has been taken.
            RuntimeError: all messages go to `on_message`.
        """
        self._check_receivable()
        if not self._pool:
            text = "nothing to iterate: the client was never connected; call connect() first"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return self

    async def __anext__(self) -> WSMessage:
        inbox = self._inbox
        # A look at the clock costs less here than to count messages until the next look.
        if inbox.clock() < inbox.turn_ends:
            if run := inbox.run:
                return run.popleft()  # type: ignore[no-any-return]
            if (message := inbox.pop()) is not None:
                return message  # type: ignore[no-any-return]
        try:
            return await self.receive()
        except NotConnected:
            raise StopAsyncIteration from None

    # What is known.

    @property
    def state(self) -> ConnectionState:
        """What the client is doing; `RECONNECTING` while any of its connections is."""
        return self._pool.state

    @property
    def can_trade(self) -> bool:
        """Whether a new order can be sent now and followed; see `trading_obstacle`."""
        return self.trading_obstacle is None

    @property
    def trading_obstacle(self) -> str | None:
        """What keeps new orders from being sent and followed, in words; `None` if nothing does.

        It looks at the private connection, its token, the state that the exchange told on it
        (`online`, `post_only` and `limit_only` take orders), and, once `executions` is subscribed,
        at whether `orders` is current. Rules of single pairs are checked order by order. Cancels
        are worth trying whatever it says.
        """
        return trading_obstacle(self._pool.carrier("executions"), self.orders, now())

    @property
    def clock_offset(self) -> float | None:
        """By how many seconds the exchange's clock is ahead of this machine's wall clock.

        It is learnt from the times in the exchange's answers, and right to half a round trip;
        `None` before the first one. Deadlines of orders go by it.
        """
        exchange_ns = self._exchange.estimate_ns(now())
        return None if exchange_ns is None else (exchange_ns - time.time_ns()) / 1e9

    @property
    def connections(self) -> Mapping[str, ConnectionView]:
        """The connections by name: `public`, `private` and `level3`, then `public-2` and so on.

        One that serves several hosts' channels has the first of these names. Views always show the
        present; what is not opened yet is missing.
        """
        return {link.name: link.view for link in self._pool}

    @property
    def system_status(self) -> str | None:
        """State of the exchange's engine (`online`, `maintenance`, ...), `None` while unknown."""
        primary = self._pool.primary
        return primary.session.system_status if primary else None

    @property
    def connection_id(self) -> int | None:
        """The exchange's id of the public connection, unsigned 64 bit; `None` while unknown."""
        primary = self._pool.primary
        return primary.session.connection_id if primary else None

    @property
    def upcoming_maintenance(self) -> list[Any]:
        """What the exchange last announced, as it was sent (its content is not documented)."""
        primary = self._pool.primary
        return list(primary.session.upcoming_maintenance) if primary else []

    @property
    def book_manager(self) -> OrderBookManager:
        """The live books by symbol."""
        return self._books

    @property
    def subscriptions(self) -> dict[tuple[tuple[str, Any], ...], SubscriptionEntry]:
        """What is subscribed, keyed by the sorted parameters without the token; a copy."""
        return entries_of(link.session.registry for link in self._pool if not link.is_twin)

    @property
    def gaps(self) -> list[GapEvent]:
        """The last gaps in what was received, oldest first; a copy."""
        return list(self._gaps)

    def book(self, symbol: str) -> OrderBook:
        """Return the live book of a subscribed symbol, always the same object.

        Reading its content raises `BookNotReady` unless `book.is_valid`.

        Raises:
            KeyError: the book of `symbol` is not subscribed.
        """
        for link in self._pool:
            if link.session.registry.book(symbol) is not None:
                return link.books.book(symbol)
        raise KeyError(f"not subscribed to the book of {symbol}")

    def stats(self) -> dict[str, Any]:
        """Return counts since the client was made.

        Returns:
            `queued`, `dropped`, `conflated`, `callback_errors`, `gaps`, `lanes` and `waiting`
            (how far the consumer lags, see `lag`), and under `connections` by URL (with `#` and its
            name for a host's further connections): `state`, `reconnects`, `resyncs`, `latency`
            (seconds of the last ping), `ping`, `dispatch` and `transit` (each `count`, and in
            seconds `p50`, `p99`, `p99.9`, `max`), `rates` (`frames` and `bytes` per second, of the
            last ten seconds), `placements` (`Level3Book.placement_counts` of all its books
            together), `streams` and the engine's own counts. `streams` has an entry for
            each stream by channel and symbol (and minutes of candles), such as `ohlc BTC/USD 5`:
            `age`, the seconds since its last message, `None` before the first on the present
            socket, and `is_stale`, whether its silence has reached a bound. `ping` is what pings
            took; `dispatch` is the time from receiving a read until its messages were delivered;
            `transit` is that from the exchange's timestamp until receiving, one message a read, and
            only as true as the two clocks agree.
        """
        return {
            "queued": len(self._inbox),
            "dropped": self._inbox.dropped,
            "conflated": self._inbox.conflated,
            "callback_errors": self._callback_errors,
            "gaps": self._gap_count,
            **lag(self._inbox.queues, time.time_ns()),
            "connections": {link.session.name: link.view.stats() for link in self._pool},
        }

    # Inner workings.

    async def _send_for_order(self, params: TradingParams) -> TradingReply[Any]:
        """Send a request that an order makes."""
        return await self._trader.send(self._trader.prepare(params))

    def _sessions(self) -> Iterable[Session]:
        return [link.session for link in self._pool]

    def _has_instruments(self) -> bool:
        """Tell whether what is known about pairs is up to date."""
        for link in self._pool:
            entry = link.session.registry.get(INSTRUMENT)
            if entry is not None:
                return entry.state == "confirmed"
        return False

    def _record_gap(self, gap: GapEvent) -> None:
        self._gaps.append(gap)
        self._gap_count += 1
        self._note(gap)

    def _note_switch(self, event: DeadMansSwitchEvent) -> None:
        self._note(event)

    def _note(self, event: GapEvent | DeadMansSwitchEvent) -> None:
        """Say something of our own, through the queue or to the callback."""
        if self._callback is not None:
            self._callback.put_event(event)
        else:
            self._inbox.events.put(event)

    def _check_receivable(self) -> None:
        if self._callback is not None:
            raise RuntimeError(
                "all messages go to on_message, none can be received or iterated over; use one of "
                "both, or callback= of single subscriptions"
            )

    def _count_callback_error(self) -> None:
        self._callback_errors += 1

    def _ended(self, reason: Exception) -> None:
        """Give up: without one of its connections a client is not what its user thinks it is."""
        logger.error("giving up: %s", reason)
        self._inbox.end(reason)
        self._trader.ended()
        self.orders.stop(reason)
        self._cleaning = asyncio.create_task(self._pool.close(forget=False))
        self._ending.fail(reason)

    def _market_ended(self, reason: Exception) -> None:
        """Tell those who wait for market data; private messages still come."""
        self._inbox.interrupt(reason)
        self._ending.release(reason)

    async def _cleaned(self) -> None:
        """Wait until what `_ended` began is over."""
        if self._cleaning is not None and not self._cleaning.done():
            await asyncio.wait([self._cleaning])
