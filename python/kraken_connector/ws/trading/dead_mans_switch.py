"""The dead man's switch: a block of code during which the exchange's timer is set."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal, Self

from ...models._checks import check_choice, checked_integer
from ...models.trading import CancelAllOrdersAfterParams
from ..base.callbacks import Listeners
from .protection import Member, Protection

__all__ = ["DeadMansSwitch", "OnClose"]

#: `disarm` turns the timer off, so orders stay; `leave` lets it run out, so they end.
OnClose = Literal["disarm", "leave"]
LEAST_TIMEOUT = 3


class DeadMansSwitch:
    """Lets the exchange cancel all orders of the account when this program is gone.

        async with client.dead_mans_switch(timeout=60, on_close="disarm"):
            ...  # trade

    Entering sets the exchange's timer, or raises. The timer is set again at a third of the timeout,
    also after reconnecting: it belongs to the account and not to a connection. When two thirds have
    passed since it was last confirmed, it is late: that is logged, `on_late` is called and a
    `DeadMansSwitchEvent` comes through the queue; trying goes on.

    The exchange has one timer for each account, so all switches of a client share it: the shortest
    timeout counts, and the last switch that is left turns the timer off. What a switch says about
    its state is said about that timer.

    Before announced maintenance the timer is turned off, as the exchange advises, since otherwise
    all orders would end when the engine is back; it is set again afterwards. Made by
    `KrakenWSClient.dead_mans_switch`.

    Args:
        protection: the client's timer.
        timeout: after how many seconds without a request the exchange cancels all orders.
        on_close: what happens on leaving, also by an exception: `disarm` turns the timer off and
            orders stay; `leave` leaves it running, so all orders end after at most `timeout`.
        on_late: a plain function that takes the switch when it is late.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) an argument makes no sense.
    """

    _is_unused = False

    def __init__(
        self,
        protection: Protection,
        timeout: int,
        on_close: OnClose,
        on_late: Callable[[DeadMansSwitch], object] | None,
    ) -> None:
        check_choice("on_close", on_close, ("disarm", "leave"))
        CancelAllOrdersAfterParams(timeout=checked_integer("timeout", timeout, LEAST_TIMEOUT))
        self._on_late = Listeners()
        if on_late is not None:
            self._on_late.add("on_late", on_late)
        self._protection = protection
        self._timeout = timeout
        self._on_close = on_close
        self._member: Member | None = None
        self._is_left = False
        self._is_unused = True

    @property
    def is_armed(self) -> bool:
        """Whether all orders end unless the timer is set again; see `Protection.armed`."""
        return self._protection.armed

    @property
    def is_late(self) -> bool:
        """Whether two thirds of the timeout have passed without a confirmation."""
        return self._protection.late

    @property
    def is_paused(self) -> bool:
        """Whether it does not ask for the timer now: `pause` was called, or for maintenance."""
        if self._member is None or self._is_left:
            return False
        return self._member.is_paused or self._protection.paused_for is not None

    @property
    def seconds_left(self) -> float:
        """Seconds until all orders end unless the timer is set again; infinite while it is off.

        It may be more, never less. Negative when the timer has run out, as far as is known.
        """
        return self._protection.seconds_left

    @property
    def trigger_time(self) -> str | None:
        """When all orders end by the exchange's last answer, RFC 3339; `None` if it is off."""
        return self._protection.trigger_time

    @property
    def last_error(self) -> Exception | None:
        """Why the last request that failed did."""
        return self._protection.last_error

    def pause(self) -> None:
        """Stop asking for the timer until `resume`, for maintenance that you know of.

        The timer is turned off when all switches of the client are paused.
        """
        self._set_paused(True)

    def resume(self) -> None:
        """Ask for the timer again after `pause`."""
        self._set_paused(False)

    def wake(self) -> None:
        """Look again at the state of the exchange, which may have changed."""
        self._protection.wake()

    async def __aenter__(self) -> Self:
        if self._member is not None:
            raise RuntimeError("a dead man's switch is entered once")
        self._is_unused = False
        self._member = Member(self._timeout, lambda: self._on_late.call(self))
        await self._protection.enter(self._member)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._member is not None
        self._is_left = True
        await self._protection.leave(self._member, turn_off=self._on_close == "disarm")

    def _set_paused(self, is_paused: bool) -> None:
        if self._member is not None:
            self._member.is_paused = is_paused
            self._protection.review()

    def __repr__(self) -> str:
        return f"<DeadMansSwitch {self._timeout:g} s, {self._protection.state}>"

    def __del__(self) -> None:
        if self._is_unused:
            warnings.warn(
                "a dead man's switch was never entered; use `async with`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )
