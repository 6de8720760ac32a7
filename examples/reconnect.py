"""Lose a connection: the loop continues, and the gap is recorded.

While the client reconnects, `async for` waits. Books cannot be read until their new snapshot has
verified. When all subscriptions are restored, a `GapEvent` says what was missed, and for how long.
The simulated exchange cuts the connection to show this.
"""

from __future__ import annotations

import asyncio

from exchange import exchange

from kraken_connector.ws import GapEvent, KrakenWSClient
from kraken_connector.ws.subscribe import BookParams, TradeParams


async def main() -> None:
    async with exchange() as (url, simulated), KrakenWSClient(url, backoff_base=0.1) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"]))
        await client.subscribe(TradeParams(symbol=["BTC/USD"], snapshot=False))
        book = client.book("BTC/USD")
        received = 0
        async for message in client:
            received += 1
            if received == 100 and simulated is not None:
                print("connected as", client.connection_id)
                simulated.faults.reset_connections()
            if isinstance(message, GapEvent):
                seconds = ((message.end_ns or message.start_ns) - message.start_ns) / 1e9
                print(f"missed {seconds:.3f} s of {', '.join(message.channels)}: {message.cause}")
            if client.gaps and book.is_valid:
                print("connected as", client.connection_id, "and the book is verified again")
                break


asyncio.run(main())
