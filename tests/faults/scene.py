"""A client amid faults, compared with what the simulated exchange published."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.patience import stood_still
from tests.ws.helpers import BTC, ETH, SOL, client_of, eventually, tokens_of

from kraken_connector import Level3Book, WSDataMessage
from kraken_connector.exceptions import BookNotReady
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.published import PublishedOrders
from kraken_connector.ws import (
    BookParams,
    ConnectionState,
    ExecutionsParams,
    GapEvent,
    KrakenWSClient,
    Level3Params,
)

SYMBOLS = (BTC, ETH)
#: Channel and symbol.
Stream = tuple[str, str]
BOOKS: tuple[Stream, ...] = (("book", BTC), ("book", ETH))
ORDERS: tuple[Stream, ...] = (("level3", ETH),)

#: Short enough that no fault takes long; too short for a busy machine only costs a reconnect.
QUICK: dict[str, Any] = {
    "ping_interval": 0.1,
    "ping_timeout": 1.0,
    "heartbeat_timeout": 1.0,
    "request_timeout": 0.3,
    "open_timeout": 1.0,
    "close_timeout": 0.2,
    "maintenance_pause": 0.05,
    "max_reconnect_attempts": 1000,
    "resync_attempts": 20,
}

Report = tuple[str, str]


class Scene:
    """An exchange whose markets and account a test moves, and a client that watches them.

    Attributes:
        sim: the exchange.
        client: follows two books by callback and the account by queue.
        streams: its books, those of individual orders too if it follows one.
        sent: order reports that the exchange made, in order.
        received: those that the client delivered.
        events: everything else that it delivered.
        valid_reads: how often a valid book was compared.
        errors: comparisons that failed in a callback.
        sent_ns: when each report was made.
        on_message: sees every event of the books.
        reading: an event; while it is not set, the consumer waits.
        pace: seconds that the consumer waits after each event.
    """

    def __init__(
        self, sim: SimulatedExchange, client: KrakenWSClient, streams: tuple[Stream, ...]
    ) -> None:
        self.sim = sim
        self.streams = streams
        self.client = client
        self.sent: list[Report] = []
        self.received: list[Report] = []
        self.events: list[Any] = []
        self.valid_reads = 0
        self.errors: list[AssertionError] = []
        self.sent_ns: dict[Report, int] = {}
        self.on_message: Callable[[Any], object] = bool
        self._seen: dict[Any, Any] = {}
        self.pace = 0.0
        self.reading = asyncio.Event()
        self.reading.set()

    @property
    def causes(self) -> set[str]:
        """The causes in `client.gaps`, without those of a machine that stood still."""
        causes = {gap.cause for gap in self.client.gaps}
        return causes - {"pause"} if stood_still() else causes

    @property
    def reconnects(self) -> int:
        count: int = self.client.stats()["connections"][self.sim.url]["reconnects"]
        return count

    @property
    def streams_now(self) -> dict[str, dict[str, Any]]:
        """The public connection's streams in `client.stats()`."""
        streams: dict[str, dict[str, Any]] = self.client.stats()["connections"][self.sim.url][
            "streams"
        ]
        return streams

    async def begin(self) -> None:
        """Subscribe, and wait until all is well."""
        books = BookParams(symbol=list(SYMBOLS), depth=10)
        await self.client.subscribe(books, callback=self._on_book_event)
        if ORDERS[0] in self.streams:
            await self.client.subscribe(Level3Params(symbol=[ETH]), callback=self._on_book_event)
        await self.client.subscribe(ExecutionsParams())
        await self.recovered()

    async def move(self, steps: int = 3) -> None:
        """Let the books move and an order come and go."""
        for symbol in SYMBOLS:
            await self.sim.step(symbol, steps)
        order = await self.sim.account.place(BTC, "buy", "0.5", limit_price="80000.0")
        await self.sim.account.cancel(order)
        reports = [(order, kind) for kind in ("pending_new", "new", "canceled")]
        self.sent += reports
        self.sent_ns |= dict.fromkeys(reports, time.time_ns())
        self.check_books()

    async def recovered(self) -> None:
        """Wait until every book is what was published last, or given up.

        The markets move on meanwhile, as it is the next update that shows the loss of the last.
        """
        for patience in (0.5, 1.0, 2.0, 4.0, 8.0):
            for symbol in SYMBOLS:
                await self.sim.step(symbol)
            with contextlib.suppress(TimeoutError):
                await eventually(self._is_settled, patience)
                break
        assert self._is_settled()
        await eventually(lambda: self.sim.registry.count("executions") == 1)

    def state(self, symbol: str) -> str:
        return self.client.book(symbol).state

    def book(self, stream: Stream) -> Any:
        """Return the client's book of a stream."""
        channel, symbol = stream
        return self.client.level3(symbol) if channel == "level3" else self.client.book(symbol)

    def published(self, stream: Stream) -> list[Any]:
        """Return the states that were published of a stream."""
        channel, symbol = stream
        if channel == "level3":
            return [*self.sim.published_orders(symbol)]
        return [*self.sim.published(symbol)]

    def check_books(self) -> None:
        """Compare every book that reads as valid with what was published.

        Without a connection that carries it, none may.
        """
        for stream in self.streams:
            if (now := _state(self.book(stream))) is not None:
                self.valid_reads += 1
                assert self._is_carried(stream), f"{stream} can be read without a connection"
                checksum, content = now
                assert any(
                    content == _content(state)
                    for state in reversed(self.published(stream))
                    if state.checksum == checksum
                ), f"{stream} shows what was never published"

    def check_changed_books(self) -> None:
        """Check if a book has changed since the last call."""
        books = {stream: self.book(stream) for stream in self.streams}
        seen: dict[Any, Any] = {stream: (b.state, b.updates) for stream, b in books.items()}
        seen |= {name: view.state for name, view in self.client.connections.items()}
        if seen != self._seen:
            self._seen = seen
            self.check_books()

    def missing_reports(self) -> list[tuple[int, int]]:
        """Return when the reports were made that never came, and the next that came."""
        came = set(self.received)
        found = []
        next_ns = 1 << 63
        for report in reversed(self.sent):
            if report in came:
                next_ns = self.sent_ns[report]
            else:
                found.append((self.sent_ns[report], next_ns))
        return found

    async def check_reports(self, *, may_repeat: bool = False) -> None:
        """Each report came once and in order; those lost are in `client.gaps` in the end."""
        self.check_order(may_repeat=may_repeat)
        if self.missing_reports():
            await eventually(lambda: any("executions" in gap.channels for gap in self.client.gaps))

    def check_order(self, *, may_repeat: bool) -> None:
        """Each report that came, came once and in order."""
        came = list(dict.fromkeys(self.received)) if may_repeat else self.received
        assert came == [report for report in self.sent if report in set(came)]

    async def consume(self) -> None:
        """Consume everything that is queued, until the client ends."""
        async for event in self.client:
            if isinstance(event, WSDataMessage) and event.channel == "executions":
                if event.type == "update":
                    self.received += [(item.order_id, item.exec_type) for item in event.data]
            else:
                self.events.append(event)
            await self.reading.wait()
            if self.pace:
                await asyncio.sleep(self.pace)

    def _on_book_event(self, event: object) -> None:
        try:
            self.on_message(event)
            self.check_books()
        except AssertionError as error:
            self.errors.append(error)

    def _is_carried(self, stream: Stream) -> bool:
        channel, symbol = stream
        serves = "level3" if channel == "level3" else "public"
        return any(
            view.state is ConnectionState.CONNECTED
            and serves in view.serves
            and symbol in view.symbols
            for view in self.client.connections.values()
        )

    def _is_settled(self) -> bool:
        return all(self._is_sound(stream) for stream in self.streams)

    def _is_sound(self, stream: Stream) -> bool:
        book = self.book(stream)
        if not book.is_valid:
            is_given_up: bool = book.state == "quarantined"
            return is_given_up
        try:
            is_latest: bool = book.checksum() == self.published(stream)[-1].checksum
        except BookNotReady:
            return False
        return is_latest


