"""Methods of `KrakenWSClient` for subscriptions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

from ...exceptions import NotConnected
from ...loop_time import now
from ..base.options import checked_bound
from ..base.streams import WITH_TOKEN
from ..constants import ConnectionState
from ..delivery.callbacks import CallbackSink
from ..delivery.queues import Overflow
from ..envelopes import SubscriptionResult, WSRequest
from ..pool.link import Link
from ..pool.pool import Pool
from ..pool.requests import SubscribeRequest, result_of
from ..protocol.registry import PendingRequest, Sink, topics_of
from ..subscribe import ChannelParams, SubscriptionParams

__all__ = ["SubscribingMethods"]

logger = logging.getLogger(__name__)


class SubscribingMethods:
    """Subscribe, unsubscribe, resync and raw requests."""

    _pool: Pool
    _has_tokens: bool
    _callback: CallbackSink | None
    _count_callback_error: Callable[[], None]
    #: The kind of hosts, and an example of its parameters.
    _HOST = "spot"
    _EXAMPLE = "TickerParams(...)"

    async def subscribe(
        self,
        params: SubscriptionParams,
        *,
        callback: Callable[[Any], object] | None = None,
        overflow: Overflow = "drop_oldest",
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe, and wait until the exchange has answered for every symbol.

        Symbols that are subscribed already are not requested again. While the client reconnects,
        the call waits for the new connection. Cancelling it unsubscribes the symbols without an
        answer; symbols that the exchange has accepted stay in `subscriptions`.

        Args:
            params: the channel, its symbols and options.
            callback: a plain function that is called with each message and event of this
                subscription, in the receiving task, instead of the queue. It must be quick; its
                exceptions are logged and counted.
            overflow: what to do when the consumer is too slow: `drop_oldest`, `conflate` (keep the
                latest message of each symbol), `block` (stop reading from the connection until
                there is room) or `disconnect` (and connect again when there is room). Private
                messages have a queue of their own; if it is full the newest are dropped, which is
                a gap, and a snapshot follows.
            stale_after: seconds of silence after which a `StreamStaleEvent` is delivered for a
                stream; by default the client's `stale_after`, `math.inf` for never.

        Returns:
            One ack for each symbol.

        Raises:
            SubscriptionError: a symbol was refused; `rejected` says which and why, the others
                stay subscribed. Also for a second depth of one book, without a request.
            RequestTimeout: (a `TimeoutError`) a symbol got no answer.
            ConnectionLost: (a `ConnectionError`) the connection was lost meanwhile.
            ConnectFailed: (a `ConnectionError`) the channel's host cannot be connected.
            TokenAcquisitionError: no token for a private channel was obtained.
            NotConnected: (a `RuntimeError`) the client is not connected.
            ValueError: the channel is private, and there is neither a token nor a `TokenManager`.
        """
        self._check(params)
        own_sink = callback and CallbackSink(callback, self._count_callback_error)
        if stale_after is not None:
            checked_bound("stale_after", stale_after)
        return await self._subscribe(
            params, lambda link: own_sink or self._sink(link, params, overflow), stale_after
        )

    async def unsubscribe(self, params: SubscriptionParams) -> SubscriptionResult:
        """End a subscription, or some of its symbols.

        Parameters equal to those of a `subscribe` call end that subscription; symbols that another
        subscription shares continue. Other parameters end the named symbols of all subscriptions.

        Returns:
            One ack for each symbol for which a request was sent.

        Raises:
            KeyError: it is not subscribed.
            SubscriptionError, RequestTimeout, ConnectionLost, NotConnected: as in `subscribe`.
        """
        self._check_type(params)
        parts = self._pool.carrying(params, "unsubscribe")
        pending: list[tuple[Link, PendingRequest]] = []
        for link, part in parts:
            with link.connection.step() as session:
                pending.append((link, session.unsubscribe(part, now(), params)))
        try:
            return await result_of(pending, topics_of(params))
        finally:
            self._pool.tidy(params)

    async def resync(self, symbol: str, *, channel: Literal["book", "level3"] = "book") -> None:
        """Subscribe to a book again and wait until it is valid, even if it was quarantined.

        A connection that has given up is opened again. With `redundant=True` the connections are
        resynced one after the other, so the book stays readable.

        Args:
            symbol: currency pair.
            channel: `book`, or `level3` for the book of individual orders.

        Raises:
            BookNotReady: the book was quarantined again, or unsubscribed meanwhile.
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the connection cannot be opened, or
                was lost meanwhile.
            NotConnected: (a `RuntimeError`) the client is not connected.
            KeyError: the book of `symbol` is not subscribed.
        """
        for link in await self._pool.opened(symbol, channel, "resync"):
            with link.connection.step() as session:
                pending = session.resync(symbol, now(), channel)
            await result_of([(link, pending)], pending.topics)

    async def send(self, msg: WSRequest) -> None:
        """Send a request unchanged; its answer is delivered like a message.

        Raises:
            NotConnected: (a `RuntimeError`) the client is not connected.
            TypeError: `msg` is not a `WSRequest`.
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
        with connection.step() as session:
            session.send(msg)

    async def _subscribe(
        self,
        params: ChannelParams,
        sink: Callable[[Link], Sink],
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe; `sink` returns the destination of each connection's messages."""
        async with self._pool.room_for(params) as parts:
            for link, part in parts:
                link.session.registry.check(part)
            request = SubscribeRequest(params, parts, sink, stale_after)
            request.send()
        try:
            result = await request.result()
        except BaseException:
            # The gap of a book that is not subscribed would stay open and never be reported.
            self._pool.tidy(params, with_twins=True)
            raise
        logger.info("subscribed to %s %s", params.channel, ", ".join(params.symbols))
        return result

    def _check(self, params: ChannelParams) -> None:
        self._check_type(params)
        wants_token = params.channel in WITH_TOKEN and not getattr(params, "token", "")
        if wants_token and not self._has_tokens:
            raise ValueError(
                f"{params.channel} is private: make the client with "
                "token_manager=TokenManager.from_env()"
            )

    def _check_type(self, params: ChannelParams) -> None:
        """Check that parameters are those of a channel of this client's kind of hosts."""
        if not isinstance(params, ChannelParams) or params.HOST != self._HOST:
            raise TypeError(f"params must be like {self._EXAMPLE}, not {_name_of(params)}")

    def _sink(self, link: Link, params: ChannelParams, overflow: Overflow) -> Sink:
        """Return where a channel's messages go when they have no callback of their own."""
        sink = link.sinks.for_channel(params.channel, overflow)
        return sink if self._callback is None else self._callback


def _name_of(params: object) -> str:
    kind = type(params).__name__
    return f"{kind} of the {params.HOST} hosts" if isinstance(params, ChannelParams) else kind
