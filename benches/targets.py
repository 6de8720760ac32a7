"""The targets of the benchmarks, and the names of what they compare with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sense = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure.

    Attributes:
        what: what is measured.
        against: what it is compared with; the unit of a figure that is not a ratio.
        sense: whether the bound is an upper or a lower one.
        bound: the bound.
    """

    what: str
    against: str
    sense: Sense
    bound: float

    def met(self, figure: float) -> bool:
        return self.share(figure) <= 1

    def share(self, figure: float) -> float:
        """Return how much of the bound a figure uses: more than 1 misses it."""
        return figure / self.bound if self.sense == "at most" else self.bound / figure


ORJSON = "orjson.loads"
MSGSPEC = "msgspec typed"
PICOWS = "picows + orjson.loads"
PICOWS_ASYNCIO = "picows + orjson.loads on asyncio's transports"
PICOWS_DICT = "picows + orjson + a dict"
OLD = "kraken-connector 0.2.0"
ICEORYX = "iceoryx2 blackboard"
DICT = "dict + orjson.dumps alone"
SLOTS = "two attributes of an object with slots"
WEBSOCKETS = "dict + orjson.dumps + websockets"

TARGETS: dict[str, Target] = {
    "feed": Target("feed: book update, verified, released build", ORJSON, "at most", 0.28),
    "feed-plain": Target("feed: book update, verified, plain build", ORJSON, "at most", 0.36),
    "levels": Target("book update, every level read as Decimal", MSGSPEC, "at most", 1.0),
    "fields-ticker": Target("ticker, every field read", MSGSPEC, "at most", 1.0),
    "fields-trade": Target("trade, every field read", MSGSPEC, "at most", 1.0),
    "fields-ohlc": Target("ohlc, every field read", MSGSPEC, "at most", 1.0),
    "fields-executions": Target("executions, every field read", MSGSPEC, "at most", 1.0),
    "depth": Target("update at depth 1000", "depth 10", "at most", 1.2),
    "symbols": Target("update with 1,000 symbols", "one symbol", "at most", 1.5),
    "snapshot": Target("snapshot, depth 1000, verified", ORJSON, "at most", 0.5),
    "rust": Target("Rust alone: frame to verified book", "fastest typed parse", "at most", 0.6),
    "turn-plain": Target("one message, one turn of the loop, TLS", "plain", "at most", 1.1),
    "turn-picows": Target("one message, one turn of the loop", PICOWS_ASYNCIO, "at most", 0.5),
    "callback": Target("socket to callback, full load", PICOWS, "at most", 0.3),
    "iterate-plain": Target("socket to async for, full load, plain", PICOWS, "at most", 0.8),
    "iterate-tls": Target("socket to async for, full load, TLS", PICOWS, "at most", 0.5),
    "iterate-old": Target("socket to async for, times faster", OLD, "at least", 30),
    "latency-1000-p50": Target("latency at 1,000/s, p50", PICOWS, "at most", 1.0),
    "latency-1000-p99": Target("latency at 1,000/s, p99", PICOWS, "at most", 1.0),
    "latency-1000-p99.9": Target("latency at 1,000/s, p99.9", PICOWS, "at most", 1.0),
    "latency-10000-p50": Target("latency at 10,000/s, p50", PICOWS, "at most", 1.0),
    "latency-10000-p99": Target("latency at 10,000/s, p99", PICOWS, "at most", 1.0),
    "latency-10000-p99.9": Target("latency at 10,000/s, p99.9", PICOWS, "at most", 1.0),
    "latency-50000-p50": Target("latency at 50,000/s, p50", PICOWS, "at most", 1.0),
    "latency-50000-p99": Target("latency at 50,000/s, p99", PICOWS, "at most", 1.0),
    "latency-50000-p99.9": Target("latency at 50,000/s, p99.9", PICOWS, "at most", 1.0),
    "trade-p50": Target("tick to trade, p50", PICOWS_DICT, "at most", 0.5),
    "trade-p99": Target("tick to trade, p99", PICOWS_DICT, "at most", 0.5),
    "trade-work": Target("tick to trade, processor time", PICOWS_DICT, "at most", 0.5),
    "age-p50": Target("age of the book while Python is busy, p50", "us", "at most", 20),
    "age-p99": Target("age of the book while Python is busy, p99", "us", "at most", 300),
    "wake-up": Target("wake-up, from the reading thread to the callback, p50", "us", "at most", 20),
    "opening": Target("connect, subscribe, first verified book", PICOWS_DICT, "at most", 1.0),
    "stall": Target("longest stall of the loop while connecting", "ms", "at most", 2),
    "share-read": Target("shared book: 2 x 10 levels, header for C", "ns", "at most", 60),
    "share-top": Target("shared book: top, from Python", "ns", "at most", 300),
    "share-rival": Target("shared book: top, beside a library", ICEORYX, "at most", 1.0),
    "share-cost": Target("processor time of a message, book shared", "not shared", "at most", 1.1),
    "quotes": Target("best bid and ask as floats", SLOTS, "at most", 2.0),
    "memory-deep": Target("memory of a depth-1000 book", "KiB", "at most", 128),
    "memory-many": Target("memory of 1,000 depth-10 books", "MiB", "at most", 16),
    "extension": Target("native extension, stripped", "MB", "at most", 8),
    "import": Target("import of Engine in a new process", "ms", "at most", 60),
    "pure-10": Target("pure core, depth 10, times faster", OLD, "at least", 2),
    "pure-1000": Target("pure core, depth 1000, times faster", OLD, "at least", 20),
}
