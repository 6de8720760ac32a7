"""What goes wrong with the reports of the private channels, on command."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import orjson

from .. import rules
from ..rules import Counted, Held, Rule
from ..session import Outgoing
from .stream import Execution

if TYPE_CHECKING:
    from ..server import SimulatedExchange

R = TypeVar("R", bound=Rule[Any])
E = TypeVar("E", bound="ReportRule")

Edit: TypeAlias = Callable[[Execution], list[Execution]]

NAMES = ("cl_ord_id", "order_userref")


@dataclass(eq=False, slots=True)
class ReportRule(Counted):
    """A fault on reports of executions before they are numbered, so that no number is missing.

    Attributes:
        exec_types: which reports; none means all.
        act: returns what is told in a report's place.
    """

    exec_types: Collection[str]
    act: Edit

    def meets(self, execution: Execution) -> bool:
        """Tell whether the rule acts on a report."""
        kind = execution.report["exec_type"]
        return not self.spent and (not self.exec_types or kind in self.exec_types)

    def apply(self, execution: Execution) -> list[Execution]:
        """Return what is told in a report's place."""
        if not self.meets(execution):
            return [execution]
        self.fired += 1
        return self.act(execution)


@dataclass(eq=False, slots=True)
class OvertakenReports(ReportRule):
    """Reports that a later one of their order overtakes.

    Attributes:
        by: the kind of the later one.
        wait: seconds after which reports that nothing overtakes are told all the same.
        tell: tells a report.
        held: the reports that wait, by order.
    """

    by: str = field(kw_only=True)
    wait: float = field(kw_only=True)
    tell: Callable[[Execution], None] = field(kw_only=True)
    held: dict[str, list[Execution]] = field(default_factory=dict, kw_only=True)

    def apply(self, execution: Execution) -> list[Execution]:
        """Hold a report back, or tell it before those that were held back."""
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
            self.tell(execution)


