"""The same books on two connections."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from typing import Any

import pytest
from tests import virtual
from tests.ws.helpers import BTC, ETH, client_of, connected, eventually, find_channel, gaps_of

from kraken_connector import Engine
from kraken_connector.exceptions import ConnectFailed, SubscriptionError
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BookParams,
    ConnectionState,
    KrakenWSClient,
    TickerParams,
    WSDataMessage,
)
from kraken_connector.ws.protocol.merge import Merge


def books_of(client: KrakenWSClient) -> list[WSDataMessage]:
    """Return the queued book messages."""
    found = []
    while (message := client._inbox.pop()) is not None:
        if getattr(message, "channel", None) == "book":
            found.append(message)
    return found


async def both_are_sound(client: KrakenWSClient, books: int = 1) -> Merge:
    """Wait until both connections have sound books."""
    assert client._pool.primary is not None
    merge = client._pool.primary.merge
    assert merge is not None
    await eventually(lambda: [len(source.positions) for source in merge._sources] == [books, books])
    return merge


async def test_each_message_comes_once(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        result = await client.subscribe(BookParams(symbol=[BTC, ETH]))
        assert result.symbols == [BTC, ETH]
        assert list(client.connections) == ["public", "public-twin"]
        await sim.wait_for(lambda: sim.registry.count("book", BTC) == 2)
        book = client.book(BTC)
        merge = await both_are_sound(client, 2)
        books_of(client)
        seen = merge.duplicates
        for number in range(1, 21):
            await sim.step(BTC)
            await eventually(lambda number=number: merge.duplicates == seen + number)
        assert len(books_of(client)) == 20
        counts = client.connections["public"].stats()
        assert (counts["duplicates"], counts["switches"]) == (seen + 20, 0)
        assert merge.switches == 0
        assert book.is_valid
        assert book is client.book(BTC) is client.book_manager.get(BTC)


@pytest.mark.parametrize("name", ["public", "public-twin"])
async def test_losing_one_connection_makes_no_gap(sim: SimulatedExchange, name: str) -> None:
    async with connected(sim, redundant=True) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await both_are_sound(client)
        book, view = client.book(BTC), client.connections[name]
        sim.faults.refuse_connections(1)
        (lost,) = [c for c in sim.connections if _is(c, view.connection_id)]
        lost.abort()
        await sim.step(BTC)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        await sim.step(BTC)
        await eventually(lambda: book.updates >= 2)
        assert book.is_valid
        await eventually(lambda: view.reconnects == 1)
        await both_are_sound(client)
        assert book.is_valid
        assert gaps_of(client) == []


@pytest.mark.parametrize("depth", [10, 1000])
async def test_copy_kept_from_the_messages_stays_right(sim: SimulatedExchange, depth: int) -> None:
    copy = Engine()
    copy.books.expect(BTC, depth)
    received: list[int] = []

    def keep(message: object) -> None:
        if isinstance(message, WSDataMessage):
            assert message.raw is not None
            (event,) = copy.feed(message.raw)
            assert isinstance(event, WSDataMessage)
            assert event.verified
            received.append(message.timestamp_ns or 0)

    async with connected(sim, redundant=True) as client:
        await client.subscribe(BookParams(symbol=[BTC], depth=depth), callback=keep)
        book = client.book(BTC)
        for number in range(12):
            await sim.wait_for(lambda: sim.registry.count("book", BTC) == 2)
            await both_are_sound(client)
            await sim.step(BTC, 3)
            sim.connections[number % 2].abort()
            await sim.step(BTC, 3)
            await eventually(lambda: book.bids == sim.published(BTC, depth)[-1].bids)
            assert copy.book(BTC).bids == book.bids
            assert copy.book(BTC).asks == book.asks
        assert client.stats()["callback_errors"] == 0
        assert received == sorted(received)
        assert gaps_of(client) == []


async def test_losing_both_makes_a_gap(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        book = client.book(BTC)
        await eventually(lambda: book.is_valid)
        sim.faults.reset_connections()
        (gap,) = await eventually(lambda: client.gaps)
        assert (gap.cause, gap.channels, gap.symbols) == ("disconnect", ["book"], [BTC, ETH])
        assert gap.connection == sim.url
        assert book.is_valid


async def test_other_channels_are_on_one_connection(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert sim.registry.count("ticker", BTC) == 1
        assert client.connections["public-twin"].subscriptions == 1


async def test_connection_that_cannot_be_opened_is_retried(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        sim.faults.refuse_connections(15)  # more than one round of attempts
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.state is ConnectionState.RECONNECTING
        await sim.wait_for(lambda: sim.registry.count("book", BTC) == 2)
        await eventually(lambda: client.state is ConnectionState.CONNECTED)


async def test_connection_that_cannot_be_opened_without_reconnecting_is_left_out(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, redundant=True, max_reconnect_attempts=0) as client:
        sim.faults.refuse_connections(1)
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        twin = client.connections["public-twin"]
        await eventually(lambda: twin.state is ConnectionState.DISCONNECTED)
        await client.subscribe(BookParams(symbol=[ETH]))
        assert twin.state is ConnectionState.CONNECTED


async def test_book_can_be_resynced_while_it_is_read(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await both_are_sound(client)
        await client.resync(BTC)
        assert gaps_of(client) == []
        assert client.book(BTC).is_valid


async def test_unsubscribing_ends_both(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        params = BookParams(symbol=[BTC, ETH], depth=25)
        await client.subscribe(params)
        book = client.book(BTC)
        await client.unsubscribe(params)
        assert client.subscriptions == {}
        assert sim.registry.count("book", BTC) == 0
        assert not book.is_valid
        await client.subscribe(BookParams(symbol=[BTC], depth=100))
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.book(BTC) is book
        assert book.depth == 100


async def test_each_of_several_connections_has_a_twin(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True, symbols_per_connection=1) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        assert list(client.connections) == ["public", "public-2", "public-twin", "public-2-twin"]
        await sim.wait_for(lambda: sim.registry.count("book", ETH) == 2)
        await eventually(lambda: client.book(ETH).is_valid)
        twin = client.connections["public-2-twin"]
        assert twin.symbols == {ETH}
        assert f"{sim.url}#public-2-twin" in client.stats()["connections"]
        (entry,) = client.subscriptions.values()
        assert entry.params == BookParams(symbol=[BTC, ETH])


async def test_refused_symbol_is_reported_once(sim: SimulatedExchange) -> None:
    async with connected(sim, redundant=True) as client:
        with pytest.raises(SubscriptionError) as caught:
            await client.subscribe(BookParams(symbol=[BTC, "NOPE/USD"]))
        assert set(caught.value.rejected) == {"NOPE/USD"}
        assert caught.value.accepted == (BTC,)
        await eventually(lambda: client.book(BTC).is_valid)


async def test_client_ends_when_both_connections_have(sim: SimulatedExchange) -> None:
    client = client_of(sim, redundant=True, max_reconnect_attempts=2)
    async with client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await both_are_sound(client)
        sim.faults.refuse_connections(None)
        sim.faults.reset_connections()
        with pytest.raises(ConnectFailed):
            async for _ in client:
                pass
        assert client.state is ConnectionState.DISCONNECTED
        assert [(gap.symbols, gap.end_ns) for gap in client.gaps] == [([BTC], None)]
        sim.faults.clear()
        await client.connect()
        assert (await find_channel(client, "book")).type == "snapshot"
        assert client.gaps[-1].end_ns is not None


def _is(connection: Any, connection_id: int | None) -> bool:
    return connection.session is not None and connection.session.connection_id == connection_id


@pytest.mark.parametrize("patience", [-1, math.nan, math.inf, "0.1", True])
def test_patience_makes_sense(patience: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="redundant_patience must be a"):
        KrakenWSClient(redundant=True, redundant_patience=patience)


def test_patience_is_for_a_redundant_feed() -> None:
    with pytest.raises(ValueError, match="redundant_patience needs redundant=True"):
        KrakenWSClient(redundant_patience=0.1)


async def lossy(sim: SimulatedExchange, seconds: float, **options: Any) -> Counter[str]:
    """Lose one connection of two after the other, their bytes up to 20 ms late; count."""
    counts: Counter[str] = Counter()
    dice = random.Random(7)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, virtual.VirtualLoop)
    copy = Engine()
    copy.books.expect(BTC, 10)

    def see(message: object) -> None:
        if isinstance(message, WSDataMessage):
            assert message.raw is not None
            (event,) = copy.feed(message.raw)
            assert isinstance(event, WSDataMessage)
            assert event.verified
            counts[message.type] += 1
        else:
            counts[type(message).__name__] += 1

    async with connected(sim, redundant=True, **options) as client:
        await client.subscribe(BookParams(symbol=[BTC]), callback=see)
        merge = await both_are_sound(client)
        loop.lag = lambda: dice.uniform(0, 0.02)
        for _ in range(int(seconds)):
            for _ in range(200):
                await sim.step(BTC)
                await asyncio.sleep(0.005)
                counts["published"] += 1
            # Never both: the other connection is open and has caught up.
            await both_are_sound(client)
            dice.choice(sim.connections).abort()
        await both_are_sound(client)
        await asyncio.sleep(0.1)
        assert client.book(BTC).bids == copy.book(BTC).bids == sim.published(BTC)[-1].bids
        assert client.stats()["callback_errors"] == 0
        counts["gaps"] = len(gaps_of(client))
        counts["switches"] = merge.switches
        counts["reconnects"] = sum(view.reconnects for view in client.connections.values())
        loop.lag = lambda: 0.0
    return counts


@pytest.mark.parametrize("patience", [0.0, 0.1])
@pytest.mark.virtual_time
async def test_patience_is_what_keeps_every_update_of_connections_that_come_and_go(
    patience: float,
) -> None:
    async with SimulatedExchange(rate=0, heartbeat_interval=0.05) as sim:
        counts = await lossy(sim, 20, redundant_patience=patience)
        assert counts["reconnects"] == 20
        skipped = counts["published"] - counts["update"]
        if patience:
            assert (skipped, counts["gaps"], counts["snapshot"]) == (0, 0, 1)
        else:
            # Each reconnects with a book that is newer than the other's next message.
            assert counts["gaps"] > 0
            assert skipped > 0
