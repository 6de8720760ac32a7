"""Orders that the real exchange only validates: none of them ever rests or trades."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kraken_connector.exceptions import TradingError
from kraken_connector.ws import AddOrderParams, KrakenWSClient

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
