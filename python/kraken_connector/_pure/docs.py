"""The docstrings of the classes; `packaging/docstrings.py` writes this file from the stub."""

from __future__ import annotations

from inspect import getattr_static
from typing import TypeVar

T = TypeVar("T", bound=type)


def documented(cls: T) -> T:
    """Give a class and its members their docstrings."""
    for name, text in DOCS[cls.__name__].items():
        member = getattr_static(cls, name) if name else cls
        if isinstance(member, classmethod):
            member = member.__func__
        member.__doc__ = text
    return cls


#: Docstrings by class and member; that of the class itself has an empty name.
DOCS: dict[str, dict[str, str]] = {
    "WSDataMessage": {
        "": """\
A message of a channel.

The frame was checked when the message was made; `data` is decoded when it is first read. Items
are objects, and the fields that a client relies on (`Model.CHECKED`) have their JSON type.
Equality and repr use `channel`, `type`, `data` and `sequence`.""",
        "channel": """\
`ticker`, `book`, `trade`, ... or a name that this version does not know.""",
        "type": """\
`snapshot` or `update`.""",
        "data": """\
The channel's typed items; those of an unknown channel are plain data.""",
        "sequence": """\
Sequence number of the message, private channels only.""",
        "symbol": """\
Currency pair of the first item, `None` on channels without; does not decode `data`.""",
        "timestamp": """\
RFC 3339 time of the message itself (`ohlc`), `None` where only items have one.""",
        "timestamp_ns": """\
Exchange time in ns since the epoch: of the message, else of its first item.""",
        "received_ns": """\
Local receive time, ns since the epoch, as given to `Engine.feed`.""",
        "verified": """\
Messages of `book` and `level3` of an engine: whether the book matches the exchange's
checksum after this message; `False` also without a checksum, and while the book waits for
a snapshot. `None` otherwise.""",
        "raw": """\
The frame as received, `None` on messages that a user made.""",
        "to_dict": """\
Return the message as plain data in the exchange's shape.""",
        "from_dict": """\
Build the message from plain data; items of known channels become typed.""",
    },
    "BookHandle": {
        "": """\
What both kinds of books have.""",
        "symbol": """\
Currency pair, such as `BTC/USD`.""",
        "depth": """\
Levels kept per side.""",
        "state": """\
`awaiting_snapshot`, `valid`, `stale` or `quarantined`; free books: the first two.""",
        "is_valid": """\
Whether the content is the exchange's as of the last message.""",
        "is_live": """\
Whether the book belongs to an engine.""",
        "apply_snapshot": """\
Replace the content, then compare the checksum if there is one.

Raises:
    ChecksumError: the checksum differs; the book is `awaiting_snapshot` afterwards.
    RuntimeError: the book is live; only its engine writes it.""",
        "apply_update": """\
Apply the rows in order, bids first, cut to `depth`, then compare the checksum if there
is one.

Raises:
    ChecksumError: the checksum differs; the content stays for inspection.
    RuntimeError: the book is live; only its engine writes it.""",
        "validate_checksum": """\
Compare `expected` with the book.

Raises:
    ChecksumError: they differ.""",
        "checksum": """\
Return the CRC-32 over the ten best levels of both sides, of a `Level3Book` over their
orders (docs.kraken.com, guides "book checksum v2" and "L3 checksum v2").""",
        "bids": """\
All bid levels `(price, qty)`, best first.""",
        "asks": """\
All ask levels `(price, qty)`, best first.""",
        "levels": """\
Return at most `depth` levels of one side; O(returned levels).""",
        "levels_float": """\
Like `levels` in floats.""",
        "levels_ticks": """\
Like `levels` in integers: price times 10**price_scale, qty times 10**qty_scale.""",
        "levels_array": """\
Return a copy of at most `depth` levels as doubles in one block of memory.

Shape `(levels, 2)`, price and qty, best first; an empty side has shape `(0, 2)`.
`numpy.asarray(book.levels_array("bid"))` makes an array of it without copying.""",
        "microprice": """\
Best bid and best ask price, each weighted with the quantity of the other side; `None`
when a side is empty.""",
        "imbalance": """\
Return `(bid_qty - ask_qty) / (bid_qty + ask_qty)` of the best `depth` levels, from -1 to
1; `None` when both sides are empty.""",
        "cumulated_qty": """\
Return the cumulative quantity of the best `depth` levels, in base currency.""",
        "weighted_price": """\
Return the average price of the best `depth` levels, weighted with their quantities;
`None` when the side is empty.""",
        "price_scale": """\
Decimals of the book's prices.""",
        "qty_scale": """\
Decimals of the book's quantities.""",
        "best_bid": """\
Best bid level `(price, qty)`, `None` when there is no bid.""",
        "best_ask": """\
Best ask level `(price, qty)`, `None` when there is no ask.""",
        "spread": """\
Best ask minus best bid, `None` when a side is empty.""",
        "mid": """\
Mean of best bid and best ask price, `None` when a side is empty.""",
        "bid": """\
Best bid price, `None` when there is no bid.""",
        "bid_qty": """\
Quantity at the best bid price in base currency, `None` when there is no bid.""",
        "ask": """\
Best ask price, `None` when there is no ask.""",
        "ask_qty": """\
Quantity at the best ask price in base currency, `None` when there is no ask.""",
        "top_of_book": """\
Return `(bid, bid_qty, ask, ask_qty)` of one instant; `None` when a side is empty.""",
        "to_dict": """\
Return the content as plain data in the exchange's shape: `symbol`, `bids`, `asks`,
`checksum`, and `timestamp` if there is one.

Args:
    exact: numbers as `Decimal` with the digits of the wire instead of `float`.

Raises:
    BookNotReady: the book is live and not valid.""",
        "unverified": """\
Return `(bids, asks)` whatever the state: for inspection, not for trading.""",
        "crossed": """\
Whether the best bid is at or above the best ask.""",
        "updates": """\
Messages applied since the book was made.""",
        "verified_count": """\
Messages whose checksum matched.""",
        "mismatch_count": """\
Messages whose checksum did not match.""",
        "timestamp": """\
RFC 3339 exchange time of the last applied message that had one.""",
        "received_ns": """\
Local receive time of the last applied message, ns since the epoch.""",
        "verified_ns": """\
Live books: local receive time of the last message that verified, ns since the epoch;
`None` before the first one of a connection.""",
    },
    "OrderBook": {
        "": """\
One pair's aggregated book.

A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` returns
the content in any state. A free book has the content that its caller applied.

All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
quantities in base currency, as `Decimal` with the digits of the wire.""",
    },
    "Level3Book": {
        "": """\
One pair's book of individual orders.

It has everything that an `OrderBook` has, with the orders added up by price, and the orders
themselves. docs/level3.md lists how it handles the cases that the protocol does not specify;
`event_counts` and `mismatch_counts` show how well that works.

A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` returns
the content in any state. A free book has the content that its caller applied.

All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
quantities in base currency, as `Decimal` with the digits of the wire.""",
        "orders": """\
Return the orders of the best `levels` prices of one side: best price first, in each
the order that is filled first; O(returned orders).""",
        "order": """\
Return an order by its id, `None` when it is not in the book.""",
        "queue_position": """\
Return the position of an order in the queue of its price, `None` when it is not in the
book; O(orders ahead of it).""",
        "unverified_orders": """\
Return the orders of `(bids, asks)` whatever the state: for inspection, not for
trading.""",
        "order_count": """\
Orders on both sides together, whatever the state.""",
        "event_counts": """\
Entries applied since the book was made, by what became of them.

`snapshot`, `add`: an order at the back of its queue. `snapshot_older`, `add_older`: the
same, with an older timestamp than the order ahead of it. `add_known`: it was there already
and was replaced. `modify`: changed without a new timestamp.
`modify_lowered`: amended, with a new timestamp and a lower quantity. `modify_raised`:
amended, with a new timestamp and no lower quantity. `modify_moved`: to another price.
`delete`. `modify_unknown`, `delete_unknown`:
not in the book, ignored. `empty`: without quantity, not in the book afterwards.
`unknown_event`: ignored.""",
        "mismatch_counts": """\
Messages that failed their checksum, by the kinds of entries in them: the keys are
those of `event_counts`, a message counts once for each kind it has.""",
        "placement_counts": """\
What the checksums have proved about positions in queues.

`lowered_kept`, `lowered_requeued`: amended orders with a lower quantity kept their
position or went to the back. `raised_kept`, `raised_requeued`: the same for amended orders
whose quantity was not lowered. `by_time`: messages whose checksum matched only with the
queues in the order of their timestamps.""",
    },
    "Books": {
        "": """\
The live books of one channel by symbol: a read-only mapping that follows the engine.

A symbol has a book once the engine has received a message for it, or `get_or_create` or
`expect` was called.""",
        "get_or_create": """\
Return the live book of `symbol`, always the same object; create it if necessary.""",
        "expect": """\
Set the depth of a coming subscription; the book starts over, awaiting a snapshot.

Without this the depth comes from the subscribe reply fed in, and without that from the
snapshot: the smallest depth of the channel that holds it.

Raises:
    ValueError: `depth` is none of 10, 25, 100, 500, 1000 (`level3`: 10, 100, 1000).""",
        "invalidate": """\
Withdraw a book from reading until its next verified snapshot; a `quarantined` book
ignores snapshots too, until `expect`.""",
    },
    "Engine": {
        "": """\
Frames of one connection to events and books.

Frames of `book` and `level3` are applied and verified before their event is returned; a
reader sees only whole messages. Each symbol has one book of each of the two channels, as a
connection has one depth per symbol.""",
        "feed": """\
Read one text frame, apply it, and return its events in order; never raises for its
content.

A `SequenceGapEvent`, `BookChecksumEvent` or `BookCrossedEvent` comes before the message
that shows it. A frame that cannot be read gives an `InvalidFrameEvent`; if it was a book
message, the books of its channel that it names turn `stale`, all when it names none.

Raises:
    TypeError: `frame` is neither bytes-like nor str.""",
        "books": """\
The live aggregated books, of the channel `book`.""",
        "level3_books": """\
The live books of individual orders, of the channel `level3`.""",
        "books_of": """\
Return the live books of a channel.

Raises:
    ValueError: `channel` is neither `book` nor `level3`.""",
        "book": """\
Return `books.get_or_create(symbol)`.""",
        "level3": """\
Return `level3_books.get_or_create(symbol)`.""",
        "expect_book": """\
Deprecated: call `books.expect`.""",
        "invalidate_book": """\
Deprecated: call `books.invalidate`.""",
        "expect_level3": """\
Deprecated: call `level3_books.expect`.""",
        "invalidate_level3": """\
Deprecated: call `level3_books.invalidate`.""",
        "reset": """\
Start a new connection: all books await a snapshot, sequences begin anew.""",
        "counters": """\
Return counts since the engine was made: `frames`, `bytes`, `messages`, `book_messages`,
`level3_messages`, `verified`, `mismatches`, `crossed`, `sequence_gaps`, `invalid_frames`,
`unknown_channels`.""",
    },
}
