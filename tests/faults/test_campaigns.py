"""Faults in random order and at random moments; a seed that fails stays as a case."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.faults.scene import Scene, scene
from tests.ws.helpers import BTC, ETH, eventually

from kraken_connector.sim import Faults

MENU: list[Callable[[Faults], object]] = [
    lambda faults: faults.reset_connections(),
    lambda faults: faults.close_connections(1012),
    lambda faults: faults.silence_connections(),
    lambda faults: faults.refuse_connections(2, status=502),
    lambda faults: faults.cut_mid_frame(BTC),
    lambda faults: faults.cut_mid_frame(ETH, type="snapshot"),
    lambda faults: faults.stall_mid_frame(ETH),
    lambda faults: faults.dribble_updates(BTC, 2),
    lambda faults: faults.fragment_updates(ETH, 2),
    lambda faults: faults.compress_updates(BTC),
    lambda faults: faults.truncate_updates(BTC),
    lambda faults: faults.truncate_updates(None, channel="executions"),
    lambda faults: faults.drop_updates(BTC),
    lambda faults: faults.drop_updates(ETH, 2),
    lambda faults: faults.duplicate_updates(BTC),
    lambda faults: faults.swap_updates(ETH),
    lambda faults: faults.corrupt_checksums(BTC),
    lambda faults: faults.corrupt_checksums(ETH, snapshots=True),
    lambda faults: faults.cross_book(BTC),
    lambda faults: faults.lose_snapshots(BTC),
    lambda faults: faults.lose_snapshots(None, channel="executions"),
    lambda faults: faults.skip_sequence("executions"),
    lambda faults: faults.drop_updates(None, channel="executions"),
    lambda faults: faults.swallow_acks(2),
    lambda faults: faults.delay_acks(0.05, 2),
    lambda faults: faults.duplicate_acks(2),
    lambda faults: faults.revoke_tokens(),
    lambda faults: faults.send_text("Bad gateway"),
    lambda faults: faults.storm_status(50),
]


async def run(stage: Scene, chance: random.Random) -> None:
    for _ in range(8):
        for act in chance.sample(MENU, chance.randint(1, 3)):
            act(stage.sim.faults)
        for _ in range(chance.randint(0, 2)):
            await stage.move(chance.randint(1, 4))


@pytest.mark.parametrize("seed", range(4))
async def test_campaign(seed: int) -> None:
    async with scene() as stage:
        await run(stage, random.Random(seed))
        stage.sim.faults.clear()
        await stage.recovered()
        await stage.move()
        await stage.recovered()
        assert {stage.state(symbol) for symbol in (BTC, ETH)} == {"valid"}
        await eventually(lambda: stage.sent[-1] in stage.received)
        await stage.check_reports()
