"""The WebSocket client, its parameters, messages, events and exceptions.

The files of this folder are the import paths of kraken-connector 0.2.0. The folders:

| question | file |
|---|---|
| Is the connection alive? Is a pong late? | `protocol/keepalive.py` |
| What is subscribed, and what again after a reconnect? | `protocol/registry.py`, `replay.py` |
| When did messages go missing? | `protocol/gaps.py` |
| Which host serves a channel? | `pool/hosts.py` |
| What happens to an order before it is sent? | `trading/trader.py` |
| What is sent, and what does the answer mean? | `protocol/order_frames.py`, `order_requests.py` |
| What state is an order in? | `orders/` |
| May a bot start? | `by_rest/preflight.py` |
| How fast may orders be sent? | `trading/rate_counter.py`, `rate_limiter.py` |
| Where do messages wait, and which are dropped? | `delivery/queues.py` |
| How do messages get to a callback? | `delivery/callbacks.py` |
| How do bytes get to and from the socket? | `network/connection.py`, `transport.py` |
"""

from __future__ import annotations

from ..exceptions import (
    BookNotReady,
    ConnectFailed,
    ConnectionLost,
    HeartbeatTimeout,
    InvalidParameter,
    NotConnected,
    OrderCheckFailed,
    OrderNotFilled,
    OrderOutcomeUnknown,
    OrdersStillWorking,
    OrderUnresolved,
    RateLimitExceeded,
    RequestError,
    RequestTimeout,
)
from ..models import (
    BookCrossedEvent,
    BookQuarantinedEvent,
    DeadMansSwitchEvent,
    GapEvent,
    InvalidFrameEvent,
    StreamStaleEvent,
)
from .account.balances import Balances
from .account.fees import Loaded, TradingFees
from .account.instruments import Instruments
from .account.positions import Position, PositionGroup, Positions
from .book import BookChecksumEvent, ChecksumError, Level3Book, OrderBook, OrderBookManager
from .by_rest.backfill import Backfill
from .by_rest.emergency import EmergencyReport
from .by_rest.report import Preflight, PreflightCheck
from .channels import (
    BalanceLedgerUpdate,
    BalanceSnapshot,
    BalanceWallet,
    BookData,
    BookLevel,
    ExecutionContingent,
    ExecutionData,
    ExecutionFee,
    ExecutionTriggers,
    HeartbeatMessage,
    InstrumentAsset,
    InstrumentData,
    InstrumentPair,
    Level3Data,
    Level3Order,
    OHLCData,
    QueuePosition,
    StatusData,
    TickerData,
    TradeData,
)
from .client import KrakenWSClient, TradingError
from .constants import (
    ChannelName,
    ConnectionState,
    EventTrigger,
    ExecType,
    FeePreference,
    LiquidityIndicator,
    MessageType,
    MethodName,
    OrderSide,
    OrderStatus,
    PriceType,
    STPType,
    SystemState,
    TimeInForce,
    TriggerReference,
    WSOrderType,
)
from .dispatcher import WSMessage, parse_message
from .envelopes import (
    PingRequest,
    PongResponse,
    SubscriptionResult,
    WSDataMessage,
    WSErrorResponse,
    WSRequest,
    WSResponse,
)
from .orders import Exposure, Fill, Order, Orders
from .orders.queue_watch import QueueWatch
from .orders.replies import TradingReply
from .pool.link import ConnectionView
from .pool.sharing import BookShare
from .protocol.registry import SubscriptionEntry, SubscriptionError
from .sequence import SequenceGapEvent, SequenceTracker
from .subscribe import (
    BalancesParams,
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    Level3Params,
    OHLCParams,
    SubscriptionParams,
    TickerParams,
    TradeParams,
)
from .token.manager import TokenAcquisitionError, TokenManager
from .trading import (
    AddOrderParams,
    AddOrderResult,
    AmendOrderParams,
    AmendOrderResult,
    BatchAddParams,
    BatchAddResult,
    BatchCancelParams,
    BatchCancelResult,
    CancelAllOrdersAfterParams,
    CancelAllOrdersAfterResult,
    CancelAllParams,
    CancelAllResult,
    CancelOrderParams,
    CancelOrderResult,
    ConditionalClose,
    EditOrderParams,
    EditOrderResult,
    OrderTrigger,
)
from .trading.cancelling import CancelReport
from .trading.dead_mans_switch import DeadMansSwitch
from .trading.placement import Placement
from .trading.prepared import PreparedAmend, PreparedCancel
from .trading.protection import Protection
from .trading.quotes import QuoteRefusal, QuoteReport, Quotes
from .trading.quoting import Quote
from .trading.rate_counter import RateCounter, Tier

