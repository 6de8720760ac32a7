"""The log of an exchange, and waiting for what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .requests import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing the exchange did, faults included.

    Attributes:
        time_ns: when, ns since the epoch.
        event: what, a word such as `connected`, `subscribed` or a fault's name.
        detail: more about it.
        connection: the connection's number, `None` for all of them.
    """

    time_ns: int
    event: str
    detail: str = ""
    connection: int | None = None


class Journal:
    """Records what happens on an exchange, and lets tests wait for it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._waiters: list[tuple[Callable[[], object], asyncio.Future[object]]] = []
        self.log: list[LogEntry] = []
        self.requests: list[Request] = []

    def add(self, event: str, detail: str = "", *, connection: int | None = None) -> None:
        """Add an entry to the log."""
        self.log.append(LogEntry(self._clock(), event, detail, connection))
        self.changed()

    def add_request(self, request: Request) -> None:
        """Record a request."""
        self.requests.append(request)
        self.changed()

    def changed(self) -> None:
        """Evaluate the predicates that tests wait for; call it after every event."""
        for waiter in self._waiters[:]:
            _resolve(*waiter)

    async def wait_for(self, predicate: Callable[[], T], seconds: float) -> T:
        """Return the value of `predicate` as soon as it is true.

        Raises:
            TimeoutError: it was not within `seconds`.
        """
        if value := predicate():
            return value
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiter = (predicate, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await future  # type: ignore[return-value]  # the value of `predicate`
        finally:
            self._waiters.remove(waiter)


def _resolve(predicate: Callable[[], object], future: asyncio.Future[object]) -> None:
    if future.done():
        return
    try:
        value = predicate()
    except Exception as error:  # noqa: BLE001 - raised to the waiting caller
        future.set_exception(error)
    else:
        if value:
            future.set_result(value)
