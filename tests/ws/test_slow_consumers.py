"""A consumer slower than the feed: what is dropped, what is not, and what is reported."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.ws.helpers import (
    BTC,
    ETH,
    connected,
    eventually,
    find,
    find_channel,
    find_type,
    text_frame,
    tokens_of,
    trading,
)

from kraken_connector.exceptions import RequestTimeout
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BalancesParams,
    BookParams,
    ConnectionState,
    ExecutionsParams,
    GapEvent,
    KrakenWSClient,
    TickerParams,
    WSDataMessage,
)
from kraken_connector.ws.delivery import queues as inbox
from kraken_connector.ws.network import connection
from kraken_connector.ws.network.opening import open_socket
from kraken_connector.ws.trading import AddOrderParams


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a consumer count as too slow as soon as more than the bound wait."""
    monkeypatch.setattr(inbox, "PATIENCE", 0.0)


async def receive_all(client: KrakenWSClient) -> list[Any]:
    """Take what is queued, and what that brings about."""
    received = []
    while client.stats()["queued"]:
        received.append(await client.receive())
    return received


def books(messages: list[Any]) -> list[Any]:
    return [m for m in messages if getattr(m, "channel", "") == "book"]


async def flood(sim: SimulatedExchange, client: KrakenWSClient, steps: int) -> None:
    """Send book updates and wait until the client has read them all."""
    before = client.book(BTC).updates
    await sim.step(BTC, steps)
    await eventually(lambda: client.book(BTC).updates >= before + steps)


@pytest.mark.usefixtures("impatient")
async def test_market_data_drops_the_oldest_and_says_so(sim: SimulatedExchange) -> None:
    async with connected(sim, message_queue_max=5) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await flood(sim, client, 20)
        assert client.stats()["dropped"] == 16
        messages = await receive_all(client)
        assert [message.type for message in books(messages)] == ["update"] * 5
        (gap,) = client.gaps
        assert (gap.cause, gap.dropped) == ("overflow", 16)
        assert (gap.channels, gap.symbols) == (["book"], [BTC])
        assert gap.end_ns is not None
        assert gap in messages


@pytest.mark.usefixtures("impatient")
async def test_books_stay_exact_whatever_the_queue_drops(sim: SimulatedExchange) -> None:
    async with connected(sim, message_queue_max=1) as client:
        await client.subscribe(BookParams(symbol=[BTC], depth=100))
        await eventually(lambda: client.book(BTC).is_valid)
        await flood(sim, client, 50)
        assert client.book(BTC).bids == sim.published(BTC, 100)[-1].bids
        assert client.book(BTC).mismatch_count == 0


@pytest.mark.usefixtures("impatient")
async def test_acks_pongs_and_private_messages_pass_a_full_queue(sim: SimulatedExchange) -> None:
    manager = tokens_of(sim)
    async with connected(
        sim, message_queue_max=1, ping_interval=0.01, ping_timeout=5.0, token_manager=manager
    ) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await flood(sim, client, 50)
        await client.subscribe(ExecutionsParams(snap_orders=True))
        for price in range(100, 110):
            await sim.account.place(BTC, "buy", "0.1", limit_price=price)
        await flood(sim, client, 50)
        await client.subscribe(TickerParams(symbol=[ETH]))
        reports = [await find_channel(client, "executions") for _ in range(21)]
        assert [report.sequence for report in reports] == list(range(1, 22))
        await eventually(lambda: client.stats()["connections"][sim.url]["latency"])
        assert sim.connections_total == 1


