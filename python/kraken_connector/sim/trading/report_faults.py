"""Faults on the reports and snapshots of the private channels."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from decimal import Decimal

import orjson

from .. import rules
from ..accounts import Account
from ..active_rules import ActiveRules
from ..registry import SubscriptionRegistry
from ..rules import Held, Rule
from ..subscription import Subscription
from ..writer import Outgoing
from .report_rules import Edit, OvertakenReports, ReportRule, ReportRules
from .stream import Execution, PrivateStream

CLIENT_IDS = ("cl_ord_id", "order_userref")


class ReportFaults(ActiveRules):
    """Faults on `executions` and `balances`. `times=None` has no limit."""

    def __init__(
        self,
        report_rules: ReportRules,
        account: Account,
        stream: PrivateStream,
        registry: SubscriptionRegistry,
    ) -> None:
        self._report_rules = report_rules
        self._account = account
        self._stream = stream
        self._registry = registry

    # Messages, which keep their sequence numbers.

    def hold_reports(
        self, times: int | None = None, *, channel: str = "executions"
    ) -> Held[Outgoing]:
        """Hold updates of a private channel until `release()` of the result is called."""
        matches = rules.data(channel, None)
        rule = Held("hold_reports", matches, times=times, deliver=rules.transmit)
        return self._add_message_rule(rule)

    def delay_reports(
        self, seconds: float, times: int | None = None, *, channel: str = "executions"
    ) -> Rule[Outgoing]:
        """Send updates of a private channel late; replies and snapshots overtake them."""
        act = rules.delay(seconds, rules.transmit)
        return self._on_messages("delay_reports", rules.data(channel, None), act, times)

    def duplicate_reports(
        self, times: int | None = 1, *, channel: str = "executions"
    ) -> Rule[Outgoing]:
        """Send updates of a private channel twice, with the same sequence number."""
        matches = rules.data(channel, None)
        return self._on_messages("duplicate_reports", matches, rules.double, times)

    def lose_reports(self, times: int | None = 1, *, channel: str = "executions") -> Rule[Outgoing]:
        """Drop updates of a private channel; their sequence numbers are missing."""
        return self._on_messages("lose_reports", rules.data(channel, None), rules.swallow, times)

    # Reports before they are numbered, so that no sequence number is missing.

    def edit_reports(
        self, act: Edit, *exec_types: str, times: int | None = 1, name: str = "edit_reports"
    ) -> ReportRule:
        """Add a fault of your own on reports of executions, before they are numbered.

        Args:
            act: returns the reports that are published instead of one.
            exec_types: which reports; all by default.
            times: how many; `None` for all of them.
            name: as in the log.
        """
        return self._report_rules.add(ReportRule(name, frozenset(exec_types), act, times=times))

    def alter_reports(
        self,
        *exec_types: str,
        times: int | None = 1,
        drop: Collection[str] = (),
        quote: Collection[str] = (),
        **fields: object,
    ) -> ReportRule:
        """Send reports of executions with other fields.

        `alter_reports("canceled", order_status="new")` makes a report contradict itself,
        `alter_reports("trade", quote=["last_qty"])` sends a number as a string.

        Args:
            exec_types: which reports; all by default.
            times: how many; `None` for all of them.
            drop: fields that are left out.
            quote: fields that are sent as strings.
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
        """Send reports of executions without the client's id of the order.

        Args:
            exec_types: which reports; `trade` and `status` by default.
            times: how many; `None` for all of them.
        """
        return self.alter_reports(
            *(exec_types or ("trade", "status")), times=times, drop=CLIENT_IDS
        )

    def overtake_reports(
        self, *exec_types: str, by: str, times: int | None = None, wait: float = 1.0
    ) -> OvertakenReports:
        """Send reports of an order after a later report of the same order.

        With `overtake_reports("trade", by="canceled")` an order ends before its last fill is
        reported.

        Args:
            exec_types: which reports are late.
            by: the `exec_type` of the report that comes first.
            times: how many are late; `None` for all of them.
            wait: seconds until reports are sent that nothing overtakes.
        """
        rule = OvertakenReports(
            "overtake_reports",
            frozenset(exec_types),
            lambda execution: [execution],
            times=times,
            by=by,
            wait=wait,
            publish=self._stream.publish,
        )
        return self._report_rules.add(rule)

    # The stream.

    def lag_stream(self, seconds: float, *, reports: bool = True) -> None:
        """Show the account as it was `seconds` ago, until `clear()`; replies are not late.

        Args:
            seconds: how long ago.
            reports: whether reports are late too. Otherwise only snapshots show the past, so
                that a new subscriber misses the changes of the last `seconds`.
        """
        self._log("lag_stream", str(seconds))
        self._stream.lag(seconds, self._account.shown(), holds_reports=reports)

    def send_snapshots(self, channel: str = "executions") -> None:
        """Send every subscriber of a private channel an unsolicited snapshot.

        Its sequence number is 1, and that of the next update is 2.
        """

        def restart(subscription: Subscription) -> None:
            subscription.sequence = 0
            self._account.start(subscription)

        self._each_subscription("send_snapshots", channel, restart)

    def reset_sequence(self, channel: str = "executions") -> None:
        """Number the next update of a private channel 1, without a snapshot."""

        def restart(subscription: Subscription) -> None:
            subscription.sequence = 0

        self._each_subscription("reset_sequence", channel, restart)

    def skip_sequence(self, channel: str, by: int = 1) -> None:
        """Leave out sequence numbers of a private channel, as if messages were lost."""

        def skip(subscription: Subscription) -> None:
            subscription.sequence += by

        self._each_subscription("skip_sequence", channel, skip)

    def _each_subscription(
        self, name: str, channel: str, act: Callable[[Subscription], None]
    ) -> None:
        self._log(name, channel)
        for subscription in self._registry.subscriptions((channel, None, None)):
            act(subscription)
