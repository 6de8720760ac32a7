"""`client.share` and `SharedBooks`: a client of the simulator, and other processes that read."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.ws.helpers import BTC, ETH, connected, eventually

import kraken_connector
from kraken_connector import BookParams, SharedBook, SharedBooks
from kraken_connector.exceptions import BookNotReady, InvalidParameter
from kraken_connector.shared_books import shared_path
from kraken_connector.sim import SimulatedExchange

READER = """
import sys
from kraken_connector import SharedBooks, backend
with SharedBooks(sys.argv[1], max_age=30.0) as books:
    book = books["BTC/USD"]
    changes = sum(book.wait(30.0) and book.frozen().is_valid for _ in range(10))
    print(backend(), sorted(books), changes)
"""


@pytest.fixture
async def sim() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(symbols=[BTC, ETH], rate=0, seed=7) as exchange:
        yield exchange


@pytest.fixture
def name() -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex}"
    yield name
    shared_path(name).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _needs_the_native_client() -> None:
    if kraken_connector.backend() != "native":
        pytest.skip("only the native core shares books")


@pytest.mark.parametrize("backend", ["native", "pure"])
async def test_another_process_reads_the_books(
    sim: SimulatedExchange, name: str, backend: str
) -> None:
    async with connected(sim) as client:
        with client.share(name, 10) as share:
            await client.subscribe(BookParams(symbol=[BTC, ETH]))
            await eventually(lambda: client.book(BTC).is_valid and client.book(ETH).is_valid)
            reader = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", READER, name),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "KRAKEN_CONNECTOR_BACKEND": backend},
            )
            answer = asyncio.create_task(reader.communicate())
            while not answer.done():
                await sim.step(BTC)
                await asyncio.sleep(0.002)
            output, _ = await answer
            assert output.decode() == f"{backend} ['BTC/USD', 'ETH/USD'] 10\n"
            assert (share.name, share.path, share.omitted) == (name, shared_path(name), 0)
            assert share.path.exists()
        assert share.is_closed
        assert not share.path.exists()


async def test_a_read_equals_that_of_the_live_book(sim: SimulatedExchange, name: str) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC], depth=100))
        client.share(name, 25)
        books = SharedBooks(name, max_age=30.0)
        live = client.book(BTC)
        await eventually(lambda: live.is_valid)
        book = books[BTC]
        for _ in range(50):
            before = live.updates
            await sim.step(BTC)
            await eventually(lambda before=before: live.updates > before)
            assert book.top() == live.top_of_book()
            assert book.bids() == live.levels("bid", 25)
            assert book.asks(5) == live.levels("ask", 5)
            assert book.updates == live.updates
        assert isinstance(book, SharedBook)
        assert books[BTC] is book
        assert (list(books), len(books), books.levels, books.omitted) == ([BTC], 1, 25, 0)
        assert (books.name, books.path) == (name, shared_path(name))
        assert books.writer_pid == os.getpid()
        assert repr(books) == f"<SharedBooks '{name}' open, 1 books>"
        assert repr(book) == "<SharedBook BTC/USD valid>"


async def test_the_share_ends_with_the_client(sim: SimulatedExchange, name: str) -> None:
    async with connected(sim) as client:
        share = client.share(name)
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        books = SharedBooks(name, max_age=30.0)
        assert books[BTC].is_valid
    assert share.is_closed
    with pytest.raises(BookNotReady, match="stopped sharing"):
        books[BTC].top()
    with pytest.raises(FileNotFoundError, match="no process shares books as"):
        books.reopen()
    assert books.state == "writer_closed"


async def test_connection_loss_and_unsubscribe_withdraw_books(
    sim: SimulatedExchange, name: str
) -> None:
    async with connected(sim, backoff_base=30.0, backoff_max=30.0) as client:
        client.share(name)
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        await eventually(lambda: client.book(BTC).is_valid and client.book(ETH).is_valid)
        books = SharedBooks(name, max_age=30.0)
        await client.unsubscribe(BookParams(symbol=[ETH]))
        assert (books[ETH].state, books[BTC].state) == ("awaiting_snapshot", "valid")
        sim.faults.close_connections()
        await eventually(lambda: client.state == "reconnecting")
        with pytest.raises(BookNotReady, match="no verified snapshot"):
            books[BTC].top()


async def test_each_symbol_is_shared_whatever_its_connection(
    sim: SimulatedExchange, name: str
) -> None:
    async with connected(sim, symbols_per_connection=1) as client:
        client.share(name)
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        await eventually(lambda: client.book(BTC).is_valid and client.book(ETH).is_valid)
        assert len(client.connections) == 2
        books = SharedBooks(name, max_age=30.0)
        for symbol in (BTC, ETH):
            assert books[symbol].top() == client.book(symbol).top_of_book()


async def test_of_a_redundant_feed_the_published_book_is_shared(
    sim: SimulatedExchange, name: str
) -> None:
    async with connected(sim, redundant=True) as client:
        client.share(name)
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.wait_for(lambda: sim.registry.count("book", BTC) == 2)
        await eventually(lambda: client.book(BTC).is_valid)
        book = SharedBooks(name, max_age=30.0)[BTC]
        for _ in range(20):
            before = client.book(BTC).updates
            await sim.step(BTC)
            await eventually(lambda before=before: client.book(BTC).updates > before)
            assert book.top() == client.book(BTC).top_of_book()
            assert book.updates == client.book(BTC).updates


async def test_a_client_whose_loop_is_stuck_looks_dead(sim: SimulatedExchange, name: str) -> None:
    async with connected(sim) as client:
        client.share(name)
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        book = SharedBooks(name, max_age=0.3)[BTC]
        await eventually(lambda: book.is_valid)
        time.sleep(0.4)  # noqa: ASYNC251 (to be stuck)
        assert book.state == "writer_silent"
        await eventually(lambda: book.is_valid)


async def test_reopening_after_another_writer(sim: SimulatedExchange, name: str) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        first = client.share(name)
        with SharedBooks(name, max_age=30.0) as books:
            old = books[BTC]
            first.close()
            client.share(name)
            assert (old.state, books.state) == ("replaced", "replaced")
            books.reopen()
            assert old.state == "closed"
            assert books[BTC].top() == client.book(BTC).top_of_book()
            assert books.state == "open"
        assert books.state == "closed"


async def test_what_cannot_be_shared(
    sim: SimulatedExchange, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(sim) as client:
        for wrong in ("", "a/b", "../x", ".hidden", "-x", "a" * 65, "naïve", "a\0b"):
            with pytest.raises(InvalidParameter, match="name must be 1 to 64 letters"):
                client.share(wrong)
            with pytest.raises(InvalidParameter, match="name must be 1 to 64 letters"):
                SharedBooks(wrong)
        with pytest.raises(TypeError, match="name must be a string"):
            client.share(None)  # type: ignore[arg-type]
        for levels in (9, 1001):
            with pytest.raises(ValueError, match="levels must be"):
                client.share(name, levels)
        with pytest.raises(TypeError, match="levels must be an integer"):
            client.share(name, 25.0)  # type: ignore[arg-type]
        for age in (0.1, float("nan"), float("inf")):
            with pytest.raises(InvalidParameter, match="max_age must be at least"):
                SharedBooks(name, age)
        with pytest.raises(FileNotFoundError, match="no process shares books as"):
            SharedBooks(name)
        client.share(name)
        with pytest.raises(RuntimeError, match="shares its books already"):
            client.share(f"{name}-2")
        async with connected(sim) as other:
            with pytest.raises(FileExistsError, match="still runs"):
                other.share(name)
    monkeypatch.setattr("kraken_connector.ws.pool.sharing.BookWriter", None)
    with pytest.raises(RuntimeError, match="needs the native core"):
        client.share(name)
    assert not shared_path(name).exists()


def test_a_share_needs_an_event_loop(name: str) -> None:
    with pytest.raises(RuntimeError, match="event loop"):
        kraken_connector.KrakenWSClient().share(name)
    assert not shared_path(name).exists()


def test_without_memory_files_the_runtime_folder_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraken_connector.shared_books._MEMORY", tmp_path / "absent")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert shared_path("main") == tmp_path / "kraken-main"
