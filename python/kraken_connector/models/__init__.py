"""The typed messages: what every channel carries, what goes out and what is answered.

The lowest layer: both cores fill these classes, everything above reads them.
"""

from __future__ import annotations

from ._model import Model
from ._time import timestamp_ns
from .balances import BalanceWallet, BalanceSnapshot, BalanceLedgerUpdate
from .book import BookLevel, BookData
from .envelopes import HeartbeatMessage, WSRequest, WSResponse, WSErrorResponse, PingRequest, PongResponse
from .events import SequenceGapEvent, BookChecksumEvent, BookCrossedEvent, InvalidFrameEvent
from .executions import ExecutionFee, ExecutionTriggers, ExecutionContingent, ExecutionData
from .instrument import InstrumentAsset, InstrumentPair, InstrumentData
from .ohlc import OHLCData
from .status import StatusData
from .ticker import TickerData
from .trade import TradeData

__all__ = [
    "BalanceLedgerUpdate",
    "BalanceSnapshot",
    "BalanceWallet",
    "BookChecksumEvent",
    "BookCrossedEvent",
    "BookData",
    "BookLevel",
    "ExecutionContingent",
    "ExecutionData",
    "ExecutionFee",
    "ExecutionTriggers",
    "HeartbeatMessage",
    "InstrumentAsset",
    "InstrumentData",
    "InstrumentPair",
    "InvalidFrameEvent",
    "Model",
    "OHLCData",
    "PingRequest",
    "PongResponse",
    "SequenceGapEvent",
    "StatusData",
    "TickerData",
    "TradeData",
    "WSErrorResponse",
    "WSRequest",
    "WSResponse",
    "timestamp_ns",
]
