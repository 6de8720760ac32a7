"""Private channels and level3 of the real exchange; looking only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.live.following import check_book, first, followed

from kraken_connector.ws import (
    BalancesParams,
    ExecutionsParams,
    KrakenWSClient,
    Level3Params,
    TickerParams,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NewClient = Callable[..., KrakenWSClient]

DEPTHS = {"BTC/USD": 10, "ETH/USD": 100, "SOL/USD": 1000}


async def test_balances_and_executions_begin_with_snapshots(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.subscribe(BalancesParams())
        await client.subscribe(ExecutionsParams(snap_orders=True, snap_trades=True))
        balances = await first(client, "balances", "snapshot")
        executions = await first(client, "executions", "snapshot")
        assert balances.sequence == executions.sequence == 1
        assert client.connections["private"].url != client.connections["public"].url
        for report in executions.data:
            assert report.order_id
        await client.unsubscribe(BalancesParams())


async def test_level3_books_of_all_depths_verify(new_client: NewClient, seconds: float) -> None:
    async with new_client(message_queue_max=1_000_000) as client:
        for symbol, depth in DEPTHS.items():
            await client.subscribe(Level3Params(symbol=[symbol], depth=depth))
        await client.subscribe(TickerParams(symbol=["BTC/USD"]))
        await followed(client, seconds)
        for symbol, depth in DEPTHS.items():
            book = client.level3(symbol)
            # Shown by -s: where the documentation is silent about queues this says more.
            print(symbol, depth, book.event_counts, book.placement_counts)  # noqa: T201
            check_book(book)
            order = book.orders("bid")[-1]
            position = book.queue_position(order.order_id)
            assert position is not None
            assert position.orders_ahead == position.orders - 1
        assert client.gaps == []


async def test_level3_can_be_resynced(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.subscribe(Level3Params(symbol=["BTC/USD"]))
        await first(client, "level3", "snapshot")
        await client.resync("BTC/USD", channel="level3")
        check_book(client.level3("BTC/USD"))
        await client.unsubscribe(Level3Params(symbol=["BTC/USD"]))
