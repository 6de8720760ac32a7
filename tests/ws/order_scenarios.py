"""Scenarios of orders under faults, in virtual time, compared with the exchange's records.

A script is a list of steps, each a name of `STEPS` and its arguments; a setup says which
replies the exchange gives where its documentation leaves them open. Every request runs as a task of
its own, so that a script can cut the connection under it. `order_promises.py` has what must hold
meanwhile and in the end, when all goes right again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests import virtual
from tests.ws.helpers import BTC, client_of, eventually, tokens_of
from tests.ws.order_promises import Promises

from kraken_connector.exceptions import KrakenConnectorError
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.trading.stream import Execution
from kraken_connector.ws import KrakenWSClient, Order
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    EditOrderParams,
)
from kraken_connector.ws.trading.placement import Placement

Step = tuple[Any, ...]
Script = Sequence[Step]

TICK = Decimal("0.1")
#: Nobody is out of money, and nothing is too fast: those refusals have tests of their own.
RICH = {"USD": 10**9, "BTC": 10**4}
QUICK: dict[str, Any] = {
    "ping_interval": 1.0,
    "ping_timeout": 1.0,
    "request_timeout": 2.0,
    "maintenance_pause": 0.05,
    "max_reconnect_attempts": 1000,
    "order_deadline": 5.0,
}
#: Seconds between two fills of a maker.
MAKER_PAUSE = 0.1
#: Orders that a step can pick from: the latest.
LATEST = 8
#: Error texts that an exchange says in other words.
OTHER_WORDS = {
    "EOrder:Unknown order": "EOrder:Invalid order",
    "EOrder:Orders limit exceeded": "EOrder:Open orders limit exceeded",
}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The options of a scenario.

    Attributes:
        exchange: arguments of `SimulatedExchange`.
        client: arguments of `KrakenWSClient`.
        is_maker: whether another program of the account gets ten fills a second, all the time.
    """

    exchange: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)
    is_maker: bool = False


@dataclass
class Bench:
    """An exchange, a client and what its user did.

    Attributes:
        options: what the client was made with.
        calls: every request of the client's user, in order: its parameters, and the method at work.
        held: what faults hold back.
        tags: the tag of each order, by its mark.
    """

    sim: SimulatedExchange
    client: KrakenWSClient
    options: dict[str, Any]
    calls: list[tuple[Any, asyncio.Future[Any]]] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def start(self, params: Any, acting: Any) -> None:
        """Let the client do something, beside the script."""
        future = asyncio.ensure_future(acting)
        # A scenario that fails leaves exceptions behind.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.calls.append((params, future))

    def order(self, side: str, qty: int, offset: int, options: dict[str, Any]) -> AddOrderParams:
        """Return an order with a name of its own, or what the options say.

        Its `sender_sub_id` is the mark by which the exchange's records show it, whatever its name.

        Args:
            side: `buy` or `sell`.
            qty: hundredths of the base currency.
            offset: ticks from the best price of its side, away from the other one.
            options: further parameters; `identity` is `name`, `number` or `none`, and `again` how
                many orders ago the name or number was first used.
        """
        terms = dict(options)
        number = next(self._numbers)
        used = max(1, number - terms.pop("again", 0))
        identity = {"name": {"cl_ord_id": f"name-{used}"}, "number": {"order_userref": used}}
        is_market = terms.pop("market", False)
        prices: dict[str, Any] = {} if is_market else {"limit_price": self.price(side, offset)}
        return AddOrderParams(
            symbol=BTC,
            side=side,
            order_type="market" if is_market else "limit",
            order_qty=Decimal(qty) / 100,
            sender_sub_id=f"mark-{number}",
            **identity.get(terms.pop("identity", "name"), {}),
            **prices,
            **terms,
        )

    def tagged(self, orders: Sequence[AddOrderParams], tag: str | None) -> dict[str, Any]:
        """Return how to send orders with a tag."""
        if tag is None:
            return {}
        self.tags |= {str(order.sender_sub_id): tag for order in orders}
        return {"tag": tag}

    def price(self, side: str, offset: int) -> Decimal:
        """Return a price so many ticks away from the best one of a side."""
        bid, ask = self.sim.markets.market(BTC).best()
        assert bid is not None
        assert ask is not None
        return (bid[0] - offset if side == "buy" else ask[0] + offset) * TICK

    def picked(self, index: int) -> str | None:
        """Return the exchange's id of a recent order that the client knows, open or not."""
        ids = [name for name in self.sim.account.orders if name in self.client.orders][-LATEST:]
        return ids[index % len(ids)] if ids else None

    def known(self, index: int) -> Order | None:
        """Return one of the latest orders that the client knows."""
        orders = [order for order in self.client.orders if order.is_mine][-LATEST:]
        return orders[index % len(orders)] if orders else None

    @property
    def sent(self) -> list[AddOrderParams]:
        """All orders that the user ever wanted."""
        made: list[AddOrderParams] = []
        for params, _ in self.calls:
            orders = params.orders if isinstance(params, BatchAddParams) else [params]
            made += [order for order in orders if isinstance(order, AddOrderParams)]
        return made


