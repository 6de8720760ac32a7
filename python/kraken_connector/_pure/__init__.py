"""The pure-Python core: the readable specification of `_native`, and its stand-in without it.

From the wire upwards: `lexer` and `scanner` (JSON, and what is wrong with it), `numbers`,
`book_data` (rows of a book message), `messages` and `data_message` (one frame to one message),
`ladder`, `checksum` and `book` (price levels), `engine` (a connection's frames to events).
"""

from __future__ import annotations

from .book import OrderBook
from .data_message import WSDataMessage
from .engine import Engine
from .messages import parse_message

__all__ = ["Engine", "OrderBook", "WSDataMessage", "parse_message"]
