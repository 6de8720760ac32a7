"""This client as the benchmarks use it, in every way that the installed version has.

The only place that knows which options there are: a row measures the ways that `ways` returns.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

from kraken_connector.ws import BookParams, KrakenWSClient

#: Default settings.
CALLBACK = "callback"
#: TLS by Python's `ssl` module.
OPENSSL = "callback, OpenSSL"
#: A native thread reads the socket.
THREAD = "callback, thread"
OPTIONS: dict[str, dict[str, Any]] = {
    CALLBACK: {},
    OPENSSL: {"tls_engine": "openssl"},
    THREAD: {"reader": "thread"},
}


def ways(*, tls: bool = True) -> list[str]:
    """Return the ways to use the client, the default one first.

    Args:
        tls: whether the connection has TLS: without it, its engine makes no difference.
    """
    known = inspect.signature(KrakenWSClient).parameters
    return [
        way
        for way, options in OPTIONS.items()
        if options.keys() <= known.keys() and (tls or way != OPENSSL)
    ]


def freshest(names: Collection[str]) -> str | None:
    """Return the way whose book is freshest while Python is busy, `None` if there is none."""
    return next((way for way in (THREAD, CALLBACK) if way in names), None)


def client(url: str, way: str, **options: Any) -> KrakenWSClient:
    """Return a client of a host."""
    return KrakenWSClient(url=url, proxy=False, **OPTIONS.get(way, {}), **options)


def book_params(stream: Any) -> BookParams:
    """Return the subscription to the book of a stream."""
    return BookParams(symbol=[stream.symbol], depth=stream.depth)


def check(client: KrakenWSClient, count: int) -> None:
    """Every message was verified; no callback failed."""
    stats = client.stats()
    (counts,) = stats["connections"].values()
    assert counts["verified"] >= count, stats
    assert counts["mismatches"] == stats["callback_errors"] == stats["gaps"] == 0, stats
