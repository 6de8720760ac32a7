"""One frame to one typed message, without a client."""

from __future__ import annotations

from typing import TypeAlias

from .._backend import WSDataMessage, parse_message
from ..models import (
    BookChecksumEvent,
    BookCrossedEvent,
    BookQuarantinedEvent,
    DeadMansSwitchEvent,
    GapEvent,
    HeartbeatMessage,
    InvalidFrameEvent,
    PongResponse,
    SequenceGapEvent,
    StreamStaleEvent,
    WSErrorResponse,
    WSResponse,
)

#: Everything that iterating a client can yield, and what `parse_message` returns.
WSMessage: TypeAlias = (
    WSDataMessage
    | WSResponse
    | WSErrorResponse
    | HeartbeatMessage
    | PongResponse
    | SequenceGapEvent
    | BookChecksumEvent
    | BookCrossedEvent
    | BookQuarantinedEvent
    | DeadMansSwitchEvent
    | GapEvent
    | StreamStaleEvent
    | InvalidFrameEvent
)

__all__ = ["WSMessage", "parse_message"]
