"""The item class of each channel."""

from __future__ import annotations

from .balances import BalanceLedgerUpdate, BalanceSnapshot
from .base import Model
from .book import BookData
from .executions import ExecutionData
from .instrument import InstrumentData
from .level3 import Level3Data
from .ohlc import OHLCData
from .status import StatusData
from .ticker import TickerData
from .trade import TradeData

#: The item class of each channel; `balances` has another one in updates.
_ITEMS: dict[str, type[Model]] = {
    "balances": BalanceSnapshot,
    "book": BookData,
    "executions": ExecutionData,
    "instrument": InstrumentData,
    "level3": Level3Data,
    "ohlc": OHLCData,
    "status": StatusData,
    "ticker": TickerData,
    "trade": TradeData,
}


def item_type(channel: str, type: str) -> type[Model] | None:
    """Return the class of a message's items, `None` for an unknown channel."""
    if channel == "balances" and type != "snapshot":
        return BalanceLedgerUpdate
    return _ITEMS.get(channel)
