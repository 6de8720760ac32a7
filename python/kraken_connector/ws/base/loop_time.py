"""The local time by which connections, requests and timeouts go."""

from __future__ import annotations

import asyncio
import time

__all__ = ["now"]


def now() -> float:
    """Return the time of the running event loop, seconds; without a loop, `time.monotonic()`."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()
