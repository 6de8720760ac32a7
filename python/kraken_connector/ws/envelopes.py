"""What goes to the exchange, what it answers, and the outcome of a whole subscription request."""

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
from ..models._model import model

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
    """The success of a subscribe or unsubscribe: one ack for each symbol.

    It is a `WSResponse`, filled from the first ack, so code that knew one ack keeps working.

    Attributes:
        acks: every ack, in the order of the requested symbols. Symbols that were subscribed
            before show the ack of that time; an unsubscribe that needed no message has none.
    """

    acks: list[WSResponse] = field(default_factory=list)

    @property
    def symbols(self) -> list[str]:
        """The acknowledged symbols, empty for channels without symbols."""
        named = (ack.result.get("symbol") for ack in self.acks)
        return [symbol for symbol in named if isinstance(symbol, str)]
