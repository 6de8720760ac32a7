"""The connections of one client, and which of them carries which subscription."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import chain

from ..._backend import Engine
from ...exceptions import ConnectFailed, NotConnected
from ..constants import LEVEL3_SYMBOLS, ConnectionState
from ..network.connection import Connection
from ..protocol.merge import Merge
from ..protocol.registry import not_subscribed
from ..subscribe import BookParams, ChannelParams
from .hosts import Host, Hosts
from .link import Link, symbol_group
from .sharing import BookShare
from .wiring import Wiring

__all__ = ["Pool"]

logger = logging.getLogger(__name__)

Part = tuple[Link, ChannelParams]


class Pool:
    """The connections of one client, each opened when it is first needed.

    When the market data connections give up and there is a separate private connection, only the
    private one stays open, so that orders can still be cancelled.

    All channels of a symbol (`level3` apart) are subscribed on the same connection. A symbol that
    is subscribed again returns to its connection if there is room. With `redundant=True` each
    public connection has a twin with the same books.

    Args:
        hosts: the endpoints.
        wiring: builds the connections.
        on_end: called when a connection gave up and the client must end.
        on_market_end: called when market data has ended and trading continues.
    """

    def __init__(
        self,
        hosts: Hosts,
        wiring: Wiring,
        on_end: Callable[[Exception], None],
        on_market_end: Callable[[Exception], None],
    ) -> None:
        self.hosts = hosts
        self._wiring = wiring
        self._on_end = on_end
        self._on_market_end = on_market_end
        # Public connections come first in iterations, in whatever order hosts are opened.
        self._links: dict[Host, list[Link]] = {hosts.public: []}
        self._twins: dict[Link, Link] = {}
        self._carriers: dict[tuple[str, str], Link] = {}
        self._has_ended = self._is_trading_only = False
        self._closing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._share: BookShare | None = None

    def __iter__(self) -> Iterator[Link]:
        """Iterate over the connections: public ones first, twins last."""
        return chain(*self._links.values(), self._twins.values())

    def __bool__(self) -> bool:
        return any(self._links.values())

    @property
    def state(self) -> ConnectionState:
        """State of all connections together.

        `CONNECTED` if all that were opened are. `RECONNECTING` while one reconnects, gave up with
        subscriptions, or has a gap in a private stream. `TRADING_ONLY` if market data has ended
        and the private connection continues.
        """
        states = {link.state for link in self}
        if self._has_ended or states <= {ConnectionState.DISCONNECTED}:
            return ConnectionState.DISCONNECTED
        if self._is_trading_only:
            return ConnectionState.TRADING_ONLY
        if states <= {ConnectionState.CONNECTING, ConnectionState.DISCONNECTED}:
            return ConnectionState.CONNECTING
        if ConnectionState.RECONNECTING in states or any(link.is_incomplete for link in self):
            return ConnectionState.RECONNECTING
        return ConnectionState.CONNECTED

    @property
    def primary(self) -> Link | None:
        """The first public connection that works, else the first of another host.

        `None` before `connect`.
        """
        working = (link for link in self if link.state is not ConnectionState.DISCONNECTED)
        return next(working, None) or next(iter(self), None)

    def engine_of(self, symbol: str) -> Engine:
        """Return the engine that has the book of a symbol that users read."""
        carrier = self._carriers.get(("public", symbol))
        return (carrier or self._first(self.hosts.public)).books

    def share(self, name: str, levels: int, capacity: int) -> BookShare:
        """Share the books that users read with other processes; see `KrakenWSClient.share`."""
        self.check_loop("share")
        if self._share is not None and not self._share.is_closed:
            raise RuntimeError(f"the client shares its books already, as {self._share.name!r}")
        self._share = BookShare(name, levels, capacity)
        for link in self:
            self._share_books(link)
        return self._share

    def _share_books(self, link: Link) -> None:
        is_shared = self._share is not None and not self._share.is_closed
        if self._share is not None and is_shared and _has_books(link):
            self._share.add(link.books)

    # Connecting and closing.

    async def connect(self, hosts: Collection[str] = ("public",)) -> None:
        """Open a connection to each of `hosts`, and all connections that have subscriptions.

        Other connections are opened when they are first needed. In state `TRADING_ONLY` open
        connections stay as they are.

        Args:
            hosts: some of `public`, `private` and `level3`.

        Raises:
            ValueError: `hosts` is empty or has an unknown name.
            ConnectFailed: one cannot be opened; those that were opened are closed again.
        """
        if not hosts or isinstance(hosts, str):
            raise ValueError(f"hosts must be a list of host names, not {hosts!r}")
        named = dict.fromkeys(self.hosts.named(name) for name in hosts)
        self._loop = asyncio.get_running_loop()
        await self._wait_closing()
        self._has_ended = False
        wanted = [self._first(host) for host in named]
        wanted += [link for link in self if link.session.registry and link not in wanted]
        closed = [link for link in self if link.connection.state is ConnectionState.DISCONNECTED]
        for link in closed:
            link.renew()
        opened: list[Link] = []
        try:
            for link in wanted:
                if link in closed:
                    await link.connection.open()
                    opened.append(link)
        except BaseException:
            await self._close(opened, forget=False)
            raise
        self._is_trading_only = False

    def check_loop(self, action: str) -> None:
        """Check that a method is called on the event loop of `connect`.

        Nothing is locked: calls from another thread could corrupt queues and books.

        Raises:
            RuntimeError: it is called on another event loop.
        """
        if self._loop is not None and asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                f"{action} was called on another event loop than connect: use a client on one loop,"
                " from other threads by asyncio.run_coroutine_threadsafe(coroutine, loop)"
            )

    async def close(self, *, forget: bool = True) -> None:
        """Close all connections, and end their subscriptions unless `forget` is false."""
        if self._share is not None:
            self._share.close()
        await self._wait_closing()
        self._is_trading_only = False
        await self._close(list(self), forget=forget)
        if self._wiring.tokens is not None:
            await self._wiring.tokens.release()

    async def _close(self, links: Collection[Link], *, forget: bool) -> None:
        self._stop(links, forget=forget)
        await _wait_closed(links)

    def _stop(self, links: Collection[Link], *, forget: bool) -> None:
        """Stop connections; `_wait_closed` must follow."""
        if forget:
            # Before the sockets are closed: a disconnect by the user is not a gap.
            for merge in _merges(links):
                merge.close()
        for link in links:
            link.connection.stop(forget=forget)
        for merge in _merges(links):
            merge.report_gaps()

    async def _wait_closing(self) -> None:
        """Wait for connections that are being closed."""
        if self._closing:
            await asyncio.wait(self._closing)

    def _ended(self, connection: Connection, reason: Exception) -> None:
        """Decide what follows when a connection gave up: retry, continue without it, or end.

        The client continues without `level3`, whose books raise from now on, and retries one of
        two redundant connections. A private connection is retried as long as errors are retryable,
        as missing fills would look like no fills. The client ends without public market data,
        whose silence would look like a quiet market; a private connection continues then.
        """
        link = next(link for link in self if link.connection is connection)
        twin = self._twins.get(link)
        has_other = twin is not None and twin.state is ConnectionState.CONNECTED
        is_kept = link.is_twin or has_other or _is_private(link)
        if is_kept and link.connection.may_try_again(reason):
            logger.warning("%s is not connected yet: %s", link.name, reason)
            link.connection.keep_trying(reason)
            return
        if link.is_twin or link.host.serves == {"level3"}:
            logger.error("%s ended: %s", link.name, reason)
            return
        if not _is_private(link) and any(map(_can_trade, self)):
            self._end_market(reason)
            return
        self._has_ended = True
        for merge in _merges(self):
            merge.report_gaps()
        self._on_end(reason)

    def _end_market(self, reason: Exception) -> None:
        """Close all but the private connections."""
        if self._is_trading_only:
            return
        logger.error("market data ended, only trading continues: %s", reason)
        self._is_trading_only = True
        ended = [link for link in self if not _is_private(link)]
        self._stop(ended, forget=False)
        closing = asyncio.ensure_future(_wait_closed(ended))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._on_market_end(reason)

    # Finding connections.

    def carrier(self, channel: str) -> Link | None:
        """Return the first connection to the host of a channel, `None` if there is none yet."""
        links = self._links.get(self.hosts.of_channel(channel))
        return links[0] if links else None

    async def of_channel(self, channel: str, action: str) -> Link:
        """Return the connection of a channel, opened; see `of_host`."""
        return await self.of_host(self.hosts.of_channel(channel), action)

    async def of_host(self, host: Host, action: str) -> Link:
        """Return the first connection to a host, opened if it is not.

        Raises:
            NotConnected: the client is not connected.
            ConnectFailed: it cannot be opened.
        """
        self._check_connected(action, host)
        link = self._first(host)
        await link.open(lambda: self._check_connected(action, host))
        return link

    @asynccontextmanager
    async def room_for(self, params: ChannelParams) -> AsyncIterator[list[Part]]:
        """Divide a subscription between connections, and open them.

        The symbols are reserved until the end of the block; subscribe within it.

        Raises:
            NotConnected: the client is not connected.
            ConnectFailed: a connection cannot be opened, nor its twin.
        """
        self._check_connected("subscribe", self.hosts.of_channel(params.channel))
        parts = self._assigned(params)
        reserved = [
            (link, Counter((part.channel, s) for s in part.symbols)) for link, part in parts
        ]
        for link, symbols in reserved:
            link.reserved += symbols
        try:
            twins = [(self._twin(link), part) for link, part in parts if _is_doubled(link, part)]
            for link, _ in parts:
                await self._open(link)
            yield parts + twins
        finally:
            for link, symbols in reserved:
                link.reserved -= symbols

    def carrying(self, params: ChannelParams, action: str) -> list[Part]:
        """Divide a subscription between the connections that carry it.

        Raises:
            NotConnected: the client is not connected.
            KeyError: a symbol is not subscribed.
        """
        host = self.hosts.of_channel(params.channel)
        self._check_connected(action, host)
        links = self._links.get(host)
        if not links:
            raise not_subscribed(params.channel, params.symbols or [params.channel])
        group = symbol_group(params.channel)
        parts = _split(
            params,
            [self._carriers.get((group, symbol), links[0]) for symbol in params.symbols or [""]],
        )
        for link, part in parts:
            if unknown := link.session.registry.missing(part, params):
                raise not_subscribed(part.channel, unknown)
        twins = [(self._twins[link], part) for link, part in parts if link in self._twins]
        return parts + [(t, part) for t, part in twins if not t.session.registry.missing(part)]

    async def opened(self, symbol: str, channel: str, action: str) -> list[Link]:
        """Return the connections that carry a book, opened again if they gave up.

        Raises:
            NotConnected: the client is not connected.
            KeyError: the book is not subscribed.
            ConnectFailed: no connection can be opened.
        """
        self._check_connected(action, self.hosts.of_channel(channel))
        links = [link for link in self if link.session.registry.book(symbol, channel)]
        if not links:
            raise KeyError(f"not subscribed to {channel} of {symbol}")
        await self._open(links[0])
        return links

    def tidy(self, params: ChannelParams, *, with_twins: bool = False) -> None:
        """Remove the books of an ended subscription from the merge, if no connection has them.

        With `with_twins`, a book that only a twin has stays.
        """
        if params.channel != "book":
            return
        for link in self._twins:
            carriers = [link, self._twins[link]] if with_twins else [link]
            for symbol in params.symbols:
                is_carried = any(carrier.session.registry.book(symbol) for carrier in carriers)
                if link.merge is not None and not is_carried:
                    link.merge.forget(symbol)

    def _check_connected(self, action: str, host: Host) -> None:
        self.check_loop(action)
        usable = {ConnectionState.CONNECTED, ConnectionState.RECONNECTING}
        if _is_private_host(host):
            usable.add(ConnectionState.TRADING_ONLY)
        if self.state not in usable:
            raise NotConnected(action, self.state)

    async def _open(self, link: Link) -> None:
        """Open a connection and its twin; if only one of them fails, keep retrying it.

        Raises:
            ConnectFailed: neither can be opened.
        """
        links = [link, self._twins[link]] if link in self._twins else [link]
        failed: list[tuple[Link, ConnectFailed]] = []
        for each in links:
            try:
                await each.open(lambda: self._check_connected("subscribe", link.host))
            except ConnectFailed as error:
                failed.append((each, error))
        if len(failed) == len(links):
            raise failed[0][1]
        for failed_link, reason in failed:
            logger.warning("%s is not connected yet: %s", failed_link.name, reason)
            failed_link.connection.keep_trying(reason)

    def _assigned(self, params: ChannelParams) -> list[Part]:
        host = self.hosts.of_channel(params.channel)
        if not params.symbols:
            return [(self._first(host), params)]
        group = symbol_group(params.channel)
        limit = LEVEL3_SYMBOLS if group == "level3" else self._wiring.symbols
        carried = {link: link.symbols(group) for link in self._links.get(host, ())}
        return _split(
            params,
            [self._assign(host, (group, symbol), limit, carried) for symbol in params.symbols],
        )

    def _assign(
        self,
        host: Host,
        key: tuple[str, str],
        limit: int | None,
        carried: dict[Link, set[str]],
    ) -> Link:
        """Return a symbol's connection: its last one, else the first with room, else a new one."""
        symbol = key[1]
        last = [self._carriers[key]] if key in self._carriers else []
        for link in (*last, *carried):
            if symbol in carried[link] or limit is None or len(carried[link]) < limit:
                break
        else:
            link = self._new_link(host)
        carried.setdefault(link, set()).add(symbol)
        self._carriers[key] = link
        return link

    def _first(self, host: Host) -> Link:
        links = self._links.get(host)
        return links[0] if links else self._new_link(host)

    def _new_link(self, host: Host) -> Link:
        links = self._links.setdefault(host, [])
        link = self._wiring.link(host, len(links) + 1, self._ended)
        links.append(link)
        self._share_books(link)
        return link

    def _twin(self, link: Link) -> Link:
        if link not in self._twins:
            number = self._links[link.host].index(link) + 1
            self._twins[link] = self._wiring.link(link.host, number, self._ended, link)
        return self._twins[link]


