"""The dead man's switch of the client, in virtual time against the simulated exchange."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from hypothesis import settings
from tests.ws.helpers import BTC, client_of, eventually, tokens_of, trading

from kraken_connector.exceptions import NotConnected, OrderOutcomeUnknown
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    CancelAllOrdersAfterParams,
    DeadMansSwitchEvent,
    KrakenWSClient,
)

pytestmark = pytest.mark.virtual_time


@asynccontextmanager
async def scene() -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    async with trading(max_reconnect_attempts=1000) as (sim, client):
        await client.track_orders()
        order = AddOrderParams(BTC, "buy", "limit", "0.1", limit_price="100.0")
        await client.add_order(order)
        yield sim, client


def timeouts(sim: SimulatedExchange) -> list[int]:
    """Return the values that the timer was set to, by the socket and then by REST."""
    requests = [
        request.params["timeout"]
        for request in sim.requests
        if request.method == "cancel_all_orders_after"
    ]
    calls = [call for call in sim.rest.journal if call.name == "CancelAllOrdersAfter"]
    return requests + [int(call.params["timeout"]) for call in calls]


def events_of(client: KrakenWSClient) -> list[str]:
    """Return the events of the switch from the queue."""
    states = []
    while (message := client._inbox.pop()) is not None:
        if isinstance(message, DeadMansSwitchEvent):
            states.append(message.state)
    return states


def switch_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "Protection" in str(task.get_coro())]


async def test_it_is_set_again_at_a_third_and_turned_off_on_leaving() -> None:
    async with scene() as (sim, client):
        async with client.dead_mans_switch(timeout=60) as switch:
            assert switch.is_armed
            assert switch.trigger_time is not None
            await asyncio.sleep(130)
            assert timeouts(sim) == [60] * 7
            assert 39 < switch.seconds_left <= 60
            assert not switch.is_late
        assert timeouts(sim)[-1] == 0
        assert not switch.is_armed
        await asyncio.sleep(200)
        assert len(client.orders.open()) == len(sim.account.open_orders) == 1
        assert events_of(client) == ["armed"]
        assert switch_tasks() == []


async def test_left_running_it_ends_all_orders() -> None:
    async with scene() as (sim, client):
        async with client.dead_mans_switch(timeout=60, on_close="leave"):
            pass
        assert timeouts(sim) == [60]
        (order,) = client.orders.open()
        await order.wait_done(timeout=61)
        assert order.status == "canceled"


async def test_alarm_without_a_confirmation_for_two_thirds_then_it_continues() -> None:
    async with scene() as (sim, client):
        late: list[float] = []
        async with client.dead_mans_switch(
            timeout=60, on_late=lambda switch: late.append(switch.seconds_left)
        ) as switch:
            sim.faults.lose_requests(1000, method="cancel_all_orders_after")
            await asyncio.sleep(39)
            assert (late, switch.is_late) == ([], False)
            await asyncio.sleep(2)
            assert len(late) == 1
            assert late[0] == pytest.approx(20, abs=0.5)
            assert events_of(client) == ["armed", "late"]
            sim.faults.clear()
            await eventually(lambda: not switch.is_late, 20)
            assert events_of(client) == ["armed"]
        assert len(sim.account.open_orders) == 1


async def test_switch_without_an_answer_says_what_the_exchange_said_meanwhile() -> None:
    async with scene() as (sim, client):
        refusal = '{"error":"EService:Busy","method":"cancel_all_orders_after","success":false}'
        sim.faults.lose_requests(1000, method="cancel_all_orders_after")
        entering = asyncio.ensure_future(client.dead_mans_switch(timeout=30).__aenter__())
        while not entering.done():
            await asyncio.sleep(0.25)
            sim.faults.send_text(refusal)
        with pytest.raises(OrderOutcomeUnknown, match="EService:Busy"):
            await entering


async def test_callback_that_fails_ends_nothing() -> None:
    async with (
        scene() as (sim, client),
        client.dead_mans_switch(timeout=6, on_late=lambda _: 1 / 0) as switch,
    ):
        sim.faults.lose_requests(1000, method="cancel_all_orders_after")
        await eventually(lambda: switch.is_late, 20)
        sim.faults.clear()
        await eventually(lambda: not switch.is_late, 20)


async def test_it_says_that_it_has_run_out_and_sets_itself_again() -> None:
    async with scene() as (sim, client), client.dead_mans_switch(timeout=60) as switch:
        sim.faults.lose_requests(1000, method="cancel_all_orders_after")
        await asyncio.sleep(70)
        assert events_of(client) == ["armed", "late", "expired"]
        assert sim.account.open_orders == []
        assert switch.seconds_left < 0
        sim.faults.clear()
        await eventually(lambda: not switch.is_late, 20)
        assert events_of(client) == ["armed"]


async def test_it_is_set_again_as_soon_as_there_is_a_connection() -> None:
    async with scene() as (sim, client), client.dead_mans_switch(timeout=60) as switch:
        await asyncio.sleep(19)
        sim.faults.refuse_connections(8)
        sim.faults.reset_connections()
        await asyncio.sleep(25)
        assert switch.is_armed
        assert not switch.is_late
        assert len(sim.account.open_orders) == 1
        assert len(timeouts(sim)) >= 3


async def test_it_is_off_during_maintenance_and_back_after_it() -> None:
    async with scene() as (sim, client):
        async with client.dead_mans_switch(timeout=60) as switch:
            begins = datetime.fromtimestamp(sim.clock() / 1e9 + 50, UTC).isoformat()
            ends = datetime.fromtimestamp(sim.clock() / 1e9 + 900, UTC).isoformat()
            window = {"start": begins, "end": ends}
            sim.faults.set_system("online", upcoming_maintenance=[window])
            await eventually(lambda: switch.is_paused and not switch.is_armed)
            assert timeouts(sim) == [60, 0]
            await asyncio.sleep(300)
            assert timeouts(sim) == [60, 0]
            sim.faults.set_system("online")
            await eventually(lambda: switch.is_armed)
            assert not switch.is_paused
            assert events_of(client) == ["armed", "paused", "armed"]
        assert len(sim.account.open_orders) == 1


async def test_maintenance_that_is_far_away_is_no_reason_to_pause_yet() -> None:
    async with scene() as (sim, client):
        begins = datetime.fromtimestamp(sim.clock() / 1e9 + 200, UTC).isoformat()
        async with client.dead_mans_switch(timeout=60) as switch:
            sim.faults.set_system("online", upcoming_maintenance=[{"from": begins}])
            await asyncio.sleep(130)
            assert (switch.is_armed, switch.is_paused) == (True, False)
            await asyncio.sleep(50)
            assert (switch.is_armed, switch.is_paused) == (False, True)


async def test_it_is_entered_once() -> None:
    async with scene() as (_, client):
        async with client.dead_mans_switch() as switch:
            with pytest.raises(RuntimeError, match="once"):
                await switch.__aenter__()
        assert switch_tasks() == []


async def test_it_rests_while_the_exchange_is_in_maintenance() -> None:
    async with scene() as (sim, client), client.dead_mans_switch(timeout=60) as switch:
        sim.faults.set_system("maintenance")
        await eventually(lambda: switch.is_paused)
        assert events_of(client) == ["armed", "paused"]
        sim.faults.set_system("online")
        await eventually(lambda: not switch.is_paused)
        await eventually(lambda: switch.is_armed, 20)
        assert timeouts(sim)[-1] == 60


async def test_user_can_pause_it() -> None:
    async with scene() as (sim, client), client.dead_mans_switch(timeout=60) as switch:
        switch.pause()
        await eventually(lambda: not switch.is_armed)
        await asyncio.sleep(100)
        switch.resume()
        await eventually(lambda: switch.is_armed)
        assert timeouts(sim) == [60, 0, 60]


async def test_one_that_cannot_be_set_raises_and_leaves_nothing() -> None:
    async with scene() as (sim, client):
        sim.faults.refuse_orders("EService:Unavailable", None)
        with pytest.raises(OrderOutcomeUnknown, match="Unavailable"):
            async with client.dead_mans_switch():
                raise AssertionError("it was entered")
        assert switch_tasks() == []
        # The failed request may have set it, so REST turned it off.
        assert timeouts(sim) == [0]


async def test_caller_who_is_cancelled_while_entering_leaves_nothing_running() -> None:
    async with scene() as (sim, client):
        sim.faults.lose_replies(1)
        entering = asyncio.create_task(client.dead_mans_switch().__aenter__())
        await eventually(lambda: timeouts(sim) == [60])
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert timeouts(sim) == [60, 0]
        await asyncio.sleep(200)
        assert len(sim.account.open_orders) == 1


async def test_one_that_may_have_been_set_again_is_turned_off_on_leaving() -> None:
    async with scene() as (sim, client):
        async with client.dead_mans_switch(timeout=60) as switch:
            switch.pause()
            await eventually(lambda: not switch.is_armed)
            lost = sim.faults.lose_replies(None)
            switch.resume()
            await eventually(lambda: timeouts(sim) == [60, 0, 60])
            lost.cancel()
            assert not switch.is_armed
        assert timeouts(sim) == [60, 0, 60, 0]
        await asyncio.sleep(200)
        assert len(sim.account.open_orders) == 1


async def test_client_that_is_disconnected_first_makes_leaving_no_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with scene() as (_, client):
        client.rest = None  # as if the key could make no REST calls
        async with client.dead_mans_switch(timeout=60) as switch:
            await client.disconnect()
        assert switch.is_armed
        assert client.protection.seconds_left > 59
        assert isinstance(switch.last_error, NotConnected)
        assert switch_tasks() == []
    assert "could not be turned off" in caplog.text


@pytest.mark.parametrize(
    "options",
    [{"timeout": 2}, {"timeout": 86_400}, {"timeout": 60, "on_close": "stay"}],
)
def test_arguments_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"timeout|on_close"):
        KrakenWSClient().dead_mans_switch(**options)


async def test_request_by_hand_beside_a_switch_is_undone_at_once() -> None:
    async with scene() as (sim, client), client.dead_mans_switch(timeout=60) as switch:
        await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=0))
        assert not switch.is_armed
        await eventually(lambda: switch.is_armed, 0.1)
        assert timeouts(sim) == [60, 0, 60]
        assert events_of(client) == ["armed", "off", "armed"]


async def test_switches_of_one_client_share_the_timer() -> None:
    async with scene() as (sim, client):
        async with client.dead_mans_switch(timeout=60) as outer:
            async with client.dead_mans_switch(timeout=9):
                await asyncio.sleep(10)
            await asyncio.sleep(50)
            assert (outer.is_armed, client.protection.by) == (True, 1)
            assert 0 not in timeouts(sim)
        assert (timeouts(sim)[-1], client.protection.armed) == (0, False)
        assert len(sim.account.open_orders) == 1


def test_scope_of_anyio_around_the_client_turns_it_off() -> None:
    async def main() -> None:
        async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
            client = client_of(sim, token_manager=tokens_of(sim))
            entered = asyncio.Event()
            with anyio.CancelScope() as scope:
                async with client, client.dead_mans_switch(timeout=10):
                    entered.set()
                    scope.cancel()
                    await asyncio.sleep(60)
            assert entered.is_set()
            assert timeouts(sim) == [10, 0]
            assert not client.protection.armed

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(settings().max_examples // 10))
async def test_it_is_entered_and_left_on_a_shaky_connection(seed: int) -> None:
    """Connections are cut and replies lost about every second."""
    async with scene() as (sim, client):
        chance = random.Random(seed)

        async def trouble() -> None:
            while True:
                await asyncio.sleep(chance.expovariate(1))
                fault = chance.choice([sim.faults.reset_connections, sim.faults.lose_replies])()
                await asyncio.sleep(1)
                if fault is not None:
                    fault.cancel()

        troubles = asyncio.create_task(trouble())
        for _ in range(20):
            async with client.dead_mans_switch(timeout=60) as switch:
                await asyncio.sleep(chance.random() * 40)
                assert not switch.is_late
        troubles.cancel()
        assert len(sim.account.open_orders) == 1
