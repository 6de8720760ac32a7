"""A process that makes calls with a key, for the tests of nonces: URL, key, secret, how many."""

from __future__ import annotations

import asyncio
import sys

from kraken_connector import AddOrderParams, KrakenRest


async def main(url: str, key: str, secret: str, calls: int) -> None:
    # An order costs nothing in the REST rate limit, and is not repeated if its nonce is refused.
    order = AddOrderParams("BTC/USD", "buy", "limit", "1", limit_price="1")
    rest = KrakenRest(key, secret, base_url=url, proxy=False, timeout=60.0)

    async def some() -> None:
        for _ in range(calls // 2):
            await rest.add_order(order)

    async with rest:
        await asyncio.gather(some(), some())


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
