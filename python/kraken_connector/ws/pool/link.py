"""One connection of a pool, and the view of it that users get."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..._backend import Engine
from ..constants import ConnectionState
from ..delivery.sinks import Sinks
from ..network.connection import Connection
from ..network.socket_options import ReceiveStamps
from ..protocol.merge import Merge
from ..protocol.session import Session
from ..subscribe import BookParams, ChannelParams
from .hosts import Host

__all__ = ["ConnectionView", "Link", "symbol_group"]


class Link:
    """One connection of a pool.

    Attributes:
        sinks: the destinations of its subscriptions' messages.
        merge: merges its books with those of its twin.
        is_twin: whether it duplicates the books of another connection.
        reserved: channels and symbols that are about to be subscribed on it.
    """

    def __init__(
        self,
        name: str,
        host: Host,
        connection: Connection,
        sinks: Sinks,
        *,
        merge: Merge | None = None,
        is_twin: bool = False,
    ) -> None:
        self.merge = merge
        self.is_twin = is_twin
        self.name = name
        self.host = host
        self.connection = connection
        self.sinks = sinks
        self.reserved: Counter[tuple[str, str]] = Counter()
        self.view = ConnectionView(self)
        self._opening = asyncio.Lock()

    @property
    def session(self) -> Session:
        """The protocol's state."""
        return self.connection.session

    @property
    def state(self) -> ConnectionState:
        """State of the connection."""
        return self.connection.state

    @property
    def is_incomplete(self) -> bool:
        """Whether it gave up with subscriptions, or a private stream has a gap."""
        if self.state is ConnectionState.DISCONNECTED:
            return bool(self.session.registry)
        return self.session.resyncs.has_stale_stream

    @property
    def books(self) -> Engine:
        """The engine whose books users read."""
        return self.session.engine if self.merge is None else self.merge.engine

    def symbols(self, group: str) -> set[str]:
        """Return the symbols of a group that are subscribed on it, or about to be."""
        found = {(entry.topic.channel, entry.topic.symbol) for entry in self.session.registry}
        found |= self.reserved.keys()
        return {symbol for channel, symbol in found if symbol and symbol_group(channel) == group}

    def expect(self, params: ChannelParams) -> None:
        """Prepare the merge for books that are about to be subscribed."""
        if self.merge is not None and isinstance(params, BookParams):
            for symbol in params.symbols:
                self.merge.expect(symbol, params.depth)

    async def open(self, check: Callable[[], None]) -> None:
        """Open the connection unless it is open; concurrent calls open it once.

        Args:
            check: called before opening, after waiting for concurrent calls; it raises if the
                client was disconnected meanwhile.

        Raises:
            ConnectFailed: it cannot be opened.
        """
        async with self._opening:
            check()
            if self.state is ConnectionState.DISCONNECTED:
                await self.connection.open()

    def renew(self) -> None:
        """Prepare for the current event loop, which may be another one than before."""
        self._opening = asyncio.Lock()


def symbol_group(channel: str) -> str:
    """Return `level3`, or `public` for all other channels; each has a limit of its own."""
    return "level3" if channel == "level3" else "public"


class ConnectionView:
    """A live, read-only view of one connection; it stays valid through reconnects."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def name(self) -> str:
        """Name of its host, with a number from the host's second connection on."""
        return self._link.name

    @property
    def url(self) -> str:
        """URL of its host."""
        return self._link.host.url

    @property
    def serves(self) -> frozenset[str]:
        """The groups of channels that its host serves: `public`, `private`, `level3`."""
        return self._link.host.serves

    @property
    def state(self) -> ConnectionState:
        """State of the connection."""
        return self._link.state

    @property
    def connection_id(self) -> int | None:
        """Kraken's id of the connection, an unsigned 64-bit integer; `None` if unknown."""
        return self._link.session.connection_id

    @property
    def system_status(self) -> str | None:
        """Status of the matching engine as received on it, `None` while unknown."""
        return self._link.session.system_status

    @property
    def reconnects(self) -> int:
        """Number of sockets that it opened after the first."""
        return self._link.connection.reconnects

    @property
    def resyncs(self) -> int:
        """Number of streams that were resynced on it."""
        return self._link.session.resyncs.count

    @property
    def latency(self) -> float | None:
        """Round trip of the last ping in seconds, `None` before the first pong."""
        return self._link.session.keepalive.latency

    @property
    def stamp(self) -> ReceiveStamps:
        """Whose clock `received_ns` of its last messages is by: `user` or `kernel`.

        It is `user` with `receive_stamps="kernel"` too while the kernel does not tell.
        """
        return self._link.connection.stamp

    @property
    def subscriptions(self) -> int:
        """Number of its streams, one for each channel and symbol."""
        return sum(1 for _ in self._link.session.registry)

    @property
    def symbols(self) -> frozenset[str]:
        """The currency pairs that are subscribed on it."""
        return frozenset(
            entry.topic.symbol for entry in self._link.session.registry if entry.topic.symbol
        )

    def stats(self) -> dict[str, Any]:
        """Return its counters; see `KrakenWSClient.stats`.

        With `redundant=True` there are also two counters of the pair of connections together:
        `duplicates`, the book messages that the other connection had brought before, and
        `switches`, how often a whole book was delivered because the two connections differed.
        """
        connection, session = self._link.connection, self._link.session
        merge = self._link.merge
        placements: Counter[str] = Counter()
        for book in session.engine.level3_books.values():
            placements.update(book.placement_counts)
        feed = {"duplicates": merge.duplicates, "switches": merge.switches} if merge else {}
        return {
            "state": str(connection.state),
            "reconnects": connection.reconnects,
            "resyncs": session.resyncs.count,
            "latency": session.keepalive.latency,
            "ping": session.keepalive.round_trips.summary(),
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
