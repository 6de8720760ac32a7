"""Waiting for what comes of a trading request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ..exceptions import ConnectionLost
from .connection import Connection
from .trading_requests import Command

__all__ = ["now", "settled"]


def now() -> float:
    """Return the time that sessions go by."""
    return asyncio.get_running_loop().time()


async def settled(connection: Connection, command: Command, abandoned: Iterable[Command]) -> None:
    """Wait until a command is done; a caller that is cancelled leaves it, and `abandoned`.

    Raises:
        CancelledError: the caller was cancelled; what had not left was taken back.
    """
    if command.is_done:
        return
    done = asyncio.Event()
    command.on_done = done.set
    try:
        await done.wait()
    except asyncio.CancelledError:
        error = ConnectionLost(connection.session.url, "the caller was cancelled")
        for each in abandoned:
            connection.session.trading.abandon(each, error)
        connection.attend()
        raise
