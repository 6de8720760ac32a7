"""A recording as a live feed."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
from tests.oracle import book_message
from tests.sim.client import BookReader, connected

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.replay import read_recording

CAPTURED = (
    Path(__file__).parents[1] / "fixtures" / "vectors" / "book-replay-btcusd-2023-07-30.jsonl"
)


def replay(recording: Any, **options: Any) -> SimulatedExchange:
    return SimulatedExchange.replay(
        recording, **{"speed": math.inf, "heartbeat_interval": 0, **options}
    )


def ticker(symbol: str, number: int, *, second: int = 0) -> str:
    kind = "update" if number else "snapshot"
    time = f"2026-01-01T00:00:{second:02}.000000Z"
    item = {"symbol": symbol, "last": number, "timestamp": time}
    return json.dumps({"channel": "ticker", "type": kind, "data": [item]})


async def test_captured_session_is_played_frame_by_frame() -> None:
    reader = BookReader(10)
    recorded = CAPTURED.read_text().splitlines()
    async with replay(CAPTURED) as sim, connected(sim) as client:
        reader.read(await client.subscribe("book", "BTC/USD", depth=10))
        for line in recorded[1:]:
            raw = await client.socket.recv()
            assert raw == line
            reader.read(json.loads(raw, parse_float=str))
        await sim.wait_for(lambda: sim.log[-1].event == "replay_finished")


async def test_recording_starts_over_on_demand() -> None:
    frames = CAPTURED.read_text().splitlines()[:5]
    async with replay(frames, loop=True) as sim, connected(sim) as client:
        reader = BookReader(10)
        reader.read(await client.subscribe("book", "BTC/USD"))
        for message in await client.updates("book", 12):
            reader.read(message)


async def test_resubscribe_starts_at_the_first_frame() -> None:
    async with replay(CAPTURED) as sim, connected(sim) as client:
        first = await client.subscribe("book", "BTC/USD")
        await client.request("unsubscribe", channel="book", symbol=["BTC/USD"])
        await client.find(lambda message: message.get("method") == "unsubscribe")
        assert await client.subscribe("book", "BTC/USD") == first


@pytest.mark.parametrize("speed", [1.0, math.inf])
async def test_subscriptions_made_together_keep_the_recorded_order(speed: float) -> None:
    frames = [ticker(symbol, number) for number in range(4) for symbol in ("A/USD", "B/USD")]
    async with replay(frames, speed=speed) as sim, connected(sim) as client:
        await client.request("subscribe", channel="ticker", symbol=["B/USD", "A/USD"])
        got = [message["data"][0] for message in await client.updates("ticker", 8)]
    assert [(item["last"], item["symbol"]) for item in got] == [
        (number, symbol) for number in range(4) for symbol in ("A/USD", "B/USD")
    ]


async def test_pace_is_the_recorded_one() -> None:
    frames = [ticker("A/USD", 0), ticker("A/USD", 1, second=59)]
    async with replay(frames, speed=1) as sim, connected(sim) as client:
        await client.subscribe("ticker", "A/USD")
        assert (await client.answer({"method": "ping"}))["method"] == "pong"
        assert not any(entry.event == "replay_finished" for entry in sim.log)


async def test_what_was_not_recorded_is_refused() -> None:
    async with replay(CAPTURED) as sim, connected(sim) as client:
        answers = [
            await client.answer({"method": "subscribe", "params": params})
            for params in (
                {"channel": "book", "symbol": ["ETH/USD"]},
                {"channel": "trade", "symbol": ["BTC/USD"]},
                {"channel": "instrument"},
            )
        ]
    assert [answer["error"] for answer in answers] == [
        "Currency pair not supported ETH/USD",
        "Currency pair not supported BTC/USD",
        "Currency pair not supported instrument",
    ]


async def test_depth_below_the_recorded_one_is_refused() -> None:
    rows = [(f"{100 + number}.0", "1.00000000") for number in range(25)]
    frames = [book_message("A/USD", "snapshot", [], rows, 1)]
    async with replay(frames) as sim, connected(sim) as client:
        params = {"channel": "book", "symbol": ["A/USD"], "depth": 10}
        answer = await client.answer({"method": "subscribe", "params": params})
        assert answer["error"] == "Subscription depth not supported"
        await client.subscribe("book", "A/USD", depth=25)


async def test_markets_of_a_replay_cannot_be_changed() -> None:
    async with replay(CAPTURED) as sim:
        with pytest.raises(RuntimeError, match="cannot be changed"):
            await sim.step("BTC/USD")


def test_answers_heartbeats_and_status_are_left_out() -> None:
    frames = [
        '{"channel":"heartbeat"}',
        '{"channel":"status","type":"update","data":[{"system":"online"}]}',
        '{"method":"subscribe","result":{"channel":"ticker"},"success":true}',
        "",
        ticker("A/USD", 0),
    ]
    assert [frame.position for frame in read_recording(frames)] == [4]


def test_speed_must_be_positive() -> None:
    with pytest.raises(ValueError, match="speed"):
        replay([], speed=0)


@pytest.mark.parametrize(
    "line",
    [
        b"junk",
        b"[]",
        b'{"channel":"book","type":"snapshot","data":[1]}',
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[1],"asks":[]}]}',
        b'{"channel":"ticker","type":"update","data":[{}],"timestamp":"yesterday"}',
        b'{"channel":"ticker","type":"update","data":[{}],"timestamp":1}',
    ],
)
def test_a_line_that_is_no_message_is_named(line: bytes) -> None:
    good = ticker("BTC/USD", 0).encode()
    with pytest.raises(ValueError, match="line 2 of the recording is no"):
        read_recording([good, line])


def test_compressed_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + CAPTURED.read_bytes()))
    assert read_recording(path) == read_recording(CAPTURED)