async def test_private_messages_come_before_market_data(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await flood(sim, client, 20)
        await client.subscribe(ExecutionsParams(snap_orders=True))
        await eventually(lambda: client.stats()["queued"] == 23)
        first = await client.receive()
        assert isinstance(first, WSDataMessage)
        assert first.channel == "executions"


async def test_conflating_keeps_the_latest_of_each_symbol(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]), overflow="conflate")
        await eventually(lambda: client.book(BTC).is_valid and client.book(ETH).is_valid)
        await flood(sim, client, 20)
        stats = client.stats()
        assert (stats["queued"], stats["conflated"], stats["dropped"]) == (3, 20, 0)
        found = [await find_channel(client, "book") for _ in range(2)]
        latest = {message.symbol: message for message in found}
        assert latest.keys() == {BTC, ETH}
        assert latest[BTC].data[0].checksum == sim.published(BTC)[-1].checksum
        assert client.gaps == []


async def test_blocking_stops_reading_until_there_is_room(sim: SimulatedExchange) -> None:
    async with connected(
        sim, message_queue_max=10, heartbeat_timeout=0.3, ping_interval=0.1, ping_timeout=0.2
    ) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="block")
        await sim.step(BTC, 50)
        await eventually(lambda: client.stats()["queued"] >= 10)
        pings = len(sim.requests)
        await sim.wait_for(lambda: len(sim.requests) >= pings + 8)  # longer than any timeout
        assert client.stats()["queued"] <= 12
        updates = [await find_channel(client, "book") for _ in range(51)]
        assert [message.verified for message in updates] == [True] * 51
        assert sim.connections_total == 1
        assert client.stats()["dropped"] == 0


async def test_blocking_leaves_on_the_socket_what_there_is_no_room_for(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = []

    async def open_and_record(*args: Any, **options: Any) -> Any:
        sockets.append(await open_socket(*args, **options))
        return sockets[-1]

    monkeypatch.setattr(connection, "open_socket", open_and_record)
    async with connected(sim, message_queue_max=64) as client:
        await client.subscribe(TickerParams(symbol=[BTC]), overflow="block")
        frame = text_frame(b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD"}]}')
        sim.connections[0].send_bytes(frame * 40_000)
        for _ in range(5_000):
            await find_channel(client, "ticker")
            # The library's limit, and one more read.
            assert len(sockets[0].recv_messages.frames) <= 1024 + 256 * 1024 // len(frame)


async def test_others_get_their_turn_in_a_flood(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    received = row = longest = 0

    def end_row() -> None:
        nonlocal row, longest
        row, longest = 0, max(row, longest)

    def on_message(_: WSDataMessage) -> None:
        nonlocal received, row
        if not row:
            asyncio.get_running_loop().call_soon(end_row)
        received, row = received + 1, row + 1

    # Both cores then receive through the library.
    caplog.set_level(logging.DEBUG, "kraken_connector.ws.network.connection")
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]), callback=on_message)
        frame = text_frame(b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD"}]}')
        sim.connections[0].send_bytes(frame * 5_000)
        await eventually(lambda: received >= 5_000)
    assert 0 < longest <= inbox.IN_A_ROW


def compute() -> None:
    """Use the processor for 12 ms."""
    until = time.thread_time() + 0.012
    while time.thread_time() < until:
        pass


async def compute_at_each(
    client: KrakenWSClient, how: str, quick: int, is_last: Callable[[WSDataMessage], bool]
) -> None:
    """Receive messages and compute, awaiting nothing else, until `is_last` is true of one.

    The first `quick` messages on_message no time.
    """
    received = itertools.count()
    if how == "receive":
        while not is_last(await client.receive()):  # type: ignore[arg-type]
            if next(received) >= quick:
                compute()
        return
    async for message in client:
        if is_last(message):  # type: ignore[arg-type]
            return
        if next(received) >= quick:
            compute()


@pytest.mark.parametrize("quick", [0, 400])
@pytest.mark.parametrize("how", ["receive", "async for"])
async def test_fill_passes_market_data_of_a_consumer_that_only_computes(
    sim: SimulatedExchange, how: str, quick: int
) -> None:
    options = {"token_manager": tokens_of(sim), "ping_interval": 0.02, "ping_timeout": 5.0}
    async with connected(sim, **options) as client:
        await client.subscribe(ExecutionsParams(snap_orders=True))
        await client.subscribe(TickerParams(symbol=[BTC], snapshot=False))
        frame = text_frame(b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD"}]}')
        sim.connections[0].send_bytes(frame * 500)
        await eventually(lambda: client.stats()["queues"]["drop_oldest"]["queued"] == 500)
        seen: list[str] = []
        turns: list[int] = [0]
        pings = len(sim.requests)

        async def count_turns() -> None:
            while True:
                turns[0] += 1
                await asyncio.sleep(0)

        def is_last(message: WSDataMessage) -> bool:
            seen.append(getattr(message, "channel", ""))
            if seen.count("ticker") == quick + 20 and "sent" not in seen:
                fill = b'{"channel":"executions","type":"update","data":[],"sequence":2}'
                sim.connections[0].send_bytes(text_frame(fill))
                seen.append("sent")
            return "sent" in seen and seen[-1] == "executions"

        counting = asyncio.create_task(count_turns())
        await asyncio.wait_for(compute_at_each(client, how, quick, is_last), 30)
        counting.cancel()
        # One more when the loop had polled before the frame was there.
        assert len(seen[seen.index("sent") + 1 :]) <= 3
        assert turns[0] >= 20 * inbox.PASSES
        assert len(sim.requests) > pings + 2
        assert client.stats()["dropped"] == 0


async def test_blocked_client_notices_that_its_socket_is_dead(sim: SimulatedExchange) -> None:
    async with connected(sim, message_queue_max=10, ping_interval=0.02) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="block")
        await sim.step(BTC, 9)
        await eventually(lambda: client.stats()["queues"]["block"]["queued"] >= 10)
        sim.faults.reset_connections()
        await sim.wait_for(lambda: sim.connections_total == 2)
        await eventually(lambda: client.state is ConnectionState.CONNECTED)
        updates = [await find_channel(client, "book") for _ in range(10)]
        assert [message.verified for message in updates] == [True] * 10
        await eventually(lambda: [gap.cause for gap in client.gaps] == ["disconnect"])


async def test_request_of_a_consumer_that_blocks_its_own_answer_times_out(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, message_queue_max=10, request_timeout=0.2) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="block")
        await sim.step(BTC, 20)
        await eventually(lambda: client.stats()["queues"]["block"]["queued"] >= 10)
        with pytest.raises(RequestTimeout):
            await client.subscribe(TickerParams(symbol=[ETH]))
        updates = [await find_channel(client, "book") for _ in range(21)]
        assert [message.verified for message in updates] == [True] * 21