class ReportFaults(ABC):
    """The part of the fault menu that is about `executions` and `balances`.

    `times=None` lasts.
    """

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._report_rules: list[ReportRule] = []

    @abstractmethod
    def _send_by(self, rule: R) -> R:
        """Put a rule on outgoing messages in force, and return it."""

    @abstractmethod
    def _note(self, event: str, detail: str = "") -> None: ...

    # Messages: their numbers stay with them.

    def hold_reports(
        self, times: int | None = None, *, channel: str = "executions"
    ) -> Held[Outgoing]:
        """Send updates of a private channel only when `release()` of the result is called."""
        rule = Held(
            "hold_reports",
            rules.data(channel, None),
            rules.swallow,
            times=times,
            deliver=rules.transmit,
        )
        return self._send_by(rule)

    def delay_reports(
        self, seconds: float, times: int | None = None, *, channel: str = "executions"
    ) -> Rule[Outgoing]:
        """Send updates of a private channel late; replies and snapshots overtake them."""
        act = rules.delay(seconds, rules.transmit)
        return self._on_updates("delay_reports", act, times, channel)

    def duplicate_reports(
        self, times: int | None = 1, *, channel: str = "executions"
    ) -> Rule[Outgoing]:
        """Send updates of a private channel twice, with the same sequence number."""
        return self._on_updates("duplicate_reports", rules.double, times, channel)

    def lose_reports(self, times: int | None = 1, *, channel: str = "executions") -> Rule[Outgoing]:
        """Do not send updates of a private channel; their sequence numbers are missing."""
        return self._on_updates("lose_reports", rules.swallow, times, channel)

    # Reports: no number is missing.

    def edit_reports(
        self, act: Edit, *exec_types: str, times: int | None = 1, name: str = "edit_reports"
    ) -> ReportRule:
        """Make a fault of your own on reports of executions, before they are numbered.

        Args:
            act: gets a report and returns what is told in its place.
            exec_types: which reports; all if none is named.
            times: how many; `None` for all of them.
            name: as in the log.
        """
        return self._edit_by(ReportRule(name, frozenset(exec_types), act, times=times))

    def alter_reports(
        self,
        *exec_types: str,
        times: int | None = 1,
        drop: Collection[str] = (),
        quote: Collection[str] = (),
        **fields: object,
    ) -> ReportRule:
        """Send reports of executions with other fields.

        `alter_reports("canceled", order_status="new")` contradicts itself,
        `alter_reports("trade", quote=["last_qty"])` has a text where a number belongs.

        Args:
            exec_types: which reports; all if none is named.
            times: how many; `None` for all of them.
            drop: fields that are left out.
            quote: fields whose numbers become texts.
            fields: fields that are added or replaced; a `Decimal` is sent with its own digits, as
                in `last_qty=Decimal("1e999999999999999999")`.
        """

        given = {
            key: orjson.Fragment(str(value)) if isinstance(value, Decimal) else value
            for key, value in fields.items()
        }

        def alter(execution: Execution) -> list[Execution]:
            kept = {key: value for key, value in execution.report.items() if key not in drop}
            texts = {key: orjson.dumps(kept[key]).decode() for key in quote if key in kept}
            return [replace(execution, report={**kept, **texts, **given})]

        return self.edit_reports(alter, *exec_types, times=times, name="alter_reports")

    def nameless_reports(self, *exec_types: str, times: int | None = None) -> ReportRule:
        """Send reports of executions without the client's name of the order.

        Args:
            exec_types: which reports; `trade` and `status` if none is named.
            times: how many; `None` for all of them.
        """
        return self.alter_reports(*(exec_types or ("trade", "status")), times=times, drop=NAMES)

    def overtake_reports(
        self, *exec_types: str, by: str, times: int | None = None, wait: float = 1.0
    ) -> OvertakenReports:
        """Send reports of an order after a later one of it.

        With `overtake_reports("trade", by="canceled")` an order ends before its last fill is told.

        Args:
            exec_types: which reports are late.
            by: the `exec_type` of the one that comes first.
            times: how many are late; `None` for all of them.
            wait: seconds after which reports that nothing overtakes are sent all the same.
        """
        rule = OvertakenReports(
            "overtake_reports",
            frozenset(exec_types),
            lambda execution: [execution],
            times=times,
            by=by,
            wait=wait,
            tell=self._exchange.stream.tell,
        )
        return self._edit_by(rule)

    # The stream.

    def lag_stream(self, seconds: float, *, reports: bool = True) -> None:
        """Show the account as it was `seconds` ago, until `clear()`; replies come at once.

        Args:
            seconds: how long ago.
            reports: whether reports are late too. Otherwise only snapshots show the past, so
                that what happened in between is told to nobody who subscribes.
        """
        self._note("lag_stream", str(seconds))
        shown = self._exchange.account.shown()
        self._exchange.stream.lag(seconds, shown, holds_reports=reports)

    def send_snapshots(self, channel: str = "executions") -> None:
        """Send every subscriber of a private channel a snapshot that nobody asked for.

        Its number is 1, and the next update has 2.
        """
        self._note("send_snapshots", channel)
        for subscription in self._exchange.registry.listeners((channel, None, None)):
            subscription.sequence = 0
            self._exchange.start(subscription)

    def reset_sequence(self, channel: str = "executions") -> None:
        """Give the next update of a private channel the number 1, without a snapshot."""
        self._note("reset_sequence", channel)
        for subscription in self._exchange.registry.listeners((channel, None, None)):
            subscription.sequence = 0

    def skip_sequence(self, channel: str, by: int = 1) -> None:
        """Leave out sequence numbers of a private channel, as if messages were lost."""
        self._note("skip_sequence", channel)
        for subscription in self._exchange.registry.listeners((channel, None, None)):
            subscription.sequence += by

    # What the exchange asks.

    def edited(self, execution: Execution) -> list[Execution]:
        """Return what is told in the place of a report; every rule has its turn."""
        told = [execution]
        for rule in self._report_rules:
            told = [leaving for one in told for leaving in self._edited_by(rule, one)]
        return told

    def _edited_by(self, rule: ReportRule, execution: Execution) -> list[Execution]:
        before = rule.fired
        told = rule.apply(execution)
        if rule.fired > before:
            self._note(rule.name, execution.report["exec_type"])
        return told

    def _edit_by(self, rule: E) -> E:
        self._report_rules.append(rule)
        return rule

    def _on_updates(
        self, name: str, act: rules.Act[Outgoing], times: int | None, channel: str
    ) -> Rule[Outgoing]:
        return self._send_by(Rule(name, rules.data(channel, None), act, times=times))
