"""`make soak`: two clients on TLS sockets flat out, with faults, for the given time.

    python -m tests.soak.run --seconds 60
    python -m tests.soak.run --messages 50000000

One client receives messages with a callback and reads its executions, by rustls with the native
core; the other one iterates, by OpenSSL. After
every fault all books have to be valid again and the gap has to be on record; at the end memory,
tasks, open files and objects may not have grown.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic as clock
from typing import Any

from tests import patience
from tests.soak.exchange import FAULTS, PATIENCE, SYMBOLS, ExchangeProcess, exchange_process
from tests.soak.figures import Sample, complaints, growth
from tests.ws.helpers import eventually

from kraken_connector import HTTPAuthenticatedClient, backend
from kraken_connector.ws import (
    BookParams,
    ExecutionsParams,
    KrakenWSClient,
    SequenceGapEvent,
    TickerParams,
    TokenManager,
    TradeParams,
)

DEPTHS = (10, 100, 1000)
#: Messages that may come in one turn of the event loop: what `websockets` may hold, and a read.
LONGEST_ROW = 10_000


class Broken(AssertionError):
    """A promise of the client was not kept."""


@dataclass(eq=False)
class Consumer:
    """A client and what it was given."""

    name: str
    client: KrakenWSClient
    received: Counter[str] = field(default_factory=Counter)
    #: Numbers of the messages of `executions` since the last snapshot.
    sequence: int = 0
    #: Messages since the event loop began this turn, and the most there ever were.
    row: int = 0
    longest_row: int = 0

    def on_message(self, message: Any) -> None:
        if not self.row:
            asyncio.get_running_loop().call_soon(self.end_row)
        self.row += 1
        channel = getattr(message, "channel", None) or type(message).__name__
        self.received[channel] += 1
        if channel == "executions" and not isinstance(message, SequenceGapEvent):
            self.follow(message)

    def end_row(self) -> None:
        self.longest_row = max(self.longest_row, self.row)
        self.row = 0

    def follow(self, message: Any) -> None:
        expected = 1 if message.type == "snapshot" else self.sequence + 1
        if message.sequence != expected:
            raise Broken(f"executions went from {self.sequence} to {message.sequence}")
        self.sequence = message.sequence

    def counts(self) -> dict[str, Any]:
        (counts,) = self.client.stats()["connections"].values()
        return dict(counts)

    def gaps(self, cause: str) -> int:
        return sum(gap.cause == cause for gap in self.client.gaps)

    def books_are_valid(self) -> bool:
        return all(self.client.book(symbol).is_valid for symbol in SYMBOLS)

    async def iterate(self) -> None:
        async for message in self.client:
            self.on_message(message)

    async def subscribe(self, **options: Any) -> None:
        for symbol, depth in zip(SYMBOLS, DEPTHS, strict=True):
            await self.client.subscribe(BookParams(symbol=[symbol], depth=depth), **options)
        await self.client.subscribe(TickerParams(symbol=list(SYMBOLS)), **options)
        await self.client.subscribe(TradeParams(symbol=list(SYMBOLS)), **options)


@contextlib.asynccontextmanager
async def consumers(
    exchange: ExchangeProcess, heartbeat_timeout: float
) -> AsyncIterator[list[Consumer]]:
    """Connect both clients and subscribe."""
    source = HTTPAuthenticatedClient(
        exchange.rest_url,
        api_key=exchange.api_key,
        api_secret=exchange.api_secret,
        httpx_args={"trust_env": False},
    )
    options: dict[str, Any] = {
        "backoff_base": 0.05,
        "heartbeat_timeout": heartbeat_timeout,
        "proxy": False,
    }
    async with (
        asyncio.TaskGroup() as tasks,
        KrakenWSClient(exchange.url, token_manager=TokenManager(source), **options) as one,
        KrakenWSClient(exchange.url, tls_engine="openssl", **options) as other,
    ):
        calling, iterating = Consumer("callback", one), Consumer("iteration", other)
        await calling.client.subscribe(ExecutionsParams(), callback=calling.on_message)
        await calling.subscribe(callback=calling.on_message)
        # With "block" replies wait behind messages that nobody consumes, so somebody has to.
        tasks.create_task(iterating.iterate())
        await iterating.subscribe(overflow="block")
        yield [calling, iterating]


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition.

    Raises:
        Broken: it did not come true in time.
    """
    try:
        await eventually(condition, PATIENCE)
    except TimeoutError:
        raise Broken(f"not within {PATIENCE:g} s: {what}") from None


