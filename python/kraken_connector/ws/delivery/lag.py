"""How far a consumer is behind: what waits for it, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from .queues import Queue

__all__ = ["lag"]

#: Messages of a queue that are counted; a burst may be a hundred times as long, and counting all of
#: it would hold the event loop for a tenth of a second.
LOOKED_AT = 1024


def lag(lanes: Mapping[str, Queue], now_ns: int) -> dict[str, Any]:
    """Return what waits in each queue and of each subscription.

    Args:
        lanes: by name.
        now_ns: local time, nanoseconds since the epoch.

    Returns:
        `lanes`: for each queue `queued`, `bound` (`None` for `conflate`, which holds one message a
        symbol), `dropped` and `oldest`, the age of the message that waits longest in seconds
        (0.0 when nothing waits). `waiting`: `queued` and `oldest` by channel and symbol, such as
        `ticker BTC/USD`; only of those of which something waits, and of a queue in which more than
        1,024 messages wait only of the oldest so many.
    """
    waiting: dict[str, dict[str, Any]] = {}
    by_lane: dict[str, dict[str, Any]] = {}
    for name, queue in lanes.items():
        ages = [0.0]
        for event in islice(queue.waiting(), LOOKED_AT):
            age = _age(event, now_ns)
            ages.append(age)
            entry = waiting.setdefault(_stream(event), {"queued": 0, "oldest": 0.0})
            entry["queued"] += 1
            entry["oldest"] = max(entry["oldest"], age)
        by_lane[name] = {
            "queued": len(queue),
            "bound": queue.bound or None,
            "dropped": queue.dropped,
            "oldest": max(ages),
        }
    return {"lanes": by_lane, "waiting": waiting}


def _age(event: Any, now_ns: int) -> float:
    received_ns = getattr(event, "received_ns", None)
    return 0.0 if received_ns is None else max(0.0, (now_ns - received_ns) / 1e9)


def _stream(event: Any) -> str:
    """Return channel and symbol, or the class of what has no channel."""
    channel = getattr(event, "channel", None)
    if not isinstance(channel, str):
        return type(event).__name__
    symbol = getattr(event, "symbol", None)
    return f"{channel} {symbol}" if isinstance(symbol, str) else channel
