"""An unexpected error costs a socket at most, and never ends the client."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ws.helpers import BTC, connected, eventually, tokens_of

from kraken_connector.exceptions import ConnectionLost, OrderOutcomeUnknown
from kraken_connector.http import WebSocketToken
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import ConnectionState, KrakenWSClient, TickerParams, TokenManager
from kraken_connector.ws.protocol.order_requests import Command, OrderRequests
from kraken_connector.ws.protocol.requests import Requests
from kraken_connector.ws.protocol.resync import Resyncs
from kraken_connector.ws.protocol.session import Session
from kraken_connector.ws.trading import AddOrderParams

LIMIT = AddOrderParams(BTC, "buy", "limit", "1", limit_price="1")


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> list[str]:
    """Make the next call of a method fail; the returned list is filled when it has."""
    original = getattr(owner, method)
    failed: list[str] = []

    def fail(self: Any, *args: Any, **options: Any) -> Any:
        if not failed:
            failed.append(method)
            raise ValueError("a mistake of ours")
        return original(self, *args, **options)

    monkeypatch.setattr(owner, method, fail)
    return failed


def reconnects(client: KrakenWSClient) -> int:
    return sum(connection.reconnects for connection in client.connections.values())


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (Session, "check_pause"),
        (Session, "tick"),
        (Session, "deadline"),
        (Resyncs, "tick"),
        (Requests, "tick"),
        (OrderRequests, "tick"),
    ],
)
async def test_timer_that_fails_costs_a_socket(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    async with connected(sim, ping_interval=0.05) as client:
        await client.subscribe(TickerParams([BTC]))
        failed = fail_once(monkeypatch, owner, method)
        await eventually(lambda: failed and reconnects(client))
        await eventually(lambda: client.state is ConnectionState.CONNECTED)
        await client.subscribe(TickerParams(["ETH/USD"]))


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (Session, "connection_made"),
        (Resyncs, "connection_lost"),
        (Requests, "connection_lost"),
        (OrderRequests, "connection_lost"),
        (OrderRequests, "connection_made"),
    ],
)
async def test_failure_between_two_sockets_costs_one(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    async with connected(sim, token_manager=tokens_of(sim), request_timeout=1.0) as client:
        await client.subscribe(TickerParams([BTC]))
        await client.track_orders()
        failed = fail_once(monkeypatch, owner, method)
        sim.faults.close_connections()
        await eventually(lambda: failed and reconnects(client))
        await eventually(lambda: client.state is ConnectionState.CONNECTED)
        assert (await client.add_order(LIMIT)).success


async def test_token_that_cannot_be_sent_costs_a_socket(sim: SimulatedExchange) -> None:
    good, bad = tokens_of(sim), ["\ud800"]

    class Source:
        async def get_websockets_token(self) -> WebSocketToken:
            return WebSocketToken(bad.pop() if bad else await good.get_token(), 900)

    async with connected(sim, token_manager=TokenManager(Source())) as client:
        with pytest.raises(ConnectionLost, match="using a token failed"):
            await client.track_orders()
        await eventually(lambda: client.state is ConnectionState.CONNECTED)
        await client.track_orders()


async def test_order_that_left_before_a_failure_is_not_withdrawn(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.add_order(LIMIT)
        failed = fail_once(monkeypatch, Command, "is_due")
        with pytest.raises(OrderOutcomeUnknown):
            await client.add_order(LIMIT)
        assert failed
