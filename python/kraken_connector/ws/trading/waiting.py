"""Waiting for what comes of a trading request."""

from __future__ import annotations

import asyncio
import time
from asyncio import get_running_loop
from typing import Any

from ...exceptions import ConnectionLost
from ..network.connection import Connection
from ..orders.replies import TradingReply
from ..protocol.order_requests import Command

__all__ = ["now", "settled"]


def now() -> float:
    """Return the time that sessions go by; outside an event loop the clock that loops go by."""
    try:
        return get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


async def settled(connection: Connection, command: Command) -> TradingReply[Any]:
    """Wait for the answer to a request; a caller that is cancelled takes it back if it can.

    Raises:
        TradingError, OrderOutcomeUnknown: as the request ended.
        NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it was never sent.
    """
    if not command.is_done:
        done = asyncio.Event()
        command.on_done = done.set
        try:
            await done.wait()
        except asyncio.CancelledError:
            error = ConnectionLost(connection.session.url, "the caller was cancelled")
            connection.session.trading.abandon(command, error)
            connection.attend()
            raise
    return command.result()
