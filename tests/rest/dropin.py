"""A client of 0.2.0's REST API at a simulated exchange, over HTTPS."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.ws.helpers import tls_contexts

from kraken_connector import HTTPAuthenticatedClient
from kraken_connector.constants.trading import OrderType, TypeOrder
from kraken_connector.schemas import AddOrderRequest
from kraken_connector.sim import SimulatedExchange

PAIR = "XBTUSD"
FORMS = ("sync", "sync_detailed", "asyncio", "asyncio_detailed")
NO_PROXY = {"trust_env": False}


@dataclass
class DropIn:
    """The exchange, and a client with its key."""

    sim: SimulatedExchange
    client: HTTPAuthenticatedClient

    async def call(self, path: str, form: str = "asyncio", **params: Any) -> Any:
        """Make a call, in a thread if it blocks; return what it returns."""
        function = getattr(importlib.import_module(f"kraken_connector.api.{path}"), form)
        params = {"client": self.client, **params}
        if form.startswith("sync"):
            return await asyncio.to_thread(function, **params)
        return await function(**params)

    async def place(self, **terms: Any) -> str:
        """Place an order and return its id."""
        reply = await self.call("trading.add_order", form_data=limit_order(**terms))
        (order_id,) = reply.result.txid
        return str(order_id)

    def client_of(self, **options: Any) -> HTTPAuthenticatedClient:
        """Return another client with the key."""
        options = {"verify_ssl": self.client._verify_ssl, "httpx_args": NO_PROXY, **options}
        key, secret = self.sim.api_key, self.sim.api_secret
        return HTTPAuthenticatedClient(self.sim.rest_url, api_key=key, api_secret=secret, **options)


def limit_order(**terms: Any) -> AddOrderRequest:
    """Return an order that rests far below the market."""
    required = {"ordertype": OrderType.LIMIT, "type": TypeOrder.BUY, "volume": "0.01", "pair": PAIR}
    return AddOrderRequest(**{**required, "price": "100.0", **terms})


@asynccontextmanager
async def dropping_in(**options: Any) -> AsyncIterator[DropIn]:
    """Run an exchange, and a client of it."""
    server, trust = tls_contexts("localhost", "127.0.0.1")
    balances = {"USD": 10**9, "BTC": 10**4}
    async with SimulatedExchange(symbols=["BTC/USD"], rate=0, ssl=server, balances=balances) as sim:
        client = HTTPAuthenticatedClient(
            sim.rest_url,
            api_key=sim.api_key,
            api_secret=sim.api_secret,
            verify_ssl=trust,
            httpx_args=NO_PROXY,
            **options,
        )
        with client:
            async with client:
                yield DropIn(sim, client)
