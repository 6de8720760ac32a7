"""The channels and methods of all kinds of hosts, grouped as connections treat them."""

from __future__ import annotations

from typing import Final

from ..constants import PRIVATE_CHANNELS, TOKEN_CHANNELS, TRADING_METHODS

__all__ = ["ACCOUNT_CHANNELS", "COMPLETE_CHANNELS", "PRIVATE_METHODS", "WITH_TOKEN"]

#: The streams of an account; the unified WebSocket has four more than the spot hosts.
ACCOUNT_CHANNELS: Final[frozenset[str]] = PRIVATE_CHANNELS | {
    "ledgers",
    "margin",
    "positions",
    "preferences",
}
#: The channels whose requests have a token.
WITH_TOKEN: Final[frozenset[str]] = TOKEN_CHANNELS | ACCOUNT_CHANNELS
#: The methods of the host of these streams.
PRIVATE_METHODS: Final[frozenset[str]] = TRADING_METHODS | {"set_preference"}
#: Channels without symbols of which any message is as good as a snapshot: the `type` of `margin` is
#: the name of a part of its state (page "Margin" of the unified WebSocket), and `positions` may
#: answer with a notice instead of a snapshot.
COMPLETE_CHANNELS: Final = frozenset({"margin", "positions"})
