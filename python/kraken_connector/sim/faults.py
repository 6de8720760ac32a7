"""The faults of one exchange.

A fault acts in one of three ways: on new connections (`Admission`), on messages and requests (a
`Rule`), or immediately, as when it resets connections. A new kind of fault on messages needs only a
new rule.
"""

from __future__ import annotations

import asyncio
import math
import ssl as tls
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Literal

from websockets.frames import CloseCode

from . import rules, wire
from .accounts import Account
from .active_rules import ActiveRules
from .admission import Admission, Refusal
from .connection import Connection, Connections
from .feeds import MarketFeed
from .observe import Journal
from .registry import SubscriptionRegistry
from .requests import Role
from .rest.rules import RestRules
from .rest.venue import RestSettings
from .rules import Act, Countdown, Overtaken, Rule
from .settings import Settings
from .subscription_faults import SubscriptionFaults
from .token_faults import TokenFaults
from .tokens import Tokens
from .trading.faults import TradingFaults
from .trading.order_methods import OrderMethods
from .trading.report_faults import ReportFaults
from .trading.report_rules import ReportRules
from .trading.stream import PrivateStream
from .writer import Outgoing

SystemStatus = Literal["online", "post_only", "limit_only", "cancel_only", "maintenance"]
PairStatus = Literal[
    "online",
    "post_only",
    "limit_only",
    "reduce_only",
    "cancel_only",
    "maintenance",
    "work_in_progress",
    "delisted",
]


class Stalled:
    """Connections that read nothing until `release()`.

    Args:
        connections: the connections to stall.
    """

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._connections = list(connections)
        for connection in self._connections:
            connection.stall()

    def release(self) -> None:
        """Read what the clients wrote meanwhile."""
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.resume()


