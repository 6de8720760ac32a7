"""One connection of a client's pool: what it serves, where its messages go, how it looks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from .._backend import Engine
from .arbiter import Arbiter
from .connection import Connection
from .constants import ConnectionState
from .hosts import Host
from .session import Session
from .sinks import Places
from .subscribe import BookParams, SubscriptionParams

__all__ = ["ConnectionView", "Link", "shelf_of"]


class Link:
    """One connection with its place in the pool.

    Args:
        name: what it is called.
        host: where it connects.
        connection: the connection.
        places: where its subscriptions' messages go.
        arbiter: makes one feed of its books and its twin's.
        is_twin: whether it only carries the books of another connection too.

    Attributes:
        reserved: channels and symbols that are about to be subscribed on it.
    """

    def __init__(
        self,
        name: str,
        host: Host,
        connection: Connection,
        places: Places,
        *,
        arbiter: Arbiter | None = None,
        is_twin: bool = False,
    ) -> None:
        self.arbiter = arbiter
        self.is_twin = is_twin
        self.name = name
        self.host = host
        self.connection = connection
        self.places = places
        self.reserved: Counter[tuple[str, str]] = Counter()
        self.view = ConnectionView(self)
        self._opening = asyncio.Lock()

    @property
    def session(self) -> Session:
        """The protocol's state."""
        return self.connection.session

    @property
    def state(self) -> ConnectionState:
        """What the connection is doing."""
        return self.connection.state

    @property
    def is_missing(self) -> bool:
        """Whether it leaves something unserved: it has ended by itself, or a stream has a gap."""
        if self.state is ConnectionState.DISCONNECTED:
            return bool(self.session.registry)
        return self.session.has_stale_stream

    @property
    def books(self) -> Engine:
        """Where the books are that users see."""
        return self.session.engine if self.arbiter is None else self.arbiter.engine

    def symbols(self, shelf: str) -> set[str]:
        """Return the symbols that it carries, or is about to.

        Args:
            shelf: `level3`, or `public` for those of all other channels.
        """
        found = {(entry.topic.channel, entry.topic.symbol) for entry in self.session.registry}
        found |= self.reserved.keys()
        return {symbol for channel, symbol in found if symbol and shelf_of(channel) == shelf}

    def present(self, params: SubscriptionParams) -> None:
        """Prepare for books that are about to be subscribed."""
        if self.arbiter is not None and isinstance(params, BookParams):
            for symbol in params.symbols:
                self.arbiter.expect(symbol, params.depth)

    async def open(self, check: Callable[[], None]) -> None:
        """Open the connection, if it is not; several callers open it once.

        Args:
            check: called when this caller's turn has come; it raises if the client was
                disconnected meanwhile.

        Raises:
            ConnectFailed: it cannot be opened.
        """
        async with self._opening:
            check()
            if self.state is ConnectionState.DISCONNECTED:
                await self.connection.open()

    def renew(self) -> None:
        """Begin anew: a client may be used in one event loop after the other."""
        self._opening = asyncio.Lock()


def shelf_of(channel: str) -> str:
    """Return what a channel's symbols are counted with."""
    return "level3" if channel == "level3" else "public"


class ConnectionView:
    """A look at one connection; it always shows the present.

    Attributes are read-only. It stays good when the connection is lost and opened again.
    """

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def name(self) -> str:
        """What the connection is called: its host's name, with a number from the second one on."""
        return self._link.name

    @property
    def url(self) -> str:
        """Where it connects."""
        return self._link.host.url

    @property
    def serves(self) -> frozenset[str]:
        """What its host serves: some of `public`, `private` and `level3`."""
        return self._link.host.serves

    @property
    def state(self) -> ConnectionState:
        """What it is doing."""
        return self._link.state

    @property
    def connection_id(self) -> int | None:
        """The exchange's id of it, unsigned 64 bit; `None` while unknown."""
        return self._link.session.connection_id

    @property
    def system_status(self) -> str | None:
        """State of the exchange's engine as told on it, `None` while unknown."""
        return self._link.session.system_status

    @property
    def reconnects(self) -> int:
        """Sockets that it opened after the first."""
        return self._link.connection.reconnects

    @property
    def resyncs(self) -> int:
        """Streams that were asked for again on it."""
        return self._link.session.repair.count

    @property
    def latency(self) -> float | None:
        """Seconds that the last ping took, `None` before the first pong."""
        return self._link.session.latency

    @property
    def subscriptions(self) -> int:
        """Streams that it carries: a channel of a symbol each."""
        return sum(1 for _ in self._link.session.registry)

    @property
    def symbols(self) -> frozenset[str]:
        """The currency pairs that it carries."""
        return frozenset(
            entry.topic.symbol for entry in self._link.session.registry if entry.topic.symbol
        )

    def stats(self) -> dict[str, Any]:
        """Return its counts, as `KrakenWSClient.stats` has them.

        With a redundant feed also, for its books: `duplicates`, the messages that were delivered
        when the other connection brought them, and `switches`, how often a whole book was
        delivered because the two connections differed; both of the two together.
        """
        connection, session = self._link.connection, self._link.session
        arbiter = self._link.arbiter
        feed = {"duplicates": arbiter.duplicates, "switches": arbiter.switches} if arbiter else {}
        placements: Counter[str] = Counter()
        for book in session.engine.level3_books.values():
            placements.update(book.placement_counts)
        return {
            "state": str(connection.state),
            "reconnects": connection.reconnects,
            "resyncs": session.repair.count,
            "latency": session.latency,
            "ping": session.round_trips.summary(),
            "rates": session.rates(),
            "dispatch": connection.dispatch.summary(),
            "transit": connection.transit.summary(),
            "streams": session.staleness.summary(time.time_ns()),
            **session.engine.counters(),
            "placements": dict(placements),
            **feed,
        }

    def __repr__(self) -> str:
        counts = f"subscriptions={self.subscriptions}, reconnects={self.reconnects}"
        return f"<{self.name} {self.url} {self.state}, {counts}>"
