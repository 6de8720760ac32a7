"""The one list of inputs for tests and benchmarks.

`frames()` are single messages by name, `streams()` are book streams by name, `captured()` are those
of a local folder, `held_out()` are for what was fitted to `streams()`, `plain()` are the observed
messages of a channel. The sources of observed ones are in `tests/fixtures/README.md`; the synthetic
ones come from the tests' oracle with a fixed seed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle import SIDES, Market, OracleBook, TextRow, book_message

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
REPLAY = FIXTURES / "vectors" / "book-replay-btcusd-2023-07-30.jsonl"
DEPTHS = (10, 25, 100, 500, 1000)
_SYNTHETIC = {f"synthetic-{depth}": depth for depth in DEPTHS}
_HELD_OUT, OTHERS = (10, 25, 100), 10_000
_UPDATES = 500
#: Updates of a market before its snapshot for each level of its depth, and at most: a fresh one has
#: levels where a settled one has none, so its messages have more rows, the deeper the more.
_SETTLING, _SETTLED = 10, 1_000
#: Levels of a side that a market has beyond its depth at least, so that books are full.
_BEYOND = 5
_MARKETS = 200
_CAPTURE_LEAST = 20


class Stream(NamedTuple):
    """A book from its snapshot on; every frame's checksum is right."""

    symbol: str
    depth: int
    frames: tuple[bytes, ...]


def streams() -> dict[str, Stream]:
    """Return `replay-10`, 510 captured frames, and `synthetic-<depth>` for every depth."""
    return {name: stream(name) for name in ("replay-10", *_SYNTHETIC)}


def stream(name: str) -> Stream:
    """Return one of `streams()`, without making the others."""
    return _replay() if name == "replay-10" else synthetic(_SYNTHETIC[name])


@cache
def _replay() -> Stream:
    return Stream("BTC/USD", 10, read_lines(REPLAY))


@cache
def held_out() -> dict[str, Stream]:
    """Return `held-out-<depth>` for the common depths: streams with which no profile is made.

    The released build is compiled with a profile of the work on `streams()`, so it may fit those
    better than others.
    """
    return {f"held-out-{depth}": synthetic(depth, seed=OTHERS + depth) for depth in _HELD_OUT}


@cache
def synthetic(depth: int, updates: int = _UPDATES, *, seed: int | None = None) -> Stream:
    """Return a snapshot and `updates` updates, BTC/USD with 1 and 8 decimals.

    Args:
        depth: of the book.
        updates: how many.
        seed: of the market; by default the depth.
    """
    market = _settled("BTC/USD", depth, seed=depth if seed is None else seed)
    frames = [market.snapshot(), *(market.update() for _ in range(updates))]
    return Stream(market.symbol, depth, tuple(frames))


@cache
def captured() -> dict[str, Stream]:
    """Return the book streams, `<symbol>-<depth>`, of the folder `KRAKEN_CONNECTOR_CAPTURES`.

    Its `*.jsonl` files, in subfolders too, have one bare frame a line. Files with several books are
    left out, and of two captures of one book the longer is taken.
    """
    folder = os.environ.get("KRAKEN_CONNECTOR_CAPTURES")
    found: dict[str, Stream] = {}
    for path in sorted(Path(folder).rglob("*.jsonl")) if folder else ():
        new = _captured_stream(read_lines(path))
        if new is not None:
            name = f"{new.symbol}-{new.depth}"
            found[name] = max(found.get(name, new), new, key=lambda one: len(one.frames))
    return found


def _captured_stream(lines: tuple[bytes, ...]) -> Stream | None:
    frames = tuple(line for line in lines if line.startswith(b'{"channel":"book"'))
    symbols = {symbol.decode() for symbol in re.findall(rb'"symbol":"([^"]+)"', b"".join(frames))}
    acks = [line for line in lines if b'"method":"subscribe"' in line and b'"depth":' in line]
    if len(symbols) != 1 or not acks or len(frames) < _CAPTURE_LEAST:
        return None
    return Stream(symbols.pop(), json.loads(acks[0])["result"]["depth"], frames)