@pytest.mark.usefixtures("impatient")
async def test_disconnecting_starts_over_when_there_is_room(sim: SimulatedExchange) -> None:
    async with connected(sim, message_queue_max=10) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="disconnect")
        await sim.step(BTC, 9)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        await sim.wait_for(lambda: not sim.connections)
        assert sim.connections_total == 1
        early = [await find_channel(client, "book") for _ in range(5)]
        assert early[0].type == "snapshot"
        gap = await find_type(client, GapEvent)
        assert (gap.cause, gap.symbols) == ("overflow", [BTC])
        await find(client, lambda m: getattr(m, "type", "") == "snapshot" and m.channel == "book")
        assert sim.connections_total == 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.virtual_time
async def test_full_queue_opens_no_connection_before_there_is_room() -> None:
    sim = SimulatedExchange(symbols=[BTC], rate=0)
    async with sim, connected(sim, message_queue_max=10) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="disconnect")
        await sim.step(BTC, 10)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        await asyncio.sleep(60)
        assert client.state is ConnectionState.RECONNECTING
        assert sim.connections_total == 1
        receiving = asyncio.create_task(find_type(client, GapEvent))
        await eventually(lambda: client.state is ConnectionState.CONNECTED)
        assert (await receiving).cause == "overflow"


def statuses(messages: list[Any]) -> list[Any]:
    return [m for m in messages if getattr(m, "channel", "") == "status"]


def limit(price: int) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", "0.10", limit_price=str(price))


