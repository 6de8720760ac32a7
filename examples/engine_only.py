"""The core alone: frames in, events out, no connection.

    python examples/engine_only.py recording.jsonl

reads a file with one frame per line. Without a file it reads 510 frames of BTC/USD that were
captured from the real exchange.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kraken_connector import Engine
from kraken_connector.ws import BookChecksumEvent, WSDataMessage

CAPTURED = Path(__file__).parents[1] / "tests/fixtures/vectors/book-replay-btcusd-2023-07-30.jsonl"


def main(path: Path) -> None:
    engine = Engine()
    # A live stream has the depth in the reply to the subscribe; a recording may lack it.
    engine.books.expect("BTC/USD", 10)
    largest = 0.0
    with path.open("rb") as recording:
        for frame in recording:
            for event in engine.feed(frame):
                match event:
                    case WSDataMessage(channel="book") if event.verified:
                        bid, _, ask, _ = engine.book(event.symbol or "").top_of_book() or (0,) * 4
                        largest = max(largest, ask - bid)
                    case BookChecksumEvent():
                        print("mismatch:", event)
    for symbol, book in engine.books.items():
        print(f"{symbol}: {book.best_bid} / {book.best_ask}, {book.verified_count} verified")
    print(f"largest spread: {largest:.1f}")
    print(engine.counters())


main(Path(sys.argv[1]) if len(sys.argv) > 1 else CAPTURED)
