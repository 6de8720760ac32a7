"""Where the examples connect to.

Without arguments an example starts a simulated exchange and connects to that, so it runs without
a network and without an account. `--url wss://ws.kraken.com/v2` takes the real one.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kraken_connector.sim import SimulatedExchange


@asynccontextmanager
async def exchange(rate: float = 200.0) -> AsyncIterator[tuple[str, SimulatedExchange | None]]:
    """Give the URL to connect to, and the simulated exchange behind it if there is one.

    Args:
        rate: market steps a second of a simulated exchange; 0 stands still until it is told.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", help="WebSocket endpoint; a simulated exchange without it")
    url: str | None = parser.parse_args().url
    if url is not None:
        yield url, None
    else:
        async with SimulatedExchange(rate=rate) as simulated:
            yield simulated.url, simulated
