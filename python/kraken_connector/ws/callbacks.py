"""Calling what users gave us to call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["call_all"]

logger = logging.getLogger(__name__)


def call_all(functions: Iterable[Callable[..., object]], *arguments: Any) -> None:
    """Call plain functions; what one of them raises is logged and keeps nothing from going on.

    `CancelledError` is a mistake too where nothing awaits: it comes from a future that a function
    asked, and would end the receiving task.
    """
    for function in list(functions):
        try:
            function(*arguments)
        except (Exception, asyncio.CancelledError):
            logger.exception("a callback failed; the feed goes on")
