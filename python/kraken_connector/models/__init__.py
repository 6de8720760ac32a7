"""The typed messages: data of every channel, requests, replies, and events of the client.

This is the lowest layer: both cores fill these classes, all other layers read them.
"""

from __future__ import annotations

from .balances import BalanceLedgerUpdate, BalanceSnapshot, BalanceWallet
from .base import Model
from .book import BookData, BookLevel
from .envelopes import (
    HeartbeatMessage,
    PingRequest,
    PongResponse,
    WSErrorResponse,
    WSRequest,
    WSResponse,
)
from .events import (
    BookChecksumEvent,
    BookCrossedEvent,
    BookQuarantinedEvent,
    DeadMansSwitchEvent,
    GapEvent,
    InvalidFrameEvent,
    SequenceGapEvent,
    StreamStaleEvent,
)
from .executions import ExecutionContingent, ExecutionData, ExecutionFee, ExecutionTriggers
from .instrument import InstrumentAsset, InstrumentData, InstrumentPair
from .level3 import Level3Data, Level3Order, QueuePosition
from .ohlc import OHLCData
from .status import StatusData
from .ticker import TickerData
from .timestamps import timestamp_ns
from .trade import TradeData

__all__ = [
    "BalanceLedgerUpdate",
    "BalanceSnapshot",
    "BalanceWallet",
    "BookChecksumEvent",
    "BookCrossedEvent",
    "BookData",
    "BookLevel",
    "BookQuarantinedEvent",
    "DeadMansSwitchEvent",
    "ExecutionContingent",
    "ExecutionData",
    "ExecutionFee",
    "ExecutionTriggers",
    "GapEvent",
    "HeartbeatMessage",
    "InstrumentAsset",
    "InstrumentData",
    "InstrumentPair",
    "InvalidFrameEvent",
    "Level3Data",
    "Level3Order",
    "Model",
    "OHLCData",
    "PingRequest",
    "PongResponse",
    "QueuePosition",
    "SequenceGapEvent",
    "StatusData",
    "StreamStaleEvent",
    "TickerData",
    "TradeData",
    "WSErrorResponse",
    "WSRequest",
    "WSResponse",
    "timestamp_ns",
]
