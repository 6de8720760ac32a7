"""Waiting for what becomes of a request, on one connection or several."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ..envelopes import SubscriptionResult
from ..protocol.registry import PendingRequest, Topic
from .link import Link

__all__ = ["outcome"]


async def outcome(
    asks: list[tuple[Link, PendingRequest]], topics: Iterable[Topic]
) -> SubscriptionResult:
    """Wait until everything that was asked for has an answer; a caller that is cancelled gives up.

    Args:
        asks: the parts of the request, each with its connection.
        topics: the whole of it, in order.

    Raises:
        SubscriptionError, RequestTimeout, ConnectionLost: as the parts ended.
    """
    answered = asyncio.Event()
    for link, ask in asks:
        link.connection.attend()
        ask.on_done = answered.set
    topics, parts = list(topics), [ask for _, ask in asks]
    try:
        while not (whole := PendingRequest.joined(topics, parts)).done or not _is_final(
            whole, parts
        ):
            await answered.wait()
            answered.clear()
    except asyncio.CancelledError as cancelled:
        for link, ask in asks:
            if not ask.done:
                link.session.abandon(ask, cancelled, asyncio.get_running_loop().time())
                link.connection.attend()
        raise
    return whole.result()


def _is_final(whole: PendingRequest, parts: list[PendingRequest]) -> bool:
    """Tell whether what is still out cannot change the outcome."""
    return whole.is_accepted or all(part.done for part in parts)
