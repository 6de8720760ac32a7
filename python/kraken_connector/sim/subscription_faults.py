"""Faults on subscriptions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import requests, rules
from .active_rules import ActiveRules
from .registry import SubscriptionRegistry
from .requests import UNSUPPORTED_PAIR, Refused, Request
from .rules import Counted, Rule
from .session import Session

Subscribing = Literal["subscribe", "unsubscribe"]


@dataclass(eq=False, slots=True)
class Mute(Counted):
    """A fault on subscriptions: they are acked, but no messages are sent.

    Attributes:
        channel: which; `None` is all of them.
        symbol: of which pair; `None` is all of them.
        after: how many messages are sent before.
    """

    channel: str | None
    symbol: str | None
    after: int

    def meets(self, channel: str, symbol: str | None) -> bool:
        """Return whether it acts on a subscription."""
        matches = self.channel in (None, channel) and self.symbol in (None, symbol)
        return matches and not self.spent


class SubscriptionFaults(ActiveRules):
    """Faults on subscriptions.

    `channel` selects one channel; `times=None` has no limit.
    """

    def __init__(self, registry: SubscriptionRegistry) -> None:
        self._registry = registry
        self._mutes: list[Mute] = []
        self._refused_symbols: dict[str, str] = {}

    def refuse_symbols(self, *symbols: str, error: str = UNSUPPORTED_PAIR) -> None:
        """Refuse new subscriptions to some symbols; `{}` in the error stands for the symbol."""
        self._refused_symbols |= {symbol: error.format(symbol) for symbol in symbols}
        self._log("refuse_symbols", " ".join(symbols))

    def refuse_subscriptions(
        self,
        error: str = "EService:Busy",
        times: int | None = 1,
        *,
        channel: str | None = None,
        method: Subscribing = "subscribe",
    ) -> Rule[Request]:
        """Refuse requests to subscribe.

        Args:
            error: the error of the answer.
            times: how many; `None` for all of them.
            channel: which.
            method: `unsubscribe` refuses those instead.
        """

        def act(session: Session, request: Request) -> list[Request]:
            named = request.channel if request.channel in requests.TOKEN_CHANNELS else None
            session.refuse(request, Refused(error, channel=named))
            return []

        rule = Rule("refuse_subscriptions", _requests(method, channel), act, times=times)
        return self._add_request_rule(rule)

    def ignore_subscriptions(
        self,
        times: int | None = 1,
        *,
        channel: str | None = None,
        method: Subscribing = "subscribe",
    ) -> Rule[Request]:
        """Drop requests to subscribe: they are neither carried out nor answered.

        Args:
            times: how many; `None` for all of them.
            channel: which.
            method: `unsubscribe` ignores those instead.
        """
        rule = Rule("ignore_subscriptions", _requests(method, channel), rules.swallow, times=times)
        return self._add_request_rule(rule)

    def mute_subscriptions(
        self,
        times: int | None = 1,
        *,
        channel: str | None = None,
        symbol: str | None = None,
        after: int = 0,
    ) -> Mute:
        """Answer requests to subscribe, but send neither a snapshot nor updates.

        The subscription stays mute until the client subscribes again. A request for several
        symbols counts once for each.

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
        """Send nothing more on the present subscriptions, until the client subscribes again.

        Args:
            channel: which.
            symbol: of which pair.
        """
        meant = Mute("mute_streams", channel, symbol, 0, times=None)
        self._log(meant.name, " ".join(name for name in (channel, symbol) if name))
        for subscription in self._registry.all():
            if meant.meets(subscription.channel, subscription.symbol):
                subscription.left = 0

    def lets_through(self, channel: str, symbol: str | None) -> float:
        """Return how many messages of a new subscription are sent, and count it if it is muted."""
        for mute in self._mutes:
            if mute.meets(channel, symbol):
                mute.fired += 1
                self._log(mute.name, channel)
                return mute.after
        return math.inf

    def refusal_of(self, symbol: str | None) -> str | None:
        """Return the error that refuses subscriptions to a symbol, if any."""
        return self._refused_symbols.get(symbol) if symbol is not None else None

    def _clear_subscriptions(self) -> None:
        self._mutes.clear()
        self._refused_symbols.clear()


def _requests(method: Subscribing, channel: str | None) -> Callable[[Request], bool]:
    """Match requests to subscribe or unsubscribe, of one channel or of all."""
    return lambda request: request.method == method and channel in (None, request.channel)
