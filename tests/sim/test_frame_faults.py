"""Faults below and beside the messages, as a client feels them: frames, bytes, answers, tokens."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
import websockets
from tests.sim.client import Client, connected, fetch_token, reading, serving, signed
from websockets.frames import CloseCode

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.faults import Faults

SYMBOL = "BTC/USD"


async def parts_of(client: Client) -> list[str | bytes]:
    """Return the next message that is no heartbeat, frame by frame."""
    return [part async for part in client.socket.recv_streaming()]


@pytest.mark.parametrize(
    ("name", "parts", "kind"),
    [("dribble_updates", 1, str), ("fragment_updates", 3, str), ("binary_updates", 1, bytes)],
)
async def test_update_comes_whole_in_an_unusual_shape(name: str, parts: int, kind: type) -> None:
    async with reading() as (sim, client, reader):
        rule = getattr(sim.faults, name)(SYMBOL)
        await sim.step(SYMBOL)
        came = await parts_of(client)
        assert [type(part) for part in came] == [kind] * parts
        text = b"".join(part if isinstance(part, bytes) else part.encode() for part in came)
        reader.read(json.loads(text, parse_float=str))
        assert rule.fired == 1


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda faults: faults.compress_updates(SYMBOL), CloseCode.PROTOCOL_ERROR),
        (lambda faults: faults.cut_mid_frame(SYMBOL), CloseCode.ABNORMAL_CLOSURE),
        (lambda faults: faults.send_huge_frame(), CloseCode.MESSAGE_TOO_BIG),
    ],
)
async def test_frame_ends_the_connection(act: Callable[[Faults], object], code: int) -> None:
    async with (
        SimulatedExchange(rate=0, heartbeat_interval=0) as sim,
        connected(sim, max_size=2**20) as client,
    ):
        await client.subscribe("book", SYMBOL)
        act(sim.faults)
        await sim.step(SYMBOL)
        closed = await client.closed()
        sent = None if closed.sent is None else closed.sent.code
        assert (sent or CloseCode.ABNORMAL_CLOSURE) == code


async def test_stall_mid_frame_is_the_last_of_its_socket_alone() -> None:
    async with (
        SimulatedExchange(rate=0, heartbeat_interval=0) as sim,
        connected(sim) as stalled,
        connected(sim) as other,
    ):
        await stalled.subscribe("book", SYMBOL)
        sim.faults.stall_mid_frame(SYMBOL)
        await sim.step(SYMBOL)
        await stalled.request("ping")
        assert "method" in await other.answer({"method": "ping"})
        assert len(stalled.socket.recv_messages.frames) == 0
        stalled.leave()
        other.leave()


@pytest.mark.parametrize(
    ("name", "checksum"),
    [("lose_checksums", type(None)), ("garble_checksums", str), ("corrupt_updates", int)],
)
async def test_update_is_not_what_it_should_be(name: str, checksum: type) -> None:
    async with reading() as (sim, client, reader):
        getattr(sim.faults, name)(SYMBOL)
        await sim.step(SYMBOL)
        (message,) = await client.updates("book", 1)
        assert type(message["data"][0].get("checksum")) is checksum
        with pytest.raises((AssertionError, KeyError)):
            reader.read(message)


async def test_truncated_update_is_no_json() -> None:
    async with reading() as (sim, client, _):
        sim.faults.truncate_updates(SYMBOL)
        await sim.step(SYMBOL)
        with pytest.raises(json.JSONDecodeError):
            await client.receive()


async def test_snapshot_is_lost_behind_its_ack() -> None:
    async with serving() as (sim, client):
        rule = sim.faults.lose_snapshots(SYMBOL)
        await client.request("subscribe", channel="book", symbol=[SYMBOL])
        assert (await client.receive())["success"]
        await sim.step(SYMBOL)
        (message,) = await client.updates("book", 1)
        assert message["type"] == "update"
        assert rule.fired == 1


async def test_acks_come_twice() -> None:
    async with serving() as (sim, client):
        sim.faults.duplicate_acks(1)
        await client.request("subscribe", channel="trade", symbol=[SYMBOL])
        first, second = await client.receive(), await client.receive()
        assert first == second
        assert first["success"]


async def test_status_storm() -> None:
    async with serving() as (sim, client):
        sim.faults.storm_status(50)
        assert len(await client.updates("status", 50)) == 50


async def test_tokens_that_expired_before_they_were_used() -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        sim.faults.expire_tokens()
        for nonce, is_good in ((1, False), (2, True)):
            token = await fetch_token(sim, nonce)
            request = {"method": "subscribe", "params": {"channel": "balances", "token": token}}
            assert (await client.answer(request))["success"] is is_good


async def test_token_calls_that_fail_are_reset_or_take_long() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.fail_tokens()
        assert (await http.post(**signed(sim, 1))).status_code == 502
        sim.faults.drop_tokens()
        with pytest.raises(httpx.TransportError):
            await http.post(**signed(sim, 2))
        sim.faults.delay_tokens(60)
        with pytest.raises(httpx.ReadTimeout):
            await http.post(**signed(sim, 3), timeout=0.05)
        sim.faults.clear()
        assert (await http.post(**signed(sim, 4))).status_code == 200


def test_tls_cannot_be_broken_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="ssl"):
        SimulatedExchange(rate=0).faults.break_tls()


async def test_huge_frame_has_the_given_size() -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim, max_size=1000) as client:
        sim.faults.send_huge_frame(5000)
        closed = await client.closed()
        assert isinstance(closed, websockets.ConnectionClosed)
        assert closed.sent is not None
        assert "5000" in closed.sent.reason
