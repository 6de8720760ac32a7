"""Following streams of the real exchange for a while."""

from __future__ import annotations

import asyncio
from typing import Any

from kraken_connector import Level3Book, OrderBook, WSDataMessage
from kraken_connector.ws import KrakenWSClient


async def first(client: KrakenWSClient, channel: str, kind: str | None = None) -> WSDataMessage:
    """Return the next message of a channel."""
    async with asyncio.timeout(30):
        async for message in client:
            if (
                isinstance(message, WSDataMessage)
                and message.channel == channel
                and kind in (None, message.type)
            ):
                return message
    raise AssertionError("the client ended")


async def followed(client: KrakenWSClient, seconds: float) -> list[Any]:
    """Return all that comes within a time."""
    messages: list[Any] = []
    try:
        async with asyncio.timeout(seconds):
            async for message in client:
                messages.append(message)  # noqa: PERF401 - what came before the timeout counts
    except TimeoutError:
        return messages
    raise AssertionError("the client ended")


def check_book(book: OrderBook | Level3Book) -> None:
    """Check that every message of a book was verified and that it makes sense."""
    assert book.is_valid, book
    assert book.verified_count > 0
    assert book.mismatch_count == 0
    assert not book.crossed
    bids, asks = ([price for price, _ in book.levels(side)] for side in ("bid", "ask"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert 0 < len(bids) <= book.depth
    assert 0 < len(asks) <= book.depth
