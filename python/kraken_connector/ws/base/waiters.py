"""Tasks that wait for the same event."""

from __future__ import annotations

import asyncio

__all__ = ["Waiters"]


class Waiters:
    """Wakes all tasks that wait for an event which may happen again or end with an error."""

    def __init__(self) -> None:
        #: In the order of the calls, in which they are woken.
        self._waiting: dict[asyncio.Future[Exception | None], None] = {}

    def release(self, error: Exception | None = None) -> None:
        """Wake each waiting task: it raises `error`, or returns if that is `None`."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(error)

    async def wait(self) -> None:
        """Wait until the next call of `release`.

        Raises:
            Exception: the error that was given.
        """
        waiter: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        try:
            error = await waiter
        finally:
            del self._waiting[waiter]
        if error is not None:
            raise error
