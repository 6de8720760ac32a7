"""The connections of one client: which there are, and which serves what."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..exceptions import NotConnected
from ..models import GapEvent
from .bookkeeping import NoBookkeeping, OrderBookkeeper
from .connection import Connection, ConnectionOptions
from .constants import LEVEL3_SYMBOLS, ConnectionState
from .hosts import Host, Hosts
from .inbox import Inbox
from .link import Link, shelf_of
from .options import SessionOptions
from .pacing import Allowance
from .routes import Take
from .session import Session
from .sinks import CallbackSink, ClientOutlet, Places
from .subscribe import SubscriptionParams
from .token import OwnTokens

__all__ = ["Pool", "Wiring"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What every connection of a client is made with.

    Attributes:
        session: how the protocol is spoken.
        connection: how sockets are opened.
        tokens: where tokens come from.
        allowance: what all connections together may spend on snapshots of `level3`.
        symbols: how many pairs one public connection carries, `None` without a bound.
        inbox: the client's lanes.
        callback: takes everything instead of the inbox.
        on_gap: records a hole.
        orders: keeps account of orders.
        observers: by channel, what sees each message before it is delivered.
    """

    session: SessionOptions
    connection: ConnectionOptions
    tokens: OwnTokens | None
    allowance: Allowance
    symbols: int | None
    inbox: Inbox
    callback: CallbackSink | None
    on_gap: Callable[[GapEvent], None]
    orders: OrderBookkeeper = field(default_factory=NoBookkeeping)
    observers: Mapping[str, Take] = field(default_factory=dict)


Part = tuple[Link, SubscriptionParams]


class Pool:
    """The connections of one client, each opened when it is first needed.

    A symbol stays on the connection that it was put on, with all its channels, as long as it is
    subscribed, and comes back there if there is room.

    Args:
        hosts: the endpoints.
        wiring: what the connections are made with.
        on_end: called when one has ended by itself and the client must end with it.
    """

    def __init__(self, hosts: Hosts, wiring: Wiring, on_end: Callable[[Exception], None]) -> None:
        self.hosts = hosts
        self._wiring = wiring
        self._on_end = on_end
        self._links: dict[Host, list[Link]] = {}
        self._homes: dict[tuple[str, str], Link] = {}

    def __iter__(self) -> Iterator[Link]:
        """Iterate over the connections, the first public one first."""
        return (link for links in self._links.values() for link in links)

    def __bool__(self) -> bool:
        return bool(self._links)

    @property
    def state(self) -> ConnectionState:
        """`RECONNECTING` while any connection is, else what the first one is doing."""
        states = [link.state for link in self]
        if ConnectionState.RECONNECTING in states:
            return ConnectionState.RECONNECTING
        return states[0] if states else ConnectionState.DISCONNECTED

    @property
    def primary(self) -> Link | None:
        """The first public connection, `None` before it was asked for."""
        return self._links[self.hosts.public][0] if self._links else None

    async def connect(self) -> None:
        """Open the first public connection, and those that had subscriptions when one gave up.

        Raises:
            ConnectFailed: one cannot be opened; then none is.
        """
        for link in self:
            link.renew()
        first = self._first(self.hosts.public)
        await first.connection.open()
        try:
            for link in self:
                if link is not first and link.session.registry:
                    await link.connection.open()
        except BaseException:
            await self.close(forget=False)
            raise

    async def of_channel(self, channel: str, action: str) -> Link:
        """Return the connection of a channel, opened; see `of_host`."""
        return await self.of_host(self.hosts.of_channel(channel), action)

    async def of_host(self, host: Host, action: str) -> Link:
        """Return the first connection to a host, opened when it is the first time.

        Raises:
            NotConnected: the client is not connected.
            ConnectFailed: it cannot be opened.
        """
        self._check_connected(action)
        link = self._first(host)
        await link.open(lambda: self._check_connected(action))
        return link

    @asynccontextmanager
    async def room_for(self, params: SubscriptionParams) -> AsyncIterator[list[Part]]:
        """Find the connections that what is asked for goes to, and open them.

        The room is kept until the end of the block, in which it is to be subscribed.

        Raises:
            NotConnected: the client is not connected.
            ConnectFailed: one of them cannot be opened.
        """

        def check() -> None:
            self._check_connected("subscribe")

        check()
        parts = self._assigned(params)
        taken = [(link, Counter((part.channel, s) for s in part.symbols)) for link, part in parts]
        for link, symbols in taken:
            link.reserved += symbols
        try:
            for link, _ in parts:
                await link.open(check)
            yield parts
        finally:
            for link, symbols in taken:
                link.reserved -= symbols

    def carrying(self, params: SubscriptionParams, action: str) -> list[Part]:
        """Find the connections that carry what is subscribed.

        Raises:
            NotConnected: the client is not connected.
            KeyError: something of it is not subscribed.
        """
        self._check_connected(action)
        links = self._links.get(self.hosts.of_channel(params.channel))
        if not links:
            names = ", ".join(params.symbols) or params.channel
            raise KeyError(f"not subscribed to {params.channel} of {names}")
        shelf = shelf_of(params.channel)
        return _split(
            params,
            [self._homes.get((shelf, symbol), links[0]) for symbol in params.symbols or [""]],
        )

    async def opened(self, params: SubscriptionParams, action: str) -> Link:
        """Return the connection that carries one symbol, opened if it had ended.

        Raises:
            NotConnected, KeyError: as `carrying`.
            ConnectFailed: it cannot be opened.
        """
        ((link, _),) = self.carrying(params, action)
        await link.open(lambda: self._check_connected(action))
        return link

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

    async def close(self, *, forget: bool = True) -> None:
        """Close all connections, and end what is subscribed on them unless `forget` is false."""
        links = list(self)
        for link in links:
            link.connection.stop(forget=forget)
        try:
            await asyncio.gather(*(link.connection.wait_closed() for link in links))
        finally:
            for link in links:
                link.connection.abort()

    def _check_connected(self, action: str) -> None:
        if self.state not in (ConnectionState.CONNECTED, ConnectionState.RECONNECTING):
            raise NotConnected(action, self.state)

    def _first(self, host: Host) -> Link:
        links = self._links.get(host)
        return links[0] if links else self._new_link(host)

    def _new_link(self, host: Host) -> Link:
        def give_up() -> None:
            connection.give_up_until_drained(inbox.private)

        links = self._links.setdefault(host, [])
        name = f"{host.name}-{len(links) + 1}" if links else host.name
        wiring = self._wiring
        inbox = wiring.inbox
        tokens = wiring.tokens if host.takes_tokens else None
        outlet = ClientOutlet(
            inbox, on_full=give_up, on_gap=wiring.on_gap, callback=wiring.callback
        )
        session = Session(
            host.url,
            outlet,
            wiring.session,
            has_token_source=tokens is not None,
            orders=wiring.orders,
            observers=wiring.observers,
            allowance=wiring.allowance,
            name=f"{host.url}#{name}" if links else host.url,
        )
        connection = Connection(session, wiring.connection, tokens, self._on_end)
        places = Places(inbox, connection.block, connection.give_up_until_drained)
        link = Link(name, host, connection, places)
        links.append(link)
        return link


def _split(params: SubscriptionParams, links: list[Link]) -> list[Part]:
    """Divide parameters by the connection of each of their symbols."""
    if not params.symbols or len(set(links)) == 1:
        return [(links[0], params)]
    parts: dict[Link, list[str]] = {}
    for symbol, link in zip(params.symbols, links, strict=True):
        parts.setdefault(link, []).append(symbol)
    return [(link, params.with_symbols(symbols)) for link, symbols in parts.items()]
