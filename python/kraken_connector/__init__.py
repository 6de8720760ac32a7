"""An asyncio client for Kraken's WebSocket API v2 with verified order books, and its REST API.

A name is imported when it is first used, so that `from kraken_connector import Engine` loads no
event loop, no WebSocket library and no HTTP client.
"""

# The modules list their names; a test imports each name of `__all__`.
# ruff: noqa: F403, F405

from __future__ import annotations

from importlib import import_module

from ._installation import check_installation

TYPE_CHECKING = False  # that of `typing`, which is slow to import
if TYPE_CHECKING:
    from typing import Any

    from . import ws
    from ._backend import Books, Engine, backend
    from .exceptions import *
    from .http import HTTPAuthenticatedClient, HTTPClient
    from .models.rest import *
    from .resilience import KrakenTier, RateLimiter, ResilienceConfig
    from .rest import *
    from .shared_books import *
    from .types import File, FileJsonType, Response
    from .ws import *

    __version__: str

__all__ = [
    "AddOrderParams",
    "AddOrderResult",
    "AmendOrderParams",
    "AmendOrderResult",
    "ApiKeyInfo",
    "AssetPair",
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
    "Books",
    "CancelAllOrdersAfterParams",
    "CancelAllOrdersAfterResult",
    "CancelAllParams",
    "CancelAllResult",
    "CancelOrderParams",
    "CancelOrderResult",
    "CancelReport",
    "Candle",
    "Candles",
    "ChannelName",
    "ChecksumError",
    "ConditionalClose",
    "ConnectFailed",
    "ConnectionLost",
    "ConnectionState",
    "ConnectionView",
    "DeadMansSwitch",
    "DeadMansSwitchEvent",
    "Depth",
    "DepthLevel",
    "EditOrderParams",
    "EditOrderResult",
    "EmergencyReport",
    "Engine",
    "EventTrigger",
    "ExecType",
    "ExecutionContingent",
    "ExecutionData",
    "ExecutionFee",
    "ExecutionTriggers",
    "ExecutionsParams",
    "Exposure",
    "FeePreference",
    "FeeSchedule",
    "FeeTier",
    "FeedError",
    "File",
    "FileJsonType",
    "Fill",
    "GapEvent",
    "HTTPAuthenticatedClient",
    "HTTPClient",
    "HeartbeatMessage",
    "HeartbeatTimeout",
    "InstrumentAsset",
    "InstrumentData",
    "InstrumentPair",
    "InstrumentParams",
    "Instruments",
    "InvalidFieldError",
    "InvalidFrameEvent",
    "InvalidParameter",
    "InvalidResponseModel",
    "KrakenAPIError",
    "KrakenConnectorError",
    "KrakenRest",
    "KrakenRestSync",
    "KrakenTier",
    "KrakenWSClient",
    "Level3Book",
    "Level3Data",
    "Level3Order",
    "Level3Params",
    "LiquidityIndicator",
    "ListedFee",
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
    "PairFee",
    "ParseError",
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
    "ProtocolError",
    "PublicTrade",
    "PublicTrades",
    "QueuePosition",
    "QueueWatch",
    "Quote",
    "QuoteRefusal",
    "QuoteReport",
    "Quotes",
    "RateCounter",
    "RateLimitExceeded",
    "RateLimiter",
    "RequestError",
    "RequestTimeout",
    "ResilienceConfig",
    "Response",
    "RestAmended",
    "RestBalance",
    "RestCanceled",
    "RestError",
    "RestFill",
    "RestOrder",
    "RestPlaced",
    "RestPosition",
    "STPType",
    "SequenceGapEvent",
    "SequenceTracker",
    "ServerTime",
    "SharedBook",
    "SharedBooks",
    "StatusData",
    "StreamStaleEvent",
    "SubscriptionEntry",
    "SubscriptionError",
    "SubscriptionParams",
    "SubscriptionResult",
    "SystemState",
    "SystemStatus",
    "TickerData",
    "TickerParams",
    "Tier",
    "TimeInForce",
    "TokenAcquisitionError",
    "TokenManager",
    "TradeBalance",
    "TradeData",
    "TradeParams",
    "TradeVolume",
    "TradingError",
    "TradingFees",
    "TradingReply",
    "TransportError",
    "TriggerReference",
    "UnexpectedReply",
    "UnexpectedStatus",
    "WSDataMessage",
    "WSErrorResponse",
    "WSMessage",
    "WSOrderType",
    "WSRequest",
    "WSResponse",
    "__version__",
    "backend",
    "parse_message",
    "ws",
]

#: Modules that `import kraken_connector` makes available as attributes.
_MODULES = frozenset(
    {"exceptions", "http", "models", "rest", "security", "shared_books", "types", "ws"}
)
#: Where a public name is looked for: first what loads least.
_SOURCES = (
    "exceptions",
    "types",
    "_backend",
    "models",
    "models.rest",
    "shared_books",
    "http",
    "resilience",
    "rest",
    "ws",
)

check_installation(__path__)


def __dir__() -> list[str]:
    return __all__


def _attribute(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = _version() if name == "__version__" else _imported(name)
    globals()[name] = value
    return value


def _imported(name: str) -> Any:
    """Return a public name of the first module that has it."""
    modules = (import_module(f".{source}", __name__) for source in _SOURCES)
    return next(getattr(module, name) for module in modules if name in module.__all__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 (slow to import)

    try:
        return version("kraken-connector-rs")
    except PackageNotFoundError:  # run from the sources, without an installation
        return "0+unknown"


if not TYPE_CHECKING:  # a checker would take any name for one of ours
    __getattr__ = _attribute
