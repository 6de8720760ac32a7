"""A simulated unified WebSocket whose markets move only when a test moves them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.unified.helpers import client_of

from kraken_connector.sim.unified import SimulatedUnified
from kraken_connector.unified import UnifiedClient


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[SimulatedUnified]:
    async with SimulatedUnified(rate=0, heartbeat_interval=0.05) as exchange:
        yield exchange


@pytest_asyncio.fixture
async def client(sim: SimulatedUnified) -> AsyncIterator[UnifiedClient]:
    async with client_of(sim) as made:
        yield made
