"""`UnifiedClient`: a client of Kraken's unified WebSocket. A preview; see docs/unified.md."""

from __future__ import annotations

import ssl as tls
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any, Self, TypedDict, TypeVar, Unpack, cast

from .._backend import OrderBook
from ..exceptions import InvalidParameter
from ..models import GapEvent
from ..models.checks import check_choice
from ..models.trading_results import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllOrdersAfterResult,
    CancelAllResult,
    CancelOrderResult,
)
from ..ws.account.balances import Balances
from ..ws.account.instruments import Instruments
from ..ws.constants import ConnectionState
from ..ws.delivery.queues import Overflow
from ..ws.dispatcher import WSMessage
from ..ws.envelopes import SubscriptionResult, WSRequest
from ..ws.network.socket_options import LocalAddr, ReadBy, ReceiveStamps, SockOption, TlsEngine
from ..ws.orders import Orders
from ..ws.orders.replies import TradingReply
from ..ws.pool.link import ConnectionView
from ..ws.protocol.registry import SubscriptionEntry
from ..ws.subscribe import SubscriptionParams
from ..ws.token.manager import TokenManager
from ..ws.trading.cancelling import CancelReport
from ..ws.trading.dead_mans_switch import DeadMansSwitch, OnClose
from ..ws.trading.placement import Placement
from ..ws.trading.trader import Sequencing
from .constants import UNIFIED_PRIVATE_URL, UNIFIED_PUBLIC_URL, AssetClass
from .inner import Inner
from .subscribe import ExecutionsParams, UnifiedParams
from .trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    SetPreferenceParams,
    UnifiedOrderParams,
)

__all__ = ["ClientOptions", "UnifiedClient"]

_P = TypeVar("_P", bound=UnifiedOrderParams)


class ClientOptions(TypedDict, total=False):
    """Arguments that mean the same as those of `KrakenWSClient`."""

    ping_interval: float
    ping_timeout: float
    heartbeat_timeout: float
    backoff_base: float
    backoff_max: float
    max_reconnect_attempts: int
    request_timeout: float
    message_queue_max: int
    private_queue_max: int
    symbols_per_connection: int | None
    deliver_heartbeats: bool
    stale_after: float | None
    resync_attempts: int
    maintenance_pause: float
    open_timeout: float
    close_timeout: float
    max_frame_size: int
    ssl: tls.SSLContext | None
    proxy: str | bool | None
    tls_engine: TlsEngine
    local_addr: LocalAddr | None
    sock_options: Sequence[SockOption]
    busy_poll: int | None
    quickack: bool
    resolve: Mapping[str, str | Sequence[str]] | None
    receive_stamps: ReceiveStamps
    reader: ReadBy
    cpu: int | None
    retryable: Callable[[BaseException], bool]
    order_deadline: float
    sequencing: Sequencing


