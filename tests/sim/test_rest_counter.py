"""The rate counter of the key. Source of the figures: the exchange's page on REST rate limits."""

from __future__ import annotations

import pytest
from tests.sim.rest import RESTING, Rest, calling

from kraken_connector.sim.trading.rate import TierName

LIMITED = "EAPI:Rate limit exceeded"


async def spend(rest: Rest, count: int, name: str = "OpenOrders") -> None:
    for _ in range(count):
        await rest.call(name)


@pytest.mark.parametrize(
    ("tier", "limit", "decay"), [("starter", 15, 0.33), ("intermediate", 20, 0.5), ("pro", 20, 1)]
)
async def test_limit_and_decay_by_tier(tier: TierName, limit: int, decay: float) -> None:
    async with calling(tier=tier) as rest:
        await spend(rest, limit)
        assert await rest.error("OpenOrders") == LIMITED
        # The refused call counted too.
        assert rest.sim.rest.counter.count == limit + 1
        rest.clock.pass_seconds(10)
        assert float(rest.sim.rest.counter.count) == pytest.approx(limit + 1 - 10 * decay)


async def test_counter_is_lowered_in_steps() -> None:
    async with calling(tier="pro") as rest:
        rest.clock.ns -= rest.clock.ns % 2_000_000_000
        await spend(rest, 20)
        rest.clock.pass_seconds(1.9)
        assert rest.sim.rest.counter.count == 20
        rest.clock.pass_seconds(0.1)
        assert rest.sim.rest.counter.count == 18
        await spend(rest, 2)
        assert await rest.error("BalanceEx") == LIMITED


async def test_calling_on_prolongs_the_limit() -> None:
    async with calling(tier="intermediate") as rest:
        await spend(rest, 20)
        for _ in range(10):
            assert await rest.error("OpenOrders") == LIMITED
        rest.clock.pass_seconds(10)
        assert await rest.error("OpenOrders") == LIMITED
        rest.clock.pass_seconds(24)
        await spend(rest, 1)


@pytest.mark.parametrize(
    ("name", "params", "cost"),
    [
        ("TradesHistory", {}, 2),
        ("ClosedOrders", {}, 1),
        ("QueryOrders", {"txid": "O"}, 1),
        ("QueryTrades", {"txid": "T"}, 1),
        ("BalanceEx", {}, 1),
        ("TradeBalance", {}, 1),
        ("OpenPositions", {}, 1),
        ("TradeVolume", {}, 1),
        ("GetApiKeyInfo", {}, 1),
        ("GetWebSocketsToken", {}, 1),
        ("CancelAll", {}, 0),
        ("CancelAllOrdersAfter", {"timeout": 0}, 0),
    ],
)
async def test_costs(rest: Rest, name: str, params: dict[str, str | int], cost: int) -> None:
    await rest.call(name, **params)
    assert rest.sim.rest.counter.count == cost


async def test_orders_count_on_the_trading_counter_only(rest: Rest) -> None:
    order_id = await rest.place()
    await rest.call("AmendOrder", txid=order_id, limit_price="79000.0")
    await rest.call("CancelOrder", txid=order_id)
    assert rest.sim.rest.counter.count == 0
    # 1 for the order, 1 + 3 for an amend and 8 for a cancel within 5 seconds.
    assert rest.sim.rates.count("BTC/USD") == 13


async def test_trading_counter_is_shared_with_the_sockets() -> None:
    async with calling(tier="starter", balances={"USD": 10**9}) as rest:
        for _ in range(6):
            await rest.call("CancelOrder", txid=await rest.place())
        for _ in range(6):
            await rest.place()
        assert await rest.error("AddOrder", **RESTING) == "EOrder:Rate limit exceeded"


async def test_limited_call_is_not_carried_out() -> None:
    async with calling(tier="starter") as rest:
        rest.sim.rest.settings.costs = {"CancelAll": 16}
        order_id = await rest.place()
        assert await rest.error("CancelAll") == LIMITED
        assert rest.sim.account.open_orders[0].order_id == order_id


async def test_limits_can_be_off() -> None:
    async with calling(rest_limits=False) as rest:
        await spend(rest, 30)
        assert rest.sim.rest.counter.count == 30
