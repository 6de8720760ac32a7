"""The client's rate counter against the simulated exchange's, in virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests import virtual
from tests.ws.helpers import BTC, ETH, connected, tokens_of, trading

from kraken_connector.exceptions import (
    NotConnected,
    RateLimitExceeded,
    TokenAcquisitionError,
    TradingError,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelOrderParams,
    EditOrderParams,
    ExecutionsParams,
    KrakenWSClient,
)
from kraken_connector.ws.orders import Orders
from kraken_connector.ws.protocol.order_requests import USERREF_QUIET
from kraken_connector.ws.trading.rate_counter import RateCounter
from kraken_connector.ws.trading.rate_limiter import RateLimiter

pytestmark = pytest.mark.virtual_time

Scene = Callable[[SimulatedExchange, KrakenWSClient], Awaitable[None]]
RATE_LIMIT = "EOrder:Rate limit exceeded"


def stage(
    tier: str = "starter", **options: Any
) -> AbstractAsyncContextManager[tuple[SimulatedExchange, KrakenWSClient]]:
    """Connect a client to an exchange of two pairs."""
    return trading({"symbols": [BTC, ETH], "tier": tier}, **options)


def limit(symbol: str = BTC, price: str = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(symbol, "buy", "limit", "0.10", limit_price=price, **options)


async def both(sim: SimulatedExchange, client: KrakenWSClient) -> tuple[float, float]:
    """Return the counts of client and exchange, once no request is pending."""
    await asyncio.sleep(0.01)
    return float(client.rate_counter.count(BTC)), float(sim.rates.count(BTC))


async def test_counts_what_the_exchange_counts() -> None:
    async with stage(tier="intermediate") as (sim, client):
        counter = client.rate_counter
        assert (counter.tier.name, counter.is_tier_known) == ("starter", False)
        await client.subscribe(ExecutionsParams(snap_orders=True))
        assert (counter.tier.name, counter.is_tier_known) == ("intermediate", True)

        async def agree(cost: float, collecting: float = 0.0) -> None:
            ours, theirs = await both(sim, client)
            assert theirs <= ours == pytest.approx(theirs, abs=0.02 + 2.34 * collecting)
            assert float(counter.headroom(BTC)) == pytest.approx(125 - ours)
            assert ours == pytest.approx(cost, abs=0.1 + 2.34 * collecting)
            await asyncio.sleep(20)

        placed = await client.add_order(limit(cl_ord_id="a"))
        await agree(1)
        await client.amend_order(AmendOrderParams(placed.typed.order_id, limit_price="101.0"))
        await agree(1)
        amend = client.prepare_amend(cl_ord_id="a")
        await amend(limit_price="102.0")
        await client.prepare_cancel(cl_ord_id="a")()
        await agree(1 + 8)
        orders = [limit(order_userref=7) for _ in range(3)]
        added = await client.batch_add(BatchAddParams(BTC, orders=orders))
        await agree(1.5)
        edit = EditOrderParams(added.typed.orders[0].order_id, BTC, limit_price="103.0")
        edited = await client.edit_order(edit)
        await agree(1 + 2)
        names = [edited.typed.order_id, added.typed.orders[1].order_id]
        await client.batch_cancel(BatchCancelParams(orders=names))
        await agree(4 + 4)
        await client.cancel_order(CancelOrderParams(order_userref=[7]))
        await agree(2, USERREF_QUIET)
        await client.add_order(limit(validate=True))
        await agree(1)
        await client.cancel_all()
        await agree(0)
        assert counter.count(ETH) == 0


async def test_amend_below_what_is_filled_costs_what_a_cancel_does() -> None:
    async with stage() as (sim, client):
        await client.subscribe(ExecutionsParams())
        order_id = await sim.account.place(BTC, "buy", "0.5", limit_price="100.0")
        await sim.account.fill(order_id, "0.2")
        await asyncio.sleep(0.01)
        await client.amend_order(AmendOrderParams(order_id, order_qty="0.1"))
        ours, theirs = await both(sim, client)
        assert ours == pytest.approx(1 + 3 + 8, abs=0.05)
        assert theirs <= ours


async def test_stream_shows_requests_of_other_clients() -> None:
    async with (
        stage(tier="pro", rate_policy="refuse") as (sim, client),
        connected(sim, token_manager=tokens_of(sim)) as other,
    ):
        await client.subscribe(ExecutionsParams(ratecounter=True))
        for _ in range(100):
            await other.add_order(limit())
        await asyncio.sleep(0.01)
        ours, theirs = await both(sim, client)
        assert ours == pytest.approx(theirs, abs=1)
        assert ours > 90


async def test_tracking_orders_requests_the_exchanges_count() -> None:
    async with (
        stage(tier="pro") as (sim, client),
        connected(sim, token_manager=tokens_of(sim)) as other,
    ):
        await client.track_orders()
        for _ in range(20):
            await other.add_order(limit())
        ours, theirs = await both(sim, client)
        assert 15 < ours == pytest.approx(theirs, abs=1)


async def test_refusal_of_the_exchange_raises_the_counter() -> None:
    async with stage(tier="pro") as (sim, client):
        await client.subscribe(ExecutionsParams())
        sim.faults.refuse_orders(RATE_LIMIT)
        with pytest.raises(TradingError, match="Rate limit"):
            await client.add_order(limit())
        assert float(client.rate_counter.headroom(BTC)) == pytest.approx(1, abs=0.1)
        assert client.rate_counter.seconds_until(BTC, 2) == pytest.approx(1 / 3.75, abs=0.1)


async def test_refuse_sends_nothing_that_would_be_refused() -> None:
    async with stage(rate_policy="refuse") as (sim, client):
        for _ in range(59):
            await client.add_order(limit(validate=True))
            await client.add_order(limit(ETH, validate=True))
        while (count := client.rate_counter.count(BTC)) <= 59:
            await client.add_order(limit(validate=True))
        sent = len(sim.requests)
        with pytest.raises(RateLimitExceeded) as refused:
            await client.add_order(limit())
        error = refused.value
        assert isinstance(error, TradingError)
        assert len(sim.requests) == sent
        assert (error.method, error.symbol, error.cost) == ("add_order", BTC, 1)
        assert float(error.headroom) == pytest.approx(60 - float(count), abs=0.01)
        assert error.seconds == pytest.approx(float(count) - 59, abs=0.01)
        await asyncio.sleep(error.seconds)
        await client.add_order(limit())


async def test_what_makes_or_changes_orders_is_held_back_and_cancels_are_not() -> None:
    async with stage(rate_policy="refuse") as (sim, client):
        orders = [limit(order_userref=7) for _ in range(4)]
        batch = await client.batch_add(BatchAddParams(BTC, orders=orders))
        first, *others = [order.order_id for order in batch.typed.orders]
        await asyncio.gather(*(client.add_order(limit(validate=True)) for _ in range(58)))
        for attempt in (
            client.add_order(limit()),
            client.batch_add(BatchAddParams(BTC, orders=[limit()] * 3)),
            client.amend_order(AmendOrderParams(first, limit_price="101.0")),
            client.edit_order(EditOrderParams(first, BTC, limit_price="101.0")),
        ):
            with pytest.raises(RateLimitExceeded):
                await attempt
        sent = len(sim.requests)
        # Only the exchange refuses this one.
        with pytest.raises(TradingError, match=RATE_LIMIT):
            await client.cancel_order(CancelOrderParams(order_id=[first]))
        await client.batch_cancel(BatchCancelParams(orders=others))
        await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=0))
        await client.cancel_all()
        assert len(sim.requests) == sent + 4


async def test_request_that_was_not_sent_costs_nothing() -> None:
    async with stage() as (sim, client):
        sim.faults.refuse_tokens(times=10)
        with pytest.raises(TokenAcquisitionError):
            await client.add_order(limit())
        assert client.rate_counter.count(BTC) == 0


async def test_wait_sends_in_order_and_not_before_there_is_room() -> None:
    async with stage(rate_policy="wait") as (sim, client):
        loop = asyncio.get_running_loop()
        start = loop.time()
        names = [f"order-{place:03}" for place in range(90)]

        def check(name: str) -> Any:
            return client.add_order(limit(cl_ord_id=name, validate=True))

        await asyncio.gather(*map(check, names[:80]))
        assert loop.time() - start == pytest.approx(20, abs=0.1)
        other = asyncio.create_task(client.add_order(limit(ETH)))
        tasks = [asyncio.create_task(check(name)) for name in names[80:]]
        await other
        assert not any(task.done() for task in tasks)
        await asyncio.gather(*tasks)
        assert loop.time() - start == pytest.approx(30, abs=0.1)
        requests = [r.params for r in sim.requests if r.method == "add_order"]
        sent = [params["cl_ord_id"] for params in requests if params["symbol"] == BTC]
        assert sent == names


async def test_amend_waits_until_it_is_cheap_enough() -> None:
    async with stage(rate_policy="wait") as (sim, client):
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(client.add_order(limit(cl_ord_id=f"{n}")) for n in range(60)))
        placed = loop.time()
        await client.amend_order(AmendOrderParams(cl_ord_id="59", limit_price="101.0"))
        assert loop.time() - placed == pytest.approx(4, abs=0.1)
        assert [str(order.limit_price) for order in sim.account.open_orders].count("101.0") == 1


async def test_amend_that_waited_is_counted_at_the_age_it_has_then() -> None:
    async with stage(rate_policy="wait") as (sim, client):
        await client.add_order(limit(cl_ord_id="mine"))
        await asyncio.gather(*(client.add_order(limit(validate=True)) for _ in range(59)))
        await asyncio.sleep(4)
        await asyncio.gather(*(client.add_order(limit(validate=True)) for _ in range(4)))
        # It costs 4 now and 3 when the order is five seconds old.
        await client.amend_order(AmendOrderParams(cl_ord_id="mine", limit_price="101.0"))
        ours, theirs = await both(sim, client)
        assert ours == pytest.approx(theirs, abs=0.1)


async def test_prepared_amend_is_held_back_too() -> None:
    async with stage(rate_policy="refuse") as (sim, client):
        await client.add_order(limit(cl_ord_id="mine"))
        await asyncio.gather(*(client.add_order(limit(validate=True)) for _ in range(59)))
        sent = len(sim.requests)
        with pytest.raises(RateLimitExceeded) as refused:
            await client.prepare_amend(cl_ord_id="mine")(limit_price="101.0")
        assert (refused.value.method, refused.value.cost) == ("amend_order", 4)
        assert len(sim.requests) == sent


@pytest.mark.parametrize("policy", ["wait", "refuse"])
async def test_request_that_never_has_room_is_not_waited_for(policy: str) -> None:
    async with stage(rate_policy=policy) as (_, client):
        client.rate_counter.subscribed({"maxratecount": 1})
        with pytest.raises(RateLimitExceeded) as refused:
            await client.batch_add(BatchAddParams(BTC, orders=[limit()] * 3))
        assert refused.value.seconds == float("inf")
        assert "room for 1.00: never enough" in str(refused.value)


@pytest.mark.parametrize("prepared", [False, True])
async def test_request_that_waited_for_a_lost_connection_costs_nothing(prepared: bool) -> None:
    async with stage(rate_policy="wait", max_reconnect_attempts=1000) as (sim, client):
        await client.add_order(limit(cl_ord_id="mine"))
        await asyncio.gather(*(client.add_order(limit(validate=True)) for _ in range(59)))
        amend = client.prepare_amend(cl_ord_id="mine")
        call = amend(limit_price="101.0") if prepared else client.add_order(limit())
        waiting = asyncio.create_task(call)
        await asyncio.sleep(0.1)
        sim.faults.refuse_connections(None)
        sim.faults.reset_connections()
        with pytest.raises(NotConnected):
            await waiting
        await asyncio.sleep(100)
        assert client.rate_counter.count(BTC) == 0


def test_line_of_one_event_loop_does_not_hold_up_the_next() -> None:
    # Looked up on each call, as each loop has its own clock.
    counter = RateCounter(Orders(), "starter", lambda: time.time_ns())  # noqa: PLW0108
    gate = RateLimiter(counter, "wait")

    async def main() -> None:
        for _ in range(60):
            charge = counter.charge_of(limit())
            counter.add(charge)
            counter.on_end(charge)
        charges = await asyncio.gather(*(gate.admit(limit()) for _ in range(3)))
        assert len(charges) == 3
        for one in charges:
            gate.withdraw(one)

    for _ in range(2):
        virtual.run(main())


# With random requests, the exchange never has to refuse one.

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "batch", "amend", "cancel", "cancel", "pause"]),
        st.integers(0, 100),
    ),
    min_size=30,
    max_size=120,
)


async def act(client: KrakenWSClient, sim: SimulatedExchange, what: str, number: int) -> None:
    """Do one thing to an order of the account; what the client refuses is not sent."""
    ids = list(sim.account.open_orders)
    order_id = ids[number % len(ids)].order_id if ids else None
    try:
        if what == "add":
            await client.add_order(limit())
        elif what == "batch":
            await client.batch_add(BatchAddParams(BTC, orders=[limit()] * (2 + number % 14)))
        elif order_id is None:
            return
        elif what == "amend":
            await client.amend_order(AmendOrderParams(order_id, limit_price=f"{100 + number}.0"))
        else:
            await client.cancel_order(CancelOrderParams(order_id=[order_id]))
    except RateLimitExceeded:
        return
    except TradingError as error:
        # A cancel is never delayed, so it may be refused.
        if error.venue_error == RATE_LIMIT and what != "cancel":
            raise


@pytest.mark.parametrize("policy", ["wait", "refuse"])
@pytest.mark.parametrize("ratecounter", [False, True])
@given(actions=ACTIONS)
@settings(
    max_examples=settings().max_examples // 10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
def test_exchange_never_refuses(
    policy: str, ratecounter: bool, actions: list[tuple[str, int]]
) -> None:
    async def main() -> None:
        async with stage(rate_policy=policy) as (sim, client):
            await client.subscribe(ExecutionsParams(ratecounter=ratecounter))
            tasks = []
            for what, number in actions:
                if what == "pause":
                    await asyncio.sleep(number / 20)
                else:
                    tasks.append(asyncio.create_task(act(client, sim, what, number)))
                    await asyncio.sleep(number / 1000)
            await asyncio.gather(*tasks)

    virtual.run(main())
