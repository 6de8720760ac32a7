"""Order reports and balances of an account.

For a real account, create an API key with the permission "WebSocket interface", set
`KRAKEN_API_KEY` and `KRAKEN_API_SECRET`, and run this with `--url wss://ws-auth.kraken.com/v2`.
Without arguments a simulated account places an order, which is then filled.
"""

from __future__ import annotations

import asyncio

from exchange import exchange

from kraken_connector import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import KrakenWSClient, SequenceGapEvent, TokenManager, WSDataMessage
from kraken_connector.ws.subscribe import BalancesParams, ExecutionsParams


def token_manager(simulated: SimulatedExchange | None) -> TokenManager:
    """Return a token manager with the simulator's key, or with that of the environment."""
    if simulated is None:
        return TokenManager.from_env()
    return TokenManager(
        HTTPAuthenticatedClient(
            base_url=simulated.rest_url,
            api_key=simulated.api_key,
            api_secret=simulated.api_secret,
        )
    )


async def trade(simulated: SimulatedExchange) -> None:
    """Place and fill an order in the simulated account."""
    order = await simulated.account.place("BTC/USD", "buy", "0.5", limit_price="80000.0")
    await simulated.account.fill(order, "0.2")
    await simulated.account.fill(order)


def show(message: WSDataMessage) -> None:
    """Print a message; amounts are exact, `decimal` keeps the digits of the wire."""
    for item in message.data:
        if message.channel == "executions":
            # A report has only new fields; those of the order's first report are not repeated.
            known = filter(None, (item.exec_type, item.symbol, item.decimal("cum_qty")))
            print(f"{message.sequence}:", *known)
        elif message.channel == "balances" and message.type == "update":
            print(f"{message.sequence}: {item.type} {item.decimal('amount')} {item.asset}")


async def main() -> None:
    async with (
        exchange() as (url, simulated),
        KrakenWSClient(url, token_manager=token_manager(simulated)) as client,
    ):
        await client.subscribe(ExecutionsParams(snap_orders=True))
        await client.subscribe(BalancesParams(snapshot=True))
        if simulated is not None:
            await trade(simulated)
        filled, booked = False, 0
        async for message in client:
            if isinstance(message, SequenceGapEvent):
                print(f"missed messages of {message.channel}")
            elif isinstance(message, WSDataMessage):
                show(message)
                filled |= any(getattr(item, "exec_type", "") == "filled" for item in message.data)
                booked += message.channel == "balances" and message.type == "update"
            if filled and booked >= 4:
                break


asyncio.run(main())
