"""The client's page, "Receiving messages" and "Message types", and callbacks beside them."""

from __future__ import annotations

import logging
from decimal import Decimal
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
    tokens_of,
)

from kraken_connector.exceptions import BookNotReady
from kraken_connector.models import HeartbeatMessage, InvalidFrameEvent
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BookChecksumEvent,
    BookCrossedEvent,
    BookParams,
    ExecutionsParams,
    PongResponse,
    SequenceGapEvent,
    TickerParams,
    TradeParams,
    WSDataMessage,
    WSErrorResponse,
    WSRequest,
)


async def test_iteration_yields_typed_messages(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        async for msg in client:
            if isinstance(msg, WSDataMessage) and msg.channel == "ticker":
                assert msg.type == "snapshot"
                assert msg.data[0].symbol == BTC
                break


async def test_one_message_can_be_received(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        msg = await client.receive()
        assert isinstance(msg, WSDataMessage)
        assert (msg.channel, msg.data[0].system) == ("status", "online")


async def test_error_responses_are_messages(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.send(WSRequest("nonsense"))
        error = await find_type(client, WSErrorResponse)
        assert error.error == "Unsupported event"


async def test_heartbeats_and_pongs_never_reach_the_queue(sim: SimulatedExchange) -> None:
    async with connected(sim, ping_interval=0.02) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.wait_for(lambda: sum(r.method == "ping" for r in sim.requests) >= 3)
        url = next(iter(client.stats()["connections"]))
        await eventually(lambda: client.stats()["connections"][url]["latency"])
        await sim.step(BTC)
        seen: list[Any] = []
        await find(
            client,
            lambda m: (
                seen.append(m) or (getattr(m, "channel", "") == "book" and m.type == "update")
            ),
        )
        assert not [m for m in seen if isinstance(m, HeartbeatMessage | PongResponse)]


async def test_heartbeats_are_delivered_on_demand(sim: SimulatedExchange) -> None:
    async with connected(sim, deliver_heartbeats=True) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert (await find_type(client, HeartbeatMessage)).channel == "heartbeat"


async def test_sequence_gap_of_a_private_channel_is_a_message(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams(snap_orders=True))
        sim.faults.skip_sequence("executions", by=2)
        await sim.account.place(BTC, "buy", "0.1", limit_price="100")
        gap = await find_type(client, SequenceGapEvent)
        assert (gap.expected, gap.received, gap.channel) == (2, 4, "executions")


async def test_checksum_mismatch_is_a_message(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await find_channel(client, "book")
        sim.faults.corrupt_checksums(BTC)
        await sim.step(BTC)
        event = await find_type(client, BookChecksumEvent)
        assert event.symbol == BTC
        assert event.expected != event.computed


async def test_crossed_book_is_a_message(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await find_channel(client, "book")
        sim.faults.cross_book(BTC)
        assert (await find_type(client, BookCrossedEvent)).symbol == BTC


async def test_frame_that_is_no_json_is_reported_and_not_fatal(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        sim.faults.send_text("CloudFlare WebSocket proxy restarting")
        assert (await find_type(client, InvalidFrameEvent)).kind == "syntax"
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert sim.connections_total == 1


async def test_book_is_live_and_applied_before_its_message_is_delivered(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        assert client.book_manager.get(BTC) is None
        with pytest.raises(KeyError):
            client.book(BTC)
        await client.subscribe(BookParams(symbol=[BTC], depth=100))
        await find_channel(client, "book", "snapshot")
        held = client.book_manager.get(BTC)
        assert held is client.book(BTC)
        await sim.step(BTC, 5)
        await eventually(lambda: held is not None and held.updates == 6)
        assert held is not None
        published = sim.published(BTC, 100)[-1]
        assert held.bids == published.bids
        assert held.asks == published.asks
        assert isinstance(held.bids[0][0], Decimal)
        assert client.book_manager.get(BTC) is held


async def test_book_can_not_be_read_before_its_snapshot_or_after_its_end(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        held = client.book(BTC)
        await eventually(lambda: held.is_valid)
        await client.unsubscribe(BookParams(symbol=[BTC]))
        with pytest.raises(BookNotReady):
            _ = held.best_bid
        assert client.book_manager.get(BTC) is held


async def test_live_books_are_not_the_users_to_write(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        message = await find_channel(client, "book")
        for write in (
            lambda: client.book_manager.process_message(message),
            lambda: client.book_manager.remove(BTC),
            client.book_manager.clear,
        ):
            with pytest.raises(RuntimeError):
                write()


async def test_callback_gets_its_subscription_alone_and_at_once(sim: SimulatedExchange) -> None:
    seen: list[Any] = []
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]), callback=seen.append)
        await client.subscribe(BookParams(symbol=[ETH]))
        await sim.step(BTC)
        await sim.step(ETH)
        await find_channel(client, "book", "update")
        await eventually(lambda: len(seen) == 2)
        assert [(m.symbol, m.type) for m in seen] == [(BTC, "snapshot"), (BTC, "update")]
        sim.faults.corrupt_checksums(BTC)
        await sim.step(BTC)
        await eventually(lambda: any(isinstance(m, BookChecksumEvent) for m in seen))


async def test_failing_callback_is_logged_and_counted_and_the_feed_continues(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise LookupError("oops")

    async with connected(sim) as client:
        with caplog.at_level(logging.ERROR, logger="kraken_connector"):
            await client.subscribe(TradeParams(symbol=[BTC], snapshot=True), callback=fail)
            await eventually(lambda: client.stats()["callback_errors"] == 1)
        await client.subscribe(TickerParams(symbol=[BTC]))
        assert client.state == "connected"
    assert "oops" in caplog.text


async def test_on_message_gets_everything_instead_of_the_queue(sim: SimulatedExchange) -> None:
    seen: list[Any] = []
    async with connected(sim, on_message=seen.append) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        await client.send(WSRequest("nonsense"))
        await eventually(lambda: any(isinstance(m, WSErrorResponse) for m in seen))
        channels = [m.channel for m in seen if isinstance(m, WSDataMessage)]
        assert channels == ["status", "ticker"]
        assert client.stats()["queued"] == 0


async def test_nothing_can_be_received_beside_on_message(sim: SimulatedExchange) -> None:
    async with connected(sim, on_message=lambda _: None) as client:
        with pytest.raises(RuntimeError, match="go to on_message"):
            await client.receive()
        with pytest.raises(RuntimeError, match="go to on_message"):
            await anext(client)
        with pytest.raises(RuntimeError, match="go to on_message"):
            aiter(client)


async def test_messages_carry_the_time_of_their_arrival(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        message = await find_channel(client, "ticker")
        assert message.received_ns > 1_600_000_000 * 10**9


async def test_stats_show_latencies_and_rates(sim: SimulatedExchange) -> None:
    def stats() -> dict[str, Any]:
        (stats,) = client.stats()["connections"].values()
        return dict(stats)

    async with connected(sim, ping_interval=0.1) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await sim.step(BTC, 20)
        await eventually(lambda: client.book(BTC).updates > 20 and stats()["ping"]["count"])
        await eventually(lambda: stats()["rates"]["frames"] > 0)
        found = stats()
    assert found["rates"]["bytes"] > found["rates"]["frames"]
    for name in ("ping", "dispatch", "transit"):
        measured = found[name]
        assert measured["count"] > 0
        assert 0 <= measured["p50"] <= measured["p99"] <= measured["p99.9"] <= measured["max"]
