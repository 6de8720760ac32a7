"""Waiting for what comes of a trading request."""

from __future__ import annotations

import asyncio
from typing import Any

from ...exceptions import ConnectionLost
from ..network.connection import Connection
from ..orders.replies import TradingReply
from ..protocol.order_requests import Command

__all__ = ["settled"]


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
