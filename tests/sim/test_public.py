"""The public channels over a real socket, with a client that knows nothing of the connector."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.sim.client import BookReader, connected, serving

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.book import DEPTHS
from kraken_connector.sim.statistics import INTERVALS

MICROSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
NANOSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


async def test_status_comes_first() -> None:
    async with serving() as (_, client):
        (item,) = client.greeting["data"]
        assert client.greeting["channel"] == "status"
        assert item["system"] == "online"
        assert 2**63 <= item["connection_id"] < 2**64


async def test_status_keys_come_in_both_orders() -> None:
    async with serving() as (sim, first), connected(sim) as second:
        assert list(first.greeting) == ["channel", "data", "type"]
        assert list(second.greeting) == ["channel", "type", "data"]


@pytest.mark.parametrize("number", [None, 0, 694480169830934])
async def test_ping_is_answered_with_times_and_the_callers_number(number: int | None) -> None:
    async with serving() as (_, client):
        request = {"method": "ping"} | ({} if number is None else {"req_id": number})
        pong = await client.answer(request)
        assert pong["method"] == "pong"
        assert pong.get("req_id") == number
        assert pong.keys() - {"req_id"} == {"method", "time_in", "time_out"}
        assert MICROSECONDS.fullmatch(pong["time_in"])


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("symbol", ["BTC/USD", "PEPE/USD", "BCH/USD", "KEEP/EUR", "NEW/EUR"])
async def test_every_checksum_verifies(symbol: str, depth: int) -> None:
    listed = [symbol]
    reader = BookReader(depth)
    async with serving(symbols=listed) as (sim, client):
        reader.read(await client.subscribe("book", symbol, depth=depth))
        await sim.step(symbol, 300)
        for message in await client.updates("book", 300):
            reader.read(message)
        state = sim.published(symbol, depth)[-1]
    book = reader.books[symbol]
    assert [tuple(map(Decimal, row)) for row in book.levels("bids")] == state.bids
    assert [tuple(map(Decimal, row)) for row in book.levels("asks")] == state.asks


async def test_numbers_keep_the_pairs_decimals() -> None:
    async with serving() as (sim, client):
        message = await client.subscribe("book", "PEPE/USD")
        await sim.step("PEPE/USD", 200)
        messages = [message, *await client.updates("book", 200)]
    rows = [row for found in messages for row in found["data"][0]["bids"]]
    assert all(re.fullmatch(r"\d\.\d{10}", row["price"]) for row in rows)
    assert all(re.fullmatch(r"\d+\.\d{5}", row["qty"]) for row in rows)
    assert "0.00000" in {row["qty"] for row in rows}


async def test_snapshot_has_the_requested_depth_best_first() -> None:
    async with serving() as (_, client):
        (item,) = (await client.subscribe("book", "BTC/USD", depth=25))["data"]
    bids = [Decimal(row["price"]) for row in item["bids"]]
    asks = [Decimal(row["price"]) for row in item["asks"]]
    assert len(bids) == len(asks) == 25
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


async def test_published_levels_are_chosen_by_the_test() -> None:
    reader = BookReader(10)
    async with serving() as (sim, client):
        reader.read(await client.subscribe("book", "BTC/USD"))
        await sim.publish("BTC/USD", bids=[("1000.0", "0.5")], asks=[("99999.9", "2")])
        await sim.publish("BTC/USD", asks=[("83744.5", "3")])
        (message,) = await client.updates("book", 1)
        reader.read(message)
        with pytest.raises(ValueError, match="decimals"):
            await sim.publish("BTC/USD", bids=[("1000.05", "1")])
        with pytest.raises(ValueError, match="cannot set"):
            await sim.publish("BTC/USD", bids=[("1000.1", "0")])
    assert message["data"][0]["asks"] == [{"price": "83744.5", "qty": "3.00000000"}]


async def test_one_ack_per_symbol_with_the_requests_number() -> None:
    async with serving() as (_, client):
        await client.request(
            "subscribe", req_id=0, channel="ticker", symbol=["BTC/USD", "XBT/USD", "ETH/USD"]
        )
        answers = [await client.find(lambda message: "method" in message) for _ in range(3)]
    assert [answer["success"] for answer in answers] == [True, False, True]
    assert [answer["req_id"] for answer in answers] == [0, 0, 0]
    assert answers[0]["result"] == {
        "channel": "ticker",
        "event_trigger": "trades",
        "snapshot": True,
        "symbol": "BTC/USD",
    }


@pytest.mark.parametrize(("ack_first", "first"), [(True, "method"), (False, "channel")])
async def test_ack_comes_before_or_after_the_snapshot(ack_first: bool, first: str) -> None:
    async with serving(ack_first=ack_first) as (_, client):
        await client.request("subscribe", channel="book", symbol=["BTC/USD"])
        assert first in await client.receive()


@pytest.mark.parametrize(
    ("channel", "params", "warnings"),
    [
        ("ohlc", {"symbol": ["BTC/USD"]}, ["timestamp is deprecated, use interval_begin"]),
        ("instrument", {}, ["tick_size is deprecated, use price_increment"]),
    ],
)
async def test_acks_carry_the_exchanges_warnings(
    channel: str, params: dict[str, Any], warnings: list[str]
) -> None:
    async with serving() as (_, client):
        await client.request("subscribe", channel=channel, **params)
        assert (await client.receive())["result"]["warnings"] == warnings


async def test_snapshot_can_be_left_out() -> None:
    async with serving() as (_, client):
        await client.request("subscribe", channel="trade", symbol=["BTC/USD"], snapshot=False)
        assert (await client.receive())["result"]["snapshot"] is False
        assert "pong" in (await client.answer({"method": "ping"})).values()


async def test_unsubscribe_ends_the_updates() -> None:
    async with serving() as (sim, client):
        await client.subscribe("book", "BTC/USD", depth=100)
        ack = await client.answer(
            {"method": "unsubscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}}
        )
        assert ack["result"] == {"channel": "book", "depth": 100, "symbol": "BTC/USD"}
        await sim.step("BTC/USD", 5)
        await client.send({"method": "ping"})
        assert (await client.receive())["method"] == "pong"


async def test_resubscribe_brings_the_book_up_to_date() -> None:
    reader = BookReader(10)
    async with serving() as (sim, client):
        reader.read(await client.subscribe("book", "BTC/USD"))
        await client.request("unsubscribe", channel="book", symbol=["BTC/USD"], depth=10)
        await sim.wait_for(lambda: sim.registry.count("book") == 0)
        await sim.step("BTC/USD", 50)
        reader.read(await client.subscribe("book", "BTC/USD"))
        await sim.step("BTC/USD", 5)
        for message in await client.updates("book", 5):
            reader.read(message)


async def test_trade_snapshot_and_updates_are_consecutive() -> None:
    async with serving() as (sim, client):
        trades = (await client.subscribe("trade", "BTC/USD"))["data"]
        assert len(trades) == 50
        for _ in range(300):
            if (await sim.step("BTC/USD")).trades:
                (message,) = await client.updates("trade", 1)
                trades += message["data"]
    assert len(trades) >= 70
    ids = [trade["trade_id"] for trade in trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert {trade["side"] for trade in trades} == {"buy", "sell"}


async def test_ticker_by_trades_moves_with_trades_only() -> None:
    async with serving() as (sim, client):
        first = (await client.subscribe("ticker", "BTC/USD"))["data"][0]
        steps = [await sim.step("BTC/USD") for _ in range(100)]
        traded = [step for step in steps if step.trades]
        updates = await client.updates("ticker", len(traded))
        assert (await client.answer({"method": "ping"}))["method"] == "pong"
    last = updates[-1]["data"][0]
    assert last["trades"] == first["trades"] + sum(len(step.trades) for step in traded)
    assert Decimal(last["volume"]) > Decimal(first["volume"])
    assert Decimal(last["low"]) <= Decimal(last["last"]) <= Decimal(last["high"])


async def test_ticker_by_bbo_moves_with_the_top_of_the_book() -> None:
    async with serving() as (sim, client):
        await client.subscribe("ticker", "BTC/USD", event_trigger="bbo")
        steps = [await sim.step("BTC/USD") for _ in range(100)]
        moved = sum(step.bbo_changed for step in steps)
        updates = await client.updates("ticker", moved)
        bid, ask = sim.markets.market("BTC/USD").best()
    assert 0 < moved < 100
    item = updates[-1]["data"][0]
    assert bid is not None
    assert Decimal(item["bid"]) * 10 == bid[0]
    assert ask is not None
    assert Decimal(item["ask_qty"]) * 10**8 == ask[1]


@pytest.mark.parametrize("interval", INTERVALS)
async def test_candles_follow_the_trades(interval: int) -> None:
    async with serving() as (sim, client):
        snapshot = await client.subscribe("ohlc", "BTC/USD", interval=interval)
        steps = [await sim.step("BTC/USD") for _ in range(100)]
        step = next(step for step in steps if step.trades)
        (update,) = await client.updates("ohlc", 1)
    assert NANOSECONDS.fullmatch(snapshot["timestamp"])
    begins = [candle["interval_begin"] for candle in snapshot["data"]]
    assert begins == sorted(set(begins))
    (candle,) = update["data"]
    assert candle["interval"] == interval
    assert candle["close"] == f"{Decimal(step.trades[-1].ticks) / 10:.1f}"
    begin, end = (datetime.fromisoformat(candle[key]) for key in ("interval_begin", "timestamp"))
    assert (end - begin).total_seconds() == 60 * interval


async def test_candles_of_several_intervals_share_a_connection() -> None:
    async with serving() as (sim, client):
        for interval in (1, 5):
            await client.subscribe("ohlc", "BTC/USD", interval=interval)
        assert sim.registry.count("ohlc", "BTC/USD") == 2


async def test_instruments_are_an_object_of_assets_and_pairs() -> None:
    async with serving(symbols=["BTC/USD", "VET/USDT"]) as (_, client):
        data = (await client.subscribe("instrument"))["data"]
    assert [asset["id"] for asset in data["assets"]] == ["BTC", "USD", "VET", "USDT"]
    pairs = {pair["symbol"]: pair for pair in data["pairs"]}
    assert pairs["BTC/USD"]["price_increment"] == "0.1"
    assert pairs["VET/USDT"]["qty_increment"] == "0.00001"
    assert "margin_initial" in pairs["BTC/USD"]
    assert "margin_initial" not in pairs["VET/USDT"]


async def test_a_thousand_symbols_can_be_listed() -> None:
    async with serving(symbols=1000) as (_, client):
        data = (await client.subscribe("instrument"))["data"]
        symbols = [pair["symbol"] for pair in data["pairs"]]
        assert len(set(symbols)) == 1000
        BookReader(10).read(await client.subscribe("book", symbols[-1]))


async def test_rate_moves_the_symbols_somebody_listens_to() -> None:
    reader = BookReader(10)
    async with SimulatedExchange(rate=2000) as sim, connected(sim) as client:
        await client.request("subscribe", channel="book", symbol=["BTC/USD", "SOL/USD"])
        for _ in range(200):
            message = await client.find(lambda message: message.get("channel") == "book")
            reader.read(message)
    assert reader.books.keys() == {"BTC/USD", "SOL/USD"}
