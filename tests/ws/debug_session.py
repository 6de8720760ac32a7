"""A user's process that logs all it can: all loggers at DEBUG, asyncio's debug mode with each
callback it runs, development mode's warnings, tracebacks and reprs.

    python -X dev -m tests.ws.debug_session <WebSocket URL> <REST URL>

Key and secret come from the environment; the process ends after its input does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from typing import Any, NoReturn

from tests import patience

from kraken_connector import HTTPAuthenticatedClient
from kraken_connector.exceptions import KrakenConnectorError, TokenAcquisitionError
from kraken_connector.ws import (
    AddOrderParams,
    BalancesParams,
    BookParams,
    ExecutionsParams,
    KrakenWSClient,
    TokenManager,
    WSRequest,
)

BTC = "BTC/USD"


def show(*things: Any) -> None:
    for thing in things:
        sys.stderr.write(f"{thing!r} {thing}\n")


def fail(message: Any) -> NoReturn:
    """A callback that raises."""
    raise RuntimeError(f"cannot take {message!r}")


async def until_input_ends() -> None:
    await asyncio.to_thread(sys.stdin.read)


async def trade(client: KrakenWSClient) -> None:
    """Send an order through all possible outcomes."""
    params = AddOrderParams(BTC, "buy", "limit", "0.1", limit_price="100.0", cl_ord_id="mine")
    amend = client.prepare_amend(cl_ord_id="mine")
    cancel = client.prepare_cancel(cl_ord_id="mine")
    show(params, amend, cancel, await client.add_order(params), await amend(limit_price="101.0"))
    show(await cancel())
    try:
        await cancel()
    except KrakenConnectorError as error:
        traceback.print_exc()
        show(error, error.__dict__)


async def session(url: str, rest_url: str) -> None:
    asyncio.get_running_loop().slow_callback_duration = 0
    options: dict[str, Any] = {"httpx_args": {"trust_env": False}}
    manager = TokenManager.from_env(base_url=rest_url, **options)
    client = KrakenWSClient(
        url, token_manager=manager, backoff_base=0.01, backoff_max=0.05, proxy=False
    )
    async with client:
        await refused(client)
        await client.subscribe(ExecutionsParams(snap_orders=True), callback=fail)
        await client.subscribe(BalancesParams())
        await trade(client)
        await client.subscribe(BookParams(symbol=[BTC]))
        show(client, client.subscriptions, client.stats(), manager)
        await until_input_ends()
        show(client.gaps, client.subscriptions, client.stats())
        token = await manager.get_token()
        await client.send(WSRequest("cancel_all", params={"token": token}, req_id=7))
        await answer_to(client, "cancel_all")
        await client.unsubscribe(ExecutionsParams(snap_orders=True))
        forgotten = asyncio.create_task(never_awaited(manager))
        await asyncio.wait([forgotten])
        del forgotten


async def refused(client: KrakenWSClient) -> None:
    """Subscribe until there is a token; every refusal is shown with its traceback."""
    for _ in range(2):
        try:
            await client.subscribe(ExecutionsParams(snap_orders=True))
        except TokenAcquisitionError as error:
            traceback.print_exc()
            show(error, error.__cause__, error.__context__, vars(error))
            logging.getLogger("user").exception("refused")


async def answer_to(client: KrakenWSClient, method: str) -> None:
    """Show everything up to the answer to a request, which passes what waits in the queue."""
    is_answered = False
    async with asyncio.timeout(10):
        async for message in client:
            show(message)
            is_answered |= getattr(message, "method", None) == method
            if is_answered and not client.stats()["queued"]:
                return


async def never_awaited(manager: TokenManager) -> NoReturn:
    """Start a task whose exception is never retrieved, which asyncio logs."""
    token = await manager.get_token()
    raise KrakenConnectorError(f"with a token of {len(token)} characters")


async def wrong_secret(rest_url: str) -> None:
    """A key and a secret that the exchange does not know."""
    source = HTTPAuthenticatedClient(
        rest_url,
        api_key="a-key-of-nobody",
        api_secret="c2VjcmV0IG9mIG5vYm9keQ==",
        httpx_args={"trust_env": False},
    )
    try:
        await TokenManager(source).get_token()
    except TokenAcquisitionError:
        traceback.print_exc()


def main() -> None:
    logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s %(args)r %(exc_info)r")
    url, rest_url = sys.argv[1:]
    patience.run(session(url, rest_url), debug=True)
    patience.run(wrong_secret(rest_url), debug=True)


if __name__ == "__main__":
    main()
