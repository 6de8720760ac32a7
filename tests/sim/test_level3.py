"""The level3 channel, for clients that truncate their books at different moments."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.marks import long
from tests.sim.client import BookReader, Client, Message, connected, fetch_token, without_times
from tests.sim.orders import SIDES, OrderReader, Side

from kraken_connector.sim import SimulatedExchange, book
from kraken_connector.sim.book import ReferenceBook
from kraken_connector.sim.flat_out import FlatOutFeed
from kraken_connector.sim.level3 import DEPTHS, ReferenceOrders
from kraken_connector.sim.queues import OtherOrders, Own, Queue, QueueRule, Resting, total

VECTOR = Path(__file__).parents[1] / "fixtures" / "vectors" / "level3-btcusd-doc.json"
BTC = "BTC/USD"
ORDER_ID = re.compile(r"O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}")
NANOSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
SECOND_NS = 1_000_000_000
BOOK_SIDES: dict[Side, book.Side] = {"bids": "bid", "asks": "ask"}
ORDER_SIDES: dict[Side, str] = {"bids": "buy", "asks": "sell"}


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[SimulatedExchange, Client, str]]:
    """An exchange that moves only by `step`, a client and its token."""
    async with (
        SimulatedExchange(**{"rate": 0, "heartbeat_interval": 0, **options}) as sim,
        connected(sim) as client,
    ):
        yield sim, client, await fetch_token(sim)
        client.leave()


async def follow(
    sim: SimulatedExchange, client: Client, reader: OrderReader, steps: int, symbol: str = BTC
) -> list[Message]:
    """Step the market and read the messages that this leads to."""
    await sim.step(symbol, steps)
    messages = await client.updates("level3", steps)
    for message in messages:
        reader.read(message)
    return messages


def subscribe(*symbols: str, **params: Any) -> Message:
    listed = list(symbols) or [BTC]
    return {"method": "subscribe", "params": {"channel": "level3", "symbol": listed, **params}}


def unsubscribe(*symbols: str, **params: Any) -> Message:
    return subscribe(*symbols, **params) | {"method": "unsubscribe"}


# Messages.


@pytest.mark.parametrize("cut_each_event", [True, False], ids=["cut each event", "cut at the end"])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("symbol", [BTC, *long("PEPE/USD", "BCH/USD", "KEEP/EUR", "NEW/EUR")])
async def test_readers_of_every_depth_keep_the_exchanges_orders(
    symbol: str, depth: int, cut_each_event: bool
) -> None:
    reader = OrderReader(depth, cut_each_event=cut_each_event)
    async with serving(symbols=[symbol]) as (sim, client, token):
        reader.read(await client.subscribe("level3", symbol, depth=depth, token=token))
        await follow(sim, client, reader, 80 if depth == 1000 else 300, symbol)
        state = sim.published_orders(symbol, depth)[-1]
    for side, orders in zip(SIDES, (state.bids, state.asks), strict=True):
        published = [(order.order_id, order.limit_price, order.order_qty) for order in orders]
        kept = [
            (order.order_id, Decimal(order.price), Decimal(order.qty))
            for order in reader.orders(side)
        ]
        assert kept == published


@pytest.mark.parametrize("depth", DEPTHS)
async def test_orders_add_up_to_the_book_of_the_same_step(depth: int) -> None:
    orders, book = OrderReader(depth), BookReader(depth)
    async with serving() as (sim, client, token):
        orders.read(await client.subscribe("level3", BTC, depth=depth, token=token))
        book.read(await client.subscribe("book", BTC, depth=depth))
        for _ in range(15):
            await sim.step(BTC, 5)
            for _ in range(10):
                message = await client.receive()
                (orders if message["channel"] == "level3" else book).read(message)
            for side in SIDES:
                levels = [tuple(map(Decimal, row)) for row in book.books[BTC].levels(side)]
                assert orders.levels(side) == levels


async def test_published_orders_add_up_to_the_published_book() -> None:
    async with serving() as (sim, client, token):
        await client.subscribe("level3", BTC, token=token)
        await client.subscribe("book", BTC)
        await sim.step(BTC, 50)
        books, orders = sim.published(BTC), sim.published_orders(BTC)
        assert [state.count for state in orders] == list(range(1, 52))
        assert [state.bid_levels for state in orders] == [state.bids for state in books]
        assert [state.ask_levels for state in orders] == [state.asks for state in books]


async def test_every_kind_of_event_happens() -> None:
    reader = OrderReader(10)
    async with serving() as (sim, client, token):
        reader.read(await client.subscribe("level3", BTC, token=token))
        reader.events.clear()
        await follow(sim, client, reader, 300)
    assert set(reader.events) == {
        ("add", False),
        ("modify", False),
        ("modify", True),
        ("delete", True),
    }


async def test_trades_fill_from_the_front() -> None:
    reader = OrderReader(10)
    async with serving() as (sim, client, token):
        reader.read(await client.subscribe("level3", BTC, token=token))
        await client.subscribe("trade", BTC)
        checked = 0
        for _ in range(400):
            before = {price: queue[:] for price, queue in reader.sides["bids"].items()}
            step = await sim.step(BTC)
            (message,) = await client.updates("level3", 1)
            reader.read(message)
            for trade in step.trades:
                price = f"{trade.ticks // 10}.{trade.ticks % 10}"
                events = [row for row in message["data"][0]["bids"] if row["limit_price"] == price]
                kinds = {row["event"] for row in events}
                if trade.side == "buy" or len(events) != 1 or price not in before:
                    continue
                checked += 1
                assert events[0]["order_id"] == before[price][0].order_id
                assert kinds <= {"modify", "delete"}
        assert checked > 5


async def test_level_that_comes_into_scope_is_announced_with_its_old_times() -> None:
    async with serving() as (sim, client, token):
        await client.subscribe("level3", BTC, token=token)
        asks = sim.published_orders(BTC)[-1].ask_levels
        await sim.publish(BTC, asks=[(asks[3][0], 0)])
        (message,) = await client.updates("level3", 1)
        rows = message["data"][0]["asks"]
        eleventh = sim.published_orders(BTC)[-1].ask_levels[9][0]
        adds = [row for row in rows if row["event"] == "add"]
        assert rows[: -len(adds)] == [row for row in rows if row["event"] == "delete"]
        assert {Decimal(row["limit_price"]) for row in adds} == {eleventh}
        deleted = {row["timestamp"] for row in rows if row["event"] == "delete"}
        assert max(row["timestamp"] for row in adds) < min(deleted)


async def test_level_that_leaves_scope_is_not_mentioned() -> None:
    async with serving() as (sim, client, token):
        await client.subscribe("level3", BTC, token=token)
        before = sim.published_orders(BTC)[-1]
        best = before.bid_levels[0][0]
        await sim.publish(BTC, bids=[(best + Decimal("0.1"), "0.5")])
        (message,) = await client.updates("level3", 1)
        rows = message["data"][0]["bids"]
        assert {row["event"] for row in rows} == {"add"}
        assert {Decimal(row["limit_price"]) for row in rows} == {best + Decimal("0.1")}
        assert sim.published_orders(BTC)[-1].bid_levels[1:] == before.bid_levels[:9]


async def test_ids_times_and_digits_have_the_exchanges_form() -> None:
    async with serving() as (sim, client, token):
        messages = [await client.subscribe("level3", "PEPE/USD", token=token)]
        await sim.step("PEPE/USD", 100)
        messages += await client.updates("level3", 100)
    rows = [row for message in messages for side in SIDES for row in message["data"][0][side]]
    assert all(ORDER_ID.fullmatch(row["order_id"]) for row in rows)
    assert all(NANOSECONDS.fullmatch(row["timestamp"]) for row in rows)
    assert all(re.fullmatch(r"\d\.\d{10}", row["limit_price"]) for row in rows)
    assert all(re.fullmatch(r"\d+\.\d{5}", row["order_qty"]) for row in rows)
    assert all(NANOSECONDS.fullmatch(message["data"][0]["timestamp"]) for message in messages[1:])


async def test_queues_stand_in_the_order_of_their_times() -> None:
    async with serving() as (sim, client, token):
        await client.subscribe("level3", BTC, depth=100, token=token)
        await sim.step(BTC, 200)
        for state in sim.published_orders(BTC, 100):
            for orders in (state.bids, state.asks):
                keys = [(order.limit_price, order.timestamp_ns) for order in orders]
                prices = dict.fromkeys(price for price, _ in keys)
                assert keys == [
                    key for price in prices for key in sorted(p for p in keys if p[0] == price)
                ]


async def test_two_subscribers_see_the_same_orders() -> None:
    async with serving() as (sim, client, token), connected(sim) as other:
        await client.subscribe("level3", BTC, token=token)
        await sim.step(BTC, 20)
        late = OrderReader(10)
        late.read(await other.subscribe("level3", BTC, token=token))
        state = sim.published_orders(BTC)[-1]
        assert [order.order_id for order in late.orders("bids")] == [
            order.order_id for order in state.bids
        ]


async def test_the_market_moves_alike_with_and_without_level3() -> None:
    async with serving() as (sim, client, token), SimulatedExchange(rate=0) as plain:
        await client.subscribe("level3", BTC, token=token)
        await sim.step(BTC, 50)
        await plain.step(BTC, 50)
        assert sim.markets.market(BTC).book.checksum() == plain.markets.market(BTC).book.checksum()


def test_checksum_of_the_documented_example() -> None:
    """Source: the exchange's guide to level3 checksums."""
    vector = json.loads(VECTOR.read_text())
    book = ReferenceBook()
    orders = ReferenceOrders(book, lambda side, ticks: (), seed="", now_ns=0)
    for side, rows in (("bid", "bids"), ("ask", "asks")):
        queues: dict[int, list[Resting]] = {}
        for row in vector[f"{rows}_best_first_queue_order"]:
            ticks, lots = (int(row[key].replace(".", "")) for key in ("limit_price", "order_qty"))
            queues.setdefault(ticks, []).append(Resting(row["order_id"], lots, 0))
        for ticks, queue in queues.items():
            book.side(side).replace(ticks, total(tuple(queue)))
            orders._queues[side, ticks] = tuple(queue)
    assert orders.checksum() == vector["expected_crc32"] == 1063832831


