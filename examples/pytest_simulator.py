"""Test your own code against the simulated exchange.

    pytest -p kraken_connector.sim.pytest_plugin examples/pytest_simulator.py

In your project, `pytest_plugins = ["kraken_connector.sim.pytest_plugin"]` in `conftest.py` replaces
the option. The fixture `simulated_exchange` is a running exchange. With `rate=0` nothing moves
until the test calls `step`, so tests need not sleep. It needs pytest-asyncio.
"""

from __future__ import annotations

import pytest

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import BookNotReady, KrakenWSClient
from kraken_connector.ws.subscribe import BookParams

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.simulated_exchange(symbols=["BTC/USD"], rate=0),
]


async def mid_price(client: KrakenWSClient, symbol: str) -> str:
    """Your code: the mid price of a book, or the state of a book without one."""
    try:
        return str(client.book(symbol).mid)
    except BookNotReady as error:
        return error.state


async def test_mid_price_is_half_way(simulated_exchange: SimulatedExchange) -> None:
    async with KrakenWSClient(simulated_exchange.url) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"]))
        await client.receive()
        (bid, _), (ask, _) = client.book("BTC/USD").bids[0], client.book("BTC/USD").asks[0]
        assert await mid_price(client, "BTC/USD") == str((bid + ask) / 2)


async def test_mid_price_of_a_book_that_failed_its_checksum(
    simulated_exchange: SimulatedExchange,
) -> None:
    async with KrakenWSClient(simulated_exchange.url, resync_attempts=0) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"]))
        simulated_exchange.faults.corrupt_checksums("BTC/USD")
        await simulated_exchange.step("BTC/USD")
        while client.book("BTC/USD").is_valid or not client.book("BTC/USD").mismatch_count:
            await client.receive()
        assert await mid_price(client, "BTC/USD") == "quarantined"
