"""A client can be used only on the event loop on which it was connected."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.ws.helpers import BTC, client_of, tokens_of

from kraken_connector import KrakenWSClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BookParams,
    CancelAllParams,
    CancelOrderParams,
    WSRequest,
)

BOOK = BookParams(symbol=[BTC])
ORDER = AddOrderParams(BTC, "buy", "limit", "0.1", limit_price="100")

Call = Callable[[KrakenWSClient], Coroutine[Any, Any, Any]]

CALLS: dict[str, Call] = {
    "receive": lambda client: client.receive(),
    "anext": lambda client: client.__anext__(),
    "subscribe": lambda client: client.subscribe(BOOK),
    "unsubscribe": lambda client: client.unsubscribe(BOOK),
    "resync": lambda client: client.resync(BTC),
    "send": lambda client: client.send(WSRequest("ping")),
    "disconnect": lambda client: client.disconnect(),
    "track_orders": lambda client: client.track_orders(),
    "add_order": lambda client: client.add_order(ORDER),
    "amend_order": lambda client: client.amend_order(
        AmendOrderParams(order_id="OAAAAA-BBBBB-CCCCCC", order_qty="1")
    ),
    "cancel_order": lambda client: client.cancel_order(
        CancelOrderParams(order_id=["OAAAAA-BBBBB-CCCCCC"])
    ),
    "cancel_all": lambda client: client.cancel_all(CancelAllParams()),
}


@pytest.mark.parametrize("name", CALLS)
async def test_call_from_another_thread_raises(name: str) -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0) as sim,
        client_of(sim, token_manager=tokens_of(sim)) as client,
    ):
        await client.subscribe(BOOK)
        while client._inbox.pop() is not None:
            pass
        with pytest.raises(RuntimeError, match=r"another event loop .*run_coroutine_threadsafe"):
            await asyncio.to_thread(asyncio.run, asyncio.wait_for(CALLS[name](client), 5))
        # The client is unaffected.
        await sim.step(BTC)
        assert await client.receive()


async def test_another_thread_gets_what_it_wants_by_the_loop() -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim, client_of(sim) as client:
        loop = asyncio.get_running_loop()
        future = asyncio.run_coroutine_threadsafe(client.subscribe(BOOK), loop)
        await asyncio.to_thread(future.result, 5)
        assert client.book(BTC) is not None


def test_client_can_connect_again_on_another_loop() -> None:
    """As in a notebook, or in tests with a loop each."""

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = KrakenWSClient(f"ws://127.0.0.1:{port}/v2", proxy=False)

    async def session() -> None:
        async with SimulatedExchange(symbols=[BTC], rate=0, port=port), client:
            await client.subscribe(BOOK)
            assert await client.receive()

    asyncio.run(client.disconnect())
    for _ in range(2):
        asyncio.run(session())
        asyncio.run(client.disconnect())


@pytest.mark.parametrize("msg", [{"method": "ping"}, b"{}", None, BOOK])
async def test_send_accepts_requests_only(msg: Any) -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim, client_of(sim) as client:
        with pytest.raises(TypeError, match=rf"^send takes a request .*, not {type(msg).__name__}"):
            await client.send(msg)
