"""Lives of orders under faults, in virtual time, held against the simulated exchange's records.

A script is a list of steps, each a name of `STEPS` and its arguments. Every request runs as a task
of its own, so that a script can cut the connection under it. In the end all goes right again, and
what the client was told must be what the exchange did.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests import virtual
from tests.ws.helpers import BTC, client_of, eventually, tokens_of

from kraken_connector.exceptions import (
    ConnectionLost,
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.trading.order import Order as SimOrder
from kraken_connector.ws import KrakenWSClient, Order
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllParams,
    CancelOrderParams,
    EditOrderParams,
)

Step = tuple[Any, ...]
Script = Sequence[Step]

TICK = Decimal("0.1")
#: Requests that provably never left raise one of these.
NEVER_LEFT = (NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError)
#: Nobody is out of money, and nothing is too fast: those refusals have tests of their own.
RICH = {"USD": 10**9, "BTC": 10**4}
QUICK: dict[str, Any] = {
    "ping_interval": 1.0,
    "ping_timeout": 1.0,
    "request_timeout": 2.0,
    "max_reconnect_attempts": 1000,
}
#: Virtual seconds that everything has in the end to come right.
PATIENCE = 120.0


@dataclass
class Call:
    """A request of the user's.

    Attributes:
        params: what was asked.
        task: the client's method at work.
    """

    params: Any
    task: asyncio.Task[Any]

    @property
    def error(self) -> BaseException | None:
        """What it raised."""
        return self.task.exception()


@dataclass
class Bench:
    """An exchange, a client and what its user did.

    Attributes:
        calls: every request, in order.
        held: what faults hold back.
    """

    sim: SimulatedExchange
    client: KrakenWSClient
    calls: list[Call] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)
    _names: int = 0

    def start(self, method: str, params: Any) -> None:
        """Let the client do something, beside the script."""
        task = asyncio.ensure_future(getattr(self.client, method)(params))
        self.calls.append(Call(params, task))

    def order(
        self, side: str, qty: int, offset: int, options: dict[str, Any], *, market: bool = False
    ) -> AddOrderParams:
        """Return an order with a name of its own, or a number where the options want that.

        Args:
            side: `buy` or `sell`.
            qty: hundredths of the base currency.
            offset: ticks from the best price of its side, away from the other one.
            options: further parameters, and `numbered`: only numbered orders can be edited.
            market: whether it has no price.
        """
        terms = dict(options)
        number = self.new_number()
        name = {"order_userref": number} if terms.pop("numbered", False) else {}
        prices: dict[str, Any] = {} if market else {"limit_price": self.price(side, offset)}
        return AddOrderParams(
            symbol=BTC,
            side=side,
            order_type="market" if market else "limit",
            order_qty=Decimal(qty) / 100,
            **(name or {"cl_ord_id": f"life-{number}"}),
            **prices,
            **terms,
        )

    def new_number(self) -> int:
        """Return a number that no order has."""
        self._names += 1
        return self._names

    def price(self, side: str, offset: int) -> Decimal:
        """Return a price so many ticks away from the best one of a side."""
        bid, ask = self.sim.markets.market(BTC).best()
        assert bid is not None
        assert ask is not None
        return (bid[0] - offset if side == "buy" else ask[0] + offset) * TICK

    def picked(self, index: int) -> str | None:
        """Return the exchange's id of one of the latest orders, open or not."""
        ids = list(self.sim.account.orders)[-8:]
        return ids[index % len(ids)] if ids else None


async def _add(bench: Bench, side: str, qty: int, offset: int, options: dict[str, Any]) -> None:
    bench.start("add_order", bench.order(side, qty, offset, options))


async def _add_market(bench: Bench, side: str, qty: int) -> None:
    bench.start("add_order", bench.order(side, qty, 0, {}, market=True))


async def _batch_add(bench: Bench, side: str, qtys: list[int], offset: int) -> None:
    orders = [bench.order(side, qty, offset + place, {}) for place, qty in enumerate(qtys)]
    bench.start("batch_add", BatchAddParams(symbol=BTC, orders=orders))


async def _amend(bench: Bench, index: int, qty: int, offset: int) -> None:
    if name := bench.picked(index):
        side = bench.sim.account.orders[name].side
        price = bench.price(side, offset)
        params = AmendOrderParams(order_id=name, order_qty=Decimal(qty) / 100, limit_price=price)
        bench.start("amend_order", params)


async def _edit(bench: Bench, index: int, qty: int) -> None:
    if name := bench.picked(index):
        number = bench.new_number()
        params = EditOrderParams(
            order_id=name, symbol=BTC, order_qty=Decimal(qty) / 100, order_userref=number
        )
        bench.start("edit_order", params)


