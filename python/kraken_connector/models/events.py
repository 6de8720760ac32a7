"""What the client itself has to say about a stream."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal

from ._model import Model, model
from ._places import place_of


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
        expected: the exchange's checksum, `None` when its message had none.
        computed: the checksum of the book at hand.
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
    """A verified book shows a best bid at or above the best ask; sent when that begins.

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

    @property
    def place(self) -> str | None:
        """The value that is wrong, as `data[0].balance`, or the field that is missing.

        `None` of a frame that is no JSON, of one that is wrong as a whole, and where it is not
        known which value it is.
        """
        return place_of(self.frame, self.kind, self.offset)


@model
class BookQuarantinedEvent(Model):
    """A book was given up: it kept failing its checksum, or was refused after a reconnect.

    `client.resync` tries again.

    Attributes:
        symbol: currency pair.
        attempts: snapshots asked for in vain.
        channel: `book` or `level3`.
        received_ns: local time, nanoseconds since the epoch; not part of equality.
    """

    symbol: str
    attempts: int
    channel: str = "book"
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class StreamStaleEvent(Model):
    """A subscription that the exchange accepted brings nothing; sent once for each silence.

    Either its first message did not come within `request_timeout` seconds, and it is subscribed to
    again; or it has been silent for `stale_after` seconds, of which nothing follows by itself: most
    channels send something only when something happens. The next message ends the silence.

    Attributes:
        channel: such as `ohlc`.
        symbol: currency pair, empty for channels without.
        seconds: for how long nothing came.
        last_ns: local time of the last message, nanoseconds since the epoch; `None` if none came
            since it was subscribed to on this connection.
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
    """Something happened to the dead man's switch.

    Attributes:
        state: `armed` (set, for the first time or again), `late` (not confirmed in time, it is
            tried again), `expired` (it ran out: the exchange cancels all orders), `off` (the
            exchange answered that it is off, it is set again), `paused` (turned off for maintenance
            or by its user) or `unreadable` (an announcement of maintenance whose start cannot be
            read; it stays armed).
        seconds_left: until all orders end unless it is set again, `None` while it is off; negative
            when it has run out.
        reason: why.
        received_ns: local time, nanoseconds since the epoch; not part of equality.
    """

    state: str
    seconds_left: float | None
    reason: str
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class GapEvent(Model):
    """A hole in what was received, reported when it is closed.

    Attributes:
        cause: `disconnect` (no connection), `resync` (a book was asked for again, or a private
            channel for its snapshot), `sequence`
            (a private channel was asked for again), `overflow` (the consumer was too slow),
            `unreadable` (a frame that was dropped; where it names no channel, any may miss it) or
            `pause` (nothing was read for more than a second: what arrived then came late).
        start_ns: local time of the last sound message before the hole, nanoseconds since the
            epoch: of the connection, or of the one book or private channel that it is about. For
            `overflow` and `unreadable` that of the first message that was dropped. Messages are
            under way for a while: what is missing may have a timestamp of the exchange that is
            earlier by as much as a message took (`transit` in `KrakenWSClient.stats`).
        end_ns: local time at which it was closed, `None` when it will not be.
        channels: channels with a hole.
        symbols: currency pairs with a hole, empty for channels without.
        connection: URL of the connection, empty for messages that the queue dropped.
        dropped: messages that arrived and were dropped; those that never arrived are not known.
        epoch: number of the connection's socket on which it began, counted from 1; 0 for messages
            that the queue dropped.
    """

    cause: str
    start_ns: int
    end_ns: int | None
    channels: list[str]
    symbols: list[str]
    connection: str
    dropped: int = 0
    epoch: int = 0
