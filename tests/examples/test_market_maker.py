"""The market maker through minutes of virtual time, on good days and on bad ones.

What it thinks it has must be what the exchange says it has, to the last fill.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from examples import market_maker as example
from hypothesis import settings
from tests import virtual
from tests.ws.helpers import BTC, client_of, eventually, tokens_of

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import KrakenWSClient

MINUTE = 60.0
#: More of them where there is time.
SEEDS = range(1 if settings().max_examples <= 100 else 10)


@dataclass
class Day:
    """A market maker's day, and what was seen of it.

    Attributes:
        before: the balances in the morning.
        most_orders: of one side that were ever in the market together.
    """

    sim: SimulatedExchange
    client: KrakenWSClient
    maker: Any
    before: dict[str, Decimal]
    most_orders: int = 0

    def look(self) -> None:
        """Count the orders in the market."""
        for side in ("buy", "sell"):
            count = sum(
                o.side == side and o.order_type == "limit" for o in self.sim.account.open_orders
            )
            self.most_orders = max(self.most_orders, count)

    @property
    def positions(self) -> list[Decimal]:
        """The position after each fill, as the exchange counts it."""
        position, found = Decimal(0), [Decimal(0)]
        for fill in self.sim.account.fills:
            position += fill.qty if fill.side == "buy" else -fill.qty
            found.append(position)
        return found


async def live_through(seconds: float, seed: int, *, faults: bool, rate: float = 40.0) -> Day:
    clock = virtual.current().time_ns
    sim = SimulatedExchange(symbols=[BTC], seed=seed, rate=rate, clock=clock)
    async with sim, client_of(sim, token_manager=tokens_of(sim), request_timeout=1.0) as client:
        maker = example.MarketMaker(client, example.Strategy())
        day = Day(sim, client, maker, dict(sim.account.balances))
        trouble = asyncio.create_task(example.make_trouble(sim, seed)) if faults else None
        virtual.current().after_turn = day.look
        try:
            await maker.run(seconds)
        finally:
            virtual.current().after_turn = bool
        if trouble is not None:
            trouble.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await trouble
        sim.faults.clear()
        await sim.account.deposit("EUR", 1)  # shows the client what it may have missed
        await eventually(lambda: client.balances.get("EUR") == sim.account.balances["EUR"], 60)
        await check(day)
    return day


async def check(day: Day) -> None:
    """Hold the market maker's account against the exchange's."""
    account, maker = day.sim.account, day.maker
    assert not account.open_orders
    ours = {fill.exec_id: fill.qty for order in maker.orders for fill in order.fills}
    assert ours == {fill.exec_id: fill.qty for fill in account.fills}
    assert sum(len(order.fills) for order in maker.orders) == len(account.fills)
    assert maker.position == day.positions[-1]
    assert account.balances["BTC"] - day.before["BTC"] == maker.position
    for asset, amount in account.balances.items():
        assert day.client.balances[asset] == amount
    rules = day.client.instruments.rules(BTC)
    assert rules is not None
    assert abs(maker.position) < rules.qty_min


@pytest.mark.parametrize("seed", SEEDS)
def test_good_day_ends_flat(seed: int) -> None:
    day = virtual.run(live_through(MINUTE, seed, faults=False))
    strategy = example.Strategy()
    assert len(day.sim.account.fills) > 10
    assert day.most_orders == 1
    assert max(map(abs, day.positions)) <= strategy.most
    assert day.maker.unknown == 0
    methods = [request.method for request in day.sim.requests]
    assert methods.count("amend_order") > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_bad_day_ends_flat_all_the_same(seed: int) -> None:
    day = virtual.run(live_through(MINUTE, seed, faults=True))
    strategy = example.Strategy()
    assert len(day.sim.account.fills) > 10
    assert day.maker.unknown > 3
    assert day.client.gaps
    assert day.sim.connections_total > 1
    assert day.most_orders == 1
    assert max(map(abs, day.positions)) <= strategy.most + strategy.qty
