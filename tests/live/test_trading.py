"""What the real exchange says to orders that it only validates: none ever rests or trades."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kraken_connector.exceptions import TradingError
from kraken_connector.ws import AddOrderParams, CancelAllOrdersAfterParams, KrakenWSClient

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]

NewClient = Callable[..., KrakenWSClient]


def order(**changes: object) -> AddOrderParams:
    """Return an order that could hardly trade even if it were one."""
    usual: dict[str, object] = {
        "order_type": "limit",
        "side": "buy",
        "symbol": "BTC/USD",
        "order_qty": "0.001",
        "limit_price": "1000.0",
        "post_only": True,
    }
    return AddOrderParams(**{**usual, **changes, "validate": True})  # type: ignore[arg-type]


async def test_order_is_validated(new_client: NewClient) -> None:
    async with new_client() as client:
        reply = await client.add_order(order())
        assert reply.success
        assert reply.order is None


async def test_order_that_makes_no_sense_is_refused(new_client: NewClient) -> None:
    async with new_client(check_orders=False) as client:
        with pytest.raises(TradingError):
            await client.add_order(order(order_qty="0.00000001"))


async def test_client_can_trade_once_it_tracks_orders(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.track_orders()
        assert client.orders.is_concluded
        assert client.clock_offset is not None
        assert client.trading_obstacle is None


async def test_deadline_of_the_client_is_accepted(new_client: NewClient) -> None:
    async with new_client(order_deadline=2.0) as client:
        await client.track_orders()
        assert (await client.add_order(order())).success


async def test_snapshot_after_subscribing_again_counts_from_one(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.track_orders()
        client.connections["private"]._link.connection.refresh("executions")
        await client.orders.wait_current(20)
        assert [gap.cause for gap in client.gaps if gap.cause == "sequence"] == []
        assert client.orders.is_concluded


async def test_timer_is_turned_off(new_client: NewClient) -> None:
    async with new_client() as client:
        reply = await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=0))
        assert reply.success
        assert not client.protection.armed