def _state(book: Any) -> Any:
    """Return checksum and content of a book, `None` if it cannot be read.

    A thread may change it between two reads.
    """
    while True:
        updates = book.updates
        try:
            state = book.checksum(), _content(book)
        except BookNotReady:
            return None
        if book.updates == updates:
            return state


def _content(book: Any) -> Any:
    """Return the levels or the orders of a book, or of a published state."""
    if isinstance(book, Level3Book):
        sides = (book.orders("bid"), book.orders("ask"))
    else:
        sides = (book.bids, book.asks)
    if not isinstance(book, Level3Book | PublishedOrders):
        return sides
    return [[(row.order_id, row.limit_price, row.order_qty) for row in side] for side in sides]


@asynccontextmanager
async def scene(
    exchange: dict[str, Any] | None = None,
    streams: tuple[Stream, ...] = BOOKS,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[Scene]:
    """Run a scene; nothing may be wrong when it ends, and nothing left behind.

    Args:
        exchange: arguments of the exchange.
        streams: which books the client follows.
        tls: settings for the token call to an exchange that speaks TLS.
        options: arguments of the client.
    """
    before = asyncio.all_tasks()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        plan = {"symbols": [*SYMBOLS, SOL], "rate": 0, "heartbeat_interval": 0.05}
        async with SimulatedExchange(**{**plan, **(exchange or {})}) as sim:
            tokens = tokens_of(sim, tls=tls)
            hosts = {"auth_url": sim.auth_url, "level3_url": sim.level3_url}
            client = client_of(sim, token_manager=tokens, **{**QUICK, **hosts, **options})
            set_up = Scene(sim, client, streams)
            async with client:
                consuming = asyncio.create_task(set_up.consume())
                await set_up.begin()
                yield set_up
            await consuming
            await sim.wait_for(lambda: not sim.connections)
        await eventually(lambda: asyncio.all_tasks() == before)
        assert set_up.errors == []
        del client
        gc.collect()
    assert set_up.valid_reads > 0
    assert all(isinstance(gap, GapEvent) for gap in set_up.client.gaps)
