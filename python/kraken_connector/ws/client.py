"""`KrakenWSClient`: the only class that most users need."""

from __future__ import annotations

import asyncio
import logging
import ssl as tls
import time
import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Self

from .._backend import OrderBook, backend
from ..exceptions import NotConnected, TradingError
from ..loop_time import now
from ..models import DeadMansSwitchEvent, GapEvent
from ..models.checks import check_choice, checked_integer
from ..models.trading import AmendOrderParams, TradingParams
from ..network import Network
from ..rest.client import KrakenRest
from .account.balances import Balances
from .account.instruments import Instruments
from .account.positions import Positions
from .base.exchange_clock import ExchangeClock, nanoseconds
from .base.followers import Follower
from .base.options import SessionOptions
from .base.pacing import Allowance
from .base.waiters import Waiters
from .book import LiveBooks, OrderBookManager
from .by_rest.settling import Settling
from .constants import LEVEL3_ALLOWANCE, PUBLIC_URL, ConnectionState
from .delivery.callbacks import CallbackSink
from .delivery.lag import lag
from .delivery.queues import Inbox
from .dispatcher import WSMessage
from .methods.level3 import Level3Methods
from .methods.preparing import PreparingMethods
from .methods.settings import Settings
from .methods.sharing import SharingMethods
from .network.backoff import is_retryable
from .network.connection import Connection, ConnectionOptions
from .network.socket_options import (
    LocalAddr,
    ReadBy,
    ReceiveStamps,
    SocketOptions,
    SockOption,
    TlsEngine,
)
from .orders import Orders
from .orders.queue_watch import QueueWatches
from .orders.replies import TradingReply
from .pool.hosts import Hosts
from .pool.link import ConnectionView
from .pool.pool import Pool
from .pool.readiness import trading_obstacle
from .pool.wiring import Wiring
from .protocol.registry import SubscriptionEntry, Topic, entries_of
from .token.manager import TokenManager, rest_client, shared_manager
from .trading.checks import OrderChecks
from .trading.rate_counter import RateCounter, RatePolicy, TierName
from .trading.rate_limiter import RateLimiter
from .trading.trader import Sequencing, Trader, client_names

__all__ = ["KrakenWSClient", "TradingError"]

logger = logging.getLogger(__name__)

#: Gaps that `KrakenWSClient.gaps` remembers.
GAPS_KEPT = 1000


#: The stream of reference data, which is subscribed without symbols.
INSTRUMENT = Topic("instrument", None, "")


