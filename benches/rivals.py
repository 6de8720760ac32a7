"""Frame to book with other libraries, each with its own functions. Runs in workers.

Afterwards their books are compared with the right one. Each library does what it does by default:
kraken-connector 0.2.0 computes a checksum that does not match, ccxt computes none.
"""

# ruff: noqa: PLC0415 (each process has only one of these libraries)

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from benches import corpus
from benches.timing import Contender, Workload, nanoseconds

#: Bids and asks by price.
Sides = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]


def measure(library: str, stream: str) -> float:
    """Return ns per frame of one run over the updates of a stream."""
    return _contender(library, stream)()


@cache
def _contender(library: str, name: str) -> Contender:
    logging.disable()
    gc.disable()
    return nanoseconds(LIBRARIES[library](corpus.stream(name)))


def _workload(
    stream: corpus.Stream,
    frames: list[Any],
    make: Callable[[], tuple[Callable[[Any], object], Callable[[], Sides]]],
) -> Workload:
    """Return the workload of a library; `make` returns how to feed a frame and read the book."""
    first, *updates = frames

    def prepare() -> Any:
        feed, read = make()
        feed(first)
        return feed, read

    def run(state: Any) -> None:
        feed, _ = state
        for frame in updates:
            feed(frame)

    def check(state: Any, _: object) -> None:
        assert state[1]() == _truth(stream)

    return Workload(operations=len(updates), run=run, prepare=prepare, check=check)


@cache
def _truth(stream: corpus.Stream) -> Sides:
    """Return the book after all frames."""
    book = corpus.book_after(stream.depth, stream.frames)
    bids, asks = (
        {Decimal(price): Decimal(qty) for price, qty in book.levels(side)}
        for side in ("bids", "asks")
    )
    return bids, asks


def kraken_connector(stream: corpus.Stream) -> Workload:
    """Version 0.2.0, as its client works, with a book of the right depth."""
    from kraken_connector.ws.book import ChecksumError, OrderBook
    from kraken_connector.ws.dispatcher import parse_message

    def make() -> tuple[Callable[[str], object], Callable[[], Sides]]:
        book = OrderBook(stream.symbol, stream.depth)

        def feed(text: str) -> None:
            message: Any = parse_message(text)
            for item in message.data:
                try:
                    if message.type == "snapshot":
                        book.apply_snapshot(item)
                    else:
                        book.apply_update(item)
                except ChecksumError:
                    pass

        return feed, lambda: (dict(book.bids), dict(book.asks))

    return _workload(stream, [frame.decode() for frame in stream.frames], make)


def python_kraken_sdk(stream: corpus.Stream) -> Workload:
    """Its order book client, called as its socket calls it; it verifies the checksums."""
    from kraken.spot import SpotOrderBookClient

    class Client(SpotOrderBookClient):
        def __init__(self) -> None:  # the real one opens a session for REST calls
            decimals = {"pair_decimals": 1, "lot_decimals": 8}
            prefix = "_SpotOrderBookClient__"
            market = type("Market", (), {"get_asset_pairs": lambda *_, pair: {pair: decimals}})
            vars(self).update(
                {
                    f"{prefix}book": {},
                    f"{prefix}depth": stream.depth,
                    f"{prefix}callback": lambda **_: None,
                    f"{prefix}market": market(),
                }
            )

    def make() -> tuple[Callable[[str], object], Callable[[], Sides]]:
        client = Client()

        def feed(text: str) -> None:
            try:
                client.on_message(json.loads(text)).send(None)
            except StopIteration:
                return
            raise AssertionError("the book did not verify")

        def read() -> Sides:
            book: Any = client.get(stream.symbol)
            bids, asks = (
                {Decimal(price): Decimal(qty) for price, (qty, _) in book[side].items()}
                for side in ("bid", "ask")
            )
            return bids, asks

        return feed, read

    return _workload(stream, [frame.decode() for frame in stream.frames], make)


def ccxt(stream: corpus.Stream) -> Workload:
    """Its message handler with orjson, which it uses if installed; checksums are off."""
    import orjson
    from ccxt.pro import kraken  # type: ignore[import-untyped]

    class Socket:
        subscriptions: dict[str, dict[str, int]]

        def resolve(self, *_: object) -> None:
            return None

    loop = asyncio.new_event_loop()

    def make() -> tuple[Callable[[str], object], Callable[[], Sides]]:
        exchange = kraken({"asyncio_loop": loop})
        socket = Socket()
        socket.subscriptions = {
            exchange.get_message_hash("orderbook", None, stream.symbol): {"limit": stream.depth}
        }

        def feed(text: str) -> None:
            exchange.handle_message(socket, orjson.loads(text))

        def read() -> Sides:
            book = exchange.orderbooks[stream.symbol]
            bids, asks = (
                {Decimal(repr(price)): Decimal(repr(qty)) for price, qty in book[side]}
                for side in ("bids", "asks")
            )
            return bids, asks

        return feed, read

    return _workload(stream, [frame.decode() for frame in stream.frames], make)


LIBRARIES: dict[str, Callable[[corpus.Stream], Workload]] = {
    "kraken-connector 0.2.0": kraken_connector,
    "python-kraken-sdk": python_kraken_sdk,
    "ccxt": ccxt,
}
