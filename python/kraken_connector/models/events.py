"""What the client itself has to say about a stream."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal

from ._model import Model, model


@model
class SequenceGapEvent(Model):
    """A private channel skipped or repeated messages; it comes before the message that shows it.

    Attributes:
        expected: the number that should have come.
        received: the number that came.
        channel: `executions` or `balances`.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    expected: int
    received: int
    channel: str
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class BookChecksumEvent(Model):
    """A book stopped being the exchange's; it comes before the message that shows it.

    From here until the next verified snapshot the book cannot be read and no further event is
    sent for it.

    Attributes:
        symbol: currency pair.
        expected: the exchange's checksum.
        computed: the checksum of the book at hand.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    symbol: str
    expected: int
    computed: int
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class BookCrossedEvent(Model):
    """A verified book shows a best bid at or above the best ask; sent when that begins.

    Attributes:
        symbol: currency pair.
        bid: best bid price.
        ask: best ask price.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class InvalidFrameEvent(Model):
    """A frame that could not be read; it was dropped, the connection goes on.

    Attributes:
        frame: the bytes as they came.
        kind: what is wrong, one of `ParseError.KINDS`.
        offset: byte offset at which it was noticed.
        channel: the frame's channel, where it could still be read.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    frame: bytes
    kind: str
    offset: int
    channel: str | None = None
    received_ns: int | None = field(default=None, kw_only=True, compare=False)
