"""The trader of most tests of orders, and the caller of tests of REST."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.sim.rest import Rest, calling
from tests.sim.trader import Bench, Trader, trading


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest_asyncio.fixture
async def trader() -> AsyncIterator[Trader]:
    async with trading() as trader:
        yield trader


@pytest_asyncio.fixture
async def rest() -> AsyncIterator[Rest]:
    async with calling() as rest:
        yield rest