async def suffer(fault: str, exchange: ExchangeProcess, clients: list[Consumer]) -> float:
    """Cause a fault and return the seconds until everything was well again."""
    _, cause = FAULTS[fault]
    before = [consumer.gaps(cause) for consumer in clients]
    start = clock()
    await exchange.do(fault)
    for consumer, known in zip(clients, before, strict=True):
        await until(
            lambda consumer=consumer, known=known: consumer.gaps(cause) > known,  # type: ignore[misc]
            f"a gap record after {fault} ({consumer.name})",
        )
        await until(consumer.books_are_valid, f"valid books after {fault} ({consumer.name})")
    return clock() - start


async def check_executions(exchange: ExchangeProcess, consumer: Consumer) -> None:
    """Place and cancel an order: the reports arrive although the feed runs flat out."""
    seen = consumer.received["executions"]
    await exchange.do("trade")
    await until(lambda: consumer.received["executions"] >= seen + 2, "reports of an order")


def check_counts(consumer: Consumer, faults: Counter[str]) -> None:
    """Nothing was lost or wrong but what the faults made so."""
    counts, stats = consumer.counts(), consumer.client.stats()
    wrong = {
        "mismatches": counts["mismatches"] - faults["wrong checksum"],
        "invalid_frames": counts["invalid_frames"],
        "sequence_gaps": counts["sequence_gaps"],
        "dropped": stats["dropped"],
        "callback_errors": stats["callback_errors"],
        "in a row": consumer.longest_row if consumer.longest_row > LONGEST_ROW else 0,
    }
    if any(wrong.values()):
        raise Broken(f"{consumer.name}: {wrong}")


async def soak(
    *,
    seconds: float,
    messages: int | None = None,
    faults: int | None = None,
    pause: float,
    heartbeat_timeout: float,
) -> list[Sample]:
    """Run, and print a line after every fault.

    Args:
        seconds: how long, unless `messages` or `faults` say when it is enough.
        messages: how many the clients shall receive together.
        faults: how many to cause.
        pause: seconds before each fault.
        heartbeat_timeout: seconds of silence until a client gives a connection up.

    Raises:
        Broken: the client did not keep its promises.
    """
    samples: list[Sample] = []
    caused: Counter[str] = Counter()
    async with (
        exchange_process() as exchange,
        consumers(exchange, heartbeat_timeout) as clients,
    ):
        start = clock()
        for fault in cycle(FAULTS):
            await asyncio.sleep(pause)
            total = sum(consumer.counts()["messages"] for consumer in clients)
            samples.append(Sample.measure(total, caused.total()))
            goals = [(messages, total), (faults, caused.total())]
            open_goals = [(goal, so_far) for goal, so_far in goals if goal is not None]
            if all(so_far >= goal for goal, so_far in open_goals or [(seconds, clock() - start)]):
                break
            caused[fault] += 1
            seconds_down = await suffer(fault, exchange, clients)
            await check_executions(exchange, clients[0])
            show(f"{samples[-1]}   {fault}: whole again after {seconds_down:.2f} s")
        for consumer in clients:
            check_counts(consumer, caused)
            show(f"{consumer.name}: {summary(consumer)}")
        rate = samples[-1].messages / (clock() - start)
    show(f"{samples[-1]}   {rate:,.0f} messages/s, {backend()} core")
    return samples


def summary(consumer: Consumer) -> str:
    counts = consumer.counts()
    causes = dict(Counter(gap.cause for gap in consumer.client.gaps))
    return (
        f"{counts['book_messages']:,} book messages, {counts['verified']:,} verified, "
        f"{counts['mismatches']} mismatches, {counts['reconnects']} reconnects, gaps {causes}, "
        f"at most {consumer.longest_row:,} messages in a row"
    )


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--messages", type=int, help="run until so many were received instead")
    parser.add_argument("--pause", type=float, default=8, help="seconds between faults")
    parser.add_argument("--heartbeat-timeout", type=float, default=5)
    samples: list[Sample] = []
    try:
        samples = patience.run(soak(**vars(parser.parse_args())))
    except* Broken as broken:
        show(f"FAILED: {broken.exceptions[0]}")
    return judge(samples) if samples else 1


def judge(samples: list[Sample]) -> int:
    """Say what grew."""
    grown = {name: f"{growth(samples, name):+,.0f}" for name in ("memory", "tasks", "files")}
    found = complaints(samples)
    show(f"growth after the warm-up: {grown}, objects {growth(samples, 'objects'):+,.0f}")
    show(f"FAILED: {'; '.join(found)}" if found else "ok")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
