"""A book of your own, without client and engine.

The levels and their checksum are those of Kraken's guide to book checksums (docs.kraken.com, "Book
checksum").
"""

from __future__ import annotations

from decimal import Decimal

from kraken_connector import BookData, BookLevel, ChecksumError, OrderBook

ASKS = """
45285.2 0.00100000  45286.4 1.54571953  45286.6 1.54571109  45289.6 1.54560911  45290.2 0.15890660
45291.8 1.54553491  45294.7 0.04454749  45296.1 0.35380000  45297.5 0.09945542  45299.5 0.18772827
"""
BIDS = """
45283.5 0.10000000  45283.4 1.54582015  45282.1 0.10000000  45281.0 0.10000000  45280.3 1.54592586
45279.0 0.07990000  45277.6 0.03310103  45277.5 0.30000000  45277.3 1.54602737  45276.6 0.15445238
"""


def levels(text: str) -> list[BookLevel]:
    """Return the levels of a text as decimals, because the checksum uses the digits."""
    numbers = [Decimal(word) for word in text.split()]
    return [BookLevel(price, qty) for price, qty in zip(numbers[::2], numbers[1::2], strict=True)]


def main() -> None:
    book = OrderBook("BTC/USD", depth=10)
    book.apply_snapshot(BookData("BTC/USD", levels(BIDS), levels(ASKS), checksum=3310070434))
    print("verified:", book.checksum(), "spread", book.spread, "mid", book.mid)

    # Quantity zero removes a level.
    book.apply_update(BookData("BTC/USD", [], levels("45285.2 0.00000000")))
    print("without its best ask:", book.best_ask)

    try:
        book.validate_checksum(3310070434)
    except ChecksumError as error:
        print("no longer that book:", error)


main()
