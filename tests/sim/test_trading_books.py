"""What readers of the public books see of the account's orders."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from tests.sim.client import BookReader, Message
from tests.sim.orders import OrderReader
from tests.sim.trader import BTC, Bench

from kraken_connector.sim.book import Side
from kraken_connector.sim.requests import Refused
from kraken_connector.sim.subscription import Subscription
from kraken_connector.sim.writer import Outgoing, Writer

TICK = Decimal("0.1")


class Listener:
    """Somebody who listens to one public channel and reads along."""

    long_form = True

    def __init__(self, bench: Bench, channel: str, depth: int) -> None:
        self.reader: Any = OrderReader(depth) if channel == "level3" else BookReader(depth)
        self.count = 0
        subscription = Subscription(cast(Writer, self), self.send, channel, BTC, depth)
        bench.sim.start(subscription)
        bench.sim.registry.add(subscription)

    def send(self, message: Outgoing) -> None:
        self.reader.read(json.loads(message.payload, parse_float=str))
        self.count += 1


def act(bench: Bench, chance: random.Random) -> None:
    """Do something random, as the account or as another participant."""
    roll = chance.random()
    orders = bench.sim.account.open_orders
    side = chance.choice(["buy", "sell"])
    best = bench.level("bid" if side == "buy" else "ask")[0]
    price = best + chance.randint(-12, 4) * TICK * (1 if side == "buy" else -1)
    if roll < 0.35:
        bench.add(side, str(chance.randint(1, 40) / Decimal(10)), str(price))
    elif roll < 0.45:
        display = {"order_type": "iceberg", "display_qty": Decimal("0.2")}
        bench.add(side, "1", str(price), **display)
    elif roll < 0.55 and orders:
        order = chance.choice(orders)
        qty = order.cum_qty + chance.choice([Decimal("0.05"), order.left / 2, order.left * 2])
        bench.request(
            "amend_order", order_id=order.order_id, order_qty=qty.quantize(Decimal("0.01"))
        )
    elif roll < 0.65 and orders:
        bench.request("cancel_order", order_id=[chance.choice(orders).order_id])
    elif roll < 0.8:
        bench.trade(side, chance.randint(1, 60))
    else:
        bench.sim.markets.step(BTC)
    bench.wait(2)


def scene(seed: int) -> Iterator[tuple[Bench, list[Listener]]]:
    """Yield an exchange with listeners, now and then between many actions."""
    bench = Bench(seed=seed, tier="pro")
    listeners = [
        Listener(bench, channel, depth)
        for channel, depth in [("level3", 10), ("level3", 100), ("book", 10), ("book", 25)]
    ]
    chance = random.Random(seed)
    for _ in range(15):
        for _ in range(10):
            try:
                act(bench, chance)
            except Refused:
                bench.wait(20)
        yield bench, listeners


@pytest.mark.parametrize("seed", range(4))
def test_books_stay_right_at_every_depth(seed: int) -> None:
    """The readers check every checksum; at the end they know the book, level by level."""
    for bench, listeners in scene(seed):
        orders, deep, *_ = (listener.reader for listener in listeners)
        for index in range(10):
            for side, name in (("bid", "bids"), ("ask", "asks")):
                assert orders.levels(name)[index] == deep.levels(name)[index]
                assert deep.levels(name)[index] == bench.level(side, index)
    assert all(listener.count > 50 for listener in listeners)
    assert bench.sim.account.fills


def test_single_orders_show_the_account_where_it_stands() -> None:
    seen = 0
    for bench, listeners in scene(5):
        reader: OrderReader = listeners[1].reader
        sides: list[tuple[Side, Any]] = [("bid", "bids"), ("ask", "asks")]
        for side, name in sides:
            queues = {Decimal(price): queue for price, queue in reader.sides[name].items()}
            for ticks in bench.market.own.prices(side):
                queue = queues.get(Decimal(ticks) / 10, [])
                for own in bench.market.own.queue(side, ticks) if queue else ():
                    shown = next(one for one in queue if one.order_id == own.order_id)
                    before = queue[: queue.index(shown)]
                    mine = {one.order_id for one in bench.market.own.queue(side, ticks)}
                    ahead = sum(Decimal(one.qty) for one in before if one.order_id not in mine)
                    assert Decimal(shown.qty) == Decimal(own.lots).scaleb(-8)
                    assert ahead == Decimal(own.ahead).scaleb(-8)
                    seen += 1
    assert seen > 20


def test_public_trades_are_those_of_the_account() -> None:
    bench = Bench()
    trades: list[Message] = []

    class Tape:
        long_form = True

        def send(self, message: Outgoing) -> None:
            trades.extend(json.loads(message.payload, parse_float=Decimal)["data"])

    tape = Tape()
    bench.sim.registry.add(Subscription(cast(Writer, tape), tape.send, "trade", BTC, None))
    price, ahead = bench.level("bid")
    bench.add("buy", "1", str(price))
    bench.trade("sell", ahead + Decimal("0.4"))
    bench.add("buy", "0.01")
    fills = bench.sim.account.fills
    assert [trade["qty"] for trade in trades[:2]] == [ahead, Decimal("0.4")]
    assert trades[1]["side"] == "sell"
    public = {trade["trade_id"]: (trade["price"], trade["qty"]) for trade in trades}
    assert len(public) == len(trades)
    assert all(public[fill.trade_id] == (fill.price, fill.qty) for fill in fills)
