"""Waiting for the end of a client."""

from __future__ import annotations

import asyncio

__all__ = ["Ending"]


class Ending:
    """Wakes the tasks that wait for the end of a client, or of its market data.

    Attributes:
        reason: why the client gave up, `None` if it did not.
    """

    def __init__(self) -> None:
        self.reason: Exception | None = None
        self._waiting: set[asyncio.Future[Exception | None]] = set()

    def fail(self, reason: Exception) -> None:
        """Record that the client gave up, and raise `reason` in each waiting task."""
        self.reason = reason
        self.release(reason)

    def finish(self) -> None:
        """Record that the user disconnected the client, and let waiting tasks return."""
        self.reason = None
        self.release(None)

    def release(self, reason: Exception | None) -> None:
        """Wake each waiting task: it raises `reason`, or returns if that is `None`."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(reason)

    async def wait(self) -> None:
        """Wait until the next call of `fail`, `finish` or `release`.

        Raises:
            Exception: the reason that was given.
        """
        waiter: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            reason = await waiter
        finally:
            self._waiting.discard(waiter)
        if reason is not None:
            raise reason
