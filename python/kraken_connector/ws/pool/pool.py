"""The connections of one client: which there are, and which serves what."""

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
from ..subscribe import BookParams, SubscriptionParams
from .hosts import Host, Hosts
from .link import Link, shelf_of
from .wiring import Wiring

__all__ = ["Pool"]

logger = logging.getLogger(__name__)

Part = tuple[Link, SubscriptionParams]


class Pool:
    """The connections of one client, each opened when it is first needed.

    When market data ends for good while there is a private connection of its own, all others are
    closed and that one goes on: without the market, orders must still be cancelled.

    A symbol stays on the connection that it was put on, with all its channels, as long as it is
    subscribed, and comes back there if there is room. With a redundant feed each public connection
    has a twin that carries the same books.

    Args:
        hosts: the endpoints.
        wiring: what the connections are made with.
        on_end: called when one has ended by itself and the client must end with it.
        on_market_end: called when market data has ended for good and trading goes on; by default
            it ends in the inbox.
    """

    def __init__(
        self,
        hosts: Hosts,
        wiring: Wiring,
        on_end: Callable[[Exception], None],
        on_market_end: Callable[[Exception], None] | None = None,
    ) -> None:
        self.hosts = hosts
        self._wiring = wiring
        self._on_end = on_end
        self._on_market_end = on_market_end or wiring.inbox.interrupt
        # The public ones come first, whichever is opened first.
        self._links: dict[Host, list[Link]] = {hosts.public: []}
        self._twins: dict[Link, Link] = {}
        self._homes: dict[tuple[str, str], Link] = {}
        self._has_ended = self._is_trading_only = False
        self._closing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __iter__(self) -> Iterator[Link]:
        """Iterate over the connections, the first public one first, twins last."""
        return chain(*self._links.values(), self._twins.values())

    def __bool__(self) -> bool:
        return any(self._links.values())

    @property
    def state(self) -> ConnectionState:
        """What the connections are doing together.

        `CONNECTED` means that all that was opened is. While one reconnects, has ended and left
        something unserved, or has a gap in a private stream, it is `RECONNECTING`. When market data
        has ended and the private connection goes on, it is `TRADING_ONLY`.
        """
        states = {link.state for link in self}
        if self._has_ended or states <= {ConnectionState.DISCONNECTED}:
            return ConnectionState.DISCONNECTED
        if self._is_trading_only:
            return ConnectionState.TRADING_ONLY
        if states <= {ConnectionState.CONNECTING, ConnectionState.DISCONNECTED}:
            return ConnectionState.CONNECTING
        if ConnectionState.RECONNECTING in states or any(link.is_missing for link in self):
            return ConnectionState.RECONNECTING
        return ConnectionState.CONNECTED

    @property
    def primary(self) -> Link | None:
        """The first public connection that works, else the first of another host.

        `None` before anything was asked for.
        """
        working = (link for link in self if link.state is not ConnectionState.DISCONNECTED)
        return next(working, None) or next(iter(self), None)

    def engine_of(self, symbol: str) -> Engine:
        """Return the engine whose book of a symbol users see."""
        home = self._homes.get(("public", symbol))
        return (home or self._first(self.hosts.public)).books

    # Life.

    async def connect(self, hosts: Collection[str] = ("public",)) -> None:
        """Open a connection to each of some hosts, and those that had subscriptions when one ended.

        Others are opened when they are first needed. While only trading goes on, what still works
        stays as it is.

        Args:
            hosts: some of `public`, `private` and `level3`.

        Raises:
            ValueError: there is no such host, or none is named.
            ConnectFailed: one cannot be opened; then none is.
        """
        if not hosts or isinstance(hosts, str):
            raise ValueError(f"hosts must name some hosts, not {hosts!r}")
        named = dict.fromkeys(self.hosts.named(name) for name in hosts)
        self._loop = asyncio.get_running_loop()
        await self._wait_closing()
        self._has_ended = False
        wanted = [self._first(host) for host in named]
        wanted += [link for link in self if link.session.registry and link not in wanted]
        resting = [link for link in self if link.connection.state is ConnectionState.DISCONNECTED]
        for link in resting:
            link.renew()
        opened: list[Link] = []
        try:
            for link in wanted:
                if link in resting:
                    await link.connection.open()
                    opened.append(link)
        except BaseException:
            await self._close(opened, forget=False)
            raise
        self._is_trading_only = False

    def check_loop(self, action: str) -> None:
        """Refuse what is called where the connections are not.

        Nothing here is locked: another thread could change a queue or a book half-way.

        Raises:
            RuntimeError: the event loop is another one than that of `connect`.
        """
        if self._loop is not None and asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                f"{action} was called on another event loop than connect: use a client on one loop,"
                " from other threads by asyncio.run_coroutine_threadsafe(coroutine, loop)"
            )

    async def close(self, *, forget: bool = True) -> None:
        """Close all connections, and end what is subscribed on them unless `forget` is false."""
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
            # Before the sockets go: a user who leaves makes no gap.
            for merge in _merges(links):
                merge.close()
        for link in links:
            link.connection.stop(forget=forget)
        for merge in _merges(links):
            merge.report_gaps()

    async def _wait_closing(self) -> None:
        """Wait for what is being closed already."""
        if self._closing:
            await asyncio.wait(self._closing)

    def _ended(self, connection: Connection, reason: Exception) -> None:
        """Go on without a connection where nothing can be mistaken by that, else end.

        Books of level 3 cannot be read any more, and books with another leg still can. But public
        market data that falls silent looks like a quiet market, so it ends; fills that do not come
        look like none, so a private connection is tried for as long as that may help.
        """
        link = next(link for link in self if link.connection is connection)
        twin = self._twins.get(link)
        has_other = twin is not None and twin.state is ConnectionState.CONNECTED
        is_kept = link.is_twin or has_other or _is_private(link)
        if is_kept and link.connection.may_try_again(reason):
            logger.warning("%s is still away: %s", link.name, reason)
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
        """Go on with the private connections alone."""
        if self._is_trading_only:
            return
        logger.error("market data ended, only trading goes on: %s", reason)
        self._is_trading_only = True
        ended = [link for link in self if not _is_private(link)]
        self._stop(ended, forget=False)
        closing = asyncio.ensure_future(_wait_closed(ended))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._on_market_end(reason)

    # Who serves what.

    def carrier(self, channel: str) -> Link | None:
        """Return the first connection to the host of a channel, `None` if there never was one."""
        links = self._links.get(self.hosts.of_channel(channel))
        return links[0] if links else None

    async def of_channel(self, channel: str, action: str) -> Link:
        """Return the connection of a channel, opened; see `of_host`."""
        return await self.of_host(self.hosts.of_channel(channel), action)

    async def of_host(self, host: Host, action: str) -> Link:
        """Return the first connection to a host, opened when it is the first time.

        Raises:
            NotConnected: the client is not connected.
            ConnectFailed: it cannot be opened.
        """
        self._check_connected(action, host)
        link = self._first(host)
        await link.open(lambda: self._check_connected(action, host))
        return link

    @asynccontextmanager
    async def room_for(self, params: SubscriptionParams) -> AsyncIterator[list[Part]]:
        """Find the connections that what is asked for goes to, and open them.

        The room is kept until the end of the block, in which it is to be subscribed.

        Raises:
            NotConnected: the client is not connected.
            ConnectFailed: one of them cannot be opened, nor its twin.
        """
        self._check_connected("subscribe", self.hosts.of_channel(params.channel))
        parts = self._assigned(params)
        taken = [(link, Counter((part.channel, s) for s in part.symbols)) for link, part in parts]
        for link, symbols in taken:
            link.reserved += symbols
        try:
            twins = [(self._twin(link), part) for link, part in parts if _is_doubled(link, part)]
            for link, _ in parts:
                await self._open(link)
            yield parts + twins
        finally:
            for link, symbols in taken:
                link.reserved -= symbols

    def carrying(self, params: SubscriptionParams, action: str) -> list[Part]:
        """Find the connections that carry what is subscribed.

        Raises:
            NotConnected: the client is not connected.
            KeyError: something of it is not subscribed.
        """
        host = self.hosts.of_channel(params.channel)
        self._check_connected(action, host)
        links = self._links.get(host)
        if not links:
            names = ", ".join(params.symbols) or params.channel
            raise KeyError(f"No tracked subscription for {params.channel} of {names}")
        shelf = shelf_of(params.channel)
        parts = _split(
            params,
            [self._homes.get((shelf, symbol), links[0]) for symbol in params.symbols or [""]],
        )
        for link, part in parts:
            if unknown := link.session.registry.missing(part, params):
                raise KeyError(
                    f"No tracked subscription for {part.channel} of {', '.join(unknown)}"
                )
        twins = [(self._twins[link], part) for link, part in parts if link in self._twins]
        return parts + [(t, part) for t, part in twins if not t.session.registry.missing(part)]

    async def opened(self, symbol: str, channel: str, action: str) -> list[Link]:
        """Return the connections that carry a book, opened if they had ended.

        Raises:
            NotConnected: the client is not connected.
            KeyError: it is not subscribed.
            ConnectFailed: they cannot be opened.
        """
        self._check_connected(action, self.hosts.of_channel(channel))
        links = [link for link in self if link.session.registry.book(symbol, channel)]
        if not links:
            raise KeyError(f"not subscribed to {channel} of {symbol}")
        await self._open(links[0])
        return links

    def tidy(self, params: SubscriptionParams, *, with_twins: bool = False) -> None:
        """Present no more the books that no connection carries any more.

        Args:
            params: what was subscribed.
            with_twins: whether a book is presented on if a twin alone carries it.
        """
        if params.channel != "book":
            return
        for link in self._twins:
            legs = [link, self._twins[link]] if with_twins else [link]
            for symbol in params.symbols:
                is_carried = any(leg.session.registry.book(symbol) for leg in legs)
                if link.merge is not None and not is_carried:
                    link.merge.forget(symbol)

    # Inner workings.

    def _check_connected(self, action: str, host: Host) -> None:
        self.check_loop(action)
        usable = {ConnectionState.CONNECTED, ConnectionState.RECONNECTING}
        if _is_private_host(host):
            usable.add(ConnectionState.TRADING_ONLY)
        if self.state not in usable:
            raise NotConnected(action, self.state)

    async def _open(self, link: Link) -> None:
        """Open a connection and its twin; the one that fails is tried further if the other works.

        Raises:
            ConnectFailed: neither can be opened.
        """
        legs = [link, self._twins[link]] if link in self._twins else [link]
        failed: list[tuple[Link, ConnectFailed]] = []
        for leg in legs:
            try:
                await leg.open(lambda: self._check_connected("subscribe", link.host))
            except ConnectFailed as error:
                failed.append((leg, error))
        if len(failed) == len(legs):
            raise failed[0][1]
        for leg, reason in failed:
            logger.warning("%s is not there yet: %s", leg.name, reason)
            leg.connection.keep_trying(reason)

    def _assigned(self, params: SubscriptionParams) -> list[Part]:
        host = self.hosts.of_channel(params.channel)
        if not params.symbols:
            return [(self._first(host), params)]
        shelf = shelf_of(params.channel)
        limit = LEVEL3_SYMBOLS if shelf == "level3" else self._wiring.symbols
        carried = {link: link.symbols(shelf) for link in self._links.get(host, ())}
        return _split(
            params,
            [self._place(host, (shelf, symbol), limit, carried) for symbol in params.symbols],
        )

    def _place(
        self,
        host: Host,
        key: tuple[str, str],
        limit: int | None,
        carried: dict[Link, set[str]],
    ) -> Link:
        """Return a symbol's connection: its own, else the first with room, else a new one."""
        symbol = key[1]
        last = [self._homes[key]] if key in self._homes else []
        for link in (*last, *carried):
            if symbol in carried[link] or limit is None or len(carried[link]) < limit:
                break
        else:
            link = self._new_link(host)
        carried.setdefault(link, set()).add(symbol)
        self._homes[key] = link
        return link

    def _first(self, host: Host) -> Link:
        links = self._links.get(host)
        return links[0] if links else self._new_link(host)

    def _new_link(self, host: Host) -> Link:
        links = self._links.setdefault(host, [])
        link = self._wiring.link(host, len(links) + 1, self._ended)
        links.append(link)
        return link

    def _twin(self, link: Link) -> Link:
        if link not in self._twins:
            number = self._links[link.host].index(link) + 1
            self._twins[link] = self._wiring.link(link.host, number, self._ended, link)
        return self._twins[link]


