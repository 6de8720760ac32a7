"""The end of a client, for those who wait for it."""

from __future__ import annotations

import asyncio

__all__ = ["Ending"]


class Ending:
    """Tells those who wait that a client has ended, or lost what it cannot get back.

    Attributes:
        reason: why the client gave up, `None` if it did not.
    """

    def __init__(self) -> None:
        self.reason: Exception | None = None
        self._waiting: set[asyncio.Future[Exception | None]] = set()

    def gave_up(self, reason: Exception) -> None:
        """Note that the client ended by itself."""
        self.reason = reason
        self.tell(reason)

    def left(self) -> None:
        """Note that its user disconnected it, or that it could not be connected."""
        self.reason = None
        self.tell(None)

    def tell(self, reason: Exception | None) -> None:
        """End the waits: with an exception, or quietly."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(reason)

    async def wait(self) -> None:
        """Wait for what is told next.

        Raises:
            Exception: the reason that is told.
        """
        waiter: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            reason = await waiter
        finally:
            self._waiting.discard(waiter)
        if reason is not None:
            raise reason
