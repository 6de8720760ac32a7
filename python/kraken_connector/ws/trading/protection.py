"""Dead man's switch: renews the exchange's timer, for all switches of a client."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

from ... import loop_time
from ...exceptions import (
    KrakenConnectorError,
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    RestError,
    TokenAcquisitionError,
    TradingError,
    TransportError,
)
from ...models import DeadMansSwitchEvent
from ...models.timestamps import timestamp_ns
from ...models.trading_results import CancelAllOrdersAfterResult
from ...refusals import classify
from ..base.shielding import wait_shielded
from ..base.sleep_clock import SleepClock
from ..constants import SystemState
from .maintenance import maintenance_start
from .switch_plan import SwitchPlan

__all__ = ["Member", "Protection"]

logger = logging.getLogger(__name__)

METHOD = "cancel_all_orders_after"
#: Longest time to set the timer when a switch is entered, seconds.
ENTERING = 10.0
#: Longest time to turn the timer off when the last switch is left, seconds.
LEAVING = 5.0
#: The part of that time for the reply to a request that was sent before.
LEAVING_PENDING = 2.5
#: How long an unanswered request may take effect, seconds. Kraken states no bound; this is the
#: deadline that it sets for orders (docs.kraken.com, "Add Order").
LINGER = 5.0
#: Longest time between two checks, seconds: a sleep of the machine must be noticed soon.
CHECK_INTERVAL = 0.5
#: Announcements that are remembered, and characters of one that are shown.
REMEMBERED, SHOWN = 100, 200


@dataclass(eq=False)
class Member:
    """A dead man's switch that was entered.

    Attributes:
        timeout: seconds without a renewal after which all orders are cancelled.
        on_late: called when the timer is late.
        is_paused: whether the user paused it.
        by_rest: whether REST may set the timer.
    """

    timeout: int
    on_late: Callable[[], object]
    is_paused: bool = False
    by_rest: bool = False


class Protection:
    """The timer by which the exchange cancels all orders of the account if this program stops.

    The exchange has one timer per account, so all dead man's switches of a client share it. It is
    set to the shortest of their timeouts. The last switch that is left turns it off, unless that
    one or another one was left with `on_close="leave"`.

    Args:
        send: sends `cancel_all_orders_after` with a number of seconds and returns the reply.
        system_states: returns the system status and announced maintenance of each connection.
        notify: delivers an event to the user.
        remark: returns the errors of the exchange while a request was unanswered, or an empty text.
        monotonic: monotonic seconds; by default the time of the running event loop.
        wall_ns: wall clock, nanoseconds since the epoch.

    Attributes:
        trigger_time: when all orders will be cancelled by the last reply, RFC 3339; `None` if the
            timer is off.
        last_error: the error of the last request that failed.
    """

    def __init__(
        self,
        send: Callable[[int], Awaitable[CancelAllOrdersAfterResult]],
        system_states: Callable[[], Iterable[tuple[str | None, list[Any]]]],
        notify: Callable[[DeadMansSwitchEvent], None],
        *,
        remark: Callable[[], str] = str,
        monotonic: Callable[[], float] | None = None,
        wall_ns: Callable[[], int] | None = None,
    ) -> None:
        self._send = send
        self._system_states = system_states
        self._notify = notify
        self._remark = remark
        self._wall_ns = wall_ns or time.time_ns
        self._clock = SleepClock(monotonic or loop_time.now, self._wall_ns)
        self._plan = SwitchPlan()
        self._members: list[Member] = []
        self._is_left_running = False
        self._paused_for: str | None = None
        self._unreadable: dict[str, None] = {}
        #: The exchange's clock minus `now()`, seconds; `None` before the first reply.
        self._exchange_ahead: float | None = None
        self._changed = asyncio.Event()
        self._tried = asyncio.Event()
        self._failure: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._request: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._leave_by = inf
        self._leaving: asyncio.Future[None] | None = None
        self.trigger_time: str | None = None
        self.last_error: Exception | None = None

    # State.

    @property
    def armed(self) -> bool:
        """Whether all orders will be cancelled unless the timer is renewed.

        While a switch is entered, it is true only if replies prove that the timer runs. While the
        timer is to be off, it is true until replies prove that it is, or until it has expired.
        """
        return self._plan.is_armed(self.now())

    @property
    def until(self) -> datetime | None:
        """When all orders will be cancelled, by the exchange's clock; `None` unless armed.

        The exchange states whole seconds.
        """
        if not self.armed or (at_ns := timestamp_ns(self.trigger_time)) is None:
            return None
        return datetime.fromtimestamp(at_ns // 10**9, UTC)

    @property
    def by(self) -> int:
        """The number of switches that are entered."""
        return len(self._members)

    @property
    def by_rest(self) -> bool:
        """Whether REST may set the timer: all switches that are entered allow it."""
        return all(member.by_rest for member in self._members)

    @property
    def late(self) -> bool:
        """Whether two thirds of the timeout have passed without a confirmation."""
        return self._plan.is_late(self.now())

    @property
    def seconds_left(self) -> float:
        """Seconds until all orders may be cancelled; infinite while the timer is off.

        Negative once the timer has expired.
        """
        return self._plan.seconds_left(self.now())

    @property
    def state(self) -> str:
        """The state as a text: `armed` or `off`, and whether it is late."""
        return ("armed" if self.armed else "off") + (", late" if self.late else "")

    @property
    def paused_for(self) -> str | None:
        """Why the timer is off although a switch is entered; `None` if it is not."""
        return self._paused_for

    def __repr__(self) -> str:
        until = f" until {self.until:%H:%M:%S} UTC" if self.until else ""
        return f"<Protection {self.state}{until}, switches: {self.by}>"

    # For the client.

    def now(self) -> float:
        """Return the time for `answered`: monotonic seconds, including sleep of the machine."""
        return self._clock.now()

    def answered(self, sent_at: float, seconds: int, result: CancelAllOrdersAfterResult) -> None:
        """Process the reply to a `cancel_all_orders_after`, including requests of the user.

        If a switch is entered, a timer that is off or shorter than wanted is renewed at once.

        Args:
            sent_at: `now()` when the request was sent.
            seconds: the timer's value in the request; 0 turns it off.
            result: the reply.
        """
        now = self.now()
        granted = _granted(seconds, result)
        if granted is None:
            logger.warning("the reply to %s cannot be parsed: %r", METHOD, result)
            self._plan.timer.may_take_effect(seconds, sent_at, now)
            self._plan.failed(now)
        else:
            if sent_at >= self._plan.timer.known_at:
                self.trigger_time = result.trigger_time if granted else None
            if (current_ns := timestamp_ns(result.current_time)) is not None:
                self._exchange_ahead = current_ns / 1e9 - now
            self._plan.answered(sent_at, now, seconds, granted)
        if self._members:
            self._check()
        self._changed.set()

    def wake(self) -> None:
        """Check the system status of the exchange again, which may have changed."""
        self._plan.reconsider()
        self._changed.set()

    async def finish(self) -> None:
        """Wait until turning off the timer has succeeded or failed, if that is in progress.

        The client calls it before it closes its connections. It takes at most `LEAVING` seconds,
        and does not end earlier when the caller is cancelled.

        Raises:
            CancelledError: the caller was cancelled meanwhile.
        """
        if self._leaving is not None:
            await wait_shielded(self._leaving)

    # For switches.

    async def enter(self, member: Member) -> None:
        """Set the timer for one more switch, and renew it until `leave`.

        Temporary errors are retried for a third of the timeout, at most 10 s: no connection, no
        token, no reply, an error of the service.

        Raises:
            TradingError: the exchange refused the request.
            OrderOutcomeUnknown: the request was not answered.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it was not sent.
        """
        since = self.now()
        if not self._members and not self._plan.is_armed(since):
            self._is_left_running = False
        self._members.append(member)
        self._leave_by = inf
        self._end_leaving()
        self._review(self.now())
        self._plan.hasten()
        self._changed.set()
        self._keep_running()
        patience = min(member.timeout / 3, ENTERING)
        try:
            await self._confirmed(since, patience)
        except BaseException:
            # An unanswered request may have set the timer.
            await self.leave(member, turn_off=True)
            raise

    async def _confirmed(self, since: float, patience: float) -> None:
        """Wait until a request that was sent after `since` has set the timer."""
        self._failure = None
        try:
            async with asyncio.timeout(patience) as limit:
                while not (self._paused_for or self._plan.is_confirmed(since)):
                    if self._failure is not None and not _is_temporary(self._failure):
                        raise self._failure
                    await self._tried.wait()
        except TimeoutError:
            if not limit.expired():
                raise
            why = f"no answer within {patience:g} s{self._remark()}"
            raise self._failure or OrderOutcomeUnknown(METHOD, why) from None

    async def leave(self, member: Member, *, turn_off: bool) -> None:
        """Remove a switch; after the last one, turn the timer off or let it expire.

        If the caller is cancelled, turning off is completed first.
        """
        self._members.remove(member)
        self._is_left_running |= not turn_off
        self._review(self.now())
        self._changed.set()
        if self._members or self._plan.wanted is None:
            return
        self._leave_by = self.now() + LEAVING
        loop = asyncio.get_running_loop()
        if self._limit is not None:
            soon = loop.time() + LEAVING_PENDING
            self._limit.reschedule(min(soon, self._limit.when() or soon))
        self._leaving = loop.create_future()
        self._keep_running()
        await wait_shielded(self._leaving)

    def review(self) -> None:
        """Review the switches, one of which was paused or resumed."""
        self._changed.set()

    # The task.

    def _keep_running(self) -> None:
        """Start the task if it does not run."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="dead man's switch")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Restart the task if it was cancelled, as by code that cancels all tasks at exit."""
        if task is not self._task:
            return
        if task.cancelled() and self._leaving is not None and not self._is_done():
            self._keep_running()
        else:
            self._end_leaving()

    async def _run(self) -> None:
        """Keep the timer at its wanted value until the last switch is left."""
        while not self._is_done():
            now = self.now()
            try:
                self._check()
                self._send_if_due(now)
            except Exception:
                # An unexpected error must not stop the renewals.
                logger.exception("the dead man's switch failed; it continues")
                self._plan.failed(self.now())
            await self._sleep(now)
        self._warn_if_running()
        self._end_leaving()

    @property
    def _is_pending(self) -> bool:
        """Whether a request is unanswered."""
        return self._request is not None and not self._request.done()

    def _is_done(self) -> bool:
        """Return whether the task has nothing more to do."""
        if self._members or self._is_pending:
            return False
        now = self.now()
        return now >= self._leave_by or self._plan.due(now) >= self._leave_by

    def _check(self) -> None:
        """Update the wanted value, and report events."""
        now = self.now()
        self._review(now)
        for state in self._plan.events(now):
            self._report(state)

    def _send_if_due(self, now: float) -> None:
        if self._request is not None and self._is_pending:
            # One request at a time, as a second one could overtake the first.
            if not self._members and now >= self._leave_by:
                self._request.cancel()
        elif now >= self._plan.due(now) and self._plan.wanted is not None:
            self._request = asyncio.create_task(self._attempt(self._plan.wanted))

    async def _attempt(self, seconds: int) -> None:
        """Send one request and process its reply."""
        sent = self.now()
        self._plan.timer.sent(sent, seconds)
        linger: float | None = LINGER
        self._failure = None
        try:
            result = await self._answer(seconds)
            linger = None
            self._plan.timer.over()
            self.answered(sent, seconds, result)
        except Exception as error:  # noqa: BLE001 - reported and retried
            linger = _linger(error)
            self._failed(seconds, error)
        finally:
            self._plan.timer.over(None if linger is None else self.now() + linger)
            self._tried.set()
            self._tried = asyncio.Event()
            self._changed.set()

    async def _answer(self, seconds: int) -> CancelAllOrdersAfterResult:
        patience = self._plan.patience
        if not self._members:
            patience = min(patience, LEAVING_PENDING)
        try:
            async with asyncio.timeout(patience) as self._limit:
                return await self._send(seconds)
        except TimeoutError as error:
            if isinstance(error, KrakenConnectorError):
                raise
            self._plan.unanswered()
            text = f"no answer within {patience:g} s{self._remark()}"
            raise OrderOutcomeUnknown(METHOD, text) from None
        finally:
            self._limit = None

    def _failed(self, seconds: int, error: Exception) -> None:
        self._failure = self.last_error = error
        # Without a connection it fails every second; being late is logged as an error anyway.
        level = logging.DEBUG if self._plan.has_failed else logging.WARNING
        self._plan.failed(self.now())
        if seconds == 0 and not self._members and not _is_temporary(error):
            self._leave_by = self.now()
        what = "set" if seconds else "turned off"
        logger.log(level, "the dead man's switch was not %s: %s", what, error)

    async def _sleep(self, now: float) -> None:
        """Wait until there is something to do."""
        until = min(now + CHECK_INTERVAL, self._plan.next_event)
        if not self._is_pending:
            until = min(until, self._plan.due(now))
        if now < self._leave_by:
            until = min(until, self._leave_by)
        try:
            async with asyncio.timeout(max(until - now, 0.0)):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def _end_leaving(self) -> None:
        """End the waits for turning off the timer."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None and not leaving.done():
            leaving.set_result(None)

    def _warn_if_running(self) -> None:
        now = self.now()
        if self._plan.wanted != 0 or self._plan.timer.is_off:
            return
        logger.warning(
            "the dead man's switch could not be turned off with certainty: all orders may be "
            "cancelled within %.0f s: %s",
            max(self._plan.timer.latest - now, 0.0),
            self.last_error,
        )

    # The wanted value.

    def _review(self, now: float) -> None:
        """Update the wanted value of the timer."""
        if not self._members:
            self._paused_for = None
            self._plan.want(None if self._is_left_running else 0, now)
            return
        timeouts = [member.timeout for member in self._members if not member.is_paused]
        why = self._reason_to_pause(min(timeouts)) if timeouts else "pause() was called"
        before, self._paused_for = self._paused_for, why
        self._plan.want(min(timeouts) if why is None else 0, now)
        if why is not None and before is None:
            logger.warning("the dead man's switch is paused: %s", why)
            self._report("paused", why)
        elif why is None and before is not None:
            logger.info("the dead man's switch continues")

    def _reason_to_pause(self, timeout: int) -> str | None:
        """Return why the timer must be off; otherwise maintenance would cancel all orders.

        Unknown states and announcements without a time are no reason.
        """
        states = list(self._system_states())
        if any(state == SystemState.MAINTENANCE for state, _ in states):
            return "the exchange is in maintenance"
        announced = [entry for _, entries in states for entry in entries]
        now = self._exchange_now() if announced else 0.0
        for entry in announced:
            start = maintenance_start(entry, now)
            if start is None:
                self._report_unreadable(entry)
            elif start - now <= timeout:
                return f"maintenance was announced: {_shown(entry)}"
        return None

    def _exchange_now(self) -> float:
        """Return the time of the exchange in seconds since the epoch."""
        if self._exchange_ahead is None:
            return self._wall_ns() / 1e9
        return self.now() + self._exchange_ahead

    def _report_unreadable(self, entry: Any) -> None:
        shown = _shown(entry)
        if shown in self._unreadable:
            return
        self._unreadable[shown] = None
        if len(self._unreadable) > REMEMBERED:
            del self._unreadable[next(iter(self._unreadable))]
        why = f"maintenance was announced, its start cannot be parsed: {shown}"
        logger.warning("%s; the dead man's switch stays armed", why)
        self._report("unreadable", why)

    def _report(self, state: str, reason: str = "") -> None:
        left = self.seconds_left
        if state == "off":
            reason = "the exchange replied that it is off"
            logger.warning("the exchange replied that the dead man's switch is off")
        elif state == "late":
            reason = f"not confirmed: {self.last_error}" if self.last_error else "not confirmed"
            logger.error("the dead man's switch is late: %s", _prospect(left))
        elif state == "expired":
            reason = "not confirmed in time"
            logger.error("the dead man's switch has expired: expect all orders to be canceled")
        seconds = None if left == inf else left
        self._notify(DeadMansSwitchEvent(state, seconds, reason, received_ns=self._wall_ns()))
        if state == "late":
            for member in list(self._members):
                member.on_late()


def _shown(entry: Any) -> str:
    return repr(entry)[:SHOWN]


def _prospect(left: float) -> str:
    if left == inf:
        return "orders stay if this program stops"
    return f"all orders are cancelled in {left:.0f} s unless it is renewed"


def _granted(requested: int, result: CancelAllOrdersAfterResult) -> float | None:
    """Return the timer's value in a reply, 0 if it is off, `None` if it cannot be parsed.

    For a timer that is off, `triggerTime` is "0", missing, or equal to `currentTime` (Kraken's
    SDK).
    """
    trigger = result.trigger_time
    if trigger is None or str(trigger) in ("", "0") or trigger == result.current_time:
        return 0.0
    trigger_ns, current_ns = timestamp_ns(trigger), timestamp_ns(result.current_time)
    if trigger_ns is None or current_ns is None:
        return None
    granted = max(0.0, (trigger_ns - current_ns) / 1e9)
    return min(granted, requested) if requested else granted


_TEMPORARY = TransportError | TokenAcquisitionError | RequestTimeout | OrderOutcomeUnknown


def _is_temporary(error: Exception) -> bool:
    """Return whether the same request may succeed soon."""
    if isinstance(error, NotConnected):
        return error.state != "disconnected"
    if isinstance(error, TradingError | RestError):
        return error.retryable
    return isinstance(error, _TEMPORARY)


def _linger(error: Exception) -> float | None:
    """Return how long a failed request may still take effect; `None` if it cannot."""
    if isinstance(error, OrderOutcomeUnknown):
        return LINGER if error.venue_error is None else 0.0
    if isinstance(error, TradingError):
        is_certain = error.venue_error is None or classify(error.venue_error).is_certain
        return None if is_certain else 0.0
    # The client's own exceptions of other types mean that the request was not sent.
    return None if isinstance(error, KrakenConnectorError | ValueError | TypeError) else LINGER
