"""A simulated exchange on loopback, for demos, tests and benchmarks without a network.

    async with SimulatedExchange(symbols=["BTC/USD"]) as sim:
        ...  # connect any WebSocket v2 client to sim.url

It computes its books and checksums without the connector's core, so that tests can compare the
two.
"""

from __future__ import annotations

from .accounts import Account
from .faults import Faults
from .market import SimMarket, Step, Trade
from .observe import LogEntry
from .pairs import Pair
from .published import PublishedOrder, PublishedOrders, PublishedState
from .requests import Request
from .rest.api import RestCall
from .rest.rules import RestRule
from .rest.venue import RestSettings
from .rules import Rule
from .server import SimulatedExchange
from .trading.order import Fill, Order
from .trading.stream import Execution
from .writer import Outgoing

__all__ = [
    "Account",
    "Execution",
    "Faults",
    "Fill",
    "LogEntry",
    "Order",
    "Outgoing",
    "Pair",
    "PublishedOrder",
    "PublishedOrders",
    "PublishedState",
    "Request",
    "RestCall",
    "RestRule",
    "RestSettings",
    "Rule",
    "SimMarket",
    "SimulatedExchange",
    "Step",
    "Trade",
]
