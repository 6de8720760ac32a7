//! The docstrings of the classes; `packaging/docstrings.py` writes this file from the stub.

/// The docstring of a member; of the class itself with an empty name.
macro_rules! doc {
    ("" "parse_message") => {
        r"Turn one text frame into one typed message, without keeping any state.

Raises:
    ParseError: (a `ValueError`) the frame is no JSON or no message of the protocol."
    };
    ("WSDataMessage" "") => {
        r"A message of a channel.

The frame was checked when the message was made; `data` is decoded when it is first read. Items
are objects, and the fields that a client relies on (`Model.CHECKED`) have their JSON type.
Equality and repr use `channel`, `type`, `data` and `sequence`."
    };
    ("WSDataMessage" "channel") => {
        r"`ticker`, `book`, `trade`, ... or a name that this version does not know."
    };
    ("WSDataMessage" "type") => {
        r"`snapshot` or `update`."
    };
    ("WSDataMessage" "data") => {
        r"The channel's typed items; those of an unknown channel are plain data."
    };
    ("WSDataMessage" "sequence") => {
        r"Sequence number of the message, private channels only."
    };
    ("WSDataMessage" "symbol") => {
        r"Currency pair of the first item, `None` on channels without; does not decode `data`."
    };
    ("WSDataMessage" "timestamp") => {
        r"RFC 3339 time of the message itself (`ohlc`), `None` where only items have one."
    };
    ("WSDataMessage" "timestamp_ns") => {
        r"Exchange time in ns since the epoch: of the message, else of its first item."
    };
    ("WSDataMessage" "received_ns") => {
        r"Local receive time, ns since the epoch, as given to `Engine.feed`."
    };
    ("WSDataMessage" "verified") => {
        r"Messages of `book` and `level3` of an engine: whether the book matches the exchange's
checksum after this message; `False` also without a checksum, and while the book waits for
a snapshot. `None` otherwise."
    };
    ("WSDataMessage" "raw") => {
        r"The frame as received, `None` on messages that a user made."
    };
    ("WSDataMessage" "to_dict") => {
        r"Return the message as plain data in the exchange's shape."
    };
    ("WSDataMessage" "from_dict") => {
        r"Build the message from plain data; items of known channels become typed."
    };
    ("BookHandle" "") => {
        r"What both kinds of books have."
    };
    ("BookHandle" "symbol") => {
        r"Currency pair, such as `BTC/USD`."
    };
    ("BookHandle" "depth") => {
        r"Levels kept per side."
    };
    ("BookHandle" "state") => {
        r"`awaiting_snapshot`, `valid`, `stale` or `quarantined`; free books: the first two."
    };
    ("BookHandle" "is_valid") => {
        r"Whether the content is the exchange's as of the last message."
    };
    ("BookHandle" "is_live") => {
        r"Whether the book belongs to an engine."
    };
    ("BookHandle" "apply_snapshot") => {
        r"Replace the content, then compare the checksum if there is one.

Raises:
    ChecksumError: the checksum differs; the book is `awaiting_snapshot` afterwards.
    RuntimeError: the book is live; only its engine writes it."
    };
    ("BookHandle" "apply_update") => {
        r"Apply the rows in order, bids first, cut to `depth`, then compare the checksum if there
is one.

Raises:
    ChecksumError: the checksum differs; the content stays for inspection.
    RuntimeError: the book is live; only its engine writes it."
    };
    ("BookHandle" "validate_checksum") => {
        r"Compare `expected` with the book.

Raises:
    ChecksumError: they differ."
    };
    ("BookHandle" "checksum") => {
        r#"Return the CRC-32 over the ten best levels of both sides, of a `Level3Book` over their
orders (docs.kraken.com, guides "book checksum v2" and "L3 checksum v2")."#
    };
    ("BookHandle" "bids") => {
        r"All bid levels `(price, qty)`, best first."
    };
    ("BookHandle" "asks") => {
        r"All ask levels `(price, qty)`, best first."
    };
    ("BookHandle" "levels") => {
        r"Return at most `depth` levels of one side; O(returned levels)."
    };
    ("BookHandle" "levels_float") => {
        r"Like `levels` in floats."
    };
    ("BookHandle" "levels_ticks") => {
        r"Like `levels` in integers: price times 10**price_scale, qty times 10**qty_scale."
    };
    ("BookHandle" "levels_array") => {
        r#"Return a copy of at most `depth` levels as doubles in one block of memory.

Shape `(levels, 2)`, price and qty, best first; an empty side has shape `(0, 2)`.
`numpy.asarray(book.levels_array("bid"))` makes an array of it without copying."#
    };
    ("BookHandle" "microprice") => {
        r"Best bid and best ask price, each weighted with the quantity of the other side; `None`
when a side is empty."
    };
    ("BookHandle" "imbalance") => {
        r"Return `(bid_qty - ask_qty) / (bid_qty + ask_qty)` of the best `depth` levels, from -1 to
1; `None` when both sides are empty."
    };
    ("BookHandle" "cumulated_qty") => {
        r"Return the cumulative quantity of the best `depth` levels, in base currency."
    };
    ("BookHandle" "weighted_price") => {
        r"Return the average price of the best `depth` levels, weighted with their quantities;
`None` when the side is empty."
    };
    ("BookHandle" "price_scale") => {
        r"Decimals of the book's prices."
    };
    ("BookHandle" "qty_scale") => {
        r"Decimals of the book's quantities."
    };
    ("BookHandle" "best_bid") => {
        r"Best bid level `(price, qty)`, `None` when there is no bid."
    };
    ("BookHandle" "best_ask") => {
        r"Best ask level `(price, qty)`, `None` when there is no ask."
    };
    ("BookHandle" "spread") => {
        r"Best ask minus best bid, `None` when a side is empty."
    };
    ("BookHandle" "mid") => {
        r"Mean of best bid and best ask price, `None` when a side is empty."
    };
    ("BookHandle" "bid") => {
        r"Best bid price, `None` when there is no bid."
    };
    ("BookHandle" "bid_qty") => {
        r"Quantity at the best bid price in base currency, `None` when there is no bid."
    };
    ("BookHandle" "ask") => {
        r"Best ask price, `None` when there is no ask."
    };
    ("BookHandle" "ask_qty") => {
        r"Quantity at the best ask price in base currency, `None` when there is no ask."
    };
    ("BookHandle" "top_of_book") => {
        r"Return `(bid, bid_qty, ask, ask_qty)` of one instant; `None` when a side is empty."
    };
    ("BookHandle" "to_dict") => {
        r"Return the content as plain data in the exchange's shape: `symbol`, `bids`, `asks`,
`checksum`, and `timestamp` if there is one.

Args:
    exact: numbers as `Decimal` with the digits of the wire instead of `float`.

Raises:
    BookNotReady: the book is live and not valid."
    };
    ("BookHandle" "unverified") => {
        r"Return `(bids, asks)` whatever the state: for inspection, not for trading."
    };
    ("BookHandle" "crossed") => {
        r"Whether the best bid is at or above the best ask."
    };
    ("BookHandle" "updates") => {
        r"Messages applied since the book was made."
    };
    ("BookHandle" "verified_count") => {
        r"Messages whose checksum matched."
    };
    ("BookHandle" "mismatch_count") => {
        r"Messages whose checksum did not match."
    };
    ("BookHandle" "timestamp") => {
        r"RFC 3339 exchange time of the last applied message that had one."
    };
    ("BookHandle" "received_ns") => {
        r"Local receive time of the last applied message, ns since the epoch."
    };
    ("BookHandle" "verified_ns") => {
        r"Live books: local receive time of the last message that verified, ns since the epoch;
`None` before the first one of a connection."
    };
    ("OrderBook" "") => {
        r"One pair's aggregated book.

A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` returns
the content in any state. A free book has the content that its caller applied.

All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
quantities in base currency, as `Decimal` with the digits of the wire."
    };
    ("Level3Book" "") => {
        r"One pair's book of individual orders.

It has everything that an `OrderBook` has, with the orders added up by price, and the orders
themselves. docs/level3.md lists how it handles the cases that the protocol does not specify;
`event_counts` and `mismatch_counts` show how well that works.

A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` returns
the content in any state. A free book has the content that its caller applied.

All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
quantities in base currency, as `Decimal` with the digits of the wire."
    };
    ("Level3Book" "orders") => {
        r"Return the orders of the best `levels` prices of one side: best price first, in each
the order that is filled first; O(returned orders)."
    };
    ("Level3Book" "order") => {
        r"Return an order by its id, `None` when it is not in the book."
    };
    ("Level3Book" "queue_position") => {
        r"Return the position of an order in the queue of its price, `None` when it is not in the
book; O(orders ahead of it)."
    };
    ("Level3Book" "unverified_orders") => {
        r"Return the orders of `(bids, asks)` whatever the state: for inspection, not for
trading."
    };
    ("Level3Book" "order_count") => {
        r"Orders on both sides together, whatever the state."
    };
    ("Level3Book" "event_counts") => {
        r"Entries applied since the book was made, by what became of them.

`snapshot`, `add`: an order at the back of its queue. `snapshot_older`, `add_older`: the
same, with an older timestamp than the order ahead of it. `add_known`: it was there already
and was replaced. `modify`: changed without a new timestamp.
`modify_lowered`: amended, with a new timestamp and a lower quantity. `modify_raised`:
amended, with a new timestamp and no lower quantity. `modify_moved`: to another price.
`delete`. `modify_unknown`, `delete_unknown`:
not in the book, ignored. `empty`: without quantity, not in the book afterwards.
`unknown_event`: ignored."
    };
    ("Level3Book" "mismatch_counts") => {
        r"Messages that failed their checksum, by the kinds of entries in them: the keys are
those of `event_counts`, a message counts once for each kind it has."
    };
    ("Level3Book" "placement_counts") => {
        r"What the checksums have proved about positions in queues.

`lowered_kept`, `lowered_requeued`: amended orders with a lower quantity kept their
position or went to the back. `raised_kept`, `raised_requeued`: the same for amended orders
whose quantity was not lowered. `by_time`: messages whose checksum matched only with the
queues in the order of their timestamps."
    };
    ("Books" "") => {
        r"The live books of one channel by symbol: a read-only mapping that follows the engine.

A symbol has a book once the engine has received a message for it, or `get_or_create` or
`expect` was called."
    };
    ("Books" "get_or_create") => {
        r"Return the live book of `symbol`, always the same object; create it if necessary."
    };
    ("Books" "expect") => {
        r"Set the depth of a coming subscription; the book starts over, awaiting a snapshot.

Without this the depth comes from the subscribe reply fed in, and without that from the
snapshot: the smallest depth of the channel that holds it.

Raises:
    ValueError: `depth` is none of 10, 25, 100, 500, 1000 (`level3`: 10, 100, 1000)."
    };
    ("Books" "invalidate") => {
        r"Withdraw a book from reading until its next verified snapshot; a `quarantined` book
ignores snapshots too, until `expect`."
    };
    ("Engine" "") => {
        r"Frames of one connection to events and books.

Frames of `book` and `level3` are applied and verified before their event is returned; a
reader sees only whole messages. Each symbol has one book of each of the two channels, as a
connection has one depth per symbol."
    };
    ("Engine" "feed") => {
        r"Read one text frame, apply it, and return its events in order; never raises for its
content.

A `SequenceGapEvent`, `BookChecksumEvent` or `BookCrossedEvent` comes before the message
that shows it. A frame that cannot be read gives an `InvalidFrameEvent`; if it was a book
message, the books of its channel that it names turn `stale`, all when it names none.

Raises:
    TypeError: `frame` is neither bytes-like nor str."
    };
    ("Engine" "books") => {
        r"The live aggregated books, of the channel `book`."
    };
    ("Engine" "level3_books") => {
        r"The live books of individual orders, of the channel `level3`."
    };
    ("Engine" "books_of") => {
        r"Return the live books of a channel.

Raises:
    ValueError: `channel` is neither `book` nor `level3`."
    };
    ("Engine" "book") => {
        r"Return `books.get_or_create(symbol)`."
    };
    ("Engine" "level3") => {
        r"Return `level3_books.get_or_create(symbol)`."
    };
    ("Engine" "expect_book") => {
        r"Deprecated: call `books.expect`."
    };
    ("Engine" "invalidate_book") => {
        r"Deprecated: call `books.invalidate`."
    };
    ("Engine" "expect_level3") => {
        r"Deprecated: call `level3_books.expect`."
    };
    ("Engine" "invalidate_level3") => {
        r"Deprecated: call `level3_books.invalidate`."
    };
    ("Engine" "reset") => {
        r"Start a new connection: all books await a snapshot, sequences begin anew."
    };
    ("Engine" "counters") => {
        r"Return counts since the engine was made: `frames`, `bytes`, `messages`, `book_messages`,
`level3_messages`, `verified`, `mismatches`, `crossed`, `sequence_gaps`, `invalid_frames`,
`unknown_channels`."
    };
    ("Receiver" "") => {
        r"The receiving side of one WebSocket after its handshake, for `asyncio.BufferedProtocol`.

Complete, unfragmented, uncompressed text frames are fed to an engine. All other frames are
returned for a full implementation of the protocol. Only the native core has this class.

Attributes:
    is_direct: whether text frames are fed to the engine; if not, as in the beginning, they are
        returned too. A binary, compressed or fragmented frame makes it false, to keep the
        order of messages."
    };
    ("Receiver" "get_buffer") => {
        r"Return the buffer to read into."
    };
    ("Receiver" "buffer_updated") => {
        r"Process `nbytes` bytes that were read into the buffer.

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
    Exception: raised by `take`."
    };
}
