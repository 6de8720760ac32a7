"""Markets that move faster than the machine can compute them."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from tests import virtual

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.feeds import LONGEST_BACKLOG_SECONDS, TURN_SECONDS

pytestmark = pytest.mark.virtual_time

STEP_SECONDS = 0.001


class Machine:
    """An exchange whose every step takes a millisecond of virtual time."""

    def __init__(self, rate: float) -> None:
        self.sim = SimulatedExchange(symbols=["BTC/USD"], rate=rate)
        self.sim.markets.watched[:] = [lambda: ["BTC/USD"]]
        self.sim.markets.watchers.append(self._count)
        self.steps = 0

    def _count(self, _: object) -> None:
        self.steps += 1
        virtual.current().pass_over(STEP_SECONDS)


async def test_other_tasks_run_while_markets_cannot_keep_up() -> None:
    machine = Machine(rate=1_000_000)
    counts = []
    async with machine.sim:
        await asyncio.sleep(0.1)
        for _ in range(1000):
            counts.append(machine.steps)
            await asyncio.sleep(0)
    assert counts[-1] - counts[0] > 500
    most = max(after - before for before, after in itertools.pairwise(counts))
    assert most <= TURN_SECONDS / STEP_SECONDS + 1


async def test_what_could_not_be_computed_in_time_is_left_out() -> None:
    machine = Machine(rate=500)
    async with machine.sim:
        await asyncio.sleep(0.1)
        before = machine.steps
        virtual.current().pass_over(60)
        await asyncio.sleep(0.1)
    assert machine.steps - before <= 500 * (LONGEST_BACKLOG_SECONDS + 0.5)


@pytest.mark.parametrize("rate", [0.5, 10, 400])
async def test_markets_keep_their_rate(rate: float) -> None:
    sim = SimulatedExchange(symbols=["BTC/USD"], rate=rate)
    sim.markets.watched[:] = [lambda: ["BTC/USD"]]
    steps: list[object] = []
    sim.markets.watchers.append(steps.append)
    async with sim:
        await asyncio.sleep(20.0)
    assert len(steps) == pytest.approx(20 * rate, rel=0.02, abs=1)
