"""The time of the event loop, for all timeouts."""

from __future__ import annotations

import time
from asyncio import get_running_loop

__all__ = ["now"]


def now() -> float:
    """Return the event loop's time in seconds; `time.monotonic()` where no loop runs."""
    try:
        return get_running_loop().time()
    except RuntimeError:
        return time.monotonic()
