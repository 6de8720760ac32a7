"""One subscription of one client."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .writer import Outgoing, Writer

Option: TypeAlias = int | str | None
Topic: TypeAlias = tuple[str, str | None, Option]
"""Channel, symbol and option."""


@dataclass(eq=False, slots=True)
class Subscription:
    """One symbol of one channel on one connection, or a channel that has no symbols.

    Attributes:
        writer: the connection.
        deliver: sends a message to the client, unless a fault prevents it.
        option: depth, candle interval or event trigger.
        sequence: number of the last message, private channels only.
        left: how many more messages are sent; finite only under a fault.
        is_active: whether it is in force; unsubscribing and a lost connection end it.
    """

    writer: Writer
    deliver: Callable[[Outgoing], None]
    channel: str
    symbol: str | None
    option: Option
    params: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0
    left: float = math.inf
    is_active: bool = False

    @property
    def topic(self) -> Topic:
        """The key that all subscriptions to the same messages share."""
        return self.channel, self.symbol, self.option

    @property
    def identity(self) -> Topic:
        """The key that is unique on a connection.

        A connection can have candles of several intervals, but only one depth of a book.
        """
        return self.channel, self.symbol, self.option if self.channel == "ohlc" else None

    @property
    def name(self) -> str:
        """Channel and symbol, for the log."""
        return f"{self.channel} {self.symbol or ''}".strip()

    def send(self, payload: bytes, kind: Literal["snapshot", "update"]) -> None:
        """Send one channel message to the client."""
        if self.left > 0:
            self.left -= 1
            self.deliver(Outgoing("data", payload, self.channel, kind, self.symbol))

    def next_sequence(self) -> int:
        """Return the number of the next message of a private channel."""
        self.sequence += 1
        return self.sequence
