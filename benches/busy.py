"""A strategy that computes for 5 ms at a time, and reads a book after each. Runs in workers."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches import corpus
from benches.receivers import Job, run
from benches.targets import PICOWS_DICT

# ruff: noqa: PLC0415 (each process has only one of these libraries)

BURST_NS = 5_000_000


def read_books(file: str, **job: Any) -> None:
    """Read the book until it has all messages.

    Writes pairs of 8-byte integers to `file`: the time of a read, ns of the monotonic clock, and
    the messages that the book contained.
    """
    todo = Job(**job)
    reader = by_picows if todo.client == PICOWS_DICT else by_ours
    reads = run(reader(todo), todo.loop)
    Path(file).write_bytes(reads.tobytes())


async def by_ours(job: Job) -> array[int]:
    """`KrakenWSClient` without a callback: only the book is read."""
    from benches import ours

    async with ours.client(job.url, job.client) as client:
        await client.subscribe(ours.book_params(job.book))
        book: Any = client.book(job.book.symbol)

        def read() -> int:
            if not book.is_valid:
                return 0
            assert book.top_of_book() is not None
            updates: int = book.updates
            return updates

        reads = await _compute(job, read)
        ours.check(client, job.count)
        corpus.check_book(job.stream, job.count, book.bids, book.asks)
    return reads


async def by_picows(job: Job) -> array[int]:
    """picows, `orjson` and a dict of levels a side."""
    from benches.picows_clients import BookKeeper, connect, disconnect

    keeper = BookKeeper(job)
    transport = await connect(job, lambda: keeper)
    book = keeper.book

    def read() -> int:
        assert not book.updates or max(book.bids) < min(book.asks)
        return book.updates

    reads = await _compute(job, read)
    await disconnect(transport)
    corpus.check_book(job.stream, job.count, book.bids.items(), book.asks.items())
    return reads


async def _compute(job: Job, read: Callable[[], int]) -> array[int]:
    """Compute, read the book, let the loop turn once, and so on."""
    reads = array("q")
    now = time.perf_counter_ns
    while True:
        end = now() + BURST_NS
        while now() < end:
            pass
        updates = read()
        reads.extend((now(), updates))
        if updates == job.count:
            return reads
        await asyncio.sleep(0)
