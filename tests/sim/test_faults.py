"""Every fault, as a client feels it."""

from __future__ import annotations

import asyncio
import math

import httpx
import pytest
import websockets
from tests.sim.client import BookReader, Client, Message, connected, fetch_token, reading, signed

from kraken_connector.sim import SimulatedExchange

SYMBOL = "BTC/USD"


def events(sim: SimulatedExchange) -> list[str]:
    return [entry.event for entry in sim.log]


async def steps(sim: SimulatedExchange, client: Client, count: int) -> list[Message]:
    await sim.step(SYMBOL, count)
    return await client.updates("book", count)


@pytest.mark.parametrize(
    "announced",
    [
        {"starts": 1_796_000_000},
        {"start_time": "Wed, 02 Dec 2026 10:00:00 GMT"},
        {"start": "2026-12-02T10:00Z"},
        {},
        "soon",
    ],
)
async def test_maintenance_is_announced_in_any_format(announced: object) -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        sim.faults.set_system("online", upcoming_maintenance=[announced])
        (item,) = (await client.receive())["data"]
        assert item["upcoming_maintenance"] == [announced]


async def test_checksum_is_wrong_once() -> None:
    async with reading() as (sim, client, reader):
        rule = sim.faults.corrupt_checksums(SYMBOL)
        wrong, right = await steps(sim, client, 2)
        with pytest.raises(AssertionError):
            reader.read(wrong)
        reader.read(right)
        assert rule.fired == 1
        assert "corrupt_checksums" in events(sim)


async def test_checksum_is_wrong_until_cancelled() -> None:
    async with reading() as (sim, client, reader):
        rule = sim.faults.corrupt_checksums(SYMBOL, None)
        for message in await steps(sim, client, 5):
            with pytest.raises(AssertionError):
                reader.read(message)
        rule.cancel()
        reader.read((await steps(sim, client, 1))[0])


async def test_snapshot_checksum_is_wrong() -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        sim.faults.corrupt_checksums(SYMBOL, snapshots=True)
        snapshot = await client.subscribe("book", SYMBOL)
    with pytest.raises(AssertionError):
        BookReader(10).read(snapshot)


async def test_dropped_update_leaves_a_book_that_is_not_the_exchanges() -> None:
    async with reading() as (sim, client, reader):
        sim.faults.drop_updates(SYMBOL)
        await sim.step(SYMBOL, 2)
        (message,) = await client.updates("book", 1)
        with pytest.raises(AssertionError):
            reader.read(message)
        assert sim.published(SYMBOL)[-1].count == 3


async def test_duplicated_update_comes_twice() -> None:
    async with reading() as (sim, client, reader):
        sim.faults.duplicate_updates(SYMBOL)
        await sim.step(SYMBOL)
        first, second = await client.updates("book", 2)
        assert first == second
        reader.read(first)


async def test_swapped_updates_come_in_the_wrong_order() -> None:
    async with reading() as (sim, client, _):
        sim.faults.swap_updates(SYMBOL)
        await sim.step(SYMBOL, 3)
        second, first, third = (
            message["data"][0]["checksum"] for message in await client.updates("book", 3)
        )
        assert [first, second, third] == [state.checksum for state in sim.published(SYMBOL)[-3:]]


async def test_crossed_book_verifies_and_heals() -> None:
    async with reading() as (sim, client, reader):
        sim.faults.cross_book(SYMBOL)
        crossed, healed = await client.updates("book", 2)
        book = reader.read(crossed)
        assert float(book.levels("bids")[0][0]) > float(book.levels("asks")[0][0])
        book = reader.read(healed)
        assert float(book.levels("bids")[0][0]) < float(book.levels("asks")[0][0])
        reader.read((await steps(sim, client, 1))[0])


async def test_acks_are_late() -> None:
    async with reading() as (sim, client, _):
        sim.faults.delay_acks(0.01)
        await client.request("subscribe", channel="trade", symbol=[SYMBOL])
        assert "channel" in await client.receive()
        assert (await client.receive())["result"]["channel"] == "trade"


async def test_acks_are_swallowed_but_the_subscription_lives() -> None:
    async with reading() as (sim, client, _):
        sim.faults.swallow_acks(1)
        await client.request("subscribe", channel="trade", symbol=[SYMBOL])
        assert (await client.receive())["channel"] == "trade"
        assert (await client.answer({"method": "fly"}))["error"] == "Unsupported event"


