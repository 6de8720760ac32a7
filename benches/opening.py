"""From nothing to the first book: connect, subscribe, snapshot. Runs in workers."""

from __future__ import annotations

import asyncio
import time
from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benches import corpus
from benches.receivers import Job, run
from benches.targets import PICOWS_DICT

# ruff: noqa: PLC0415 (each process has only one of these libraries)


def open_books(**job: Any) -> list[dict[str, float]]:
    """Open `count` connections one after the other, each with a new client.

    Returns:
        For each, `opened`, ns until its book had the snapshot, and `stall`, the longest processor
        time of one callback of the loop meanwhile, ns.
    """
    todo = Job(**job)
    return run(_open_books(todo), todo.loop)


async def _open_books(job: Job) -> list[dict[str, float]]:
    opener = by_picows if job.client == PICOWS_DICT else by_ours
    figures = []
    for _ in range(job.count):
        with _longest_callback() as longest:
            figures.append({"opened": await opener(job), "stall": 0.0})
        figures[-1]["stall"] = longest()
    return figures


async def by_ours(job: Job) -> float:
    """`KrakenWSClient` with a plain function; the snapshot's checksum is verified."""
    from benches import ours

    first = asyncio.get_running_loop().create_future()
    start = time.perf_counter_ns()
    async with ours.client(job.url, job.client) as client:
        await client.subscribe(ours.book_params(job.book), callback=first.set_result)
        await first
        opened = time.perf_counter_ns() - start
        ours.check(client, 1)
        book = client.book(job.book.symbol)
        corpus.check_book(job.stream, 1, book.bids, book.asks)
    return opened


async def by_picows(job: Job) -> float:
    """picows, `orjson` and a dict of levels a side."""
    from benches.picows_clients import BookKeeper, connect, disconnect

    first = asyncio.get_running_loop().create_future()

    class Opener(BookKeeper):
        def on_snapshot(self) -> None:
            first.set_result(None)

    start = time.perf_counter_ns()
    keeper = Opener(job)
    transport = await connect(job, lambda: keeper)
    await first
    opened = time.perf_counter_ns() - start
    await disconnect(transport)
    corpus.check_book(job.stream, 1, keeper.book.bids.items(), keeper.book.asks.items())
    return opened


@contextmanager
def _longest_callback() -> Iterator[Callable[[], float]]:
    """Measure the callbacks of asyncio's loop, in processor time of the thread."""
    plain_run, used = events.Handle._run, time.thread_time_ns
    longest = 0

    def measured_run(handle: events.Handle) -> None:
        nonlocal longest
        before = used()
        plain_run(handle)
        longest = max(longest, used() - before)

    events.Handle._run = measured_run  # type: ignore[method-assign]
    try:
        yield lambda: longest
    finally:
        events.Handle._run = plain_run  # type: ignore[method-assign]