async def _cancel(bench: Bench, index: int) -> None:
    if name := bench.picked(index):
        bench.start("cancel_order", CancelOrderParams(order_id=[name]))


async def _cancel_by_name(bench: Bench, index: int) -> None:
    """Cancel an order that may not have an id yet."""
    added = [c.params.cl_ord_id for c in bench.calls if isinstance(c.params, AddOrderParams)]
    if names := [name for name in added if name is not None]:
        name = names[-1 - index % min(len(names), 4)]
        bench.start("cancel_order", CancelOrderParams(cl_ord_id=[name]))


async def _batch_cancel(bench: Bench, indexes: list[int]) -> None:
    names = list(dict.fromkeys(filter(None, map(bench.picked, indexes))))
    if len(names) > 1:
        bench.start("batch_cancel", BatchCancelParams(orders=names))


async def _cancel_all(bench: Bench) -> None:
    bench.start("cancel_all", CancelAllParams())


async def _give_up(bench: Bench) -> None:
    """Let the user lose interest in the latest request."""
    if bench.calls:
        bench.calls[-1].task.cancel()


async def _wait(_: Bench, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _move(bench: Bench, steps: int) -> None:
    for _ in range(steps):
        bench.sim.markets.step(BTC)


async def _trade(bench: Bench, side: str, qty: int) -> None:
    """Let somebody trade with the book, and with the orders in it."""
    await bench.sim.trade(BTC, side, Decimal(qty) / 10)  # type: ignore[arg-type]


async def _deposit(bench: Bench, qty: int) -> None:
    await bench.sim.account.deposit("USD", qty)


async def _release(bench: Bench) -> None:
    for rule in bench.held:
        rule.release()
    bench.held.clear()


async def _lose_snapshot(bench: Bench, channel: str) -> None:
    bench.sim.faults.lose_snapshots(None, channel=channel)


def _fault(name: str) -> Callable[..., Any]:
    async def act(bench: Bench, *args: Any) -> None:
        getattr(bench.sim.faults, name)(*args)

    return act


def _fault_on(name: str) -> Callable[..., Any]:
    """Return a step with a fault on one private channel."""

    async def act(bench: Bench, channel: str, times: int) -> None:
        getattr(bench.sim.faults, name)(times, channel=channel)

    return act


def _hold(name: str) -> Callable[..., Any]:
    """Return a step with a fault that lasts until `release`."""

    async def act(bench: Bench, *args: Any) -> None:
        bench.held.append(getattr(bench.sim.faults, name)(*args))

    return act


#: What a script can say.
STEPS: dict[str, Callable[..., Any]] = {
    "add": _add,
    "add_market": _add_market,
    "batch_add": _batch_add,
    "amend": _amend,
    "edit": _edit,
    "cancel": _cancel,
    "cancel_by_name": _cancel_by_name,
    "batch_cancel": _batch_cancel,
    "cancel_all": _cancel_all,
    "give_up": _give_up,
    "wait": _wait,
    "move": _move,
    "trade": _trade,
    "deposit": _deposit,
    "hold_requests": _hold("hold_requests"),
    "hold_replies": _hold("hold_replies"),
    "hold_reports": _hold("hold_reports"),
    "release": _release,
    "duplicate_reports": _fault_on("duplicate_reports"),
    "lose_reports": _fault_on("lose_reports"),
    "lose_snapshot": _lose_snapshot,
    **{
        name: _fault(name)
        for name in (
            "lose_requests",
            "delay_requests",
            "refuse_orders",
            "lose_replies",
            "delay_replies",
            "duplicate_replies",
            "cut_before_reply",
            "reset_connections",
            "close_connections",
            "silence_connections",
            "refuse_connections",
            "refuse_tokens",
            "revoke_tokens",
        )
    },
}


def run(script: Script) -> None:
    """Run a script and compare client and exchange in the end."""
    virtual.run(_run(script))


async def _run(script: Script) -> None:
    sim = SimulatedExchange(
        symbols=[BTC], rate=0, balances=RICH, tier="pro", clock=virtual.current().time_ns
    )
    async with sim, client_of(sim, token_manager=tokens_of(sim), **QUICK) as client:
        bench = Bench(sim, client)
        await client.track_orders()
        await client.track_balances()
        for name, *args in script:
            await STEPS[name](bench, *args)
        await _end(bench)
        check_outcomes(bench)


async def _end(bench: Bench) -> None:
    """Let everything go right again."""
    await _release(bench)
    bench.sim.faults.clear()
    tasks = [call.task for call in bench.calls]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tasks, return_exceptions=True)
    await eventually(lambda: str(bench.client.state) == "connected", PATIENCE)
    # Whatever was lost before, the next report shows that it is missing.
    marker = await bench.sim.account.place(BTC, "buy", 1, limit_price=1)
    await bench.sim.account.deposit("EUR", 1)
    await eventually(lambda: marker in bench.client.orders, PATIENCE)
    with contextlib.suppress(TimeoutError):
        await eventually(lambda: not differences(bench), PATIENCE)
    found = differences(bench)
    assert not found, "; ".join(found)


