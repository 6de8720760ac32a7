"""Campaigns that once failed, shrunk; each says what was wrong."""

from __future__ import annotations

from tests.faults.campaign import Script, Setup
from tests.ws.helpers import BTC

SCRIPTS: dict[str, tuple[Script, Setup]] = {
    "the hole of a book began with the message that showed it": (
        [("drop_updates", BTC, 1), ("move", 1), ("wait", 0.3), ("move", 1)],
        Setup(),
    ),
    "the hole of a private channel began with the message that showed it": (
        [("private", "drop_updates"), ("move", 1), ("wait", 0.3), ("move", 1)],
        Setup(),
    ),
}