@pytest.mark.virtual_time
async def test_private_queue_that_nobody_reads_ends_no_trading(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with trading(private_queue_max=10) as (sim, client):
        await client.subscribe(ExecutionsParams(snap_orders=True))
        await client.subscribe(BalancesParams())
        placed = [await client.add_order(limit(price)) for price in range(100, 120)]
        await eventually(lambda: placed[-1].order.status == "new")
        assert [reply.order.status for reply in placed] == ["new"] * 20
        await client.cancel_all()
        await eventually(lambda: not client.orders.open())
        assert client.orders.is_current
        assert client.state is ConnectionState.CONNECTED
        assert sim.connections_total == 1
        stats = client.stats()
        assert stats["queues"]["private"]["queued"] == 10
        # Two snapshots, and of each order three reports.
        assert stats["queues"]["private"]["dropped"] == stats["dropped"] == 52
        assert client.gaps == []
        levels = [record.levelname for record in caplog.records if "queue" in record.msg]
        assert levels == ["WARNING", "ERROR"]
        await client.disconnect()
        (gap,) = client.gaps
        assert (gap.cause, gap.channels, gap.dropped) == ("overflow", ["executions"], 52)


@pytest.mark.virtual_time
async def test_private_queue_with_room_again_brings_a_snapshot_after_the_gap() -> None:
    async with trading(private_queue_max=10) as (sim, client):
        await client.subscribe(ExecutionsParams(snap_orders=True))
        for price in range(100, 110):
            await sim.account.place(BTC, "buy", "0.1", limit_price=str(price))
        await eventually(lambda: client.stats()["dropped"] == 11)
        seen: list[Any] = []
        while not any(getattr(m, "type", "") == "snapshot" for m in seen[1:]):
            seen.append(await client.receive())
        kinds = [getattr(m, "sequence", type(m)) for m in seen if m not in statuses(seen)]
        assert kinds == [*range(1, 11), GapEvent, 1]
        assert len(seen[-1].data) == 10
        gap = client.gaps[0]
        assert (gap.cause, gap.dropped) == ("overflow", 11)
        assert gap in seen
        await eventually(lambda: [gap.cause for gap in client.gaps][1:] == ["resync"])
        assert sim.connections_total == 1


@pytest.mark.virtual_time
async def test_replies_are_not_lost_to_a_full_private_queue() -> None:
    async with trading(private_queue_max=1) as (sim, client):
        await client.subscribe(ExecutionsParams())
        await client.subscribe(BalancesParams())
        assert (await client.add_order(limit(100))).typed.order_id
        await client.unsubscribe(ExecutionsParams())
        sim.faults.reset_connections()
        await eventually(lambda: client.stats()["gaps"])
        assert [gap.cause for gap in client.gaps] == ["disconnect"]
        assert (await client.add_order(limit(101))).typed.order_id


@pytest.mark.usefixtures("impatient")
async def test_policies_of_two_subscriptions_do_not_harm_each_other(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, message_queue_max=3) as client:
        await client.subscribe(BookParams(symbol=[ETH]), overflow="disconnect")
        await client.subscribe(BookParams(symbol=[BTC]))
        await flood(sim, client, 20)
        kept = books(await receive_all(client))
        assert [message.symbol for message in kept] == [ETH, BTC, BTC, BTC]
        assert client.state is ConnectionState.CONNECTED


async def test_consumer_that_blocks_the_loop_does_not_lose_the_connection(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, heartbeat_timeout=0.2, ping_interval=0.1, ping_timeout=0.1) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.5
        while loop.time() < until:
            pass
        requests = len(sim.requests)
        await sim.wait_for(lambda: len(sim.requests) > requests + 1)
        assert sim.connections_total == 1


@pytest.mark.parametrize("overflow", ["conflate", "block"])
async def test_private_messages_know_no_overflow(sim: SimulatedExchange, overflow: Any) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        with pytest.raises(ValueError, match="private"):
            await client.subscribe(ExecutionsParams(), overflow=overflow)
