"""`cancel_everything`: by the socket or by REST, under faults of either, checked with the exchange.

The promise: it returns when no order of the account is open, or raises an exception that names each
order that is, or says that nothing could be read.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from tests.ws.helpers import BTC, client_of, tls_contexts, tokens_of, trading

from kraken_connector.exceptions import (
    NotConnected,
    OrderOutcomeUnknown,
    OrdersStillWorking,
)
from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.rest import KrakenRest
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import KrakenWSClient, TokenManager
from kraken_connector.ws.trading import AddOrderParams

Fault = Callable[[SimulatedExchange], object]

#: What happens to the private socket when everything is to be cancelled.
SOCKETS: dict[str, Fault] = {
    "alive": lambda sim: None,
    "gone": lambda sim: (sim.faults.refuse_connections(None), sim.faults.reset_connections()),
    "silent": lambda sim: sim.faults.silence_connections(),
    "replies lost": lambda sim: sim.faults.lose_replies(None, method="cancel_all"),
    "refused": lambda sim: sim.faults.refuse_orders("EService:Busy", None, method="cancel_all"),
    "late": lambda sim: sim.faults.delay_replies(1.5, None, method="cancel_all"),
    "reports lost": lambda sim: sim.faults.lose_reports(None),
}
#: What happens to REST.
RESTS: dict[str, Fault] = {
    "alive": lambda sim: None,
    "down": lambda sim: sim.faults.stop_rest(),
    "dropped": lambda sim: sim.faults.stop_rest(None),
    "once hung": lambda sim: sim.faults.hang_calls(1, calls=("CancelAll",)),
    "once lost": lambda sim: sim.faults.drop_calls(1, calls=("CancelAll",)),
    "once late": lambda sim: sim.faults.strand_calls(1.0, 1, calls=("CancelAll",)),
    "busy": lambda sim: sim.faults.refuse_calls("EService:Busy", 2),
    "failed": lambda sim: sim.faults.fail_calls("EGeneral:Internal error", 2),
    "throttled": lambda sim: sim.faults.throttle_calls(2.0, 1),
    "limited": lambda sim: sim.faults.refuse_calls("EAPI:Rate limit exceeded", 2),
    "nonces": lambda sim: sim.faults.refuse_calls("EAPI:Invalid nonce", 2),
    "not allowed": lambda sim: sim.faults.refuse_calls("EGeneral:Permission denied", None),
    "cannot query": lambda sim: sim.faults.refuse_calls(
        "EGeneral:Permission denied", None, calls=("OpenOrders",)
    ),
    "cannot cancel": lambda sim: sim.faults.refuse_calls(
        "EGeneral:Permission denied", None, calls=("CancelAll",)
    ),
    "cut": lambda sim: sim.faults.garble_calls("cut", 2),
    "no json": lambda sim: sim.faults.garble_calls("no json", 2),
    "lists": lambda sim: sim.faults.garble_calls("result a list", 2),
    "no result": lambda sim: sim.faults.garble_calls("no result", 2),
    "gateway": lambda sim: sim.faults.break_calls(520, 2),
}
#: The orders that are open, or under way, when everything is to be cancelled.
ORDERS = ("mine", "of another", "under way", "late", "none")

QUICK: dict[str, Any] = {
    "ping_interval": 1.0,
    "ping_timeout": 1.0,
    "request_timeout": 2.0,
    "max_reconnect_attempts": 1000,
}


def order(**options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", "1", limit_price="100.0", **options)


def open_ids(sim: SimulatedExchange) -> set[str]:
    return {one.order_id for one in sim.account.orders.values() if one.is_open}


async def place(sim: SimulatedExchange, client: KrakenWSClient, which: str) -> None:
    """Make the orders of a case."""
    if which == "mine":
        await client.add_order(order())
        await client.add_order(order())
    elif which == "of another":
        # The client does not know it: its `executions` is not subscribed, or reports are lost.
        sim.order_methods.answer("add_order", order().wire() | {"symbol": BTC}, sim.clock())
    elif which in ("under way", "late"):
        seconds = 0.2 if which == "under way" else 3.5
        sim.faults.strand_requests(seconds, method="add_order")
        with pytest.raises(OrderOutcomeUnknown):
            await client.add_order(order())


CASES = tuple(itertools.product(ORDERS, (True, False)))
MATRIX = tuple(itertools.product(SOCKETS, RESTS))


@pytest.mark.virtual_time
@pytest.mark.parametrize(("socket", "rest"), MATRIX)
async def test_no_order_is_open_or_the_exception_names_it(socket: str, rest: str) -> None:
    # The long test has more combinations; here each case is met in a part of the matrix.
    await check(socket, rest, *CASES[MATRIX.index((socket, rest)) % len(CASES)])


@pytest.mark.long
@pytest.mark.virtual_time
@pytest.mark.parametrize("socket", SOCKETS)
async def test_no_order_is_open_in_any_combination(socket: str) -> None:
    for number, (rest, which) in enumerate(itertools.product(RESTS, ORDERS)):
        await check(socket, rest, which, is_tracking=number % 2 == 0)


async def check(socket: str, rest: str, which: str, is_tracking: bool) -> None:
    case = f"{socket=} {rest=} {which=} {is_tracking=}"
    async with trading(**QUICK) as (sim, client):
        if is_tracking:
            await client.track_orders()
        await place(sim, client, which)
        SOCKETS[socket](sim)
        RESTS[rest](sim)
        try:
            report = await client.cancel_everything(timeout=20.0)
        except OrdersStillWorking as error:
            check_names(sim, error, case)
            assert rest != "alive", case
            return
        assert not open_ids(sim), (case, report)
        # What was under way has arrived by then, if it ever does.
        await asyncio.sleep(10.0)
        assert not open_ids(sim), (case, report)


def check_names(sim: SimulatedExchange, error: OrdersStillWorking, case: str) -> None:
    """Check that an exception names each open order, or says that what is open is not known."""
    named = {one.order_id for one in error.orders} | set(error.order_ids)
    is_any_unnamed = any(one.order_id is None for one in error.orders)
    is_blind = str(error).startswith("orders may still be in the market: ")
    assert open_ids(sim) <= named or is_any_unnamed or is_blind, (case, error)
    assert error.__cause__ is not None or named or is_any_unnamed, (case, error)


# What a user sees.


@pytest.mark.virtual_time
async def test_socket_is_used_while_it_answers() -> None:
    async with trading(**QUICK) as (sim, client):
        await client.track_orders()
        mine = (await client.add_order(order())).order
        report = await client.cancel_everything()
        assert (report.by, report.confirmed_by) == ("socket", "executions")
        assert report.orders.canceled == (mine,)
        assert not report.unreported
        assert not sim.rest.journal or "CancelAll" not in [one.name for one in sim.rest.journal]


@pytest.mark.virtual_time
async def test_rest_is_used_at_once_when_the_socket_is_gone() -> None:
    async with trading(**QUICK) as (sim, client):
        await client.track_orders()
        mine = (await client.add_order(order())).order
        sim.faults.refuse_connections(None)
        sim.faults.reset_connections()
        await asyncio.sleep(0.01)
        canceled = asyncio.create_task(client.cancel_everything())
        await asyncio.sleep(0.05)
        assert not open_ids(sim)
        report = await canceled
        assert (report.by, report.confirmed_by) == ("rest", "rest")
        assert report.unreported == (mine,)


@pytest.mark.virtual_time
async def test_rest_is_used_after_a_second_without_an_answer() -> None:
    async with trading(**QUICK, heartbeat_timeout=60.0) as (sim, client):
        await client.track_orders()
        await client.add_order(order())
        sim.faults.lose_requests(None, method="cancel_all")
        canceled = asyncio.create_task(client.cancel_everything())
        await asyncio.sleep(0.9)
        assert open_ids(sim)
        await asyncio.sleep(0.2)
        assert not open_ids(sim)
        assert (await canceled).by == "rest"


@pytest.mark.virtual_time
@pytest.mark.parametrize("socket", ["late", "refused"])
@pytest.mark.parametrize("rest", ["dropped", "not allowed", "cannot query"])
async def test_the_socket_is_used_again_if_rest_is_no_better(socket: str, rest: str) -> None:
    async with trading(**QUICK) as (sim, client):
        await client.track_orders()
        await place(sim, client, "mine")
        if socket == "late":
            sim.faults.delay_replies(1.5, 1, method="cancel_all")
        else:
            sim.faults.refuse_orders("EService:Busy", 1, method="cancel_all")
        RESTS[rest](sim)
        report = await client.cancel_everything(timeout=20.0)
        assert not open_ids(sim)
        assert (report.by, report.confirmed_by) == ("socket", "executions")


@pytest.mark.virtual_time
async def test_client_without_a_connection_cancels_by_rest() -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
        sim.order_methods.answer("add_order", order().wire(), sim.clock())
        report = await client_of(sim, token_manager=tokens_of(sim)).cancel_everything()
        assert (report.by, report.confirmed_by) == ("rest", "rest")
        assert not open_ids(sim)


async def test_client_without_connection_and_key_says_so() -> None:
    with pytest.raises(NotConnected, match="Cannot cancel everything: the client is disconnected"):
        await KrakenWSClient().cancel_everything()


@pytest.mark.virtual_time
async def test_any_error_on_the_socket_leads_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token manager of the user's own may raise anything; its text may hold a secret."""
    async with trading(**QUICK) as (sim, client):
        await place(sim, client, "mine")

        async def fail(manager: TokenManager) -> str:
            raise RuntimeError("the password is 1234")

        monkeypatch.setattr(TokenManager, "get_token", fail)
        sim.faults.reset_connections()
        await asyncio.sleep(0.01)
        report = await client.cancel_everything(timeout=10.0)
        assert (report.by, report.confirmed_by) == ("rest", "rest")
        assert not open_ids(sim)
        sim.faults.refuse_calls("EGeneral:Permission denied", None)
        with pytest.raises(OrdersStillWorking) as caught:
            await client.cancel_everything(timeout=10.0)
        assert "1234" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), True, "5", None])
