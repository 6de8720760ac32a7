"""A trader on the simulated exchange, over a socket or straight to its order methods."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast

from tests.sim.client import Client, Message, connected, fetch_token

from kraken_connector.sim import Outgoing, SimulatedExchange
from kraken_connector.sim.market import SimMarket, Step
from kraken_connector.sim.requests import Refused
from kraken_connector.sim.subscription import Subscription
from kraken_connector.sim.trading import fields
from kraken_connector.sim.trading.order import Number, Order
from kraken_connector.sim.writer import Writer

BTC = "BTC/USD"
START_NS = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
RICH = {"USD": 10_000_000, "BTC": 100, "ETH": 1000}
#: An order that rests far below the market, with numbers as a client sends them.
LIMIT: Message = {
    "order_type": "limit",
    "side": "buy",
    "symbol": BTC,
    "order_qty": 0.5,
    "limit_price": 80000.0,
}
#: The same order as one of a batch, with numbers as the exchange reads them.
ONE: Message = {
    "order_type": "limit",
    "side": "buy",
    "order_qty": Decimal("0.5"),
    "limit_price": Decimal("80000.0"),
}


class Trader:
    """A client with a token that is subscribed to its executions and balances."""

    def __init__(self, sim: SimulatedExchange, client: Client, token: str) -> None:
        self.sim = sim
        self.client = client
        self.token = token
        self.reports: list[Message] = []
        self.entries: list[Message] = []
        self.seen: list[str] = []

    async def send(self, method: str, *, req_id: int | None = None, **params: Any) -> None:
        await self.client.request(method, req_id=req_id, token=self.token, **params)

    async def request(self, method: str, *, req_id: int | None = None, **params: Any) -> Message:
        """Send an order request and return its reply."""
        await self.send(method, req_id=req_id, **params)
        return await self.reply()

    async def reply(self) -> Message:
        """Return the next reply; reports on the way to it are kept."""
        while True:
            message = await self._next()
            if "method" in message:
                return message

    async def report(self, count: int = 1) -> list[Message]:
        """Return the next reports of executions; those that were kept come first."""
        while len(self.reports) < count:
            await self._next()
        found, self.reports = self.reports[:count], self.reports[count:]
        return found

    async def entry(self, count: int = 1) -> list[Message]:
        """Return the next ledger entries."""
        while len(self.entries) < count:
            await self._next()
        found, self.entries = self.entries[:count], self.entries[count:]
        return found

    async def add(self, **params: Any) -> str:
        """Add an order, expect it to be accepted and return its id."""
        reply = await self.request("add_order", **params)
        assert reply["success"], reply
        order_id: str = reply["result"]["order_id"]
        return order_id

    def order(self, order_id: str) -> Order:
        return self.sim.account.orders[order_id]

    async def _next(self) -> Message:
        message = await self.client.receive()
        kind = message.get("method") or message["channel"]
        self.seen.append(kind)
        if message.get("type") == "update" and kind == "executions":
            self.reports += message["data"]
        elif message.get("type") == "update" and kind == "balances":
            self.entries += message["data"]
        return message


@asynccontextmanager
async def trading(**options: Any) -> AsyncIterator[Trader]:
    """A trader at an exchange that does not move by itself."""
    plan = {"rate": 0, "heartbeat_interval": 0, "balances": RICH, "clock": time.time_ns}
    options = {**plan, **options}
    async with SimulatedExchange(**options) as sim, connected(sim, url=sim.auth_url) as client:
        token = await fetch_token(sim)
        await client.subscribe("executions", token=token)
        await client.subscribe("balances", token=token)
        yield Trader(sim, client, token)
        client.leave()


class Recorder:
    """A client that keeps the messages that it is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Outgoing) -> None:
        self.messages.append(json.loads(message.payload, parse_float=Decimal))


class Bench:
    """An exchange without sockets, whose clock stands still until it is moved."""

    def __init__(self, **options: Any) -> None:
        self.now = START_NS
        options = {"rate": 0, "balances": RICH, **options}
        self.sim = SimulatedExchange(clock=lambda: self.now, **options)
        self._recorder = Recorder()
        for channel in ("executions", "balances"):
            writer, params = cast(Writer, self._recorder), {"ratecounter": True}
            subscription = Subscription(writer, self._recorder.send, channel, None, None, params)
            self.sim.registry.add(subscription)

    @property
    def reports(self) -> list[Message]:
        """All reports of executions so far."""
        return self._items("executions")

    @property
    def entries(self) -> list[Message]:
        """All ledger entries so far."""
        return self._items("balances")

    @property
    def events(self) -> list[str]:
        """What kinds of reports there were so far."""
        return [report["exec_type"] for report in self.reports]

    def request(self, method: str, **params: Any) -> Any:
        """Do an order request and return its result; refusals raise `Refused`."""
        (answer,) = self.answers(method, **params)
        if not answer.get("success"):
            raise Refused(answer["error"])
        return answer.get("result", answer)

    def answers(self, method: str, **params: Any) -> Sequence[Any]:
        """Do an order request and return all its answers."""
        fields.check(method, {"token": "x", **params})
        self.sim.run_due()
        return self.sim.order_methods.answer(method, params, self.now)

    def add(self, side: str, qty: str, price: str | None = None, **params: Any) -> Order:
        """Add an order to the BTC/USD market: a limit order if it has a price."""
        order_type = params.pop("order_type", "market" if price is None else "limit")
        limit = {} if price is None else {"limit_price": Decimal(price)}
        result = self.request(
            "add_order",
            **{"symbol": BTC, "order_type": order_type, "side": side, **limit, **params},
            order_qty=Decimal(qty),
        )
        return self.sim.account.orders[result["order_id"]]

    def error(self, method: str, **params: Any) -> str:
        """Do an order request and return the text that refuses it."""
        try:
            self.request(method, **params)
        except Refused as refusal:
            return refusal.error
        raise AssertionError("it was not refused")

    def wait(self, seconds: float) -> None:
        """Move the clock and do what is due."""
        self.now += int(seconds * SECOND)
        self.sim.run_due()

    @property
    def market(self) -> SimMarket:
        return self.sim.markets.market(BTC)

    def level(self, side: str, index: int = 0) -> tuple[Decimal, Decimal]:
        """Return price and quantity of a level of the BTC/USD book."""
        ladder = self.market.book.bids if side == "bid" else self.market.book.asks
        ticks, lots = ladder.row(index)
        return self.market.pair.price(ticks), self.market.pair.qty(lots)

    def trade(self, side: Any, qty: Number, limit_price: Decimal | None = None) -> Step:
        """Trade as another participant."""
        return self.sim.markets.trade(BTC, side, qty, limit_price)

    def _items(self, channel: str) -> list[Message]:
        messages = [one for one in self._recorder.messages if one["channel"] == channel]
        return [item for message in messages for item in message["data"]]
