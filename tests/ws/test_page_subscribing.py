"""The client's page, "Subscribing to channels"."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.ws.helpers import BTC, ETH, SOL, connected, eventually, find_channel, find_type

from kraken_connector.exceptions import RequestTimeout, SubscriptionError
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BookParams,
    InstrumentParams,
    OHLCParams,
    SubscriptionEntry,
    TickerParams,
    TradeParams,
    WSRequest,
    WSResponse,
)

EVERYTHING = [
    TickerParams(symbol=[BTC, ETH]),
    BookParams(symbol=[BTC], depth=25),
    TradeParams(symbol=[BTC], snapshot=True),
    OHLCParams(symbol=[BTC], interval=5),
    InstrumentParams(),
]


@pytest.mark.parametrize("params", EVERYTHING, ids=lambda params: params.channel)
async def test_every_channel_can_be_subscribed_and_ended(
    sim: SimulatedExchange, params: Any
) -> None:
    async with connected(sim) as client:
        answer = await client.subscribe(params)
        assert isinstance(answer, WSResponse)
        assert answer.success
        assert answer.result["channel"] == params.channel
        message = await find_channel(client, params.channel)
        assert message.type == "snapshot"
        await client.unsubscribe(params)
        assert client.subscriptions == {}
        assert sim.registry.count(params.channel, None) == 0


async def test_every_symbol_has_its_outcome(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        result = await client.subscribe(TickerParams(symbol=[ETH, BTC]))
        assert result.symbols == [ETH, BTC]
        assert [ack.result["symbol"] for ack in result.acks] == [ETH, BTC]


async def test_two_rejected_of_three_are_no_success(sim: SimulatedExchange) -> None:
    sim.faults.refuse_symbols(ETH, SOL)
    async with connected(sim) as client:
        with pytest.raises(SubscriptionError) as caught:
            await client.subscribe(TickerParams(symbol=[BTC, ETH, SOL]))
        assert caught.value.rejected == {
            symbol: f"Currency pair not supported {symbol}" for symbol in (ETH, SOL)
        }
        assert caught.value.accepted == (BTC,)
        (entry,) = client.subscriptions.values()
        assert not entry.confirmed
        assert entry.states == {BTC: "confirmed", ETH: "rejected", SOL: "rejected"}
        assert set(entry.errors) == {ETH, SOL}
        assert (await find_channel(client, "ticker")).symbol == BTC


async def test_wholly_rejected_subscription_leaves_no_trace(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        with pytest.raises(SubscriptionError, match="not supported"):
            await client.subscribe(TickerParams(symbol=["NO/USD"]))
        assert client.subscriptions == {}


async def test_wrong_arguments_are_refused_before_sending(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        with pytest.raises(ValueError, match="symbol"):
            await client.subscribe(TickerParams())
        with pytest.raises(TypeError, match="TickerParams"):
            await client.subscribe({"channel": "ticker"})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="overflow"):
            await client.subscribe(TickerParams(symbol=[BTC]), overflow="spill")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="plain function"):
            await client.subscribe(TickerParams(symbol=[BTC]), callback=asyncio.sleep)
        assert [request.method for request in sim.requests] == []


async def test_second_depth_of_a_book_is_refused_before_sending(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH], depth=10))
        sent = len(sim.requests)
        with pytest.raises(SubscriptionError, match="depth"):
            await client.subscribe(BookParams(symbol=[BTC], depth=25))
        assert len(sim.requests) == sent
        await client.unsubscribe(BookParams(symbol=[BTC], depth=10))
        await client.subscribe(BookParams(symbol=[BTC], depth=25))
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.book(BTC).depth == 25
        assert client.book(ETH).depth == 10


async def test_superset_sends_only_the_new_symbols(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        result = await client.subscribe(TickerParams(symbol=[BTC, ETH]))
        assert sim.requests[-1].symbols == (ETH,)
        assert result.symbols == [BTC, ETH]


async def test_unsubscribe_of_something_unknown_is_a_key_error(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        with pytest.raises(KeyError, match="ETH/USD"):
            await client.unsubscribe(TickerParams(symbol=[ETH]))
        with pytest.raises(KeyError):
            await client.unsubscribe(BookParams(symbol=[BTC]))


async def test_subscriptions_are_keyed_by_their_parameters(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH], depth=25))
        ((key, entry),) = client.subscriptions.items()
        assert key == (("channel", "book"), ("depth", 25), ("symbol", (BTC, ETH)))
        assert isinstance(entry, SubscriptionEntry)
        assert entry.params == BookParams(symbol=[BTC, ETH], depth=25)
        assert entry.req_id == sim.requests[-1].req_id
        assert entry.confirmed


async def test_missing_answer_times_out(sim: SimulatedExchange) -> None:
    async with connected(sim, request_timeout=0.05) as client:
        sim.faults.swallow_acks()
        with pytest.raises(asyncio.TimeoutError) as caught:
            await client.subscribe(TickerParams(symbol=[BTC]))
        assert isinstance(caught.value, RequestTimeout)
        assert client.subscriptions == {}


async def test_too_many_requests_slow_down_instead_of_failing() -> None:
    symbols = [BTC, ETH, SOL]
    sim = SimulatedExchange(symbols=symbols, rate=0, message_limit=2)
    async with sim, connected(sim) as client:
        await asyncio.gather(
            *(client.subscribe(TickerParams(symbol=[symbol])) for symbol in symbols)
        )
        assert sum(entry.confirmed for entry in client.subscriptions.values()) == 3


async def test_answers_to_raw_requests_come_through_the_queue(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.send(WSRequest("subscribe", {"channel": "ticker", "symbol": [BTC]}, req_id=42))
        assert (await find_type(client, WSResponse)).req_id == 42
        assert (await find_channel(client, "ticker")).symbol == BTC
