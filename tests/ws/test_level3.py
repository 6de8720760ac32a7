"""Books of individual orders over real sockets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from tests.ws.helpers import (
    BTC,
    ETH,
    PATIENCE,
    client_of,
    connected,
    eventually,
    find_type,
    requests_of,
    tokens_of,
)

from kraken_connector import QueuePosition
from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import BookQuarantinedEvent, GapEvent
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.queues import AmendRule
from kraken_connector.ws import (
    AddOrderParams,
    BookChecksumEvent,
    BookParams,
    CancelOrderParams,
    ConnectionState,
    KrakenWSClient,
    Level3Params,
    TickerParams,
)


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(
        symbols=[BTC, ETH], rate=0, heartbeat_interval=0.05, hosts="three"
    ) as exchange:
        yield exchange


@pytest_asyncio.fixture
async def client(sim: SimulatedExchange) -> AsyncIterator[KrakenWSClient]:
    async with watcher_of(sim) as client:
        yield client


def watcher_of(sim: SimulatedExchange, **options: Any) -> KrakenWSClient:
    """Return a client of the public and the level3 host."""
    options = {"token_manager": tokens_of(sim), **options}
    return client_of(sim, level3_url=sim.level3_url, **options)


def shows_what_was_published(
    client: KrakenWSClient, sim: SimulatedExchange, depth: int, levels: int | None = None
) -> bool:
    """Return whether the book has the exchange's orders in its sequence, in all or some levels."""
    book, published = client.level3(BTC), sim.published_orders(BTC, depth)[-1]
    return book.is_valid and all(
        (levels is not None or len(ours) == len(theirs))
        and [(order.order_id, order.limit_price, order.order_qty) for order in ours]
        == [(order.order_id, order.limit_price, order.order_qty) for order in theirs][: len(ours)]
        for ours, theirs in (
            (book.orders("bid", levels), published.bids),
            (book.orders("ask", levels), published.asks),
        )
    )


@pytest.mark.parametrize("depth", [10, 100, 1000])
async def test_book_has_the_exchanges_orders(
    sim: SimulatedExchange, client: KrakenWSClient, depth: int
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC], depth=depth))
    book = client.level3(BTC)
    await eventually(lambda: book.is_valid)
    await sim.step(BTC, 50)
    await eventually(lambda: shows_what_was_published(client, sim, depth))
    assert book.depth == depth
    assert book.mismatch_count == 0
    assert client.level3(BTC) is book


@pytest.mark.parametrize("amends", ["priority", "requeue", "keep", "reverse"])
@pytest.mark.parametrize("depth", [10, 100])
async def test_book_is_never_lost_to_the_rule_of_amendments(amends: AmendRule, depth: int) -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, hosts="three", level3_amends=amends) as sim,
        watcher_of(sim) as client,
    ):
        await client.subscribe(Level3Params(symbol=[BTC], depth=depth))
        book = client.level3(BTC)
        await eventually(lambda: book.is_valid)
        for _ in range(10):
            await sim.step(BTC, 60)
            await eventually(lambda: shows_what_was_published(client, sim, depth, levels=10))
        stats = client.stats()["connections"][sim.level3_url]
        assert (stats["resyncs"], stats["mismatches"], book.mismatch_count) == (0, 0, 0)
        assert stats["placements"] == book.placement_counts
        raised = "kept" if amends in ("keep", "reverse") else "requeued"
        assert {kind for kind, n in stats["placements"].items() if n and "raised" in kind} == {
            f"raised_{raised}"
        }


async def test_book_comes_back_with_the_connection(
    sim: SimulatedExchange, client: KrakenWSClient
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC], depth=100))
    await client.subscribe(BookParams(symbol=[BTC]))
    book = client.level3(BTC)
    await eventually(lambda: book.is_valid and client.book(BTC).is_valid)
    sim.faults.refuse_connections(1, host="level3")
    sim.faults.reset_connections(host="level3")
    await eventually(lambda: client.state is ConnectionState.RECONNECTING)
    with pytest.raises(BookNotReady):
        book.top_of_book()
    assert client.book(BTC).is_valid
    gap = await find_type(client, GapEvent)
    assert (gap.channels, gap.symbols, gap.connection) == (["level3"], [BTC], sim.level3_url)
    await eventually(lambda: shows_what_was_published(client, sim, 100))
    assert client.level3(BTC) is book
    assert sim.tokens.issued == 2


