"""The way of the account's reports to the subscribers of `executions` and `balances`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ..encode import encode
from ..registry import Registry
from ..reports import Report
from ..session import Subscription
from .lag import Change, Lag, Shown

ALWAYS_REPORTED = frozenset({"new", "trade", "filled", "canceled", "expired"})
"""What `order_status:false` leaves of the executions: the ends of an order's life, and fills."""

USER = "AA11 N84G SIMU LATE"

Kind = Literal["snapshot", "update"]


@dataclass(frozen=True, slots=True)
class Execution:
    """A report of executions, before it is numbered.

    Attributes:
        report: the item.
        count: the rate counter of its pair then.
    """

    report: Report
    count: int


class PrivateStream:
    """Sends reports, one a message, in order.

    Args:
        registry: who listens.
        rate_count: gives the rate counter of a symbol.
        edit: returns what is told in the place of a report of executions.
        rate_key: what the rate counter is called in reports; `None` leaves it out.
        parts: how many messages a snapshot has.
        pause: seconds between them; updates wait for the last one.
        delay: seconds until the first of them.
    """

    def __init__(
        self,
        registry: Registry,
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

    # What happens to the account.

    def execution(self, report: Report, symbol: str, change: Change) -> None:
        """Report a change of an order, and what snapshots show of it."""
        execution = Execution(report, self._rate_count(symbol))
        self._later(change, lambda: self._edit_and_tell(execution))

    def balance(self, report: Report, change: Change) -> None:
        """Report a ledger entry, and what snapshots show of it."""
        self._later(change, lambda: self._tell_balances(report))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Keep reports back until the end of the block, where a reply is to go first."""
        waiting: list[Callable[[], None]] = []
        self._waiting = waiting
        try:
            yield
        finally:
            self._waiting = None
            for tell in waiting:
                tell()

    # How it is shown.

    @property
    def is_late(self) -> bool:
        """Whether snapshots show what was, so that it must be kept."""
        return self._lag is not None

    @property
    def shown(self) -> Shown | None:
        """What snapshots show, if it is not the account as it is."""
        return None if self._lag is None else self._lag.shown

    def lag(self, seconds: float, shown: Shown, *, holds_reports: bool) -> None:
        """Show the account as it was `seconds` ago from now on.

        Args:
            seconds: how long ago.
            shown: what snapshots would show now.
            holds_reports: whether reports are so late too.
        """
        self.catch_up()
        self._lag = Lag(seconds, shown, holds_reports=holds_reports)

    def catch_up(self) -> None:
        """Tell what was held back, and lag no more."""
        lag, self._lag = self._lag, None
        if lag is not None:
            lag.end()

    # Messages.

    def snapshot(self, subscription: Subscription, data: list[Report]) -> None:
        """Send a snapshot, in as many messages as it has."""
        pieces = _pieces(data, self._parts)
        if self._delay > 0:
            self._wait(subscription, self._delay)
        for number, piece in enumerate(pieces):
            if number and self._pause > 0:
                self._wait(subscription, self._pause)
            self._send(subscription, "snapshot", piece)

    def tell(self, execution: Execution) -> None:
        """Send a report of executions to those who want it, as it is."""
        for subscription in self._registry.listeners(("executions", None, None)):
            all_wanted = subscription.params.get("order_status", True)
            if all_wanted or execution.report["exec_type"] in ALWAYS_REPORTED:
                self._send(subscription, "update", [self._counted(subscription, execution)])

    def _wait(self, subscription: Subscription, seconds: float) -> None:
        """Send a subscription nothing for a while, unless it waits already."""
        if subscription not in self._unfinished:
            self._unfinished[subscription] = deque()
            asyncio.get_running_loop().call_later(seconds, self._go_on, subscription)

    def _go_on(self, subscription: Subscription) -> None:
        """Send the next part of a snapshot, after the last one also what waited for it."""
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

    def _later(self, change: Change, tell: Callable[[], None]) -> None:
        def step() -> None:
            if self._lag is None:
                tell()
            else:
                self._lag.add(change, tell)

        if self._waiting is None:
            step()
        else:
            self._waiting.append(step)

    def _edit_and_tell(self, execution: Execution) -> None:
        for one in self._edit(execution):
            self.tell(one)

    def _counted(self, subscription: Subscription, execution: Execution) -> Report:
        report = execution.report
        if self._rate_key is not None and subscription.params.get("ratecounter", False):
            report = report | {self._rate_key: execution.count}
        return _for(subscription, report)

    def _tell_balances(self, report: Report) -> None:
        for subscription in self._registry.listeners(("balances", None, None)):
            self._send(subscription, "update", [_for(subscription, report)])


def _number(subscription: Subscription, kind: Kind, data: list[Report]) -> None:
    """Send one numbered message of a private channel."""
    sequence = subscription.next_sequence()
    message = {"channel": subscription.channel, "type": kind, "data": data}
    subscription.send(encode({**message, "sequence": sequence}), kind)


def _pieces(data: list[Report], count: int) -> list[list[Report]]:
    cuts = [len(data) * place // count for place in range(count + 1)]
    return [data[start:end] for start, end in pairwise(cuts)]


def _for(subscription: Subscription, report: Report) -> Report:
    named = subscription.params.get("users") == "all"
    return report | {"user": USER} if named else report
