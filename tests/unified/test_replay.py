"""A recording of the unified WebSocket can be replayed: by `kraken-ws replay` and the simulator."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unified.helpers import DERIVATIVES, PF, client_of, limit_order, of_channel, receive
from typer.testing import CliRunner

from kraken_connector import WSDataMessage
from kraken_connector.cli.app import app
from kraken_connector.sim.unified import SimulatedUnified
from kraken_connector.unified import (
    BookParams,
    ExecutionsParams,
    LedgersMessage,
    LedgersParams,
    MarginMessage,
    MarginParams,
    PositionsMessage,
    PositionsParams,
    PreferencesParams,
)

STREAMS: list[Any] = [
    BookParams([PF], asset_class=DERIVATIVES),
    ExecutionsParams(DERIVATIVES),
    PositionsParams(),
    MarginParams(),
    LedgersParams(),
    PreferencesParams(),
]


async def recorded() -> list[bytes]:
    """Record the frames of a session with a book, an order and its effects."""
    frames: list[bytes] = []
    async with SimulatedUnified(rate=0) as sim, client_of(sim) as client:
        for params in STREAMS:
            await client.subscribe(params)
        order = (await client.add_order(limit_order())).order
        sim.unified.fill(order.order_id)
        await sim.step(PF, 5)

        def is_last(message: Any) -> bool:
            if isinstance(message, WSDataMessage) and message.raw is not None:
                frames.append(message.raw)
            return sum(b'"book"' in frame for frame in frames) == 6

        await receive(client, is_last)
    return frames


@pytest.fixture
async def frames() -> list[bytes]:
    return await recorded()


async def test_the_simulator_replays_every_channel(frames: list[bytes]) -> None:
    async with SimulatedUnified.replay(frames, speed=math.inf) as sim, client_of(sim) as client:
        for params in STREAMS:
            await client.subscribe(params)
        got: dict[str, list[Any]] = {}
        wanted = len([frame for frame in frames if b'"status"' not in frame])

        def is_last(message: Any) -> bool:
            if isinstance(message, WSDataMessage) and message.channel != "status":
                got.setdefault(message.channel, []).append(message)
            return sum(map(len, got.values())) == wanted

        await receive(client, is_last)
        assert client.book(PF).is_valid
    assert got.keys() == {params.channel for params in STREAMS}
    assert all(message.verified for message in got["book"])
    assert PositionsMessage.of(got["positions"][-1]).futures[0].symbol == PF
    types = [MarginMessage.of(message).type for message in got["margin"]]
    assert types == ["multi_collateral", "single_collateral", "multi_collateral"]
    assert [LedgersMessage.of(message).sequence for message in got["ledgers"]] == [1, 2]
    kinds = [item.exec_type for message in got["executions"] for item in message.data]
    assert kinds == ["new", "trade", "filled"]


async def test_a_channel_that_was_not_recorded_is_refused(frames: list[bytes]) -> None:
    books = [frame for frame in frames if b'"book"' in frame]
    async with SimulatedUnified.replay(books) as sim, client_of(sim) as client:
        await client.subscribe(STREAMS[0])
        assert (await of_channel(client, "book")).verified
        with pytest.raises(Exception, match="margin"):
            await client.subscribe(MarginParams())


def test_the_command_line_replays_a_recording(tmp_path: Path, frames: list[bytes]) -> None:
    file = tmp_path / "unified.jsonl"
    file.write_bytes(b"\n".join(frames))
    result = CliRunner().invoke(app, ["replay", str(file)])
    assert result.exit_code == 0, result.output
    for fact in (
        r"verified +6$",
        r"mismatches +0$",
        r"PF_XBTUSD +valid",
        r"2 margin multi_collateral",
        r"2 ledgers update",
        r"1 positions update",
    ):
        assert re.search(fact, result.output, re.MULTILINE), result.output
