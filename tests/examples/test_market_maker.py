"""The market maker through minutes of virtual time, on good days and on bad ones.

What it thinks it has must be what the exchange says it has, to the last fill.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from examples import market_maker as example
from hypothesis import settings
from tests import virtual
from tests.ws.helpers import BTC, client_of, eventually, tokens_of

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import KrakenWSClient

Trouble = Callable[[SimulatedExchange], Awaitable[None]]

MINUTE = 60.0
#: Seconds until a side has a quote again, whatever was lost.
BACK_WITHIN = 8.0
#: More of them where there is time.
SEEDS = range(settings().max_examples // 20)


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

    def check(self) -> None:
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


async def live_through(
    seconds: float, seed: int, trouble: Trouble | None = None, rate: float = 40.0
) -> Day:
    clock = virtual.current().time_ns
    sim = SimulatedExchange(symbols=[BTC], seed=seed, rate=rate, clock=clock)
    async with sim, client_of(sim, token_manager=tokens_of(sim), **example.PATIENCE) as client:
        maker = example.MarketMaker(client, example.Strategy())
        day = Day(sim, client, maker, dict(sim.account.balances))
        making = None if trouble is None else asyncio.create_task(trouble(sim))
        virtual.current().after_turn = day.check
        try:
            await maker.run(seconds)
        finally:
            virtual.current().after_turn = bool
        if making is not None:
            making.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await making
        sim.faults.clear()
        await sim.account.deposit("EUR", 1)  # shows the client what it may have missed
        await eventually(lambda: client.balances.get("EUR") == sim.account.balances["EUR"], 60)
        await check(day)
    return day


async def check(day: Day) -> None:
    """Compare the market maker's account with the exchange's."""
    account, client = day.sim.account, day.client
    assert not account.open_orders
    orders = client.orders.tagged(example.TAG)
    ours = {fill.exec_id: fill.qty for order in orders for fill in order.fills}
    assert ours == {fill.exec_id: fill.qty for fill in account.fills}
    assert sum(len(order.fills) for order in orders) == len(account.fills)
    position = client.positions[BTC]
    assert position.is_certain
    assert position.qty == day.maker.position == day.positions[-1]
    assert account.balances["BTC"] - day.before["BTC"] == position.qty
    cash = sum(fill.cost if fill.side == "sell" else -fill.cost for fill in account.fills)
    assert position.realized == cash
    # The ledger rounds each entry to four decimals.
    gained = account.balances["USD"] - day.before["USD"]
    assert abs(gained - cash + position.fees["USD"]) < len(account.fills) * Decimal("0.0001")
    for asset, amount in account.balances.items():
        assert client.balances[asset] == amount
    rules = client.instruments.rules(BTC)
    assert rules is not None
    assert abs(position.qty) < rules.qty_min


@pytest.mark.parametrize("seed", SEEDS)
def test_good_day_ends_flat(seed: int) -> None:
    day = virtual.run(live_through(MINUTE, seed))
    strategy = example.Strategy()
    assert len(day.sim.account.fills) > 10
    assert day.most_orders == 1
    assert max(map(abs, day.positions)) <= strategy.most
    assert not day.maker.doubts
    methods = [request.method for request in day.sim.requests]
    assert methods.count("amend_order") > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_bad_day_ends_flat_all_the_same(seed: int) -> None:
    day = virtual.run(live_through(MINUTE, seed, lambda sim: example.make_trouble(sim, seed)))
    strategy = example.Strategy()
    assert len(day.sim.account.fills) > 10
    assert day.maker.doubts
    assert day.client.gaps
    assert day.sim.connections_total > 1
    assert day.most_orders == 1
    assert max(map(abs, day.positions)) <= strategy.most + strategy.qty


def losses(sim: SimulatedExchange) -> dict[str, Callable[[], Any]]:
    """Return what can be lost, once."""
    faults = sim.faults
    found = {f"trouble-{n}": trouble for n, trouble in enumerate(example.troubles(sim))}
    for method in ("add_order", "amend_order"):
        for name in ("lose_requests", "lose_replies", "cut_before_reply"):
            found[f"{name}-{method}"] = partial(getattr(faults, name), 1, method=method)
        found[f"cut-{method}"] = partial(faults.lose_requests, 1, method=method, cut=True)
    found["lose_reports"] = partial(faults.lose_reports, 3)
    found["silence"] = faults.silence_connections
    return found


class Single:
    """Lets one thing go wrong after some time, and sees how long a side has no quote after it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pauses = {"buy": 0.0, "sell": 0.0}

    async def __call__(self, sim: SimulatedExchange) -> None:
        await asyncio.sleep(15)
        losses(sim)[self.name]()
        since = dict.fromkeys(self.pauses, virtual.current().time())
        while True:
            await asyncio.sleep(0.05)
            now = virtual.current().time()
            quoted = {order.side for order in sim.account.open_orders}
            for side in self.pauses:
                if side in quoted:
                    since[side] = now
                self.pauses[side] = max(self.pauses[side], now - since[side])


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(losses(SimulatedExchange())))
def test_quotes_are_back_within_eight_seconds_of_any_single_loss(name: str) -> None:
    single = Single(name)
    day = virtual.run(live_through(45.0, 3, single))
    assert day.maker.longest_pause <= BACK_WITHIN
    assert max(single.pauses.values()) <= BACK_WITHIN
