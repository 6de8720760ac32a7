"""A client whose process is stopped and continued by the system, and clocks that jump."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest
from tests import virtual
from tests.faults.scene import scene
from tests.ws.helpers import BTC, PATIENCE

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws.protocol.pauses import PauseWatch

CLIENT = """
import asyncio, sys
from kraken_connector.ws import KrakenWSClient
from kraken_connector.ws.subscribe import BookParams

async def main():
    async with KrakenWSClient(sys.argv[1], proxy=False) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"]), callback=lambda _: None)
        while not client.book("BTC/USD").is_valid:
            await asyncio.sleep(0.01)
        print("ready", flush=True)
        while not client.gaps:
            await asyncio.sleep(0.01)
        (gap,) = client.gaps
        duration = (gap.end_ns - gap.start_ns) / 1e9
        state = client.book("BTC/USD").state
        print(gap.cause, *gap.channels, *gap.symbols, state, duration, flush=True)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="the system cannot stop a process")
async def test_stopped_process_records_that_it_was() -> None:
    stopped_for = PauseWatch.BOUND + 0.3
    async with SimulatedExchange(symbols=[BTC], rate=50) as sim:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, sim.url, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        try:
            async with asyncio.timeout(3 * PATIENCE):
                assert await child.stdout.readline() == b"ready\n"
                os.kill(child.pid, signal.SIGSTOP)
                await asyncio.sleep(stopped_for)
                os.kill(child.pid, signal.SIGCONT)
                *reported, duration = (await child.stdout.readline()).decode().split()
                assert await child.wait() == 0
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    assert reported == ["pause", "book", BTC, "valid"]
    assert float(duration) >= stopped_for


@pytest.mark.virtual_time
async def test_suspended_process_keeps_its_connection() -> None:
    async with scene() as stage:
        virtual.current().pass_over(3600.0)
        await stage.move()
        await stage.recovered()
        assert stage.causes == {"pause"}
        assert stage.reconnects == 0


@pytest.mark.parametrize("jump", [-1e6, -60.0, 60.0, 1e6])
@pytest.mark.virtual_time
async def test_wall_clock_that_jumps_moves_no_deadline(jump: float) -> None:
    async with scene() as stage:
        virtual.current().wall_offset += jump
        await asyncio.sleep(5.0)
        await stage.move()
        await stage.recovered()
        assert stage.reconnects == 0
        assert stage.client.stats()["connections"][stage.sim.url]["resyncs"] == 0
        assert stage.causes == ({"pause"} if jump > 0 else set())
