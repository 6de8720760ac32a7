"""Read verified books; a book that failed its checksum cannot be read by accident.

After a mismatch the client resyncs that symbol, and reading its book raises until the new snapshot
has verified. Other symbols continue. The simulated exchange sends one wrong checksum to show this.
"""

from __future__ import annotations

import asyncio

from exchange import exchange

from kraken_connector.ws import BookChecksumEvent, BookNotReady, KrakenWSClient, OrderBook
from kraken_connector.ws.subscribe import BookParams

SYMBOLS = ["BTC/USD", "ETH/USD"]


def quote(book: OrderBook) -> str:
    """Return the best bid and ask as text; prices and quantities are exact decimals."""
    try:
        (bid, bid_qty), (ask, ask_qty) = book.levels("bid", 1)[0], book.levels("ask", 1)[0]
    except BookNotReady as error:
        return f"{error.symbol} cannot be read now, it is {error.state}"
    return f"{book.symbol} {bid_qty} @ {bid} | {ask_qty} @ {ask}"


async def main() -> None:
    async with exchange() as (url, simulated), KrakenWSClient(url) as client:
        await client.subscribe(BookParams(symbol=SYMBOLS, depth=10))
        # A book stays the same object through resyncs and reconnects.
        books = [client.book(symbol) for symbol in SYMBOLS]
        received = 0
        async for message in client:
            received += 1
            if isinstance(message, BookChecksumEvent):
                print("mismatch:", quote(client.book(message.symbol)))
            if received % 50 == 0:
                print(*map(quote, books), sep="\n")
            if received == 100 and simulated is not None:
                simulated.faults.corrupt_checksums("BTC/USD")
            if received >= 400 and all(book.is_valid for book in books):
                break
        for book in books:
            print(f"{book.symbol}: {book.verified_count} verified, {book.mismatch_count} not")


asyncio.run(main())