# Queues with orders of the account.


class Clock:
    def __init__(self) -> None:
        self.now = 10**18

    def __call__(self) -> int:
        self.now += 1
        return self.now


def crowd(seed: int = 1) -> OtherOrders:
    return OtherOrders(random.Random(seed), Clock())


def ahead(queue: Queue, order_id: str) -> int:
    """Return the lots of others in front of an order."""
    index = next(at for at, order in enumerate(queue) if order.order_id == order_id)
    return sum(order.lots for order in queue[:index] if not order.is_own)


@pytest.mark.parametrize("seed", range(20))
def test_own_orders_stand_where_the_matching_engine_says(seed: int) -> None:
    others, chance = crowd(seed), random.Random(seed)
    own: list[Own] = []
    lots = chance.randint(1, 1000)
    queue = others.compose(lots, own)
    for number in range(60):
        size = sum(mine.lots for mine in own)
        foreign, traded = lots - size, 0
        match chance.choice(["join", "leave", "rejoin", "trade", "cancel", "more"]):
            case "join":
                own.append(Own(f"own{number}", chance.randint(1, 50), foreign))
            case "leave" if own:
                own.pop(chance.randrange(len(own)))
            case "rejoin" if own:
                mine = own.pop(chance.randrange(len(own)))
                own.append(Own(mine.order_id, mine.lots + 5, foreign))
            case "trade" if foreign:
                traded = min(chance.randint(1, 100), foreign if not own else max(own[0].ahead, 1))
                traded = min(traded, foreign)
                own = [mine._replace(ahead=max(0, mine.ahead - traded)) for mine in own]
                foreign -= traded
            case "cancel" if foreign:
                foreign -= chance.randint(1, foreign)
                own = [mine._replace(ahead=min(mine.ahead, foreign)) for mine in own]
            case _:
                foreign += chance.randint(1, 100)
        lots = foreign + sum(mine.lots for mine in own)
        queue, _ = others.settle(queue, lots, traded, own)
        assert total(queue) == lots
        assert [order.order_id for order in queue if order.is_own] == [
            mine.order_id for mine in own
        ]
        for mine in own:
            assert ahead(queue, mine.order_id) == mine.ahead
        times = [order.timestamp_ns for order in queue]
        assert times == sorted(times)


