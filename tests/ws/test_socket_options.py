"""The options of sockets: what the peer and the system see of them, and errors that name them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.peers import Front, Peer
from tests.ws.helpers import BTC, PATIENCE, client_of, eventually, tls_contexts
from tests.ws.test_connecting import mute

from kraken_connector import KrakenWSClient
from kraken_connector.exceptions import ConnectFailed
from kraken_connector.network import Network
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import TickerParams
from kraken_connector.ws.network.dialing import Dialer
from kraken_connector.ws.network.socket_options import SO_BUSY_POLL, SocketOptions
from kraken_connector.ws.network.streams import Line

HOST, ADDRESS, OTHER = "exchange.test", "127.0.0.1", "127.0.0.2"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="an option or an address of Linux")
both = pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])


@asynccontextmanager
async def dialled(is_secure: bool = False, **options: Any) -> AsyncIterator[tuple[Line, Peer]]:
    """Connect a socket so; it and its peer."""
    server, client = tls_contexts(HOST)
    network = Network(ssl=client, proxy=False)
    dialer = Dialer(network, SocketOptions(**{"resolve": {HOST: ADDRESS}, **options}))
    with socket.create_server((ADDRESS, 0)) as listening:
        port = listening.getsockname()[1]
        dialing = asyncio.create_task(dialer.dial(HOST, port, is_secure=is_secure))
        accepted, _ = await asyncio.to_thread(listening.accept)
    accepted.setblocking(False)
    peer = Peer(accepted, server if is_secure else None)
    await peer.handshake()
    line = await dialing
    with line.connection, accepted:
        yield line, peer


@on_linux
@both
async def test_peer_sees_the_local_address(is_secure: bool) -> None:
    with socket.socket() as free:
        free.bind((OTHER, 0))
        port = free.getsockname()[1]
    for wanted in (0, port):
        async with dialled(is_secure, local_addr=(OTHER, wanted)) as (_, peer):
            address, seen = peer.socket.getpeername()
            assert address == OTHER
            assert wanted in (0, seen)


@both
async def test_options_are_set_on_the_socket(is_secure: bool) -> None:
    level = socket.SOL_SOCKET
    chosen = [
        (level, socket.SO_KEEPALIVE, 1),
        (level, socket.SO_LINGER, b"\1\0\0\0\7\0\0\0"),
        # In order: the last one counts.
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 0),
    ]
    async with dialled(is_secure) as (line, _):
        assert line.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not line.connection.getsockopt(level, socket.SO_KEEPALIVE)
    async with dialled(is_secure, sock_options=chosen) as (line, _):
        assert line.connection.getsockopt(level, socket.SO_KEEPALIVE)
        assert line.connection.getsockopt(level, socket.SO_LINGER, 8) == b"\1\0\0\0\7\0\0\0"
        assert not line.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@on_linux
async def test_polling_of_the_network_card_is_set_or_refused_by_name() -> None:
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL, 50)
    except PermissionError:  # The system allows it only to its administrator.
        with pytest.raises(PermissionError, match="busy_poll=50: Operation not permitted"):
            SocketOptions(busy_poll=50).make(socket.AF_INET, socket.SOCK_STREAM, 0)
        return
    async with dialled(busy_poll=50) as (line, _):
        assert line.connection.getsockopt(socket.SOL_SOCKET, SO_BUSY_POLL) == 50


# Addresses apart from names.


async def test_given_address_changes_no_name_on_the_wire() -> None:
    server, client = tls_contexts("Exchange.TEST", HOST)
    named: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda session, name, _: (
        named.append(name),
        setattr(session, "context", server),
    )[0]
    requests: list[bytes] = []

    async def refuse(peer: Peer) -> None:
        await peer.handshake()
        requests.append(await peer.receive())
        await peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await peer.send_eof()

    front = Front(context)
    front.answer = refuse
    async with front.serving():
        options: dict[str, Any] = {"ssl": client, "proxy": False, "open_timeout": PATIENCE}
        url = front.url("wss://-/v2", "Exchange.Test")
        # Names have no case (RFC 4343).
        with pytest.raises(ConnectFailed, match="403"):
            await KrakenWSClient(url, resolve={"EXCHANGE.test": ADDRESS}, **options).connect()
    assert named == [HOST]
    assert f"\r\nHost: {HOST}:{front.port}\r\n".encode() in requests[0]


@on_linux
async def test_next_given_address_is_tried_when_one_is_dead() -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
        url = sim.url.replace(ADDRESS, HOST)
        options: dict[str, Any] = {"proxy": False, "resolve": {HOST: [OTHER, ADDRESS]}}
        async with KrakenWSClient(url, **options) as client:  # It refuses.
            await client.subscribe(TickerParams(symbol=[BTC]))
        with mute(urlsplit(sim.url).port or 0):
            async with KrakenWSClient(url, **options) as client:
                await client.subscribe(TickerParams(symbol=[BTC]))


async def test_hosts_without_given_addresses_are_looked_up() -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
        url = sim.url.replace(ADDRESS, "localhost")
        async with KrakenWSClient(url, proxy=False, resolve={HOST: "192.0.2.1"}) as client:
            await client.subscribe(TickerParams(symbol=[BTC]))


@on_linux
async def test_options_hold_after_a_reconnect() -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0) as sim,
        Front(tls_contexts(HOST)[0]).serving(sim.url) as front,
    ):
        client = KrakenWSClient(
            front.url(sim.url, HOST),
            ssl=tls_contexts(HOST)[1],
            proxy=False,
            backoff_base=0.001,
            local_addr=(OTHER, 0),
            resolve={HOST: ADDRESS},
        )
        async with client:
            for count in (1, 2):
                await eventually(lambda count=count: front.attempts == count and front.peers)
                (peer,) = front.peers
                assert peer.socket.getpeername()[0] == OTHER
                await peer.send_eof()
                await eventually(lambda peer=peer: peer not in front.peers)


# Errors.

NUMBER = 1 << 31

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tls_engine": "Rustls"}, r"tls_engine must be one of 'auto', 'openssl', 'rustls'"),
    ({"receive_stamps": True}, r"receive_stamps must be one of 'user', 'kernel'"),
    ({"local_addr": "127.0.0.1"}, r"local_addr must be an address and a port, not '127.0.0.1'"),
    ({"local_addr": ["127.0.0.1", 0]}, r"local_addr must be an address and a port"),
    ({"local_addr": ("localhost", 0)}, r"local_addr must be an IP address, not 'localhost'"),
    ({"local_addr": (b"::1", 0)}, r"local_addr must be an IP address, not b'::1'"),
    ({"local_addr": ("::1", -1)}, r"port of local_addr must be at least 0, not -1"),
    ({"local_addr": ("::1", 65536)}, r"port of local_addr must be at most 65535, not 65536"),
    ({"local_addr": ("::1", True)}, r"port of local_addr must be an integer, not True"),
    ({"sock_options": None}, r"sock_options must be a list, not NoneType"),
    ({"sock_options": "ab"}, r"sock_options must be a list"),
    ({"sock_options": (1, 2, 3)}, r"sock_options must be of \(level, name, value\), not 1"),
    ({"sock_options": [(1, 2)]}, r"sock_options must be of \(level, name, value\), not \(1, 2\)"),
    ({"sock_options": [(1, 2, "3")]}, r"sock_options must be of \(level, name, value\)"),
    ({"sock_options": [(1, 2, NUMBER)]}, r"sock_options \(1, 2, 2147483648\) must be less than"),
    ({"sock_options": [(1, NUMBER, 2)]}, r"sock_options \(1, 2147483648, 2\) must be less than"),
    ({"busy_poll": 0}, r"busy_poll must be at least 1, not 0"),
    ({"busy_poll": 0.5}, r"busy_poll must be an integer, not 0.5"),
    ({"busy_poll": NUMBER}, r"busy_poll must be less than 2\*\*31"),
    ({"resolve": [HOST]}, r"resolve must have IP addresses by host, not \['exchange.test'\]"),
    ({"resolve": {7: ADDRESS}}, r"resolve must have hosts .*, not 7"),
    ({"resolve": {f"{HOST}:443": ADDRESS}}, r"resolve must have hosts .* without a port"),
    ({"resolve": {f"wss://{HOST}": ADDRESS}}, r"resolve must have hosts .*, not 'wss://"),
    ({"resolve": {HOST: "localhost"}}, r"resolve\['exchange.test'\] must be an IP address"),
    ({"resolve": {HOST: [ADDRESS, 7]}}, r"resolve\['exchange.test'\] must be an IP address, not 7"),
    ({"resolve": {HOST: []}}, r"resolve\['exchange.test'\] must be an IP address or several"),
    ({"resolve": {HOST: None}}, r"resolve\['exchange.test'\] must be a list"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED)
def test_value_that_cannot_work_is_refused_at_once(options: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        KrakenWSClient(f"wss://{HOST}/v2", **options)


#: What sockets of event loops do not have; those of the core come first where there is none.
SPECIAL: dict[str, Any] = {
    "local_addr": (ADDRESS, 0),
    "sock_options": [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
    "resolve": {HOST: ADDRESS},
    "receive_stamps": "kernel",
    "tls_engine": "rustls",
}


@pytest.mark.parametrize("name", SPECIAL)
async def test_options_do_not_go_with_a_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "without a proxy|needs the native core"
    option = {name: SPECIAL[name]}
    with pytest.raises(ValueError, match=text):
        KrakenWSClient(f"wss://{HOST}/v2", proxy="http://127.0.0.1:9", **option)
    # That of the environment is known only when it connects.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises((ConnectFailed, ValueError), match=text):
        await KrakenWSClient(f"wss://{HOST}/v2", **option).connect()


async def test_defaults_that_are_spelled_out_go_with_a_proxy() -> None:
    client = KrakenWSClient(
        f"wss://{HOST}/v2",
        proxy="http://127.0.0.1:9",
        tls_engine="openssl",
        sock_options=[],
        resolve={},
    )
    with pytest.raises(ConnectFailed, match="Connect call failed"):
        await client.connect()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"local_addr": ("192.0.2.1", 0)}, r"local_addr=\('192.0.2.1', 0\): Cannot assign"),
        ({"local_addr": ("::1", 0)}, r"local_addr=\('::1', 0\): Address family"),
        ({"sock_options": [(1, 9999, 1)]}, r"sock_options \(1, 9999, 1\): Protocol not available"),
    ],
)
@on_linux
async def test_system_that_refuses_an_option_is_reported_with_it(
    options: dict[str, Any], text: str
) -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
        with pytest.raises(ConnectFailed, match=text) as caught:
            await client_of(sim, **options).connect()
        assert isinstance(caught.value.__cause__, OSError)
        assert sim.connections_total == 0
