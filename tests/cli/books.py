"""Books to draw."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.text import Text

from kraken_connector.cli.views import BookView, Level


def levels(start: str, step: str, qty: str = "0.50000000", number: int = 10) -> tuple[Level, ...]:
    return tuple((Decimal(start) + i * Decimal(step), Decimal(qty)) for i in range(number))


def book(symbol: str = "BTC/USD", **changes: Any) -> BookView:
    """A valid book of ten levels a side, best bid 100.0, best ask 100.1."""
    fields = {
        "state": "valid",
        "bids": levels("100.0", "-0.1"),
        "asks": levels("100.1", "0.1"),
        "verified": 7,
    }
    return BookView(symbol, **(fields | changes))


def orders(symbol: str = "BTC/USD", **changes: Any) -> BookView:
    """A valid book of two levels a side with three orders at each."""
    queue = (Decimal("0.30000000"), Decimal("0.10000000"), Decimal("0.60000000"))
    fields = {
        "bids": levels("100.0", "-0.1", "1.00000000", 2),
        "asks": levels("100.1", "0.1", "1.00000000", 2),
        "bid_queues": (queue, queue),
        "ask_queues": (queue, queue),
        "depth": 2,
    }
    return book(symbol, **(fields | changes))


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]
