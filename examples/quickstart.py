"""The best prices of a verified book, ten times."""

from __future__ import annotations

import asyncio

from exchange import exchange

from kraken_connector.ws import KrakenWSClient
from kraken_connector.ws.subscribe import BookParams


async def main() -> None:
    async with exchange() as (url, _), KrakenWSClient(url) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"], depth=25))
        book = client.book("BTC/USD")
        shown = 0
        async for _ in client:
            if book.is_valid:
                print(book.best_bid, book.best_ask, "spread", book.spread)
                shown += 1
            if shown == 10:
                break


asyncio.run(main())