def differences(bench: Bench) -> list[str]:
    """Return in what the client's account of orders, fills and balances is not the exchange's."""
    account, client = bench.sim.account, bench.client
    found = [f"{order} is not settled" for order in client.orders.unsettled]
    found += [
        f"{order} does not exist"
        for order in client.orders
        if order.order_id is not None and order.order_id not in account.orders
    ]
    for theirs in account.orders.values():
        ours = known_as(client, theirs)
        found += [f"{theirs} is forgotten"] if ours is None else _differences(bench, ours, theirs)
    for asset, amount in account.balances.items():
        if client.balances.get(asset) != amount:
            found.append(f"{asset} is {amount}, not {client.balances.get(asset)}")
    return found


def known_as(client: KrakenWSClient, theirs: SimOrder) -> Order | None:
    """Return what the client takes for an order; each has a name or number of its own."""
    if (ours := client.orders.get(theirs.order_id)) is not None:
        return ours
    name = theirs.client_id.get("cl_ord_id")
    if name is not None:
        return client.orders.get(str(name))
    number = theirs.client_id["order_userref"]
    nameless = (order for order in client.orders if order.order_id is None)
    return next((order for order in nameless if order.order_userref == number), None)


def _differences(bench: Bench, ours: Order, theirs: SimOrder) -> list[str]:
    fills = {
        fill.exec_id: (fill.qty, fill.price)
        for fill in bench.sim.account.fills
        if fill.order_id == theirs.order_id
    }
    pairs = {
        "fills": ({f.exec_id: (f.qty, f.price) for f in ours.fills}, fills),
        "cum_qty": (ours.cum_qty, theirs.cum_qty),
        "cum_cost": (ours.cum_cost, theirs.cum_cost),
        "status": (ours.status, theirs.status),
    }
    if ours.status in ("gone", "absent") and theirs.status in ("canceled", "expired"):
        # How it ended was in a hole, and no snapshot tells: this is all that can be known.
        del pairs["status"]
    if theirs.is_open:
        pairs["limit_price"] = (ours.limit_price, theirs.limit_price)
        pairs["order_qty"] = (ours.order_qty, theirs.order_qty)
    return [
        f"{name} of {ours} is {right}, not {wrong}"
        for name, (wrong, right) in pairs.items()
        if wrong != right
    ]


def check_outcomes(bench: Bench) -> None:
    """Check that every request was made once at most, and that what was said of it is so."""
    arrived = Counter(
        name_of(params)
        for request in bench.sim.requests
        if request.method in ("add_order", "batch_add")
        for params in request.params.get("orders", [request.params])
    )
    assert set(arrived.values()) <= {1}, "an order was sent twice"
    numbers = Counter(
        (request.connection, request.req_id)
        for request in bench.sim.requests
        if request.method != "ping"
    )
    assert set(numbers.values()) <= {1}, "a request was sent twice"
    placed = {
        name_of(order.client_id): order.order_id for order in bench.sim.account.orders.values()
    }
    for call in bench.calls:
        if not call.task.cancelled():
            _check_outcome(call, set(arrived), placed)


def name_of(ids: Mapping[str, Any]) -> str | int | None:
    """Return what an order is known by: its name, or else its number."""
    name: str | int | None = ids.get("cl_ord_id", ids.get("order_userref"))
    return name


def _check_outcome(call: Call, arrived: set[Any], placed: dict[Any, str]) -> None:
    params, error = call.params, call.error
    assert error is None or isinstance(error, (TradingError, OrderOutcomeUnknown, *NEVER_LEFT)), (
        repr(error)
    )
    orders = params.orders if isinstance(params, BatchAddParams) else [params]
    if not isinstance(orders[0], AddOrderParams):
        return
    names = {order.cl_ord_id or order.order_userref for order in orders}
    if isinstance(error, NEVER_LEFT) and not isinstance(error, OrderOutcomeUnknown):
        assert not names & arrived, f"{error!r}, but it left"
    elif isinstance(error, TradingError):
        assert not names & placed.keys(), f"{error!r}, but it was placed"
    elif error is None:
        results = call.task.result().result
        for result in results if isinstance(results, list) else [results]:
            assert placed[name_of(result)] == result["order_id"]
