"""All public attributes of a message, a book or an exception, as plain values.

The classes of the two cores differ and floats and decimals that are equal may differ in their
digits, so pictures hold names and reprs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kraken_connector.models import Model

MESSAGE = (
    "channel",
    "type",
    "sequence",
    "symbol",
    "timestamp",
    "timestamp_ns",
    "checksum",
    "received_ns",
    "verified",
    "raw",
)
BOOK_ALWAYS = (
    "symbol",
    "depth",
    "state",
    "is_valid",
    "is_live",
    "updates",
    "verified_count",
    "mismatch_count",
    "timestamp",
    "received_ns",
    "verified_ns",
)
BOOK_READS = (
    "bids",
    "asks",
    "best_bid",
    "best_ask",
    "spread",
    "mid",
    "bid",
    "bid_qty",
    "ask",
    "ask_qty",
    "price_scale",
    "qty_scale",
    "crossed",
    "microprice",
)


def outcome(call: Callable[..., Any], *args: Any) -> Any:
    """Return what a call returned or raised."""
    try:
        return "returned", call(*args)
    except Exception as error:  # noqa: BLE001 - whatever it is, both must raise it
        return "raised", type(error).__name__, str(error), vars(error)


def of_event(event: Any) -> Any:
    if isinstance(event, Model):
        return repr(event), getattr(event, "received_ns", None)
    seen = {name: getattr(event, name) for name in MESSAGE}
    seen["name"] = type(event).__name__
    seen["repr"] = repr(event)
    seen["plain"] = repr(event.to_dict())
    seen["exact"] = repr(event.to_dict(exact=True))
    items = event.data if isinstance(event.data, list) else []
    seen["items"] = [of_item(item) for item in items]
    return seen


def of_item(item: Any) -> Any:
    if not isinstance(item, Model):
        return repr(item)
    numbers = [name for name, kind, _ in item.__wire_fields__ if kind in ("float", "decimal")]
    exact = [repr(outcome(item.decimal, name)[:2]) for name in numbers]
    return type(item).__name__, repr(item), repr(item.extra), exact


def of_message(call: Callable[..., Any], *args: Any) -> Any:
    """Return the picture of the message that a call returns, or of what it raises."""
    result = outcome(call, *args)
    return of_event(result[1]) if result[0] == "returned" else result


def of_feed(engine: Any, frame: Any, received_ns: int | None) -> Any:
    return [of_event(event) for event in engine.feed(frame, received_ns)]


def of_book(book: Any) -> Any:
    seen = {name: getattr(book, name) for name in BOOK_ALWAYS}
    for name in BOOK_READS:
        seen[name] = repr(outcome(getattr, book, name))
    calls = {
        "checksum": outcome(book.checksum),
        "top_of_book": outcome(book.top_of_book),
        "levels": outcome(book.levels, "bid", 3),
        "imbalance": outcome(book.imbalance, 3),
        "cumulative_qty": outcome(book.cumulative_qty, "bid"),
        "weighted_price": outcome(book.weighted_price, "ask", 5),
        "levels_array": outcome(lambda: book.levels_array("ask").tolist()),
        "levels_float": outcome(book.levels_float, "ask"),
        "levels_ticks": outcome(book.levels_ticks, "bid"),
        "unverified": book.unverified(),
        "len": len(book),
        "repr": repr(book),
    }
    return {**seen, **{name: repr(result) for name, result in calls.items()}}


def of_level3(book: Any) -> Any:
    (bids, asks) = book.unverified_orders()
    ids = [order.order_id for order in bids + asks]
    calls = {
        "orders": outcome(book.orders, "bid"),
        "best orders": outcome(book.orders, "ask", 2),
        "order": [outcome(book.order, order_id) for order_id in ids],
        "positions": [outcome(book.queue_position, order_id) for order_id in ids],
        "none": outcome(book.order, "nobody's"),
        "no position": outcome(book.queue_position, "nobody's"),
        "unverified": (bids, asks),
        "counts": (book.order_count, book.event_counts, book.mismatch_counts),
        "placements": book.placement_counts,
        "plain": outcome(lambda: book.to_dict(exact=True)),
    }
    return {**of_book(book), **{name: repr(result) for name, result in calls.items()}}


def of_engine(engine: Any) -> Any:
    books = {symbol: of_book(book) for symbol, book in engine.books.items()}
    level3 = {symbol: of_level3(book) for symbol, book in engine.level3_books.items()}
    return engine.counters(), list(books), books, list(level3), level3
