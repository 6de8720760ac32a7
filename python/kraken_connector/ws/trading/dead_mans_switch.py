"""The dead man's switch: keeps the exchange's timer set during a block of code."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal, Self

from ...models.checks import check_choice, check_flag, checked_integer
from ...models.trading import CancelAllOrdersAfterParams
from ..base.listeners import Listeners
from .protection import Member, Protection

__all__ = ["DeadMansSwitch", "OnClose"]

#: `disarm` turns the timer off and orders stay; `leave` lets it expire and orders are cancelled.
OnClose = Literal["disarm", "leave"]
LEAST_TIMEOUT = 3


class DeadMansSwitch:
    """Has the exchange cancel all orders of the account if this program stops.

        async with client.dead_mans_switch(timeout=60, on_close="disarm"):
            ...  # trade

    Entering the block sets the exchange's timer, or raises. The timer is renewed after a third of
    the timeout, also after reconnecting, as it belongs to the account and not to a connection. When
    two thirds have passed without a confirmation the switch is late: this is logged, `on_late` is
    called and a `DeadMansSwitchEvent` is delivered, while renewing is retried.

    The exchange has one timer per account, so all switches of a client share it: the shortest
    timeout counts, and the last switch that is left turns the timer off. The state of a switch is
    the state of that timer.

    Before announced maintenance the timer is turned off, as Kraken advises, since otherwise all
    orders would be cancelled when the engine returns; afterwards it is set again. Made by
    `KrakenWSClient.dead_mans_switch`.

    Args:
        protection: the client's timer.
        timeout: seconds without a renewal after which the exchange cancels all orders.
        on_close: what to do at the end of the block, also after an exception: `disarm` turns the
            timer off and orders stay; `leave` lets it run, so all orders are cancelled within
            `timeout` seconds.
        on_late: a plain function that is called with the switch when it is late.
        by_rest: whether to set and renew the timer by REST while the connection for orders is not
            open or does not answer. By default it expires then, as fills are not seen either. To
            turn it off REST is used in any case.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) an argument is invalid.
    """

    _is_unused = False

    def __init__(
        self,
        protection: Protection,
        timeout: int,
        on_close: OnClose,
        on_late: Callable[[DeadMansSwitch], object] | None,
        *,
        by_rest: bool = False,
    ) -> None:
        check_flag("by_rest", by_rest)
        check_choice("on_close", on_close, ("disarm", "leave"))
        CancelAllOrdersAfterParams(timeout=checked_integer("timeout", timeout, LEAST_TIMEOUT))
        self._on_late = Listeners()
        if on_late is not None:
            self._on_late.add("on_late", on_late)
        self._protection = protection
        self._timeout = timeout
        self._on_close = on_close
        self._by_rest = by_rest
        self._member: Member | None = None
        self._is_left = False
        self._is_unused = True

    @property
    def is_armed(self) -> bool:
        """Whether all orders will be cancelled unless it is renewed; see `Protection.armed`."""
        return self._protection.armed

    @property
    def is_late(self) -> bool:
        """Whether two thirds of the timeout have passed without a confirmation."""
        return self._protection.late

    @property
    def is_paused(self) -> bool:
        """Whether renewing is paused, by `pause` or for maintenance."""
        if self._member is None or self._is_left:
            return False
        return self._member.is_paused or self._protection.paused_for is not None

    @property
    def seconds_left(self) -> float:
        """Seconds until all orders are cancelled unless it is renewed; infinite while it is off.

        A lower bound: the timer may run longer, never shorter. Negative once it has expired.
        """
        return self._protection.seconds_left

    @property
    def trigger_time(self) -> str | None:
        """When all orders will be cancelled, as last confirmed, RFC 3339; `None` if off."""
        return self._protection.trigger_time

    @property
    def last_error(self) -> Exception | None:
        """The error of the last request that failed."""
        return self._protection.last_error

    def pause(self) -> None:
        """Stop renewing until `resume`, for maintenance that you know of.

        The timer is turned off when all switches of the client are paused.
        """
        self._set_paused(True)

    def resume(self) -> None:
        """Renew again after `pause`."""
        self._set_paused(False)

    def wake(self) -> None:
        """Check the system status of the exchange again, which may have changed."""
        self._protection.wake()

    async def __aenter__(self) -> Self:
        if self._member is not None:
            raise RuntimeError("a dead man's switch can be entered only once")
        self._is_unused = False
        self._member = Member(
            self._timeout, lambda: self._on_late.call(self), by_rest=self._by_rest
        )
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
