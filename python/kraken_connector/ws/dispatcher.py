"""Parsing a frame into a typed message, without a client."""

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

#: Everything that iterating over a client can yield, and that `parse_message` can return.
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
