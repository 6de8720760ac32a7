"""Helpers of the client tests: a client with short timeouts, and waiting for conditions."""

from __future__ import annotations

import asyncio
import functools
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trustme

from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import GapEvent, KrakenWSClient, TokenManager

T = TypeVar("T")

BTC, ETH, SOL = "BTC/USD", "ETH/USD", "SOL/USD"
PATIENCE = 10.0
RICH = {"USD": 10**9, "BTC": 10**4}
#: The exchange speaks plain HTTP; loading the system's certificates for that takes 20 ms.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def tls_contexts(*names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS settings of servers with these names, and of clients that trust them."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(*names).configure_cert(server)
    authority.configure_trust(client)
    return server, client


def client_of(sim: SimulatedExchange, **options: Any) -> KrakenWSClient:
    """Return a client that reconnects at once."""
    quick = {"backoff_base": 0.001, "backoff_max": 0.01, "proxy": False}
    return KrakenWSClient(sim.url, **{**quick, **options})


def tokens_of(
    sim: SimulatedExchange,
    *,
    tls: ssl.SSLContext | None = None,
    timeout: float | None = None,
    **options: Any,
) -> TokenManager:
    """Return a token manager with the exchange's key; `timeout` is that of its requests."""
    source = HTTPAuthenticatedClient(
        sim.rest_url,
        api_key=sim.api_key,
        api_secret=sim.api_secret,
        timeout=timeout,
        verify_ssl=tls or NO_CERTIFICATES,
        httpx_args={"trust_env": False},
    )
    return TokenManager(source, **options)


def deny_reads(sim: SimulatedExchange) -> None:
    """Let the key lack the permissions to read orders and fills by REST."""
    calls = ("OpenOrders", "ClosedOrders", "QueryOrders", "QueryTrades", "TradesHistory")
    sim.faults.refuse_calls("EGeneral:Permission denied", None, calls=calls)


def requests_of(sim: SimulatedExchange) -> list[Any]:
    """Return the requests that the exchange received, without pings."""
    return [request for request in sim.requests if request.method != "ping"]


def gaps_of(client: KrakenWSClient) -> list[GapEvent]:
    """Return the gaps without pauses of this process.

    A busy machine makes them, or the garbage collector with all that a whole run of tests keeps.
    """
    return [gap for gap in client.gaps if gap.cause != "pause"]


@asynccontextmanager
async def connected(sim: SimulatedExchange, **options: Any) -> AsyncIterator[KrakenWSClient]:
    """Connect a client that reconnects at once."""
    async with client_of(sim, **options) as client:
        yield client


@asynccontextmanager
async def trading(
    exchange: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    """Connect a client that can trade to an exchange of its own, whose clock is `time.time_ns`.

    Args:
        exchange: arguments of the exchange.
        options: arguments of the client.
    """
    plan: dict[str, Any] = {"symbols": [BTC], "rate": 0, "balances": RICH, "clock": time.time_ns}
    async with (
        SimulatedExchange(**{**plan, **(exchange or {})}) as sim,
        connected(sim, token_manager=tokens_of(sim), **options) as client,
    ):
        yield sim, client


async def eventually(predicate: Callable[[], T], patience: float = PATIENCE) -> T:
    """Return the value of `predicate` as soon as it is true."""
    async with asyncio.timeout(patience):
        while not (value := predicate()):  # noqa: ASYNC110 - a client announces no states
            await asyncio.sleep(0.001)
    return value


async def find(client: KrakenWSClient, wanted: Callable[[Any], bool]) -> Any:
    """Return the next message that is `wanted`."""
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            if wanted(message):
                return message
    raise AssertionError("the client ended")


async def find_type(client: KrakenWSClient, wanted: type[T]) -> T:
    """Return the next message of a class."""
    found: T = await find(client, lambda message: isinstance(message, wanted))
    return found


async def find_channel(client: KrakenWSClient, channel: str, kind: str | None = None) -> Any:
    """Return the next message of a channel."""
    return await find(
        client,
        lambda message: (
            getattr(message, "channel", None) == channel
            and kind in (None, getattr(message, "type", None))
        ),
    )


def text_frame(payload: bytes) -> bytes:
    """Return `payload` as one text frame of a server (RFC 6455, section 5.2)."""
    if len(payload) < 126:
        return bytes([0x81, len(payload)]) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", 0x81, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x81, 127, len(payload)) + payload