async def test_timeout_must_be_a_positive_number(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"timeout must be a (positive )?number"):
        await KrakenWSClient().cancel_everything(timeout=seconds)


@pytest.mark.virtual_time
async def test_order_of_another_program_that_stays_is_named() -> None:
    async with trading(**QUICK) as (sim, client):
        await place(sim, client, "of another")
        (stays,) = open_ids(sim)
        sim.faults.fail_calls("EGeneral:Internal error", 1, calls=("CancelAll",))
        sim.faults.refuse_calls("EGeneral:Permission denied", None, calls=("CancelAll",))
        sim.faults.refuse_connections(None)
        sim.faults.reset_connections()
        with pytest.raises(OrdersStillWorking) as caught:
            await client.cancel_everything(timeout=5.0)
        assert "Permission denied" in str(caught.value.__cause__)
        assert caught.value.order_ids == (stays,)
        assert str(caught.value) == f"1 orders may still be in the market: {stays}"


@pytest.mark.virtual_time
async def test_nothing_waits_longer_than_the_timeout() -> None:
    async with trading(**QUICK) as (sim, client):
        await client.add_order(order())
        sim.faults.silence_connections()
        sim.faults.hang_calls(None)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(OrdersStillWorking, match="may still be in the market"):
            await client.cancel_everything(timeout=7.0)
        assert loop.time() - began == pytest.approx(7.0, abs=0.1)


