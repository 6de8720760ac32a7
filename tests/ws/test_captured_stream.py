"""Captured frames as one stream of bytes over a real socket, cut at random offsets."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from tests.outside import captures, checksums, lines
from tests.ws.helpers import eventually, text_frame
from websockets.asyncio.server import ServerConnection, serve

from kraken_connector.ws import KrakenWSClient

REPLAY = Path(__file__).parents[1] / "fixtures/vectors/book-replay-btcusd-2023-07-30.jsonl"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("capture", [REPLAY, *captures()], ids=lambda path: path.name)
async def test_every_checksum_verifies_wherever_the_stream_is_cut(capture: Path, seed: int) -> None:
    frames = [frame for frame in lines(capture) if checksums([frame])]
    stream = b"".join(map(text_frame, frames))
    choose = random.Random(seed)

    async def send(connection: ServerConnection) -> None:
        at = 0
        while at < len(stream):
            size = choose.choice([1, 3, 50, 1000, 30_000])
            connection.transport.write(stream[at : at + size])
            at += size
            await asyncio.sleep(0)
        await connection.wait_closed()

    async with serve(send, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with KrakenWSClient(url=url, proxy=False) as client:

            def counts() -> dict[str, int]:
                counted: dict[str, int] = client.stats()["connections"][url]
                return counted

            await eventually(lambda: counts()["frames"] == len(frames))
            assert (counts()["verified"], counts()["mismatches"]) == (len(frames), 0)
