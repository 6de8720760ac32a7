"""What goes wrong with subscriptions, on command."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from . import requests, rules
from .requests import Refused, Request
from .rules import Counted, Rule
from .session import Session

R = TypeVar("R", bound=Rule[Any])

Subscribing = Literal["subscribe", "unsubscribe"]


@dataclass(eq=False, slots=True)
class Mute(Counted):
    """Subscriptions of which nothing is heard but the answer.

    Attributes:
        channel: which; `None` is all of them.
    """

    channel: str | None


class SubscriptionFaults(ABC):
    """The part of the fault menu that is about subscribing.

    `channel` aims at one channel; `times=None` lasts.
    """

    def __init__(self) -> None:
        self._mutes: list[Mute] = []

    @abstractmethod
    def _receive_by(self, rule: R) -> R:
        """Put a rule on requests in force, and return it."""

    @abstractmethod
    def _note(self, event: str, detail: str = "") -> None: ...

    def refuse_subscriptions(
        self,
        error: str = "EService:Busy",
        times: int | None = 1,
        *,
        channel: str | None = None,
        method: Subscribing = "subscribe",
    ) -> Rule[Request]:
        """Refuse requests to subscribe, whatever they ask for.

        Args:
            error: what the answer says.
            times: how many; `None` for all of them.
            channel: which.
            method: `unsubscribe` refuses those instead.
        """

        def act(session: Session, request: Request) -> list[Request]:
            named = request.channel if request.channel in requests.TOKEN_CHANNELS else None
            session.refuse(request, Refused(error, channel=named))
            return []

        rule = Rule("refuse_subscriptions", _asks(method, channel), act, times=times)
        return self._receive_by(rule)

    def ignore_subscriptions(
        self,
        times: int | None = 1,
        *,
        channel: str | None = None,
        method: Subscribing = "subscribe",
    ) -> Rule[Request]:
        """Let requests to subscribe not arrive: nothing comes of them, and no answer.

        Args:
            times: how many; `None` for all of them.
            channel: which.
            method: `unsubscribe` ignores those instead.
        """
        rule = Rule("ignore_subscriptions", _asks(method, channel), rules.swallow, times=times)
        return self._receive_by(rule)

    def mute_subscriptions(self, times: int | None = 1, *, channel: str | None = None) -> Mute:
        """Answer requests to subscribe, but send neither a snapshot nor updates.

        The subscription stays mute until it is made anew. A subscription of many symbols counts
        once for each.
        """
        mute = Mute("mute_subscriptions", channel, times=times)
        self._mutes.append(mute)
        return mute

    def mutes(self, channel: str) -> bool:
        """Tell whether a new subscription stays mute, and count it."""
        for mute in self._mutes:
            if not mute.spent and mute.channel in (None, channel):
                mute.fired += 1
                self._note(mute.name, channel)
                return True
        return False


def _asks(method: Subscribing, channel: str | None) -> Callable[[Request], bool]:
    """Match requests to subscribe to one channel, or to any."""
    return lambda request: request.method == method and channel in (None, request.channel)
