"""`runs`: events by channel."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from .data_message import WSDataMessage

if TYPE_CHECKING:
    from .engine import Event


def runs(events: list[Event]) -> list[tuple[str | None, list[Event]]]:
    """Group events that follow each other: messages of one channel, and events of other types.

    Returns:
        The groups in order, with the name of their channel, `None` for those without.
    """
    if len(events) == 1:
        return [(_channel(events[0]), events)]
    return [(channel, list(run)) for channel, run in groupby(events, _channel)]


def _channel(event: Event) -> str | None:
    return event.channel if type(event) is WSDataMessage else None
