"""The rules that are in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from . import rules
from .observe import Journal
from .requests import Request
from .rules import Countdown, Rule
from .session import Session
from .writer import Outgoing

R = TypeVar("R", bound=Rule[Any])


class ActiveRules:
    """The rules in force on outgoing messages and on requests; the base of all faults.

    Args:
        journal: records each fault that acts.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._message_rules: list[Rule[Outgoing]] = []
        self._request_rules: list[Rule[Request]] = []
        self._countdowns: list[Countdown] = []

    def pass_on(self, session: Session, message: Outgoing) -> list[Outgoing]:
        """Return the messages that are sent now instead of one."""
        for countdown in self._countdowns:
            if countdown.count(session, message):
                # Not at once: the same message may complete another countdown.
                asyncio.get_running_loop().call_soon(countdown.act)
        self._countdowns = [countdown for countdown in self._countdowns if countdown.left]
        for rule in self._message_rules:
            if rule.meets(session, message):
                leaving = rule.apply(session, message)
                if rule.is_over:
                    self._message_rules.remove(rule)
                self._journal.add(rule.name, message.symbol or "", connection=session.number)
                return leaving
        return [message]

    def arriving(self, session: Session, request: Request) -> list[Request]:
        """Return the requests that arrive now instead of one."""
        for rule in self._request_rules:
            if rule.meets(session, request):
                arriving = rule.apply(session, request)
                self._log(rule.name, request.method)
                return arriving
        return [request]

    def _clear_rules(self) -> None:
        self._message_rules.clear()
        self._request_rules.clear()
        self._countdowns.clear()

    def _add_message_rule(self, rule: R) -> R:
        """Put a rule on outgoing messages in force, and return it."""
        self._message_rules.append(rule)
        return rule

    def _add_request_rule(self, rule: R) -> R:
        """Put a rule on requests in force, and return it."""
        self._request_rules = [other for other in self._request_rules if not other.is_over]
        self._request_rules.append(rule)
        return rule

    def _on_messages(
        self,
        name: str,
        matches: Callable[[Outgoing], bool],
        act: rules.Act[Outgoing],
        times: int | None,
    ) -> Rule[Outgoing]:
        return self._add_message_rule(Rule(name, matches, act, times=times))

    def _log(self, event: str, detail: str = "") -> None:
        self._journal.add(event, detail)
