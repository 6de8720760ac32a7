"""The books of an engine by channel: aggregated levels (`book`), and orders (`level3`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from ..._backend import Engine, Level3Book, OrderBook
from ..subscribe import BookParams, Level3Params, SubscriptionParams

__all__ = ["BOOK_CHANNELS", "book_of", "books_of", "expect", "invalidate", "placements"]

#: The channels with books.
BOOK_CHANNELS = frozenset({"book", "level3"})

State = Literal["awaiting_snapshot", "stale", "quarantined"]


def book_of(engine: Engine, channel: str, symbol: str) -> OrderBook | Level3Book:
    """Return the live book of a pair."""
    return engine.level3(symbol) if channel == "level3" else engine.book(symbol)


def books_of(engine: Engine, channel: str) -> Mapping[str, OrderBook | Level3Book]:
    """Return all live books of a channel by symbol."""
    return engine.level3_books() if channel == "level3" else engine.books()


def placements(engine: Engine) -> dict[str, int]:
    """Return the sum of `placement_counts` of all `level3` books."""
    total: Counter[str] = Counter()
    for book in engine.level3_books().values():
        total.update(book.placement_counts)
    return dict(total)


def expect(engine: Engine, params: SubscriptionParams, symbol: str) -> None:
    """Prepare the engine for a subscription's snapshot, if the channel has books."""
    if isinstance(params, BookParams):
        engine.expect_book(symbol, params.depth)
    elif isinstance(params, Level3Params):
        engine.expect_level3(symbol, params.depth)


def invalidate(engine: Engine, channel: str, symbol: str, state: State = "stale") -> None:
    """Mark a book as invalid, so that reading it raises."""
    if channel == "level3":
        engine.invalidate_level3(symbol, state)
    else:
        engine.invalidate_book(symbol, state)
