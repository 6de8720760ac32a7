"""Events of the client itself: gaps, checksum errors, stale streams and others."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal

from .base import Model, model
from .value_path import path_of


@model
class SequenceGapEvent(Model):
    """A private channel skipped or repeated messages; it precedes the message that shows this.

    Attributes:
        expected: the expected sequence number.
        received: the received sequence number.
        channel: `executions` or `balances`; of the unified WebSocket also `ledgers`.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    expected: int
    received: int
    channel: str
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class BookChecksumEvent(Model):
    """A book differs from the exchange's; it precedes the message that shows this.

    Until the next verified snapshot the book cannot be read, and no further event is sent for it.

    Attributes:
        symbol: currency pair.
        expected: the exchange's checksum, `None` if its message had none.
        computed: the checksum of the local book.
        channel: `book` or `level3`.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    symbol: str
    expected: int | None
    computed: int
    channel: str = "book"
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class BookCrossedEvent(Model):
    """A verified book has a best bid at or above the best ask; sent once when that begins.

    Attributes:
        symbol: currency pair.
        bid: best bid price.
        ask: best ask price.
        channel: `book` or `level3`.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    channel: str = "book"
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class InvalidFrameEvent(Model):
    """A frame could not be parsed; it was dropped, and the connection goes on.

    Attributes:
        frame: the received bytes.
        kind: the kind of error, one of `ParseError.KINDS`.
        offset: byte offset of the error.
        channel: the frame's channel, if it could be read.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    frame: bytes
    kind: str
    offset: int
    channel: str | None = None
    received_ns: int | None = field(default=None, kw_only=True, compare=False)

    @property
    def place(self) -> str | None:
        """The path of the invalid value or missing field, such as `data[0].balance`.

        `None` for a frame that is not JSON, for one that is invalid as a whole, and if the value is
        not known.
        """
        return path_of(self.frame, self.kind, self.offset)


@model
class BookQuarantinedEvent(Model):
    """The client gave a book up: its checksum kept failing, or it was refused after a reconnect.

    Call `client.resync` to try again.

    Attributes:
        symbol: currency pair.
        attempts: how many snapshots were requested without success.
        channel: `book` or `level3`.
        received_ns: local time, nanoseconds since the epoch; not part of equality.
    """

    symbol: str
    attempts: int
    channel: str = "book"
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class StreamStaleEvent(Model):
    """An accepted subscription gets no messages; sent once until its next message.

    Either its first message did not arrive within `request_timeout` seconds, and the client
    subscribes again; or it has been silent for `stale_after` seconds. The client does nothing then,
    because most channels only send a message when something happens.

    Attributes:
        channel: such as `ohlc`.
        symbol: currency pair, empty for channels without.
        seconds: seconds without a message.
        last_ns: local time of the last message, nanoseconds since the epoch; `None` if none arrived
            since it was subscribed on this connection.
        interval: minutes of a candle, `None` on other channels.
        connection: URL of the connection.
        received_ns: local time, nanoseconds since the epoch; not part of equality.
    """

    channel: str
    symbol: str
    seconds: float
    last_ns: int | None = None
    interval: int | None = None
    connection: str = ""
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class DeadMansSwitchEvent(Model):
    """The state of the dead man's switch changed.

    Attributes:
        state: `armed` (set, for the first time or again), `late` (not confirmed in time; the client
            tries again), `expired` (the exchange cancels all orders), `off` (the exchange replied
            that it is off; the client sets it again), `paused` (turned off for maintenance or by
            the user) or `unreadable` (the start of an announced maintenance cannot be read; the
            switch stays armed).
        seconds_left: seconds until the exchange cancels all orders unless it is set again; `None`
            while it is off, negative after it expired.
        reason: the reason.
        received_ns: local time, nanoseconds since the epoch; not part of equality.
    """

    state: str
    seconds_left: float | None
    reason: str
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class GapEvent(Model):
    """A gap in the received messages, reported when it ends.

    Attributes:
        cause: `disconnect` (no connection), `resync` (a book was subscribed again, or a private
            channel for its snapshot), `sequence` (a private channel was subscribed again after
            missing messages), `overflow` (the consumer was too slow), `unreadable` (a frame was
            dropped; without a known channel it may belong to any) or `pause` (nothing was read for
            more than a second, so messages came late).
        start_ns: local time of the last good message before the gap, nanoseconds since the epoch:
            of the connection, or of the book or private channel with the gap. For `overflow` and
            `unreadable`, that of the first dropped message. The exchange's timestamps of missing
            messages may be earlier, by the transit time of a message (`transit` in
            `KrakenWSClient.stats`).
        end_ns: local time at which the gap ended, `None` if it will not end.
        channels: channels with a gap.
        symbols: currency pairs with a gap, empty for channels without.
        connection: URL of the connection, empty for messages that the queue dropped.
        dropped: messages that arrived and were dropped; lost messages cannot be counted.
        epoch: number of the connection's socket on which the gap began, from 1; 0 for messages that
            the queue dropped.
    """

    cause: str
    start_ns: int
    end_ns: int | None
    channels: list[str]
    symbols: list[str]
    connection: str
    dropped: int = 0
    epoch: int = 0
