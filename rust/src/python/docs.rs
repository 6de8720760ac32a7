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
are objects, and what a client keeps account by (`Model.CHECKED`) has its JSON type.
Equality, hash and repr go by `channel`, `type`, `data` and `sequence`."
    };
    ("WSDataMessage" "channel") => {
        r"`ticker`, `book`, `trade`, ... or a name that this version does not know."
    };
    ("WSDataMessage" "type") => {
        r"`snapshot` or `update`."
    };
    ("WSDataMessage" "data") => {
        r"The channel's typed items; what an unknown channel carries stays plain data."
    };
    ("WSDataMessage" "sequence") => {
        r"Message counter of the subscription, private channels only."
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
        r"The frame as it came, `None` on messages that a user made."
    };
    ("WSDataMessage" "to_dict") => {
        r"Return the message as plain data in the exchange's shape."
    };
    ("WSDataMessage" "from_dict") => {
        r"Build the message from plain data; items of known channels become typed."
    };
    ("OrderBook" "") => {
        r"One pair's aggregated book.

A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` shows
it all the same. A free book shows what was put into it.

All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
quantities in base currency, as `Decimal` with the digits of the wire."
    };
    ("OrderBook" "symbol") => {
        r"Currency pair, such as `BTC/USD`."
    };
    ("OrderBook" "depth") => {
        r"Levels kept per side."
    };
    ("OrderBook" "state") => {
        r"`awaiting_snapshot`, `valid`, `stale` or `quarantined`; free books: the first two."
    };
    ("OrderBook" "is_valid") => {
        r"Whether the content is the exchange's as of the last message."
    };
    ("OrderBook" "is_live") => {
        r"Whether the book belongs to an engine."
    };
    ("OrderBook" "apply_snapshot") => {
        r"Replace the content, then compare the checksum if there is one.

Raises:
    ChecksumError: the checksum differs; the book is `awaiting_snapshot` afterwards.
    RuntimeError: the book is live; only its engine writes it."
    };
    ("OrderBook" "apply_update") => {
        r"Apply the rows in order, bids first, cut to `depth`, then compare the checksum if there
is one.

Raises:
    ChecksumError: the checksum differs; the content stays for inspection.
    RuntimeError: the book is live; only its engine writes it."
    };
    ("OrderBook" "validate_checksum") => {
        r"Compare `expected` with the book.

Raises:
    ChecksumError: they differ."
    };
    ("OrderBook" "checksum") => {
        r#"Return the CRC-32 over the ten best levels of both sides, of a `Level3Book` over their
orders (docs.kraken.com, guides "book checksum v2" and "L3 checksum v2")."#
    };
    ("OrderBook" "bids") => {
        r"All bid levels `(price, qty)`, best first."
    };
    ("OrderBook" "asks") => {
        r"All ask levels `(price, qty)`, best first."
    };
    ("OrderBook" "levels") => {
        r"Return at most `depth` levels of one side; O(returned levels)."
    };
    ("OrderBook" "levels_float") => {
        r"Like `levels` in floats."
    };
    ("OrderBook" "levels_ticks") => {
        r"Like `levels` in integers: price times 10**price_scale, qty times 10**qty_scale."
    };
    ("OrderBook" "levels_array") => {
        r#"Return a copy of at most `depth` levels as doubles in one block of memory.

Shape `(levels, 2)`, price and qty, best first; an empty side has shape `(0, 2)`.
`numpy.asarray(book.levels_array("bid"))` makes an array of it without copying."#
    };
    ("OrderBook" "microprice") => {
        r"Best bid and best ask, each weighted with the quantity of the other: the price that
leans towards the thinner side. `None` when a side is empty."
    };
    ("OrderBook" "imbalance") => {
        r"Return how much more is bid than asked in the best `depth` levels, from -1 to 1;
`None` when both sides are empty."
    };
    ("OrderBook" "cumulated_qty") => {
        r"Return the quantity of the best `depth` levels together, in base currency."
    };
    ("OrderBook" "weighted_price") => {
        r"Return the average price of the best `depth` levels, weighted with their quantities;
`None` when the side is empty."
    };
    ("OrderBook" "price_scale") => {
        r"Decimals of the book's prices."
    };
    ("OrderBook" "qty_scale") => {
        r"Decimals of the book's quantities."
    };
    ("OrderBook" "best_bid") => {
        r"Best bid level `(price, qty)`, `None` when there is no bid."
    };
    ("OrderBook" "best_ask") => {
        r"Best ask level `(price, qty)`, `None` when there is no ask."
    };
    ("OrderBook" "spread") => {
        r"Best ask minus best bid, `None` when a side is empty."
    };
    ("OrderBook" "mid") => {
        r"Half way between best bid and best ask, `None` when a side is empty."
    };
    ("OrderBook" "bid") => {
        r"Best bid price, `None` when there is no bid."
    };
    ("OrderBook" "bid_qty") => {
        r"Quantity at the best bid price in base currency, `None` when there is no bid."
    };
    ("OrderBook" "ask") => {
        r"Best ask price, `None` when there is no ask."
    };
    ("OrderBook" "ask_qty") => {
        r"Quantity at the best ask price in base currency, `None` when there is no ask."
    };
    ("OrderBook" "top_of_book") => {
        r"Return `(bid, bid_qty, ask, ask_qty)` of one instant; `None` when a side is empty."
    };
    ("OrderBook" "to_dict") => {
        r"Return the content as plain data, as the items of the channel have it: `symbol`, `bids`,
`asks`, `checksum`, and `timestamp` if there is one.

Args:
    exact: numbers as `Decimal` with the digits of the wire instead of `float`.

Raises:
    BookNotReady: the book is live and not valid."
    };
    ("OrderBook" "unverified") => {
        r"Return `(bids, asks)` whatever the state: for inspection, not for trading."
    };
    ("OrderBook" "crossed") => {
        r"Whether the best bid is at or above the best ask."
    };
    ("OrderBook" "updates") => {
        r"Messages applied since the book was made."
    };
    ("OrderBook" "verified_count") => {
        r"Messages whose checksum matched."
    };
    ("OrderBook" "mismatch_count") => {
        r"Messages whose checksum did not match."
    };
    ("OrderBook" "timestamp") => {
        r"RFC 3339 exchange time of the last applied message that had one."
    };
    ("OrderBook" "received_ns") => {
        r"Local receive time of the last applied message, ns since the epoch."
    };
    ("OrderBook" "verified_ns") => {
        r"Live books: local receive time of the last message that verified, ns since the epoch;
`None` before the first one of a connection."
    };
    ("Level3Book" "") => {
        r"One pair's book of individual orders.

It has all that an `OrderBook` has, which shows the orders added up by price, and the orders
themselves. What the protocol leaves open about queues is decided in one place, documented in
docs/level3.md; `event_counts` and `mismatch_counts` show how the decisions fare.

A book is *live* when it belongs to an `Engine` and *free* when a caller made it. A live book
that is not `valid` raises `BookNotReady` on every read of its content; `unverified()` shows
it all the same. A free book shows what was put into it.

All levels are `(price, qty)`, best first, at most `depth` of them; prices in quote currency,
quantities in base currency, as `Decimal` with the digits of the wire."
    };
    ("Level3Book" "symbol") => {
        r"Currency pair, such as `BTC/USD`."
    };
    ("Level3Book" "depth") => {
        r"Levels kept per side."
    };
    ("Level3Book" "state") => {
        r"`awaiting_snapshot`, `valid`, `stale` or `quarantined`; free books: the first two."
    };
    ("Level3Book" "is_valid") => {
        r"Whether the content is the exchange's as of the last message."
    };
    ("Level3Book" "is_live") => {
        r"Whether the book belongs to an engine."
    };
    ("Level3Book" "apply_snapshot") => {
        r"Replace the content, then compare the checksum if there is one.

Raises:
    ChecksumError: the checksum differs; the book is `awaiting_snapshot` afterwards.
    RuntimeError: the book is live; only its engine writes it."
    };
    ("Level3Book" "apply_update") => {
        r"Apply the rows in order, bids first, cut to `depth`, then compare the checksum if there
is one.

Raises:
    ChecksumError: the checksum differs; the content stays for inspection.
    RuntimeError: the book is live; only its engine writes it."
    };
    ("Level3Book" "validate_checksum") => {
        r"Compare `expected` with the book.

Raises:
    ChecksumError: they differ."
    };
    ("Level3Book" "checksum") => {
        r#"Return the CRC-32 over the ten best levels of both sides, of a `Level3Book` over their
orders (docs.kraken.com, guides "book checksum v2" and "L3 checksum v2")."#
    };
    ("Level3Book" "bids") => {
        r"All bid levels `(price, qty)`, best first."
    };
    ("Level3Book" "asks") => {
        r"All ask levels `(price, qty)`, best first."
    };
    ("Level3Book" "levels") => {
        r"Return at most `depth` levels of one side; O(returned levels)."
    };
    ("Level3Book" "levels_float") => {
        r"Like `levels` in floats."
    };
    ("Level3Book" "levels_ticks") => {
        r"Like `levels` in integers: price times 10**price_scale, qty times 10**qty_scale."
    };
    ("Level3Book" "levels_array") => {
        r#"Return a copy of at most `depth` levels as doubles in one block of memory.

Shape `(levels, 2)`, price and qty, best first; an empty side has shape `(0, 2)`.
`numpy.asarray(book.levels_array("bid"))` makes an array of it without copying."#
    };
    ("Level3Book" "microprice") => {
        r"Best bid and best ask, each weighted with the quantity of the other: the price that
leans towards the thinner side. `None` when a side is empty."
    };
    ("Level3Book" "imbalance") => {
        r"Return how much more is bid than asked in the best `depth` levels, from -1 to 1;
`None` when both sides are empty."
    };
    ("Level3Book" "cumulated_qty") => {
        r"Return the quantity of the best `depth` levels together, in base currency."
    };
    ("Level3Book" "weighted_price") => {
        r"Return the average price of the best `depth` levels, weighted with their quantities;
`None` when the side is empty."
    };
    ("Level3Book" "price_scale") => {
        r"Decimals of the book's prices."
    };
    ("Level3Book" "qty_scale") => {
        r"Decimals of the book's quantities."
    };
    ("Level3Book" "best_bid") => {
        r"Best bid level `(price, qty)`, `None` when there is no bid."
    };
    ("Level3Book" "best_ask") => {
        r"Best ask level `(price, qty)`, `None` when there is no ask."
    };
    ("Level3Book" "spread") => {
        r"Best ask minus best bid, `None` when a side is empty."
    };
    ("Level3Book" "mid") => {
        r"Half way between best bid and best ask, `None` when a side is empty."
    };
    ("Level3Book" "bid") => {
        r"Best bid price, `None` when there is no bid."
    };
    ("Level3Book" "bid_qty") => {
        r"Quantity at the best bid price in base currency, `None` when there is no bid."
    };
    ("Level3Book" "ask") => {
        r"Best ask price, `None` when there is no ask."
    };
    ("Level3Book" "ask_qty") => {
        r"Quantity at the best ask price in base currency, `None` when there is no ask."
    };
    ("Level3Book" "top_of_book") => {
        r"Return `(bid, bid_qty, ask, ask_qty)` of one instant; `None` when a side is empty."
    };
    ("Level3Book" "to_dict") => {
        r"Return the content as plain data, as the items of the channel have it: `symbol`, `bids`,
`asks`, `checksum`, and `timestamp` if there is one.

Args:
    exact: numbers as `Decimal` with the digits of the wire instead of `float`.

Raises:
    BookNotReady: the book is live and not valid."
    };
    ("Level3Book" "unverified") => {
        r"Return `(bids, asks)` whatever the state: for inspection, not for trading."
    };
    ("Level3Book" "crossed") => {
        r"Whether the best bid is at or above the best ask."
    };
    ("Level3Book" "updates") => {
        r"Messages applied since the book was made."
    };
    ("Level3Book" "verified_count") => {
        r"Messages whose checksum matched."
    };
    ("Level3Book" "mismatch_count") => {
        r"Messages whose checksum did not match."
    };
    ("Level3Book" "timestamp") => {
        r"RFC 3339 exchange time of the last applied message that had one."
    };
    ("Level3Book" "received_ns") => {
        r"Local receive time of the last applied message, ns since the epoch."
    };
    ("Level3Book" "verified_ns") => {
        r"Live books: local receive time of the last message that verified, ns since the epoch;
`None` before the first one of a connection."
    };
    ("Level3Book" "orders") => {
        r"Return the orders of the best `levels` prices of one side: best price first, in each
the order that is filled first; O(returned orders)."
    };
    ("Level3Book" "order") => {
        r"Return an order by its id, `None` when it is not in the book."
    };
    ("Level3Book" "queue_position") => {
        r"Return where an order stands in the queue of its price, `None` when it is not in the
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
and was replaced. `modify`: changed in its place, without a new timestamp.
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
        r"What the checksums have proved about places in queues.

`lowered_kept`, `lowered_requeued`: amended orders with a lower quantity kept their place
or went to the back. `raised_kept`, `raised_requeued`: the same for amended orders whose
quantity was not lowered. `by_time`: messages whose checksum matched only with the queues
in the order of their timestamps."
    };
    ("Engine" "") => {
        r"Frames of one connection to events and books.

Frames of `book` and `level3` are applied and verified before their event is returned; a
reader sees only whole messages. Each symbol has one book of each of the two channels, as a
connection has one depth per symbol."
    };
    ("Engine" "feed") => {
        r"Take one text frame and return what it says, in order; never raises for its content.

A `SequenceGapEvent`, `BookChecksumEvent` or `BookCrossedEvent` comes before the message
that shows it. A frame that cannot be read gives an `InvalidFrameEvent`; if it was a book
message, the books of its channel that it names turn `stale`, all when it names none.

Raises:
    TypeError: `frame` is neither bytes-like nor str."
    };
    ("Engine" "book") => {
        r"Return the live book of `symbol`, always the same object; made when first asked for."
    };
    ("Engine" "books") => {
        r"Return the live books by symbol, as a new dict."
    };
    ("Engine" "expect_book") => {
        r"Say what depth a coming subscription has; the book starts over, awaiting a snapshot.

Without this the depth comes from the subscribe ack fed in, and without that from the
snapshot: the smallest legal depth that holds it.

Raises:
    ValueError: `depth` is none of 10, 25, 100, 500, 1000."
    };
    ("Engine" "invalidate_book") => {
        r"Withdraw a book from reading until its next verified snapshot; a `quarantined` book
ignores snapshots too, until `expect_book`."
    };
    ("Engine" "level3") => {
        r"Return the live book of individual orders of `symbol`, always the same object; made
when first asked for."
    };
    ("Engine" "level3_books") => {
        r"Return the live books of individual orders by symbol, as a new dict."
    };
    ("Engine" "expect_level3") => {
        r"Like `expect_book`, for a subscription of `level3`.

Raises:
    ValueError: `depth` is none of 10, 100, 1000."
    };
    ("Engine" "invalidate_level3") => {
        r"Like `invalidate_book`, for the book of individual orders."
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
        r"The receive half of one WebSocket after its handshake, for `asyncio.BufferedProtocol`.

Whole, unfragmented, uncompressed text frames go straight to an engine. Everything else is
handed back, frame by frame, for a full implementation to deal with. Only the native core has
this class.

Attributes:
    is_direct: whether text frames go to the engine; if not, as in the beginning, they are
        handed back too. From a binary, compressed or fragmented frame on it is false, to keep
        the order of messages."
    };
    ("Receiver" "get_buffer") => {
        r"Return room to read into."
    };
    ("Receiver" "buffer_updated") => {
        r"Take `nbytes` that were read into the room.

Args:
    nbytes: how many.
    received_ns: local receive time, ns since the epoch.
    take: called with the events of text frames, in order, and `received_ns`, if there are
        any.

Returns:
    Whole other frames, one after the other, if any. After a frame that breaks the rules, or
    is longer than `max_size`, all bytes are handed back as they come.

Raises:
    ValueError: there was no room for so many bytes.
    Exception: what `take` raised."
    };
}