def test_trade_fills_the_front_partially_and_keeps_its_position() -> None:
    first, second = Resting("first", 10, 1), Resting("second", 10, 2)
    queue, events = crowd().settle((first, second), 14, 6, [])
    assert queue == (first._replace(lots=4), second)
    assert [(event.kind, event.order) for event in events] == [("modify", first._replace(lots=4))]


def test_order_that_shrinks_may_get_a_new_timestamp_and_keep_its_priority() -> None:
    first, second = Resting("first", 10, 1), Resting("second", 10, 2)
    others = OtherOrders(random.Random(1), Clock(), QueueRule(restamps=True))
    queue, (event,) = others.settle((first, second), 14, 6, [])
    assert [order.order_id for order in queue] == ["first", "second"]
    assert event.kind == "modify"
    assert queue[0] == event.order
    assert event.order.timestamp_ns > second.timestamp_ns


async def test_exchange_may_restamp() -> None:
    async with serving(level3_restamps=True) as (sim, client, token):
        await client.subscribe("level3", BTC, token=token)
        await sim.step(BTC, 200)
        orders = sim.markets.market(BTC).orders()
        levels = *orders.levels("bid", 10), *orders.levels("ask", 10)
        times = [[order.timestamp_ns for order in level.queue] for level in levels]
        assert any(one != sorted(one) for one in times)


