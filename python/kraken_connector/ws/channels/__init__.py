"""The typed items of every channel."""

from __future__ import annotations

from ...models import (
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

__all__ = [
    "BalanceLedgerUpdate",
    "BalanceSnapshot",
    "BalanceWallet",
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
    "Level3Data",
    "Level3Order",
    "OHLCData",
    "QueuePosition",
    "StatusData",
    "TickerData",
    "TradeData",
]