# What the user does.


async def _add(
    bench: Bench, side: str, qty: int, offset: int, options: dict[str, Any], tag: str | None
) -> None:
    params = bench.order(side, qty, offset, options)
    bench.start(params, bench.client.add_order(params, **bench.tagged([params], tag)))


async def _place(
    bench: Bench, side: str, qty: int, offset: int, options: dict[str, Any], tag: str | None
) -> None:
    """Place an order without waiting for what comes of it."""
    params = bench.order(side, qty, offset, options)
    with contextlib.suppress(KrakenConnectorError):
        bench.start(params, _answer_to(bench.client.place(params, **bench.tagged([params], tag))))


async def _answer_to(placement: Placement) -> Any:
    return await placement


async def _batch_add(
    bench: Bench, side: str, qtys: list[int], offset: int, options: dict[str, Any], tag: str | None
) -> None:
    orders = [bench.order(side, qty, offset + step, options) for step, qty in enumerate(qtys)]
    params = BatchAddParams(symbol=BTC, orders=orders)
    bench.start(params, bench.client.batch_add(params, **bench.tagged(orders, tag)))


async def _amend(bench: Bench, index: int, qty: int, offset: int) -> None:
    if name := bench.picked(index):
        order = bench.sim.account.orders[name]
        price = None if order.order_type == "market" else bench.price(order.side, offset)
        params = AmendOrderParams(order_id=name, order_qty=Decimal(qty) / 100, limit_price=price)
        bench.start(params, bench.client.amend_order(params))


async def _order_amend(bench: Bench, index: int, qty: int) -> None:
    """Amend an order that may not have an id yet."""
    if order := bench.known(index):
        bench.start(None, order.amend(order_qty=Decimal(qty) / 100))


async def _prepared_amend(bench: Bench, index: int, qty: int) -> None:
    if name := bench.picked(index):
        amend = bench.client.prepare_amend(order_id=name)
        bench.start(None, amend(order_qty=Decimal(qty) / 100))


async def _edit(bench: Bench, index: int, qty: int) -> None:
    """Replace an order; the exchange does so with numbered ones only."""
    if name := bench.picked(index):
        params = EditOrderParams(order_id=name, symbol=BTC, order_qty=Decimal(qty) / 100)
        bench.start(params, bench.client.edit_order(params))


async def _cancel(bench: Bench, indexes: list[int]) -> None:
    names = list(dict.fromkeys(filter(None, map(bench.picked, indexes))))
    if names:
        params = CancelOrderParams(order_id=names)
        bench.start(params, bench.client.cancel_order(params))


async def _cancel_by_name(bench: Bench, index: int) -> None:
    """Cancel an order that may not have an id yet, by its name or number."""
    if sent := bench.sent[-LATEST:]:
        order = sent[index % len(sent)]
        names = {"cl_ord_id": order.cl_ord_id, "order_userref": order.order_userref}
        given: dict[str, Any] = {key: [name] for key, name in names.items() if name is not None}
        if given:
            bench.start(None, bench.client.cancel_order(CancelOrderParams(**given)))


async def _order_cancel(bench: Bench, index: int) -> None:
    if order := bench.known(index):
        bench.start(None, order.cancel())


async def _prepared_cancel(bench: Bench, index: int) -> None:
    if name := bench.picked(index):
        bench.start(None, bench.client.prepare_cancel(order_id=name)())


async def _batch_cancel(bench: Bench, indexes: list[int]) -> None:
    names = list(dict.fromkeys(filter(None, map(bench.picked, indexes))))
    if len(names) > 1:
        params = BatchCancelParams(orders=names)
        bench.start(params, bench.client.batch_cancel(params))


async def _cancel_all(bench: Bench) -> None:
    bench.start(CancelAllParams(), bench.client.cancel_all())


