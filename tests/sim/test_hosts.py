"""Three hosts: each serves its own channels, and faults can be aimed at one."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets
from tests.sim.client import Client, Message, connected, fetch_token, signed, without_times

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.hosts import HostCount
from kraken_connector.sim.requests import PRIVATE_ELSEWHERE, PUBLIC_ELSEWHERE


@asynccontextmanager
async def three(
    *, heartbeat_interval: float = 0
) -> AsyncIterator[tuple[SimulatedExchange, Client, Client, Client]]:
    """An exchange and a client of each host: public, private, level3."""
    async with (
        SimulatedExchange(
            hosts="three", rate=0, symbols=["BTC/USD"], heartbeat_interval=heartbeat_interval
        ) as sim,
        connected(sim) as public,
        connected(sim, url=sim.auth_url) as private,
        connected(sim, url=sim.level3_url) as level3,
    ):
        yield sim, public, private, level3


def subscribe(channel: str, **params: object) -> Message:
    return {"method": "subscribe", "params": {"channel": channel, **params}}


async def test_one_host_has_one_address() -> None:
    async with SimulatedExchange(rate=0) as sim:
        assert sim.url == sim.auth_url == sim.level3_url


async def test_three_hosts_have_three_addresses() -> None:
    async with SimulatedExchange(rate=0, hosts="three") as sim:
        assert len({sim.url, sim.auth_url, sim.level3_url}) == 3
        assert sim.rest_url == sim.url.replace("ws://", "http://").removesuffix("/v2")


async def test_each_host_serves_its_own_channels() -> None:
    async with three() as (sim, public, private, level3):
        token = await fetch_token(sim)
        book = subscribe("book", symbol=["BTC/USD"])
        balances = subscribe("balances", token=token)
        order: Message = {"method": "cancel_all", "params": {"token": token}}
        orders = subscribe("level3", symbol=["BTC/USD"], token=token)
        assert (await public.answer(book))["success"]
        assert (await private.answer(balances))["success"]
        assert (await level3.answer(orders))["success"]
        assert (await public.answer(balances))["error"] == PRIVATE_ELSEWHERE
        assert (await public.answer(order))["error"] == PRIVATE_ELSEWHERE
        assert (await private.answer(book))["error"] == PUBLIC_ELSEWHERE
        assert (await level3.answer(book))["error"] == PUBLIC_ELSEWHERE
        assert (await level3.answer(balances))["error"] == PRIVATE_ELSEWHERE
        assert (await level3.answer(order))["error"] == PRIVATE_ELSEWHERE
        for elsewhere in (public, private):
            assert without_times(await elsewhere.answer(orders)) == {
                "error": "Level3 market data subscriptions are unavailable on this endpoint. "
                "Try ws-l3.kraken.com",
                "method": "subscribe",
                "success": False,
            }


async def test_every_host_answers_pings() -> None:
    async with three() as (_, *clients):
        for client in clients:
            assert (await client.answer({"method": "ping"}))["method"] == "pong"


async def test_token_call_is_on_the_public_host_alone() -> None:
    async with (
        SimulatedExchange(rate=0, hosts="three") as sim,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        call = signed(sim, 1)
        elsewhere = call["url"].replace(str(sim.port), str(sim.hosts[1].port))
        assert (await http.post(**call | {"url": elsewhere})).status_code == 404
        assert (await http.post(**call)).json()["error"] == []


async def test_token_is_good_on_every_host_and_ages_on_each_by_itself() -> None:
    now = 1_790_000_000_000_000_000
    async with (
        SimulatedExchange(rate=0, hosts="three", clock=lambda: now, symbols=["BTC/USD"]) as sim,
        connected(sim, url=sim.auth_url) as private,
        connected(sim, url=sim.level3_url) as level3,
        connected(sim, url=sim.level3_url) as late,
    ):
        token = await fetch_token(sim)
        orders = subscribe("level3", symbol=["BTC/USD"], token=token)
        assert (await private.answer(subscribe("balances", token=token)))["success"]
        assert (await level3.answer(orders))["success"]
        now += 3600 * 10**9
        assert (await private.answer(subscribe("executions", token=token)))["success"]
        assert (await level3.answer(orders))["error"] == "Already subscribed"
        assert (await late.answer(orders))["error"] == "ESession:Invalid session"


async def test_connections_know_their_host() -> None:
    async with three() as (sim, *_):
        numbers = {
            role: [connection.number for connection in sim.connections_to(role)]
            for role in ("public", "private", "level3", None)
        }
        assert numbers == {"public": [1], "private": [2], "level3": [3], None: [1, 2, 3]}
        assert [entry.detail for entry in sim.log] == ["to public", "to private", "to level3"]


async def test_connections_of_one_host_are_reset() -> None:
    async with three() as (sim, public, private, level3):
        sim.faults.reset_connections(host="private")
        assert (await private.closed()).rcvd is None
        for client in (public, level3):
            assert (await client.answer({"method": "ping"}))["method"] == "pong"


async def test_connections_of_one_host_are_closed() -> None:
    async with three() as (sim, public, _, level3):
        sim.faults.close_connections(1012, host="level3")
        closed = await level3.closed()
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1012
        assert (await public.answer({"method": "ping"}))["method"] == "pong"


@pytest.mark.parametrize("status", [503, None])
async def test_one_host_refuses_connections(status: int | None) -> None:
    async with SimulatedExchange(rate=0, hosts="three") as sim:
        sim.faults.refuse_connections(None, status=status, host="private")
        sim.faults.refuse_connections(1, status=status, host="level3")
        for url in (sim.auth_url, sim.level3_url, sim.auth_url):
            with pytest.raises((websockets.InvalidHandshake, OSError)):
                async with connected(sim, url=url):
                    pass
        for url in (sim.level3_url, sim.url):
            async with connected(sim, url=url):
                pass


async def test_one_host_ignores_handshakes() -> None:
    async with SimulatedExchange(rate=0, hosts="three") as sim:
        sim.faults.ignore_connections(host="level3")
        async with connected(sim):
            with pytest.raises(TimeoutError):
                async with connected(sim, url=sim.level3_url, open_timeout=0.05):
                    pass
            async with connected(sim, url=sim.level3_url):
                pass


async def test_answers_of_one_host_are_lost() -> None:
    async with three() as (sim, public, private, _):
        rule = sim.faults.swallow_pongs(1, host="private")
        assert (await public.answer({"method": "ping"}))["method"] == "pong"
        await private.send({"method": "ping", "req_id": 1})
        assert (await private.answer({"method": "ping", "req_id": 2}))["req_id"] == 2
        assert rule.fired == 1


def test_a_port_uses_the_next_two_as_well() -> None:
    sim = SimulatedExchange(hosts="three", port=8765)
    assert [host.port for host in sim.hosts] == [8765, 8766, 8767]


async def test_nothing_listens_if_one_port_is_in_use() -> None:
    async with SimulatedExchange(rate=0) as first:
        neighbour = SimulatedExchange(rate=0, hosts="three", port=first.port - 1)
        with pytest.raises(OSError, match="address"):
            await neighbour.start_serving()
    async with SimulatedExchange(rate=0, port=neighbour.port):
        pass


def test_three_hosts_leave_no_choice_of_role() -> None:
    with pytest.raises(ValueError, match="three hosts have a role each"):
        SimulatedExchange(hosts="three", role="public")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
async def test_addresses_of_ipv6_stand_in_brackets() -> None:
    async with SimulatedExchange(host="::1", rate=0) as sim:
        assert sim.url == f"ws://[::1]:{sim.port}/v2"
        assert sim.rest_url == f"http://[::1]:{sim.port}"
        async with connected(sim):
            assert await fetch_token(sim)


@pytest.mark.parametrize(
    ("hosts", "port", "most"),
    [("one", 65_536, 65_535), ("one", -1, 65_535), ("three", 65_534, 65_533)],
)
def test_ports_that_there_are_not_are_refused(hosts: HostCount, port: int, most: int) -> None:
    with pytest.raises(ValueError, match=f"^port must be from 0 to {most}, not {port}"):
        SimulatedExchange(hosts=hosts, port=port)
