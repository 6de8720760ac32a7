"""The sequence numbers of the private channels."""

from __future__ import annotations

from .data_message import WSDataMessage

#: Channels whose messages carry a `sequence`.
_NUMBERED = frozenset({"balances", "executions"})


class Sequences:
    """The last number of each channel that counts its messages."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def follow(self, message: WSDataMessage) -> int | None:
        """Record a message's number; return the expected one if it is another.

        A snapshot with the number 1, a gap and the first message of all start a new count; the
        further messages of a snapshot continue it.
        """
        channel, received = message.channel, message.sequence
        if channel not in _NUMBERED or received is None:
            return None
        last = self._last.get(channel)
        self._last[channel] = received
        is_first = message.type == "snapshot" and received == 1
        return None if is_first or last is None or received == last + 1 else last + 1

    def forget(self, channel: str) -> None:
        """Start a new count with the channel's next message."""
        self._last.pop(channel, None)