__all__ = [
    "AddOrderParams",
    "AddOrderResult",
    "AmendOrderParams",
    "AmendOrderResult",
    "Backfill",
    "BalanceLedgerUpdate",
    "BalanceSnapshot",
    "BalanceWallet",
    "Balances",
    "BalancesParams",
    "BatchAddParams",
    "BatchAddResult",
    "BatchCancelParams",
    "BatchCancelResult",
    "BookChecksumEvent",
    "BookCrossedEvent",
    "BookData",
    "BookLevel",
    "BookNotReady",
    "BookParams",
    "BookQuarantinedEvent",
    "BookShare",
    "CancelAllOrdersAfterParams",
    "CancelAllOrdersAfterResult",
    "CancelAllParams",
    "CancelAllResult",
    "CancelOrderParams",
    "CancelOrderResult",
    "CancelReport",
    "ChannelName",
    "ChecksumError",
    "ConditionalClose",
    "ConnectFailed",
    "ConnectionLost",
    "ConnectionState",
    "ConnectionView",
    "DeadMansSwitch",
    "DeadMansSwitchEvent",
    "EditOrderParams",
    "EditOrderResult",
    "EmergencyReport",
    "EventTrigger",
    "ExecType",
    "ExecutionContingent",
    "ExecutionData",
    "ExecutionFee",
    "ExecutionTriggers",
    "ExecutionsParams",
    "Exposure",
    "FeePreference",
    "Fill",
    "GapEvent",
    "HeartbeatMessage",
    "HeartbeatTimeout",
    "InstrumentAsset",
    "InstrumentData",
    "InstrumentPair",
    "InstrumentParams",
    "Instruments",
    "InvalidFrameEvent",
    "InvalidParameter",
    "KrakenWSClient",
    "Level3Book",
    "Level3Data",
    "Level3Order",
    "Level3Params",
    "LiquidityIndicator",
    "Loaded",
    "MessageType",
    "MethodName",
    "NotConnected",
    "OHLCData",
    "OHLCParams",
    "Order",
    "OrderBook",
    "OrderBookManager",
    "OrderCheckFailed",
    "OrderNotFilled",
    "OrderOutcomeUnknown",
    "OrderSide",
    "OrderStatus",
    "OrderTrigger",
    "OrderUnresolved",
    "Orders",
    "OrdersStillWorking",
    "PingRequest",
    "Placement",
    "PongResponse",
    "Position",
    "PositionGroup",
    "Positions",
    "Preflight",
    "PreflightCheck",
    "PreparedAmend",
    "PreparedCancel",
    "PriceType",
    "Protection",
    "QueuePosition",
    "QueueWatch",
    "Quote",
    "QuoteRefusal",
    "QuoteReport",
    "Quotes",
    "RateCounter",
    "RateLimitExceeded",
    "RequestError",
    "RequestTimeout",
    "STPType",
    "SequenceGapEvent",
    "SequenceTracker",
    "StatusData",
    "StreamStaleEvent",
    "SubscriptionEntry",
    "SubscriptionError",
    "SubscriptionParams",
    "SubscriptionResult",
    "SystemState",
    "TickerData",
    "TickerParams",
    "Tier",
    "TimeInForce",
    "TokenAcquisitionError",
    "TokenManager",
    "TradeData",
    "TradeParams",
    "TradingError",
    "TradingFees",
    "TradingReply",
    "TriggerReference",
    "WSDataMessage",
    "WSErrorResponse",
    "WSMessage",
    "WSOrderType",
    "WSRequest",
    "WSResponse",
    "parse_message",
]
