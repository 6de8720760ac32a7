"""The timer of all dead man's switches of a client, against a scripted exchange."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from tests import virtual

from kraken_connector.exceptions import (
    ConnectionLost,
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from kraken_connector.models import DeadMansSwitchEvent
from kraken_connector.models.trading_results import CancelAllOrdersAfterResult
from kraken_connector.ws.trading.dead_mans_switch import DeadMansSwitch
from kraken_connector.ws.trading.protection import Protection

pytestmark = pytest.mark.virtual_time

INF = float("inf")
#: Delays to the exchange and back, seconds.
THERE = BACK = 0.01


def written(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


class Exchange:
    """The exchange's timer, and a network with delays and losses.

    Attributes:
        ends: when all orders are cancelled; `None` while the timer is off.
        requested: the seconds of every request that arrived.
        network: returns the error or the delays of the next request: an error is raised before it
            arrives; delays are seconds to the exchange and back, infinity for a loss.
    """

    def __init__(self) -> None:
        self.ends: float | None = None
        self.requested: list[int] = []
        self.network: Callable[[int], Exception | tuple[float, float]] = lambda _: (THERE, BACK)
        self.states: list[tuple[str | None, list[Any]]] = [("online", [])]
        self.events: list[DeadMansSwitchEvent] = []
        self.protection = Protection(self.send, lambda: self.states, self.events.append)
        self.answer = self.usual_answer
        self._arriving: set[asyncio.Task[Any]] = set()

    @property
    def runs(self) -> bool:
        return self.ends is not None and self.now < self.ends

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def history(self) -> list[str]:
        return [event.state for event in self.events]

    def usual_answer(self, seconds: int) -> CancelAllOrdersAfterResult:
        now = virtual.current().time_ns() / 1e9
        return CancelAllOrdersAfterResult(written(now), written(now + seconds) if seconds else "0")

    async def send(self, seconds: int) -> CancelAllOrdersAfterResult:
        network = self.network(seconds)
        if isinstance(network, Exception):
            raise network
        there, back = network
        # A request continues although its caller no longer waits.
        arrival = asyncio.create_task(self._arrive(seconds, there))
        self._arriving.add(arrival)
        result = await asyncio.shield(arrival)
        await asyncio.sleep(min(back, 1e6))
        return result

    async def _arrive(self, seconds: int, there: float) -> CancelAllOrdersAfterResult:
        await asyncio.sleep(min(there, 1e6))
        self.requested.append(seconds)
        self.ends = self.now + seconds if seconds else None
        return self.answer(seconds)

    async def by_hand(self, seconds: int) -> None:
        sent_at = self.protection.now()
        self.protection.answered(sent_at, seconds, await self.send(seconds))

    async def trade(self) -> None:
        """Trade under a switch for a long time."""
        async with self.switch(60):
            await asyncio.sleep(100)

    def switch(self, timeout: int = 60, **options: Any) -> DeadMansSwitch:
        on_close = options.get("on_close", "disarm")
        return DeadMansSwitch(self.protection, timeout, on_close, options.get("on_late"))


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange()
    yield made
    for task in made._arriving:
        task.cancel()
    assert asyncio.all_tasks() <= {asyncio.current_task(), *made._arriving}


def lost(_: int) -> tuple[float, float]:
    return INF, INF


# Several switches.


async def test_shortest_timeout_counts_and_the_last_one_turns_it_off(exchange: Exchange) -> None:
    async with exchange.switch(60) as one:
        async with exchange.switch(12) as other:
            assert exchange.requested == [60, 12]
            assert exchange.protection.by == 2
            await asyncio.sleep(9)
            assert exchange.requested == [60, 12, 12, 12]
        await asyncio.sleep(1)
        assert exchange.requested[-1] == 60
        assert (one.is_armed, other.is_armed, exchange.protection.by) == (True, True, 1)
        assert exchange.history == ["armed"]
    assert (exchange.requested[-1], exchange.runs, one.is_armed) == (0, False, False)


@pytest.mark.parametrize("first", ["leave", "disarm"])
async def test_timer_left_running_is_never_turned_off(exchange: Exchange, first: str) -> None:
    last = "leave" if first == "disarm" else "disarm"
    async with exchange.switch(60, on_close=last), exchange.switch(60, on_close=first):
        pass
    assert 0 not in exchange.requested
    assert exchange.protection.armed
    await asyncio.sleep(59)
    assert exchange.protection.armed
    await asyncio.sleep(1)
    assert not exchange.protection.armed
    async with exchange.switch(60):
        pass
    assert exchange.requested[-1] == 0


async def test_switch_that_is_entered_while_another_one_is_being_left_takes_over(
    exchange: Exchange,
) -> None:
    first = await exchange.switch(60).__aenter__()
    exchange.network = lambda seconds: (THERE, BACK) if seconds else (0.8, 0.8)
    leaving = asyncio.create_task(first.__aexit__())
    await asyncio.sleep(0.5)
    async with exchange.switch(30) as second:
        await leaving
        assert (second.is_armed, exchange.runs) == (True, True)
        await asyncio.sleep(100)
        assert (second.is_armed, exchange.runs) == (True, True)


async def test_only_when_all_are_paused_it_is_turned_off(exchange: Exchange) -> None:
    async with exchange.switch(60) as one, exchange.switch(12) as other:
        other.pause()
        await asyncio.sleep(1)
        assert (exchange.requested[-1], other.is_paused, one.is_paused) == (60, True, False)
        one.pause()
        await asyncio.sleep(1)
        assert (exchange.requested[-1], one.is_armed, one.is_paused) == (0, False, True)
        other.resume()
        await asyncio.sleep(1)
        assert (exchange.requested[-1], one.is_armed, one.is_paused) == (12, True, True)


# Reported state and events.


async def test_view_of_the_client(exchange: Exchange) -> None:
    protection = exchange.protection
    assert (protection.armed, protection.until, protection.by) == (False, None, 0)
    assert repr(protection) == "<Protection off, switches: 0>"
    async with exchange.switch(60):
        wall = virtual.current().time_ns() / 1e9
        assert protection.until == datetime.fromtimestamp(int(wall) + 60, UTC)
        assert repr(protection).startswith("<Protection armed until ")
    assert (protection.armed, protection.until, protection.seconds_left) == (False, None, INF)


def test_it_can_be_read_without_a_loop() -> None:
    protection = Exchange().protection
    assert repr(protection) == "<Protection off, switches: 0>"


@pytest.mark.parametrize("trigger", ["0", 0, None, "", "same", "earlier"])
async def test_answer_that_says_off_is_no_confirmation(exchange: Exchange, trigger: Any) -> None:
    def answer(seconds: int) -> CancelAllOrdersAfterResult:
        now = virtual.current().time_ns() / 1e9
        text = {"same": written(now), "earlier": written(now - 5)}.get(str(trigger), trigger)
        return CancelAllOrdersAfterResult(written(now), text)

    async with exchange.switch(60) as switch:
        exchange.answer = answer
        await asyncio.sleep(21)
        assert (switch.is_armed, switch.trigger_time) == (False, None)
        assert exchange.history == ["armed", "off"]
        assert len(exchange.requested) <= 4
        exchange.answer = exchange.usual_answer
        await asyncio.sleep(2)
        assert switch.is_armed
        assert exchange.history == ["armed", "off", "armed"]


async def test_answer_that_cannot_be_read_is_no_confirmation(exchange: Exchange) -> None:
    async with exchange.switch(60) as switch:
        exchange.answer = lambda _: CancelAllOrdersAfterResult("noon", "soon")
        await asyncio.sleep(59)
        assert switch.is_armed
        assert exchange.history == ["armed", "late"]
        await asyncio.sleep(1)
        assert not switch.is_armed
        exchange.answer = exchange.usual_answer


@pytest.mark.parametrize("seconds", [0, 5])
async def test_request_by_hand_is_answered_by_setting_it_again(
    exchange: Exchange, seconds: int
) -> None:
    async with exchange.switch(60) as switch:
        await asyncio.sleep(5)
        await exchange.by_hand(seconds)
        assert switch.is_armed == bool(seconds)
        assert switch.seconds_left < 6 or not seconds
        await asyncio.sleep(2 * (THERE + BACK))
        assert exchange.requested == [60, seconds, 60]
        assert (switch.is_armed, exchange.runs) == (True, True)


async def test_timer_set_by_the_user_is_reported_and_not_changed(exchange: Exchange) -> None:
    await exchange.by_hand(30)
    assert (exchange.protection.armed, exchange.events) == (True, [])
    await asyncio.sleep(31)
    assert (exchange.protection.armed, exchange.requested) == (False, [30])


@pytest.mark.parametrize("stands_still", [True, False])
async def test_machine_that_slept_says_expired_and_sets_it_again(
    exchange: Exchange, stands_still: bool
) -> None:
    loop = virtual.current()
    async with exchange.switch(30) as switch:
        await asyncio.sleep(1)
        exchange.ends = None
        if stands_still:
            loop.wall_offset += 120
        else:
            loop.pass_over(120)
        assert (switch.is_armed, switch.is_late, switch.seconds_left < 0) == (False, True, True)
        await asyncio.sleep(1)
        assert exchange.history == ["armed", "late", "expired", "armed"]
        assert (switch.is_armed, exchange.runs) == (True, True)


ROAD_ERRORS: tuple[Exception, ...] = (
    NotConnected("x", "reconnecting"),
    TradingError("EGeneral:Invalid arguments", venue_error="EGeneral:Invalid arguments"),
    RequestTimeout("x"),
)


def rough_network(chance: random.Random) -> Callable[[int], Exception | tuple[float, float]]:
    """Return a network that loses, delays, refuses and reorders requests and replies."""

    def network(_: int) -> Exception | tuple[float, float]:
        back = chance.expovariate(10)
        return chance.choice(
            [
                chance.choice(ROAD_ERRORS),
                (INF, INF),
                (THERE, INF),
                (chance.expovariate(1), back),
                (chance.expovariate(20), back),
                (chance.expovariate(20), back),
            ]
        )

    return network


def check_claims(exchange: Exchange, switch: DeadMansSwitch) -> None:
    """Check that a switch reports the wanted state only if it is true."""
    if switch.is_paused:
        assert switch.is_armed or not exchange.runs
    elif switch.is_armed:
        assert exchange.runs
        assert exchange.ends is not None
        assert switch.seconds_left <= exchange.ends - exchange.now


@pytest.mark.parametrize("seed", range(5))
async def test_claims_are_true_on_a_rough_network(exchange: Exchange, seed: int) -> None:
    chance = random.Random(seed)
    said = []
    async with exchange.switch(30) as switch:
        exchange.network = rough_network(chance)
        for turn in range(2000):
            if turn % 20 == 0:
                (switch.pause if chance.random() < 0.3 else switch.resume)()
                # The task applies and checks the change a moment later.
                await asyncio.sleep(0)
            await asyncio.sleep(chance.random())
            check_claims(exchange, switch)
            said.append(switch.is_armed)
        exchange.network = lambda _: (THERE, BACK)
        switch.resume()
        await asyncio.sleep(30)
        assert switch.is_armed
    assert 400 < sum(said) < 2000


# Maintenance.


@pytest.mark.parametrize("state", ["online", "post_only", "cancel_only", "limit_only", "?", None])
async def test_other_states_leave_it_armed(exchange: Exchange, state: str | None) -> None:
    async with exchange.switch(60) as switch:
        exchange.states = [(state, []), ("online", [])]
        exchange.protection.wake()
        await asyncio.sleep(100)
        assert (switch.is_armed, switch.is_paused, exchange.history) == (True, False, ["armed"])


async def test_unparsed_announcement_is_reported_once_and_it_stays_armed(
    exchange: Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with exchange.switch(60) as switch:
        exchange.states = [("online", [{"id": 7, "note": "x" * 1000}]), ("online", ["soon"])]
        await asyncio.sleep(100)
        assert (switch.is_armed, switch.is_paused) == (True, False)
        assert exchange.history == ["armed", "unreadable", "unreadable"]
        assert all(len(event.reason) < 300 for event in exchange.events)
    assert caplog.text.count("stays armed") == 2


async def test_start_that_is_near_by_the_clock_of_the_exchange_pauses_it(
    exchange: Exchange,
) -> None:
    """The wall clock is an hour behind: only the times in replies count."""

    def answer(seconds: int) -> CancelAllOrdersAfterResult:
        now = virtual.current().time_ns() / 1e9 + 3600
        return CancelAllOrdersAfterResult(written(now), written(now + seconds) if seconds else "0")

    exchange.answer = answer
    begins = virtual.current().time_ns() / 1e9 + 3600 + 100
    exchange.states = [("online", [{"start": written(begins), "end": written(begins + 60)}])]
    async with exchange.switch(60) as switch:
        await asyncio.sleep(38)
        assert (switch.is_armed, switch.is_paused) == (True, False)
        await asyncio.sleep(4)
        assert (switch.is_armed, switch.is_paused) == (False, True)
        await asyncio.sleep(120)
        assert (switch.is_armed, exchange.history) == (True, ["armed", "paused", "armed"])


async def test_one_that_is_entered_during_maintenance_waits_for_its_end(exchange: Exchange) -> None:
    exchange.states = [("maintenance", [])]
    async with exchange.switch(60) as switch:
        assert (switch.is_paused, exchange.history, exchange.requested) == (True, ["paused"], [])
        exchange.states = [("online", [])]
        exchange.protection.wake()
        await asyncio.sleep(1)
        assert (switch.is_armed, exchange.history) == (True, ["paused", "armed"])


async def test_one_that_cannot_be_set_after_maintenance_is_late(exchange: Exchange) -> None:
    exchange.states = [("maintenance", [])]
    async with exchange.switch(60):
        exchange.network = lambda _: NotConnected("x", "reconnecting")
        exchange.states = [("online", [])]
        await asyncio.sleep(42)
        assert exchange.history == ["paused", "late"]


# Entering.


@pytest.mark.parametrize(
    "error",
    [
        NotConnected("set the timer", "reconnecting"),
        NotConnected("set the timer", "connecting"),
        ConnectionLost("wss://somewhere", "reset"),
        RequestTimeout("no token"),
        TokenAcquisitionError("no token"),
        OrderOutcomeUnknown("cancel_all_orders_after", "connection lost"),
        TradingError("EService:Busy", venue_error="EService:Busy"),
    ],
)
async def test_entering_tries_again_what_can_pass(exchange: Exchange, error: Exception) -> None:
    failures = [error, error]
    exchange.network = lambda _: failures.pop() if failures else (THERE, BACK)
    began = exchange.now
    async with exchange.switch(60) as switch:
        assert (switch.is_armed, exchange.requested) == (True, [60])
        assert exchange.now - began < 3
    assert exchange.requested[-1] == 0
    assert not exchange.protection.armed


@pytest.mark.parametrize(("switch_timeout", "patience"), [(60, 10), (9, 3)])
async def test_entering_gives_up_after_a_while(
    exchange: Exchange, switch_timeout: int, patience: float
) -> None:
    error = NotConnected("set the timer", "reconnecting")
    exchange.network = lambda _: error
    began = exchange.now
    with pytest.raises(NotConnected):
        async with exchange.switch(switch_timeout):
            raise AssertionError("it was entered")
    assert exchange.now - began == pytest.approx(patience, abs=0.1)
    assert not exchange.protection.armed
    assert exchange.protection.by == 0


@pytest.mark.parametrize(
    "error",
    [
        NotConnected("set the timer", "disconnected"),
        TradingError("EGeneral:Permission denied", venue_error="EGeneral:Permission denied"),
        ValueError("there is neither a token nor a TokenManager"),
    ],
)
async def test_entering_raises_at_once_what_cannot_pass(
    exchange: Exchange, error: Exception
) -> None:
    exchange.network = lambda _: error
    began = exchange.now
    with pytest.raises(type(error)):
        async with exchange.switch(60):
            raise AssertionError("it was entered")
    assert exchange.now - began < 0.1


async def test_lost_first_answer_is_confirmed(exchange: Exchange) -> None:
    delays = [(THERE, INF)]
    exchange.network = lambda _: delays.pop() if delays else (THERE, BACK)
    async with exchange.switch(60) as switch:
        assert (exchange.requested, switch.is_armed) == ([60, 60], True)


async def test_lost_answers_are_turned_off_before_entering_raises(exchange: Exchange) -> None:
    exchange.network = lambda seconds: (THERE, INF) if seconds else (THERE, BACK)
    with pytest.raises(OrderOutcomeUnknown):
        async with exchange.switch(60, on_close="leave"):
            raise AssertionError("it was entered")
    assert (exchange.requested[-1], exchange.runs) == (0, False)


async def test_one_that_fails_to_enter_leaves_the_other_alone(exchange: Exchange) -> None:
    async with exchange.switch(60) as one:
        exchange.network = lost
        with pytest.raises(OrderOutcomeUnknown):
            await exchange.switch(30).__aenter__()
        exchange.network = lambda _: (THERE, BACK)
        await asyncio.sleep(12)
        assert (one.is_armed, exchange.requested[-1], exchange.runs) == (True, 60, True)


async def test_lost_zero_does_not_keep_the_next_one_from_being_entered(exchange: Exchange) -> None:
    async with exchange.switch(9):
        exchange.network = lost
    exchange.network = lambda _: (THERE, BACK)
    async with exchange.switch(9) as switch:
        # Nothing is proved as long as the lost request may undo it.
        assert (switch.is_armed, exchange.runs) == (False, True)
        await asyncio.sleep(6)
        assert (switch.is_armed, exchange.runs) == (True, True)


# Leaving.


async def test_leaving_waits_for_the_reply_to_the_pending_request(exchange: Exchange) -> None:
    async with exchange.switch(60) as switch:
        exchange.network = lambda seconds: (1.0, BACK) if seconds else (THERE, BACK)
        await asyncio.sleep(20.5)
    assert exchange.requested == [60, 60, 0]
    assert (switch.is_armed, exchange.runs) == (False, False)


async def test_request_that_a_zero_may_have_overtaken_is_warned_of(
    exchange: Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with exchange.switch(60) as switch:
        exchange.network = lambda seconds: (5.0, BACK) if seconds else (THERE, BACK)
        await asyncio.sleep(20.5)
    assert exchange.requested == [60, 0]
    assert switch.is_armed
    await asyncio.sleep(5)
    assert exchange.runs
    await asyncio.sleep(80)
    assert (switch.is_armed, exchange.runs) == (False, False)
    assert "all orders may be cancelled within" in caplog.text


async def test_leaving_tries_again_while_the_client_reconnects(exchange: Exchange) -> None:
    async with exchange.switch(60) as switch:
        failures: list[Exception] = [NotConnected("x", "reconnecting")] * 2
        exchange.network = lambda _: failures.pop() if failures else (THERE, BACK)
    assert (switch.is_armed, exchange.runs) == (False, False)


async def test_leaving_continues_after_a_refusal_of_the_pending_request(exchange: Exchange) -> None:
    async with exchange.switch(60):

        async def refuse(seconds: int) -> CancelAllOrdersAfterResult:
            await asyncio.sleep(1)
            if seconds:
                raise TradingError("EGeneral:Denied", venue_error="EGeneral:Denied")
            return await exchange.send(seconds)

        exchange.protection._send = refuse
        await asyncio.sleep(20.5)
    assert (exchange.requested, exchange.runs) == ([60, 0], False)


async def test_leaving_takes_no_longer_than_five_seconds(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    async with exchange.switch(60) as switch:
        exchange.network = lost
        began = exchange.now
    assert exchange.now - began == pytest.approx(5, abs=0.1)
    assert switch.is_armed
    await asyncio.sleep(54)
    assert switch.is_armed
    await asyncio.sleep(2)
    assert (switch.is_armed, exchange.runs) == (False, False)
    assert "all orders may be cancelled within" in caplog.text


@pytest.mark.parametrize("cancels", [1, 3])
async def test_cancellation_does_not_keep_it_from_being_turned_off(
    exchange: Exchange, cancels: int
) -> None:
    trading = asyncio.create_task(exchange.trade())
    await asyncio.sleep(1)
    exchange.network = lambda _: (0.8, 0.8)
    for _ in range(cancels):
        trading.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await trading
    assert (exchange.requested, exchange.protection.armed) == ([60, 0], False)


async def test_code_that_cancels_all_tasks_does_not_keep_it_from_being_turned_off(
    exchange: Exchange,
) -> None:
    trading = asyncio.create_task(exchange.trade())
    await asyncio.sleep(1)
    exchange.network = lambda _: (0.8, 0.8)
    await asyncio.sleep(19.5)
    for task in asyncio.all_tasks() - {asyncio.current_task()} - exchange._arriving:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trading
    assert (exchange.requested, exchange.runs) == ([60, 60, 0], False)


async def test_failures_in_a_row_are_logged_once(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    async with exchange.switch(60):
        exchange.network = lambda _: NotConnected("x", "reconnecting")
        await asyncio.sleep(59)
        exchange.network = lambda _: (THERE, BACK)
    assert caplog.text.count("was not set") == 1


async def test_warning_is_given_under_cancellation_too(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    trading = asyncio.create_task(exchange.trade())
    await asyncio.sleep(1)
    exchange.network = lost
    for _ in range(2):
        trading.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await trading
    assert "all orders may be cancelled within" in caplog.text


def test_scope_of_anyio_turns_it_off() -> None:
    """Such a scope cancels each `await` in it again."""

    async def main() -> None:
        protection: Protection
        timeouts: list[int] = []

        async def send(seconds: int) -> CancelAllOrdersAfterResult:
            await asyncio.sleep(0.02)
            timeouts.append(seconds)
            at = "2026-09-25T12:00:00Z"
            return CancelAllOrdersAfterResult(at, "2026-09-25T12:01:00Z" if seconds else "0")

        protection = Protection(send, list, lambda _: None)
        with anyio.move_on_after(0.1) as scope:
            try:
                async with DeadMansSwitch(protection, 60, "disarm", None):
                    await asyncio.sleep(10)
            finally:
                await protection.finish()
        assert scope.cancelled_caught
        assert (timeouts, protection.armed) == ([60, 0], False)

    asyncio.run(main())


async def test_task_group_that_fails_turns_it_off(exchange: Exchange) -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(exchange.trade())
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await both()
    assert (exchange.requested, exchange.runs) == ([60, 0], False)


async def test_client_waits_until_it_is_off(exchange: Exchange) -> None:
    switch = await exchange.switch(60).__aenter__()
    exchange.network = lambda _: (0.8, 0.8)
    leaving = asyncio.create_task(switch.__aexit__())
    await asyncio.sleep(0.1)
    await exchange.protection.finish()
    assert not exchange.protection.armed
    await leaving
    await exchange.protection.finish()


def test_caller_is_not_held_for_ever_when_the_loop_shuts_down() -> None:
    async def main() -> None:
        exchange = Exchange()
        await exchange.switch(60).__aenter__()
        exchange.network = lost

    virtual.run(main())


# Usage.


def test_one_that_is_never_entered_warns() -> None:
    exchange = Exchange()
    with pytest.warns(RuntimeWarning, match="never entered"):
        exchange.switch(60)


def test_arguments_that_are_refused_warn_of_nothing_more() -> None:
    with pytest.raises(ValueError, match="timeout"):
        Exchange().switch(2)
    gc.collect()


def test_coroutine_function_is_refused() -> None:
    async def on_late(_: DeadMansSwitch) -> None:
        """Never awaited."""

    with pytest.raises(TypeError, match="on_late must be a plain function"):
        Exchange().switch(60, on_late=on_late)


async def test_each_switch_is_notified_that_it_is_late(exchange: Exchange) -> None:
    heard: list[DeadMansSwitch] = []
    one = exchange.switch(60, on_late=heard.append)
    other = exchange.switch(60, on_late=heard.append)
    failing = exchange.switch(60, on_late=lambda _: 1 / 0)
    async with failing, one, other:
        exchange.network = lambda _: NotConnected("x", "reconnecting")
        await asyncio.sleep(45)
        assert heard == [one, other]
