"""Books that differ from the exchange's, over a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest
from tests.ws.helpers import BTC, ETH, connected, eventually, find_type, requests_of, trading

from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import BookQuarantinedEvent, GapEvent
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.session import Outgoing, Session
from kraken_connector.ws import (
    BookChecksumEvent,
    BookParams,
    ConnectionState,
    ExecutionsParams,
    KrakenWSClient,
)
from kraken_connector.ws.trading import AddOrderParams


async def spoil(sim: SimulatedExchange, client: KrakenWSClient) -> None:
    """Let one checksum of BTC be wrong, and wait until the client has seen it."""
    await eventually(lambda: client.book(BTC).is_valid)
    mismatches = client.book(BTC).mismatch_count
    sim.faults.corrupt_checksums(BTC)
    await sim.step(BTC)
    await eventually(lambda: client.book(BTC).mismatch_count > mismatches)


async def test_one_symbol_is_subscribed_again_and_the_others_are_not(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH], depth=25))
        held = client.book(BTC)
        await eventually(lambda: client.book(ETH).is_valid)
        with caplog.at_level(logging.WARNING, logger="kraken_connector"):
            await spoil(sim, client)
        assert BTC in caplog.text
        await eventually(lambda: held.is_valid)
        assert client.book(BTC) is held
        assert held.bids == sim.published(BTC, 25)[-1].bids
        again = [(r.method, r.symbols, r.params["depth"]) for r in requests_of(sim)[1:]]
        assert again == [("unsubscribe", (BTC,), 25), ("subscribe", (BTC,), 25)]
        assert client.book(ETH).is_valid
        assert sim.connections_total == 1
        await find_type(client, BookChecksumEvent)
        gap = await find_type(client, GapEvent)
        assert (gap.cause, gap.symbols) == ("resync", [BTC])
        assert client.stats()["connections"][sim.url]["resyncs"] == 1
        (entry,) = client.subscriptions.values()
        assert entry.confirmed


async def test_book_is_not_readable_meanwhile(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        sim.faults.swallow_acks()
        await spoil(sim, client)
        with pytest.raises(BookNotReady, match="stale"):
            client.book(BTC).top_of_book()
        assert client.book(BTC).unverified() != ([], [])


@pytest.mark.parametrize("times", [1, 2])
async def test_lost_update_is_noticed_and_repaired(sim: SimulatedExchange, times: int) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)
        sim.faults.drop_updates(BTC, times)
        await sim.step(BTC, times)
        for _ in range(50):
            await sim.step(BTC)
        await eventually(
            lambda: (
                client.book(BTC).is_valid
                and client.book(BTC).bids == sim.published(BTC)[-1].bids
                and client.book(BTC).asks == sim.published(BTC)[-1].asks
            )
        )


async def test_book_that_keeps_failing_is_given_up_with_an_alarm(sim: SimulatedExchange) -> None:
    async with connected(sim, resync_attempts=2) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        sim.faults.corrupt_checksums(BTC, None, snapshots=True)
        await spoil(sim, client)
        alarm = await find_type(client, BookQuarantinedEvent)
        assert (alarm.symbol, alarm.attempts) == (BTC, 2)
        with pytest.raises(BookNotReady, match="quarantined"):
            _ = client.book(BTC).best_bid
        assert client.book(ETH).is_valid
        sim.faults.clear()
        await client.unsubscribe(BookParams(symbol=[BTC]))
        await client.subscribe(BookParams(symbol=[BTC]))
        await eventually(lambda: client.book(BTC).is_valid)


def busy(_: Session, message: Outgoing) -> list[Outgoing]:
    """Refuse what the exchange has just accepted."""
    answer = json.loads(message.payload)
    if answer["method"] != "subscribe":
        return [message]
    del answer["result"]
    answer |= {"success": False, "error": "EService:Busy", "channel": "executions"}
    return [replace(message, payload=json.dumps(answer).encode())]


def answers(message: Outgoing) -> bool:
    return message.kind == "answer" and message.channel == "executions"


@pytest.mark.parametrize("attempts", [0, 5])
@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.virtual_time
async def test_stream_of_orders_that_is_refused_comes_back(attempts: int, is_lost: bool) -> None:
    async with trading(resync_attempts=attempts) as (sim, client):
        await client.track_orders()
        await eventually(lambda: client.orders.is_current)
        rules = [
            sim.faults.add("busy", answers, busy, None),
            sim.faults.add("silent", is_snapshot, lambda *_: [], None),
        ]
        if is_lost:
            sim.faults.reset_connections()
        else:
            sim.faults.drop_updates(None, 1, channel="executions")
            for price in ("100.0", "99.0"):
                await client.add_order(
                    AddOrderParams(BTC, "buy", "limit", "0.1", limit_price=price)
                )
        await asyncio.sleep(300)
        assert not client.orders.is_current
        assert client.state is ConnectionState.RECONNECTING
        assert client.gaps == []
        for rule in rules:
            rule.cancel()
        await eventually(lambda: client.orders.is_current, 40)
        assert client.state is ConnectionState.CONNECTED
        (gap,) = client.gaps
        assert gap.channels == ["executions"]
        assert gap.end_ns is not None
        assert gap.end_ns - gap.start_ns > 300e9


def is_snapshot(message: Outgoing) -> bool:
    return message.channel == "executions" and message.type == "snapshot"


@pytest.mark.virtual_time
async def test_second_request_does_not_wait_for_the_next_attempt() -> None:
    async with trading() as (sim, client):
        await client.track_orders()
        rules = [
            sim.faults.add("busy", answers, busy, None),
            sim.faults.add("silent", is_snapshot, lambda *_: [], None),
        ]
        sim.faults.reset_connections()
        await asyncio.sleep(100)
        for rule in rules:
            rule.cancel()
        await client.subscribe(ExecutionsParams())
        await eventually(lambda: client.orders.is_current, 1)
