"""What goes wrong between an order, its reply and its reports, on command."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from .. import rules
from ..requests import TRADING_METHODS, Refused, Request
from ..rules import Rule
from ..session import Outgoing, Session

Arrival: TypeAlias = Callable[[Session, Request], None]


@dataclass(eq=False, slots=True)
class RequestRule:
    """A fault on order requests that come in.

    Attributes:
        name: as in the log.
        method: which method; `None` is all of them.
        act: what happens in the request's place.
        times: how often at most; `None` is for ever.
        fired: how often so far.
    """

    name: str
    method: str | None
    act: Arrival
    times: int | None = 1
    fired: int = 0

    @property
    def spent(self) -> bool:
        """Whether the rule does nothing any more."""
        return self.times is not None and self.fired >= self.times

    def cancel(self) -> None:
        """Do nothing any more."""
        self.times = self.fired

    def meets(self, request: Request) -> bool:
        """Tell whether the rule acts on a request."""
        is_meant = request.method in TRADING_METHODS and self.method in (None, request.method)
        return is_meant and not self.spent


@dataclass(eq=False, slots=True)
class HeldRequests(RequestRule):
    """Requests that are on their way until they are let go."""

    held: list[tuple[Session, Request]] = field(default_factory=list)

    def release(self) -> None:
        """Let them arrive, and hold no more."""
        self.cancel()
        held, self.held = self.held, []
        for session, request in held:
            session.take(request)


@dataclass(eq=False, slots=True)
class HeldMessages(Rule):
    """Messages that are on their way until they are let go."""

    held: list[tuple[Session, Outgoing]] = field(default_factory=list)

    def release(self) -> None:
        """Send them in their order, and hold no more."""
        self.cancel()
        held, self.held = self.held, []
        for session, message in held:
            session.connection.transmit(message)


class TradingFaults(ABC):
    """The part of the fault menu that is about orders.

    `method` aims at one order method; `times=None` lasts.
    """

    def __init__(self) -> None:
        self._arrivals: list[RequestRule] = []

    @abstractmethod
    def add_rule(self, rule: Rule) -> None:
        """Put a rule on outgoing messages in force."""

    @abstractmethod
    def _note(self, event: str, detail: str = "") -> None: ...

    # Requests.

    def lose_requests(
        self, times: int | None = 1, *, method: str | None = None, cut: bool = False
    ) -> RequestRule:
        """Let order requests not arrive: they are neither carried out nor answered.

        Args:
            times: how many; `None` for all of them.
            method: which.
            cut: whether the connection is reset in their place.
        """

        def act(session: Session, request: Request) -> None:
            if cut:
                session.connection.abort()

        return self._add_arrival(RequestRule("lose_requests", method, act, times))

    def delay_requests(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> RequestRule:
        """Let order requests arrive late; their deadline counts from when they were sent."""

        def act(session: Session, request: Request) -> None:
            asyncio.get_running_loop().call_later(seconds, session.take, request)

        return self._add_arrival(RequestRule("delay_requests", method, act, times))

    def hold_requests(self, times: int | None = None, *, method: str | None = None) -> HeldRequests:
        """Let order requests arrive only when `release()` of the result is called."""
        held: list[tuple[Session, Request]] = []

        def act(session: Session, request: Request) -> None:
            held.append((session, request))

        rule = HeldRequests("hold_requests", method, act, times, held=held)
        self._add_arrival(rule)
        return rule

    def refuse_orders(
        self, error: str, times: int | None = 1, *, method: str | None = None
    ) -> RequestRule:
        """Refuse order requests with a text, for example `EGeneral:Internal error`."""

        def act(session: Session, request: Request) -> None:
            session.refuse(request, Refused(error))

        return self._add_arrival(RequestRule("refuse_orders", method, act, times))

    # Replies.

    def lose_replies(self, times: int | None = 1, *, method: str | None = None) -> Rule:
        """Carry order requests out without a reply."""
        return self._on_replies("lose_replies", rules.swallow, times, method)

    def delay_replies(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> Rule:
        """Send replies to order requests late; reports overtake them."""
        return self._on_replies("delay_replies", rules.delay(seconds), times, method)

    def hold_replies(self, times: int | None = None, *, method: str | None = None) -> HeldMessages:
        """Send replies to order requests only when `release()` of the result is called."""
        return self._hold("hold_replies", rules.reply(method), times)

    def duplicate_replies(self, times: int | None = 1, *, method: str | None = None) -> Rule:
        """Send replies to order requests twice."""
        return self._on_replies("duplicate_replies", rules.double, times, method)

    def cut_before_reply(self, times: int | None = 1, *, method: str | None = None) -> Rule:
        """Carry order requests out, and reset the connection instead of replying."""
        return self._on_replies("cut_before_reply", rules.abort, times, method)

    # Reports.

    def hold_reports(
        self, times: int | None = None, *, channel: str = "executions"
    ) -> HeldMessages:
        """Send updates of a private channel only when `release()` of the result is called."""
        return self._hold("hold_reports", rules.data(channel, None), times)

    def delay_reports(
        self, seconds: float, times: int | None = None, *, channel: str = "executions"
    ) -> Rule:
        """Send updates of a private channel late; replies overtake them."""
        matches = rules.data(channel, None)
        return self._add("delay_reports", matches, rules.delay(seconds), times)

    def duplicate_reports(self, times: int | None = 1, *, channel: str = "executions") -> Rule:
        """Send updates of a private channel twice, with the same sequence number."""
        return self._add("duplicate_reports", rules.data(channel, None), rules.double, times)

    def lose_reports(self, times: int | None = 1, *, channel: str = "executions") -> Rule:
        """Do not send updates of a private channel; their sequence numbers are missing."""
        return self._add("lose_reports", rules.data(channel, None), rules.swallow, times)

    # What the exchange asks.

    def take(self, session: Session, request: Request) -> bool:
        """Tell whether a fault takes a request that comes in, and let it."""
        for rule in self._arrivals:
            if rule.meets(request):
                rule.fired += 1
                self._note(rule.name, request.method)
                rule.act(session, request)
                return True
        return False

    def _add_arrival(self, rule: RequestRule) -> RequestRule:
        self._arrivals = [other for other in self._arrivals if not other.spent]
        self._arrivals.append(rule)
        return rule

    def _on_replies(self, name: str, act: rules.Act, times: int | None, method: str | None) -> Rule:
        return self._add(name, rules.reply(method), act, times)

    def _add(
        self, name: str, matches: Callable[[Outgoing], bool], act: rules.Act, times: int | None
    ) -> Rule:
        rule = Rule(name, matches, act, times)
        self.add_rule(rule)
        return rule

    def _hold(
        self, name: str, matches: Callable[[Outgoing], bool], times: int | None
    ) -> HeldMessages:
        held: list[tuple[Session, Outgoing]] = []

        def act(session: Session, message: Outgoing) -> list[Outgoing]:
            held.append((session, message))
            return []

        rule = HeldMessages(name, matches, act, times, held=held)
        self.add_rule(rule)
        return rule
