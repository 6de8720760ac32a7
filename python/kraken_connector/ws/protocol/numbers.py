"""The sequence numbers of channels that count per connection and not per subscription.

The engine follows the channels of the spot hosts, which count per subscription.
"""

from __future__ import annotations

from typing import Any, Final

from ...models import SequenceGapEvent

__all__ = ["COUNTED_BY_CONNECTION", "ConnectionNumbers"]

#: Page "Ledgers" of the unified WebSocket.
COUNTED_BY_CONNECTION: Final = frozenset({"ledgers"})


class ConnectionNumbers:
    """The last number of each channel on one socket.

    A new subscription on the same socket goes on counting. On a new socket the first number may be
    any: no page says which it is.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def reset(self) -> None:
        """Begin with a new socket."""
        self._last.clear()

    def follow(self, message: Any) -> SequenceGapEvent | None:
        """Record a message's number; return an event if it is not the next one."""
        channel, number = message.channel, message.sequence
        if number is None:
            return None
        last = self._last.get(channel)
        self._last[channel] = number
        if last is None or number == last + 1:
            return None
        return SequenceGapEvent(last + 1, number, channel, received_ns=message.received_ns)