def test_own_order_that_grows_goes_to_the_back() -> None:
    queue = (Resting("mine", 5, 1, is_own=True), Resting("other", 7, 2))
    after, (event,) = crowd().settle(queue, 15, 0, [Own("mine", 8, 7)])
    assert [order.order_id for order in after] == ["other", "mine"]
    assert event.kind == "modify"
    assert event.order.timestamp_ns > 2


async def add(client: Client, token: str, side: str, price: Decimal, qty: str, req_id: int) -> str:
    """Place an order over the socket and return its id."""
    params = {
        "order_type": "limit",
        "side": side,
        "symbol": BTC,
        "limit_price": float(price),
        "order_qty": float(qty),
        "token": token,
    }
    answer = await client.answer({"method": "add_order", "req_id": req_id, "params": params})
    assert answer["success"], answer
    order_id: str = answer["result"]["order_id"]
    return order_id


def queue_positions(sim: SimulatedExchange, reader: OrderReader) -> dict[str, tuple[int, int]]:
    """Return the lots ahead of each own order: as a reader sees it, as the engine says."""
    market, own = sim.markets.market(BTC), {order.order_id for order in sim.account.open_orders}
    found: dict[str, tuple[int, int]] = {}
    for side in SIDES:
        for price, queue in reader.sides[side].items():
            ahead = 0
            engine = {
                one.order_id: one for one in market.own.queue(BOOK_SIDES[side], ticks_of(price))
            }
            for order in queue:
                if order.order_id in own:
                    found[order.order_id] = ahead, engine.pop(order.order_id).ahead
                else:
                    ahead += lots_of(order.qty)
            assert not engine, "own orders that a reader does not see"
    return found


def ticks_of(price: str) -> int:
    return int(Decimal(price).scaleb(1))


def lots_of(qty: str) -> int:
    return int(Decimal(qty).scaleb(8))


async def test_own_orders_stand_in_the_queues_with_their_ids() -> None:
    orders, levels = OrderReader(100), BookReader(100)
    seen: set[str] = set()
    rich = {"USD": 10**9, "BTC": 10**4}
    async with serving(balances=rich) as (sim, client, token), connected(sim) as trading:
        orders.read(await client.subscribe("level3", BTC, depth=100, token=token))
        levels.read(await client.subscribe("book", BTC, depth=100))
        for number in range(60):
            side = SIDES[number % 2]
            price, _ = orders.levels(side)[number % 4]
            order_id = await add(trading, token, ORDER_SIDES[side], price, "0.02", number)
            if number % 5 == 4 and order_id in sim.account.records.open:
                await sim.account.amend(order_id, order_qty=1)
            await sim.step(BTC, 3)
            await client.send({"method": "ping"})
            while (message := await client.receive()).get("method") != "pong":
                (orders if message["channel"] == "level3" else levels).read(message)
            for each in SIDES:
                rows = levels.books[BTC].levels(each)
                assert orders.levels(each) == [tuple(map(Decimal, row)) for row in rows]
            found = queue_positions(sim, orders)
            assert all(ours == theirs for ours, theirs in found.values())
            seen |= found.keys()
    assert len(seen) > 30
    assert sim.account.fills


