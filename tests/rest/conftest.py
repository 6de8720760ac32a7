"""The servers of the REST tests: one that answers as a test says, and the simulated exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from tests.rest.server import Server, serving
from tests.ws.helpers import BTC, ETH, RICH, SOL, tls_contexts

from kraken_connector import KrakenRest
from kraken_connector.sim import SimulatedExchange

SERVER_TLS, CLIENT_TLS = tls_contexts("127.0.0.1")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as it:
        yield it


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[SimulatedExchange]:
    """An exchange over HTTPS whose markets move only when a test moves them."""
    async with SimulatedExchange(
        symbols=[BTC, ETH, SOL], rate=0, balances=RICH, ssl=SERVER_TLS, rest_limits=False
    ) as exchange:
        yield exchange


@pytest_asyncio.fixture
async def rest(sim: SimulatedExchange) -> AsyncIterator[KrakenRest]:
    async with client_of(sim) as client:
        yield client


def client_of(sim: SimulatedExchange, **options: Any) -> KrakenRest:
    """Return a client of the simulated exchange, without its own count of the rate limit."""
    keys = {"api_key": sim.api_key, "api_secret": sim.api_secret, "base_url": sim.rest_url}
    return KrakenRest(**{**keys, "proxy": False, "ssl": CLIENT_TLS, "tier": "pro", **options})
