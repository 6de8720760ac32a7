"""Waiting for what must be finished, also while the caller is being cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["wait_shielded"]


async def wait_shielded(future: asyncio.Future[Any]) -> None:
    """Wait until a task or future is done, then raise the cancellation that came meanwhile.

    A caller can be cancelled more than once: by a second Ctrl-C, or by a cancel scope of anyio,
    which cancels every `await` of its tasks until they have left the scope. None of that ends the
    wait, so `future` must end by itself within a bounded time. Its outcome is not raised.

    Raises:
        CancelledError: the caller was cancelled; the last of several.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
