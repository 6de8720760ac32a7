"""The pure-Python core: the readable specification of `_native`, and its stand-in without it.

One module for each of the core's: `numbers` (digits of the wire), `lexer` (JSON and what is wrong
with it), `ladder` and `book` (price levels), `checksum`, `messages` (one frame to one message) and
`engine` (frames of a connection to events and books).
"""

from __future__ import annotations

from .book import OrderBook
from .engine import Engine
from .messages import WSDataMessage, parse_message

__all__ = ["Engine", "OrderBook", "WSDataMessage", "parse_message"]
