"""The client's page, "Private channels"."""

from __future__ import annotations

import asyncio

import pytest
from tests.ws.helpers import (
    BTC,
    client_of,
    connected,
    eventually,
    find_channel,
    requests_of,
    tokens_of,
)

from kraken_connector.exceptions import SubscriptionError, TokenAcquisitionError
from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BalancesParams,
    ConnectionState,
    ExecutionsParams,
    TickerParams,
    TokenManager,
)


async def test_token_is_injected_automatically(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams(snap_orders=True))
        await client.subscribe(BalancesParams(snapshot=True))
        assert (await find_channel(client, "executions")).type == "snapshot"
        assert (await find_channel(client, "balances")).type == "snapshot"
        await sim.account.place(BTC, "buy", "0.1", limit_price="100")
        report = await find_channel(client, "executions", "update")
        assert report.data[0].exec_type == "pending_new"
        tokens = {request.params["token"] for request in requests_of(sim)}
        assert len(tokens) == sim.tokens.issued == 1
        await client.unsubscribe(ExecutionsParams(snap_orders=True))


async def test_private_channels_need_a_token_manager(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        with pytest.raises(ValueError, match="token_manager"):
            await client.subscribe(ExecutionsParams())
        assert sim.requests == []


async def test_token_of_the_parameters_works_without_a_manager(sim: SimulatedExchange) -> None:
    token = await tokens_of(sim).get_token()
    async with connected(sim) as client:
        await client.subscribe(BalancesParams(token=token))
        assert (await find_channel(client, "balances")).sequence == 1


async def test_refused_token_call_reaches_the_caller(sim: SimulatedExchange) -> None:
    sim.faults.refuse_tokens("EService:Unavailable")
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        with pytest.raises(TokenAcquisitionError) as caught:
            await client.subscribe(ExecutionsParams())
        assert caught.value.venue_error == "EService:Unavailable"
        assert client.subscriptions == {}
        await client.subscribe(ExecutionsParams())


async def test_wrong_secret_reaches_the_caller(sim: SimulatedExchange) -> None:
    wrong = HTTPAuthenticatedClient(sim.rest_url, api_key=sim.api_key, api_secret="d3Jvbmc=")
    async with connected(sim, token_manager=TokenManager(wrong)) as client:
        with pytest.raises(TokenAcquisitionError, match="Invalid signature"):
            await client.subscribe(ExecutionsParams())


async def test_revoked_token_is_replaced(sim: SimulatedExchange) -> None:
    manager = tokens_of(sim)
    await manager.get_token()
    sim.faults.revoke_tokens()
    async with connected(sim, token_manager=manager) as client:
        await client.subscribe(ExecutionsParams())
        assert sim.tokens.issued == 2


async def test_keys_come_from_the_environment(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_API_KEY", sim.api_key)
    monkeypatch.setenv("KRAKEN_API_SECRET", sim.api_secret)
    manager = TokenManager.from_env(base_url=sim.rest_url)
    assert await manager.get_token()


@pytest.mark.virtual_time
async def test_private_host_is_tried_for_as_long_as_it_is_away() -> None:
    async with SimulatedExchange(rate=0, hosts="three") as sim:
        options = {"auth_url": sim.auth_url, "token_manager": tokens_of(sim)}
        pauses = {"backoff_base": 0.5, "backoff_max": 30.0, "max_reconnect_attempts": 2}
        async with connected(sim, **options, **pauses) as client:
            await client.subscribe(ExecutionsParams())
            await find_channel(client, "executions", "snapshot")
            sim.faults.refuse_connections(times=None, host="private")
            sim.faults.reset_connections(host="private")
            await asyncio.sleep(600)
            assert client.state is ConnectionState.RECONNECTING
            assert client.connections["public"].state is ConnectionState.CONNECTED
            sim.faults.clear()
            await eventually(lambda: client.state is ConnectionState.CONNECTED, 60)
            await find_channel(client, "executions", "snapshot")
            # Logged when the first round of attempts failed, and at the end.
            assert [gap.end_ns is None for gap in client.gaps] == [True, False]


async def test_wrong_host_is_the_exchanges_refusal() -> None:
    private = SimulatedExchange(symbols=[BTC], rate=0, role="private")
    async with private, connected(private) as client:
        with pytest.raises(SubscriptionError, match=r"Try ws\.kraken\.com"):
            await client.subscribe(TickerParams(symbol=[BTC]))


def test_client_can_be_made_outside_of_a_loop(sim: SimulatedExchange) -> None:
    assert client_of(sim).state is ConnectionState.DISCONNECTED
