"""Campaigns that once failed, shrunk; each says what was wrong."""

from __future__ import annotations

from tests.faults.campaign import Script, Setup
from tests.ws.helpers import BTC, ETH

SCRIPTS: dict[str, tuple[Script, Setup]] = {
    "the gap of a book began with the message that showed it": (
        [("drop_updates", BTC, 1), ("move", 1), ("wait", 0.3), ("move", 1)],
        Setup(),
    ),
    "the gap of a private channel began with the message that showed it": (
        [("private", "drop_updates"), ("move", 1), ("wait", 0.3), ("move", 1)],
        Setup(),
    ),
    "this check assumed the same latency for all bytes": (
        [("stall_mid_frame", ETH), ("lag", 0.005), ("move", 4)],
        Setup(),
    ),
    "this check assumed that what a queue dropped came at once": (
        [("move", 2), ("lag", 0.005), ("move", 2), ("move", 2), ("move", 3)],
        Setup(hosts="three", private_queue=6),
    ),
    "messages were processed after the WebSocket library had failed the connection": (
        [("subscribe",), ("compress_updates", ETH), ("binary_updates", BTC, 3), ("move", 2)],
        Setup(),
    ),
    "a late answer to an unsubscribe left a redundant feed with an old book": (
        [("delay_acks", 1.5, 3), ("drop_updates", BTC, 2), ("move", 2), ("wait", 0.2)],
        Setup(redundant=True),
    ),
    "reading paused at the first frame after a suspension, which had no gap": (
        [("move", 3), ("move", 3), ("move", 4), ("suspend", 60.0)],
        Setup(overflow="block", queue=4, private_queue=6, level3=True),
    ),
    "the gap of a resync that a user started left out what was lost before it": (
        [("drop_updates", BTC, 1), ("move", 1), ("wait", 0.2), ("move", 1), ("resync", BTC)],
        Setup(),
    ),
    "a gap waited for a book whose subscribe had failed": (
        [
            ("swallow_acks", 2),
            ("subscribe",),
            ("wait", 0.03),
            ("reset_connections",),
            ("move", 4),
        ],
        Setup(redundant=True),
    ),
}
