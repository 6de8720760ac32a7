"""`reader="thread"`: books move while Python is busy, and all else is as without it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.marks import long
from tests.oracle import Market
from tests.ws.helpers import (
    BTC,
    ETH,
    PATIENCE,
    RICH,
    client_of,
    connected,
    eventually,
    gaps_of,
    tls_contexts,
    tokens_of,
)

from kraken_connector import OrderBook, WSDataMessage
from kraken_connector import network as networks
from kraken_connector._backend import ThreadReader
from kraken_connector.exceptions import BookNotReady, ConnectFailed
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BookParams,
    BookQuarantinedEvent,
    ConnectionState,
    ExecutionsParams,
    KrakenWSClient,
)
from kraken_connector.ws.network import dialing, reading_thread
from kraken_connector.ws.trading import AddOrderParams, CancelOrderParams

pytestmark = pytest.mark.skipif(ThreadReader is None, reason="needs threads of the native core")

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
#: Threads can be counted where the system lists them.
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
threaded = functools.partial(connected, reader="thread")


def reading() -> list[int]:
    """Return the system's ids of the threads that read."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            if (task / "comm").read_text().strip() == "kraken-reader":
                found.append(int(task.name))
    return found


def reading_threads() -> int:
    """Return how many threads read."""
    return len(reading())


class Elsewhere:
    """An exchange on an event loop of its own, in another thread.

    Attributes:
        sim: the exchange.
    """

    def __init__(self, sim: SimulatedExchange, loop: asyncio.AbstractEventLoop) -> None:
        self.sim = sim
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there, and block this thread until it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def publish(self, steps: int = 1) -> list[int]:
        """Let the book of BTC move, while this thread is blocked; return the checksums."""
        return self.run(move(self.sim, steps))


async def move(sim: SimulatedExchange, steps: int = 1, symbol: str = BTC) -> list[int]:
    """Let a book move; return the checksums that were published."""
    known: list[int] = []
    for start in range(0, steps, 100):
        count = min(100, steps - start)
        await sim.step(symbol, count)
        known += [state.checksum for state in sim.published(symbol)[-count:]]
    return known