def _is_private_host(host: Host) -> bool:
    """Return whether a host serves private channels and no public ones."""
    return "private" in host.serves and "public" not in host.serves


def _is_private(link: Link) -> bool:
    return _is_private_host(link.host)


def _has_books(link: Link) -> bool:
    """Return whether it has aggregated books that users read."""
    return "public" in link.host.serves and not link.is_twin


def _can_trade(link: Link) -> bool:
    """Return whether a separate private connection is open or reconnecting."""
    return _is_private(link) and link.connection.state is not ConnectionState.DISCONNECTED


def _merges(links: Iterable[Link]) -> set[Merge]:
    return {link.merge for link in links if link.merge is not None}


async def _wait_closed(links: Collection[Link]) -> None:
    """Wait for the closing handshakes of stopped connections, then drop their sockets."""
    try:
        await asyncio.gather(*(link.connection.wait_closed() for link in links))
    finally:
        for link in links:
            link.connection.abort()


def _is_doubled(link: Link, params: ChannelParams) -> bool:
    return link.merge is not None and isinstance(params, BookParams)


def _split(params: ChannelParams, links: list[Link]) -> list[Part]:
    """Divide parameters between the connections of their symbols, in the same order."""
    if not params.symbols or len(set(links)) == 1:
        return [(links[0], params)]
    parts: dict[Link, list[str]] = {}
    for symbol, link in zip(params.symbols, links, strict=True):
        parts.setdefault(link, []).append(symbol)
    return [(link, params.with_symbols(symbols)) for link, symbols in parts.items()]