class UnifiedClient:
    """An async client of the unified WebSocket, which serves spot and derivatives on one host.

        async with UnifiedClient() as client:
            await client.subscribe(BookParams(symbol=["PF_XBTUSD"], asset_class="derivatives"))
            async for message in client:
                print(message)

    A preview: parts of the protocol could not be read, and docs/unified.md lists every guess.

    A client has orders of one asset class, and market data of either. It uses the unified host
    only: session tokens and the dead man's switch concern the whole account, so do not split an
    account's orders over this client and a `KrakenWSClient`. A client belongs to the event loop on
    which it was connected.

    Args:
        asset_class: the class of its orders and of `track_orders`: `derivatives` or `spot`.
        public_url: endpoint of the public channels.
        private_url: endpoint of the private channels and of orders.
        token_manager: where the tokens of private channels come from: a spot API key with the
            permission for WebSockets.
        on_message: a plain function that is called with every message, instead of the queue.
        options: `ClientOptions`, with the meaning and the defaults of `KrakenWSClient`.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    def __init__(
        self,
        *,
        asset_class: str = AssetClass.DERIVATIVES.value,
        public_url: str = UNIFIED_PUBLIC_URL,
        private_url: str = UNIFIED_PRIVATE_URL,
        token_manager: TokenManager | None = None,
        on_message: Callable[[Any], object] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        check_choice("asset_class", asset_class, tuple(AssetClass))
        for name in options.keys() - ClientOptions.__annotations__.keys():
            raise TypeError(f"UnifiedClient has no argument {name!r}")
        self._asset_class = str(asset_class)
        self._client = Inner(
            self._asset_class,
            public_url,
            private_url,
            token_manager=token_manager,
            on_message=on_message,
            **options,
        )

    # Connecting and closing.

    async def connect(self, *, hosts: Collection[str] = ("public",)) -> None:
        """Open the connections; the private one is also opened when it is first needed.

        Args:
            hosts: `public`, `private` or both.

        Raises:
            ConnectFailed: (a `ConnectionError`) a connection cannot be opened; then all are closed.
            ValueError: `hosts` is empty or has an unknown name.
            RuntimeError: the client is connected or connecting.
        """
        await self._client.connect(hosts=hosts)

    async def disconnect(self) -> None:
        """Close all connections and end all subscriptions; pending calls raise."""
        await self._client.disconnect()

    async def wait_closed(self) -> None:
        """Wait until the client is disconnected; return at once if it is.

        Raises:
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the client gave up.
        """
        await self._client.wait_closed()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.disconnect()

    # Messages.

    async def receive(self) -> WSMessage:
        """Return the next message; blocks while the client reconnects.

        `PositionsMessage.of(message)` and its like read those of the channels that the spot hosts
        do not have.

        Raises:
            NotConnected: (a `RuntimeError`) `disconnect` was called, or `connect` was not.
            ConnectFailed, ConnectionLost: (`ConnectionError`s) the client gave up.
        """
        return await self._client.receive()

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        """Iterate over the messages until `disconnect` is called."""
        return aiter(self._client)

    async def send(self, msg: WSRequest) -> None:
        """Send a request unchanged; its answer is delivered like a message."""
        await self._client.send(msg)

    # Subscriptions.

    async def subscribe(
        self,
        params: UnifiedParams,
        *,
        callback: Callable[[Any], object] | None = None,
        overflow: Overflow = "drop_oldest",
        stale_after: float | None = None,
    ) -> SubscriptionResult:
        """Subscribe, and wait until the exchange has answered for every symbol.

        Args:
            params: the channel, its asset class, its symbols and options.
            callback: see `KrakenWSClient.subscribe`, as for the other arguments.
            overflow: what to do when the consumer is too slow.
            stale_after: seconds of silence after which a `StreamStaleEvent` is delivered.

        Raises:
            InvalidParameter: (a `ValueError`) `executions` of another class than the client's.
            SubscriptionError: a symbol was refused. Also without a request, for a second depth or
                asset class of a symbol, or a second asset class of a channel without symbols.
            RequestTimeout, ConnectionLost, ConnectFailed, TokenAcquisitionError, NotConnected: as
                in `KrakenWSClient.subscribe`.
        """
        if isinstance(params, ExecutionsParams):
            self._check_class(params.asset_class)
        # The inner client accepts the parameters of the unified hosts, and only these.
        accepted = cast(SubscriptionParams, params)
        return await self._client.subscribe(
            accepted, callback=callback, overflow=overflow, stale_after=stale_after
        )

    async def unsubscribe(self, params: UnifiedParams) -> SubscriptionResult:
        """End a subscription, or some of its symbols.

        Raises:
            KeyError: it is not subscribed with this asset class.
            SubscriptionError, RequestTimeout, ConnectionLost, NotConnected: as in `subscribe`.
        """
        return await self._client.unsubscribe(cast(SubscriptionParams, params))

    async def resync(self, symbol: str) -> None:
        """Subscribe to a book again and wait until it is valid, even if it was quarantined.

        Raises:
            BookNotReady: the book was quarantined again, or unsubscribed meanwhile.
            ConnectFailed, ConnectionLost, NotConnected: there is no connection.
            KeyError: the book of `symbol` is not subscribed.
        """
        await self._client.resync(symbol)

    # State.

    @property
    def asset_class(self) -> str:
        """The class of the orders: `derivatives` or `spot`."""
        return self._asset_class

    @property
    def state(self) -> ConnectionState:
        """State of the client; `RECONNECTING` while any of its connections is."""
        return self._client.state

    @property
    def connections(self) -> Mapping[str, ConnectionView]:
        """The connections by name: `public` and `private`."""
        return self._client.connections

    @property
    def subscriptions(self) -> dict[tuple[tuple[str, Any], ...], SubscriptionEntry]:
        """The subscriptions, keyed by their sorted parameters, the asset class among them."""
        return self._client.subscriptions

    @property
    def system_status(self) -> str | None:
        """The last status; whether of one asset class or of both was not read."""
        return self._client.system_status

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the exchange's clock is ahead of this machine's wall clock."""
        return self._client.clock_offset

    @property
    def gaps(self) -> list[GapEvent]:
        """The last 1000 gaps in the received data, oldest first; a copy."""
        return self._client.gaps

    def stats(self) -> dict[str, Any]:
        """Return counters since the client was created; see `KrakenWSClient.stats`."""
        return self._client.stats()

    def book(self, symbol: str) -> OrderBook:
        """Return the live book of a subscribed symbol; always the same object.

        Raises:
            KeyError: the book of `symbol` is not subscribed.
        """
        return self._client.book(symbol)

    @property
    def instruments(self) -> Instruments:
        """Reference data by symbol; fields of derivatives are in `extra` of each."""
        return self._client.instruments

    # The account.

    @property
    def orders(self) -> Orders:
        """The account's orders of the asset class, by `order_id` or `cl_ord_id`."""
        return self._client.orders

    @property
    def balances(self) -> Balances:
        """The account's balances by asset; see `track_balances`."""
        return self._client.balances

    async def track_orders(self) -> None:
        """Keep `orders` up to date: subscribe to `executions`, unless that was done.

        Returns after the first snapshot.

        Raises:
            RequestTimeout: (a `TimeoutError`) no snapshot came within `request_timeout`.
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
        """
        await self._client.track_orders()

    async def track_balances(self) -> None:
        """Keep `balances` up to date: subscribe to `balances`, unless that was done.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
        """
        await self._client.track_balances()

    async def set_preference(self, params: SetPreferenceParams) -> TradingReply[Any]:
        """Set the leverage of a market.

        Returns:
            The reply; its result is not documented.

        Raises:
            TradingError: it was refused, such as `Unknown 'params.leverage_mode.symbol'`.
            OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._client.execute(self._own(params, SetPreferenceParams))

    # Orders.

    async def add_order(
        self, params: AddOrderParams, *, tag: str | None = None
    ) -> TradingReply[AddOrderResult]:
        """Place one order; the request is sent once.

        Args:
            params: the order, of the client's asset class.
            tag: a name for a group of orders; not sent to Kraken.

        Raises:
            TradingError: the order was refused.
            OrderOutcomeUnknown: the order was sent, and its outcome is unknown.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: the order was not
                sent.
        """
        return await self._client.add_order(self._own(params, AddOrderParams), tag=tag)

    def place(
        self, params: AddOrderParams | BatchAddParams, *, tag: str | None = None
    ) -> Placement:
        """Start placing an order or a batch, and return at once; see `KrakenWSClient.place`."""
        wanted = BatchAddParams if isinstance(params, BatchAddParams) else AddOrderParams
        self._own(params, wanted)
        return self._client.place(params, tag=tag)

    async def amend_order(self, params: AmendOrderParams) -> TradingReply[AmendOrderResult]:
        """Change an order; it keeps its identifiers and, where possible, its queue priority.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._client.amend_order(self._own(params, AmendOrderParams))

    async def cancel_order(self, params: CancelOrderParams) -> TradingReply[CancelOrderResult]:
        """Cancel orders, with one request for each identifier so that each outcome is known.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._client.cancel_order(self._own(params, CancelOrderParams))

    async def cancel_all(
        self, params: CancelAllParams | None = None
    ) -> TradingReply[CancelAllResult]:
        """Cancel all open orders of the asset class.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        params = params or CancelAllParams(asset_class=self._asset_class)
        return await self._client.cancel_all(self._own(params, CancelAllParams))

    async def batch_add(
        self, params: BatchAddParams, *, tag: str | None = None
    ) -> TradingReply[BatchAddResult]:
        """Place two to fifteen orders of one market; the engine may refuse single ones.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._client.batch_add(self._own(params, BatchAddParams), tag=tag)

    async def batch_cancel(self, params: BatchCancelParams) -> TradingReply[BatchCancelResult]:
        """Cancel two to fifty orders. The reply has their number, `executions` each order's end.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._client.batch_cancel(self._own(params, BatchCancelParams))

    async def cancel_symbol(
        self,
        symbol: str,
        side: str | None = None,
        *,
        tag: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> CancelReport:
        """Cancel all orders of a market, and return when none can be in the market any more.

        Starts `track_orders`.

        Raises:
            OrdersStillWorking: after `timeout` seconds orders may still be in the market.
        """
        return await self._client.cancel_symbol(symbol, side, tag=tag, timeout=timeout)

    async def cancel_all_orders_after(
        self, params: CancelAllOrdersAfterParams
    ) -> TradingReply[CancelAllOrdersAfterResult]:
        """Start, restart or (with 0) stop the timer after which Kraken cancels all orders.

        Raises:
            TradingError, OrderOutcomeUnknown, NotConnected: and others, as in `add_order`.
        """
        return await self._client.cancel_all_orders_after(
            self._own(params, CancelAllOrdersAfterParams)
        )

    def dead_mans_switch(
        self,
        timeout: int = 60,
        *,
        on_close: OnClose = "disarm",
        on_late: Callable[[DeadMansSwitch], object] | None = None,
    ) -> DeadMansSwitch:
        """Return a dead man's switch: `async with client.dead_mans_switch(timeout=60):`.

        The arguments are those of `KrakenWSClient.dead_mans_switch`.
        """
        return self._client.dead_mans_switch(timeout, on_close=on_close, on_late=on_late)

    def _own(self, params: _P, wanted: type[_P]) -> _P:
        """Return the parameters of a method after checking that they are this client's."""
        if not isinstance(params, wanted):
            kind, host = type(params).__name__, getattr(params, "HOST", None)
            found = f"{kind} of the {host} hosts" if host else kind
            name = f"{wanted.__name__} of kraken_connector.unified"
            raise TypeError(f"{wanted.METHOD} takes {name}, not {found}")
        self._check_class(params.asset_class)
        return params

    def _check_class(self, asset_class: str) -> None:
        if asset_class != self._asset_class:
            wanted = f"{self._asset_class!r}, the class of this client's orders"
            raise InvalidParameter("asset_class", wanted, asset_class)