def _settled(symbol: str, depth: int, seed: int) -> Market:
    market = Market(symbol, depth, seed=seed, least=depth + _BEYOND)
    for _ in range(min(_SETTLING * depth, _SETTLED)):
        market.update()
    return market


@cache
def endless(name: str) -> Stream:
    """Return a stream whose updates can be played again and again.

    After its own updates comes one that leads back to the snapshot.
    """
    there = stream(name)
    start, now = (book_after(there.depth, frames) for frames in (there.frames[:1], there.frames))
    rows = {side: _way_back(now.sides[side], start.sides[side]) for side in SIDES}
    back = book_message(
        there.symbol,
        "update",
        rows["bids"],
        rows["asks"],
        start.checksum(),
        "2026-01-01T00:00:00.000000Z",
    )
    return Stream(there.symbol, there.depth, (*there.frames, back))


def book_after(depth: int, frames: Iterable[bytes]) -> OracleBook:
    """Return the oracle's book after some frames."""
    book = OracleBook(depth)
    for frame in frames:
        apply(book, frame)
    return book


def apply(book: OracleBook, frame: bytes) -> None:
    """Apply a book message to the oracle's book."""
    (data,) = json.loads(frame, parse_float=str)["data"]
    for side in SIDES:
        book.apply(side, [(row["price"], row["qty"]) for row in data[side]])
    book.cut()


def check_book(
    name: str, count: int, bids: Iterable[tuple[Any, Any]], asks: Iterable[tuple[Any, Any]]
) -> None:
    """Check that a book is the right one after `count` messages of an endless stream.

    Args:
        name: the stream.
        count: messages, the snapshot included.
        bids: prices and quantities, as `Decimal` or float, in any order.
        asks: likewise.
    """
    stream = endless(name)
    right = book_after(stream.depth, islice(chain(stream.frames, cycle(stream.frames[1:])), count))
    for side, levels in zip(SIDES, (bids, asks), strict=True):
        have = {Decimal(str(price)): Decimal(str(qty)) for price, qty in levels}
        assert have == {Decimal(price): Decimal(qty) for price, qty in right.levels(side)}, side


def _way_back(now: dict[str, str], start: dict[str, str]) -> list[TextRow]:
    gone = [(price, "0.00000000") for price in now if price not in start]
    return gone + [(price, qty) for price, qty in start.items() if now.get(price) != qty]


@cache
def crowd(symbols: int, updates: int) -> tuple[bytes, ...]:
    """Return depth-10 snapshots of `symbols` pairs, then `updates` updates of each, in turns.

    Many markets play all pairs, under names of one length, so that equal work is done for one
    pair and for a thousand.
    """
    originals = [
        _settled("AAAA/USD", depth=10, seed=seed) for seed in range(min(symbols, _MARKETS))
    ]
    rounds = [[market.snapshot() for market in originals]]
    rounds += [[market.update() for market in originals] for _ in range(updates)]
    return tuple(
        frame.replace(b"AAAA/USD", crowd_symbol(number).encode(), 1)
        for turn in rounds
        for number, frame in enumerate(islice(cycle(turn), symbols))
    )


def crowd_symbol(number: int) -> str:
    """Return the name of a pair of `crowd`."""
    return "".join(chr(ord("A") + number // 26**digit % 26) for digit in range(4)) + "/USD"


@cache
def plain(channel: str, count: int = 200) -> tuple[bytes, ...]:
    """Return `count` observed messages of a channel without books, repeated as often as necessary.

    Those of private channels get new sequence numbers, without gaps.
    """
    head = f'{{"channel":"{channel}","type":'.encode()
    observed = [
        line
        for path in sorted((FIXTURES / "observed").glob("*.jsonl"))
        for line in read_lines(path)
        if line.startswith(head) and b'"data":[]' not in line
    ]
    return tuple(
        re.sub(rb'"sequence":\d+', b'"sequence":%d' % number, line)
        for number, line in enumerate(islice(cycle(observed), count), 1)
    )


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