async def test_wrong_checksum_is_repaired_alone(
    sim: SimulatedExchange, client: KrakenWSClient
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC, ETH]))
    book, other = client.level3(BTC), client.level3(ETH)
    await eventually(lambda: book.is_valid and other.is_valid)
    sim.faults.corrupt_checksums(BTC, channel="level3")
    await sim.step(BTC, 3)
    event = await find_type(client, BookChecksumEvent)
    assert (event.channel, event.symbol) == ("level3", BTC)
    gap = await find_type(client, GapEvent)
    assert (gap.cause, gap.channels, gap.symbols) == ("resync", ["level3"], [BTC])
    await eventually(lambda: shows_what_was_published(client, sim, 10))
    assert other.is_valid
    again = [(r.method, r.symbols, r.params["depth"]) for r in requests_of(sim)[1:]]
    assert again == [("unsubscribe", (BTC,), 10), ("subscribe", (BTC,), 10)]
    assert all(request.params["token"] for request in requests_of(sim))


async def test_unreadable_frame_distrusts_its_book(
    sim: SimulatedExchange, client: KrakenWSClient
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC]))
    await eventually(lambda: client.level3(BTC).is_valid)
    sim.faults.truncate_updates(BTC, channel="level3")
    await sim.step(BTC, 3)
    gap = await find_type(client, GapEvent)
    assert (gap.cause, gap.channels) == ("resync", ["level3"])
    await eventually(lambda: shows_what_was_published(client, sim, 10))


async def test_book_that_keeps_failing_is_given_up_and_released(sim: SimulatedExchange) -> None:
    async with watcher_of(sim, resync_attempts=1) as client:
        await client.subscribe(Level3Params(symbol=[BTC]))
        await eventually(lambda: client.level3(BTC).is_valid)
        sim.faults.corrupt_checksums(BTC, None, snapshots=True, channel="level3")
        sim.faults.corrupt_checksums(BTC, channel="level3")
        await sim.step(BTC, 3)
        event = await find_type(client, BookQuarantinedEvent)
        assert (event.channel, event.symbol) == ("level3", BTC)
        assert client.level3(BTC).state == "quarantined"
        with pytest.raises(BookNotReady):
            await asyncio.wait_for(client.resync(BTC, channel="level3"), PATIENCE)
        sim.faults.clear()
        await client.resync(BTC, channel="level3")
        assert shows_what_was_published(client, sim, 10)


async def test_resync_of_what_is_not_subscribed(client: KrakenWSClient) -> None:
    await client.subscribe(BookParams(symbol=[BTC], depth=25))
    await client.resync(BTC)
    with pytest.raises(KeyError, match="level3 of BTC/USD"):
        await client.resync(BTC, channel="level3")
    with pytest.raises(KeyError, match="level3 of BTC/USD"):
        client.level3(BTC)


async def test_level3_that_cannot_be_reconnected_ends_alone(sim: SimulatedExchange) -> None:
    async with watcher_of(sim, max_reconnect_attempts=2) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        await client.subscribe(Level3Params(symbol=[BTC]))
        await eventually(lambda: client.level3(BTC).is_valid)
        sim.faults.refuse_connections(None, host="level3")
        sim.faults.reset_connections(host="level3")
        view = client.connections["level3"]
        await eventually(lambda: view.state is ConnectionState.DISCONNECTED)
        gap = await find_type(client, GapEvent)
        assert (gap.channels, gap.end_ns) == (["level3"], None)
        assert client.state is ConnectionState.RECONNECTING
        assert not client.level3(BTC).is_valid
        await client.subscribe(TickerParams(symbol=[ETH]))
        with pytest.raises(ConnectionError):
            await client.resync(BTC, channel="level3")
        sim.faults.clear()
        await client.resync(BTC, channel="level3")
        assert client.level3(BTC).is_valid
        assert client.state is ConnectionState.CONNECTED


async def test_more_symbols_than_a_connection_allows_go_to_another() -> None:
    names = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}/USD" for n in range(201)]
    async with (
        SimulatedExchange(symbols=names, rate=0, hosts="three", level3_allowance=None) as sim,
        # The simulator creates all the books at once, which may delay the token.
        watcher_of(
            sim, level3_allowance=10_000, token_manager=tokens_of(sim, timeout=100.0)
        ) as client,
    ):
        result = await client.subscribe(Level3Params(symbol=names))
        assert result.symbols == names
        views = client.connections
        assert len(views["level3"].symbols) == 200
        assert views["level3-2"].symbols == {names[200]}
        await eventually(lambda: all(client.level3(name).is_valid for name in names))
        tokens = {request.params["token"] for request in requests_of(sim)}
        assert len(tokens) == 2