# Requests and refusals.


async def test_ack_has_the_depth_on_every_other_connection() -> None:
    async with serving() as (sim, client, token), connected(sim) as other:
        results = [
            (await each.answer(subscribe(depth=100, token=token)))["result"]
            for each in (client, other)
        ]
    assert results == [
        {"channel": "level3", "snapshot": True, "symbol": BTC},
        {"channel": "level3", "depth": 100, "snapshot": True, "symbol": BTC},
    ]


async def test_snapshot_has_a_time_on_every_other_connection() -> None:
    async with serving() as (sim, client, token), connected(sim) as other:
        keys = [
            (await each.subscribe("level3", BTC, token=token))["data"][0].keys()
            for each in (client, other)
        ]
    assert keys[1] - keys[0] == {"timestamp"}


async def test_snapshot_can_be_left_out() -> None:
    async with serving() as (sim, client, token):
        assert (await client.answer(subscribe(snapshot=False, token=token)))["success"]
        await sim.step(BTC)
        assert (await client.receive())["type"] == "update"


@pytest.mark.parametrize("params", [{}, {"token": "x"}])
async def test_level3_needs_a_token(params: Message) -> None:
    async with serving() as (_, client, _token):
        assert without_times(await client.answer(subscribe(**params))) == {
            "channel": "level3",
            "error": "ESession:Invalid session",
            "method": "subscribe",
            "status": "error",
            "success": False,
        }


@pytest.mark.parametrize("depth", [25, 500, 11])
async def test_depths_of_the_book_channel_are_refused(depth: int) -> None:
    async with serving() as (_, client, token):
        assert without_times(await client.answer(subscribe(depth=depth, token=token))) == {
            "channel": "level3",
            "error": "Subscription depth not supported",
            "method": "subscribe",
            "status": "error",
            "success": False,
        }


async def test_symbol_has_one_depth_a_connection() -> None:
    async with serving() as (sim, client, token), connected(sim) as other:
        await client.subscribe("level3", BTC, token=token)
        assert without_times(await client.answer(subscribe(depth=100, token=token))) == {
            "channel": "level3",
            "error": "Already subscribed",
            "method": "subscribe",
            "status": "error",
            "success": False,
            "symbol": BTC,
        }
        assert (await other.answer(subscribe(depth=100, token=token)))["success"]


async def test_unknown_pair_is_refused_and_the_others_are_not() -> None:
    async with serving() as (_, client, token):
        await client.send(subscribe("WWW/USD", BTC, token=token))
        refused = await client.receive()
        assert refused["error"] == "Currency pair not supported WWW/USD"
        assert (refused["channel"], refused["status"]) == ("level3", "error")
        assert (await client.receive())["success"]


async def test_unsubscribed_symbol_is_quiet_and_can_be_subscribed_again() -> None:
    async with serving() as (sim, client, token):
        await client.subscribe("level3", BTC, depth=100, token=token)
        wrong_depth = await client.answer(unsubscribe(token=token))
        assert wrong_depth["error"] == "Subscription Not Found"
        ended = await client.answer(unsubscribe(depth=100, token=token))
        assert ended["result"]["channel"] == "level3"
        await sim.step(BTC, 5)
        assert (await client.answer({"method": "ping"}))["method"] == "pong"
        reader = OrderReader(10)
        reader.read(await client.subscribe("level3", BTC, token=token))
        await follow(sim, client, reader, 20)


async def test_unsubscribing_needs_the_token() -> None:
    async with serving() as (_, client, token):
        await client.subscribe("level3", BTC, token=token)
        assert (await client.answer(unsubscribe()))["error"] == "ESession:Invalid session"


async def test_token_in_use_by_level3_does_not_expire() -> None:
    now = 1_790_000_000 * SECOND_NS
    async with serving(clock=lambda: now) as (_, client, token):
        await client.subscribe("level3", BTC, token=token)
        now += 3600 * SECOND_NS
        assert (await client.answer(unsubscribe(token=token)))["success"]