async def test_pongs_are_swallowed_or_late() -> None:
    async with reading() as (sim, client, _):
        sim.faults.swallow_pongs(1)
        await client.send({"method": "ping", "req_id": 1})
        assert (await client.answer({"method": "ping", "req_id": 2}))["req_id"] == 2
        sim.faults.delay_pongs(0.01, 1)
        await client.send({"method": "ping", "req_id": 3})
        assert (await client.answer({"method": "ping", "req_id": 4}))["req_id"] == 4
        assert (await client.receive())["req_id"] == 3


async def test_heartbeats_stop_and_go_on() -> None:
    async with SimulatedExchange(rate=0, heartbeat_interval=0.01) as sim, connected(sim) as client:
        await client.subscribe("ticker", SYMBOL)
        assert await client.receive() == {"channel": "heartbeat"}
        rule = sim.faults.stop_heartbeats()
        await sim.wait_for(lambda: rule.fired >= 2)
        rule.cancel()
        assert await client.receive() == {"channel": "heartbeat"}


async def test_sequence_number_is_left_out() -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        await client.subscribe("balances", token=await fetch_token(sim))
        sim.faults.skip_sequence("balances")
        await sim.account.deposit("USD", 1)
        assert (await client.updates("balances", 1))[0]["sequence"] == 3


async def test_symbols_are_refused_until_cleared() -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        sim.faults.refuse_symbols(SYMBOL, "ETH/USD")
        request = {"method": "subscribe", "params": {"channel": "book", "symbol": [SYMBOL]}}
        answer = await client.answer(request)
        assert answer["error"] == f"Currency pair not supported {SYMBOL}"
        sim.faults.clear()
        assert (await client.answer(request))["success"]


async def test_text_that_is_no_json_is_sent() -> None:
    async with reading() as (sim, client, _):
        sim.faults.send_text("CloudFlare WebSocket proxy restarting")
        assert await client.socket.recv() == "CloudFlare WebSocket proxy restarting"


async def test_bytes_are_sent_as_they_are() -> None:
    async with reading() as (sim, client, _):
        sim.faults.send_bytes(b"\x81\x05he")
        sim.faults.send_bytes(b"llo\x01\x02{}\x80\x01 ")
        assert await client.socket.recv() == "hello"
        assert await client.socket.recv() == "{} "


async def test_status_changes_reach_everybody() -> None:
    async with reading() as (sim, client, _), connected(sim) as other:
        sim.faults.set_system("maintenance", connection_id=False)
        for reader in (client, other):
            (item,) = (await reader.updates("status", 1))[0]["data"]
            assert item["system"] == "maintenance"
            assert "connection_id" not in item


async def test_status_of_a_pair_reaches_those_who_listen() -> None:
    async with reading() as (sim, client, _):
        sim.faults.set_pair_status(SYMBOL, "post_only")
        snapshot = await client.subscribe("instrument")
        statuses = {pair["symbol"]: pair["status"] for pair in snapshot["data"]["pairs"]}
        assert statuses.pop(SYMBOL) == "post_only"
        assert set(statuses.values()) <= {"online"}
        sim.faults.set_pair_status(SYMBOL, "online")
        (update,) = await client.updates("instrument", 1)
        assert update["data"]["assets"] == []
        (pair,) = update["data"]["pairs"]
        assert (pair["symbol"], pair["status"]) == (SYMBOL, "online")
        with pytest.raises(KeyError):
            sim.faults.set_pair_status("NO/PAIR", "online")


async def test_market_of_a_closed_pair_only_quotes() -> None:
    async with SimulatedExchange(rate=0, symbols=[SYMBOL]) as sim:
        sim.faults.set_pair_status(SYMBOL, "maintenance")
        assert not any([(await sim.step(SYMBOL)).trades for _ in range(300)])
        sim.faults.set_pair_status(SYMBOL, "online")
        assert any([(await sim.step(SYMBOL)).trades for _ in range(300)])


async def test_connections_are_reset() -> None:
    async with reading() as (sim, client, _):
        sim.faults.reset_connections()
        closed = await client.closed()
        assert closed.rcvd is None
        await sim.wait_for(lambda: not sim.connections)


async def test_connections_are_closed_with_a_code() -> None:
    async with reading() as (sim, client, _):
        sim.faults.close_connections(1012, "restart")
        closed = await client.closed()
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (1012, "restart")


