"""The simulated exchange of most client tests; its markets move only when a test moves them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.ws.helpers import BTC, ETH, SOL

from kraken_connector.sim import SimulatedExchange


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(
        symbols=[BTC, ETH, SOL], rate=0, heartbeat_interval=0.05
    ) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def no_keys_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KRAKEN_API_KEY", "KRAKEN_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.replace("KRAKEN", "KRAKEN_CONNECTOR"), raising=False)