async def _cancel_everything(bench: Bench) -> None:
    async def everything() -> None:
        before = {order.order_id for order in bench.sim.account.open_orders}
        await bench.client.cancel_everything(timeout=15.0)
        still = before & {order.order_id for order in bench.sim.account.open_orders}
        assert not still, f"open after everything was cancelled: {still}"

    bench.start(None, everything())


async def _cancel_after(bench: Bench, seconds: int) -> None:
    params = CancelAllOrdersAfterParams(timeout=seconds)
    bench.start(params, bench.client.cancel_all_orders_after(params))


async def _give_up(bench: Bench) -> None:
    """Let the user lose interest in the latest request."""
    if bench.calls:
        bench.calls[-1][1].cancel()


# What others do.


async def _stranger(
    bench: Bench, side: str, qty: int, offset: int, identity: str, again: int
) -> None:
    """Let another program of the account place an order, perhaps by a name or number of ours.

    The exchange refuses a name that an open order has (page "Add Order").
    """
    params = bench.order(side, qty, offset, {"identity": identity, "again": again})
    names = {order.client_id.get("cl_ord_id") for order in bench.sim.account.open_orders}
    if params.cl_ord_id is None or params.cl_ord_id not in names:
        await bench.sim.account.place(
            BTC,
            side,  # type: ignore[arg-type]
            Decimal(qty) / 100,
            limit_price=params.limit_price,
            cl_ord_id=params.cl_ord_id,
            order_userref=params.order_userref or 0,
            matched=True,
        )


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


async def _withdraw(bench: Bench, qty: int) -> None:
    await bench.sim.account.withdraw("USD", qty)


async def _release(bench: Bench) -> None:
    for rule in bench.held:
        rule.release()
    bench.held.clear()


# What goes wrong.


def _fault(name: str) -> Callable[..., Any]:
    async def act(bench: Bench, *args: Any) -> None:
        getattr(bench.sim.faults, name)(*args)

    return act


def _aimed(name: str) -> Callable[..., Any]:
    """Return a step with a fault on the requests or replies of one method, or of all."""

    async def act(bench: Bench, method: str | None, *args: Any) -> None:
        getattr(bench.sim.faults, name)(*args, method=method)

    return act


def _fault_on(name: str, *before: Any) -> Callable[..., Any]:
    """Return a step with a fault on one private channel."""

    async def act(bench: Bench, channel: str, *args: Any) -> None:
        getattr(bench.sim.faults, name)(*before, *args, channel=channel)

    return act


def _hold(name: str) -> Callable[..., Any]:
    """Return a step with a fault that lasts until `release`."""

    async def act(bench: Bench, *args: Any) -> None:
        bench.held.append(getattr(bench.sim.faults, name)(*args))

    return act


async def _lose_requests(bench: Bench, method: str | None, times: int, cut: bool) -> None:
    bench.sim.faults.lose_requests(times, method=method, cut=cut)


async def _fail_replies(bench: Bench, method: str | None, error: Any, success: Any) -> None:
    bench.sim.faults.fail_replies(error, method=method, success=success)


async def _refuse_orders(bench: Bench, method: str | None, error: Any, success: Any) -> None:
    bench.sim.faults.refuse_orders(error, method=method, success=success)


async def _change_replies(bench: Bench, method: str | None, drop: str) -> None:
    """Leave a key out of the next reply, or out of its result."""

    def change(reply: dict[str, Any]) -> dict[str, Any]:
        result = reply.get("result")
        if isinstance(result, dict):
            result = {key: value for key, value in result.items() if key != drop}
            reply = {**reply, "result": result}
        return {key: value for key, value in reply.items() if key != drop}

    bench.sim.faults.change_replies(change, method=method)


async def _break_batches(bench: Bench, placed: int) -> None:
    bench.sim.faults.break_batches(placed=placed)


async def _reject_lines(bench: Bench, indexes: list[int]) -> None:
    bench.sim.faults.reject_lines(*indexes)


async def _overtake_reports(bench: Bench, late: str, by: str, times: int) -> None:
    bench.sim.faults.overtake_reports(late, by=by, times=times)


#: Reports with fields that contradict each other, are missing, or are texts.
ALTERED: dict[str, tuple[str, dict[str, Any]]] = {
    "an end that seems open": ("canceled", {"order_status": "new"}),
    "an end without a total": ("filled", {"drop": ["cum_qty"]}),
    "a number as text": ("trade", {"quote": ["last_qty"]}),
    "a fill without totals": ("trade", {"drop": ["cum_qty", "cum_cost", "avg_price"]}),
}