async def test_allowance_is_kept_over_several_requests(sim: SimulatedExchange) -> None:
    async with watcher_of(sim, level3_allowance=200) as client:
        await client.subscribe(Level3Params(symbol=[BTC], depth=1000))
        await client.subscribe(Level3Params(symbol=[ETH], depth=1000))
        await client.unsubscribe(Level3Params(symbol=[ETH], depth=1000))
        await client.subscribe(Level3Params(symbol=[ETH], depth=100))
        refused = [entry for entry in sim.log if "Rate limit" in entry.detail]
        assert refused == []


async def test_allowance_that_is_smaller_than_said_is_waited_for(sim: SimulatedExchange) -> None:
    async with watcher_of(sim, level3_allowance=500) as client:
        await client.subscribe(Level3Params(symbol=[BTC, ETH], depth=1000))
        await client.unsubscribe(Level3Params(symbol=[BTC, ETH], depth=1000))
        result = await client.subscribe(Level3Params(symbol=[BTC, ETH], depth=100))
        assert result.symbols == [BTC, ETH]


async def test_queue_position_is_reported_when_it_changes(
    sim: SimulatedExchange, client: KrakenWSClient
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC], depth=100))
    book = client.level3(BTC)
    await eventually(lambda: book.is_valid)
    first, second = book.orders("bid")[0], book.orders("bid", 3)[-1]
    positions: list[QueuePosition | None] = []
    watch = client.watch_queue(BTC, first.order_id, positions.append)
    assert positions == [book.queue_position(first.order_id)] == [watch.position]
    assert positions[0] is not None
    assert positions[0].orders_ahead == 0
    order = SimpleNamespace(symbol=BTC, order_id=second.order_id)
    assert client.queue_position(order) == book.queue_position(second.order_id)
    # The whole order is filled.
    await sim.trade(BTC, "sell", first.order_qty)
    await eventually(lambda: book.order(first.order_id) is None)
    assert positions[-1] is None
    assert all(before != after for before, after in itertools.pairwise(positions))
    watch.cancel()
    assert not watch.is_active


async def test_own_order_is_found_in_its_queue(sim: SimulatedExchange) -> None:
    async with watcher_of(sim, auth_url=sim.auth_url) as client:
        await client.subscribe(Level3Params(symbol=[BTC], depth=100))
        await client.track_orders()
        book = client.level3(BTC)
        await eventually(lambda: book.is_valid)
        price = book.orders("bid")[0].limit_price
        reply = await client.add_order(
            AddOrderParams(
                order_type="limit", side="buy", symbol=BTC, order_qty="0.1", limit_price=price
            )
        )
        order = reply.order
        assert order is not None
        await order.wait_open()
        await eventually(lambda: book.order(order.order_id))
        unsent = SimpleNamespace(symbol=BTC, order_id=None)
        assert client.queue_position(unsent) is None
        position = client.queue_position(order)
        assert position is not None
        assert position.orders_ahead == position.orders - 1 > 0
        positions: list[QueuePosition | None] = []
        client.watch_queue(BTC, order.order_id, positions.append)
        await client.cancel_order(CancelOrderParams(order_id=[order.order_id]))
        await eventually(lambda: positions == [position, None])


async def test_queue_position_is_unknown_while_the_book_is(
    sim: SimulatedExchange, client: KrakenWSClient
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC]))
    book = client.level3(BTC)
    await eventually(lambda: book.is_valid)
    order_id = book.orders("ask")[0].order_id
    positions: list[QueuePosition | None] = []
    client.watch_queue(BTC, order_id, positions.append)
    sim.faults.reset_connections(host="level3")
    await eventually(lambda: len(positions) == 3)
    assert positions[1] is None
    assert positions[0] == positions[2]


async def test_what_a_callback_raises_does_not_end_the_feed(
    sim: SimulatedExchange, client: KrakenWSClient
) -> None:
    await client.subscribe(Level3Params(symbol=[BTC]))
    book = client.level3(BTC)
    await eventually(lambda: book.is_valid)

    def fail(_: object) -> None:
        raise RuntimeError("mine")

    client.watch_queue(BTC, book.orders("ask")[0].order_id, fail)
    assert client.stats()["callback_errors"] == 1
    with pytest.raises(TypeError, match="callable"):
        client.watch_queue(BTC, "O1", None)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        client.watch_queue(ETH, "O1", print)


async def test_one_host_serves_level3_too() -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0) as sim,
        connected(sim, token_manager=tokens_of(sim)) as client,
    ):
        await client.subscribe(BookParams(symbol=[BTC]))
        await client.subscribe(Level3Params(symbol=[BTC]))
        await eventually(lambda: client.level3(BTC).is_valid and client.book(BTC).is_valid)
        assert list(client.connections) == ["public"]
        assert client.level3(BTC).best_bid == client.book(BTC).best_bid
