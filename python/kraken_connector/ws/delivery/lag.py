"""How far a consumer is behind: the messages that wait for it, and their age."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from .queues import Queue

__all__ = ["lag"]

#: Messages of a queue whose age is measured. A burst may be a hundred times as long, and reading
#: all of it would block the event loop for a tenth of a second.
LIMIT = 1024


def lag(queues: Mapping[str, Queue], now_ns: int) -> dict[str, Any]:
    """Return how many messages wait, and for how long, by queue and by subscription.

    Args:
        queues: the queues by name.
        now_ns: local time, nanoseconds since the epoch.

    Returns:
        `queues`: for each queue `queued`, `bound` (`None` for `conflate`, which holds one message
        per symbol), `dropped` and `oldest`, the age of its oldest message in seconds (0.0 when it
        is empty). `waiting`: `queued` and `oldest` by channel and symbol, such as `ticker BTC/USD`,
        for streams with messages that wait. It covers the oldest 1,024 messages of each queue.
        `lanes`: the same as `queues` by older names.
    """
    waiting: dict[str, dict[str, Any]] = {}
    by_queue: dict[str, dict[str, Any]] = {}
    for name, queue in queues.items():
        ages = [0.0]
        for event in islice(queue.waiting(), LIMIT):
            age = _age(event, now_ns)
            ages.append(age)
            entry = waiting.setdefault(_stream(event), {"queued": 0, "oldest": 0.0})
            entry["queued"] += 1
            entry["oldest"] = max(entry["oldest"], age)
        by_queue[name] = {
            "queued": len(queue),
            "bound": queue.bound or None,
            "dropped": queue.dropped,
            "oldest": max(ages),
        }
    lanes = {"notes" if name == "events" else name: queue for name, queue in by_queue.items()}
    return {"queues": by_queue, "lanes": lanes, "waiting": waiting}


def _age(event: Any, now_ns: int) -> float:
    received_ns = getattr(event, "received_ns", None)
    return 0.0 if received_ns is None else max(0.0, (now_ns - received_ns) / 1e9)


def _stream(event: Any) -> str:
    """Return the channel and symbol of an event, or its class if it has no channel."""
    channel = getattr(event, "channel", None)
    if not isinstance(channel, str):
        return type(event).__name__
    symbol = getattr(event, "symbol", None)
    return f"{channel} {symbol}" if isinstance(symbol, str) else channel
