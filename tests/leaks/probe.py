"""A process that does one thing again and again and prints what that left behind, as JSON.

    python -m tests.leaks.probe <core> <scenario> <rounds>

`grown`: bytes by which the peak of memory rose after the first third of the rounds; `singletons`:
by how much the reference counts of objects changed that are never to be freed or kept.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

from benches.corpus import frames, streams
from tests.level3_oracle import OrderMarket

from kraken_connector import models
from kraken_connector.exceptions import BookNotReady, ChecksumError, ParseError

#: `ru_maxrss` is in bytes on macOS, in KiB elsewhere.
UNIT = 1 if sys.platform == "darwin" else 1024
SINGLETONS: tuple[Any, ...] = (None, True, False, 0, "", (), b"", Decimal)
CLASSES = tuple(getattr(models, name) for name in models.__all__)
READS = ("bids", "asks", "best_bid", "best_ask", "spread", "mid", "bid", "ask_qty", "crossed")


def feed_and_decode(core: Any) -> None:
    """Every kind of message: fed, its items read, its numbers too."""
    engine = core.Engine()
    for frame in (*frames().values(), *streams()["synthetic-25"].frames[:40]):
        for event in engine.feed(frame, 1):
            repr(event)
            if hasattr(event, "data"):
                hash(event)
                event.to_dict(exact=True)


def read_books(core: Any) -> None:
    """Live books, and books whose engine is gone."""
    engine = core.Engine()
    stream = streams()["synthetic-10"]
    for frame in stream.frames[:20]:
        engine.feed(frame)
    book = engine.book(stream.symbol)
    del engine
    for name in READS:
        getattr(book, name)
    book.levels_float("bid")
    book.levels_ticks("ask")
    book.unverified()
    book.top_of_book()


def fail(core: Any) -> None:
    """Frames that cannot be read, checksums that differ, books that must not be read."""
    engine = core.Engine()
    for frame in frames().values():
        for cut in range(0, len(frame), 41):
            engine.feed(frame[:cut])
            try:
                core.parse_message(frame[:cut])
            except ParseError as error:
                str(error)
    stream = streams()["synthetic-10"]
    engine.feed(stream.frames[0])
    engine.feed(stream.frames[2])
    try:
        _ = engine.book(stream.symbol).bids
    except BookNotReady as error:
        str(error)
    book = core.OrderBook(stream.symbol)
    try:
        book.validate_checksum(1)
    except ChecksumError as error:
        str(error)


@cache
def order_frames() -> list[bytes]:
    market = OrderMarket("A/B", seed=1)
    return [market.snapshot(), *(market.update(5) for _ in range(10))]


def keep_orders(core: Any) -> None:
    """Individual orders that come, change and go, and their books read, live and free."""
    engine = core.Engine()
    for frame in order_frames():
        engine.feed(frame)
    book, free = engine.level3("A/B"), core.Level3Book("A/B")
    del engine
    for order in book.orders("bid"):
        book.queue_position(order.order_id)
        book.order(order.order_id)
    book.order("nobody's")
    free.apply_snapshot(models.Level3Data("A/B", book.orders("bid"), book.orders("ask")))
    _ = (
        book.event_counts,
        book.placement_counts,
        book.to_dict(),
        free.mismatch_counts,
        free.unverified_orders(),
        free.levels("ask"),
    )


def drop_unread(core: Any) -> None:
    """Messages that nobody reads, and names that come once only."""
    engine = core.Engine()
    for number in range(200):
        name = f"{id(engine)}-{number}"
        engine.feed(f'{{"channel":"{name}","type":"update","data":[{{"{name}":1}}]}}')
        engine.feed(streams()["synthetic-100"].frames[number])


SCENARIOS: dict[str, Callable[[Any], None]] = {
    scenario.__name__: scenario
    for scenario in (feed_and_decode, read_books, keep_orders, fail, drop_unread)
}


def counts() -> list[int]:
    gc.collect()
    return [sys.getrefcount(thing) for thing in (*SINGLETONS, *CLASSES)]


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def main(backend: str, name: str, rounds: int) -> None:
    core = import_module(f"kraken_connector._{backend}")
    scenario = SCENARIOS[name]
    for _ in range(rounds // 3):
        scenario(core)
    memory, before = peak(), counts()
    for _ in range(rounds - rounds // 3):
        scenario(core)
    changes = [after - was for after, was in zip(counts(), before, strict=True)]
    print(json.dumps({"grown": peak() - memory, "singletons": max(map(abs, changes))}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
