"""How the connections of a client are made, each with all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...models import GapEvent
from ...models._checks import checked_integer
from ..base.exchange_clock import ExchangeClock
from ..base.followers import Follower
from ..base.loop_time import now
from ..base.options import SessionOptions, checked_seconds
from ..base.pacing import Allowance
from ..delivery.queues import Inbox
from ..delivery.sinks import CallbackSink, ClientOutlet, Sinks
from ..network.connection import Connection, ConnectionOptions
from ..orders import Orders
from ..protocol.merge import Merge
from ..protocol.routes import Take
from ..protocol.session import Session
from ..token.manager import OwnTokens
from .hosts import Host
from .link import Link

__all__ = ["Wiring"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What every connection of a client is made with.

    Attributes:
        session: how the protocol is spoken.
        connection: how sockets are opened.
        tokens: where tokens come from.
        allowance: what all connections together may spend on snapshots of `level3`.
        symbols: how many pairs one public connection carries, `None` without a bound.
        redundant: whether books are subscribed on two connections.
        redundant_patience: seconds that the one of the two that is ahead waits for the other.
        inbox: the client's lanes.
        callback: takes everything instead of the inbox.
        on_gap: records a gap.
        orders: the orders of the account.
        exchange: the exchange's clock.
        observers: by channel, what sees each message before it is delivered.
        on_lost: called when a socket was lost, after its books turned unreadable.
        followers: by private channel, who keeps its state.
    """

    session: SessionOptions
    connection: ConnectionOptions
    tokens: OwnTokens | None
    allowance: Allowance
    symbols: int | None
    redundant: bool
    redundant_patience: float
    inbox: Inbox
    callback: CallbackSink | None
    on_gap: Callable[[GapEvent], None]
    orders: Orders
    exchange: ExchangeClock
    observers: Mapping[str, Take] = field(default_factory=dict)
    on_lost: Callable[[], None] = lambda: None
    followers: Mapping[str, Follower] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.symbols is not None:
            checked_integer("symbols_per_connection", self.symbols, 1)
        if self.redundant_patience != 0 or isinstance(self.redundant_patience, bool):
            checked_seconds("redundant_patience", self.redundant_patience)
            if not self.redundant:
                raise ValueError("redundant_patience needs redundant=True")

    def link(
        self,
        host: Host,
        number: int,
        on_end: Callable[[Link, Exception], None],
        twin_of: Link | None = None,
    ) -> Link:
        """Make a connection, not yet opened.

        Args:
            host: where it connects.
            number: which of the host's it is, from 1.
            on_end: called when it has ended by itself.
            twin_of: the connection whose books it carries too.
        """
        name = host.name if number == 1 else f"{host.name}-{number}"
        arbiter = None
        if twin_of is not None:
            name, arbiter = f"{name}-twin", twin_of.arbiter
        elif self.redundant and "public" in host.serves:
            arbiter = Merge(host.url, self.on_gap, patience=self.redundant_patience, now=now)

        def settle() -> None:
            sinks.settle()

        def end(reason: Exception) -> None:
            on_end(link, reason)

        outlet = ClientOutlet(
            self.inbox,
            on_gap=self.on_gap,
            settle=settle,
            callback=self.callback,
        )
        leg = arbiter.leg() if arbiter is not None else None
        tokens = self.tokens if host.takes_tokens else None
        session = Session(
            host.url,
            outlet,
            self.session,
            has_token_source=tokens is not None,
            orders=self.orders,
            exchange=self.exchange,
            observers=self.observers,
            followers=self.followers if host.takes_tokens else None,
            allowance=self.allowance,
            name=host.url if name == host.name else f"{host.url}#{name}",
            gate=leg,
            on_lost=self.on_lost,
        )
        if leg is not None:
            leg.book = session.engine.book
        connection = Connection(session, self.connection, tokens, end)
        sinks = Sinks(
            self.inbox, connection.block, connection.give_up_until_drained, connection.refresh
        )
        link = Link(name, host, connection, sinks, arbiter=arbiter, is_twin=twin_of is not None)
        return link
