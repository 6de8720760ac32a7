"""Sends the account's reports to the subscribers of `executions` and `balances`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ..encode import encode
from ..registry import SubscriptionRegistry
from ..reports import Report
from ..subscription import Subscription
from .lag import Change, Lag, Shown

ALWAYS_REPORTED = frozenset({"new", "trade", "filled", "canceled", "expired"})
"""The reports that a subscriber with `order_status:false` gets too."""

USER = "AA11 N84G SIMU LATE"

Kind = Literal["snapshot", "update"]


@dataclass(frozen=True, slots=True)
class Execution:
    """A report of `executions` before it is numbered.

    Attributes:
        report: the item of the message.
        count: the rate counter of the pair at the time of the report.
    """

    report: Report
    count: int


class PrivateStream:
    """Sends reports in order, one in each message.

    Args:
        registry: the subscriptions.
        rate_count: returns the rate counter of a symbol.
        edit: returns the reports of executions that are published instead of one.
        rate_key: the field of the rate counter in reports; `None` leaves it out.
        parts: how many messages a snapshot has.
        pause: seconds between them; updates wait for the last one.
        delay: seconds until the first of them.
    """

    def __init__(
        self,
        registry: SubscriptionRegistry,
        rate_count: Callable[[str], int],
        edit: Callable[[Execution], Sequence[Execution]],
        *,
        rate_key: str | None = "ratecount",
        parts: int = 1,
        pause: float = 0.0,
        delay: float = 0.0,
    ) -> None:
        self._registry = registry
        self._rate_count = rate_count
        self._edit = edit
        self._rate_key = rate_key
        self._parts = parts
        self._pause = pause
        self._delay = delay
        self._waiting: list[Callable[[], None]] | None = None
        self._lag: Lag | None = None
        self._unfinished: dict[Subscription, deque[tuple[Kind, list[Report]]]] = {}

    # Changes of the account.

    def execution(self, report: Report, symbol: str, change: Change) -> None:
        """Report a change of an order; `change` makes it visible in snapshots."""
        execution = Execution(report, self._rate_count(symbol))
        self._later(change, lambda: self._publish_edited(execution))

    def balance(self, report: Report, change: Change) -> None:
        """Report a ledger entry; `change` makes it visible in snapshots."""
        self._later(change, lambda: self._publish_balance(report))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold reports until the end of the block, so that a reply precedes them."""
        waiting: list[Callable[[], None]] = []
        self._waiting = waiting
        try:
            yield
        finally:
            self._waiting = None
            for publish in waiting:
                publish()

    # Lag.

    @property
    def is_late(self) -> bool:
        """Whether the stream lags."""
        return self._lag is not None

    @property
    def shown(self) -> Shown | None:
        """What snapshots show while the stream lags; `None` is the account as it is."""
        return None if self._lag is None else self._lag.shown

    def lag(self, seconds: float, shown: Shown, *, holds_reports: bool) -> None:
        """From now on, show the account as it was `seconds` ago.

        Args:
            seconds: how long ago.
            shown: the account as snapshots show it now.
            holds_reports: whether reports are late too.
        """
        self.catch_up()
        self._lag = Lag(seconds, shown, holds_reports=holds_reports)

    def catch_up(self) -> None:
        """Send the reports that are late, and stop lagging."""
        lag, self._lag = self._lag, None
        if lag is not None:
            lag.end()

    # Messages.

    def snapshot(self, subscription: Subscription, data: list[Report]) -> None:
        """Send a snapshot, in as many parts as it has."""
        pieces = _pieces(data, self._parts)
        if self._delay > 0:
            self._wait(subscription, self._delay)
        for number, piece in enumerate(pieces):
            if number and self._pause > 0:
                self._wait(subscription, self._pause)
            self._send(subscription, "snapshot", piece)

    def publish(self, execution: Execution) -> None:
        """Send a report of executions to the subscribers that want it, unedited."""
        for subscription in self._registry.subscriptions(("executions", None, None)):
            all_wanted = subscription.params.get("order_status", True)
            if all_wanted or execution.report["exec_type"] in ALWAYS_REPORTED:
                self._send(subscription, "update", [self._counted(subscription, execution)])

    def _wait(self, subscription: Subscription, seconds: float) -> None:
        """Send nothing to a subscription for some seconds, unless it already waits."""
        if subscription not in self._unfinished:
            self._unfinished[subscription] = deque()
            asyncio.get_running_loop().call_later(seconds, self._go_on, subscription)

    def _go_on(self, subscription: Subscription) -> None:
        """Send the next part of a snapshot, and after the last part the updates that waited."""
        waiting = self._unfinished.pop(subscription)
        _number(subscription, *waiting.popleft())
        while waiting:
            if waiting[0][0] == "snapshot" and self._pause > 0:
                self._wait(subscription, self._pause)
                self._unfinished[subscription].extend(waiting)
                return
            _number(subscription, *waiting.popleft())

    def _send(self, subscription: Subscription, kind: Kind, data: list[Report]) -> None:
        if subscription in self._unfinished:
            self._unfinished[subscription].append((kind, data))
        else:
            _number(subscription, kind, data)

    def _later(self, change: Change, publish: Callable[[], None]) -> None:
        def report() -> None:
            if self._lag is None:
                publish()
            else:
                self._lag.add(change, publish)

        if self._waiting is None:
            report()
        else:
            self._waiting.append(report)

    def _publish_edited(self, execution: Execution) -> None:
        for one in self._edit(execution):
            self.publish(one)

    def _counted(self, subscription: Subscription, execution: Execution) -> Report:
        report = execution.report
        if self._rate_key is not None and subscription.params.get("ratecounter", False):
            report = report | {self._rate_key: execution.count}
        return _for(subscription, report)

    def _publish_balance(self, report: Report) -> None:
        for subscription in self._registry.subscriptions(("balances", None, None)):
            self._send(subscription, "update", [_for(subscription, report)])


def _number(subscription: Subscription, kind: Kind, data: list[Report]) -> None:
    """Send one numbered message of a private channel."""
    sequence = subscription.next_sequence()
    message = {"channel": subscription.channel, "type": kind, "data": data}
    subscription.send(encode({**message, "sequence": sequence}), kind)


def _pieces(data: list[Report], count: int) -> list[list[Report]]:
    cuts = [len(data) * number // count for number in range(count + 1)]
    return [data[start:end] for start, end in pairwise(cuts)]


def _for(subscription: Subscription, report: Report) -> Report:
    names_user = subscription.params.get("users") == "all"
    return report | {"user": USER} if names_user else report
