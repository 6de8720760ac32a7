"""The exchange's timer that cancels all orders, kept for all dead man's switches of a client."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...exceptions import (
    KrakenConnectorError,
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
    TransportError,
)
from ...models import DeadMansSwitchEvent
from ...models._time import timestamp_ns
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
#: Longest time for setting the timer when a switch is entered, seconds.
ENTERING = 10.0
#: Longest time for turning the timer off when the last switch is left, seconds.
LEAVING = 5.0
#: How much of that is spent on the answer to a request that was sent before.
LEAVING_PENDING = 2.5
#: How long a request without an answer may still take effect, seconds. The exchange states no
#: bound; this is the deadline that it sets for orders (docs.kraken.com, "Add Order").
LINGER = 5.0
#: Seconds between two looks at the clocks, one of which stands still while the machine sleeps.
PULSE = 0.5
#: Announcements that are remembered, and characters of one that are told.
TOLD, SHOWN = 100, 200


@dataclass(eq=False)
class Member:
    """A switch that is entered.

    Attributes:
        timeout: after how many seconds without a request all orders end.
        on_late: is called when the timer is late.
        is_paused: whether its user paused it.
    """

    timeout: int
    on_late: Callable[[], object]
    is_paused: bool = False


class Protection:
    """Whether the exchange cancels all orders of the account when this program is gone.

    The exchange has one timer for each account, so all dead man's switches of a client share it. It
    is set to the shortest of their timeouts. The last switch that is left turns it off, unless that
    one or another one was left with `on_close="leave"`.

    Args:
        send: sends `cancel_all_orders_after` with a number of seconds and returns the answer.
        system_states: returns state and announcements of the exchange as each connection has them.
        notify: tells the user.
        remark: returns what the exchange said while a request had no answer, empty if nothing.
        monotonic: monotonic seconds; the default is the time of the running event loop.
        wall_ns: wall clock, nanoseconds since the epoch.

    Attributes:
        trigger_time: when all orders end by the last answer, RFC 3339; `None` if the timer is off.
        last_error: why the last request that failed did.
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
        self._wall_ns = wall_ns or _wall_ns
        self._clock = SleepClock(monotonic or _loop_time, self._wall_ns)
        self._plan = SwitchPlan()
        self._members: list[Member] = []
        self._is_left_running = False
        self._paused_for: str | None = None
        self._unreadable: dict[str, None] = {}
        #: What the exchange's clock shows beyond ours, seconds; `None` before the first answer.
        self._exchange_ahead: float | None = None
        self._changed = asyncio.Event()
        self._tried = asyncio.Event()
        self._failure: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._request: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._leave_by = INF
        self._left: asyncio.Future[None] | None = None
        self.trigger_time: str | None = None
        self.last_error: Exception | None = None

    # What is known.

    @property
    def armed(self) -> bool:
        """Whether all orders end unless the timer is set again.

        While a switch is entered it is true only if the exchange's answers prove that the timer
        runs. When the timer was to be turned off, it is true until the answers prove that it is
        off, or until it has run out at the latest.
        """
        return self._plan.is_armed(self.now())

    @property
    def until(self) -> datetime | None:
        """When all orders end unless the timer is set again, by the exchange's clock.

        `None` while it is not armed. The exchange tells whole seconds.
        """
        if not self.armed or (at_ns := timestamp_ns(self.trigger_time)) is None:
            return None
        return datetime.fromtimestamp(at_ns // 10**9, UTC)

    @property
    def by(self) -> int:
        """How many switches are entered."""
        return len(self._members)

    @property
    def late(self) -> bool:
        """Whether two thirds of the timeout have passed without a confirmation."""
        return self._plan.is_late(self.now())

    @property
    def seconds_left(self) -> float:
        """Seconds until all orders end at the earliest; infinite while the timer is off.

        Negative when the timer has run out, as far as is known.
        """
        return self._plan.seconds_left(self.now())

    @property
    def state(self) -> str:
        """The state in words: `armed` or `off`, and whether it is late."""
        return ("armed" if self.armed else "off") + (", late" if self.late else "")

    @property
    def paused_for(self) -> str | None:
        """Why the timer is kept off although a switch is entered; `None` if it is not."""
        return self._paused_for

    def __repr__(self) -> str:
        until = f" until {self.until:%H:%M:%S} UTC" if self.until else ""
        return f"<Protection {self.state}{until}, switches: {self.by}>"

    # For the client.

    def now(self) -> float:
        """Return the time of `answered`: monotonic seconds that include sleep of the machine."""
        return self._clock.now()

    def answered(self, sent_at: float, seconds: int, result: CancelAllOrdersAfterResult) -> None:
        """Take the answer to a `cancel_all_orders_after`, whoever sent it.

        If a switch is entered, a timer that is off or shorter than wanted is set again at once.

        Args:
            sent_at: `now()` when the request was sent.
            seconds: what it asked for; 0 turns the timer off.
            result: what the exchange answered.
        """
        now = self.now()
        granted = _granted(seconds, result)
        if granted is None:
            logger.warning("the answer to %s cannot be read: %r", METHOD, result)
            self._plan.timer.in_doubt(seconds, sent_at, now)
            self._plan.failed(now)
        else:
            if sent_at >= self._plan.timer.known_at:
                self.trigger_time = result.trigger_time if granted else None
            if (current_ns := timestamp_ns(result.current_time)) is not None:
                self._exchange_ahead = current_ns / 1e9 - now
            self._plan.answered(sent_at, now, seconds, granted)
        if self._members:
            self._look()
        self._changed.set()

    def wake(self) -> None:
        """Look again at the state of the exchange, which may have changed."""
        self._plan.reconsider()
        self._changed.set()

    async def finish(self) -> None:
        """Wait until a timer that is being turned off is off, or could not be.

        For the client, before it closes its connections. It takes no longer than `LEAVING` seconds,
        and does not end earlier when the caller is cancelled.

        Raises:
            CancelledError: the caller was cancelled meanwhile.
        """
        if self._left is not None:
            await wait_shielded(self._left)

    # For switches.

    async def enter(self, member: Member) -> None:
        """Set the timer for one more switch, and keep it set until `leave`.

        What can pass is tried again for a third of the timeout, at most 10 s: no connection, no
        token, no answer, an error of the service.

        Raises:
            TradingError: the exchange refuses it.
            OrderOutcomeUnknown: no answer came.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it never left.
        """
        since = self.now()
        if not self._members and not self._plan.is_armed(since):
            self._is_left_running = False
        self._members.append(member)
        self._leave_by = INF
        self._end_leaving()
        self._review(self.now())
        self._plan.hasten()
        self._changed.set()
        self._keep_running()
        patience = min(member.timeout / 3, ENTERING)
        try:
            await self._confirmed(since, patience)
        except BaseException:
            # A request without an answer may have set the timer.
            await self.leave(member, turn_off=True)
            raise

    async def _confirmed(self, since: float, patience: float) -> None:
        """Wait until the timer is set by a request that was sent after `since`."""
        self._failure = None
        try:
            async with asyncio.timeout(patience) as limit:
                while not (self._paused_for or self._plan.is_confirmed(since)):
                    if self._failure is not None and not _can_pass(self._failure):
                        raise self._failure
                    await self._tried.wait()
        except TimeoutError:
            if not limit.expired():
                raise
            why = f"no answer within {patience:g} s{self._remark()}"
            raise self._failure or OrderOutcomeUnknown(METHOD, why) from None

    async def leave(self, member: Member, *, turn_off: bool) -> None:
        """Count one switch less; without any, turn the timer off or let it run out.

        Turning it off is finished before a cancellation of the caller is raised.
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
        self._left = loop.create_future()
        self._keep_running()
        await wait_shielded(self._left)

    def review(self) -> None:
        """Look again at the switches, one of which was paused or resumed."""
        self._changed.set()

    # The task.

    def _keep_running(self) -> None:
        """Start the task if it does not run."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="dead man's switch")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Go on if somebody cancelled the task, as code does that cancels all tasks to end."""
        if task is not self._task:
            return
        if task.cancelled() and self._left is not None and not self._is_done():
            self._keep_running()
        else:
            self._end_leaving()

    async def _run(self) -> None:
        """Keep the timer as it is wanted until no switch is entered any more."""
        while not self._is_done():
            now = self.now()
            try:
                self._look()
                self._send_what_is_due(now)
            except Exception:
                # Whatever it was, orders must not end for it, nor live on unwatched.
                logger.exception("the dead man's switch failed; it goes on")
                self._plan.failed(self.now())
            await self._rest(now)
        self._warn_if_running()
        self._end_leaving()

    @property
    def _is_pending(self) -> bool:
        """Whether a request waits for its answer."""
        return self._request is not None and not self._request.done()

    def _is_done(self) -> bool:
        """Tell whether nothing more is to be done."""
        if self._members or self._is_pending:
            return False
        now = self.now()
        return now >= self._leave_by or self._plan.due(now) >= self._leave_by

    def _look(self) -> None:
        """Decide what is wanted, and tell what has happened."""
        now = self.now()
        self._review(now)
        for state in self._plan.news(now):
            self._tell(state)

    def _send_what_is_due(self, now: float) -> None:
        if self._request is not None and self._is_pending:
            # One request at a time: the next one could overtake it.
            if not self._members and now >= self._leave_by:
                self._request.cancel()
        elif now >= self._plan.due(now) and self._plan.wanted is not None:
            self._request = asyncio.create_task(self._attempt(self._plan.wanted))

    async def _attempt(self, seconds: int) -> None:
        """Send one request and take its answer."""
        sent = self.now()
        self._plan.timer.sent(sent, seconds)
        doubt: float | None = LINGER
        self._failure = None
        try:
            result = await self._answer(seconds)
            doubt = None
            self._plan.timer.over()
            self.answered(sent, seconds, result)
        except Exception as error:  # noqa: BLE001 - told, and tried again
            doubt = _doubt(error)
            self._failed(seconds, error)
        finally:
            self._plan.timer.over(None if doubt is None else self.now() + doubt)
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
        # While there is no connection it fails every second; being late is an error of its own.
        level = logging.DEBUG if self._plan.has_failed else logging.WARNING
        self._plan.failed(self.now())
        if seconds == 0 and not self._members and not _can_pass(error):
            self._leave_by = self.now()
        what = "set" if seconds else "turned off"
        logger.log(level, "the dead man's switch was not %s: %s", what, error)

    async def _rest(self, now: float) -> None:
        """Wait until there is something to do after `now`."""
        until = min(now + PULSE, self._plan.next_news)
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
        """Let those go on who wait until the timer is off."""
        left, self._left = self._left, None
        if left is not None and not left.done():
            left.set_result(None)

    def _warn_if_running(self) -> None:
        now = self.now()
        if self._plan.wanted != 0 or self._plan.timer.is_off:
            return
        logger.warning(
            "the dead man's switch could not be turned off with certainty: all orders may end "
            "within %.0f s: %s",
            max(self._plan.timer.latest - now, 0.0),
            self.last_error,
        )

    # What is wanted.

    def _review(self, now: float) -> None:
        """Decide what the timer shall be set to."""
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
            self._tell("paused", why)
        elif why is None and before is not None:
            logger.info("the dead man's switch goes on")

    def _reason_to_pause(self, timeout: int) -> str | None:
        """Return why the timer must be off: otherwise all orders end after the maintenance.

        Only what is understood counts; the timer stays set in states that are not known.
        """
        states = list(self._system_states())
        if any(state == SystemState.MAINTENANCE for state, _ in states):
            return "the exchange is in maintenance"
        announced = [entry for _, entries in states for entry in entries]
        now = self._exchange_now() if announced else 0.0
        for entry in announced:
            start = maintenance_start(entry, now)
            if start is None:
                self._tell_unreadable(entry)
            elif start - now <= timeout:
                return f"maintenance was announced: {_shown(entry)}"
        return None

    def _exchange_now(self) -> float:
        """Return the time of the exchange in seconds since the epoch."""
        if self._exchange_ahead is None:
            return self._wall_ns() / 1e9
        return self.now() + self._exchange_ahead

    def _tell_unreadable(self, entry: Any) -> None:
        shown = _shown(entry)
        if shown in self._unreadable:
            return
        self._unreadable[shown] = None
        if len(self._unreadable) > TOLD:
            del self._unreadable[next(iter(self._unreadable))]
        why = f"maintenance was announced, its start cannot be read: {shown}"
        logger.warning("%s; the dead man's switch stays armed", why)
        self._tell("unreadable", why)

    # What users are told.

    def _tell(self, state: str, reason: str = "") -> None:
        left = self.seconds_left
        if state == "off":
            reason = "the exchange answered that it is off"
            logger.warning("the dead man's switch is off by an answer of the exchange")
        elif state == "late":
            reason = f"not confirmed: {self.last_error}" if self.last_error else "not confirmed"
            logger.error("the dead man's switch is late: %s", _prospect(left))
        elif state == "expired":
            reason = "not confirmed in time"
            logger.error("the dead man's switch has run out: expect all orders to be canceled")
        seconds = None if left == INF else left
        self._notify(DeadMansSwitchEvent(state, seconds, reason, received_ns=self._wall_ns()))
        if state == "late":
            for member in list(self._members):
                member.on_late()


INF = float("inf")


def _loop_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


def _wall_ns() -> int:
    return time.time_ns()


def _shown(entry: Any) -> str:
    return repr(entry)[:SHOWN]


def _prospect(left: float) -> str:
    if left == INF:
        return "orders do not end when this program is gone"
    return f"all orders end in {left:.0f} s unless it is set again"


def _granted(asked: int, result: CancelAllOrdersAfterResult) -> float | None:
    """Return after how many seconds orders end by an answer; 0 if the timer is off.

    A timer that is off has the `triggerTime` "0", none, or that of `currentTime` (Kraken's SDK).
    `None` is returned of times that cannot be read.
    """
    trigger = result.trigger_time
    if trigger is None or str(trigger) in ("", "0") or trigger == result.current_time:
        return 0.0
    trigger_ns, current_ns = timestamp_ns(trigger), timestamp_ns(result.current_time)
    if trigger_ns is None or current_ns is None:
        return None
    granted = max(0.0, (trigger_ns - current_ns) / 1e9)
    return min(granted, asked) if asked else granted


_CAN_PASS = TransportError | TokenAcquisitionError | RequestTimeout | OrderOutcomeUnknown


def _can_pass(error: Exception) -> bool:
    """Tell whether the same request can succeed in a moment."""
    if isinstance(error, NotConnected):
        return error.state != "disconnected"
    if isinstance(error, TradingError):
        return error.retryable
    return isinstance(error, _CAN_PASS)


def _doubt(error: Exception) -> float | None:
    """Return how long a request that failed may still take effect; `None` if it has none."""
    if isinstance(error, OrderOutcomeUnknown):
        return LINGER if error.venue_error is None else 0.0
    if isinstance(error, TradingError):
        is_certain = error.venue_error is None or classify(error.venue_error).is_certain
        return None if is_certain else 0.0
    # Of the others the client says that the request never left.
    return None if isinstance(error, KrakenConnectorError | ValueError | TypeError) else LINGER