async def test_real_tls() -> None:
    server, trust = tls_contexts("localhost", "127.0.0.1")
    async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
        sim.order_methods.answer("add_order", order().wire(), sim.clock())
        rest = KrakenRest(sim.api_key, sim.api_secret, base_url=sim.rest_url, ssl=trust)
        async with rest:
            client = KrakenWSClient(sim.url, rest=rest)
            report = await client.cancel_everything()
        assert (report.by, report.confirmed_by) == ("rest", "rest")
        assert not open_ids(sim)


def test_rest_client_must_be_one() -> None:
    with pytest.raises(TypeError, match="rest must be a KrakenRest, not a str"):
        KrakenWSClient(rest="the key")  # type: ignore[arg-type]


def test_rest_client_has_the_key_of_the_token_manager() -> None:
    source = HTTPAuthenticatedClient(api_key="key", api_secret="c2VjcmV0")
    assert KrakenWSClient(token_manager=TokenManager(source)).rest is not None
    assert KrakenWSClient(token_manager=TokenManager(KrakenRest("key", "c2VjcmV0"))).rest
    assert KrakenWSClient(token_manager=TokenManager(KrakenRest())).rest is None
    assert KrakenWSClient().rest is None


@pytest.mark.virtual_time
async def test_order_that_was_accepted_later_is_not_missed_because_rest_lags() -> None:
    async with trading({"rest_lag": 1.5}, **QUICK, heartbeat_timeout=60.0) as (sim, client):
        sim.faults.lose_requests(None, method="cancel_all")
        held = sim.faults.hold_requests(method="add_order")
        adding = asyncio.create_task(client.add_order(order(deadline=None)))
        await asyncio.sleep(0.1)
        canceling = asyncio.create_task(client.cancel_everything())
        # REST takes the cancel after a second; two more later its list could be believed.
        await asyncio.sleep(1.9)
        held.release()
        await adding
        report = await canceling
        assert report.by == "rest"
        assert not open_ids(sim)