def _is_private_host(host: Host) -> bool:
    """Tell whether a host serves private channels, and no public ones."""
    return "private" in host.serves and "public" not in host.serves


def _is_private(link: Link) -> bool:
    return _is_private_host(link.host)


def _can_trade(link: Link) -> bool:
    """Tell whether a private connection of its own works, or is being opened anew."""
    return _is_private(link) and link.connection.state is not ConnectionState.DISCONNECTED


def _merges(links: Iterable[Link]) -> set[Merge]:
    return {link.merge for link in links if link.merge is not None}


async def _wait_closed(links: Collection[Link]) -> None:
    """Wait for the closing handshakes of stopped connections, and drop their sockets."""
    try:
        await asyncio.gather(*(link.connection.wait_closed() for link in links))
    finally:
        for link in links:
            link.connection.abort()


def _is_doubled(link: Link, params: SubscriptionParams) -> bool:
    return link.merge is not None and isinstance(params, BookParams)


def _split(params: SubscriptionParams, links: list[Link]) -> list[Part]:
    """Divide parameters by the connection of each of their symbols."""
    if not params.symbols or len(set(links)) == 1:
        return [(links[0], params)]
    parts: dict[Link, list[str]] = {}
    for symbol, link in zip(params.symbols, links, strict=True):
        parts.setdefault(link, []).append(symbol)
    return [(link, params.with_symbols(symbols)) for link, symbols in parts.items()]
