"""Lets other tasks run within a long loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

__all__ = ["in_slices"]

T = TypeVar("T")


async def in_slices(items: Iterable[T], size: int) -> AsyncIterator[T]:
    """Yield items, and let other tasks run after each slice of them.

    A slice is a number and not a time, so that a run in virtual time can be repeated.

    Args:
        items: the items.
        size: the length of a slice, about a millisecond of work.
    """
    for number, item in enumerate(items, 1):
        yield item
        if number % size == 0:
            await asyncio.sleep(0)