@pytest.mark.parametrize(
    ("allowance", "depth", "granted"),
    [(200, 10, 40), (200, 100, 8), (200, 1000, 2), (500, 10, 100), (500, 1000, 5)],
)
async def test_subscriptions_have_an_allowance(allowance: int, depth: int, granted: int) -> None:
    now = 1_790_000_000 * SECOND_NS
    symbols = granted + 1
    async with serving(symbols=symbols, level3_allowance=allowance, clock=lambda: now) as (
        sim,
        client,
        token,
    ):
        await client.send(subscribe(*sim.symbols, depth=depth, snapshot=False, token=token))
        answers = [await client.receive() for _ in range(symbols)]
        assert [answer["success"] for answer in answers] == [True] * granted + [False]
        late = sim.symbols[-1]
        assert without_times(answers[-1]) == {
            "channel": "level3",
            "error": "Rate limit for snapshot requests exceeded, when trying to subscribe to "
            f"{late} level3 snapshot",
            "method": "subscribe",
            "status": "error",
            "success": False,
        }
        now += SECOND_NS
        assert (await client.answer(subscribe(late, depth=depth, token=token)))["success"]


async def test_connection_has_at_most_200_symbols() -> None:
    async with (
        serving(symbols=201, level3_allowance=None) as (sim, client, token),
        connected(sim) as other,
    ):
        await client.send(subscribe(*sim.symbols, snapshot=False, token=token))
        answers = [await client.receive() for _ in range(201)]
        assert [answer["success"] for answer in answers] == [True] * 200 + [False]
        assert (await other.answer(subscribe(sim.symbols[-1], token=token)))["success"]


# Faults, and the host.


async def test_faults_reach_level3() -> None:
    async with serving() as (sim, client, token):
        reader = OrderReader(10)
        reader.read(await client.subscribe("level3", BTC, token=token))
        sim.faults.corrupt_checksums(BTC, channel="level3")
        await sim.step(BTC)
        (wrong,) = await client.updates("level3", 1)
        with pytest.raises(AssertionError):
            reader.read(wrong)
        sim.faults.duplicate_updates(BTC, channel="level3")
        await sim.step(BTC)
        first, second = await client.updates("level3", 2)
        assert first == second
        reader.read(first)
        dropped = sim.faults.drop_updates(BTC, channel="level3")
        await sim.step(BTC, 2)
        assert dropped.fired == 1
        assert (await client.updates("level3", 1))[0]["data"] != first["data"]


@pytest.mark.parametrize("depth", [10, 100])
async def test_flat_out_loops_stay_right(depth: int) -> None:
    reader = OrderReader(depth)
    exchange = SimulatedExchange(rate=math.inf)
    exchange.feed = FlatOutFeed(exchange.markets, steps=100)
    async with exchange as sim, connected(sim) as client:
        token = await fetch_token(sim)
        reader.read(await client.subscribe("level3", BTC, depth=depth, token=token))
        for message in await client.updates("level3", 350):
            reader.read(message)
        client.leave()


async def test_recorded_orders_are_played() -> None:
    async with serving(history=0) as (sim, client, token):
        snapshot = await client.subscribe("level3", BTC, token=token)
        await sim.step(BTC, 20)
        frames = [snapshot, *await client.updates("level3", 20)]
    number = re.compile(r'"(limit_price|order_qty)": ?"([\d.]+)"')
    recording = [number.sub(r'"\1":\2', json.dumps(frame)) for frame in frames]
    async with (
        SimulatedExchange.replay(recording, speed=1000) as sim,
        connected(sim) as client,
    ):
        token = await fetch_token(sim)
        reader = OrderReader(100)
        reader.read(await client.subscribe("level3", BTC, depth=100, token=token))
        reader.depth = 10
        for message in await client.updates("level3", 20):
            reader.read(message)


async def test_recorded_orders_deeper_than_requested_are_refused() -> None:
    async with serving() as (_, client, token):
        snapshot = await client.subscribe("level3", BTC, depth=100, token=token)
    async with (
        SimulatedExchange.replay([json.dumps(snapshot)]) as sim,
        connected(sim) as client,
    ):
        answer = await client.answer(subscribe(token=await fetch_token(sim)))
        assert answer["error"] == "Subscription depth not supported"
