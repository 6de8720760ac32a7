"""Locks of event loops: a client may be used by several, one after another or in threads."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

__all__ = ["LoopLocks"]


class LoopLocks:
    """One lock for each event loop."""

    def __init__(self) -> None:
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    def running(self) -> asyncio.Lock:
        """Return the lock of the running event loop."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
