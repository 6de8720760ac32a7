"""What `KrakenWSClient` does with subscriptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

from ...exceptions import NotConnected
from ..base.options import checked_bound
from ..constants import TOKEN_CHANNELS, ConnectionState
from ..delivery.queues import Overflow
from ..delivery.sinks import CallbackSink
from ..envelopes import SubscriptionResult, WSRequest
from ..network.connection import Connection
from ..pool.link import Link
from ..pool.outcome import outcome
from ..pool.pool import Pool
from ..pool.subscribe_call import Call
from ..protocol.registry import Sink, topics_of
from ..subscribe import SubscriptionParams

__all__ = ["SubscribingMethods"]

logger = logging.getLogger(__name__)


class SubscribingMethods:
    """Asking for streams, ending them, and asking for them again."""

    _pool: Pool
    _has_tokens: bool
    _callback: CallbackSink | None
    _count_callback_error: Callable[[], None]

    async def subscribe(
        self,
        params: SubscriptionParams,
        *,
        callback: Callable[[Any], object] | None = None,
        overflow: Overflow = "drop_oldest",
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe, and wait until the exchange has answered for every symbol.

        What is subscribed already is not sent again. While the client reconnects, this waits for
        the new connection. Cancelling it ends what has no answer yet; symbols that the exchange
        accepted before stay subscribed, and `subscriptions` shows them.

        Args:
            params: what to subscribe to.
            callback: a plain function that gets this subscription's messages and events at once,
                in the receiving task, instead of the queue. It must be quick; what it raises is
                logged and counted.
            overflow: what happens to this subscription's messages when the consumer is too slow:
                `drop_oldest`, `conflate` (the latest of each symbol stays), `block` (nothing is
                read from the connection until there is room) or `disconnect` (and connect again
                when there is room). Private messages are never dropped.
            stale_after: seconds of silence after which a `StreamStaleEvent` tells of each of its
                streams; by default the client's `stale_after`, `math.inf` for never.

        Returns:
            One ack for each symbol.

        Raises:
            SubscriptionError: a symbol was refused; `rejected` says which and why, the others
                stay subscribed. Also for a second depth of a book, which is not sent.
            RequestTimeout: (a `TimeoutError`) a symbol was not answered for.
            ConnectionLost: (a `ConnectionError`) the connection was lost meanwhile.
            ConnectFailed: (a `ConnectionError`) there is no connection for private channels.
            TokenAcquisitionError: there is no token for a private channel.
            NotConnected: (a `RuntimeError`) the client is not connected.
            ValueError: there is neither token nor `TokenManager`.
        """
        self._check(params)
        taken = callback and CallbackSink(callback, self._count_callback_error)
        if stale_after is not None:
            checked_bound("stale_after", stale_after)
        return await self._subscribe(
            params, lambda link: taken or self._sink(link, params, overflow), stale_after
        )

    async def unsubscribe(self, params: SubscriptionParams) -> SubscriptionResult:
        """End a subscription, or some of its symbols.

        Parameters equal to those of a `subscribe` end that one; symbols that another one has too
        stay subscribed. Other parameters end the named symbols wherever they were asked for.

        Returns:
            One ack for each symbol that was sent.

        Raises:
            KeyError: it is not subscribed.
            SubscriptionError, RequestTimeout, ConnectionLost, NotConnected: as in `subscribe`.
        """
        _check_type(params)
        parts = self._pool.carrying(params, "unsubscribe")
        now = _now()
        asks = [(link, link.session.unsubscribe(part, now, params)) for link, part in parts]
        try:
            return await outcome(asks, topics_of(params))
        finally:
            self._pool.tidy(params)

    async def resync(self, symbol: str, *, channel: Literal["book", "level3"] = "book") -> None:
        """Ask for a book again and wait until it is valid; this releases a quarantined one.

        A connection that had given up is opened again for it. With a redundant feed this is done
        on one connection after the other, so the book can be read all the time.

        Args:
            symbol: currency pair.
            channel: `book`, or `level3` for the book of individual orders.

        Raises:
            BookNotReady: it was given up again, or unsubscribed meanwhile.
            ConnectFailed, ConnectionLost: (`ConnectionError`s) its connection cannot be opened, or
                was lost meanwhile.
            NotConnected: (a `RuntimeError`) the client is not connected.
            KeyError: the book of `symbol` is not subscribed.
        """
        for link in await self._pool.opened(symbol, channel, "resync"):
            ask = link.session.resync(symbol, _now(), channel)
            await outcome([(link, ask)], ask.topics)

    async def send(self, msg: WSRequest) -> None:
        """Send a request as it is; its answer comes through the queue.

        Raises:
            NotConnected: (a `RuntimeError`) the client is not connected.
            TypeError: it is no `WSRequest`.
        """
        if not isinstance(msg, WSRequest):
            kind = type(msg).__name__
            raise TypeError(
                f"send takes a request like WSRequest(method='ping', params={{}}), not {kind}"
            )
        host = self._pool.hosts.of_method(msg.method, str(msg.params.get("channel")))
        connection = (await self._pool.of_host(host, "send")).connection
        if connection.state is not ConnectionState.CONNECTED:
            raise NotConnected("send", connection.state)
        connection.session.send(msg)
        connection.attend()

    # Inner workings.

    async def _subscribe(
        self,
        params: SubscriptionParams,
        sink: Callable[[Link], Sink],
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe, with a place for the messages of each connection."""
        async with self._pool.room_for(params) as parts:
            for link, part in parts:
                link.session.registry.check(part)
            call = Call(params, parts, sink, stale_after)
            call.subscribe(_now())
        try:
            result = await call.outcome()
        except BaseException:
            # A gap that waits for a book which nobody has subscribed would never be reported.
            self._pool.tidy(params, with_twins=True)
            raise
        logger.info("subscribed to %s %s", params.channel, ", ".join(params.symbols))
        return result

    def _check(self, params: SubscriptionParams) -> None:
        _check_type(params)
        wants_token = params.channel in TOKEN_CHANNELS and not getattr(params, "token", "")
        if wants_token and not self._has_tokens:
            raise ValueError(
                f"{params.channel} is private: make the client with "
                "token_manager=TokenManager.from_env()"
            )

    async def _connection_for(self, channel: str, action: str) -> Connection:
        """Return the connection that serves a channel, opened when it is the first time."""
        return (await self._pool.of_channel(channel, action)).connection

    def _sink(self, link: Link, params: SubscriptionParams, overflow: Overflow) -> Sink:
        """Return where a channel's messages go when they have no callback of their own."""
        sink = link.sinks.for_channel(params.channel, overflow)
        return sink if self._callback is None else self._callback


def _check_type(params: object) -> None:
    if not isinstance(params, SubscriptionParams):
        raise TypeError(
            f"subscribe takes parameter objects like TickerParams, not {type(params).__name__}"
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
