"""Refusals, in the exchange's words and shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sim.client import Client, Message, connected, serving, without_times

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.requests import Role

OBSERVED = Path(__file__).parents[1] / "fixtures" / "observed" / "errors.jsonl"
PRIVATE_ELSEWHERE = (
    "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
)
PUBLIC_ELSEWHERE = (
    "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
)


def subscribe(channel: str, *symbols: str, **params: Any) -> Message:
    given = {"symbol": list(symbols)} if symbols else {}
    return {"method": "subscribe", "params": {"channel": channel, **given, **params}}


def unsubscribe(channel: str, *symbols: str, **params: Any) -> Message:
    return subscribe(channel, *symbols, **params) | {"method": "unsubscribe"}


async def refusal(request: Message | str, *, role: Role = "all") -> Message:
    """Return the answer to a request that is the first one of its connection."""
    async with serving(role=role) as (_, client):
        return without_times(await client.answer(request))


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "1", '"text"', "{}", '{"method":7}', "{"])
async def test_what_is_no_request_is_malformed(text: str) -> None:
    assert await refusal(text) == {
        "error": "Malformed request",
        "method": "error",
        "success": False,
    }


@pytest.mark.parametrize("symbol", ["XBT/USD", "WWW/USD", "btc/usd", ""])
async def test_unknown_pair_is_named_in_text_and_symbol(symbol: str) -> None:
    assert await refusal(subscribe("book", symbol) | {"req_id": 0}) == {
        "error": f"Currency pair not supported {symbol}",
        "method": "subscribe",
        "req_id": 0,
        "success": False,
        "symbol": symbol,
    }


async def test_ping_with_params_is_refused_as_ping() -> None:
    assert await refusal({"method": "ping", "params": {}, "req_id": 0}) == {
        "error": "Unsupported field: 'params' for the given msg type: ping",
        "method": "ping",
        "req_id": 0,
        "success": False,
    }


async def test_misplaced_field_is_named() -> None:
    request = {"method": "subscribe", "channel": "book", "symbol": "ETH/USDC"}
    assert await refusal(request) == {
        "error": "Unsupported field: 'channel' for the given msg type: subscribe",
        "method": "subscribe",
        "success": False,
        "symbol": "ETH/USDC",
    }


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (subscribe("book", "BTC/USD", depth=11), "Subscription depth not supported"),
        (subscribe("ohlc", "BTC/USD", interval=2), "Subscription ohlc interval not supported"),
        (subscribe("book", "BTC/USD", depth="10"), "Depth field must be a number_integer"),
        (subscribe("book", "BTC/USD", snapshot=1), "Snapshot field must be a boolean"),
        (subscribe("book"), "Symbol field must be an array"),
        (
            {"method": "subscribe", "params": {"channel": "book", "symbol": "BTC/USD"}},
            "Symbol field must be an array",
        ),
        (
            subscribe("trade", "BTC/USD", depth=10),
            "Unsupported field: 'depth' for the given msg type: subscribe",
        ),
        (subscribe("spread", "BTC/USD"), "Unsupported event"),
        ({"method": "subscribe", "params": {}}, "Unsupported event"),
        ({"method": "fly"}, "Unsupported event"),
    ],
)
async def test_wrong_arguments_are_refused(request_: Message, error: str) -> None:
    answer = await refusal(request_)
    assert answer == {"error": error, "method": request_["method"], "success": False}


@pytest.mark.parametrize(
    ("request_", "role", "error"),
    [
        (subscribe("balances", token="x"), "public", PRIVATE_ELSEWHERE),
        (subscribe("executions", token="x"), "public", PRIVATE_ELSEWHERE),
        ({"method": "add_order", "params": {}}, "public", PRIVATE_ELSEWHERE),
        (subscribe("book", "BTC/USD"), "private", PUBLIC_ELSEWHERE),
        (subscribe("instrument"), "private", PUBLIC_ELSEWHERE),
    ],
)
async def test_channels_are_split_by_host(request_: Message, role: Role, error: str) -> None:
    answer = await refusal(request_, role=role)
    assert answer == {"error": error, "method": request_["method"], "success": False}


@pytest.mark.parametrize("params", [{}, {"token": "x"}])
async def test_private_channel_without_a_good_token(params: Message) -> None:
    assert await refusal(subscribe("executions", **params)) == {
        "channel": "executions",
        "error": "ESession:Invalid session",
        "method": "subscribe",
        "status": "error",
        "success": False,
    }


@pytest.mark.parametrize("depth", [10, 100])
async def test_second_subscription_to_a_book_is_refused_at_any_depth(depth: int) -> None:
    async with serving() as (_, client):
        await client.subscribe("book", "BTC/USD", depth=10)
        answer = await client.answer(subscribe("book", "BTC/USD", depth=depth) | {"req_id": 2})
    assert without_times(answer) == {
        "error": "Already subscribed",
        "method": "subscribe",
        "req_id": 2,
        "success": False,
        "symbol": "BTC/USD",
    }


@pytest.mark.parametrize(
    "request_",
    [
        unsubscribe("book", "ETH/USD"),
        unsubscribe("book", "BTC/USD", depth=100),
        unsubscribe("ticker", "BTC/USD"),
        unsubscribe("ohlc", "BTC/USD", interval=5),
    ],
)
async def test_unsubscribe_without_subscription_is_answered_as_subscribe(request_: Message) -> None:
    async with serving() as (_, client):
        await client.subscribe("book", "BTC/USD", depth=10)
        await client.subscribe("ticker", "BTC/USD", event_trigger="bbo")
        await client.subscribe("ohlc", "BTC/USD", interval=1)
        answer = await client.answer(request_)
    assert without_times(answer) == {
        "error": "Subscription Not Found",
        "method": "subscribe",
        "success": False,
        "symbol": request_["params"]["symbol"][0],
    }


async def test_too_many_requests_are_refused_and_the_connection_stays() -> None:
    async with serving(message_limit=3) as (_, client):
        answers = [await client.answer({"method": "ping", "req_id": n}) for n in range(5)]
        assert [answer["method"] for answer in answers] == ["pong"] * 3 + ["ping"] * 2
        assert answers[-1]["error"] == "Exceeded msg rate"
        assert client.socket.close_code is None


async def test_shapes_equal_those_seen_live() -> None:
    """The same requests get the same answers as the recorded ones, key by key."""
    seen = [json.loads(line) for line in OBSERVED.read_text().splitlines()]
    shapes = {(answer["error"], *sorted(answer.keys() - {"req_id"})) for answer in seen}
    answers = [
        await refusal(subscribe("ticker", "XBT/USD")),
        await refusal({"method": "ping", "params": {}}),
        await refusal("nonsense"),
        await refusal(subscribe("balances", token="x"), role="public"),
        await refusal(subscribe("trade", "BTC/USD"), role="private"),
        await refusal(subscribe("executions", token="x")),
        await refusal({"method": "subscribe", "channel": "book", "symbol": "ETH/USDC"}),
    ]
    for answer in answers:
        assert (answer["error"], *sorted(answer.keys() | {"time_in", "time_out"})) in shapes


async def test_every_request_is_kept_with_its_connection() -> None:
    async with SimulatedExchange(rate=0, heartbeat_interval=0) as sim:
        async with connected(sim) as first, connected(sim) as second:
            await first.answer(subscribe("ticker", "BTC/USD") | {"req_id": 5})
            await second.answer("nonsense")
            await _leave(first, sim)
        assert [request.connection for request in sim.requests] == [1, 2]
        assert sim.requests[0].symbols == ("BTC/USD",)
        assert sim.requests[0].req_id == 5
        assert sim.requests[1].raw == "nonsense"
        assert sim.connections_total == 2


async def _leave(client: Client, sim: SimulatedExchange) -> None:
    await client.socket.close()
    await sim.wait_for(lambda: len(sim.connections) == 1)
    assert sim.registry.count("ticker") == 0
