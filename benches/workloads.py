"""The workloads of the core, and the baselines that they are compared with.

The pytest-benchmark tests in `benches/python` and the comparison in `benches/compare.py` time the
same workloads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from typing import Any

from benches.corpus import Stream
from benches.timing import Workload

from kraken_connector.models import ExecutionData, Model, OHLCData, TickerData, TradeData

ROOT = Path(__file__).parent.parent
#: The name that cargo gives to the extension, on Linux.
PLAIN_LIBRARY = "libkraken_connector.so"
#: Channels without books whose fields are read, with the class of their items.
ITEMS: dict[str, type[Model]] = {
    "ticker": TickerData,
    "trade": TradeData,
    "ohlc": OHLCData,
    "executions": ExecutionData,
}


def cores() -> dict[str, Any]:
    """Return the modules of the cores that are installed, by name."""
    names = {"native": "kraken_connector._native", "pure": "kraken_connector._pure"}
    return {name: import_module(path) for name, path in names.items() if find_spec(path)}


def plain_core() -> Any:
    """Return the native core as `pip install .` builds it, `None` unless cargo has built it.

    `make bench` puts the core of the released wheels, compiled with a profile, in the place from
    which the package imports it. The plain one is where cargo leaves it.
    """
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = folder / "release" / PLAIN_LIBRARY
    changed = max(path.stat().st_mtime for path in (ROOT / "rust" / "src").rglob("*.rs"))
    if not built.exists() or built.stat().st_mtime < changed:
        return None
    loader = ExtensionFileLoader("plain._native", str(built))
    spec = spec_from_file_location("plain._native", built, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


# Frames to verified books.


def feed(core: Any, stream: Stream) -> Workload:
    """Feed the updates of a book that has its snapshot."""
    return _feeding(core, stream, stream.frames[:1], stream.frames[1:])


def snapshot(core: Any, stream: Stream, repeat: int = 10) -> Workload:
    """Feed the same snapshot again and again; every one is verified."""
    return _feeding(core, stream, (), stream.frames[:1] * repeat)


def feed_crowd(core: Any, frames: Sequence[bytes], symbols: int) -> Workload:
    """Feed the updates of many depth-10 books that have their snapshots."""
    stream = Stream("", 10, tuple(frames))
    return _feeding(core, stream, frames[:symbols], frames[symbols:])


def _feeding(
    core: Any, stream: Stream, before: Sequence[bytes], frames: Sequence[bytes]
) -> Workload:
    def prepare() -> Any:
        engine = core.Engine()
        if stream.symbol:
            engine.books.expect(stream.symbol, stream.depth)
        for frame in before:
            engine.feed(frame)
        return engine

    def run(engine: Any) -> None:
        feed = engine.feed
        for frame in frames:
            feed(frame)

    def check(engine: Any, _: object) -> None:
        counters = engine.counters()
        assert counters["verified"] == len(before) + len(frames), counters
        assert counters["mismatches"] == 0

    return Workload(operations=len(frames), run=run, prepare=prepare, check=check)


def feed_levels(core: Any, stream: Stream) -> Workload:
    """Feed updates and read price and quantity of every level as `Decimal`."""
    feeding = feed(core, stream)
    updates = stream.frames[1:]

    def run(engine: Any) -> int:
        feed = engine.feed
        read = 0
        for frame in updates:
            for item in feed(frame)[-1].data:
                for side in (item.bids, item.asks):
                    for level in side:
                        level.price, level.qty  # noqa: B018 (reading is the work)
                        read += 1
        return read

    def check(engine: Any, read: int) -> None:
        feeding.check(engine, None)
        assert read == count_levels(updates)

    return Workload(operations=len(updates), run=run, prepare=feeding.prepare, check=check)


def decode_levels(decode: Callable[[bytes], Any], stream: Stream) -> Workload:
    """Decode updates and read the same levels, without a book and its verification."""
    updates = stream.frames[1:]

    def run(_: None) -> int:
        read = 0
        for frame in updates:
            for item in decode(frame).data:
                for side in (item.bids, item.asks):
                    for level in side:
                        level.price, level.qty  # noqa: B018
                        read += 1
        return read

    def check(_: None, read: int) -> None:
        assert read == count_levels(updates)

    return Workload(operations=len(updates), run=run, check=check)


def count_levels(frames: Sequence[bytes]) -> int:
    """Return how many levels book messages have."""
    books = [item for frame in frames for item in json.loads(frame)["data"]]
    return sum(len(book["bids"]) + len(book["asks"]) for book in books)


# Plain channels.


def feed_fields(core: Any, frames: Sequence[bytes], item: type[Model]) -> Workload:
    """Feed messages of a plain channel and read every field of every item."""
    read = _reader(item)

    def run(engine: Any) -> list[Any]:
        feed = engine.feed
        last: list[Any] = []
        for frame in frames:
            last = [read(one) for one in feed(frame)[-1].data]
        return last

    def check(_: object, last: list[Any]) -> None:
        _check_fields(last, frames[-1], item)

    return Workload(operations=len(frames), run=run, prepare=core.Engine, check=check)


def decode_fields(
    decode: Callable[[bytes], Any], frames: Sequence[bytes], item: type[Model]
) -> Workload:
    """Decode messages and read the same fields."""
    read = _reader(item)

    def run(_: None) -> list[Any]:
        last: list[Any] = []
        for frame in frames:
            last = [read(one) for one in decode(frame).data]
        return last

    def check(_: None, last: list[Any]) -> None:
        _check_fields(last, frames[-1], item)

    return Workload(operations=len(frames), run=run, check=check)


def _reader(item: type[Model]) -> Callable[[Any], Any]:
    return attrgetter(*(name for name, _, _ in item.__wire_fields__))


def _check_fields(last: Sequence[Any], frame: bytes, item: type[Model]) -> None:
    """The fields read are those that the standard library finds in the frame."""
    for fields, plain in zip(last, json.loads(frame)["data"], strict=True):
        for (name, _, nested), value in zip(item.__wire_fields__, fields, strict=True):
            if nested is None:
                assert value == plain.get(name), name


# Baselines.


def loads(decode: Callable[[bytes], Any], frames: Sequence[bytes]) -> Workload:
    """Only decode frames."""

    def run(_: None) -> None:
        for frame in frames:
            decode(frame)

    def check(*_: object) -> None:
        assert decode(frames[-1]) == json.loads(frames[-1])

    return Workload(operations=len(frames), run=run, check=check)


# The live book.


class Quote:
    """The best prices as a strategy without a live book would keep them."""

    __slots__ = ("ask", "bid")

    def __init__(self, bid: float, ask: float) -> None:
        self.bid = bid
        self.ask = ask


def read_quotes(quote: Any, expected: tuple[float, float], repeat: int = 1000) -> Workload:
    """Read `bid` and `ask`, ten times in a row so that the loop adds little."""

    def run(quote: Any) -> None:
        for _ in range(repeat):
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018
            quote.bid, quote.ask  # noqa: B018

    def check(quote: Any, _: object) -> None:
        assert (quote.bid, quote.ask) == expected

    return Workload(operations=10 * repeat, run=run, prepare=lambda: quote, check=check)


def live_book(core: Any, stream: Stream) -> Any:
    """Return a live, verified book; it belongs to its engine and keeps it."""
    engine = core.Engine()
    for frame in stream.frames:
        engine.feed(frame)
    book = engine.book(stream.symbol)
    assert book.is_valid
    return book
