"""What goes wrong with subscriptions, on command."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from . import requests, rules
from .requests import Refused, Request
from .rules import Counted, Rule
from .session import Session, Subscription

R = TypeVar("R", bound=Rule[Any])

Subscribing = Literal["subscribe", "unsubscribe"]


@dataclass(eq=False, slots=True)
class Mute(Counted):
    """Subscriptions of which nothing is heard but the answer.

    Attributes:
        channel: which; `None` is all of them.
        symbol: of which pair; `None` is all of them.
        after: how many messages are heard before.
    """

    channel: str | None
    symbol: str | None
    after: int

    def meets(self, channel: str, symbol: str | None) -> bool:
        """Tell whether a subscription is meant."""
        meant = self.channel in (None, channel) and self.symbol in (None, symbol)
        return meant and not self.spent


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
    def _subscriptions(self) -> Iterable[Subscription]:
        """Return all that is subscribed."""

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

    def mute_subscriptions(
        self,
        times: int | None = 1,
        *,
        channel: str | None = None,
        symbol: str | None = None,
        after: int = 0,
    ) -> Mute:
        """Answer requests to subscribe, but send neither a snapshot nor updates.

        The subscription stays mute until it is made anew. A subscription of many symbols counts
        once for each.

        Args:
            times: how many; `None` for all of them.
            channel: which.
            symbol: of which pair.
            after: how many messages, the snapshot among them, are sent before.
        """
        mute = Mute("mute_subscriptions", channel, symbol, after, times=times)
        self._mutes.append(mute)
        return mute

    def mute_streams(self, *, channel: str | None = None, symbol: str | None = None) -> None:
        """Send nothing more on subscriptions that there are, until they are made anew.

        Args:
            channel: which.
            symbol: of which pair.
        """
        meant = Mute("mute_streams", channel, symbol, 0, times=None)
        self._note(meant.name, " ".join(name for name in (channel, symbol) if name))
        for subscription in self._subscriptions():
            if meant.meets(subscription.channel, subscription.symbol):
                subscription.left = 0

    def lets_through(self, channel: str, symbol: str | None) -> float:
        """Return how many messages of a new subscription are sent, and count it if not all."""
        for mute in self._mutes:
            if mute.meets(channel, symbol):
                mute.fired += 1
                self._note(mute.name, channel)
                return mute.after
        return math.inf


def _asks(method: Subscribing, channel: str | None) -> Callable[[Request], bool]:
    """Match requests to subscribe to one channel, or to any."""
    return lambda request: request.method == method and channel in (None, request.channel)
