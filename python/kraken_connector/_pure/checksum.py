"""The checksum of a book: which levels count, and with which digits.

Source: docs.kraken.com, guide "book checksum (WebSocket v2)". The ten best asks, lowest price
first, then the ten best bids, highest price first; of each level the price and the quantity at
full precision without dot and leading zeros; CRC-32 of that text.
"""

from __future__ import annotations

from zlib import crc32

#: Levels of a side that count, whatever the depth.
LEVELS = 10
_BEST_TEN = slice(None, -LEVELS - 1, -1)


def level_digits(price: int, qty: int) -> bytes:
    """Return the digits of one level: a number of fixed decimals without its dot and leading
    zeros is its mantissa, printed."""
    return b"%d%d" % (price, qty)


def join_top(digits: list[bytes]) -> bytes:
    """Return the digits of one side; `digits` are those of its levels, best last.

    A side with fewer than ten levels counts with what it has.
    """
    return b"".join(digits[_BEST_TEN])


def book_checksum(asks: bytes, bids: bytes) -> int:
    """Return the CRC-32 of the digits of both sides."""
    return crc32(asks + bids)