async def test_connections_fall_silent_but_stay() -> None:
    async with reading() as (sim, client, _):
        sim.faults.silence_connections()
        await sim.step(SYMBOL, 3)
        pong = await client.socket.ping()
        async with connected(sim) as other:
            await other.answer({"method": "ping"})
        assert not pong.done()
        assert len(sim.connections) >= 1
        assert client.socket.close_code is None
        client.leave()


@pytest.mark.parametrize("status", [403, 429, 502, 503])
async def test_handshakes_are_refused_with_a_status(status: int) -> None:
    async with SimulatedExchange(rate=0) as sim:
        sim.faults.refuse_connections(2, status=status)
        for _ in range(2):
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with connected(sim):
                    pass
            assert refused.value.response.status_code == status
        async with connected(sim) as client:
            assert client.greeting["channel"] == "status"
        assert events(sim).count("refused_connection") == 2


async def test_tcp_connections_are_reset_before_a_byte() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.refuse_connections(None, status=None)
        with pytest.raises((OSError, websockets.InvalidMessage)):
            async with connected(sim):
                pass
        with pytest.raises(httpx.TransportError):
            await http.post(**signed(sim, 1))
        sim.faults.clear()
        assert (await http.post(**signed(sim, 2))).json()["error"] == []


async def test_refusal_ends_after_its_time() -> None:
    async with SimulatedExchange(rate=0) as sim:
        sim.faults.refuse_connections(None, seconds=0)
        async with connected(sim) as client:
            assert client.greeting["channel"] == "status"


async def test_a_fault_of_ones_own() -> None:
    async with reading() as (sim, client, _):
        rule = sim.faults.add(
            "quiet_ticker",
            lambda message: message.channel == "ticker" and message.kind == "data",
            lambda session, message: [],
        )
        await client.request("subscribe", channel="ticker", symbol=[SYMBOL])
        await sim.wait_for(lambda: rule.fired)
        assert (await client.answer({"method": "ping"}))["method"] == "subscribe"
        assert "quiet_ticker" in events(sim)


async def test_late_messages_of_a_closed_connection_are_lost() -> None:
    async with reading() as (sim, client, _):
        (connection,) = sim.connections
        await client.socket.close()
        await sim.wait_for(lambda: not sim.connections)
        connection.send_text(b"late")
        connection.send_bytes(b"late")
        assert not sim.connections


async def test_fault_comes_after_so_many_messages() -> None:
    async with reading() as (sim, client, reader):
        ticker = await client.subscribe("ticker", SYMBOL)
        assert ticker["channel"] == "ticker"
        sim.faults.after_messages(3, lambda: sim.faults.corrupt_checksums(SYMBOL), symbol=SYMBOL)
        *right, wrong, last = await steps(sim, client, 5)
        for message in right:
            reader.read(message)
        with pytest.raises(AssertionError):
            reader.read(wrong)
        reader.read(last)


async def test_several_countdowns_run_side_by_side_and_with_other_faults() -> None:
    async with reading() as (sim, _, _):
        happened: list[str] = []
        sim.faults.after_messages(2, lambda: happened.append("two"))
        sim.faults.after_messages(1, lambda: happened.append("one"))
        sim.faults.after_messages(1, lambda: happened.append("never"), channel="trade")
        sim.faults.after_messages(1, lambda: happened.append("cancelled")).cancel()
        sim.faults.drop_updates(SYMBOL, 2)
        await sim.step(SYMBOL, 3)
        assert happened == ["one", "two"]
        sim.faults.after_messages(1, lambda: happened.append("cleared"))
        sim.faults.clear()
        await sim.step(SYMBOL)
        assert happened == ["one", "two"]
        with pytest.raises(ValueError, match="count"):
            sim.faults.after_messages(0, list)


@pytest.mark.virtual_time
async def test_fault_comes_in_a_while() -> None:
    loop = asyncio.get_running_loop()
    async with SimulatedExchange(rate=0) as sim:
        start, happened = loop.time(), []
        for seconds in (5.0, 2.0):
            sim.faults.after_seconds(seconds, lambda: happened.append(loop.time() - start))
        sim.faults.after_seconds(1.0, lambda: happened.append(math.nan)).cancel()
        await asyncio.sleep(3.0)
        assert happened == [pytest.approx(2.0)]
        sim.faults.clear()
        await asyncio.sleep(3.0)
        assert len(happened) == 1
