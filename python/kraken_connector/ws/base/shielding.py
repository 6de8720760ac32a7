"""Waiting for a task that must finish even if the caller is cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["wait_shielded"]


async def wait_shielded(future: asyncio.Future[Any]) -> None:
    """Wait until a task or future is done, then raise a cancellation that arrived meanwhile.

    A caller can be cancelled more than once: by a second Ctrl-C, or by a cancel scope of anyio,
    which cancels every `await` of its tasks until they have left the scope. No cancellation ends
    the wait, so `future` must finish by itself within a bounded time. Its exception is not raised.

    Raises:
        CancelledError: the caller was cancelled; the last one of several.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
