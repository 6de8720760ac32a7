"""Builds the connections of a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..._backend import Engine
from ...loop_time import now
from ...models import GapEvent
from ...models.checks import checked_integer
from ..base.exchange_clock import ExchangeClock
from ..base.followers import Follower
from ..base.options import SessionOptions, checked_seconds
from ..base.pacing import Allowance
from ..delivery.callbacks import CallbackSink
from ..delivery.queues import Inbox
from ..delivery.sinks import ClientOutlet, Sinks
from ..network.connection import Connection, ConnectionOptions
from ..orders import Orders
from ..protocol.merge import Merge
from ..protocol.routes import Handler
from ..protocol.session import Session
from ..token.manager import TokenManager
from .hosts import Host
from .link import Link

__all__ = ["Wiring"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Builds connections from the parts that all connections of a client share.

    Attributes:
        allowance: limits the `level3` subscriptions of all connections together.
        symbols: the most pairs on one public connection, `None` for no limit.
        redundant: whether books are subscribed on two connections.
        redundant_patience: seconds that the newer of the two books waits for the older one.
        callback: receives all messages instead of the inbox.
        observers: by channel, a function that is called with each message before its delivery.
        on_lost: called when a socket was lost, after its books became invalid.
        followers: by private channel, the objects that keep its state.
    """

    session: SessionOptions
    connection: ConnectionOptions
    tokens: TokenManager | None
    allowance: Allowance
    symbols: int | None
    redundant: bool
    redundant_patience: float
    inbox: Inbox
    callback: CallbackSink | None
    on_gap: Callable[[GapEvent], None]
    orders: Orders
    exchange: ExchangeClock
    observers: Mapping[str, Handler] = field(default_factory=dict)
    on_lost: Callable[[], None] = lambda: None
    followers: Mapping[str, Sequence[Follower]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.symbols is not None:
            checked_integer("symbols_per_connection", self.symbols, 1)
        if self.redundant and self.connection.sockets.reader == "thread":
            raise ValueError(
                "reader='thread' is not for redundant=True: the event loop merges the books of the "
                "two connections, so a thread would not keep them up to date"
            )
        if self.redundant_patience != 0 or isinstance(self.redundant_patience, bool):
            checked_seconds("redundant_patience", self.redundant_patience)
            if not self.redundant:
                raise ValueError("redundant_patience needs redundant=True")

    def link(
        self,
        host: Host,
        number: int,
        on_end: Callable[[Connection, Exception], None],
        twin_of: Link | None = None,
    ) -> Link:
        """Return a new connection, not yet opened.

        Args:
            host: its host.
            number: its number among the host's connections, from 1.
            on_end: called with the connection and the reason when it gave up.
            twin_of: the connection whose books it duplicates.
        """
        name = host.name if number == 1 else f"{host.name}-{number}"
        merge = None
        if twin_of is not None:
            name, merge = f"{name}-twin", twin_of.merge
        elif self.redundant and "public" in host.serves:
            merge = Merge(host.url, self.on_gap, patience=self.redundant_patience, now=now)

        def settle() -> None:
            # A full queue stops the connection, which is made after the outlet.
            sinks.settle()

        engine = Engine()
        outlet = ClientOutlet(
            self.inbox,
            on_gap=self.on_gap,
            settle=settle,
            callback=self.callback,
        )
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
            gate=None if merge is None else merge.add_source(engine.book),
            on_lost=self.on_lost,
            engine=engine,
        )
        connection = Connection(session, self.connection, tokens, on_end)
        sinks = Sinks(
            self.inbox, connection.block, connection.give_up_until_drained, connection.refresh
        )
        return Link(name, host, connection, sinks, merge=merge, is_twin=twin_of is not None)
