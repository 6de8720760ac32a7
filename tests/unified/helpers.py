"""Helpers: a client of a simulated unified WebSocket, and waiting for a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.ws.helpers import PATIENCE, tokens_of

from kraken_connector.sim.unified import SimulatedUnified
from kraken_connector.unified import AddOrderParams, UnifiedClient

PF = "PF_XBTUSD"
DERIVATIVES = "derivatives"


def client_of(sim: SimulatedUnified, **options: Any) -> UnifiedClient:
    """Return a client that reconnects at once and has tokens."""
    quick = {"backoff_base": 0.001, "backoff_max": 0.01, "proxy": False}
    return UnifiedClient(
        public_url=sim.public_url,
        private_url=sim.private_url,
        token_manager=tokens_of(sim),
        **{**quick, **options},
    )


def limit_order(qty: str = "0.01", price: str = "1000", **terms: Any) -> AddOrderParams:
    """Return an order far below the market."""
    return AddOrderParams(
        PF, "buy", "limit", qty, limit_price=price, asset_class=DERIVATIVES, **terms
    )


async def receive(client: UnifiedClient, wanted: Callable[[Any], bool]) -> Any:
    """Return the next message that fits; others are dropped."""
    async with asyncio.timeout(PATIENCE):
        while not wanted(message := await client.receive()):
            pass
    return message


async def of_channel(client: UnifiedClient, channel: str) -> Any:
    """Return the next message of a channel."""
    return await receive(
        client, lambda m: getattr(m, "channel", None) == channel and hasattr(m, "data")
    )


def last_params(sim: SimulatedUnified, method: str) -> dict[str, Any]:
    """Return the `params` of the last request of a method, without the token."""
    request = [request for request in sim.requests if request.method == method][-1]
    return {name: value for name, value in request.params.items() if name != "token"}
