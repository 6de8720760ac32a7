"""Faults on REST calls that are in force."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from ..rules import Counted
from .envelope import Answer, refusal

LOCKED_OUT = "EGeneral:Temporary lockout"
Proceed: TypeAlias = Callable[[], Answer]
"""Carries a call out, unless another fault prevents it, and returns its answer."""


@dataclass(slots=True)
class Received:
    """A call that was received.

    Attributes:
        name: such as `CancelAll`.
        admit: returns the answer that refuses it, if key, nonce, permissions or the counter do;
            checks only once.
        carry: checks it and carries it out.
    """

    name: str
    admit: Callable[[], Answer | None]
    carry: Proceed


Act: TypeAlias = Callable[[Received, Proceed], Answer]


@dataclass(eq=False, slots=True)
class RestRule(Counted):
    """A fault on REST calls.

    Attributes:
        calls: the names of the calls on which it acts; `None` is all of them.
        act: returns the answer to a call, which it may carry out.
        on_success: whether it acts only on the answers of calls that were carried out.
    """

    calls: Collection[str] | None
    act: Act
    on_success: bool = field(default=False, kw_only=True)

    def meets(self, call: Received) -> bool:
        """Return whether it acts on a call."""
        return not self.spent and (self.calls is None or call.name in self.calls)

    def apply(self, call: Received, proceed: Proceed) -> Answer:
        """Return the answer to a call."""
        if self.on_success:
            answer = proceed()
            if not answer.is_success:
                return answer
            self.fired += 1
            return self.act(call, lambda: answer)
        self.fired += 1
        return self.act(call, proceed)


@dataclass(eq=False, slots=True)
class Lockout(RestRule):
    """Refuses calls until a time.

    Attributes:
        until_ns: the time, ns since the epoch.
        lasts_ns: how long each call that is refused prolongs it from now; 0 does not.
        clock: returns nanoseconds since the epoch.
    """

    act: Act = field(default=lambda call, proceed: refusal(LOCKED_OUT), kw_only=True)
    until_ns: int = field(kw_only=True)
    lasts_ns: int = field(kw_only=True)
    clock: Callable[[], int] = field(kw_only=True)

    def meets(self, call: Received) -> bool:
        """Return whether a call is refused, and prolong the lockout if calls do so."""
        # `super()` does not work here: `slots=True` replaces the class that it refers to.
        now_ns = self.clock()
        is_locked = RestRule.meets(self, call) and now_ns < self.until_ns
        if is_locked and self.lasts_ns:
            self.until_ns = now_ns + self.lasts_ns
        return is_locked


class RestRules:
    """The faults in force; each may change what the next ones make of a call.

    Args:
        on_fire: called with the name of a fault that acts, and that of the call.
    """

    def __init__(self, on_fire: Callable[[str, str], None]) -> None:
        self._on_fire = on_fire
        self._rules: list[RestRule] = []

    def add(self, rule: RestRule, *, first: bool = False) -> RestRule:
        """Put a fault in force, after the others or before them, and return it."""
        self._rules = [other for other in self._rules if not other.spent]
        self._rules.insert(0 if first else len(self._rules), rule)
        return rule

    def clear(self) -> None:
        """End all faults."""
        self._rules.clear()

    def answer(self, call: Received) -> Answer:
        """Return the answer to a call under the faults in force."""
        return self._answer(call, self._rules[:])

    def _answer(self, call: Received, rules: list[RestRule]) -> Answer:
        index = next((at for at, rule in enumerate(rules) if rule.meets(call)), None)
        if index is None:
            return call.carry()
        rule, fired = rules[index], rules[index].fired
        answer = rule.apply(call, lambda: self._answer(call, rules[index + 1 :]))
        if rule.fired > fired:
            self._on_fire(rule.name, call.name)
        return answer