class KrakenWSClient(PreparingMethods, Level3Methods, SharingMethods, Settings):
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
        symbols_per_connection: the most currency pairs on one public connection; further pairs
            open further connections. By default one connection carries all pairs.
        level3_allowance: points that the account may spend on `level3` subscriptions per second:
            200, or 500 with a pro account.
        redundant: whether to receive books over two connections and deliver each message from the
            connection that brings it first. Only books: other channels have no checksum by which
            to recognise duplicates.
        redundant_patience: how long the newer of two redundant books waits for the older one to
            catch up. The default, 0, delivers the newer book at once and skips updates, which is
            right for quoting; with a patience every update is delivered, at most that much later.
        on_message: a plain function that is called with every message, instead of the queue;
            `receive` and iteration raise then.
        deliver_heartbeats: whether heartbeats are delivered like data.
        stale_after: silence of a market data stream after which a `StreamStaleEvent` is delivered;
            by default never, as a quiet market is silent too. `subscribe` can override it.
        private_queue_max: private messages that wait for a slow consumer; further ones are
            reported as a gap and not queued. `orders` and `balances` are updated by them anyway.
        resync_attempts: how often a book that fails its checksum is subscribed again; private
            streams are retried without limit.
        maintenance_pause: shortest pause before reconnecting when the exchange was under
            maintenance (docs.kraken.com: not more often than every 5 seconds then).
        open_timeout: longest wait for a connection.
        close_timeout: longest wait for the closing handshake.
        max_frame_size: longest frame to accept, bytes.
        ssl: TLS settings of `wss://` hosts and of the token call, unless the `token_manager` has
            settings of its own; the default trusts the system's certificates.
        proxy: URL of a proxy, used for the token call too. By default the environment's proxy,
            except for hosts on this machine; `False` for none.
        tls_engine: `openssl`, which is Python's, or `rustls`, which is part of the native core and
            takes less time. `auto` is `rustls` where there is one and no `ssl` is given; a host
            that it cannot agree with is connected to by `openssl`.
        local_addr: address and port (0 for any) of this machine to connect from.
        sock_options: level, name and value of options to set before connecting, as for
            `socket.setsockopt`.
        busy_poll: microseconds that a read may poll the network card (Linux, `SO_BUSY_POLL`).
        quickack: whether to acknowledge each read at once (Linux, `TCP_QUICKACK`, native core).
        resolve: IP addresses by host, to use instead of those that the system finds. Certificates
            are checked against the host all the same.
        receive_stamps: what `received_ns` is: `user` when the client read the data, or `kernel`
            when the kernel received it (Linux, native core).
        reader: `loop`, the event loop reads, or `thread`, a thread of the native core does, one for
            each connection. Books are then up to date while Python is busy, and may change between
            two reads of a book; messages come on the event loop as ever, some tens of microseconds
            later. Not on Windows, nor with `redundant`, a proxy, `ssl` or `tls_engine="openssl"`.
            See docs/performance.md.
        cpu: with `reader="thread"`, the processor that the threads run on (Linux); any by default.
        retryable: whether to keep reconnecting after an exception from an attempt, or after the
            exchange closed a connection with code 1008. The default gives up on that code, on
            untrusted certificates, and on HTTP status 400, 401, 403 and 404.
        check_orders: whether to check orders before they are sent: against the state of the
            exchange and, while `instrument` is subscribed, against the tick, lot, minimum, cost
            and status of their pair.
        rate_policy: what to do with a new, amended or edited order that would exceed the trading
            rate limit: `report` sends it anyway, `wait` waits until there is room, `refuse` raises
            `RateLimitExceeded`. Cancels are never delayed.
        tier: the account's tier, `starter`, `intermediate` or `pro`, which sets the rate limit; by
            default it is learnt when `executions` is subscribed.
        rate_max_wait: longest wait of one request with `rate_policy="wait"`; a request that would
            wait longer raises `RateLimitExceeded`. `None` for no bound.
        rate_reserve: points of the rate limit that `wait` and `refuse` keep free for cancels.
        order_deadline: how long after sending the exchange may still execute an order, an amend or
            an edit, 0.5 to 60; sent as `deadline` by the exchange's clock, unless the parameters
            have one.
        sequencing: what to do with an amend, edit or cancel while the last request for the same
            order is unanswered, since messages can overtake each other on the way to the engine:
            `hold` waits for the answer (a cancel at most one second), `send` sends at once.
        rest: the REST client for what a connection cannot do: `cancel_everything`, `preflight`,
            `load_fees`, the dead man's switch without a connection. By default one with the key of
            the `token_manager`.

    Attributes:
        instruments: reference data by symbol, from the `instrument` stream; fees and margin rules,
            see `load_fees`.
        orders: the account's orders by `order_id` or `cl_ord_id`; see `track_orders`.
        positions: net position and profit by pair, computed from fills; see `track_orders`.
        balances: the account's balances by asset; see `track_balances`.
        rate_counter: the trading rate limit's counter of each pair.
        rest: the REST client, `None` without an API key.

    Raises:
        TypeError, ValueError: an argument is invalid.
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
        tls_engine: TlsEngine = "auto",
        local_addr: LocalAddr | None = None,
        sock_options: Sequence[SockOption] = (),
        busy_poll: int | None = None,
        quickack: bool = False,
        resolve: Mapping[str, str | Sequence[str]] | None = None,
        receive_stamps: ReceiveStamps = "user",
        reader: ReadBy = "loop",
        cpu: int | None = None,
        retryable: Callable[[BaseException], bool] = is_retryable,
        check_orders: bool = True,
        rate_policy: RatePolicy = "report",
        tier: TierName | None = None,
        rate_max_wait: float | None = None,
        rate_reserve: float = 0,
        order_deadline: float = 5.0,
        sequencing: Sequencing = "hold",
        rest: KrakenRest | None = None,
    ) -> None:
        hosts = Hosts(url, auth_url, level3_url)
        if token_manager is not None and not hasattr(token_manager, "get_token"):
            # Only its type: the value may be a token.
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
            sockets=SocketOptions(
                tls_engine=tls_engine,
                local_addr=local_addr,
                sock_options=sock_options,
                busy_poll=busy_poll,
                quickack=quickack,
                resolve=resolve or {},
                receive_stamps=receive_stamps,
                reader=reader,
                cpu=cpu,
            ),
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
            order_params=self._order_params(),
        )
        self._url, self._token_manager = url, token_manager
        self._session_options, self._connection_options = session_options, connection_options
        check_choice("sequencing", sequencing, ("hold", "send"))
        self._has_tokens = token_manager is not None
        self._rest = rest_client(rest, token_manager, network)
        self.rest = self._rest if self._rest.has_key and self._USES_REST else None
        self._is_rest_own = rest is None and self.rest is None
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
        self.orders = Orders(now, self._exchange, self._send_for_order, self._amend_params)
        self.positions = Positions(self.orders)
        self.balances = Balances()
        self.rate_counter = RateCounter(
            self.orders, tier, lambda: nanoseconds(now()), reserve=rate_reserve
        )
        self._trader = Trader(
            self._order_connection,
            has_tokens=self._has_tokens,
            orders=self.orders,
            checks=self._order_checks() if check_orders else None,
            limiter=RateLimiter(self.rate_counter, rate_policy, rate_max_wait),
            exchange=self._exchange,
            sequencing=sequencing,
            names=self._order_names(),
        )
        self._request_timeout = request_timeout
        self._queues = QueueWatches(self._level3_book)
        wiring = Wiring(
            session=session_options,
            connection=connection_options,
            tokens=None if token_manager is None else shared_manager(token_manager, network),
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
                "status": self._on_status,
            },
            followers=self._followers(),
            on_lost=self._queues.update_all,
        )
        self._pool = Pool(hosts, wiring, self._ended, self._market_ended)
        self._settling = Settling(self.orders, self.rest)
        self._cleaning: asyncio.Task[None] | None = None
        #: Why the client gave up, `None` if it did not; and the calls of `wait_closed`.
        self._end: Exception | None = None
        self._closed_waiters = Waiters()
        self._books = LiveBooks(self._pool.engine_of)

    # What clients of other kinds of hosts do otherwise.

    #: Whether REST calls are about the same orders as the connections.
    _USES_REST = True

    def _order_params(self) -> Mapping[str, str]:
        """Return what every trading request carries besides its own parameters and the token."""
        return {}

    def _amend_params(self, **terms: Any) -> AmendOrderParams:
        """Return the parameters of an amend by a method of `Order`."""
        return AmendOrderParams(**terms)

    def _order_checks(self) -> OrderChecks:
        """Return the checks of orders before they are sent."""
        return OrderChecks(self.instruments, self._has_instruments)

    def _order_names(self) -> Iterator[str]:
        """Yield the `cl_ord_id`s of orders that have no identifier."""
        return client_names()

    def _followers(self) -> dict[str, tuple[Follower, ...]]:
        """Return the objects that keep the state of each private channel."""
        return {
            "executions": (self.orders, self.rate_counter),
            "balances": (self.balances,),
        }

    # Connecting and closing.

    async def connect(self, *, hosts: Collection[str] = ("public",)) -> None:
        """Open the connections; other hosts are connected when they are first needed.

        After the client gave up, `connect` renews all subscriptions and keeps the queued messages.
        After `disconnect` it starts without either. While the state is `TRADING_ONLY` it opens the
        market data connections again and leaves the private one as it is.

        Args:
            hosts: the hosts to connect to, some of `public`, `private` and `level3`.
                `["private"]` lets a program cancel orders while market data is unreachable, and
                opens the connection before the first order needs it.

        Raises:
            ConnectFailed: (a `ConnectionError`) a connection cannot be opened; then all are closed.
            ValueError: `hosts` is empty or has an unknown name.
            RuntimeError: the client is connected or connecting.
        """
        is_trading_only = self.state is ConnectionState.TRADING_ONLY
        if self.state is not ConnectionState.DISCONNECTED and not is_trading_only:
            raise RuntimeError(f"Cannot connect: the client is {self.state}")
        await self._cleaned()
        logger.info("using the %s core", backend())
        self._inbox.open(keep=self._end is not None or is_trading_only)
        self.orders.start()
        try:
            await self._pool.connect(hosts)
        except BaseException:
            if not is_trading_only:
                self._inbox.end(NotConnected("receive", "disconnected"))
                self._closed_waiters.release()
            raise
        self._settling.start()

    async def disconnect(self) -> None:
        """Close all connections and end all subscriptions; pending calls raise.

        Messages that are queued can still be received, then iteration ends. Calling it again, or
        before `connect`, does nothing.

        Raises:
            RuntimeError: it was called on another event loop than `connect`.
        """
        if self.state is not ConnectionState.DISCONNECTED:
            self._pool.check_loop("disconnect")
        try:
            # Leaving a dead man's switch sends a request, so it comes first.
            await self.protection.finish()
        finally:
            self._inbox.end(NotConnected("receive", "disconnected"))
            self._trader.stop()
            self.orders.stop(NotConnected("wait for an order", "disconnected"))
            try:
                await self._cleaned()
                await self._close()
                if self._is_rest_own:
                    await self._rest.aclose()
            finally:
                self._end = None
                self._closed_waiters.release()

    async def wait_closed(self) -> None:
        """Wait until the client is disconnected; return at once if it is.

        Use it to learn of the end where nothing iterates over the client, as with `on_message=`.

        Raises:
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the client gave up, or market data
                ended and trading continues; in the second case it can be awaited again.
            RuntimeError: it was called on another event loop than `connect`.
        """
        if self.state is not ConnectionState.DISCONNECTED:
            self._pool.check_loop("wait_closed")
            await self._closed_waiters.wait()
        elif self._end is not None:
            raise self._end

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.disconnect()

    # Messages.

    async def receive(self) -> WSMessage:
        """Return the next message; blocks while the client reconnects.

        Messages of subscriptions with `callback=` are not received here. Status messages, replies
        to `send` and gaps are, even when nothing is subscribed.

        Raises:
            RuntimeError: all messages go to `on_message`.
            NotConnected: (a `RuntimeError`) `disconnect` was called, or `connect` was not.
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the client gave up.
            RuntimeError: it was called on another event loop than `connect`.
        """
        self._check_receivable()
        self._pool.check_loop("receive")
        message: WSMessage = await self._inbox.get()
        return message

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        """Iterate over the messages until `disconnect` is called.

        Iterating over a client that was never connected ends at once with a `RuntimeWarning`, as
        in kraken-connector 0.2.0.

        Raises:
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the client gave up, or market data
                ended and trading continues; raised after the queued messages.
            RuntimeError: all messages go to `on_message`.
        """
        self._check_receivable()
        if not self._pool:
            text = "nothing to iterate: the client was never connected; call connect() first"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return self

    async def __anext__(self) -> WSMessage:
        inbox = self._inbox
        # Reading the clock costs less here than counting messages.
        if inbox.clock() < inbox.turn_ends:
            if len(run := inbox.run) > inbox.reserve:
                return run.popleft()  # type: ignore[no-any-return]
            if (message := inbox.pop()) is not None:
                return message  # type: ignore[no-any-return]
        try:
            return await self.receive()
        except NotConnected:
            raise StopAsyncIteration from None

    # State.

    @property
    def state(self) -> ConnectionState:
        """State of the client; `RECONNECTING` while any of its connections is."""
        return self._pool.state

    @property
    def can_trade(self) -> bool:
        """Whether a new order can be sent and tracked now; see `trading_obstacle`."""
        return self.trading_obstacle is None

    @property
    def trading_obstacle(self) -> str | None:
        """Why no new order can be sent and tracked now, as a sentence; `None` if one can.

        Checks the private connection, its token, the system status on it (`online`, `post_only`
        and `limit_only` accept orders) and, once `executions` is subscribed, whether `orders` is
        current. The rules of single pairs are checked order by order. Cancels are worth trying in
        any case.
        """
        return trading_obstacle(self._pool.carrier("executions"), self.orders, now())

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the exchange's clock is ahead of this machine's wall clock.

        Estimated from the timestamps of replies, to within half a round trip; `None` before the
        first reply. Order deadlines are computed with it.
        """
        exchange_ns = self._exchange.estimate_ns(now())
        return None if exchange_ns is None else (exchange_ns - time.time_ns()) / 1e9

    @property
    def connections(self) -> Mapping[str, ConnectionView]:
        """The connections by name: `public`, `private` and `level3`, then `public-2` and so on.

        A connection that serves several of them has the first of these names. Connections that
        were not opened yet are missing. The views are live.
        """
        return {link.name: link.view for link in self._pool}

    @property
    def system_status(self) -> str | None:
        """Status of the matching engine (`online`, `maintenance`, ...), `None` while unknown."""
        primary = self._pool.primary
        return primary.session.system_status if primary else None

    @property
    def connection_id(self) -> int | None:
        """Kraken's id of the public connection, an unsigned 64-bit integer; `None` if unknown."""
        primary = self._pool.primary
        return primary.session.connection_id if primary else None

    @property
    def upcoming_maintenance(self) -> list[Any]:
        """Maintenance that Kraken last announced, as it was sent (Kraken does not document it)."""
        primary = self._pool.primary
        return list(primary.session.upcoming_maintenance) if primary else []

    @property
    def book_manager(self) -> OrderBookManager:
        """The live books by symbol."""
        return self._books

    @property
    def subscriptions(self) -> dict[tuple[tuple[str, Any], ...], SubscriptionEntry]:
        """The subscriptions, keyed by their sorted parameters without the token; a copy."""
        return entries_of(link.session.registry for link in self._pool if not link.is_twin)

    @property
    def gaps(self) -> list[GapEvent]:
        """The last 1000 gaps in the received data, oldest first; a copy."""
        return list(self._gaps)

    def book(self, symbol: str) -> OrderBook:
        """Return the live book of a subscribed symbol; always the same object.

        Reading its levels raises `BookNotReady` unless `book.is_valid`.

        Raises:
            KeyError: the book of `symbol` is not subscribed.
        """
        for link in self._pool:
            if link.session.registry.book(symbol) is not None:
                return link.books.book(symbol)
        raise KeyError(f"not subscribed to the book of {symbol}")

    def stats(self) -> dict[str, Any]:
        """Return counters since the client was created.

        Returns:
            `queued`, `dropped`, `conflated`, `callback_errors`, `gaps`, `queues` and `waiting`
            (how far the consumer lags), and `connections`, a dict for each connection by its URL
            (followed by `#` and its name for further connections to the same host):

            - `state`, `reconnects`, `resyncs` and the engine's own counters;
            - `latency`: seconds of the last ping;
            - `ping`, `dispatch`, `transit`: histograms of pings, of the time from a read until its
              messages were delivered, and of the time from the exchange's timestamp until
              receipt, one message per read (only as accurate as the two clocks agree). Each has
              `count` and, in seconds, `p50`, `p99`, `p99.9` and `max`;
            - `rates`: `frames` and `bytes` per second over the last ten seconds;
            - `placements`: the sum of `Level3Book.placement_counts` over its books;
            - `streams`: by channel and symbol (and interval of candles), such as `ohlc BTC/USD 5`,
              the `age` in seconds of the last message, `None` before the first one on the current
              socket, and `is_stale`.
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

    async def _order_connection(self, action: str) -> Connection:
        """Return the connection for orders, opened if it is not."""
        return (await self._pool.of_channel("executions", action)).connection

    async def _send_for_order(self, params: TradingParams) -> TradingReply[Any]:
        """Send the request of a method of `Order`."""
        return await self._trader.execute(params)

    def _has_instruments(self) -> bool:
        """Return whether `instruments` is up to date."""
        for link in self._pool:
            entry = link.session.registry.get(INSTRUMENT)
            if entry is not None:
                return entry.state == "confirmed"
        return False

    def _record_gap(self, gap: GapEvent) -> None:
        self._gaps.append(gap)
        self._gap_count += 1
        self._publish(gap)

    def _publish(self, event: GapEvent | DeadMansSwitchEvent) -> None:
        """Deliver an event of the client's own, through the queue or to the callback."""
        if self._callback is not None:
            self._callback.put_event(event)
        else:
            self._inbox.notes.put(event)

    def _check_receivable(self) -> None:
        if self._callback is not None:
            raise RuntimeError(
                "cannot receive or iterate: all messages go to on_message; use only one of the two,"
                " or callback= for single subscriptions"
            )

    def _count_callback_error(self) -> None:
        self._callback_errors += 1

    def _ended(self, reason: Exception) -> None:
        """End the client after a connection that it cannot do without gave up."""
        logger.error("giving up: %s", reason)
        self._inbox.end(reason)
        self._trader.stop()
        self.orders.stop(reason)
        self._cleaning = asyncio.create_task(self._close(forget=False))
        self._end = reason
        self._closed_waiters.release(reason)

    def _market_ended(self, reason: Exception) -> None:
        """Raise in calls that wait for messages; the private connection continues."""
        self._inbox.interrupt(reason)
        self._closed_waiters.release(reason)

    async def _close(self, *, forget: bool = True) -> None:
        try:
            await self._settling.stop()
        finally:
            await self._pool.close(forget=forget)

    async def _cleaned(self) -> None:
        """Wait until the connections that `_ended` closes are closed."""
        if self._cleaning is not None and not self._cleaning.done():
            await asyncio.wait([self._cleaning])
