"""Quotes of a pair, in virtual time against the simulated exchange."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import virtual
from tests.ws.helpers import BTC, eventually
from tests.ws.test_orders import scene

from kraken_connector.exceptions import NotConnected, OrdersStillWorking
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import KrakenWSClient, Quote, QuoteReport, Quotes

pytestmark = pytest.mark.virtual_time

Levels = list[tuple[Any, Any]]


@asynccontextmanager
async def quoting(
    exchange: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient, Quotes]]:
    """Enter a block of quotes, and check that leaving it cancels them."""
    async with scene({"tier": "pro", **(exchange or {})}) as (sim, client):
        async with client.quotes(BTC, **{"tag": "mm", "reserve": 0, **options}) as quotes:
            yield sim, client, quotes
        assert sim.account.open_orders == []


def methods(sim: SimulatedExchange) -> Counter[str]:
    """Return the order requests that arrived since the last call."""
    found = Counter(r.method for r in sim.requests if "order" in r.method or "batch" in r.method)
    sim.requests.clear()
    return found


def market(sim: SimulatedExchange) -> list[tuple[str, Decimal, Decimal]]:
    """Return what is in the market."""
    found = ((o.side, o.limit_price or Decimal(0), o.left) for o in sim.account.open_orders)
    return sorted(found)


def quoted(bids: Levels, asks: Levels) -> list[tuple[str, Decimal, Decimal]]:
    found = [("buy", Decimal(p), Decimal(q)) for p, q in bids]
    return sorted(found + [("sell", Decimal(p), Decimal(q)) for p, q in asks])


BIDS: Levels = [("100.0", "1"), ("99.0", "2"), ("98.0", "3")]
ASKS: Levels = [("999100.0", "1"), ("999200.0", "2")]


async def test_first_quotes_are_placed_together_and_the_same_again_send_nothing() -> None:
    async with quoting() as (sim, _, quotes):
        report = await quotes.set(bids=BIDS, asks=ASKS)
        assert report.is_complete
        assert len(report.placed) == 5
        assert market(sim) == quoted(BIDS, ASKS)
        assert methods(sim) == {"batch_add": 1}
        assert all(order.tag == "mm" and order.post_only for order in quotes.orders)
        again = await quotes.set(bids=BIDS[::-1], asks=ASKS)
        assert again.is_complete
        assert len(again.kept) == 5
        assert methods(sim) == {}


async def test_one_order_is_placed_alone_and_many_by_fifteen() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=[("100.0", "0.1")])
        assert methods(sim) == {"add_order": 1}
        await quotes.set(bids=[(100 - n, "0.1") for n in range(32)])
        assert methods(sim) == {"batch_add": 2, "add_order": 1}
        assert len(sim.account.open_orders) == 32


async def test_orders_that_fit_are_amended_in_place() -> None:
    async with quoting() as (sim, _, quotes):
        first = await quotes.set(bids=BIDS, asks=ASKS)
        methods(sim)
        bids: Levels = [("101.0", "1"), ("99.0", "2"), ("98.0", "2.5")]
        report = await quotes.set(bids=bids, asks=ASKS[:1])
        assert report.is_complete
        assert methods(sim) == {"amend_order": 2, "cancel_order": 1}
        assert (len(report.amended), len(report.kept), len(report.canceled)) == (2, 2, 1)
        assert {*report.amended, *report.kept, *report.canceled} == set(first.placed)
        assert market(sim) == quoted(bids, ASKS[:1])


async def test_quantity_of_a_quote_is_what_is_open() -> None:
    async with quoting() as (sim, _, quotes):
        (order,) = (await quotes.set(bids=BIDS[:1])).placed
        await sim.account.fill(order.order_id, "0.4")
        await eventually(lambda: order.cum_qty)
        report = await quotes.set(bids=[("100.0", "0.6")])
        assert report.kept == (order,)
        report = await quotes.set(bids=[("100.0", "0.8")])
        assert report.amended == (order,)
        assert order.order_qty == Decimal("1.2")
        assert market(sim) == [("buy", Decimal(100), Decimal("0.8"))]


async def test_small_moves_are_not_made() -> None:
    async with quoting(min_move="0.5") as (_, _, quotes):
        (order,) = (await quotes.set(bids=[("100.0", 1)])).placed
        assert (await quotes.set(bids=[("100.4", 1)])).kept == (order,)
        assert (await quotes.set(bids=[("100.5", 1)])).amended == (order,)


async def test_side_is_replaced_only_when_it_is_gone_for_certain() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=[("100.0", 1), ("99.0", 1)])
        # One of two small orders grows once the other is cancelled.
        held = sim.faults.hold_requests(1, method="cancel_order")
        setting = asyncio.create_task(quotes.set(bids=[("100.0", 2)]))
        await asyncio.sleep(1)
        assert market(sim) == quoted([("100.0", 1), ("99.0", 1)], [])
        held.release()
        assert (await setting).is_complete
        assert market(sim) == quoted([("100.0", 2)], [])


async def test_no_quotes_cancels_all() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=BIDS, asks=ASKS)
        methods(sim)
        report = await quotes.set()
        assert report.is_complete
        assert len(report.canceled) == 5
        assert methods(sim) == {"batch_cancel": 1}
        assert sim.account.open_orders == []


async def test_orders_with_another_tag_are_not_changed() -> None:
    async with (
        quoting() as (sim, client, quotes),
        client.quotes(BTC, tag="other", reserve=0) as others,
    ):
        await others.set(bids=BIDS)
        await quotes.set(bids=BIDS[:1])
        await quotes.pull()
        assert market(sim) == quoted(BIDS, [])


# Refusals.


async def test_quote_that_would_take_liquidity_is_reported() -> None:
    async with quoting({"reply_first": False}) as (sim, _, quotes):
        _, best = sim.markets.market(BTC).best()
        assert best is not None
        price = (best[0] + 10) * Decimal("0.1")
        report = await quotes.set(bids=[(price, 1)])
        await eventually(lambda: quotes.orders == [])
        (refusal,) = report.refused
        assert refusal.order is None
        (order,) = (await quotes.set(bids=BIDS[:1])).placed
        report = await quotes.set(bids=[(price, 1)])
        (refusal,) = report.refused
        assert (refusal.kind, refusal.order) == ("post_only", order)
        assert not report.is_complete
        assert market(sim) == quoted(BIDS[:1], [])


async def test_one_bad_quote_does_not_keep_the_others_out() -> None:
    async with quoting() as (sim, _, quotes):
        report = await quotes.set(bids=[*BIDS, ("97.123456", 1)])
        (refusal,) = report.refused
        assert (refusal.quote.price, refusal.kind) == (Decimal("97.123456"), "price")
        assert len(report.placed) == 3
        assert market(sim) == quoted(BIDS, [])


async def test_order_that_the_engine_refuses_alone_is_reported() -> None:
    async with quoting() as (sim, _, quotes):
        report = await quotes.set(asks=[*ASKS, ("999300.0", "100000")])
        (refusal,) = report.refused
        assert (refusal.quote.qty, refusal.kind) == (Decimal(100000), "funds")
        assert market(sim) == quoted([], ASKS)


async def test_room_is_kept_in_the_rate_counter_and_cancels_are_not_held_back() -> None:
    async with quoting({"tier": "starter"}, reserve=40) as (_, client, quotes):
        counter = client.rate_counter
        refused: list[str] = []
        for n in range(60):
            report = await quotes.set(bids=[(100 + n, 1)], asks=[(999000 - n, 1)])
            assert counter.headroom(BTC) >= 40
            refused += [refusal.kind for refusal in report.refused]
        assert set(refused) == {"rate"}
        report = await quotes.set()
        assert len(report.canceled) == 2


# Orders of unknown outcome.


async def test_order_of_unknown_outcome_counts_as_there_until_it_is_settled() -> None:
    async with quoting() as (sim, _, quotes):
        sim.faults.lose_requests(method="add_order")
        report = await quotes.set(bids=BIDS[:1])
        (unknown,) = report.in_doubt
        assert unknown.status == "unknown"
        assert report.placed == ()
        # That order may be in the market, so a quote at another price must wait.
        assert (await quotes.set(bids=BIDS[:1])).in_doubt == (unknown,)
        report = await quotes.set(bids=[("90.0", "1")])
        assert report.waiting == (Quote("buy", Decimal(90), Decimal(1)),)
        # A larger side has room for the difference.
        report = await quotes.set(bids=[("90.0", "1"), ("89.0", "0.5")])
        assert market(sim) == quoted([("89.0", "0.5")], [])
        await unknown.wait_done(30)
        assert (await quotes.set(bids=[("90.0", "1")])).is_complete


async def test_order_whose_reply_was_lost_is_found_by_its_report() -> None:
    async with quoting() as (sim, _, quotes):
        sim.faults.lose_replies(method="add_order")
        report = await quotes.set(bids=BIDS[:1])
        assert (len(report.placed), report.in_doubt) == (1, ())
        assert (await quotes.set(bids=BIDS[:1])).kept == report.placed


async def test_amend_of_unknown_outcome_is_cancelled_before_it_is_replaced() -> None:
    async with quoting() as (sim, _, quotes):
        (order,) = (await quotes.set(bids=[("100.0", 1)])).placed
        sim.faults.lose_requests(method="amend_order")
        report = await quotes.set(bids=[("101.0", 1)])
        assert report.in_doubt == (order,)
        methods(sim)
        report = await quotes.set(bids=[("102.0", 1)])
        assert report.is_complete
        assert report.canceled == (order,)
        assert methods(sim) == {"cancel_order": 1, "add_order": 1}
        assert market(sim) == quoted([("102.0", 1)], [])


async def test_fill_during_the_call_is_not_placed_again() -> None:
    async with quoting() as (sim, _, quotes):
        (order,) = (await quotes.set(bids=[("100.0", 1)])).placed
        held = sim.faults.hold_requests(1, method="amend_order")
        setting = asyncio.create_task(quotes.set(bids=[("101.0", 1)]))
        await eventually(lambda: held.held)
        await sim.account.fill(order.order_id)
        await eventually(lambda: order.is_done)
        held.release()
        report = await setting
        assert sim.account.open_orders == []
        assert not report.placed
        assert len((await quotes.set(bids=[("101.0", 1)])).placed) == 1


async def test_lost_report_of_a_cancel_is_made_up_for_by_a_snapshot() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=BIDS)
        sim.faults.lose_reports(1)
        report = await quotes.set(bids=BIDS[:2])
        assert len(report.canceled) == 1


# Several calls.


async def test_latest_call_wins() -> None:
    async with quoting() as (sim, _, quotes):
        held = sim.faults.hold_requests(1, method="add_order")
        first = asyncio.create_task(quotes.set(bids=[("100.0", 1)]))
        await eventually(lambda: held.held)
        second = asyncio.create_task(quotes.set(bids=[("101.0", 1)]))
        third = asyncio.create_task(quotes.set(bids=[("102.0", 1)]))
        reports = [await first, await second]
        assert [report.is_superseded for report in reports] == [True, True]
        assert not third.done()
        held.release()
        report = await third
        assert report.is_complete
        assert len(report.amended) == 1
        assert market(sim) == quoted([("102.0", 1)], [])


async def test_pull_supersedes_and_later_calls_wait_for_it() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=BIDS)
        held = sim.faults.hold_requests(1, method="add_order")
        setting = asyncio.create_task(quotes.set(bids=BIDS, asks=ASKS[:1]))
        await eventually(lambda: held.held)
        pulling = asyncio.create_task(quotes.pull())
        assert (await setting).is_superseded
        later = asyncio.create_task(quotes.set(bids=BIDS[:1]))
        await asyncio.sleep(0.5)
        assert not later.done()
        held.release()
        assert len((await pulling).canceled) == 4
        assert (await later).is_complete
        assert market(sim) == quoted(BIDS[:1], [])


# Connections.


async def test_client_that_cannot_trade_raises() -> None:
    async with quoting() as (sim, client, quotes):
        await quotes.set(bids=BIDS)
        sim.faults.refuse_connections(100)
        sim.faults.reset_connections()
        await eventually(lambda: str(client.state) == "reconnecting")
        with pytest.raises(NotConnected, match="Cannot quote"):
            await quotes.set(bids=BIDS[:1])
        sim.faults.clear()
        await eventually(lambda: client.orders.is_current)
        assert (await quotes.set(bids=BIDS[:1])).is_complete
        assert market(sim) == quoted(BIDS[:1], [])


async def test_connection_that_is_lost_while_orders_are_replaced_is_waited_out() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=[("100.0", 1), ("99.0", 1)])
        sim.faults.lose_requests(1, method="cancel_order", cut=True)
        assert (await quotes.set(bids=[("100.0", 2)])).is_complete
        assert market(sim) == quoted([("100.0", 2)], [])


async def test_order_that_could_not_be_cancelled_is_reported() -> None:
    async with quoting() as (sim, _, quotes):
        await quotes.set(bids=[("100.0", 1), ("99.0", 1)])
        rule = sim.faults.lose_requests(None, method="cancel_order")
        report = await quotes.set(bids=[("100.0", 2)])
        assert [order.limit_price for order in report.in_doubt] == [99]
        assert report.waiting == (Quote("buy", Decimal(100), Decimal(2)),)
        rule.cancel()
        assert (await quotes.set(bids=[("100.0", 2)])).is_complete


# Leaving.


async def test_cancelled_block_cancels_its_quotes() -> None:
    async with scene({"tier": "pro"}) as (sim, client):

        async def make() -> None:
            async with client.quotes(BTC) as quotes:
                await quotes.set(bids=BIDS)
                await asyncio.Event().wait()

        making = asyncio.create_task(make())
        await eventually(lambda: len(sim.account.open_orders) == 3)
        held = sim.faults.hold_requests(1, method="batch_cancel")
        making.cancel()
        await eventually(lambda: held.held)
        making.cancel()
        await asyncio.sleep(0.1)
        held.release()
        with pytest.raises(asyncio.CancelledError):
            await making
        assert sim.account.open_orders == []


async def test_quotes_that_cannot_be_cancelled_are_named_on_leaving() -> None:
    async with scene() as (sim, client):
        quotes = client.quotes(BTC)

        async def make() -> None:
            async with quotes:
                await quotes.set(bids=BIDS[:1])
                sim.faults.lose_requests(None, method="cancel_order")

        with pytest.raises(OrdersStillWorking) as caught:
            await make()
        assert caught.value.orders == tuple(client.orders.working(BTC))
        with pytest.raises(RuntimeError, match="the block has ended"):
            await quotes.set()


async def test_arguments_are_checked() -> None:
    async with quoting() as (sim, client, quotes):
        for wrong in ([("0", 1)], [("1", "-1")], [("many", 1)]):
            with pytest.raises(ValueError, match=r"bids|number"):
                await quotes.set(bids=wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="not below"):
            await quotes.set(bids=[("100", 1)], asks=[("100", 1)])
        with pytest.raises(ValueError, match="min_move"):
            client.quotes(BTC, min_move=-1)
        assert methods(sim) == {}


# Random faults.

FAULTS: list[tuple[Any, ...]] = [
    ("lose_requests",),
    ("lose_replies",),
    ("lose_reports",),
    ("cut_before_reply",),
    ("reset_connections",),
    ("delay_requests", 0.7),
    ("delay_replies", 0.7),
    ("delay_reports", 0.7, 3),
    ("duplicate_reports",),
    ("refuse_orders", "EOrder:Rate limit exceeded"),
    ("refuse_orders", "EService:Unavailable"),
]


class Watch:
    """Checks the market continuously: the quantity of each side, and that prices do not cross."""

    def __init__(self, sim: SimulatedExchange) -> None:
        self.sim = sim
        self.most = {"buy": Decimal(0), "sell": Decimal(0)}
        self.errors: list[str] = []

    def allow(self, bids: Levels, asks: Levels) -> None:
        """Let a side have this much, or what it has, with its fills from here on."""
        for side, levels in (("buy", bids), ("sell", asks)):
            wanted = sum((Decimal(q) for _, q in levels), Decimal(0))
            self.most[side] = max(self.most[side], wanted)

    def check(self) -> None:
        orders = self.sim.account.open_orders
        for side, most in self.most.items():
            have = sum((o.left for o in orders if o.side == side), Decimal(0))
            if have > most:
                self.errors.append(f"{side} has {have} of {most}")
        buys = [o.limit_price for o in orders if o.side == "buy" and o.limit_price]
        sells = [o.limit_price for o in orders if o.side == "sell" and o.limit_price]
        if buys and sells and max(buys) >= min(sells):
            self.errors.append(f"{buys} crosses {sells}")


@settings(
    max_examples=settings().max_examples * 3 // 10, suppress_health_check=[HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32))
def test_never_too_much_and_as_wanted_in_the_end(seed: int) -> None:
    chance = random.Random(seed)

    def levels() -> tuple[Levels, Levels]:
        middle = chance.randint(1000, 1100)
        bids = {middle - chance.randint(1, 60) for _ in range(chance.randint(0, 3))}
        asks = {middle + chance.randint(0, 60) for _ in range(chance.randint(0, 3))}
        return [(p, chance.randint(1, 3)) for p in bids], [
            (p + 999000, chance.randint(1, 3)) for p in asks
        ]

    async def main() -> None:
        async with quoting() as (sim, client, quotes):
            watch = Watch(sim)
            virtual.current().after_turn = watch.check
            calls: list[asyncio.Task[QuoteReport]] = []
            for _ in range(chance.randint(1, 8)):
                if chance.random() < 0.6:
                    name, *arguments = chance.choice(FAULTS)
                    getattr(sim.faults, name)(*arguments)
                wanted = levels()
                watch.allow(*wanted)
                calls.append(asyncio.create_task(quotes.set(*wanted)))
                await asyncio.sleep(chance.choice([0.0, 0.01, 0.5, 3.0]))
                if sim.account.open_orders and chance.random() < 0.5:
                    order = chance.choice(sim.account.open_orders)
                    await sim.account.fill(order.order_id, chance.choice([None, order.left / 2]))
            await asyncio.gather(*calls, return_exceptions=True)
            sim.faults.clear()
            # The next report shows the gap.
            virtual.current().after_turn = bool
            marker = await sim.account.place(BTC, "buy", 1, limit_price=1)
            await eventually(lambda: marker in client.orders and client.orders.is_current, 60)
            await sim.account.cancel(marker)
            await eventually(lambda: client.orders[marker].is_done, 60)
            virtual.current().after_turn = watch.check
            wanted = levels()
            watch.allow(*wanted)
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(NotConnected):
                        if (await quotes.set(*wanted)).is_complete:
                            break
                    await asyncio.sleep(0.5)
            virtual.current().after_turn = bool
            assert market(sim) == quoted(*wanted)
            assert not watch.errors
            bought = sum(f.qty if f.side == "buy" else -f.qty for f in sim.account.fills)
            assert client.positions[BTC].qty == bought
            assert client.positions.tagged("mm")[BTC].qty == bought

    virtual.run(main())
