"""Enums, endpoints and limits of the protocol, each with its source.

Pages are those of docs.kraken.com, section "Spot WebSockets v2", unless stated otherwise. Messages
have plain strings; a `StrEnum` member equals its string.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ..models import enums

FeePreference = enums.FeePreference
OrderSide = enums.OrderSide
PriceType = enums.PriceType
STPType = enums.STPType
TimeInForce = enums.TimeInForce
TriggerReference = enums.TriggerReference
WSOrderType = enums.WSOrderType


class ChannelName(StrEnum):
    """The channels."""

    TICKER = "ticker"
    BOOK = "book"
    TRADE = "trade"
    OHLC = "ohlc"
    INSTRUMENT = "instrument"
    LEVEL3 = "level3"
    EXECUTIONS = "executions"
    BALANCES = "balances"
    HEARTBEAT = "heartbeat"
    STATUS = "status"


class MessageType(StrEnum):
    """The `type` of a channel message."""

    SNAPSHOT = "snapshot"
    UPDATE = "update"


class MethodName(StrEnum):
    """The `method` of a request or reply."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PING = "ping"
    PONG = "pong"
    ADD_ORDER = "add_order"
    AMEND_ORDER = "amend_order"
    EDIT_ORDER = "edit_order"
    CANCEL_ORDER = "cancel_order"
    CANCEL_ALL = "cancel_all"
    CANCEL_ALL_ORDERS_AFTER = "cancel_all_orders_after"
    BATCH_ADD = "batch_add"
    BATCH_CANCEL = "batch_cancel"


class ConnectionState(StrEnum):
    """State of a client or a connection.

    `TRADING_ONLY`: market data has ended, and the private connection continues.
    """

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    TRADING_ONLY = "trading_only"


class SystemState(StrEnum):
    """State of the matching engine (page "Status")."""

    ONLINE = "online"
    MAINTENANCE = "maintenance"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"


class ExecType(StrEnum):
    """What an execution report is about (page "Executions")."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    FILLED = "filled"
    ICEBERG_REFILL = "iceberg_refill"
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"
    RESTATED = "restated"
    STATUS = "status"


class OrderStatus(StrEnum):
    """State of an order (page "Executions")."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


class LiquidityIndicator(StrEnum):
    """Whether a fill added or took liquidity (page "Executions")."""

    TAKER = "t"
    MAKER = "m"


class EventTrigger(StrEnum):
    """When a ticker is sent (page "Ticker")."""

    TRADES = "trades"
    BBO = "bbo"


#: Page "Introduction": public market data and status.
PUBLIC_URL: Final = "wss://ws.kraken.com/v2"
#: Page "Introduction": `executions`, `balances` and trading.
AUTH_URL: Final = "wss://ws-auth.kraken.com/v2"
#: Page "Level 3": `level3` only.
LEVEL3_URL: Final = "wss://ws-l3.kraken.com/v2"

#: Channels that the engine keeps books of.
BOOK_CHANNELS: Final = frozenset({ChannelName.BOOK, ChannelName.LEVEL3})
#: Channels of `AUTH_URL`, which need a token (pages "Executions" and "Balances").
PRIVATE_CHANNELS: Final = frozenset({ChannelName.EXECUTIONS, ChannelName.BALANCES})
#: All channels whose requests have a token; `level3` is market data nevertheless.
TOKEN_CHANNELS: Final = PRIVATE_CHANNELS | {ChannelName.LEVEL3}

#: Methods of `AUTH_URL`, which need a token (section "Trading").
TRADING_METHODS: Final = frozenset(MethodName) - {
    MethodName.SUBSCRIBE,
    MethodName.UNSUBSCRIBE,
    MethodName.PING,
    MethodName.PONG,
}

#: Page "Book": levels per side.
BOOK_DEPTHS: Final = (10, 25, 100, 500, 1000)
#: Page "Level 3": price levels per side.
LEVEL3_DEPTHS: Final = (10, 100, 1000)
#: Page "Level 3": symbols on one connection.
LEVEL3_SYMBOLS: Final = 200
#: Page "Level 3": points that subscribing to a symbol costs, by depth, and points per second of an
#: account (500 with a pro account).
LEVEL3_COST: Final = MappingProxyType({10: 5, 100: 25, 1000: 100})
LEVEL3_ALLOWANCE: Final = 200
#: Page "OHLC": minutes.
OHLC_INTERVALS: Final = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
#: Page "Instrument".
EXECUTION_VENUES: Final = ("international", "bitnomial-exchange")

#: Support article "API rate limits": about 150 connection attempts per address in a rolling ten
#: minutes, then a ban of ten minutes. This limit stays below it.
CONNECT_LIMIT: Final = 120
CONNECT_WINDOW: Final = 600.0

#: Kraken publishes no limit for subscribe messages, only the error `Exceeded msg rate`.
SUBSCRIBE_RATE: Final = 20.0
SUBSCRIBE_BURST: Final = 10
#: Symbols in one request after a reconnect; Kraken publishes no limit, and this keeps frames small.
REPLAY_BATCH: Final = 250

#: Error texts that the client handles; matched by prefix, as details may follow.
ALREADY_SUBSCRIBED: Final = "Already subscribed"
NOT_SUBSCRIBED: Final = "Subscription Not Found"
RATE_EXCEEDED: Final = "Exceeded msg rate"
SNAPSHOTS_EXCEEDED: Final = "Rate limit for snapshot requests exceeded"
