"""The checksum of an aggregated book; nothing else knows the rule.

Source: docs.kraken.com, guide "book checksum (WebSocket v2)". The ten best asks, lowest price
first, then the ten best bids, highest price first; of each level the price and the quantity at
full precision without dot and leading zeros; CRC-32 of that text.
"""

from __future__ import annotations

from zlib import crc32

_BEST_TEN = slice(None, -11, -1)


def level_digits(price: int, qty: int) -> bytes:
    """Return what one level contributes: a number of fixed decimals without its dot and leading
    zeros is its mantissa, printed."""
    return b"%d%d" % (price, qty)


def book_checksum(asks: list[bytes], bids: list[bytes]) -> int:
    """Return the CRC-32 of the two sides' level digits, best last.

    Sides with fewer than ten levels count with what they have.
    """
    return crc32(b"".join(asks[_BEST_TEN] + bids[_BEST_TEN]))
