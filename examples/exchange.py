"""The exchange of the examples.

Without arguments an example starts a simulated exchange and connects to it, so it needs no network
and no account. `--url wss://ws.kraken.com/v2` selects the real one.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kraken_connector.sim import SimulatedExchange


@asynccontextmanager
async def exchange(rate: float = 200.0) -> AsyncIterator[tuple[str, SimulatedExchange | None]]:
    """Yield the URL to connect to, and the simulated exchange if there is one.

    Args:
        rate: market steps per second of a simulated exchange; with 0 only `step` moves markets.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", help="WebSocket endpoint (default: a simulated exchange)")
    url: str | None = parser.parse_args().url
    if url is not None:
        yield url, None
    else:
        async with SimulatedExchange(rate=rate) as simulated:
            yield simulated.url, simulated
