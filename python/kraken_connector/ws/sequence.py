"""Gaps in the message numbers of private channels, without an engine."""

from __future__ import annotations

from ..models import SequenceGapEvent

__all__ = ["SequenceGapEvent", "SequenceTracker"]


class SequenceTracker:
    """The last `sequence` of each channel.

    Each channel counts on its own and by one per message (docs.kraken.com, page "Executions").
    A client needs no tracker: its engine reports gaps.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def check(self, sequence: int, channel: str) -> SequenceGapEvent | None:
        """Note `sequence`, and return the gap if it is not the successor of the last one.

        The first number of a channel is never a gap: a subscription may be joined late.
        """
        last = self._last.get(channel)
        self._last[channel] = sequence
        if last is None or sequence == last + 1:
            return None
        return SequenceGapEvent(expected=last + 1, received=sequence, channel=channel)

    def reset(self, channel: str | None = None) -> None:
        """Forget one channel, or all: a new subscription counts from its own start."""
        if channel is None:
            self._last.clear()
        else:
            self._last.pop(channel, None)
