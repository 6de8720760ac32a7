"""The one list of inputs for tests and benchmarks.

`frames()` are single messages by name, `streams()` are book streams by name. The sources of the
real ones stand in `tests/fixtures/README.md`; the synthetic ones come from the tests' oracle with
a fixed seed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.oracle import Market

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
REPLAY = FIXTURES / "vectors" / "book-replay-btcusd-2023-07-30.jsonl"
DEPTHS = (10, 25, 100, 500, 1000)
_UPDATES = 500


class Stream(NamedTuple):
    """A book from its snapshot on; every frame's checksum is right."""

    symbol: str
    depth: int
    frames: tuple[bytes, ...]


@cache
def streams() -> dict[str, Stream]:
    """Return `replay-10`, 510 captured frames, and `synthetic-<depth>` for every depth."""
    made = {f"synthetic-{depth}": synthetic(depth) for depth in DEPTHS}
    return {"replay-10": Stream("BTC/USD", 10, read_lines(REPLAY)), **made}


@cache
def synthetic(depth: int, updates: int = _UPDATES) -> Stream:
    """Return a snapshot and `updates` updates, BTC/USD with 1 and 8 decimals."""
    market = Market("BTC/USD", depth, seed=depth)
    frames = [market.snapshot(), *(market.update() for _ in range(updates))]
    return Stream(market.symbol, depth, tuple(frames))


#: Name of a frame, its file in `observed/` and its line there.
_FRAMES = {
    "ticker": ("market-data", 2),
    "book-update": ("market-data", 3),
    "trade": ("market-data", 9),
    "ohlc": ("market-data", 8),
    "instrument": ("market-data", 11),
    "level3": ("market-data", 6),
    "status": ("status-and-admin", 4),
    "heartbeat": ("status-and-admin", 5),
    "pong": ("status-and-admin", 6),
    "subscribe-ack": ("subscribe-acks", 4),
    "subscribe-refusal": ("errors", 0),
    "executions": ("user-data", 1),
    "balances": ("user-data", 9),
    "balances-update": ("user-data", 11),
}


@cache
def frames() -> dict[str, bytes]:
    """Return one observed message of every kind."""
    lines = {
        name: read_lines(FIXTURES / "observed" / f"{name}.jsonl") for name, _ in _FRAMES.values()
    }
    return {kind: lines[name][line] for kind, (name, line) in _FRAMES.items()}


def read_lines(path: Path) -> tuple[bytes, ...]:
    """Return the lines of a `.json` or `.jsonl` file that are not empty."""
    return tuple(line for line in path.read_bytes().splitlines() if line.strip())
