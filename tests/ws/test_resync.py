"""A book that is not the exchange's any more, over a real socket."""

from __future__ import annotations

import logging

import pytest
from tests.ws.helpers import BTC, ETH, asked, connected, eventually, find_type

from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import BookQuarantinedEvent, GapEvent
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import BookChecksumEvent, BookParams, KrakenWSClient


async def spoil(sim: SimulatedExchange, client: KrakenWSClient) -> None:
    """Let one checksum of BTC be wrong, and wait until the client has seen it."""
    await eventually(lambda: client.book(BTC).is_valid)
    mismatches = client.book(BTC).mismatch_count
    sim.faults.corrupt_checksums(BTC)
    await sim.step(BTC)
    await eventually(lambda: client.book(BTC).mismatch_count > mismatches)


async def test_one_symbol_is_asked_for_again_and_the_others_are_left_alone(
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
        again = [(r.method, r.symbols, r.params["depth"]) for r in asked(sim)[1:]]
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


async def test_snapshot_before_its_ack_counts(sim: SimulatedExchange) -> None:
    sim.ack_first = False
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        assert client.book(BTC).is_valid
        await spoil(sim, client)
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.stats()["connections"][sim.url]["resyncs"] == 1


async def test_quarantined_book_is_released_on_demand(sim: SimulatedExchange) -> None:
    async with connected(sim, resync_attempts=1) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        sim.faults.corrupt_checksums(BTC, None, snapshots=True)
        await spoil(sim, client)
        await find_type(client, BookQuarantinedEvent)
        with pytest.raises(BookNotReady, match="quarantined"):
            await client.resync(BTC)
        sim.faults.clear()
        await client.resync(BTC)
        assert client.book(BTC).bids == sim.published(BTC)[-1].bids
        with pytest.raises(KeyError):
            await client.resync(ETH)


async def test_lost_snapshot_is_asked_for_again(sim: SimulatedExchange) -> None:
    async with connected(sim, request_timeout=0.05) as client:
        snapshots = sim.faults.add(
            "lose_snapshot", lambda message: message.type == "snapshot", lambda *_: []
        )
        await client.subscribe(BookParams(symbol=[BTC]))
        assert snapshots.fired == 1
        await eventually(lambda: client.book(BTC).is_valid)
        assert [gap.symbols for gap in client.gaps] == [[BTC]]