async def _alter_reports(bench: Bench, how: str, times: int) -> None:
    kind, changes = ALTERED[how]
    bench.sim.faults.alter_reports(kind, times=times, **changes)


async def _edit_reports(bench: Bench, times: int) -> None:
    """Send reports twice, with two numbers."""

    def twice(execution: Execution) -> list[Execution]:
        return [execution, replace(execution)]

    bench.sim.faults.edit_reports(twice, times=times)


async def _nameless_reports(bench: Bench, kinds: list[str], times: int) -> None:
    bench.sim.faults.nameless_reports(*kinds, times=times)


async def _lag_stream(bench: Bench, seconds: float, reports: bool) -> None:
    bench.sim.faults.lag_stream(seconds, reports=reports)


async def _set_pair_status(bench: Bench, status: str) -> None:
    bench.sim.faults.set_pair_status(BTC, status)  # type: ignore[arg-type]


async def _refuse_connections(bench: Bench, times: int, status: int | None) -> None:
    bench.sim.faults.refuse_connections(times, status=status)


async def _alter_tokens(bench: Bench, has_lifetime: bool) -> None:
    result: dict[str, Any] = {} if has_lifetime else {"expires": None}
    bench.sim.faults.alter_tokens(warnings=["WGeneral:Danger"], **result)


async def _message_limit(bench: Bench, limit: int) -> None:
    bench.sim.message_limit = limit


#: What a script can say.
STEPS: dict[str, Callable[..., Any]] = {
    "add": _add,
    "place": _place,
    "batch_add": _batch_add,
    "amend": _amend,
    "order_amend": _order_amend,
    "prepared_amend": _prepared_amend,
    "edit": _edit,
    "cancel": _cancel,
    "cancel_by_name": _cancel_by_name,
    "order_cancel": _order_cancel,
    "prepared_cancel": _prepared_cancel,
    "batch_cancel": _batch_cancel,
    "cancel_all": _cancel_all,
    "cancel_everything": _cancel_everything,
    "cancel_after": _cancel_after,
    "give_up": _give_up,
    "stranger": _stranger,
    "wait": _wait,
    "move": _move,
    "trade": _trade,
    "deposit": _deposit,
    "withdraw": _withdraw,
    "release": _release,
    "message_limit": _message_limit,
    # Requests.
    "lose_requests": _lose_requests,
    "delay_requests": _fault("delay_requests"),
    "hold_requests": _hold("hold_requests"),
    "strand_requests": _aimed("strand_requests"),
    "overtake_requests": _aimed("overtake_requests"),
    "scatter_requests": _fault("scatter_requests"),
    "refuse_orders": _refuse_orders,
    "refuse_reported": _fault("refuse_reported"),
    "break_batches": _break_batches,
    "reject_lines": _reject_lines,
    "echo_requests": _aimed("echo_requests"),
    # Replies.
    "lose_replies": _aimed("lose_replies"),
    "delay_replies": _fault("delay_replies"),
    "hold_replies": _hold("hold_replies"),
    "overtake_replies": _aimed("overtake_replies"),
    "scatter_replies": _fault("scatter_replies"),
    "duplicate_replies": _aimed("duplicate_replies"),
    "cut_before_reply": _aimed("cut_before_reply"),
    "fail_replies": _fail_replies,
    "change_replies": _change_replies,
    "deny_timer": _fault("deny_timer"),
    # Reports.
    "hold_reports": _hold("hold_reports"),
    "delay_reports": _fault_on("delay_reports"),
    "duplicate_reports": _fault_on("duplicate_reports"),
    "lose_reports": _fault_on("lose_reports"),
    "nameless_reports": _nameless_reports,
    "overtake_reports": _overtake_reports,
    "alter_reports": _alter_reports,
    "edit_reports": _edit_reports,
    # Streams.
    "lag_stream": _lag_stream,
    "send_snapshots": _fault("send_snapshots"),
    "reset_sequence": _fault("reset_sequence"),
    "skip_sequence": _fault("skip_sequence"),
    "lose_snapshots": _fault_on("lose_snapshots", None),
    "refuse_subscriptions": _fault_on("refuse_subscriptions", "EService:Busy"),
    "ignore_subscriptions": _fault_on("ignore_subscriptions"),
    "mute_subscriptions": _fault_on("mute_subscriptions"),
    "delay_acks": _fault("delay_acks"),
    "swallow_acks": _fault("swallow_acks"),
    "duplicate_acks": _fault("duplicate_acks"),
    # Frames.
    **{
        name: _fault_on(name, None)
        for name in (
            "drop_updates",
            "duplicate_updates",
            "swap_updates",
            "truncate_updates",
            "stall_mid_frame",
            "cut_mid_frame",
            "dribble_updates",
            "fragment_updates",
            "binary_updates",
            "compress_updates",
        )
    },
    "send_text": _fault("send_text"),
    "send_huge_frame": _fault("send_huge_frame"),
    "send_bytes": _fault("send_bytes"),
    # REST.
    **{
        name: _fault(name)
        for name in (
            "refuse_calls",
            "fail_calls",
            "throttle_calls",
            "lock_out_calls",
            "warn_calls",
            "garble_calls",
            "break_calls",
            "drop_calls",
            "hang_calls",
            "strand_calls",
            "delay_calls",
            "drip_calls",
            "stop_rest",
            "lag_rest",
        )
    },
    # Connections.
    "reset_connections": _fault("reset_connections"),
    "close_connections": _fault("close_connections"),
    "silence_connections": _fault("silence_connections"),
    "stall_connections": _fault("stall_connections"),
    "refuse_connections": _refuse_connections,
    "ignore_connections": _fault("ignore_connections"),
    "delay_pongs": _fault("delay_pongs"),
    "swallow_pongs": _fault("swallow_pongs"),
    "stop_heartbeats": _fault("stop_heartbeats"),
    # The exchange.
    "set_system": _fault("set_system"),
    "set_pair_status": _set_pair_status,
    "storm_status": _fault("storm_status"),
    # Tokens.
    "revoke_tokens": _fault("revoke_tokens"),
    "expire_tokens": _fault("expire_tokens"),
    "refuse_tokens": _fault("refuse_tokens"),
    "lock_out_tokens": _fault("lock_out_tokens"),
    "alter_tokens": _alter_tokens,
    "fail_tokens": _fault("fail_tokens"),
    "drop_tokens": _fault("drop_tokens"),
    "hang_tokens": _fault("hang_tokens"),
    "delay_tokens": _fault("delay_tokens"),
    "drip_tokens": _fault("drip_tokens"),
}


