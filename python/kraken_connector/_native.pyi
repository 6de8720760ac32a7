"""The core: bytes in, events out. `_native` (Rust) and `_pure` (Python) both look like this.

The engine owns no socket, clock, thread, logger or callback. Prices and quantities never pass
through a binary float on their way into a book or a checksum.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, final, type_check_only

from typing_extensions import Buffer, deprecated

from .models import (
    BookChecksumEvent,
    BookCrossedEvent,
    BookData,
    HeartbeatMessage,
    InvalidFrameEvent,
    Level3Data,
    Level3Order,
    PongResponse,
    QueuePosition,
    SequenceGapEvent,
    WSErrorResponse,
    WSResponse,
)

__all__ = [
    "BookFile",
    "BookWriter",
    "Books",
    "Engine",
    "Level3Book",
    "OrderBook",
    "PlainStream",
    "Receiver",
    "SharedBook",
    "ThreadReader",
    "TlsConfig",
    "TlsStream",
    "WSDataMessage",
    "parse_message",
    "runs",
]

_Data = TypeVar("_Data")
_Book_co = TypeVar("_Book_co", OrderBook, Level3Book, covariant=True)

Frame: TypeAlias = bytes | bytearray | memoryview | str
Message: TypeAlias = WSDataMessage | WSResponse | WSErrorResponse | HeartbeatMessage | PongResponse
Event: TypeAlias = (
    Message | SequenceGapEvent | BookChecksumEvent | BookCrossedEvent | InvalidFrameEvent
)
Side: TypeAlias = Literal["bid", "ask"]
BookStateName: TypeAlias = Literal["awaiting_snapshot", "valid", "stale", "quarantined"]

def parse_message(raw: Frame) -> Message:
    """Turn one text frame into one typed message, without keeping any state.

    Raises:
        ParseError: (a `ValueError`) the frame is no JSON or no message of the protocol.
    """

def runs(events: list[Event]) -> list[tuple[str | None, list[Event]]]:
    """Group events that follow each other: messages of one channel, and events of other types.

    Returns:
        The groups in order, with the name of their channel, `None` for those without.
    """

@final
class WSDataMessage:
    """A message of a channel.

    The frame was checked when the message was made; `data` is decoded when it is first read. Items
    are objects, and the fields that a client relies on (`Model.CHECKED`) have their JSON type.
    Equality and repr use `channel`, `type`, `data` and `sequence`.
    """

    __match_args__: ClassVar[tuple[str, ...]] = ("channel", "type", "data", "sequence")
    def __new__(
        cls, channel: str, type: str, data: list[Any], sequence: int | None = None
    ) -> Self: ...
    @property
    def channel(self) -> str:
        """`ticker`, `book`, `trade`, ... or a name that this version does not know."""
    @property
    def type(self) -> str:
        """`snapshot` or `update`."""
    @property
    def data(self) -> list[Any]:
        """The channel's typed items; those of an unknown channel are plain data."""
    @property
    def sequence(self) -> int | None:
        """Sequence number of the message, private channels only."""
    @property
    def symbol(self) -> str | None:
        """Currency pair of the first item, `None` on channels without; does not decode `data`."""
    @property
    def timestamp(self) -> str | None:
        """RFC 3339 time of the message itself (`ohlc`), `None` where only items have one."""
    @property
    def timestamp_ns(self) -> int | None:
        """Exchange time in ns since the epoch: of the message, else of its first item."""
    @property
    def checksum(self) -> int | None:
        """CRC-32 that the exchange sent with the first item of a message of `book` or `level3`,
        `None` if it sent none; does not decode `data`."""
    @property
    def received_ns(self) -> int | None:
        """Local receive time, ns since the epoch, as given to `Engine.feed`."""
    @property
    def verified(self) -> bool | None:
        """Messages of `book` and `level3` of an engine: whether the book matches the exchange's
        checksum after this message; `False` also without a checksum, and while the book waits for
        a snapshot. `None` otherwise."""
    @property
    def raw(self) -> bytes | None:
        """The frame as received, `None` on messages that a user made."""
    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the message as plain data in the exchange's shape."""
    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build the message from plain data; items of known channels become typed."""
    def __replace__(self, **changes: Any) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@type_check_only
class BookHandle(Generic[_Data]):
    """What both kinds of books have."""

    def __new__(cls, symbol: str, depth: int = 10) -> Self:
        """Make a free book.

        Raises:
            ValueError: a subscription of the channel cannot have this `depth`.
        """
    @property
    def symbol(self) -> str:
        """Currency pair, such as `BTC/USD`."""
    @property
    def depth(self) -> int:
        """Levels kept per side."""
    @property
    def state(self) -> BookStateName:
        """`awaiting_snapshot`, `valid`, `stale` or `quarantined`; free books: the first two."""
    @property
    def is_valid(self) -> bool:
        """Whether the content is the exchange's as of the last message."""
    @property
    def is_live(self) -> bool:
        """Whether the book belongs to an engine."""
    def apply_snapshot(self, data: _Data) -> None:
        """Replace the content, then compare the checksum if there is one.

        Raises:
            ChecksumError: the checksum differs; the book is `awaiting_snapshot` afterwards.
            RuntimeError: the book is live; only its engine writes it.
        """
    def apply_update(self, data: _Data) -> None:
        """Apply the rows in order, bids first, cut to `depth`, then compare the checksum if there
        is one.

        Raises:
            ChecksumError: the checksum differs; the content stays for inspection.
            RuntimeError: the book is live; only its engine writes it.
        """
    def validate_checksum(self, expected: int) -> None:
        """Compare `expected` with the book.

        Raises:
            ChecksumError: they differ.
        """
    def checksum(self) -> int:
        """Return the CRC-32 over the ten best levels of both sides, of a `Level3Book` over their
        orders (docs.kraken.com, guides "book checksum v2" and "L3 checksum v2")."""
    @property
    def bids(self) -> list[tuple[Decimal, Decimal]]:
        """All bid levels `(price, qty)`, best first."""
    @property
    def asks(self) -> list[tuple[Decimal, Decimal]]:
        """All ask levels `(price, qty)`, best first."""
    def levels(self, side: Side, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        """Return at most `depth` levels of one side; O(returned levels)."""
    def levels_float(self, side: Side, depth: int | None = None) -> list[tuple[float, float]]:
        """Like `levels` in floats."""
    def levels_ticks(self, side: Side, depth: int | None = None) -> list[tuple[int, int]]:
        """Like `levels` in integers: price times 10**price_scale, qty times 10**qty_scale."""
    def levels_array(self, side: Side, depth: int | None = None) -> memoryview[float]:
        """Return a copy of at most `depth` levels as doubles in one block of memory.

        Shape `(levels, 2)`, price and qty, best first; an empty side has shape `(0, 2)`.
        `numpy.asarray(book.levels_array("bid"))` makes an array of it without copying.
        """
    @property
    def microprice(self) -> float | None:
        """Best bid and best ask price, each weighted with the quantity of the other side; `None`
        when a side is empty."""
    def imbalance(self, depth: int = 1) -> float | None:
        """Return `(bid_qty - ask_qty) / (bid_qty + ask_qty)` of the best `depth` levels, from -1 to
        1; `None` when both sides are empty."""
    def cumulative_qty(self, side: Side, depth: int | None = None) -> float:
        """Return the cumulative quantity of the best `depth` levels, in base currency."""
    @deprecated("use cumulative_qty")
    def cumulated_qty(self, side: Side, depth: int | None = None) -> float:
        """Deprecated: call `cumulative_qty`."""
    def weighted_price(self, side: Side, depth: int | None = None) -> float | None:
        """Return the average price of the best `depth` levels, weighted with their quantities;
        `None` when the side is empty."""
    @property
    def price_scale(self) -> int:
        """Decimals of the book's prices."""
    @property
    def qty_scale(self) -> int:
        """Decimals of the book's quantities."""
    @property
    def best_bid(self) -> tuple[Decimal, Decimal] | None:
        """Best bid level `(price, qty)`, `None` when there is no bid."""
    @property
    def best_ask(self) -> tuple[Decimal, Decimal] | None:
        """Best ask level `(price, qty)`, `None` when there is no ask."""
    @property
    def spread(self) -> Decimal | None:
        """Best ask minus best bid, `None` when a side is empty."""
    @property
    def mid(self) -> Decimal | None:
        """Mean of best bid and best ask price, `None` when a side is empty."""
    @property
    def bid(self) -> float | None:
        """Best bid price, `None` when there is no bid."""
    @property
    def bid_qty(self) -> float | None:
        """Quantity at the best bid price in base currency, `None` when there is no bid."""
    @property
    def ask(self) -> float | None:
        """Best ask price, `None` when there is no ask."""
    @property
    def ask_qty(self) -> float | None:
        """Quantity at the best ask price in base currency, `None` when there is no ask."""
    def top_of_book(self) -> tuple[float, float, float, float] | None:
        """Return `(bid, bid_qty, ask, ask_qty)` of one instant; `None` when a side is empty."""
    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the content as plain data in the exchange's shape: `symbol`, `bids`, `asks`,
        `checksum`, and `timestamp` if there is one.

        Args:
            exact: numbers as `Decimal` with the digits of the wire instead of `float`.

        Raises:
            BookNotReady: the book is live and not valid.
        """
    def unverified(self) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Return `(bids, asks)` whatever the state: for inspection, not for trading."""
    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
    @property
    def updates(self) -> int:
        """Messages applied since the book was made."""
    @property
    def verified_count(self) -> int:
        """Messages whose checksum matched."""
    @property
    def mismatch_count(self) -> int:
        """Messages whose checksum did not match."""
    @property
    def timestamp(self) -> str | None:
        """RFC 3339 exchange time of the last applied message that had one."""
    @property
    def received_ns(self) -> int | None:
        """Local receive time of the last applied message, ns since the epoch."""
    @property
    def verified_ns(self) -> int | None:
        """Live books: local receive time of the last message that verified, ns since the epoch;
        `None` before the first one of a connection."""
    def __len__(self) -> int:
        """Levels on both sides together, whatever the state."""
    def __bool__(self) -> bool:
        """Return true, even for an empty book, so that `if book:` tests for `None`."""

@final
class OrderBook(BookHandle[BookData]):
    """One pair's aggregated book.

    A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
    that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` returns
    the content in any state. A free book has the content that its caller applied.

    All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
    quantities in base currency, as `Decimal` with the digits of the wire.
    """

@final
class Level3Book(BookHandle[Level3Data]):
    """One pair's book of individual orders.

    It has everything that an `OrderBook` has, with the orders added up by price, and the orders
    themselves. docs/level3.md lists how it handles the cases that the protocol does not specify;
    `event_counts` and `mismatch_counts` show how well that works.

    A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
    that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` returns
    the content in any state. A free book has the content that its caller applied.

    All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
    quantities in base currency, as `Decimal` with the digits of the wire.
    """

    def orders(self, side: Side, levels: int | None = None) -> list[Level3Order]:
        """Return the orders of the best `levels` prices of one side: best price first, in each
        the order that is filled first; O(returned orders)."""
    def order(self, order_id: str) -> Level3Order | None:
        """Return an order by its id, `None` when it is not in the book."""
    def queue_position(self, order_id: str) -> QueuePosition | None:
        """Return the position of an order in the queue of its price, `None` when it is not in the
        book; O(orders ahead of it)."""
    def unverified_orders(self) -> tuple[list[Level3Order], list[Level3Order]]:
        """Return the orders of `(bids, asks)` whatever the state: for inspection, not for
        trading."""
    @property
    def order_count(self) -> int:
        """Orders on both sides together, whatever the state."""
    @property
    def event_counts(self) -> dict[str, int]:
        """Entries applied since the book was made, by their effect.

        `snapshot`, `add`: an order at the back of its queue. `snapshot_older`, `add_older`: the
        same, with an older timestamp than the order ahead of it. `add_known`: it was there already
        and was replaced. `modify`: changed without a new timestamp.
        `modify_lowered`: amended, with a new timestamp and a lower quantity. `modify_raised`:
        amended, with a new timestamp and no lower quantity. `modify_moved`: to another price.
        `delete`. `modify_unknown`, `delete_unknown`:
        not in the book, ignored. `empty`: without quantity, not in the book afterwards.
        `unknown_event`: ignored.
        """
    @property
    def mismatch_counts(self) -> dict[str, int]:
        """Messages that failed their checksum, by the kinds of entries in them: the keys are
        those of `event_counts`, a message counts once for each kind it has."""
    @property
    def placement_counts(self) -> dict[str, int]:
        """What the checksums have proved about positions in queues.

        `lowered_kept`, `lowered_requeued`: amended orders with a lower quantity kept their
        position or went to the back. `raised_kept`, `raised_requeued`: the same for amended orders
        whose quantity was not lowered. `by_time`: messages whose checksum matched only with the
        queues in the order of their timestamps.
        """

@final
class Books(Mapping[str, _Book_co]):
    """The live books of one channel by symbol: a read-only mapping that follows the engine.

    A symbol has a book once the engine has received a message for it, or `get_or_create` or
    `expect` was called.
    """

    def get_or_create(self, symbol: str) -> _Book_co:
        """Return the live book of `symbol`, always the same object; create it if necessary."""
    def expect(self, symbol: str, depth: int) -> None:
        """Set the depth of a coming subscription; the book starts over, awaiting a snapshot.

        Without this the depth comes from the subscribe reply fed in, and without that from the
        snapshot: the smallest depth of the channel that holds it.

        Raises:
            ValueError: `depth` is none of 10, 25, 100, 500, 1000 (`level3`: 10, 100, 1000).
        """
    def invalidate(
        self, symbol: str, state: Literal["awaiting_snapshot", "stale", "quarantined"] = ...
    ) -> None:
        """Withdraw a book from reading until its next verified snapshot; a `quarantined` book
        ignores snapshots too, until `expect`."""
    def __getitem__(self, symbol: str, /) -> _Book_co: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    @deprecated("Engine.books is a mapping: do not call it")
    def __call__(self) -> dict[str, _Book_co]:
        """Deprecated: return the books as a new dict, as `Engine.books()` did."""

@final
class Engine:
    """Frames of one connection to events and books.

    Frames of `book` and `level3` are applied and verified before their event is returned; a
    reader sees only whole messages. Each symbol has one book of each of the two channels, as a
    connection has one depth per symbol.
    """

    def __new__(cls) -> Self: ...
    def feed(self, frame: Frame, received_ns: int | None = None) -> list[Event]:
        """Read one text frame, apply it, and return its events in order; never raises for its
        content.

        A `SequenceGapEvent`, `BookChecksumEvent` or `BookCrossedEvent` comes before the message
        that shows it. A frame that cannot be read gives an `InvalidFrameEvent`; if it was a book
        message, the books of its channel that it names turn `stale`, all when it names none.

        Raises:
            TypeError: `frame` is neither bytes-like nor str.
        """
    @property
    def books(self) -> Books[OrderBook]:
        """The live aggregated books, of the channel `book`."""
    @property
    def level3_books(self) -> Books[Level3Book]:
        """The live books of individual orders, of the channel `level3`."""
    def books_of(self, channel: str) -> Books[OrderBook] | Books[Level3Book]:
        """Return the live books of a channel.

        Raises:
            ValueError: `channel` is neither `book` nor `level3`.
        """
    def book(self, symbol: str) -> OrderBook:
        """Return `books.get_or_create(symbol)`."""
    def level3(self, symbol: str) -> Level3Book:
        """Return `level3_books.get_or_create(symbol)`."""
    @deprecated("use Engine.books.expect")
    def expect_book(self, symbol: str, depth: int) -> None:
        """Deprecated: call `books.expect`."""
    @deprecated("use Engine.books.invalidate")
    def invalidate_book(
        self, symbol: str, state: Literal["awaiting_snapshot", "stale", "quarantined"] = ...
    ) -> None:
        """Deprecated: call `books.invalidate`."""
    @deprecated("use Engine.level3_books.expect")
    def expect_level3(self, symbol: str, depth: int) -> None:
        """Deprecated: call `level3_books.expect`."""
    @deprecated("use Engine.level3_books.invalidate")
    def invalidate_level3(
        self, symbol: str, state: Literal["awaiting_snapshot", "stale", "quarantined"] = ...
    ) -> None:
        """Deprecated: call `level3_books.invalidate`."""
    def reset(self) -> None:
        """Start a new connection: all books await a snapshot, sequences begin anew."""
    def counters(self) -> dict[str, int]:
        """Return counts since the engine was made: `frames`, `bytes`, `messages`, `pongs`,
        `book_messages`, `level3_messages`, `verified`, `mismatches`, `crossed`, `sequence_gaps`,
        `invalid_frames`, `unknown_channels`."""

@final
class Receiver:
    """The receiving side of one WebSocket after its handshake, for `asyncio.BufferedProtocol`.

    Complete, unfragmented, uncompressed text frames are fed to an engine. All other frames are
    returned for a full implementation of the protocol. Only the native core has this class.

    Attributes:
        is_direct: whether text frames are fed to the engine; if not, as in the beginning, they are
            returned too. A binary, compressed or fragmented frame makes it false, to keep the
            order of messages.
    """

    is_direct: bool
    def __new__(cls, engine: Engine, max_size: int) -> Self: ...
    def take(self) -> bytes:
        """Return and forget what was read and not processed, the beginning of a frame."""
    def get_buffer(self, sizehint: int = ...) -> memoryview:
        """Return the buffer to read into."""
    def buffer_updated(
        self, nbytes: int, received_ns: int, take: Callable[[list[Event], int], object]
    ) -> bytes | None:
        """Process `nbytes` bytes that were read into the buffer.

        Args:
            nbytes: how many.
            received_ns: local receive time, ns since the epoch.
            take: called with the events of text frames, in order, and `received_ns`, if there are
                any.

        Returns:
            The other frames, complete and one after the other, if any. After a frame that violates
            the protocol, or is longer than `max_size`, all bytes are returned as received.

        Raises:
            ValueError: the buffer is smaller than `nbytes`.
            Exception: raised by `take`.
        """

@final
class PlainStream:
    """A connected, non-blocking TCP socket as a stream of bytes.

    Only the native core has this class, on Unix. The socket stays its owner's, who closes it after
    the last use of the stream. An error is final: reads raise that of a read again, writes that of
    a write.

    Args:
        fd: file descriptor of the socket.
        quickack: acknowledge what is read at once, where the system can do that (Linux).
        stamps: ask the kernel when it received what is read, where it can tell (Linux).
    """

    def __new__(cls, fd: int, *, quickack: bool = True, stamps: bool = False) -> Self: ...
    def handshake(self) -> bool:
        """Return true: there is no handshake."""
    def recv_into(self, buffer: Buffer) -> int:
        """Read from the socket once; return how many bytes, 0 at the end of the stream.

        Raises:
            BlockingIOError: there are none yet.
            OSError: the connection failed.
            ValueError: the buffer is empty.
            TypeError: the buffer cannot be written to.
        """
    @property
    def pending(self) -> bool:
        """Whether to read again before waiting for the socket: never."""
    def write(self, data: Buffer) -> int:
        """Send `data`, keeping what the socket does not take; return how many bytes wait.

        Raises:
            OSError: the connection failed.
        """
    def flush(self) -> int:
        """Send bytes that wait for the socket; return how many still do.

        Raises:
            OSError: the connection failed.
        """
    def close_write(self) -> None:
        """Do nothing: the end of a TCP stream is up to the owner of the socket."""
    @property
    def received_ns(self) -> int:
        """When the kernel received the last bytes read, ns since the epoch; 0 if it did not say."""

@final
class ThreadReader:
    """A thread that reads a WebSocket after its handshake, and feeds an engine.

    It reads until it meets the end of the connection, an error, or another frame than text, ping
    and pong: then the thread ends, and whoever reads the stream next learns what it was. Only the
    native core has this class, on Unix.

    Messages wait, up to 64 MiB, until `drain` takes them; then the thread stops reading. It waits
    as well after an answer to a subscribe or unsubscribe, and after a message that makes a book
    invalid or shows that messages are missing, until `drain` has taken that.

    Args:
        stream: a `PlainStream` or `TlsStream` whose handshake is done. Nobody else reads it before
            the thread has ended; writing goes on.
        engine: the engine.
        max_size: longest message, bytes.
        pending: what was read before and not processed.
        cpu: the processor that the thread runs on.

    Raises:
        OSError: there is no thread or no such processor for it.
        TypeError: the stream is of another class.
    """

    def __new__(
        cls,
        stream: PlainStream | TlsStream,
        engine: Engine,
        max_size: int,
        pending: bytes | None = None,
        cpu: int | None = None,
    ) -> Self: ...
    def fileno(self) -> int:
        """Return a descriptor that can be read while there is something to take."""
    @property
    def has_ended(self) -> bool:
        """Whether the thread has ended and everything was taken: call `stop` for the rest."""
    def drain(self, take: Callable[[list[Event], int], object]) -> tuple[int, bytes] | None:
        """Take the next messages; call it until it returns `None`.

        `take` is called with their events and their time of receipt, nanoseconds since the epoch.

        Returns:
            The number of events, and frames for the WebSocket library: pings and pongs, mostly
            none. `None` if nothing waits.

        Raises:
            RuntimeError: the thread failed, and everything before was taken.
            Exception: `take` raised it.
        """
    def stop(self) -> bytes:
        """End the thread, and wait for it.

        Messages that wait are dropped.

        Returns:
            What was read and is for others: frames for the WebSocket library, whole ones but for
            the last.
        """

@final
class TlsConfig:
    """What TLS connections of a client have in common: trusted authorities, sessions to resume.

    Only the native core has this class, on Unix.

    Args:
        roots: certificates of the authorities in DER. Those that cannot be read are left out.

    Raises:
        ValueError: there is no certificate that can be used.
    """

    def __new__(cls, roots: Sequence[bytes]) -> Self: ...
    def stream(
        self, fd: int, server_name: str, *, quickack: bool = True, stamps: bool = False
    ) -> TlsStream:
        """Begin TLS on a connected, non-blocking TCP socket.

        Args:
            fd: file descriptor of the socket.
            server_name: DNS name or IP address that the server's certificate must be for.
            quickack: acknowledge what is read at once, where the system can do that (Linux).
            stamps: ask the kernel when it received what is read, where it can tell (Linux).

        Raises:
            ValueError: `server_name` is no DNS name and no IP address.
        """

@final
class TlsStream:
    """A TLS 1.2 or 1.3 connection to a server, on a connected, non-blocking TCP socket.

    Only the native core has this class, on Unix. `TlsConfig.stream` makes it. The socket stays its
    owner's, who closes it after the last use of the stream. An error is final: of TLS, reads and
    writes raise it again; of the socket, those of the same direction.
    """

    def handshake(self) -> bool:
        """Go on with the handshake as far as one read from the socket brings it.

        Returns:
            Whether it is complete. If not, call again when the socket can be read. When it is,
            `pending` may be true already.

        Raises:
            ssl.SSLCertVerificationError: the server's certificate is not trusted, or not for its
                name.
            ssl.SSLEOFError: the server closed the connection.
            ssl.SSLError: server and client do not agree; the text has the reason.
            OSError: the connection failed.
        """
    def recv_into(self, buffer: Buffer) -> int:
        """Decrypt into `buffer`, reading from the socket once at most; return how many bytes.

        0 is the end of the stream; see `is_truncated`. What was received before an error or the
        end is returned first.

        Raises:
            BlockingIOError: no record is complete yet.
            ssl.SSLError: a record is invalid, or the server sent an alert; the text has the reason.
            OSError: the connection failed.
            ValueError: the buffer is empty, or the handshake is not complete.
            TypeError: the buffer cannot be written to.
        """
    @property
    def pending(self) -> bool:
        """Whether to read again before waiting for the socket, which may bring nothing more."""
    def write(self, data: Buffer) -> int:
        """Encrypt and send `data`, keeping what the socket does not take.

        Returns:
            How many bytes on the wire wait.

        Raises:
            ssl.SSLError: TLS failed, or this side was closed by `close_write`.
            OSError: the connection failed.
            ValueError: the handshake is not complete.
        """
    def flush(self) -> int:
        """Send bytes that wait for the socket; return how many still do.

        Raises:
            OSError: the connection failed.
        """
    def close_write(self) -> None:
        """Tell the server by `close_notify` that no data follows, if the connection still works."""
    @property
    def received_ns(self) -> int:
        """When the kernel received the last bytes read from the socket, ns since the epoch; 0 if
        it did not say."""
    @property
    def is_truncated(self) -> bool:
        """Whether the connection ended without `close_notify`: data may be missing (RFC 8446,
        section 6.1)."""
    @property
    def version(self) -> str | None:
        """`TLSv1.3` or `TLSv1.2`, `None` before the handshake."""
    @property
    def cipher(self) -> str | None:
        """The cipher suite by its name in IANA's registry, `None` before the handshake."""

@final
class BookWriter:
    """The writer of a file in shared memory with the books of engines, for other processes.

    Only the native core has this class. docs/shared-books.md has the layout of the file.
    """

    def __new__(cls, path: str, levels: int, capacity: int) -> Self:
        """Make the file, in place of that of a writer that has died.

        Args:
            path: its name, in a folder in memory.
            levels: the most levels of each side, 10 to 1000.
            capacity: the most symbols, 1 to 16,384.

        Raises:
            FileExistsError: a process that still runs has made it.
            PermissionError: there is something else under this name, such as a symbolic link or a
                file of another user.
            OSError: the file system is full, or cannot do it.
        """
    def add(self, engine: Engine) -> None:
        """Share the aggregated books of an engine from now on, in every state."""
    def beat(self) -> None:
        """Show readers that the writer runs; call it every 100 ms."""
    @property
    def omitted(self) -> int:
        """Symbols that are not in the file: longer than 31 bytes, or more than `capacity`."""
    def close(self) -> None:
        """Close the file for all readers and remove its name; calling it again does nothing."""

@final
class BookFile:
    """A reader of the file of a `BookWriter`; it needs no write access."""

    def __new__(cls, path: str, max_age: float) -> Self:
        """Open the file.

        Args:
            path: its name.
            max_age: seconds after the writer's last heartbeat from which on no book is read.

        Raises:
            FileNotFoundError: there is none.
            PermissionError: it is not a file of this user, or others can write it.
            OSError: it is no such file of this version, or cannot be read.
        """
    def book(self, symbol: str) -> SharedBook:
        """Return a book.

        Raises:
            KeyError: it is not in the file.
        """
    def symbols(self) -> list[str]:
        """Return the symbols of all books, valid or not."""
    @property
    def state(self) -> str:
        """`open`, or why no book can be read: `writer_silent`, `writer_dead`, `writer_closed`,
        `replaced`, `closed`."""
    @property
    def levels(self) -> int:
        """The most levels of each side."""
    @property
    def omitted(self) -> int:
        """Symbols of the writer that are not in the file."""
    @property
    def generation(self) -> int:
        """A random number of the file; another file of the same name has another one."""
    @property
    def writer_pid(self) -> int:
        """Process id of the writer, in its own namespace."""
    def close(self) -> None:
        """Let all books of the file raise `BookNotReady` from now on."""

@final
class SharedBook:
    """One pair's aggregated book of another process, as of the last message it received.

    Each read is one consistent copy. A book that is not `valid` raises `BookNotReady` on every
    read of its content, as a live `OrderBook` does; so does one whose writer has ended, or has not
    shown for `max_age` seconds that it runs.

    All levels are `(price, qty)`, best first; prices in quote currency, quantities in base
    currency, as `Decimal` with the digits of the wire.
    """

    @property
    def symbol(self) -> str:
        """Currency pair, such as `BTC/USD`."""
    @property
    def state(self) -> str:
        """State of the writer's book: `awaiting_snapshot`, `valid`, `stale` or `quarantined`; or
        why its copy cannot be read.

        `unrepresentable`: a number has more than 63 bits. `unfinished`: a change takes longer
        than 1 ms, as the writer was stopped in it. `writer_silent`: no heartbeat for
        `max_age` seconds. `writer_dead`: its process ended. `writer_closed`: it ended sharing.
        `replaced`: another writer has the name by now. `closed`: this reader was closed.
        """
    @property
    def is_valid(self) -> bool:
        """Whether the content is the exchange's as of the writer's last message."""
    def top(self) -> tuple[float, float, float, float] | None:
        """Return `(bid, bid_qty, ask, ask_qty)` of one instant, as `OrderBook.top_of_book` does;
        `None` when a side is empty."""
    def bids(self, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        """Return the best `depth` bid levels `(price, qty)`; by default all that are shared."""
    def asks(self, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        """Return the best `depth` ask levels `(price, qty)`; by default all that are shared."""
    def frozen(self) -> OrderBook:
        """Return a copy of one instant as a free `OrderBook`, verified by its checksum.

        Its `depth` is that of the subscription even where fewer levels are shared.

        Raises:
            BookNotReady: the book may not be read; with the state `corrupt`, which no book should
                ever have, its levels do not match its checksum.
        """
    def checksum(self) -> int:
        """Return the CRC-32 over the ten best levels of both sides."""
    @property
    def depth(self) -> int:
        """Levels per side of the writer's subscription."""
    @property
    def updates(self) -> int:
        """Messages that the writer has applied to the book."""
    @property
    def timestamp_ns(self) -> int | None:
        """Exchange time of the last applied message that had one, ns since the epoch."""
    @property
    def received_ns(self) -> int | None:
        """The writer's receive time of the last applied message, ns since the epoch."""
    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the book has changed since this object was last read, in content or state.

        Other threads run meanwhile.

        Args:
            timeout: seconds, by default as long as the writer lives.

        Returns:
            Whether it has changed.

        Raises:
            BookNotReady: the writer does not live.
        """