@contextmanager
def elsewhere(**options: Any) -> Iterator[Elsewhere]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    sim = SimulatedExchange(**{"symbols": [BTC, ETH], "rate": 0, **options})
    there = Elsewhere(sim, loop)
    try:
        there.run(sim.__aenter__())
        yield there
    finally:
        there.run(sim.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def blocked_until(predicate: Callable[[], T]) -> T:
    """Hold the event loop until `predicate` is true; return its value."""
    end = time.monotonic() + PATIENCE
    while not (value := predicate()):
        assert time.monotonic() < end
        time.sleep(0.0005)
    return value


def stand_still(seconds: float) -> None:
    """Hold the event loop."""
    time.sleep(seconds)


def state(book: OrderBook) -> tuple[Any, ...] | None:
    """Return what can be read of a book in one call, `None` if it cannot be read."""
    try:
        plain = book.to_dict()
    except BookNotReady:
        return None
    return plain["checksum"], plain["bids"], plain["asks"]


def trust(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let clients trust a new authority by default; return the settings of its server."""
    server, client = tls_contexts("127.0.0.1")

    async def default() -> Any:
        return client

    monkeypatch.setattr(networks, "default_tls", default)
    return server


def checksums(messages: list[Any], symbol: str = BTC) -> list[int | None]:
    return [
        message.checksum
        for message in messages
        if isinstance(message, WSDataMessage)
        and (message.channel, message.symbol) == ("book", symbol)
    ]


# Books while Python is busy.


@pytest.mark.parametrize("wire", ["plain", "tls"])
async def test_books_move_while_the_event_loop_is_blocked(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = trust(monkeypatch) if wire == "tls" else None
    messages: list[Any] = []
    with elsewhere(ssl=tls) as there:
        async with threaded(there.sim, on_message=messages.append) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            await asyncio.sleep(0.05)
            book, before = client.book(BTC), len(messages)
            end = time.monotonic() + 0.5
            published: list[int] = []
            while time.monotonic() < end:
                published += there.publish(7)
                last = there.sim.published(BTC)[-1]
                blocked_until(lambda last=last: book.checksum() == last.checksum)
                assert (book.bids, book.asks) == (last.bids, last.asks)
            assert len(published) > 20
            assert len(messages) == before
            await eventually(lambda: len(messages) >= before + len(published))
            assert checksums(messages[before:]) == published
            assert gaps_of(client) == []


async def test_without_the_thread_books_stand_still_while_the_event_loop_is_blocked() -> None:
    with elsewhere() as there:
        async with connected(there.sim) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            before = client.book(BTC).updates
            there.publish(7)
            stand_still(0.05)
            assert client.book(BTC).updates == before
            await eventually(lambda: client.book(BTC).updates == before + 7)


async def test_a_book_read_in_one_call_is_one_state() -> None:
    with elsewhere() as there:
        async with threaded(there.sim) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            book, seen = client.book(BTC), set()
            moving = threading.Thread(target=there.publish, args=(400,))
            moving.start()
            while moving.is_alive():
                plain = book.to_dict()
                seen.add((plain["checksum"], *(_levels(plain[side]) for side in ("bids", "asks"))))
            moving.join()
            published = {
                (one.checksum, *(tuple((float(p), float(q)) for p, q in side) for side in sides))
                for one in there.sim.published(BTC)
                for sides in [(one.bids, one.asks)]
            }
            assert seen <= published
            assert len(seen) > 3


def _levels(rows: list[dict[str, float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(row["price"]), float(row["qty"])) for row in rows)


async def test_received_times_are_those_of_the_thread() -> None:
    messages: list[Any] = []
    with elsewhere() as there:
        async with threaded(there.sim, on_message=messages.append) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            there.publish()
            last = there.sim.published(BTC)[-1].checksum
            blocked_until(lambda: client.book(BTC).checksum() == last)
            blocked_ns = time.time_ns()
            stand_still(0.02)
            await eventually(lambda: checksums(messages)[-1:] == [last])
            assert messages[-1].received_ns == client.book(BTC).received_ns
            assert messages[-1].received_ns < blocked_ns


@pytest.mark.skipif(sys.platform != "linux", reason="needs stamps of the kernel")
async def test_the_kernel_stamps_what_the_thread_reads(sim: SimulatedExchange) -> None:
    async with threaded(sim, receive_stamps="kernel") as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        for _ in range(3):
            before_ns = time.time_ns()
            await sim.step(BTC)
            last = sim.published(BTC)[-1].checksum
            await eventually(lambda last=last: client.book(BTC).checksum() == last)
            received_ns = client.book(BTC).received_ns
            assert received_ns is not None
            assert before_ns - 10**7 < received_ns < time.time_ns()
        (view,) = client.connections.values()
        assert view.stamp == "kernel"


# Delivery.


async def test_every_message_comes_once_and_in_order(sim: SimulatedExchange) -> None:
    messages: list[Any] = []
    async with threaded(sim, on_message=messages.append, ping_interval=0.01) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        published: dict[str, list[int]] = {BTC: [], ETH: []}
        for _ in range(10):
            for symbol in published:
                published[symbol] += await move(sim, 200, symbol)
        for symbol, known in published.items():
            await eventually(lambda s=symbol: len(checksums(messages, s)) == 2001)
            assert checksums(messages, symbol)[1:] == known
        assert gaps_of(client) == []


async def test_other_tasks_run_while_a_backlog_is_handled() -> None:
    messages: list[Any] = []
    with elsewhere() as there:
        async with threaded(there.sim, on_message=messages.append) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            last = there.publish(5000)[-1]
            blocked_until(lambda: client.book(BTC).checksum() == last)
            before, turns = len(messages), 0
            while checksums(messages)[-1:] != [last]:
                await asyncio.sleep(0)
                turns += 1
                assert len(messages) - before <= reading_thread.IN_A_TURN + 64
                before = len(messages)
            assert turns >= 5000 / reading_thread.IN_A_TURN


@pytest.mark.parametrize("overflow", ["drop_oldest", "conflate", "block", "disconnect"])
async def test_slow_consumers_are_served_as_without_the_thread(
    sim: SimulatedExchange, overflow: Any
) -> None:
    async with threaded(sim, message_queue_max=8) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow=overflow)
        await eventually(lambda: client.book(BTC).is_valid)
        received = []
        published: list[int] = []
        for _ in range(20):
            published += await move(sim, 20)
            received.append(await client.receive())

        async def consume() -> None:
            async for message in client:
                received.append(message)  # noqa: PERF401 (they are looked at meanwhile)

        consuming = asyncio.create_task(consume())
        await eventually(lambda: client.stats()["queued"] == 0 and client.book(BTC).is_valid)
        published += await move(sim)
        last = published[-1]
        await eventually(lambda: checksums(received)[-1:] == [last])
        assert client.book(BTC).checksum() == last
        causes = {gap.cause for gap in gaps_of(client)}
        stats = client.stats()
        assert stats["conflated"] == 0 or overflow == "conflate"
        assert causes <= {"overflow"}
        if overflow == "block":
            assert checksums(received)[1:] == published
        assert stats["dropped"] == sum(gap.dropped for gap in gaps_of(client))
    await consuming


async def test_a_blocked_consumer_does_not_hold_the_book_back(sim: SimulatedExchange) -> None:
    async with threaded(sim, message_queue_max=4) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="block")
        await eventually(lambda: client.book(BTC).is_valid)
        published: list[int] = []
        for _ in range(5):
            published += await move(sim, 100)
            last = published[-1]
            await eventually(lambda last=last: client.book(BTC).checksum() == last)
        received: list[Any] = []
        while checksums(received[-1:]) != published[-1:]:
            received.append(await client.receive())
        assert checksums(received)[1:] == published


# Faults.


async def test_a_gap_begins_with_the_last_message(sim: SimulatedExchange) -> None:
    messages: list[Any] = []
    async with threaded(sim, on_message=messages.append) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.step(BTC, 3)
        last = sim.published(BTC)[-1].checksum
        await eventually(lambda: checksums(messages)[-1:] == [last])
        received_ns = [m.received_ns for m in messages if isinstance(m, WSDataMessage)][-1]
        sim.faults.reset_connections()
        gap = await eventually(lambda: next(iter(gaps_of(client)), None))
        assert (gap.cause, gap.channels) == ("disconnect", ["book"])
        assert received_ns <= gap.start_ns
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.book(BTC).checksum() == last


async def test_what_came_before_a_reset_is_delivered_before_the_gap() -> None:
    messages: list[Any] = []
    with elsewhere() as there:
        async with threaded(there.sim, on_message=messages.append) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            published = there.publish(100)
            blocked_until(lambda: client.book(BTC).checksum() == published[-1])
            there.run(_reset(there.sim))
            stand_still(0.01)
            await eventually(lambda: gaps_of(client))
            start_ns = gaps_of(client)[0].start_ns
            came = [m for m in messages if isinstance(m, WSDataMessage)]
            before = [m for m in came if m.received_ns is not None and m.received_ns <= start_ns]
            assert checksums(before)[1:] == published


async def _reset(sim: SimulatedExchange) -> None:
    sim.faults.reset_connections()


async def test_a_fault_that_came_while_python_was_busy_is_healed() -> None:
    """The books of the exchange move on, and the gap begins where the book was last proven."""
    messages: list[Any] = []
    with elsewhere() as there:
        async with threaded(there.sim, on_message=messages.append) as client:
            await client.subscribe(BookParams(symbol=[BTC]))
            await eventually(lambda: client.book(BTC).is_valid)
            there.publish(3)
            blocked_until(lambda: client.book(BTC).updates == 4)
            proven_ns = client.book(BTC).received_ns
            there.run(_corrupt(there.sim))
            there.publish(3)
            blocked_until(lambda: not client.book(BTC).is_valid)
            # Nothing makes it valid before the client has subscribed again.
            stand_still(0.02)
            assert client.book(BTC).state == "stale"
            await eventually(lambda: client.book(BTC).is_valid)
            assert client.book(BTC).checksum() == there.sim.published(BTC)[-1].checksum
            gap = await eventually(lambda: next(iter(gaps_of(client)), None))
            assert (gap.cause, gap.symbols, gap.start_ns) == ("resync", [BTC], proven_ns)


async def _corrupt(sim: SimulatedExchange) -> None:
    sim.faults.corrupt_checksums(BTC)


async def test_a_quarantined_book_stays_so_until_it_is_released(sim: SimulatedExchange) -> None:
    events: list[Any] = []
    async with threaded(sim, on_message=events.append, resync_attempts=2) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        sim.faults.corrupt_checksums(BTC, None)
        sim.faults.corrupt_checksums(BTC, None, snapshots=True)
        await sim.step(BTC)
        await eventually(lambda: client.book(BTC).state == "quarantined")
        assert any(isinstance(event, BookQuarantinedEvent) for event in events)
        sim.faults.clear()
        await sim.step(BTC, 3)
        await sim.step(ETH, 3)
        last = sim.published(ETH)[-1].checksum
        await eventually(lambda: client.book(ETH).checksum() == last)
        assert client.book(BTC).state == "quarantined"
        await client.resync(BTC)
        assert client.book(BTC).is_valid


@pytest.mark.parametrize("seed", [0, 1, *long(*range(2, 20))])
async def test_subscribing_and_unsubscribing_at_random_moments(
    sim: SimulatedExchange, seed: int
) -> None:
    choose = random.Random(seed)
    async with threaded(sim, on_message=bool) as client:
        await client.subscribe(BookParams(symbol=[ETH]))
        for _ in range(12):
            depth = choose.choice([10, 25])
            await client.subscribe(BookParams(symbol=[BTC], depth=depth))
            moving = asyncio.create_task(sim.step(BTC, choose.randrange(1, 40)))
            for _ in range(choose.randrange(8)):
                await asyncio.sleep(0)
            if choose.random() < 0.3:
                with contextlib.suppress(BookNotReady):
                    await client.resync(BTC)
            await moving
            await sim.step(ETH)
            await sim.step(BTC)
            last = sim.published(BTC, depth)[-1]
            await eventually(lambda: state(client.book(BTC)) is not None)
            await eventually(lambda last=last: client.book(BTC).checksum() == last.checksum)
            assert (client.book(BTC).bids, client.book(BTC).asks) == (last.bids, last.asks)
            await client.unsubscribe(BookParams(symbol=[BTC], depth=depth))
        assert client.book(ETH).is_valid
        assert gaps_of(client) == [] or {gap.cause for gap in gaps_of(client)} == {"resync"}


async def test_a_thread_that_fails_is_a_lost_connection(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The core's own test is that a panic ends the thread so."""

    class Failing:
        def __init__(self, *args: Any) -> None:
            self._reader = ThreadReader(*args)
            self.fileno, self.stop = self._reader.fileno, self._reader.stop
            self.has_ended = False

        def drain(self, take: Any) -> Any:
            if failures and len(messages) > 3:
                raise RuntimeError(failures.pop())
            return self._reader.drain(take)

    messages: list[Any] = []
    failures = ["the reading thread panicked"]
    monkeypatch.setattr(reading_thread, "ThreadReader", Failing)
    async with threaded(sim, on_message=messages.append) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        while failures:
            await sim.step(BTC)
            await asyncio.sleep(0)
        gap = await eventually(lambda: next(iter(gaps_of(client)), None))
        assert gap.cause == "disconnect"
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.book(BTC).checksum() == sim.published(BTC)[-1].checksum
    assert "panicked" in caplog.text


async def test_a_server_that_closes_is_understood(sim: SimulatedExchange) -> None:
    async with threaded(sim, on_message=bool) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.step(BTC, 50)
        sim.faults.close_connections(1012, "service restart")
        await eventually(lambda: gaps_of(client))
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.book(BTC).checksum() == sim.published(BTC)[-1].checksum


# Trading over the same connection.


@pytest.mark.parametrize("wire", ["plain", "tls"])
async def test_orders_and_reports_amid_market_data(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = trust(monkeypatch) if wire == "tls" else None
    reports: list[tuple[str, str]] = []

    def report(message: Any) -> None:
        if isinstance(message, WSDataMessage) and message.type == "update":
            reports.extend((item.order_id, item.exec_type) for item in message.data)

    plan: dict[str, Any] = {"symbols": [BTC], "rate": 3000, "balances": RICH, "ssl": tls}
    async with SimulatedExchange(**plan) as sim:
        manager = tokens_of(sim, tls=await networks.default_tls() if tls else None)
        async with threaded(sim, token_manager=manager) as client:
            await client.subscribe(BookParams(symbol=[BTC]), callback=bool)
            await client.subscribe(ExecutionsParams(), callback=report)
            orders = []
            for number in range(8):
                price = f"{1000 + number}.0"
                params = AddOrderParams(
                    order_type="limit", side="buy", symbol=BTC, order_qty="0.01", limit_price=price
                )
                placed = await client.add_order(params)
                orders.append(placed.result["order_id"])
                await client.cancel_order(CancelOrderParams(order_id=[orders[-1]]))
            await eventually(lambda: (orders[-1], "canceled") in reports)
            kinds = ("pending_new", "new", "canceled")
            assert reports == [(order, kind) for order in orders for kind in kinds]
            assert client.book(BTC).is_valid
            assert gaps_of(client) == []


async def test_an_order_is_written_in_the_step_of_the_call() -> None:
    with elsewhere(balances=RICH) as there:
        manager = await asyncio.to_thread(tokens_of, there.sim)
        async with threaded(there.sim, token_manager=manager) as client:
            await client.subscribe(ExecutionsParams(), callback=bool)
            params = AddOrderParams(
                order_type="limit", side="buy", symbol=BTC, order_qty="0.01", limit_price="1000.0"
            )
            placing = asyncio.ensure_future(client.add_order(params))
            await asyncio.sleep(0)
            blocked_until(lambda: any(r.method == "add_order" for r in there.sim.requests))
            assert (await placing).success


# Beginning and end.


@needs_proc
async def test_a_thread_for_each_connection_while_it_is_open(sim: SimulatedExchange) -> None:
    async with threaded(sim, on_message=bool, symbols_per_connection=1) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        await eventually(lambda: reading_threads() == 2)
        sim.faults.reset_connections()
        await eventually(lambda: len(gaps_of(client)) == 2)
        await eventually(lambda: reading_threads() == 2)
    assert reading_threads() == 0


@needs_proc
async def test_connections_leave_nothing_behind(sim: SimulatedExchange) -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (it opens one more)

    async def once(number: int) -> None:
        client = client_of(sim, reader="thread", on_message=bool)
        await client.connect()
        await client.subscribe(BookParams(symbol=[BTC]))
        if number % 2:
            sim.faults.reset_connections()
        await client.disconnect()

    await once(0)
    before = files()
    for number in range(200):
        await once(number)
    await eventually(lambda: not sim.connections and files() <= before)
    assert reading_threads() == 0


#: Moments at which a client is closed, or the call that connects is cancelled.
MOMENTS = [0, 1, 2, 3, 5, 8, 13, 21, 34]


@needs_proc
@pytest.mark.parametrize("steps", MOMENTS)
@pytest.mark.parametrize("how", ["disconnect", "cancel", "abort"])
async def test_a_client_can_be_ended_at_any_moment(
    sim: SimulatedExchange, how: str, steps: int
) -> None:
    client = client_of(sim, reader="thread", on_message=bool, close_timeout=0.5)

    async def use() -> None:
        await client.connect()
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.step(BTC, 200)

    using = asyncio.create_task(use())
    for _ in range(steps):
        await asyncio.sleep(0)
    if how == "cancel":
        using.cancel()
    elif how == "abort":
        sim.faults.reset_connections()
    await client.disconnect()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await using
    await client.disconnect()
    assert client.state is ConnectionState.DISCONNECTED
    assert reading_threads() == 0
    await eventually(lambda: not sim.connections)


@pytest.mark.parametrize("reader", ["loop", "thread"])
async def test_a_snapshot_after_the_end_makes_no_book_valid(
    sim: SimulatedExchange, reader: Any
) -> None:
    client = client_of(sim, reader=reader, on_message=bool)
    await client.connect()
    await client.subscribe(BookParams(symbol=[BTC]))
    await eventually(lambda: client.book(BTC).is_valid)
    book = client.book(BTC)
    ending = asyncio.create_task(client.disconnect())
    await asyncio.sleep(0)
    sim.faults.send_text(Market(BTC).snapshot().decode())
    stand_still(0.01)
    assert not book.is_valid
    await ending
    assert not book.is_valid


def run_script(script: str) -> str:
    """Run a script that has an exchange `sim` and a connected `client`; return what it prints."""
    head = """
        import asyncio, os, sys, threading, time
        from kraken_connector.sim import SimulatedExchange
        from kraken_connector.ws import BookParams, KrakenWSClient

        async def begin():
            sim = SimulatedExchange(symbols=["BTC/USD"], rate=2000)
            await sim.__aenter__()
            client = KrakenWSClient(sim.url, proxy=False, reader="thread", on_message=bool)
            await client.connect()
            await client.subscribe(BookParams(symbol=["BTC/USD"]))
            await asyncio.sleep(0.1)
            assert client.book("BTC/USD").is_valid
            return sim, client
        """
    text = textwrap.dedent(head) + textwrap.dedent(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_interpreter_ends_with_threads_that_read() -> None:
    script = """
        keep = []

        async def main():
            keep.extend(await begin())
            print("end")
            sys.stdout.flush()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        """
    assert run_script(script) == "end"


def test_an_interpreter_ends_amid_reading() -> None:
    script = """
        async def main():
            await begin()
            print("end")
            sys.exit(0)

        asyncio.run(main())
        """
    assert run_script(script) == "end"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_can_end_and_its_parent_goes_on() -> None:
    script = """
        import gc, signal
        from kraken_connector._backend import ThreadReader

        async def main():
            sim, client = await begin()
            child = os.fork()
            if not child:
                signal.alarm(10)
                readers = [each for each in gc.get_objects() if isinstance(each, ThreadReader)]
                readers or os._exit(1)
                for reader in readers:
                    reader.stop()
                os._exit(7)
            _, status = os.waitpid(child, 0)
            book = client.book("BTC/USD")
            before = book.updates
            await asyncio.sleep(0.1)
            assert book.is_valid and book.updates > before
            await client.disconnect()
            await sim.__aexit__(None, None, None)
            print(os.waitstatus_to_exitcode(status))

        asyncio.run(main())
        """
    assert run_script(script) == "7"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_thread_ends_though_a_child_has_its_descriptors() -> None:
    script = """
        async def main():
            sim, client = await begin()
            child = os.fork()
            if not child:
                time.sleep(30)
                os._exit(0)
            await client.disconnect()
            await sim.__aexit__(None, None, None)
            os.kill(child, 9)
            os.waitpid(child, 0)
            print("end")

        asyncio.run(main())
        """
    assert run_script(script) == "end"


# What it is not for.


@needs_proc
async def test_frames_are_logged_by_the_event_loop(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="kraken_connector")
    async with threaded(sim, on_message=bool) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.step(BTC, 3)
        last = sim.published(BTC)[-1].checksum
        await eventually(lambda: client.book(BTC).checksum() == last)
        assert reading_threads() == 0
    assert '< {"channel":"book"' in caplog.text


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "redundant": ({"redundant": True}, "reader='thread' is not for redundant=True"),
    "ssl": ({"ssl": tls_contexts("127.0.0.1")[1]}, "reader='thread' cannot be had with OpenSSL"),
    "openssl": ({"tls_engine": "openssl"}, "reader='thread' cannot be had with OpenSSL"),
    "no such reader": ({"reader": "spin"}, "reader must be one of"),
    "no such processor": ({"cpu": 4095}, "cpu must be a processor of this process"),
    "negative processor": ({"cpu": -1}, "cpu"),
    "processor of the loop": ({"reader": "loop", "cpu": 0}, "cpu needs reader='thread'"),
}


@pytest.mark.parametrize(("options", "text"), REFUSED.values(), ids=REFUSED)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        KrakenWSClient(**{"reader": "thread", **options})


def test_a_core_without_threads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "TlsConfig", None)
    with pytest.raises(ValueError, match="reader='thread' needs the native core"):
        KrakenWSClient(reader="thread")


async def test_proxies_are_refused(sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="reader='thread'"):
        client_of(sim, reader="thread", proxy="http://127.0.0.1:1")
    monkeypatch.setattr(networks.Network, "proxy_for", lambda *_: "http://127.0.0.1:1")
    client = client_of(sim, reader="thread", proxy=None)
    with pytest.raises(ConnectFailed, match="reader='thread'"):
        await client.connect()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
async def test_the_thread_runs_on_the_processor_that_was_chosen(sim: SimulatedExchange) -> None:
    cpu = max(os.sched_getaffinity(0))
    async with threaded(sim, cpu=cpu, on_message=bool) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: reading_threads() == 1)
        (thread,) = reading()
        assert os.sched_getaffinity(thread) == {cpu}