# How a scenario runs.


def run(script: Script, setup: Setup | None = None) -> None:
    """Run a script; no promise may break, on the way or in the end."""
    virtual.run(_run(script, setup or Setup()))


async def _run(script: Script, setup: Setup) -> None:
    plan: dict[str, Any] = {"symbols": [BTC], "rate": 0, "balances": RICH, "tier": "pro"}
    sim = SimulatedExchange(**plan, **setup.exchange, clock=virtual.current().time_ns)
    async with sim:
        # With one host all three have one address, and the client one connection.
        hosts = {} if sim.auth_url == sim.url else {"auth_url": sim.auth_url}
        options = {"token_manager": tokens_of(sim), **QUICK, **hosts, **setup.client}
        async with client_of(sim, **options) as client:
            bench = Bench(sim, client, options)
            await client.track_orders()
            await client.track_balances()
            # What the first snapshot has is history, and is not announced.
            await eventually(lambda: client.orders.is_concluded)
            maker = asyncio.ensure_future(_make(sim)) if setup.is_maker else None
            promises = Promises(bench, script)
            virtual.current().after_turn = promises.check
            try:
                for name, *args in script:
                    await STEPS[name](bench, *args)
                    promises.hold()
                await _calm_down(bench)
                await promises.hold_in_the_end()
            finally:
                virtual.current().after_turn = bool
                if maker is not None:
                    maker.cancel()


async def _make(sim: SimulatedExchange) -> None:
    """Act as a maker with ten fills a second."""
    order = ""
    while True:
        if order not in sim.account.records.open:
            # It may have been cancelled with all others.
            order = await sim.account.place(BTC, "buy", 10**5, limit_price=1)
        await asyncio.sleep(MAKER_PAUSE)
        with contextlib.suppress(ValueError):
            await sim.account.fill(order, "0.01")


async def _calm_down(bench: Bench) -> None:
    """Let everything that is still to come go right."""
    await _release(bench)
    faults = bench.sim.faults
    faults.clear()
    faults.set_system("online")
    faults.set_pair_status(BTC, "online")
    bench.sim.message_limit = None
