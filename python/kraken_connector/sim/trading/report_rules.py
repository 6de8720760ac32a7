"""Rules on reports of executions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ..observe import Journal
from ..rules import Counted
from .stream import Execution

R = TypeVar("R", bound="ReportRule")

Edit: TypeAlias = Callable[[Execution], list[Execution]]


@dataclass(eq=False, slots=True)
class ReportRule(Counted):
    """A fault on reports of executions before they are numbered, so that no number is missing.

    Attributes:
        exec_types: which reports; empty means all.
        act: returns the reports that are published instead of one.
    """

    exec_types: Collection[str]
    act: Edit

    def meets(self, execution: Execution) -> bool:
        """Return whether the rule acts on a report."""
        kind = execution.report["exec_type"]
        return not self.spent and (not self.exec_types or kind in self.exec_types)

    def apply(self, execution: Execution) -> list[Execution]:
        """Return the reports that are published instead of one."""
        if not self.meets(execution):
            return [execution]
        self.fired += 1
        return self.act(execution)


@dataclass(eq=False, slots=True)
class OvertakenReports(ReportRule):
    """Lets a later report of the same order overtake reports.

    Attributes:
        by: the `exec_type` of the later one.
        wait: seconds until reports are published that nothing overtakes.
        publish: publishes a report.
        held: the reports that wait, by order.
    """

    by: str = field(kw_only=True)
    wait: float = field(kw_only=True)
    publish: Callable[[Execution], None] = field(kw_only=True)
    held: dict[str, list[Execution]] = field(default_factory=dict, kw_only=True)

    def apply(self, execution: Execution) -> list[Execution]:
        """Hold a report, or publish it before those that are held."""
        order_id = execution.report["order_id"]
        if execution.report["exec_type"] == self.by:
            return [execution, *self.held.pop(order_id, [])]
        if not self.meets(execution):
            return [execution]
        self.fired += 1
        if order_id not in self.held:
            self.held[order_id] = []
            asyncio.get_running_loop().call_later(self.wait, self._give_up, order_id)
        self.held[order_id].append(execution)
        return []

    def _give_up(self, order_id: str) -> None:
        for execution in self.held.pop(order_id, []):
            self.publish(execution)


class ReportRules:
    """The rules on reports that are in force.

    Args:
        journal: records each rule that acts.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rules: list[ReportRule] = []

    def add(self, rule: R) -> R:
        """Put a rule in force, and return it."""
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """End all rules."""
        self._rules.clear()

    def edited(self, execution: Execution) -> list[Execution]:
        """Return the reports that are published instead of one; all rules apply in turn."""
        executions = [execution]
        for rule in self._rules:
            executions = [edited for one in executions for edited in self._apply(rule, one)]
        return executions

    def _apply(self, rule: ReportRule, execution: Execution) -> list[Execution]:
        before = rule.fired
        edited = rule.apply(execution)
        if rule.fired > before:
            self._journal.add(rule.name, execution.report["exec_type"])
        return edited
