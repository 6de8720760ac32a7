"""The way of the account's reports to the subscribers of `executions` and `balances`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from ..encode import encode
from ..registry import Registry
from ..reports import Report
from ..session import Subscription

ALWAYS_REPORTED = frozenset({"new", "trade", "filled", "canceled", "expired"})
"""What `order_status:false` leaves of the executions: the ends of an order's life, and fills."""

USER = "AA11 N84G SIMU LATE"


class PrivateStream:
    """Sends reports, one a message, in order.

    Args:
        registry: who listens.
        rate_count: gives the rate counter of a symbol.
    """

    def __init__(self, registry: Registry, rate_count: Callable[[str], int]) -> None:
        self._registry = registry
        self._rate_count = rate_count
        self._waiting: list[Callable[[], None]] | None = None

    def execution(self, report: Report, symbol: str) -> None:
        """Report a change of an order."""
        count = self._rate_count(symbol)
        self._later(lambda: self._tell_executions(report, count))

    def balance(self, report: Report) -> None:
        """Report a ledger entry."""
        self._later(lambda: self._tell_balances(report))

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

    def _later(self, tell: Callable[[], None]) -> None:
        if self._waiting is None:
            tell()
        else:
            self._waiting.append(tell)

    def _tell_executions(self, report: Report, count: int) -> None:
        for subscription in self._registry.listeners(("executions", None, None)):
            all_wanted = subscription.params.get("order_status", True)
            if all_wanted or report["exec_type"] in ALWAYS_REPORTED:
                counted = subscription.params.get("ratecounter", False)
                item = report | {"ratecount": count} if counted else report
                send(subscription, "update", [_for(subscription, item)])

    def _tell_balances(self, report: Report) -> None:
        for subscription in self._registry.listeners(("balances", None, None)):
            send(subscription, "update", [_for(subscription, report)])


def send(
    subscription: Subscription, kind: Literal["snapshot", "update"], data: list[Report]
) -> None:
    """Send one numbered message of a private channel."""
    sequence = subscription.next_sequence()
    message = {"channel": subscription.channel, "type": kind, "data": data}
    subscription.send(encode({**message, "sequence": sequence}), kind)


def _for(subscription: Subscription, report: Report) -> Report:
    named = subscription.params.get("users") == "all"
    return report | {"user": USER} if named else report
