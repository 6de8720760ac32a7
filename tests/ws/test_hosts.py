"""Several connections of one client: opened when needed, symbols divided between them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import trustme
from tests.ws.helpers import (
    BTC,
    ETH,
    SOL,
    client_of,
    connected,
    eventually,
    find_channel,
    requests_of,
    tokens_of,
)

from kraken_connector.exceptions import ConnectFailed, NotConnected, SubscriptionError
from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BalancesParams,
    BookParams,
    ConnectionState,
    ExecutionsParams,
    GapEvent,
    KrakenWSClient,
    Level3Params,
    TickerParams,
    TokenManager,
)
from kraken_connector.ws.trading import AddOrderParams, CancelOrderParams

XRP, DOT = "XRP/USD", "DOT/USD"
ALL = [BTC, ETH, SOL, XRP, DOT]


@pytest_asyncio.fixture
async def three() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(
        symbols=ALL, rate=0, heartbeat_interval=0.05, hosts="three"
    ) as exchange:
        yield exchange


def trader_of(sim: SimulatedExchange, **options: Any) -> KrakenWSClient:
    """Return a client of all three hosts."""
    hosts = {"auth_url": sim.auth_url, "level3_url": sim.level3_url}
    return client_of(sim, **{"token_manager": tokens_of(sim), **hosts, **options})


async def test_each_host_is_connected_when_first_needed(three: SimulatedExchange) -> None:
    async with trader_of(three) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        assert three.connections_total == 1
        assert list(client.connections) == ["public"]
        await asyncio.gather(
            client.subscribe(ExecutionsParams()), client.subscribe(BalancesParams())
        )
        assert three.connections_total == 2
        await client.subscribe(Level3Params(symbol=[BTC, ETH]))
        assert {name: view.url for name, view in client.connections.items()} == {
            "public": three.url,
            "private": three.auth_url,
            "level3": three.level3_url,
        }
        assert client.connections["level3"].symbols == {BTC, ETH}
        assert client.connections["private"].subscriptions == 2
        assert (await find_channel(client, "level3", "snapshot")).symbol == BTC
        assert set(client.stats()["connections"]) == {
            three.url,
            three.auth_url,
            three.level3_url,
        }


async def test_each_connection_has_a_token_of_its_own(three: SimulatedExchange) -> None:
    async with trader_of(three) as client:
        await asyncio.gather(
            client.subscribe(ExecutionsParams()), client.subscribe(Level3Params(symbol=[BTC]))
        )
        tokens = {request.params["token"] for request in requests_of(three)}
        assert len(tokens) == three.tokens.issued == 2


async def test_level3_is_unsubscribed_with_its_token(three: SimulatedExchange) -> None:
    async with trader_of(three) as client:
        await client.subscribe(Level3Params(symbol=[BTC], depth=100))
        await client.unsubscribe(Level3Params(symbol=[BTC], depth=100))
        assert client.subscriptions == {}
        assert three.registry.count("level3", BTC) == 0


async def test_level3_wants_a_token_manager(three: SimulatedExchange) -> None:
    async with connected(three, level3_url=three.level3_url) as client:
        with pytest.raises(ValueError, match="token_manager"):
            await client.subscribe(Level3Params(symbol=[BTC]))


@pytest.mark.parametrize("role", ["private", "level3"])
async def test_host_that_cannot_be_connected_fails_its_caller_alone(
    three: SimulatedExchange, role: Any
) -> None:
    params = {"private": ExecutionsParams(), "level3": Level3Params(symbol=[BTC])}
    async with trader_of(three) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        three.faults.refuse_connections(1, host=role)
        with pytest.raises(ConnectFailed):
            await client.subscribe(params[role])
        assert client.state is ConnectionState.CONNECTED
        assert client.connections[role].state is ConnectionState.DISCONNECTED
        await client.subscribe(TickerParams(symbol=[ETH]))
        await client.subscribe(params[role])
        assert client.connections[role].state is ConnectionState.CONNECTED


async def test_symbols_spill_onto_further_connections(three: SimulatedExchange) -> None:
    async with trader_of(three, symbols_per_connection=2) as client:
        result = await client.subscribe(BookParams(symbol=ALL))
        assert result.symbols == ALL
        assert {name: view.symbols for name, view in client.connections.items()} == {
            "public": {BTC, ETH},
            "public-2": {SOL, XRP},
            "public-3": {DOT},
        }
        assert set(client.stats()["connections"]) == {
            three.url,
            f"{three.url}#public-2",
            f"{three.url}#public-3",
        }
        for symbol in ALL:
            await eventually(lambda symbol=symbol: client.book(symbol).is_valid)
        (entry,) = client.subscriptions.values()
        assert entry.params == BookParams(symbol=ALL)
        assert entry.confirmed
        assert list(entry.states) == ALL


async def test_symbol_stays_on_its_connection(three: SimulatedExchange) -> None:
    async with trader_of(three, symbols_per_connection=2) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH, SOL]))
        book = client.book(SOL)
        await client.subscribe(TickerParams(symbol=[SOL, BTC]))
        assert client.connections["public-2"].subscriptions == 2
        await client.unsubscribe(BookParams(symbol=[BTC, ETH, SOL]))
        await client.unsubscribe(TickerParams(symbol=[SOL, BTC]))
        assert client.subscriptions == {}
        await client.subscribe(BookParams(symbol=[SOL]))
        assert client.connections["public-2"].symbols == {SOL}
        assert client.book(SOL) is book


async def test_unsubscribing_frees_room(three: SimulatedExchange) -> None:
    async with trader_of(three, symbols_per_connection=2) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH, SOL]))
        await client.unsubscribe(BookParams(symbol=[BTC]))
        await client.subscribe(BookParams(symbol=[XRP]))
        assert client.connections["public"].symbols == {ETH, XRP}


async def test_equal_part_of_a_call_is_another_subscription(three: SimulatedExchange) -> None:
    async with trader_of(three, symbols_per_connection=1) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        await client.subscribe(BookParams(symbol=[BTC]))
        assert len(client.subscriptions) == 2
        await client.unsubscribe(BookParams(symbol=[BTC, ETH]))
        assert three.registry.count("book", BTC) == 1
        assert three.registry.count("book", ETH) == 0
        assert client.book(BTC).is_valid


async def test_symbols_refused_on_several_connections_raise_one_error(
    three: SimulatedExchange,
) -> None:
    async with trader_of(three, symbols_per_connection=1) as client:
        with pytest.raises(SubscriptionError) as caught:
            await client.subscribe(TickerParams(symbol=["NOPE/USD", BTC, "NIL/USD"]))
        assert set(caught.value.rejected) == {"NOPE/USD", "NIL/USD"}
        assert caught.value.accepted == (BTC,)
        await client.subscribe(TickerParams(symbol=[ETH]))
        assert three.registry.count("ticker", BTC) == 1


async def test_reconnect_of_one_concerns_its_symbols_alone(three: SimulatedExchange) -> None:
    async with trader_of(three, symbols_per_connection=2) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH, SOL]))
        for symbol in (BTC, ETH, SOL):
            await eventually(lambda symbol=symbol: client.book(symbol).is_valid)
        _, second = three.connections_to("public")
        second.abort()
        await eventually(lambda: client.connections["public-2"].reconnects == 1)
        assert client.connections["public"].reconnects == 0
        assert client.book(BTC).is_valid
        (gap,) = await eventually(lambda: client.gaps)
        assert isinstance(gap, GapEvent)
        assert gap.symbols == [SOL]
        assert gap.connection == f"{three.url}#public-2"


async def test_certificates_are_checked_and_named_on_every_host() -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    named: list[str | None] = []

    def record(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        named.append(name)

    theirs.sni_callback = record  # type: ignore[assignment]
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    async with SimulatedExchange(
        symbols=[BTC], rate=0, hosts="three", host="localhost", ssl=theirs
    ) as sim:
        source = HTTPAuthenticatedClient(
            sim.rest_url,
            api_key=sim.api_key,
            api_secret=sim.api_secret,
            httpx_args={"trust_env": False, "verify": ours},
        )
        async with trader_of(sim, token_manager=TokenManager(source), ssl=ours) as client:
            await client.subscribe(TickerParams(symbol=[BTC]))
            await client.subscribe(ExecutionsParams())
            await client.subscribe(Level3Params(symbol=[BTC]))
            assert len(client.connections) == 3
        # Three WebSockets, and a token call for two of them.
        assert named == ["localhost"] * 5
        with pytest.raises(ConnectFailed, match="certificate"):
            await trader_of(sim, ssl=ssl.create_default_context()).connect()


# End of market data.


def lose_the_market(sim: SimulatedExchange) -> None:
    """Make all public connections give up."""
    sim.faults.refuse_connections(None, host="public")
    sim.faults.reset_connections(host="public")


@asynccontextmanager
async def scene() -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    """Connect a client of three hosts that gives up early."""
    sim = SimulatedExchange(symbols=[BTC], rate=0, hosts="three")
    async with sim, trader_of(sim, max_reconnect_attempts=2) as client:
        yield sim, client


def limit(price: str) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", "0.10", limit_price=price)


async def receive_all(client: KrakenWSClient) -> list[Any]:
    """Iterate to the end; return the messages, and the exception last."""
    received: list[Any] = []
    try:
        async for message in client:
            received.append(message)  # noqa: PERF401 (all that came before an exception)
    except ConnectFailed as error:
        received.append(error)
    return received


@pytest.mark.virtual_time
async def test_orders_go_on_when_market_data_has_ended() -> None:
    async with scene() as (sim, client):
        await client.subscribe(BookParams(symbol=[BTC]))
        await client.subscribe(Level3Params(symbol=[BTC]))
        await client.track_orders()
        placed = await client.add_order(limit("100.0"))
        lose_the_market(sim)
        await eventually(lambda: client.state is ConnectionState.TRADING_ONLY)
        assert not client.book(BTC).is_valid
        assert client.gaps[-1].end_ns is None
        await client.add_order(limit("99.0"))
        await client.cancel_order(CancelOrderParams(order_id=[placed.order.order_id]))
        await placed.order.wait_done(5)
        assert placed.order.status == "canceled"
        await client.cancel_all()
        await eventually(lambda: not client.orders.open())
        await client.subscribe(BalancesParams())
        for market in (BookParams(symbol=[BTC]), Level3Params(symbol=[BTC])):
            with pytest.raises(NotConnected, match="trading_only"):
                await client.subscribe(market)
        # A lost private connection is opened again as before.
        sim.faults.reset_connections(host="private")
        await eventually(lambda: client.connections["private"].reconnects == 1)
        await eventually(lambda: client.orders.is_current)
        assert client.state is ConnectionState.TRADING_ONLY
        assert {name: view.state for name, view in client.connections.items()} == {
            "public": ConnectionState.DISCONNECTED,
            "private": ConnectionState.CONNECTED,
            "level3": ConnectionState.DISCONNECTED,
        }
        await client.disconnect()
        assert client.state is ConnectionState.DISCONNECTED
        assert sim.connections == []


@pytest.mark.virtual_time
async def test_iteration_raises_when_market_data_ends_and_continues_with_private_messages() -> None:
    async with scene() as (sim, client):
        await client.subscribe(BookParams(symbol=[BTC]))
        await client.subscribe(ExecutionsParams())
        receiving = asyncio.create_task(receive_all(client))
        closing = asyncio.create_task(client.wait_closed())
        await asyncio.sleep(1)
        lose_the_market(sim)
        *received, end = await receiving
        assert isinstance(end, ConnectFailed)
        with pytest.raises(ConnectFailed):
            await closing
        closing = asyncio.create_task(client.wait_closed())
        assert {getattr(message, "channel", "") for message in received} >= {"book", "executions"}
        assert client.state is ConnectionState.TRADING_ONLY
        receiving = asyncio.create_task(find_channel(client, "executions", "update"))
        await client.add_order(limit("100.0"))
        assert (await receiving).data[0].exec_type == "pending_new"
        assert not closing.done()
        await client.disconnect()
        await closing
        assert not any(
            isinstance(received, ConnectFailed) for received in await receive_all(client)
        )
        with pytest.raises(NotConnected):
            await client.receive()


@pytest.mark.virtual_time
async def test_client_without_a_private_connection_ends_with_market_data() -> None:
    async with scene() as (sim, client):
        await client.subscribe(BookParams(symbol=[BTC]))
        lose_the_market(sim)
        await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
        assert isinstance((await receive_all(client))[-1], ConnectFailed)
        with pytest.raises(ConnectFailed):
            await client.receive()


@pytest.mark.virtual_time
async def test_market_data_returns_after_connect() -> None:
    async with scene() as (sim, client):
        await client.subscribe(BookParams(symbol=[BTC]))
        await client.subscribe(ExecutionsParams())
        lose_the_market(sim)
        await eventually(lambda: client.state is ConnectionState.TRADING_ONLY)
        with pytest.raises(ConnectFailed):
            await client.connect()
        assert client.state is ConnectionState.TRADING_ONLY
        sim.faults.clear()
        await client.connect()
        assert client.state is ConnectionState.CONNECTED
        await eventually(lambda: client.book(BTC).is_valid)
        assert client.connections["private"].reconnects == 0


@pytest.mark.virtual_time
async def test_only_the_hosts_that_are_named_are_connected() -> None:
    async with scene() as (sim, client):
        await client.disconnect()
        for wrong in ((), "private", ("nowhere",)):
            with pytest.raises(ValueError, match="host"):
                await client.connect(hosts=wrong)
        sim.faults.refuse_connections(None, host="public")
        await client.connect(hosts=["private"])
        assert client.state is ConnectionState.CONNECTED
        assert list(client.connections) == ["private"] or (
            client.connections["public"].state is ConnectionState.DISCONNECTED
        )
        await client.track_orders()
        await client.add_order(limit("100.0"))
        assert client.system_status == "online"


@pytest.mark.virtual_time
async def test_client_says_whether_it_can_trade() -> None:
    async with scene() as (sim, client):

        def obstacle() -> str | None:
            assert client.can_trade is (client.trading_obstacle is None)
            return client.trading_obstacle

        assert obstacle() == "the private connection is not open yet"
        await client.track_orders()
        assert obstacle() is None
        for state, accepts_orders in (("cancel_only", False), ("post_only", True)):
            sim.faults.set_system(state)
            await asyncio.sleep(0.1)
            expected = None if accepts_orders else f"the exchange is in state {state}"
            assert obstacle() == expected
        sim.faults.set_system("online")
        await asyncio.sleep(0.1)
        sim.faults.lose_snapshots(None, None, channel="executions")
        sim.faults.reset_connections(host="private")
        await eventually(lambda: not client.can_trade)
        assert obstacle() == "the private connection is reconnecting"
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        await eventually(lambda: "snapshot is pending" in (obstacle() or ""))
        sim.faults.clear()
        await eventually(lambda: client.can_trade, 60)
        lose_the_market(sim)
        await eventually(lambda: client.state is ConnectionState.TRADING_ONLY)
        assert obstacle() is None
        sim.faults.refuse_tokens(None)
        sim.faults.reset_connections(host="private")
        await eventually(lambda: "no token" in (obstacle() or ""), 60)
        await client.disconnect()
        assert obstacle() == "the private connection is disconnected"
