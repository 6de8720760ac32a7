"""The pytest fixture `simulated_exchange`.

Load it in `conftest.py`:

    pytest_plugins = ["kraken_connector.sim.pytest_plugin"]

A marker passes arguments of `SimulatedExchange`:

    @pytest.mark.asyncio
    @pytest.mark.simulated_exchange(symbols=["BTC/USD"], rate=0)
    async def test_something(simulated_exchange): ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .server import SimulatedExchange


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "simulated_exchange(**options): arguments of the exchange of that fixture",
    )


@pytest_asyncio.fixture
async def simulated_exchange(request: pytest.FixtureRequest) -> AsyncIterator[SimulatedExchange]:
    """Run a simulated exchange for one test."""
    marker = request.node.get_closest_marker("simulated_exchange")
    async with SimulatedExchange(**(marker.kwargs if marker else {})) as exchange:
        yield exchange
