"""The simulated exchange: a server on loopback for Kraken's WebSocket API v2."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import ssl as tls
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Self, TypeVar

from .accounts import DEFAULT_BALANCES, Account, SnapshotOrders
from .admission import Admission
from .allowance import Allowance
from .connection import Connection, Connections
from .faults import Faults
from .feeds import Feed, Levels, MarketFeed, Number
from .flat_out import FlatOutFeed
from .hosts import Host, HostCount, make_hosts
from .market import OrderSide, Step
from .observe import Journal, LogEntry
from .pairs import Pair, resolve_pairs
from .published import PublishedOrders, PublishedState
from .queues import AmendRule, QueueRule
from .registry import SubscriptionRegistry
from .replay import Recording, ReplayFeed
from .requests import PRIVATE_CHANNELS, Request, Role
from .rest.api import RestApi
from .rest.counter import RestCounter
from .rest.key import Key
from .rest.names import Names
from .rest.rules import RestRules
from .rest.signing import new_secret
from .rest.venue import ALL_PERMISSIONS, RestSettings, Venue
from .session import Services, Session
from .settings import Settings
from .subscription import Subscription
from .tokens import Tokens
from .trading.cancel_timer import CancelTimer
from .trading.matching import DEAD_MAN
from .trading.order_methods import OrderMethods
from .trading.rate import TIERS, RateCounters, TierName
from .trading.report_rules import ReportRules
from .trading.schedule import Schedule
from .trading.shapes import (
    BatchAddReply,
    BatchAddRows,
    BatchCancelReply,
    Shapes,
    TimerKeys,
    TimerOff,
)
from .trading.stamps import ReportStamps
from .trading.stream import PrivateStream
from .writer import Outgoing, Writer

T = TypeVar("T")


def _setting(name: str, doc: str = "The argument of this name; it may be changed.") -> Any:
    """Return a property for the setting of that name."""

    def get(exchange: SimulatedExchange) -> Any:
        return getattr(exchange.settings, name)

    def put(exchange: SimulatedExchange, value: Any) -> None:
        setattr(exchange.settings, name, value)

    return property(get, put, doc=doc)


class SimulatedExchange:
    """Serves WebSocket v2 and the REST API until the `async with` block ends.

    Args:
        host: loopback address to listen on.
        port: TCP port; 0 takes a free one. Three hosts take this one and the next two.
        hosts: `one` serves everything on one port; `three` splits the channels over a public, a
            private and a level3 host as the exchange does, REST on the public one.
        symbols: the listed pairs: `None` for ten named pairs, a number for that many pairs, or
            symbols and `Pair` objects.
        seed: random seed; equal seeds give equal markets.
        rate: market steps per second, all symbols together. Only symbols with a subscriber move.
            With 0 nothing moves until `step` is called. `math.inf` sends ready-made loops as fast
            as each client reads, for benchmarks.
        heartbeat_interval: seconds without a channel message until a heartbeat; 0 sends none.
        ssl: TLS for both protocols.
        api_key: the key that private REST calls must carry; `simulated-key` if `None`.
        api_secret: its secret, base64; random if `None`.
        role: which channels the only host serves, to simulate one of the three hosts alone.
        ack_first: whether the answer to a subscribe precedes the snapshot.
        token_lifetime: seconds until an unused token expires.
        rest_lag: seconds during which REST does not show new orders and fills.
        rest_limits: whether REST refuses calls when the rate counter of the key is exceeded, which
            `tier` sets; the counter of order requests is another one.
        permissions: words such as `modify-trades` of what the API key may do on REST, and with
            order methods on sockets; everything by default.
        nonce_window: how far the nonce of a call may be below the highest one so far.
        level3_allowance: the most that level3 subscriptions may cost per second; 200 for a standard
            account, 500 for a pro account, `None` for no limit.
        message_limit: requests per second and connection until `Exceeded msg rate`; `None` for no
            limit.
        send_buffer_limit: bytes that may wait for a slow client; beyond, its connection is reset.
        history: published books to keep for each symbol and depth.
        balances: the initial balances of the account by asset.
        tier: the account's limits: rate counter, its decay, and open orders of a pair.
        reply_first: whether the reply to an order method precedes the reports of its effects.
        positions: whether the account has positions that `settle-position` orders can close. Such
            orders are accepted with any quantity, 0 included; the test decides what happens to
            them.
        idle_seconds: how long a connection may be without a subscription before it is closed; pings
            do not count. `None` for no limit.
        level3_restamps: whether an order of level3 that shrinks gets a new timestamp, although it
            keeps its position.
        level3_amends: whether an amended order of level3 keeps its position in the queue:
            `priority` if its quantity is lowered; `keep` always, `requeue` never, `reverse` if its
            quantity is not lowered, `random` at random.
        report_stamps: `own` gives each report of executions its own time; with `same` all reports
            of one action carry the same time, and all `amended` reports of an order that of its
            first amend.
        snapshot_parts: how many messages a snapshot of a private channel has, all numbered and of
            type `snapshot`.
        snapshot_pause: seconds between them.
        snapshot_delay: seconds between the answer to a subscribe and the snapshot of a private
            channel, which shows the account at the time of the answer.
        snapshot_orders: the `exec_type` of an open order that is partially filled in snapshots.
        rate_key: the field of the rate counter in reports; `None` leaves it out.
        batch_add_reply: how the reply to `batch_add` shows an order that the matching engine
            refused: `error` is a row with the error, `missing` is no row, `unsuccessful` is `error`
            in a reply with `success:false`, `wrapped` has the rows in `result.orders`, each with
            `success`, `rejected` is a row with `status:"rejected"` and no error.
        batch_add_rows: the order of the rows in that reply: `in order` of the request, `reversed`
            or `shuffled`.
        batch_cancel_reply: where the reply to `batch_cancel` has its count: `documented` in
            `result.count`, `captured` in `orders_cancelled` without a result, `renamed` in
            `result.orders_cancelled`, `empty result` in `count` beside `result:{}`.
        timer_keys: whether `cancel_all_orders_after` answers `currentTime` or `current_time`.
        timer_off: the `triggerTime` of its answer when it turns the timer off: `zero` is `"0"`,
            `absent` leaves it out, `equal` repeats `currentTime`.
        names_replaced: whether an order made by `edit_order` names the order that it replaced, in
            `ord_ref_id`.
        texts: other wordings of error texts, by the usual one:
            `{"EOrder:Unknown order": "EOrder:Invalid order"}`.
        clock: returns nanoseconds since the epoch; with a clock of your own, call `run_due`.
    """

    ack_first: bool = _setting("ack_first")
    reply_first: bool = _setting("reply_first")
    message_limit: int | None = _setting("message_limit")
    heartbeat_interval: float = _setting("heartbeat_interval")
    idle_seconds: float | None = _setting("idle_seconds")
    send_buffer_limit: int = _setting("send_buffer_limit")
    texts: Mapping[str, str] = _setting("texts")
    system: str = _setting("system", "The system status; see `faults.set_system`.")
    shows_connection_ids: bool = _setting(
        "shows_connection_ids", "Whether status messages carry a connection id."
    )
    upcoming_maintenance: list[object] = _setting(
        "upcoming_maintenance", "Announced maintenance; see `faults.set_system`."
    )

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: HostCount = "one",
        symbols: int | Iterable[str | Pair] | None = None,
        seed: int = 7,
        rate: float = 200.0,
        heartbeat_interval: float = 1.0,
        ssl: tls.SSLContext | None = None,
        api_key: str | None = None,
        api_secret: str | None = None,
        role: Role = "all",
        ack_first: bool = True,
        token_lifetime: float = 900.0,
        rest_lag: float = 0.0,
        rest_limits: bool = True,
        permissions: Collection[str] = ALL_PERMISSIONS,
        nonce_window: int = 0,
        level3_allowance: int | None = 200,
        message_limit: int | None = None,
        send_buffer_limit: int = 16 * 2**20,
        history: int = 512,
        balances: Mapping[str, Number] = DEFAULT_BALANCES,
        tier: TierName = "intermediate",
        reply_first: bool = True,
        positions: bool = False,
        idle_seconds: float | None = None,
        level3_restamps: bool = False,
        level3_amends: AmendRule = "priority",
        report_stamps: ReportStamps = "own",
        snapshot_parts: int = 1,
        snapshot_pause: float = 0.0,
        snapshot_delay: float = 0.0,
        snapshot_orders: SnapshotOrders = "new",
        rate_key: str | None = "ratecount",
        batch_add_reply: BatchAddReply = "error",
        batch_add_rows: BatchAddRows = "in order",
        batch_cancel_reply: BatchCancelReply = "documented",
        timer_keys: TimerKeys = "camelCase",
        timer_off: TimerOff = "zero",
        names_replaced: bool = False,
        texts: Mapping[str, str] = MappingProxyType({}),
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.host = host
        self.ssl = ssl
        self.clock = clock
        self.settings = Settings(
            ack_first=ack_first,
            reply_first=reply_first,
            message_limit=message_limit,
            heartbeat_interval=heartbeat_interval,
            idle_seconds=idle_seconds,
            send_buffer_limit=send_buffer_limit,
            texts=texts,
        )
        self.api_key = api_key or "simulated-key"
        self.api_secret = api_secret or new_secret()
        self._rate = rate
        self._chance = random.Random(seed)
        self._feeding: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_serving = False
        self.journal = Journal(clock)
        self.registry = SubscriptionRegistry()
        self.level3_allowance = Allowance(level3_allowance)
        self.tokens = Tokens(lifetime=token_lifetime, clock=clock)
        self.markets = MarketFeed(
            resolve_pairs(symbols),
            self.registry,
            seed=seed,
            rate=rate,
            history=history,
            clock=clock,
            queue_rule=QueueRule(level3_restamps, level3_amends),
            is_halted=lambda: self.settings.system != "online",
        )
        self.feed: Feed = FlatOutFeed(self.markets) if rate == math.inf else self.markets
        self.markets.muted = self.feed is not self.markets
        self.schedule = Schedule(on_change=self._set_timer)
        self.rates = RateCounters(TIERS[tier], clock)
        report_rules = ReportRules(self.journal)
        self.stream = PrivateStream(
            self.registry,
            self.rates.rounded,
            report_rules.edited,
            rate_key=rate_key,
            parts=snapshot_parts,
            pause=snapshot_pause,
            delay=snapshot_delay,
        )
        self.account = Account(
            self.markets,
            self.stream,
            self.schedule,
            seed=seed,
            clock=clock,
            balances=balances,
            stamps=report_stamps,
            snapshot_orders=snapshot_orders,
        )
        self.order_methods = OrderMethods(
            self.account.records,
            self.account.matching,
            self.markets,
            self.rates,
            CancelTimer(self.schedule, self._cancel_everything),
            clock=clock,
            settings=self.settings,
            shapes=Shapes(
                batch_add_reply, batch_add_rows, batch_cancel_reply, timer_keys, timer_off
            ),
            names_replaced=names_replaced,
            positions=positions,
            seed=seed,
        )
        rest_settings = RestSettings(rest_lag, frozenset(permissions), nonce_window, rest_limits)
        rest_rules = RestRules(self.journal.add)
        self.rest = RestApi(
            Venue(
                settings=self.settings,
                rest=rest_settings,
                clock=clock,
                journal=self.journal,
                tokens=self.tokens,
                markets=self.markets,
                names=Names(self.markets.pairs),
                account=self.account,
                order_methods=self.order_methods,
                run_due=self.run_due,
            ),
            Key(api_key=self.api_key, api_secret=self.api_secret, settings=rest_settings),
            RestCounter(tier, clock),
            rest_rules,
        )
        self._connections = Connections(self.journal)
        admission = Admission(self.journal)
        self.faults = Faults(
            settings=self.settings,
            journal=self.journal,
            connections=self._connections,
            admission=admission,
            ssl=ssl,
            markets=self.markets,
            registry=self.registry,
            tokens=self.tokens,
            rest_rules=rest_rules,
            rest_settings=rest_settings,
            account=self.account,
            methods=self.order_methods,
            stream=self.stream,
            report_rules=report_rules,
            clock=clock,
            run_due=self.run_due,
        )
        self._services = Services(
            settings=self.settings,
            clock=clock,
            journal=self.journal,
            registry=self.registry,
            tokens=self.tokens,
            level3_allowance=self.level3_allowance,
            order_methods=self.order_methods,
            stream=self.stream,
            check=self._check,
            start=self.start,
            run_due=self.run_due,
            deliver=self._deliver,
            arriving=self.faults.arriving,
            refusal_of=self.faults.refusal_of,
            lets_through=self.faults.lets_through,
            may=self.rest.may,
        )
        self._connect = partial(
            Connection,
            settings=self.settings,
            journal=self.journal,
            connections=self._connections,
            admission=admission,
            rest=self.rest,
            open_session=self._open_session,
        )
        self.hosts = make_hosts(hosts, role, port, host, ssl)

    @classmethod
    def replay(
        cls,
        recording: Recording,
        *,
        speed: float = 1.0,
        loop: bool = False,
        **options: Any,
    ) -> Self:
        """Return an exchange that replays a recording instead of synthetic markets.

        Every subscription gets the recorded frames of its channel and symbol, from the first on.

        Args:
            recording: a file with one frame a line, or the frames.
            speed: 1 is the recorded pace, `math.inf` as fast as each client reads.
            loop: whether to start over at the end.
            options: arguments of the class; `rate` and `symbols` have no effect.

        Raises:
            ValueError: the recording has a line that is not a message.
        """
        exchange = cls(**options)
        exchange.feed = ReplayFeed(recording, speed=speed, loop=loop, journal=exchange.journal)
        exchange.markets.muted = True
        return exchange

    async def __aenter__(self) -> Self:
        await self.start_serving()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_serving()

    async def start_serving(self) -> None:
        """Listen; afterwards `port` and the URLs have the real ports.

        Raises:
            OSError: an address cannot be listened on.
        """
        try:
            for host in self.hosts:
                await host.start_serving(self._connect)
        except OSError:
            self._stop_listening()
            raise
        self._is_serving = True
        self._set_timer()
        if self._rate > 0 or self.feed is not self.markets:
            self._feeding = asyncio.get_running_loop().create_task(self.feed.run())

    async def stop_serving(self) -> None:
        """Stop listening, reset all connections and wait until they are closed."""
        self._is_serving = False
        self._set_timer()
        if self._feeding is not None:
            self._feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._feeding
        self._stop_listening()
        await self._connections.reset_all()

    def _stop_listening(self) -> None:
        for host in self.hosts:
            host.stop_listening()

    @property
    def port(self) -> int:
        """TCP port of `url` and `rest_url`."""
        return self.hosts[0].port

    @property
    def url(self) -> str:
        """The URL of the public channels, and of all channels if there is one host."""
        return self.hosts[0].url

    @property
    def auth_url(self) -> str:
        """The URL of private channels and trading; `url` if there is one host."""
        return self._host("private").url

    @property
    def level3_url(self) -> str:
        """The URL of level3; `url` if there is one host."""
        return self._host("level3").url

    @property
    def rest_url(self) -> str:
        """The URL of the REST API, without a path."""
        return self.hosts[0].rest_url

    @property
    def symbols(self) -> list[str]:
        """The symbols that can be subscribed."""
        return self.feed.symbols

    @property
    def log(self) -> list[LogEntry]:
        """The events of the exchange, oldest first."""
        return self.journal.log

    @property
    def requests(self) -> list[Request]:
        """Every WebSocket request of every connection, in order."""
        return self.journal.requests

    @property
    def connections(self) -> list[Connection]:
        """The live WebSocket connections, oldest first."""
        return self._connections.to(None)

    def connections_to(self, host: Role | None) -> list[Connection]:
        """Return the live WebSocket connections to one host, oldest first; `None` is all hosts."""
        return self._connections.to(host)

    @property
    def connections_total(self) -> int:
        """How many WebSocket connections there were so far."""
        return self._connections.total

    async def step(self, symbol: str, n: int = 1) -> Step:
        """Move one market `n` times and return the last step.

        Each step is one update for every book subscription of the symbol. Slow clients are waited
        for.

        Raises:
            KeyError: the symbol is not listed.
            RuntimeError: the exchange replays a recording or ready-made loops.
        """
        self._check_synthetic()
        for _ in range(n):
            step = self.markets.step(symbol)
            await self._writable()
        return step

    async def publish(
        self,
        symbol: str,
        *,
        bids: Levels = (),
        asks: Levels = (),
    ) -> Step:
        """Set levels of a book, as one update.

        Args:
            symbol: the pair.
            bids: price and absolute quantity, in order; quantity zero removes the level.
            asks: likewise.

        Raises:
            ValueError: a level changes nothing or has too many decimals.
            RuntimeError: the exchange replays a recording or ready-made loops.
        """
        self._check_synthetic()
        step = self.markets.change(symbol, bids, asks)
        await self._writable()
        return step

    async def trade(
        self,
        symbol: str,
        side: OrderSide,
        qty: Number,
        *,
        limit_price: Number | None = None,
    ) -> Step:
        """Trade with the book as another participant; resting orders of the account are filled too.

        Args:
            symbol: the pair.
            side: of the taker: `sell` trades with bids.
            qty: base currency, at most.
            limit_price: worst price; any price by default.

        Raises:
            ValueError: a number has too many decimals.
            RuntimeError: the exchange replays a recording or ready-made loops.
        """
        self._check_synthetic()
        step = self.markets.trade(symbol, side, qty, limit_price)
        await self._writable()
        return step

    def run_due(self) -> None:
        """Run what is due by the clock: orders expire, the dead man's timer fires.

        The exchange calls it in time by itself; call it only after moving a clock of your own.
        During maintenance nothing is run; it is run afterwards.
        """
        if self._is_up:
            self.schedule.run(self.clock())
        self._set_timer()
        self.journal.changed()

    def published(self, symbol: str, depth: int = 10) -> list[PublishedState]:
        """Return the books that subscribers of `depth` were sent, oldest first."""
        return self.markets.published.of(symbol, depth)

    def published_orders(self, symbol: str, depth: int = 10) -> list[PublishedOrders]:
        """Return the orders that level3 subscribers of `depth` were sent, oldest first."""
        return self.markets.published_orders.of(symbol, depth)

    async def wait_for(
        self,
        predicate: Callable[[], T],
        timeout: float = 5.0,  # noqa: ASYNC109 - the usual name
    ) -> T:
        """Return the value of `predicate` as soon as it is true; it is called at every event.

        Raises:
            TimeoutError: it was not within `timeout` seconds.
        """
        return await self.journal.wait_for(predicate, timeout)

    async def wait_subscribed(
        self,
        channel: str,
        symbol: str | None = None,
        *,
        count: int = 1,
        timeout: float = 5.0,  # noqa: ASYNC109 - the usual name
    ) -> None:
        """Wait until a channel has `count` subscriptions, of one symbol or of all together.

        Raises:
            TimeoutError: it had fewer for `timeout` seconds.
        """
        await self.wait_for(lambda: self.registry.count(channel, symbol) >= count, timeout)

    def _host(self, role: Role) -> Host:
        """Return the host of a role; the only one if there is one host."""
        return next((host for host in self.hosts if host.role == role), self.hosts[0])

    @property
    def _is_up(self) -> bool:
        return self.system != "maintenance"

    def _set_timer(self) -> None:
        """Call `run_due` when the next scheduled action is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        next_ns = self.schedule.next_ns
        if next_ns is not None and self._is_serving and self._is_up:
            seconds = max(0.0, (next_ns - self.clock()) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(seconds, self.run_due)

    def _cancel_everything(self) -> None:
        self.journal.add("dead_man")
        self.order_methods.cancel_everything(DEAD_MAN)

    def _check_synthetic(self) -> None:
        if self.feed is not self.markets:
            raise RuntimeError("the markets of this exchange are replayed and cannot be changed")

    async def _writable(self) -> None:
        for connection in self.connections:
            await connection.writable()
        await asyncio.sleep(0)

    def start(self, subscription: Subscription) -> None:
        """Send a new subscription its snapshot."""
        if subscription.channel in PRIVATE_CHANNELS:
            self.account.start(subscription)
        else:
            self.feed.start(subscription)

    def _check(self, subscription: Subscription) -> None:
        self.feed.check(subscription)

    def _open_session(self, connection: Writer) -> Session:
        # An id that needs all 64 bits of an unsigned integer.
        connection_id = self._chance.getrandbits(63) | 1 << 63
        return Session(connection, connection_id, self._services)

    def _deliver(self, session: Session, message: Outgoing) -> None:
        """Send the messages that faults send instead of one."""
        for leaving in self.faults.pass_on(session, message):
            session.connection.transmit(leaving)
        self.journal.changed()
