"""The connections of one client: which there are, and which serves what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..exceptions import NotConnected
from ..models import GapEvent
from .bookkeeping import NoBookkeeping, OrderBookkeeper
from .connection import Connection, ConnectionOptions
from .constants import ConnectionState
from .hosts import Host, Hosts
from .inbox import Inbox
from .link import Link
from .options import SessionOptions
from .routes import Take
from .session import Session
from .sinks import CallbackSink, ClientOutlet, Places
from .token import TokenManager

__all__ = ["Pool", "Wiring"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What every connection of a client is made with.

    Attributes:
        session: how the protocol is spoken.
        connection: how sockets are opened.
        token_manager: where tokens come from.
        inbox: the client's lanes.
        callback: takes everything instead of the inbox.
        on_gap: records a hole.
        orders: keeps account of orders.
        observers: by channel, what sees each message before it is delivered.
    """

    session: SessionOptions
    connection: ConnectionOptions
    token_manager: TokenManager | None
    inbox: Inbox
    callback: CallbackSink | None
    on_gap: Callable[[GapEvent], None]
    orders: OrderBookkeeper = field(default_factory=NoBookkeeping)
    observers: Mapping[str, Take] = field(default_factory=dict)


class Pool:
    """The connections of one client, each opened when it is first needed.

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
        links = self._links.setdefault(host, [])
        if not links:
            links.append(self._new_link(host))
        return links[0]

    def _new_link(self, host: Host) -> Link:
        def give_up() -> None:
            connection.give_up_until_drained(inbox.private)

        wiring = self._wiring
        inbox = wiring.inbox
        manager = wiring.token_manager if host.takes_tokens else None
        outlet = ClientOutlet(
            inbox, on_full=give_up, on_gap=wiring.on_gap, callback=wiring.callback
        )
        session = Session(
            host.url,
            outlet,
            wiring.session,
            has_token_source=manager is not None,
            orders=wiring.orders,
            observers=wiring.observers,
        )
        connection = Connection(session, wiring.connection, manager, self._on_end)
        places = Places(inbox, connection.block, connection.give_up_until_drained)
        return Link(host.name, host, connection, places)