# The dead man's switch.


@pytest.mark.virtual_time
async def test_switch_is_renewed_and_disarmed_by_rest_when_the_socket_is_gone() -> None:
    async with trading(**QUICK) as (sim, client):
        async with client.dead_mans_switch(timeout=20, by_rest=True):
            assert calls_of(sim, "CancelAllOrdersAfter") == 0
            sim.faults.refuse_connections(None)
            sim.faults.reset_connections()
            await asyncio.sleep(60.0)
            assert client.protection.armed
            assert not client.protection.late
            assert calls_of(sim, "CancelAllOrdersAfter") >= 3
            assert sim.order_methods.timer_due_ns is not None
        assert sim.order_methods.timer_due_ns is None
        assert not client.protection.armed


@pytest.mark.virtual_time
async def test_switch_goes_to_rest_when_the_socket_does_not_answer_and_back() -> None:
    async with trading(**QUICK) as (sim, client), client.dead_mans_switch(timeout=20, by_rest=True):
        lost = sim.faults.lose_requests(None, method="cancel_all_orders_after")
        await asyncio.sleep(60.0)
        assert client.protection.armed
        by_rest = calls_of(sim, "CancelAllOrdersAfter")
        assert by_rest >= 2
        lost.cancel()
        sim.faults.reset_connections()
        await asyncio.sleep(60.0)
        assert client.protection.armed
        assert calls_of(sim, "CancelAllOrdersAfter") <= by_rest + 1


@pytest.mark.virtual_time
async def test_switch_can_be_entered_without_a_socket() -> None:
    async with trading(**QUICK) as (sim, client):
        sim.faults.refuse_connections(None)
        sim.faults.reset_connections()
        await asyncio.sleep(0.1)
        async with client.dead_mans_switch(timeout=20, by_rest=True):
            assert sim.order_methods.timer_due_ns is not None
        assert sim.order_methods.timer_due_ns is None


@pytest.mark.virtual_time
async def test_switch_expires_without_a_socket_unless_rest_may_renew_it() -> None:
    async with trading(**QUICK) as (sim, client):
        await client.add_order(order())
        async with client.dead_mans_switch(timeout=20), client.dead_mans_switch(30, by_rest=True):
            sim.faults.refuse_connections(None)
            sim.faults.reset_connections()
            await asyncio.sleep(21.0)
            assert not client.protection.armed
            assert not open_ids(sim)
            assert calls_of(sim, "CancelAllOrdersAfter") == 0


@pytest.mark.virtual_time
async def test_switch_is_turned_off_by_rest_in_any_case() -> None:
    async with trading(**QUICK) as (sim, client):
        await client.add_order(order())
        async with client.dead_mans_switch(timeout=20):
            sim.faults.refuse_connections(None)
            sim.faults.reset_connections()
        assert sim.order_methods.timer_due_ns is None
        assert not client.protection.armed
        assert calls_of(sim, "CancelAllOrdersAfter") == 1


def calls_of(sim: SimulatedExchange, name: str) -> int:
    return sum(one.name == name for one in sim.rest.journal)
