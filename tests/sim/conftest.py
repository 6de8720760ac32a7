"""The trader of most tests of orders: over a socket, or straight to the order methods."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.sim.trader import Bench, Trader, trading


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest_asyncio.fixture
async def trader() -> AsyncIterator[Trader]:
    async with trading() as trader:
        yield trader
