"""The pure-Python core: the readable specification of `_native`, and its stand-in without it.

Both cores have the same parts. Files of the native core are in `rust/src`:

| Rust | Python |
|---|---|
| `lexer/mod.rs` | `lexer.py`, `scanner.py` |
| `decimal.rs` | `decimal.py` |
| `error.rs` | `error.py` |
| `message/mod.rs`, `message/envelope.rs`, `message/recovered.rs` | `message.py` |
| `message/fast_path.rs` | `fast_path.py` |
| `message/book_data.rs` | `book_data.py` |
| `message/order_data.rs` | `order_data.py` |
| `message/rows.rs` | `rows.py` |
| `checksum.rs` | `checksum.py` |
| `book/mod.rs` | `book.py` |
| `book/l2.rs` | `l2.py` |
| `book/ladder.rs` | `ladder.py` |
| `book/l3.rs` | `l3.py` |
| `book/queue.rs`, `book/queues.rs` | `queues.py` |
| `book/amendments.rs` | `amendments.py` |
| `book/counts.rs` | `counts.py` |
| `book/measures.rs` | `measures.py` |
| `engine/slot.rs` | `slot.py` |
| `engine/books.rs`, `python/books.rs` | `books.py` |
| `engine/sequences.rs` | `sequences.py` |
| `engine.rs`, `python/engine.rs` | `engine.py` |
| `python/book_handle.rs` | `book_handle.py` |
| `python/order_book.rs` | `order_book.py` |
| `python/level3_book.rs` | `level3_book.py` |
| `python/data_message.rs` | `data_message.py` |
| `python/runs.rs` | `runs.py` |
| `shared/layout.rs`, `shared/reader.rs`, `python/shared_books.rs` | `shared_books.py` |
| `python/mod.rs` | `__init__.py` |
"""

from __future__ import annotations

from .books import Books
from .data_message import WSDataMessage
from .engine import Engine
from .level3_book import Level3Book
from .message import parse_message
from .order_book import OrderBook
from .runs import runs
from .shared_books import BookFile, SharedBook

__all__ = [
    "BookFile",
    "Books",
    "Engine",
    "Level3Book",
    "OrderBook",
    "SharedBook",
    "WSDataMessage",
    "parse_message",
    "runs",
]