class Faults(TradingFaults, ReportFaults, SubscriptionFaults, TokenFaults):
    """The faults of one exchange. Every fault that acts writes a line into the log."""

    def __init__(
        self,
        *,
        settings: Settings,
        journal: Journal,
        connections: Connections,
        admission: Admission,
        ssl: tls.SSLContext | None,
        markets: MarketFeed,
        registry: SubscriptionRegistry,
        tokens: Tokens,
        rest_rules: RestRules,
        rest_settings: RestSettings,
        account: Account,
        methods: OrderMethods,
        stream: PrivateStream,
        report_rules: ReportRules,
        clock: Callable[[], int],
        run_due: Callable[[], None],
    ) -> None:
        ActiveRules.__init__(self, journal)
        TradingFaults.__init__(self, clock, methods, stream)
        ReportFaults.__init__(self, report_rules, account, stream, registry)
        SubscriptionFaults.__init__(self, registry)
        TokenFaults.__init__(self, tokens, rest_rules, rest_settings, clock)
        self._settings = settings
        self._connections = connections
        self._admission = admission
        self._ssl = ssl
        self._markets = markets
        self._run_due = run_due
        self._timers: set[asyncio.TimerHandle] = set()

    def clear(self) -> None:
        """End all faults, those that are still to come included."""
        while self._timers:
            self._timers.pop().cancel()
        self._clear_rules()
        self._clear_subscriptions()
        self._clear_calls()
        self._clear_tokens()
        self._report_rules.clear()
        self._stream.catch_up()
        self._admission.clear()
        if self._ssl is not None:
            self._ssl.sni_callback = None

    # Scripts.

    def after_seconds(self, seconds: float, act: Callable[[], object]) -> asyncio.TimerHandle:
        """Call a fault later: `after_seconds(2, sim.faults.reset_connections)`.

        Args:
            seconds: from now.
            act: called without arguments.

        Returns:
            A handle; `cancel()` prevents the call.
        """

        def due() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)
        return timer

    def after_messages(
        self,
        count: int,
        act: Callable[[], object],
        *,
        channel: str = "book",
        symbol: str | None = None,
        type: str = "update",
        host: Role | None = None,
    ) -> Countdown:
        """Call a fault after a number of messages, before any other message is sent.

        Args:
            count: how many, dropped ones included. A message to two connections counts twice.
            act: called without arguments.
            channel: whose messages count.
            symbol: of which pair; of all by default.
            type: `update` or `snapshot`.
            host: whose connections; all by default.

        Returns:
            A countdown; `cancel()` prevents the call.

        Raises:
            ValueError: `count` is less than 1.
        """
        if count < 1:
            raise ValueError(f"count must be 1 or more, not {count}")
        countdown = Countdown(count, rules.data(channel, symbol, type=type), act, host)
        self._countdowns.append(countdown)
        return countdown

    # Connections. `host` selects one of three hosts by its role, such as "level3".

    def reset_connections(self, *, host: Role | None = None) -> None:
        """Reset every WebSocket connection without a closing handshake."""
        self._log("reset_connections", host or "")
        for connection in self._connections.to(host):
            connection.abort()

    def close_connections(
        self, code: int = 1001, reason: str = "", *, host: Role | None = None
    ) -> None:
        """Close every WebSocket connection with a closing handshake; with 1006, without one."""
        self._log("close_connections", str(code))
        for connection in self._connections.to(host):
            if code == CloseCode.ABNORMAL_CLOSURE:
                connection.hang_up()
            else:
                connection.close(code, reason)

    def silence_connections(self, *, host: Role | None = None) -> None:
        """Keep the sockets open but send and read nothing from now on."""
        self._log("silence_connections", host or "")
        for connection in self._connections.to(host):
            connection.fall_silent()

    def stall_connections(
        self, seconds: float | None = None, *, host: Role | None = None
    ) -> Stalled:
        """Keep the sockets open, but send nothing and read late.

        Order requests are carried out when they are read, even if the client is gone; the
        exchange's own deadline of 5 seconds begins only then.

        Args:
            seconds: how late; `None` waits for `release()` of the result.
            host: whose connections; all by default.
        """
        self._log("stall_connections", host or "")
        stalled = Stalled(self._connections.to(host))
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, stalled.release)
        return stalled

    def refuse_connections(
        self,
        times: int | None = 1,
        *,
        seconds: float = math.inf,
        status: int | None = 503,
        host: Role | None = None,
    ) -> None:
        """Refuse new WebSocket connections.

        Args:
            times: how many; `None` for all of them.
            seconds: for how long.
            status: HTTP status of the response, such as 403, 429 or 502; `None` resets the TCP
                connection before a byte is read, those of token calls included.
            host: which host; all by default.
        """
        refusal = Refusal(
            None if status is None else HTTPStatus(status),
            math.inf if times is None else times,
            asyncio.get_running_loop().time() + seconds,
            host,
        )
        self._admission.refuse(refusal)
        self._log("refuse_connections", f"status={status} times={times} seconds={seconds}")

    def ignore_connections(self, times: int | None = 1, *, host: Role | None = None) -> None:
        """Accept new TCP connections but leave their WebSocket handshake unanswered.

        Args:
            times: how many; `None` for all of them.
            host: which host; all by default.
        """
        self._admission.ignore(math.inf if times is None else times, host)
        self._log("ignore_connections", f"times={times}")

    def break_tls(self, times: int = 1) -> None:
        """Abort the TLS handshake of new connections with an alert.

        Raises:
            ValueError: the exchange has no TLS.
        """
        context = self._ssl
        if context is None:
            raise ValueError("break_tls needs an exchange with ssl=")
        alerts = [tls.AlertDescription.ALERT_DESCRIPTION_INTERNAL_ERROR] * times
        context.sni_callback = lambda *_: alerts.pop() if alerts else None
        self._log("break_tls", f"times={times}")

    # Messages.

    def add(
        self,
        name: str,
        matches: Callable[[Outgoing], bool],
        act: Act[Outgoing],
        times: int | None = 1,
        *,
        host: Role | None = None,
    ) -> Rule[Outgoing]:
        """Add a fault of your own.

        Args:
            name: as in the log.
            matches: returns whether the fault acts on a message.
            act: returns the messages that are sent instead of one.
            times: how often; `None` for no limit. A message to two connections counts twice.
            host: whose connections; all by default.

        Returns:
            The rule: `fired` is how often it acted, `cancel()` ends it.
        """
        return self._add_message_rule(Rule(name, matches, act, times=times, host=host))

    def corrupt_checksums(
        self,
        symbol: str,
        times: int | None = 1,
        *,
        snapshots: bool = False,
        channel: str = "book",
    ) -> Rule[Outgoing]:
        """Send wrong checksums with the next updates of a symbol, or with its snapshots."""
        matches = rules.data(channel, symbol, type="snapshot" if snapshots else "update")
        return self.add("corrupt_checksums", matches, rules.spoil_checksum, times)

    def lose_checksums(
        self, symbol: str, times: int | None = 1, *, type: str = "update", channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol, or its snapshots, without a checksum."""
        matches = rules.data(channel, symbol, type=type)
        return self.add("lose_checksums", matches, rules.drop_checksum, times)

    def garble_checksums(
        self, symbol: str, times: int | None = 1, *, type: str = "update", channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol, or its snapshots, with a checksum that is a string."""
        matches = rules.data(channel, symbol, type=type)
        return self.add("garble_checksums", matches, rules.quote_checksum, times)

    def corrupt_updates(self, symbol: str, times: int | None = 1) -> Rule[Outgoing]:
        """Send the next book updates of a symbol with one wrong quantity."""
        return self.add("corrupt_updates", rules.data("book", symbol), rules.spoil_qty, times)

    def drop_updates(
        self, symbol: str, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Drop the next updates of a symbol."""
        return self.add("drop_updates", rules.data(channel, symbol), rules.swallow, times)

    def duplicate_updates(
        self, symbol: str, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol twice."""
        return self.add("duplicate_updates", rules.data(channel, symbol), rules.double, times)

    def swap_updates(self, symbol: str, times: int = 1, *, channel: str = "book") -> Rule[Outgoing]:
        """Send the next two updates of a symbol in the wrong order, `times` times over."""
        matches = rules.data(channel, symbol)
        rule = Overtaken(
            "swap_updates",
            matches,
            times=times,
            deliver=rules.transmit,
            passes=matches,
            wait=None,
        )
        return self._add_message_rule(rule)

    def truncate_updates(
        self, symbol: str | None, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol without their end, as invalid JSON."""
        return self.add("truncate_updates", rules.data(channel, symbol), rules.truncate, times)

    def lose_snapshots(
        self, symbol: str | None, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Drop the next snapshots of a symbol; the subscription is acked."""
        matches = rules.data(channel, symbol, type="snapshot")
        return self.add("lose_snapshots", matches, rules.swallow, times)

    def duplicate_acks(
        self, times: int | None = None, *, host: Role | None = None
    ) -> Rule[Outgoing]:
        """Send answers to subscriptions twice."""
        return self.add("duplicate_acks", rules.kind("answer"), rules.double, times, host=host)

    def delay_acks(
        self, seconds: float, times: int | None = None, *, host: Role | None = None
    ) -> Rule[Outgoing]:
        """Send answers to subscriptions late; messages of the channel overtake them."""
        act = rules.delay(seconds, rules.transmit)
        return self.add("delay_acks", rules.kind("answer"), act, times, host=host)

    def swallow_acks(self, times: int | None = None, *, host: Role | None = None) -> Rule[Outgoing]:
        """Drop answers to subscriptions, which are carried out."""
        return self.add("swallow_acks", rules.kind("answer"), rules.swallow, times, host=host)

    def delay_pongs(
        self, seconds: float, times: int | None = None, *, host: Role | None = None
    ) -> Rule[Outgoing]:
        """Send pongs late."""
        act = rules.delay(seconds, rules.transmit)
        return self.add("delay_pongs", rules.kind("pong"), act, times, host=host)

    def swallow_pongs(
        self, times: int | None = None, *, host: Role | None = None
    ) -> Rule[Outgoing]:
        """Drop pongs."""
        return self.add("swallow_pongs", rules.kind("pong"), rules.swallow, times, host=host)

    def stop_heartbeats(self, *, host: Role | None = None) -> Rule[Outgoing]:
        """Send no heartbeats until `cancel()` of the result."""
        return self.add("stop_heartbeats", rules.kind("heartbeat"), rules.swallow, None, host=host)

    def send_text(self, text: str) -> None:
        """Send a text frame with any content to every client."""
        self._log("send_text", text)
        for connection in self._connections.to(None):
            connection.send_text(text.encode())

    def send_huge_frame(self, size: int = 64 * 2**20) -> None:
        """Send the beginning of a text frame of `size` bytes to every client."""
        self.send_bytes(wire.head(size) + b" " * 1024)

    # Frames and bytes.

    def stall_mid_frame(
        self, symbol: str, *, channel: str = "book", type: str = "update"
    ) -> Rule[Outgoing]:
        """Send half of the next message of a symbol, then nothing more on its connection."""
        matches = rules.data(channel, symbol, type=type)
        return self.add("stall_mid_frame", matches, wire.stall)

    def cut_mid_frame(
        self, symbol: str, *, channel: str = "book", type: str = "update"
    ) -> Rule[Outgoing]:
        """Send half of the next message of a symbol, then close the TCP connection."""
        matches = rules.data(channel, symbol, type=type)
        return self.add("cut_mid_frame", matches, wire.cut)

    def dribble_updates(
        self, symbol: str, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol one byte at a time."""
        return self.add("dribble_updates", rules.data(channel, symbol), wire.dribble, times)

    def fragment_updates(
        self, symbol: str, times: int | None = 1, *, parts: int = 3, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol in several WebSocket frames each."""
        act = wire.fragment(parts)
        return self.add("fragment_updates", rules.data(channel, symbol), act, times)

    def binary_updates(
        self, symbol: str, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol in binary frames."""
        return self.add("binary_updates", rules.data(channel, symbol), wire.binary, times)

    def compress_updates(
        self, symbol: str, times: int | None = 1, *, channel: str = "book"
    ) -> Rule[Outgoing]:
        """Send the next updates of a symbol compressed, without having negotiated compression."""
        return self.add("compress_updates", rules.data(channel, symbol), wire.compress, times)

    def send_bytes(self, data: bytes) -> None:
        """Write bytes to every socket: half a frame, an invalid frame, anything."""
        self._log("send_bytes", data.hex())
        for connection in self._connections.to(None):
            connection.send_bytes(data)

    # The exchange itself.

    def set_system(
        self,
        system: SystemStatus,
        *,
        connection_id: bool = True,
        upcoming_maintenance: Sequence[object] = (),
    ) -> None:
        """Change the system status and send it to every client.

        The status decides which orders are accepted. Markets trade by themselves only while
        `online`.

        Args:
            system: the new status.
            connection_id: whether status messages carry a connection id; the exchange leaves it
                out during maintenance.
            upcoming_maintenance: announced maintenance, in the long form of the message: mappings,
                with times in any format.
        """
        self._log("set_system", system)
        self._settings.system = system
        self._settings.shows_connection_ids = connection_id
        self._settings.upcoming_maintenance = list(upcoming_maintenance)
        self._greet()
        self._run_due()

    def set_pair_status(self, symbol: str, status: PairStatus) -> None:
        """Change the status of a pair and send it to the subscribers of `instrument`.

        The status decides which orders of the pair are accepted. Its market trades by itself only
        while it is `online`.

        Raises:
            KeyError: the pair is not listed.
        """
        self._log("set_pair_status", f"{symbol} {status}")
        self._markets.set_status(symbol, status)

    def storm_status(self, count: int = 1000) -> None:
        """Send every client the system status `count` times."""
        self._log("storm_status", str(count))
        for _ in range(count):
            self._greet()

    def cross_book(self, symbol: str) -> None:
        """Send an update with a bid above the best ask, then one that removes it.

        Both carry the right checksum of the resulting book.
        """
        self._log("cross_book", symbol)
        market = self._markets.market(symbol)
        ticks = market.book.asks.row(0)[0] + 1
        for lots in (1, 0):
            self._markets.change_ticks(symbol, [("bid", ticks, lots)], matched=False)

    def _greet(self) -> None:
        for connection in self._connections.to(None):
            if connection.session is not None:
                connection.session.greet()
