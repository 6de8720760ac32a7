"""The pure-Python core: the readable specification of `_native`, and its stand-in without it.

From the wire upwards: `lexer` and `scanner` (JSON, and what is wrong with it), `numbers`,
`book_data` (rows of a book message), `messages` and `data_message` (one frame to one message),
`places` (which value of a frame is wrong), `ladder`, `checksum` and `book` (price levels),
`order_data`, `queues` and `level3` (individual orders), `shelf` and `engine` (a connection's books,
and its frames to events).
"""

from __future__ import annotations

from .book import OrderBook
from .data_message import WSDataMessage
from .engine import Engine
from .level3 import Level3Book
from .messages import parse_message

__all__ = ["Engine", "Level3Book", "OrderBook", "WSDataMessage", "parse_message"]
