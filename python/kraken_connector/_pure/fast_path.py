"""The fast path: book updates in exactly the format that the exchange sends.

They are read by one regular expression, in half the time. A frame that differs in a single byte,
such as a space, another order of keys or an error, is left to the general reader.
"""

from __future__ import annotations

import re

from .book_data import MAX_CHECKSUM, BookChange, Row

#: Longer frames are rare, and the expression is slow for them.
LONGEST = 4096

# At most 36 digits, which fit into every book.
_NUMBER = rb"(?:0|[1-9][0-9]{0,17}+)(?:\.[0-9]{1,18}+)?+"
_ROW = rb'\{"price":' + _NUMBER + rb',"qty":' + _NUMBER + rb"\}"
_ROWS = rb"\[((?:" + _ROW + rb"(?:," + _ROW + rb")*+)?+)\]"
_TEXT = rb'"([ !#-\[\]-~]+)"'
_UPDATE = re.compile(
    rb'\{"channel":"book","type":"update","data":\[\{"symbol":'
    + _TEXT
    + rb',"bids":'
    + _ROWS
    + rb',"asks":'
    + _ROWS
    + rb',"checksum":(0|[1-9][0-9]{0,9}+)(?:,"timestamp":'
    + _TEXT
    + rb")?\}\]\}"
)
_NUMBERS = re.compile(rb'"price":([0-9]+)\.?([0-9]*),"qty":([0-9]+)\.?([0-9]*)')


def read_update(frame: bytes) -> BookChange | None:
    """Return the only item of a book update, `None` if the frame is anything else."""
    if len(frame) > LONGEST:
        return None
    update = _UPDATE.fullmatch(frame)
    if update is None:
        return None
    symbol, bids, asks, checksum, timestamp = update.groups()
    expected = int(checksum)
    if expected > MAX_CHECKSUM:
        return None
    at = None if timestamp is None else timestamp.decode()
    return symbol.decode(), _rows(bids), _rows(asks), expected, at


def _rows(text: bytes) -> list[Row]:
    if not text:
        return []
    return [
        (int(whole + part), len(part), int(qty_whole + qty_part), len(qty_part))
        for whole, part, qty_whole, qty_part in _NUMBERS.findall(text)
    ]
