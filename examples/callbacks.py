"""The fastest path from the socket to a strategy: a plain function.

It is called in the receiving task, before the next frame is read, when the book is already updated
and verified. So it must be quick and must not wait.
"""

from __future__ import annotations

import asyncio
from statistics import median

from exchange import exchange

from kraken_connector.ws import KrakenWSClient, WSDataMessage
from kraken_connector.ws.subscribe import BookParams

MESSAGES = 500


class Strategy:
    """Reads the top of book after every message.

    Attributes:
        done: set after `MESSAGES` messages.
        delays: from the exchange's timestamp to the receipt of each message, microseconds.
    """

    def __init__(self, client: KrakenWSClient) -> None:
        self.done = asyncio.Event()
        self.delays: list[float] = []
        self.best = 0.0
        self._client = client

    def on_book(self, message: object) -> None:
        """Handle a message of the book, or an event about it such as a checksum mismatch."""
        if not isinstance(message, WSDataMessage) or not message.verified:
            return
        top = self._client.book(message.symbol or "").top_of_book()
        if top is not None:
            bid, _, _, _ = top  # floats, which are fast; `best_bid` is exact
            self.best = max(self.best, bid)
        if message.timestamp_ns is not None and message.received_ns is not None:
            self.delays.append((message.received_ns - message.timestamp_ns) / 1000)
        if len(self.delays) >= MESSAGES:
            self.done.set()


async def main() -> None:
    async with exchange(rate=1000) as (url, _), KrakenWSClient(url) as client:
        strategy = Strategy(client)
        await client.subscribe(BookParams(symbol=["BTC/USD"]), callback=strategy.on_book)
        await strategy.done.wait()
    print(f"{len(strategy.delays)} verified messages, highest best bid {strategy.best}")
    print(f"exchange to strategy: {median(strategy.delays):.0f} us (median)")


asyncio.run(main())
