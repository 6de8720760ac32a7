"""Detecting gaps in the sequence numbers of private channels, without a client."""

from __future__ import annotations

from ..models import SequenceGapEvent

__all__ = ["SequenceGapEvent", "SequenceTracker"]


class SequenceTracker:
    """Remembers the last `sequence` of each channel and reports gaps.

    Each channel has its own numbers, which rise by one per message (docs.kraken.com, page
    "Executions"). It is not needed with a client, which reports gaps itself.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def check(self, sequence: int, channel: str) -> SequenceGapEvent | None:
        """Record a sequence number; return a gap event if it does not follow the last one.

        The first number of a channel is never a gap, as tracking may start at any number.
        """
        last = self._last.get(channel)
        self._last[channel] = sequence
        if last is None or sequence == last + 1:
            return None
        return SequenceGapEvent(expected=last + 1, received=sequence, channel=channel)

    def reset(self, channel: str | None = None) -> None:
        """Reset one channel, or all; needed after subscribing again, as numbers restart."""
        if channel is None:
            self._last.clear()
        else:
            self._last.pop(channel, None)
