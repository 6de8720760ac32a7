"""Subscriptions that are refused, not answered, or answered without data."""

from __future__ import annotations

import pytest
from tests.sim.client import Client, Message, fetch_token, serving
from tests.sim.trader import BTC

ETH = "ETH/USD"


def request(method: str, channel: str, **params: object) -> Message:
    return {"method": method, "params": {"channel": channel, **params}, "req_id": 7}


async def alive(client: Client) -> Message:
    """Return what comes first, a pong if nothing else does."""
    await client.send({"method": "ping"})
    return await client.receive()


@pytest.mark.parametrize("error", ["EService:Busy", "EService:Unavailable"])
@pytest.mark.parametrize("method", ["subscribe", "unsubscribe"])
async def test_private_channel_is_refused_for_a_while(error: str, method: str) -> None:
    async with serving() as (sim, client):
        token = await fetch_token(sim)
        if method == "unsubscribe":
            await client.subscribe("executions", token=token)
        rule = sim.faults.refuse_subscriptions(
            error,
            2,
            channel="executions",
            method=method,  # type: ignore[arg-type]
        )
        message = request(method, "executions", token=token)
        answers = [await client.answer(message) for _ in range(3)]
        assert [answer.get("error") for answer in answers] == [error, error, None]
        assert [answer["req_id"] for answer in answers] == [7, 7, 7]
        assert (answers[0]["channel"], answers[0]["status"]) == ("executions", "error")
        assert rule.fired == 2


async def test_public_channel_is_refused_without_a_channel() -> None:
    async with serving() as (sim, client):
        sim.faults.refuse_subscriptions()
        refused = await client.answer(request("subscribe", "ticker", symbol=[BTC]))
        assert refused["error"] == "EService:Busy"
        assert "channel" not in refused
        assert not sim.registry.count("ticker")


async def test_subscription_is_not_answered() -> None:
    async with serving() as (sim, client):
        token = await fetch_token(sim)
        sim.faults.ignore_subscriptions(channel="balances")
        await client.send(request("subscribe", "balances", token=token))
        assert (await alive(client))["method"] == "pong"
        assert not sim.registry.count("balances")
        assert (await client.answer(request("subscribe", "balances", token=token)))["success"]


async def test_subscription_is_answered_but_mute() -> None:
    async with serving() as (sim, client):
        token = await fetch_token(sim)
        rule = sim.faults.mute_subscriptions(channel="executions")
        message = request("subscribe", "executions", token=token)
        assert (await client.answer(message))["success"]
        await sim.account.place(BTC, "buy", 1, limit_price=1)
        assert (await alive(client))["method"] == "pong"
        assert rule.fired == 1
        await client.answer(request("unsubscribe", "executions", token=token))
        assert len((await client.subscribe("executions", token=token))["data"]) == 1


async def test_subscription_falls_mute_after_some_messages() -> None:
    async with serving() as (sim, client):
        sim.faults.mute_subscriptions(None, channel="book", symbol=ETH, after=2)
        await client.subscribe("book", BTC)
        await client.subscribe("book", ETH)
        for _ in range(3):
            await sim.step(ETH)
        await sim.step(BTC)
        heard = await client.updates("book", 2)
        assert [message["data"][0]["symbol"] for message in heard] == [ETH, BTC]


async def test_streams_are_mute_until_the_client_subscribes_again() -> None:
    async with serving() as (sim, client):
        await client.subscribe("book", BTC)
        await client.subscribe("book", ETH)
        sim.faults.mute_streams(channel="book", symbol=BTC)
        await sim.step(BTC)
        await sim.step(ETH)
        await client.answer(request("unsubscribe", "book", symbol=[BTC]))
        await client.subscribe("book", BTC)
        await sim.step(BTC)
        heard = await client.updates("book", 1)
        assert [message["data"][0]["symbol"] for message in heard] == [BTC]


async def test_clear_lets_subscriptions_be() -> None:
    async with serving() as (sim, client):
        token = await fetch_token(sim)
        sim.faults.refuse_subscriptions(times=None)
        sim.faults.mute_subscriptions(None)
        sim.faults.clear()
        assert await client.subscribe("executions", token=token)
