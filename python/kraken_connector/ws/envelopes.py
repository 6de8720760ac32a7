"""Requests, replies, and the result of a subscription request."""

from __future__ import annotations

from dataclasses import field

from .._backend import WSDataMessage
from ..models import (
    HeartbeatMessage,
    PingRequest,
    PongResponse,
    WSErrorResponse,
    WSRequest,
    WSResponse,
)
from ..models.base import model

__all__ = [
    "HeartbeatMessage",
    "PingRequest",
    "PongResponse",
    "SubscriptionResult",
    "WSDataMessage",
    "WSErrorResponse",
    "WSRequest",
    "WSResponse",
]


@model
class SubscriptionResult(WSResponse):
    """The result of a successful subscribe or unsubscribe: one ack for each symbol.

    It is also a `WSResponse` with the fields of the first ack, for code that expects a single ack.

    Attributes:
        acks: all acks, in the order of the requested symbols. A symbol that was subscribed before
            has its earlier ack; an unsubscribe that needed no message has none.
    """

    acks: list[WSResponse] = field(default_factory=list)

    @property
    def symbols(self) -> list[str]:
        """The acknowledged symbols, empty for channels without symbols."""
        named = (ack.result.get("symbol") for ack in self.acks)
        return [symbol for symbol in named if isinstance(symbol, str)]
