"""The dead man's switch as a task that somebody looks after."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol, Self

from ..exceptions import KrakenConnectorError, OrderOutcomeUnknown
from ..models import DeadMansSwitchEvent
from ..models._checks import check_choice, checked_integer
from ..models.trading import CancelAllOrdersAfterParams
from .callbacks import call_all
from .constants import SystemState
from .switch_plan import SwitchPlan, maintenance_begins_ns

__all__ = ["DeadMansSwitch", "OnClose"]

logger = logging.getLogger(__name__)

#: `disarm` turns it off, so orders stay; `leave` lets it run out, so they end.
OnClose = Literal["disarm", "leave"]
LEAST_TIMEOUT = 3
#: Seconds for turning it off at the end.
FAREWELL = 5.0


class Trader(Protocol):
    """What the switch needs of a client."""

    async def cancel_all_orders_after(self, params: CancelAllOrdersAfterParams) -> Any:
        """Set the exchange's timer."""

    def _system_states(self) -> list[tuple[str | None, list[Any]]]:
        """Return state and announcements as each connection was told."""

    def _note_switch(self, event: DeadMansSwitchEvent) -> None:
        """Tell the user."""


class DeadMansSwitch:
    """Lets the exchange cancel all orders of the account when this program is gone.

        async with client.dead_mans_switch(timeout=60, on_close="disarm"):
            ...  # trade

    It is set on entering, which raises when it cannot be, and again at a third of the timeout. When
    two thirds have passed since it was last confirmed, it is late: that is logged, `on_late` is
    called and a `DeadMansSwitchEvent` comes through the queue; trying goes on. It goes on through
    reconnects: the timer is the account's and not a connection's.

    Before announced maintenance it is turned off, as the exchange advises, since otherwise all
    orders would end when the engine is back; and set again after it. Made by
    `KrakenWSClient.dead_mans_switch`.

    Args:
        trader: the client.
        timeout: after how many seconds without a word the exchange cancels all orders.
        on_close: what happens on leaving, also by an exception: `disarm` turns the timer off and
            orders stay; `leave` leaves it running, so all orders end after at most `timeout`.
        on_late: a plain function that takes the switch when it is late.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) an argument makes no sense.
    """

    def __init__(
        self,
        trader: Trader,
        timeout: int,
        on_close: OnClose,
        on_late: Callable[[DeadMansSwitch], object] | None,
    ) -> None:
        check_choice("on_close", on_close, ("disarm", "leave"))
        CancelAllOrdersAfterParams(timeout=checked_integer("timeout", timeout, LEAST_TIMEOUT))
        self._trader = trader
        self._on_close = on_close
        self._on_late = [] if on_late is None else [on_late]
        self._plan = SwitchPlan(timeout)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_paused_by_user = False
        self._is_told_expired = False
        self.is_paused = False
        self.trigger_time: str | None = None
        self.last_error: Exception | None = None

    @property
    def is_armed(self) -> bool:
        """Whether the exchange has confirmed it, and has not confirmed that it is off."""
        return self._plan.is_armed

    @property
    def is_late(self) -> bool:
        """Whether two thirds of the timeout have passed without a confirmation."""
        return self._plan.is_late

    @property
    def seconds_left(self) -> float:
        """Seconds until all orders end unless it is set again, or fewer; infinite while it is off.

        Negative when it has run out, as far as is known.
        """
        return self._plan.seconds_left(asyncio.get_running_loop().time())

    def pause(self) -> None:
        """Turn it off until `resume`, for maintenance that you know of."""
        self._is_paused_by_user = True
        self._changed.set()

    def resume(self) -> None:
        """Set it again after `pause`."""
        self._is_paused_by_user = False
        self._changed.set()

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("a dead man's switch is entered once")
        try:
            await self._set(int(self._plan.timeout))
        except BaseException:
            # A request without an answer may have set it.
            await self._turn_off()
            raise
        self._tell("armed", "")
        self._task = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        task = self._task
        assert task is not None
        task.cancel()
        await asyncio.wait([task])
        if self._on_close == "disarm":
            await self._turn_off()

    async def _turn_off(self) -> None:
        """Turn it off at the end, if it may be running."""
        if not self._plan.may_run:
            return
        try:
            async with asyncio.timeout(FAREWELL):
                await self._set(0)
        except (KrakenConnectorError, TimeoutError) as error:
            self.last_error = error
            logger.warning(
                "the dead man's switch could not be turned off: all orders end in at most "
                "%.0f s: %s",
                min(max(self.seconds_left, 0.0), self._plan.timeout),
                error,
            )

    def wake(self) -> None:
        """Look again at the state of the exchange, which may have changed."""
        self._plan.hurry()
        self._changed.set()

    # Inner workings.

    async def _live(self) -> None:
        """Set it again and again; ends only by being cancelled."""
        while True:
            try:
                await self._step()
            except Exception:
                # Whatever it was, orders must not end for it, nor live on unwatched.
                logger.exception("the dead man's switch failed; it goes on")
                self._plan.failed(asyncio.get_running_loop().time())
            await self._rest()

    async def _step(self) -> None:
        now = asyncio.get_running_loop().time()
        why = self._reason_to_pause()
        if why is not None:
            await self._keep_off(why)
            return
        if self.is_paused:
            self.is_paused = False
            logger.info("the dead man's switch goes on")
        self._raise_alarm(now)
        if now >= self._plan.due():
            was_late = self.is_late
            was_armed = self.is_armed
            await self._try(int(self._plan.timeout))
            if self.is_armed and (was_late or not was_armed) and not self.is_late:
                self._tell("armed", "")
            self._raise_alarm(asyncio.get_running_loop().time())

    async def _keep_off(self, why: str) -> None:
        if not self.is_paused:
            self.is_paused = True
            logger.warning("the dead man's switch is paused: %s", why)
            self._tell("paused", why)
            # At once: the next request was planned for later.
            self._plan.bring_forward()
        if self._plan.may_run and asyncio.get_running_loop().time() >= self._plan.due():
            await self._try(0)

    async def _try(self, seconds: int) -> None:
        try:
            patience = self._plan.patience(asyncio.get_running_loop().time())
            async with asyncio.timeout(patience):
                await self._set(seconds)
        except (KrakenConnectorError, TimeoutError) as error:
            self.last_error = error
            logger.warning("the dead man's switch was not confirmed: %s", error)
            self._plan.failed(asyncio.get_running_loop().time())

    async def _set(self, seconds: int) -> None:
        sent = asyncio.get_running_loop().time()
        before = self._plan.may_run
        self._plan.may_run = before or bool(seconds)
        try:
            reply = await self._trader.cancel_all_orders_after(
                CancelAllOrdersAfterParams(timeout=seconds)
            )
        except OrderOutcomeUnknown:
            raise
        except KrakenConnectorError:
            self._plan.may_run = before
            raise
        if seconds:
            self._plan.confirmed(sent)
            self._is_told_expired = False
            self.trigger_time = reply.typed.trigger_time
        else:
            self._plan.disarmed()
            self.trigger_time = None

    def _raise_alarm(self, now: float) -> None:
        if now >= self._plan.alarm():
            self._plan.noticed()
            why = f"not confirmed: {self.last_error}" if self.last_error else "not confirmed"
            logger.error(
                "the dead man's switch is late: all orders end in %.0f s unless it is set again",
                self._plan.seconds_left(now),
            )
            self._tell("late", why)
            call_all(self._on_late, self)
        if self.is_armed and self._plan.seconds_left(now) <= 0 and not self._is_told_expired:
            self._is_told_expired = True
            logger.error("the dead man's switch has run out: expect all orders to be cancelled")
            self._tell("expired", "not confirmed in time")

    def _reason_to_pause(self) -> str | None:
        if self._is_paused_by_user:
            return "pause() was called"
        states = self._trader._system_states()
        if any(state == SystemState.MAINTENANCE for state, _ in states):
            return "the exchange is in maintenance"
        now_ns = time.time_ns()
        announced = [entry for _, entries in states for entry in entries]
        begins_ns = maintenance_begins_ns(announced, now_ns)
        if begins_ns is not None and begins_ns - now_ns <= self._plan.timeout * 1e9:
            return f"maintenance was announced: {announced!r}"
        return None

    async def _rest(self) -> None:
        """Wait until there is something to do."""
        now = asyncio.get_running_loop().time()
        until = now + self._plan.interval
        if not self.is_paused:
            until = min(until, self._plan.due(), self._plan.alarm())
            if self.is_armed and not self._is_told_expired:
                until = min(until, now + max(self._plan.seconds_left(now), 0.0))
        elif self._plan.may_run:
            until = min(until, self._plan.due())
        try:
            async with asyncio.timeout(max(until - now, 0.0)):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def _tell(self, state: str, reason: str) -> None:
        left = self.seconds_left
        seconds = None if left == float("inf") else left
        self._trader._note_switch(
            DeadMansSwitchEvent(state, seconds, reason, received_ns=time.time_ns())
        )

    def __repr__(self) -> str:
        state = "late" if self.is_late else "armed" if self.is_armed else "off"
        return f"<DeadMansSwitch {self._plan.timeout:g} s, {state}>"
